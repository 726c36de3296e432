// SPDX-License-Identifier: Apache-2.0
#include "control/alias_target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"

#define RETRY_FIRST_S 2u
#define RETRY_MOST_S  60u
#define SLACK_S       2 /* a TTL that was counted down may be off by so much */

static const char *const TYPE_KEYS[ALIAS_TYPES] = { "A", "AAAA" };

uint16_t alias_rr_type(enum alias_type t)
{
	return t == ALIAS_A ? TYPE_A : TYPE_AAAA;
}

size_t alias_octets(enum alias_type t)
{
	return t == ALIAS_A ? 4 : 16;
}

/* ---- taking ---- */

static bool is_positive(const struct address_answer *a)
{
	return a->outcome == ADDRESS_THERE || a->outcome == ADDRESS_ONWARD;
}

static bool is_same(const struct alias_known *k, const struct alias_known *other, size_t octets)
{
	if (k->outcome != other->outcome || k->n != other->n || k->ttl != other->ttl)
		return false;
	if (k->next != NULL && !name_equal(k->next, other->next))
		return false;
	return k->n == 0 || memcmp(k->address, other->address, k->n * octets) == 0;
}

static void known_end(struct alias_known *k)
{
	free(k->address);
	free(k->next);
	*k = (struct alias_known){ 0 };
}

static enum err known_make(struct alias_known *out, const struct address_answer *a, size_t octets,
			   int64_t now)
{
	*out = (struct alias_known){
		.outcome = a->outcome, .at = now, .ttl = a->ttl, .left = a->ttl, .n = a->n
	};
	if (a->n > 0)
		out->address = malloc(a->n * octets);
	if (a->outcome == ADDRESS_ONWARD)
		out->next = malloc(name_len(a->next));
	if ((a->n > 0 && out->address == NULL) ||
	    (a->outcome == ADDRESS_ONWARD && out->next == NULL)) {
		known_end(out);
		return ERR_NOMEM;
	}
	for (unsigned i = 0; i < a->n; i++)
		memcpy(out->address + i * octets, a->address[i], octets);
	if (out->next != NULL)
		memcpy(out->next, a->next, name_len(a->next));
	return ERR_OK;
}

/* One that is no longer than what was left of the one before was counted down from it. */
static void settle_ttl(struct alias_known *new, const struct alias_known *old)
{
	if (old->outcome == ADDRESS_FAILED || old->outcome != new->outcome)
		return;
	if ((int64_t) new->left <= (int64_t)old->left - (new->at - old->at) + SLACK_S &&
	    old->ttl > new->ttl)
		new->ttl = old->ttl;
}

static void note_failure(struct alias_target *t, const char *why, int64_t now)
{
	if (t->failures++ == 0)
		t->failing_since = now;
	snprintf(t->why, sizeof t->why, "%s", why);
}

enum err alias_target_take(struct alias_target *t, const struct address_answer got[ALIAS_TYPES],
			   int64_t now, bool *changed)
{
	struct alias_known new[ALIAS_TYPES] = { 0 };
	bool some = is_positive(&got[ALIAS_A]) || is_positive(&got[ALIAS_AAAA]);
	const char *why = NULL;
	enum err e = ERR_OK;

	*changed = false;
	for (int i = 0; i < ALIAS_TYPES && !e; i++) {
		if (got[i].outcome == ADDRESS_FAILED)
			why = got[i].why;
		else if (some)
			e = known_make(&new[i], &got[i], alias_octets((enum alias_type)i), now);
	}
	if (!some && why == NULL)
		why = got[ALIAS_A].outcome == ADDRESS_NO_NAME ? "the target does not exist"
							      : "the target has no address";
	for (int i = 0; i < ALIAS_TYPES; i++) {
		struct alias_known *k = &t->known[i];
		if (e || new[i].outcome == ADDRESS_FAILED) {
			known_end(&new[i]);
			continue;
		}
		settle_ttl(&new[i], k);
		*changed = *changed || !is_same(k, &new[i], alias_octets((enum alias_type)i));
		known_end(k);
		*k = new[i];
	}
	if (e)
		return e;
	if (why != NULL) {
		note_failure(t, why, now);
	} else {
		t->failures = 0;
		t->why[0] = 0;
	}
	return ERR_OK;
}

/* ---- time ---- */

static uint32_t bounded(uint32_t s, const struct alias_times *times)
{
	return s < times->ttl_min_s   ? times->ttl_min_s
	       : s > times->ttl_max_s ? times->ttl_max_s
				      : s;
}

uint32_t alias_target_next_s(const struct alias_target *t, const struct alias_times *times,
			     uint64_t jitter)
{
	uint32_t wait = times->ttl_max_s;

	if (t->failures > 0) {
		wait = t->failures > 5 ? RETRY_MOST_S : RETRY_FIRST_S << (t->failures - 1);
		return wait + (uint32_t)(jitter % (wait / 4 + 1));
	}
	for (int i = 0; i < ALIAS_TYPES; i++)
		if (t->known[i].outcome != ADDRESS_FAILED && t->known[i].left < wait)
			wait = t->known[i].left;
	wait = bounded(wait, times);
	return wait - (uint32_t)(jitter % (wait / 10 + 1));
}

int64_t alias_known_ends(const struct alias_known *k, const struct alias_times *times)
{
	if (k->outcome == ADDRESS_FAILED)
		return INT64_MAX;
	return k->at + bounded(k->left, times) + times->stale_max_s;
}

bool alias_known_is_good(const struct alias_known *k, const struct alias_times *times, int64_t now)
{
	return k->outcome != ADDRESS_FAILED && now < alias_known_ends(k, times);
}

void alias_target_end(struct alias_target *t)
{
	for (int i = 0; i < ALIAS_TYPES; i++)
		known_end(&t->known[i]);
}

/* ---- what lasts ---- */

static const char *const OUTCOMES[] = {
	[ADDRESS_FAILED] = "unknown",  [ADDRESS_THERE] = "addresses", [ADDRESS_NONE] = "none",
	[ADDRESS_NO_NAME] = "no name", [ADDRESS_ONWARD] = "onward",
};

static json_t *known_json(const struct alias_known *k, enum alias_type type)
{
	char text[INET6_ADDRSTRLEN], name[NAME_TEXT_MAX];
	json_t *addresses = json_array();
	json_t *j = json_pack("{s:s, s:I, s:I, s:I, s:o}", "outcome", OUTCOMES[k->outcome], "at",
			      (json_int_t)k->at, "ttl", (json_int_t)k->ttl, "left",
			      (json_int_t)k->left, "addresses", addresses);

	for (unsigned i = 0; i < k->n; i++) {
		inet_ntop(type == ALIAS_A ? AF_INET : AF_INET6, k->address + i * alias_octets(type),
			  text, sizeof text);
		json_array_append_new(addresses, json_string(text));
	}
	if (k->next != NULL)
		json_object_set_new(j, "next", json_string(name_to_text(k->next, name)));
	return j;
}

json_t *alias_target_json(const struct alias_target *t)
{
	json_t *j = json_object();

	for (int i = 0; i < ALIAS_TYPES; i++)
		if (t->known[i].outcome != ADDRESS_FAILED)
			json_object_set_new(j, TYPE_KEYS[i],
					    known_json(&t->known[i], (enum alias_type)i));
	return j;
}

static bool read_addresses(struct address_answer *a, const json_t *list, enum alias_type type)
{
	size_t n = json_array_size(list);

	if (n > ADDRESSES_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		if (text == NULL ||
		    inet_pton(type == ALIAS_A ? AF_INET : AF_INET6, text, a->address[i]) != 1)
			return false;
	}
	a->n = (uint16_t)n;
	return (n > 0) == (a->outcome == ADDRESS_THERE);
}

static bool known_from_json(struct alias_known *k, const json_t *j, enum alias_type type)
{
	struct address_answer a = { 0 };
	struct name next;
	const char *outcome = json_string_value(json_object_get(j, "outcome"));
	const char *onward = json_string_value(json_object_get(j, "next"));
	json_int_t ttl = json_integer_value(json_object_get(j, "ttl"));
	json_int_t left = json_integer_value(json_object_get(j, "left"));

	for (unsigned i = 1; outcome != NULL && i < sizeof OUTCOMES / sizeof *OUTCOMES; i++)
		if (strcmp(outcome, OUTCOMES[i]) == 0)
			a.outcome = (enum address_outcome)i;
	if (a.outcome == ADDRESS_FAILED || ttl < 0 || ttl > INT32_MAX || left < 0 || left > ttl ||
	    !read_addresses(&a, json_object_get(j, "addresses"), type))
		return false;
	if (a.outcome == ADDRESS_ONWARD) {
		if (onward == NULL || name_from_text(onward, NULL, &next))
			return false;
		memcpy(a.next, next.wire, next.len);
	}
	if (known_make(k, &a, alias_octets(type), json_integer_value(json_object_get(j, "at"))))
		return false;
	k->ttl = (uint32_t)ttl;
	k->left = (uint32_t)left;
	return true;
}

bool alias_target_from_json(struct alias_target *t, const json_t *j)
{
	bool some = false;

	for (int i = 0; i < ALIAS_TYPES; i++) {
		const json_t *one = json_object_get(j, TYPE_KEYS[i]);
		if (one != NULL && t->known[i].outcome == ADDRESS_FAILED)
			some = known_from_json(&t->known[i], one, (enum alias_type)i) || some;
	}
	return some;
}
