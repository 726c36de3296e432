// SPDX-License-Identifier: Apache-2.0
/* Questions whose answer was rendered before (query/memo.h): no stage but the limit is run. */
#include "query/stages.h"

/* Limited to an empty answer with TC: rare, and rendered as any other. */
static void render_slipped(struct query *q, const struct memo_entry *e, struct span in,
			   struct writer *out)
{
	struct query_client from = q->client;

	query_start(q, &from);
	query_request(q, in);
	q->answer.zone = e->about.zv;
	q->answer.rcode = e->flags & 0xf;
	q->answer.aa = e->flags & FLAG_AA;
	q->answer.slipped = true;
	query_render(q, out);
}

enum step query_known(struct query *q, const struct query_ahead *a, struct span in,
		      const struct query_client *from, struct writer *out)
{
	q->client = *from;
	if (q->memo == NULL || q->trace != NULL)
		return STEP_GO_ON;
	const struct memo_entry *e = memo_find(q->memo, &a->memo, q->now);
	if (e == NULL || !memo_write(e, in, render_limit(q, a->memo.udp_size, out), out))
		return STEP_GO_ON;
	q->need_n = 0;
	q->cookie_good = false;
	q->answer.slipped = false;
	q->answer.zone = e->about.zv;
	q->answer.rcode = e->flags & 0xf;
	if (query_limit_class(q, (enum rate_class)e->about.rate_class) == STEP_DROPPED)
		return STEP_DROPPED;
	if (q->answer.slipped)
		render_slipped(q, e, in, out);
	counter_add(&q->stats->sig_hits, e->about.sig_n);
	query_count(q, a->qtype, a->memo.plain == PLAIN_OPT_DO);
	return STEP_ANSWERED;
}

/* Whether nothing went into it but the question and the view. */
static bool is_the_questions_alone(const struct query *q)
{
	const struct answer *a = &q->answer;

	return !a->steered && !a->slipped && !a->left_out && !a->overflow && !a->edns.ede &&
	       q->synthesized_n == 0 && q->need_n == 0 && q->trace == NULL && a->rcode < 16;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void query_keep(struct query *q, const struct query_ahead *a, const struct writer *out)
{
	struct memo_about about = { .zv = q->answer.zone,
				    .from = INT64_MIN,
				    .until = INT64_MAX,
				    .rate_class = (uint8_t)query_rate_class(&q->answer) };

	if (q->memo == NULL || a->memo.plain == PLAIN_NOT || out->full ||
	    !memo_has_room(&a->memo, writer_len(out)) || !is_the_questions_alone(q))
		return;
	for (unsigned i = 0; i < q->answer.rrset_n; i++) {
		const struct sig *g = q->answer.rrset[i].sig;
		if (g == NULL)
			continue;
		about.from = g->inception > about.from ? g->inception : about.from;
		about.until =
		    earlier(about.until, earlier(g->refresh_at, g->expire_at - SIG_MIN_LEFT_S));
		about.sig_n++;
	}
	memo_keep(q->memo, &a->memo, (struct span){ out->start, writer_len(out) }, &about);
}
