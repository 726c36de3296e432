// SPDX-License-Identifier: Apache-2.0
/* What aliases answer and why, for people and for Prometheus. */
#include <arpa/inet.h>
#include <string.h>

#include "control/alias_answer.h"
#include "control/aliases_internal.h"
#include "dns/rrtype.h"

#define ALIASES_SHOWN 1000

static const char *const TYPE_KEYS[ALIAS_TYPES] = { "A", "AAAA" };

static void add_text(json_t *list, const uint8_t *address, enum alias_type t)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(t == ALIAS_A ? AF_INET : AF_INET6, address, text, sizeof text);
	json_array_append_new(list, json_string(text));
}

/* What the zone has for this type: the default values where the target is steered. */
static json_t *addresses_of(const struct rrset *r, enum alias_type t)
{
	json_t *list = json_array();
	const uint8_t *p = r != NULL ? r->wire : NULL;

	for (unsigned i = 0; r != NULL && i < r->rr_n; i++) {
		add_text(list, p + RR_FIXED_LEN, t);
		p += RR_FIXED_LEN + alias_octets(t);
	}
	return list;
}

static const char *state_of(const struct alias_end *end, const struct rrset *r)
{
	if (end->outcome == ADDRESS_FAILED)
		return "SERVFAIL";
	if (end->outcome != ADDRESS_THERE)
		return "no such records";
	return r != NULL && rrset_is_steered(r) ? "steered as its target" : "answers";
}

static void add_target(json_t *j, const struct aliases *a, const struct alias_known *k,
		       enum alias_type t)
{
	uint64_t now = uv_now(a->c->loop);

	for (size_t i = 0; i < a->n; i++) {
		const struct alias_entry *x = a->entries[i];
		if (&x->target.known[t] != k)
			continue;
		json_object_set_new(j, "heard_s_ago", json_integer(control_now() - k->at));
		json_object_set_new(
		    j, "asked_again_in_s",
		    json_integer(x->due_ms > now ? (json_int_t)(x->due_ms - now) / 1000 : 0));
		if (x->target.failures > 0)
			json_object_set_new(j, "last_error", json_string(x->target.why));
		return;
	}
}

static json_t *one_type(struct control *c, const struct alias_end *end, const struct rrset *r,
			enum alias_type t)
{
	char name[NAME_TEXT_MAX];
	json_t *j = json_pack("{s:s, s:s, s:o}", "state", state_of(end, r), "from",
			      name_to_text(end->name, name), "addresses", addresses_of(r, t));

	if (r != NULL && r->rr_n > 0)
		json_object_set_new(j, "ttl", json_integer(r->ttl));
	if (end->outcome == ADDRESS_FAILED)
		json_object_set_new(j, "why", json_string(end->why));
	if (end->known != NULL && c->aliases != NULL)
		add_target(j, c->aliases, end->known, t);
	return j;
}

static json_t *one_alias(struct control *c, const struct zone_entry *e, const struct zone_alias *a)
{
	char owner[NAME_TEXT_MAX], target[NAME_TEXT_MAX];
	struct alias_end end[ALIAS_TYPES];
	const struct node *n = zone_node(e->served->zone, a->owner);
	json_t *j = json_pack("{s:s, s:s}", "name", name_to_text(a->owner, owner), "target",
			      name_to_text(a->target, target));

	alias_walk(c, a, end);
	for (int t = 0; t < ALIAS_TYPES; t++) {
		const struct rrset *r =
		    n != NULL ? node_rrset(n, alias_rr_type((enum alias_type)t)) : NULL;
		json_object_set_new(j, TYPE_KEYS[t], one_type(c, &end[t], r, (enum alias_type)t));
	}
	return j;
}

json_t *aliases_status(struct control *c, const struct zone_entry *e)
{
	const struct alias_set *s = e->served->aliases;
	json_t *list = json_array();

	for (size_t i = 0; s != NULL && i < s->n && i < ALIASES_SHOWN; i++)
		json_array_append_new(list, one_alias(c, e, &s->item[i]));
	return list;
}

json_t *aliases_explain(struct control *c, const struct zone_entry *e, const uint8_t *name)
{
	struct name full;

	if (e->served == NULL || e->served->aliases == NULL)
		return NULL;
	name_from_wire(&full, name);
	struct zone_find f = zone_find(e->served->zone, &full);
	const struct zone_alias *a = f.match == ZONE_EXACT || f.match == ZONE_WILDCARD
					 ? alias_set_find(e->served->aliases, f.node->name)
					 : NULL;
	return a != NULL ? one_alias(c, e, a) : NULL;
}

/* ---- metrics ---- */

static void count_failed(const struct zone_entry *e, uint64_t *all, uint64_t *failed)
{
	const struct alias_set *s = e->served->aliases;

	for (size_t i = 0; i < s->n; i++) {
		const struct node *n = zone_node(e->served->zone, s->item[i].owner);
		const struct rrset *r4 = n != NULL ? node_rrset(n, TYPE_A) : NULL;
		const struct rrset *r6 = n != NULL ? node_rrset(n, TYPE_AAAA) : NULL;
		*failed +=
		    (r4 != NULL && rrset_has_failed(r4)) || (r6 != NULL && rrset_has_failed(r6));
	}
	*all += s->n;
}

static void add_zones(struct control *c, struct text *out)
{
	char zone[2 * NAME_TEXT_MAX];

	text_add(out, "# HELP concord_aliases ALIAS records of a zone, and those of them that "
		      "answer SERVFAIL for a type.\n# TYPE concord_aliases gauge\n");
	for (size_t i = 0; i < c->entry_n; i++) {
		const struct zone_entry *e = c->entries[i];
		uint64_t all = 0, failed = 0;
		if (e->served == NULL || e->served->aliases == NULL)
			continue;
		count_failed(e, &all, &failed);
		text_label(e->text, zone, sizeof zone);
		text_add(out,
			 "concord_aliases{zone=\"%s\",state=\"ok\"} %llu\n"
			 "concord_aliases{zone=\"%s\",state=\"failed\"} %llu\n",
			 zone, (unsigned long long)(all - failed), zone,
			 (unsigned long long)failed);
	}
}

void aliases_metrics(struct control *c, struct text *out)
{
	const struct aliases *a = c->aliases;
	uint64_t failing = 0;

	for (size_t i = 0; i < a->n; i++)
		failing += a->entries[i]->target.failures > 0;
	text_add(out,
		 "# HELP concord_alias_targets Names outside that aliases lead to.\n"
		 "# TYPE concord_alias_targets gauge\nconcord_alias_targets %zu\n"
		 "# HELP concord_alias_targets_failing ... that could not be resolved when they "
		 "were asked for last.\n# TYPE concord_alias_targets_failing gauge\n"
		 "concord_alias_targets_failing %llu\n"
		 "# HELP concord_alias_refreshes_total Outcomes of asking for a target.\n"
		 "# TYPE concord_alias_refreshes_total counter\n"
		 "concord_alias_refreshes_total{outcome=\"resolved\"} %llu\n"
		 "concord_alias_refreshes_total{outcome=\"failed\"} %llu\n"
		 "# HELP concord_alias_changes_total ... that said something else than before.\n"
		 "# TYPE concord_alias_changes_total counter\nconcord_alias_changes_total %llu\n",
		 a->n, (unsigned long long)failing, (unsigned long long)a->refreshed_n,
		 (unsigned long long)a->failed_n, (unsigned long long)a->changed_n);
	add_zones(c, out);
}
