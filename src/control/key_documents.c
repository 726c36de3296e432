// SPDX-License-Identifier: Apache-2.0
#include "control/key_documents.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Times of a key, by name. */
static const struct {
	const char *name;
	size_t offset;
} TIMES[] = {
	{ "since", offsetof(struct rollover_key, since) },
	{ "created", offsetof(struct rollover_key, created_at) },
	{ "published", offsetof(struct rollover_key, published_at) },
	{ "signs_since", offsetof(struct rollover_key, signs_at) },
	{ "signed_until", offsetof(struct rollover_key, unsigned_at) },
	{ "retired", offsetof(struct rollover_key, retired_at) },
	{ "unpublished", offsetof(struct rollover_key, unpublished_at) },
	{ "seen_everywhere", offsetof(struct rollover_key, seen_everywhere_at) },
	{ "ds_seen", offsetof(struct rollover_key, ds_seen_at) },
	{ "ds_gone", offsetof(struct rollover_key, ds_gone_at) },
};
#define TIME_N (sizeof TIMES / sizeof *TIMES)

char *key_document_path(const struct keyring *k, const char *kind, uint8_t algorithm, uint16_t tag,
			char out[STORE_KEY_MAX])
{
	snprintf(out, STORE_KEY_MAX, "zones/%s/%s/%u-%u", k->zone_text, kind, algorithm, tag);
	return out;
}

static json_t *mark(const struct ttl_mark *m)
{
	return json_pack("[I, I]", (json_int_t)m->ttl, (json_int_t)m->held_until);
}

static void read_mark(const json_t *j, struct ttl_mark *out)
{
	if (json_array_size(j) != 2)
		return;
	out->ttl = (uint32_t)json_integer_value(json_array_get(j, 0));
	out->held_until = json_integer_value(json_array_get(j, 1));
}

static char *dump(json_t *j)
{
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	return text;
}

char *key_document_write(const struct rollover_key *f, const char *file)
{
	json_t *j = json_pack("{s:s, s:i, s:s, s:b, s:s, s:o}", "role", key_role_text(f->role),
			      "algorithm", f->algorithm, "state", key_state_text(f->state), "signs",
			      f->signs, "file", file, "signed_ttl", mark(&f->signed_ttl));

	for (size_t i = 0; j != NULL && i < TIME_N; i++) {
		int64_t at;
		memcpy(&at, (const char *)f + TIMES[i].offset, sizeof at);
		if (at != 0)
			json_object_set_new(j, TIMES[i].name, json_integer(at));
	}
	return dump(j);
}

bool key_document_read(const json_t *j, struct rollover_key *out)
{
	const char *role = json_string_value(json_object_get(j, "role"));
	const char *state = json_string_value(json_object_get(j, "state"));
	const json_t *signs = json_object_get(j, "signs");

	*out = (struct rollover_key){ 0 };
	if (role == NULL || state == NULL || json_object_get(j, "file") == NULL ||
	    !key_role_from_text(role, &out->role) || !key_state_from_text(state, &out->state))
		return false;
	out->algorithm = (uint8_t)json_integer_value(json_object_get(j, "algorithm"));
	out->signs =
	    signs != NULL ? json_is_true(signs) : out->state == KEY_ACTIVE && out->role != KEY_KSK;
	for (size_t i = 0; i < TIME_N; i++) {
		int64_t at = json_integer_value(json_object_get(j, TIMES[i].name));
		memcpy((char *)out + TIMES[i].offset, &at, sizeof at);
	}
	read_mark(json_object_get(j, "signed_ttl"), &out->signed_ttl);
	return true;
}

char *rollover_document_write(const struct rollover_facts *f, const struct clock_base *clock)
{
	json_t *j =
	    json_pack("{s:o, s:o, s:o, s:I, s:b, s:b, s:b, s:b, s:b, s:s, s:I}", "dnskey_ttl",
		      mark(&f->dnskey_ttl), "zone_ttl", mark(&f->zone_ttl), "ds_ttl",
		      mark(&f->ds_ttl), "insecure", (json_int_t)f->insecure_at, "roll_ksk",
		      f->request.ksk, "roll_zsk", f->request.zsk, "roll_algorithm",
		      f->request.algorithm, "roll_emergency", f->request.emergency, "emergency",
		      f->emergency, "boot", clock->boot, "clock", (json_int_t)clock->offset);

	if (j != NULL && f->unserved_since != 0)
		json_object_set_new(j, "unserved_since", json_integer(f->unserved_since));
	if (j != NULL && f->hold != NULL)
		json_object_set_new(j, "hold", json_string(f->hold));
	return dump(j);
}

static bool flag(const json_t *j, const char *name)
{
	return json_is_true(json_object_get(j, name));
}

bool rollover_document_read(const json_t *j, struct keyring *k)
{
	struct rollover_facts *f = &k->facts;

	if (!json_is_object(j))
		return false;
	read_mark(json_object_get(j, "dnskey_ttl"), &f->dnskey_ttl);
	read_mark(json_object_get(j, "zone_ttl"), &f->zone_ttl);
	read_mark(json_object_get(j, "ds_ttl"), &f->ds_ttl);
	f->insecure_at = json_integer_value(json_object_get(j, "insecure"));
	f->request = (struct roll_request){ flag(j, "roll_ksk"), flag(j, "roll_zsk"),
					    flag(j, "roll_algorithm"), flag(j, "roll_emergency") };
	f->unserved_since = json_integer_value(json_object_get(j, "unserved_since"));
	f->emergency = flag(j, "emergency");
	const char *boot = json_string_value(json_object_get(j, "boot"));
	snprintf(k->clock.boot, sizeof k->clock.boot, "%s", boot != NULL ? boot : "");
	k->clock.offset = json_integer_value(json_object_get(j, "clock"));
	keyring_set_hold(k, json_string_value(json_object_get(j, "hold")));
	return true;
}
