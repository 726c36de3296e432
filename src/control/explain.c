// SPDX-License-Identifier: Apache-2.0
/* Why a client gets its answer: the serving code runs with a trace. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/aliases.h"
#include "control/internal.h"
#include "control/own_question.h"
#include "dns/rrtype.h"
#include "geo/embedding.h"

struct explained {
	struct control *c;
	const struct zone_entry *entry;
	const struct zone_view *zv;
	const struct steer_set *set; /* by which it is steered */
	struct ip_prefix client;
	struct own_question asked;
	struct steer_trace trace;
	json_t *out;
};

/* "country", or "ours, country, asn" where a zone goes by several. */
static json_t *database_ids(const struct config_zone_geo *geo)
{
	struct text t = { 0 };

	for (size_t i = 0; i < geo->n; i++)
		text_add(&t, "%s%s", i > 0 ? ", " : "", geo->part[i]->id);
	json_t *ids = json_string(t.p != NULL ? t.p : "");
	free(t.p);
	return ids;
}

static void add_place(json_t *out, const struct location_db *db, const struct place *p)
{
	if (p->asn != 0)
		json_object_set_new(out, "asn", json_integer(p->asn));
	if (p->network != 0)
		json_object_set_new(out, "network", json_string(location_network(db, p->network)));
	if (p->latitude != PLACE_NOWHERE) {
		json_object_set_new(out, "latitude", json_real(p->latitude * PLACE_UNIT));
		json_object_set_new(out, "longitude", json_real(p->longitude * PLACE_UNIT));
	}
}

static void add_location(struct explained *x)
{
	const struct config_zone_geo *geo = x->entry->config.geo;
	const struct location_db *db = databases_of(x->c->databases, geo);
	const struct located at = embedding_locate(&x->client.addr);
	char text[IP_TEXT_MAX];
	struct ip_prefix leaf = { .addr = x->client.addr };

	if (db == NULL)
		return;
	const struct place *p = location_find(db, &x->client.addr, &leaf.len);
	leaf.addr = ip_cut(&leaf.addr, leaf.len);
	json_t *out = json_pack("{s:o, s:s, s:s, s:s, s:s}", "database", database_ids(geo),
				"continent", p->continent, "country", p->country, "subdivision",
				p->subdivision, "range", ip_prefix_to_text(&leaf, text));
	add_place(out, db, p);
	if (at.in != NULL) {
		json_object_set_new(out, "located_as", json_string(ip_to_text(&at.addr, text)));
		json_object_set_new(out, "form", json_string(at.in->name));
	}
	json_object_set_new(x->out, "location", out);
}

static const char *health_text(const health_word *health, uint32_t word)
{
	if (health == NULL)
		return "not checked";
	if ((word & HEALTH_WORD_KNOWN) == 0)
		return "unknown";
	return word & HEALTH_WORD_UP ? "up" : "down";
}

static const char *use_text(enum steer_use use)
{
	switch (use) {
	case STEER_USABLE:
		return "usable";
	case STEER_IS_DOWN:
		return "down";
	case STEER_IS_DRAINED:
		return "drained";
	case STEER_IS_SHED:
		return "shed for this client";
	case STEER_UNCHECKED:
		return "used in spite of its state";
	}
	return "";
}

/* The values of one pool that was tried, as their health was read. */
static json_t *values_of(const struct steer_trace *t, uint32_t chain)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < t->values_n; i++) {
		if (t->values[i].chain != chain)
			continue;
		enum steer_use use = t->values[i].use;
		json_t *v = json_pack("{s:s, s:s, s:b, s:s}", "value", t->values[i].text, "health",
				      health_text(t->values[i].health, t->values[i].word), "usable",
				      use == STEER_USABLE || use == STEER_UNCHECKED, "state",
				      use_text(use));
		if (t->values[i].health != NULL)
			json_object_set_new(v, "check", health_of_word(t->values[i].health));
		json_array_append_new(all, v);
	}
	return all;
}

/* With the pool that comes first for this client: by distance it may be any of the list. */
static struct steer_rule_info rule_of(const struct explained *x, uint32_t policy)
{
	struct steer_rule_info rule = steer_rule(x->set, policy, x->trace.rule);

	if (x->trace.chain_n > 0)
		rule.pool = x->trace.chain[0].pool;
	return rule;
}

static void add_chain(struct explained *x, uint32_t policy)
{
	const struct steer_trace *t = &x->trace;
	struct steer_rule_info rule = rule_of(x, policy);
	json_t *chain = json_array();

	for (uint32_t i = 0; i < t->chain_n; i++)
		json_array_append_new(
		    chain, json_pack("{s:s, s:I, s:I, s:o}", "pool", t->chain[i].pool, "usable",
				     (json_int_t)t->chain[i].usable_n, "values",
				     (json_int_t)t->chain[i].value_n, "tried", values_of(t, i)));
	json_object_set_new(x->out, "rule",
			    json_pack("{s:I, s:I, s:s, s:s}", "number", (json_int_t)t->rule + 1,
				      "of", (json_int_t)steer_rule_n(x->set, policy), "match",
				      rule.match, "pool", rule.pool));
	json_object_set_new(x->out, "chain", chain);
	json_object_set_new(x->out, "defaulted", json_boolean(t->defaulted));
}

static void add_draw(struct explained *x)
{
	const struct steer_trace *t = &x->trace;
	char key[IP_TEXT_MAX];

	if (!t->drawn)
		return;
	json_object_set_new(
	    x->out, "draw",
	    json_pack("{s:s, s:I, s:I}", "client_key", ip_prefix_to_text(&t->client_key, key),
		      "weight", (json_int_t)t->weight, "weight_sum", (json_int_t)t->weight_sum));
}

static const char *signature_text(enum sig_state s)
{
	switch (s) {
	case SIG_FRESH:
		return "cached";
	case SIG_DUE:
		return "cached, renewal is due";
	case SIG_MISS:
		return "not made yet";
	}
	return "";
}

static void add_signature(struct explained *x, const struct rrset *sent)
{
	enum sig_state state;

	if (x->zv->keys == NULL || sent->sig_id == 0)
		return;
	rcu_online();
	sigcache_get(x->zv->sigs, sent->sig_id, keyset_id(x->zv->keys, sent->type), control_now(),
		     &state);
	rcu_offline();
	json_object_set_new(x->out, "signature", json_string(signature_text(state)));
}

/* One sentence for a person. */
static void add_reason(struct explained *x, uint32_t policy)
{
	const struct steer_trace *t = &x->trace;
	struct steer_rule_info rule = rule_of(x, policy);
	const char *pool = t->chain_n > 0 ? t->chain[t->chain_n - 1].pool : rule.pool;
	char text[600];

	if (t->defaulted)
		snprintf(text, sizeof text,
			 "rule %u (%.200s) names pool %.60s, but no pool of its chain has a usable "
			 "value: the default values answer",
			 t->rule + 1, rule.match, rule.pool);
	else if (t->failed)
		snprintf(text, sizeof text,
			 "rule %u (%.200s) names pool %.60s, but no pool of its chain has a usable "
			 "value: pool %.60s answers in spite of its state",
			 t->rule + 1, rule.match, rule.pool, pool);
	else if (t->chain_n > 1)
		snprintf(text, sizeof text,
			 "rule %u (%.200s) names pool %.60s, which has no usable value: its "
			 "fallback %.60s answers%s",
			 t->rule + 1, rule.match, rule.pool, pool,
			 t->drawn ? " with a weighted draw" : "");
	else
		snprintf(text, sizeof text, "rule %u (%.200s) names pool %.60s%s", t->rule + 1,
			 rule.match, pool,
			 t->drawn ? ", where the client's prefix draws among several values" : "");
	json_object_set_new(x->out, "why", json_string(text));
}

static void add_steering(struct explained *x)
{
	const struct rrset_steering *st = x->asked.steered->steering;
	uint32_t policy = st->policy != RRSET_NO_POLICY ? st->policy : st->other;
	struct steer_moment moment = { x->asked.now, x->asked.steer_n };
	struct steer_choice choice = query_choose(x->set, st, &x->client.addr, &moment, NULL, NULL);
	bool refused = choice.variant == STEER_SERVFAIL;
	const struct rrset *sent = rrset_variant(x->asked.steered, refused ? 0 : choice.variant);

	add_location(x);
	add_chain(x, policy);
	add_draw(x);
	if (refused) {
		json_object_set_new(x->out, "why",
				    json_string("no pool of the chain has a usable value, and the "
						"policy wants SERVFAIL then"));
		json_object_set_new(x->out, "scope", json_integer(choice.scope));
		return;
	}
	if (x->trace.value != NULL)
		json_object_set_new(x->out, "value", json_string(x->trace.value));
	json_object_set_new(x->out, "ttl", json_integer(sent->ttl));
	json_object_set_new(x->out, "scope", json_integer(choice.scope));
	json_object_set_new(x->out, "partition_prefix", json_integer(x->trace.leaf_len));
	add_signature(x, sent);
	add_reason(x, policy);
}

static const char *rcode_text(uint16_t rcode)
{
	switch (rcode) {
	case RCODE_NOERROR:
		return "NOERROR";
	case RCODE_NXDOMAIN:
		return "NXDOMAIN";
	case RCODE_REFUSED:
		return "REFUSED";
	case RCODE_FORMERR:
		return "FORMERR";
	default:
		return "SERVFAIL";
	}
}

json_t *control_explain(struct control *c, const char *name_text, const char *type_text,
			const char *client, struct control_result *r)
{
	struct explained x = { .c = c };
	char text[NAME_TEXT_MAX], prefix[IP_TEXT_MAX], type_name[RR_TYPE_TEXT_MAX];

	if (client == NULL || !ip_prefix_from_text(client, &x.client, NULL)) {
		control_fail(r, ERR_SYNTAX,
			     "a client is an address or a prefix (203.0.113.7, 2001:db8::/56)");
		return NULL;
	}
	if (!own_question_ask(c, name_text, type_text, &x.client, &x.trace, &x.asked, r))
		return NULL;
	x.entry = x.asked.entry;
	x.zv = x.asked.zv;
	if (x.zv != NULL)
		x.set = zone_view_steer(x.zv, x.asked.steered->steering);
	x.out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "name",
			  name_to_text(x.asked.name.wire, text), "type",
			  rr_type_to_text(x.asked.type, type_name), "client",
			  ip_prefix_to_text(&x.client, prefix), "zone", x.entry->text, "rcode",
			  rcode_text(x.asked.rcode), "steered", x.asked.steered != NULL);
	json_t *alias = aliases_explain(c, x.entry, x.asked.name.wire);
	if (alias != NULL)
		json_object_set_new(x.out, "alias", alias);
	if (x.zv != NULL)
		add_steering(&x);
	else if (alias != NULL)
		json_object_set_new(x.out, "why",
				    json_string("the name is an alias: every client gets the "
						"addresses of its target"));
	else
		json_object_set_new(x.out, "why",
				    json_string("nothing on the way to this answer is steered: "
						"every client gets the same"));
	return x.out;
}
