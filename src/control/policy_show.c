// SPDX-License-Identifier: Apache-2.0
/* The partition that is served for one steered record: which clients each rule has. */
#include <stdlib.h>

#include "control/internal.h"
#include "control/own_question.h"
#include "control/policy_moves.h"
#include "dns/rrtype.h"
#include "geo/sweep.h"

/* Prefixes that are listed for one rule; all are counted. */
#define PREFIXES_SHOWN 1000

struct rule_share {
	double share[2]; /* of IPv4, of IPv6 */
	uint64_t prefix_n;
	const char *answers; /* what a client of it got when it was last looked at */
	json_t *prefixes;
};

static enum err sweep_family(struct sweep *w, enum ip_family family, struct rule_share *rules)
{
	char text[IP_TEXT_MAX];

	sweep_start(w, family);
	while (sweep_next(w)) {
		struct rule_share *r = &rules[w->trace[0].rule];
		r->share[family == IP_V6] += sweep_share(&w->prefix);
		r->answers = policy_outcome(&w->side[0], &w->trace[0], w->choice[0]);
		if (r->prefix_n++ < PREFIXES_SHOWN &&
		    json_array_append_new(r->prefixes,
					  json_string(ip_prefix_to_text(&w->prefix, text))))
			return ERR_NOMEM;
	}
	return ERR_OK;
}

static json_t *rules_json(const struct sweep_side *side, struct rule_share *rules, size_t n)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < n; i++) {
		struct steer_rule_info info = steer_rule(side->set, side->policy, i);
		json_t *j = json_pack(
		    "{s:I, s:s, s:s, s:f, s:f, s:I, s:b, s:O}", "number", (json_int_t)i + 1,
		    "match", info.match, "pool", info.pool, "ipv4_share", rules[i].share[0],
		    "ipv6_share", rules[i].share[1], "prefix_n", (json_int_t)rules[i].prefix_n,
		    "reachable", rules[i].prefix_n > 0, "prefixes", rules[i].prefixes);
		if (rules[i].answers != NULL)
			json_object_set_new(j, "answers", json_string(rules[i].answers));
		json_array_append_new(out, j);
	}
	return out;
}

static json_t *sweep_rules(const struct sweep_side *side)
{
	size_t n = steer_rule_n(side->set, side->policy);
	struct rule_share *rules = calloc(n, sizeof *rules);
	struct sweep w = { .side = { *side } };
	enum err e = rules != NULL ? ERR_OK : ERR_NOMEM;
	json_t *out = NULL;

	for (size_t i = 0; !e && i < n; i++)
		rules[i].prefixes = json_array();
	if (!e)
		e = sweep_family(&w, IP_V4, rules);
	if (!e)
		e = sweep_family(&w, IP_V6, rules);
	if (!e)
		out = rules_json(side, rules, n);
	for (size_t i = 0; rules != NULL && i < n; i++)
		json_decref(rules[i].prefixes);
	free(rules);
	return out;
}

json_t *control_policy_show(struct control *c, const char *name, const char *type,
			    struct control_result *r)
{
	static const struct ip_prefix ANYBODY = { .addr = { .family = IP_V4 } };
	struct steer_trace trace;
	struct own_question x;
	char text[NAME_TEXT_MAX], type_name[RR_TYPE_TEXT_MAX];

	if (!own_question_ask(c, name, type, &ANYBODY, &trace, &x, r))
		return NULL;
	if (x.steered == NULL) {
		control_fail(r, ERR_NOT_FOUND, "nothing on the way to this answer is steered");
		return NULL;
	}
	const struct rrset_steering *st = x.steered->steering;
	struct sweep_side side = { zone_view_steer(x.zv, st),
				   st->policy != RRSET_NO_POLICY ? st->policy : st->other };
	json_t *rules = sweep_rules(&side);
	if (rules == NULL) {
		control_fail(r, ERR_NOMEM, "no memory");
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "name", name_to_text(x.name.wire, text),
			 "type", rr_type_to_text(x.type, type_name), "zone", x.entry->text,
			 "answers_n", (json_int_t)steer_variant_n(side.set, side.policy), "rules",
			 rules);
}
