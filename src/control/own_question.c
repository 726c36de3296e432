// SPDX-License-Identifier: Apache-2.0
#include "control/own_question.h"

#include "dns/rrtype.h"

/* A query as the client's resolver would send it: with the client's prefix as ECS. */
static size_t make_query(uint8_t *buf, size_t cap, const struct own_question *x,
			 const struct ip_prefix *client)
{
	struct writer w = writer_of(buf, cap);
	struct edns_answer opt = { .udp_size = 1232, .ecs = true, .ecs_prefix = *client };

	write_u16(&w, 0);
	write_u16(&w, 0);
	write_u16(&w, 1);
	write_u32(&w, 0);
	write_u16(&w, 1);
	write_bytes(&w, x->name.wire, x->name.len);
	write_u16(&w, x->type);
	write_u16(&w, CLASS_IN);
	edns_write(&w, &opt);
	return writer_len(&w);
}

/* The entry of the zone that the name belongs to. */
static const struct zone_entry *find_zone(const struct control *c, const uint8_t *name)
{
	const struct zone_entry *found = NULL;

	for (size_t i = 0; i < c->entry_n; i++) {
		const struct zone_entry *e = c->entries[i];
		if (e->served == NULL || !name_is_within(name, e->name))
			continue;
		if (found == NULL || name_label_n(e->name) > name_label_n(found->name))
			found = e;
	}
	return found;
}

static enum verdict run(struct control *c, struct own_question *x, const struct ip_prefix *client,
			struct steer_trace *trace)
{
	uint8_t request[600], answer[4096];
	struct query *q = c->query;
	struct query_client from = { .addr = client->addr };
	struct writer out = writer_of(answer, sizeof answer);
	size_t n = make_query(request, sizeof request, x, client);

	q->view = view_load(&c->views);
	q->now = control_now();
	q->trace = trace;
	q->traced = NULL;
	enum verdict v = query_answer(q, (struct span){ request, n }, &from, &out);
	x->steered = q->traced;
	x->zv = q->traced != NULL ? q->traced_zv : NULL;
	x->rcode = q->answer.rcode;
	x->now = q->now;
	x->steer_n = q->steer_n;
	return v;
}

bool own_question_ask(struct control *c, const char *name, const char *type,
		      const struct ip_prefix *client, struct steer_trace *trace,
		      struct own_question *out, struct control_result *r)
{
	*out = (struct own_question){ 0 };
	if (name == NULL || name_from_text(name, NULL, &out->name)) {
		control_fail(r, ERR_SYNTAX, "'%.200s' is not a domain name",
			     name != NULL ? name : "");
		return false;
	}
	if (type == NULL || !rr_type_from_text(type, &out->type)) {
		control_fail(r, ERR_SYNTAX, "'%.40s' is not a type", type != NULL ? type : "");
		return false;
	}
	out->entry = find_zone(c, out->name.wire);
	if (out->entry == NULL) {
		control_fail(r, ERR_NOT_FOUND, "no zone that is served here has the name %.200s",
			     name);
		return false;
	}
	if (run(c, out, client, trace) != QUERY_REPLY) {
		control_fail(r, ERR_INVALID, "the question has no answer");
		return false;
	}
	return true;
}
