// SPDX-License-Identifier: Apache-2.0
#include "peers/key_bodies.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "dns/rrtype.h"

static bool add(struct body_records *out, const char *text)
{
	size_t n = 0;

	if (text == NULL || out->n == BODY_RECORDS_MAX ||
	    record_from_text(out->type, text, out->room[out->n], &n))
		return false;
	out->rdata[out->n] = (struct span){ out->room[out->n], n };
	out->n++;
	return true;
}

static json_t *load(const char *body, size_t n)
{
	return json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
}

bool body_read_key_set(const char *body, size_t n, struct body_records *out)
{
	json_t *j = load(body, n), *keys = json_object_get(j, "keys"), *key;
	bool good = json_is_array(keys);
	size_t i;

	out->type = TYPE_DNSKEY;
	out->n = 0;
	json_array_foreach(keys, i, key) good =
	    good && add(out, json_string_value(json_object_get(key, "dnskey")));
	json_decref(j);
	return good;
}

static bool is_asked(const json_t *rrset, const char *zone, uint16_t type)
{
	const char *name = json_string_value(json_object_get(rrset, "name"));
	const char *kind = json_string_value(json_object_get(rrset, "type"));
	char text[RR_TYPE_TEXT_MAX];

	return name != NULL && kind != NULL && strcasecmp(name, zone) == 0 &&
	       strcmp(kind, rr_type_to_text(type, text)) == 0;
}

static bool read_rrset(const json_t *rrset, struct body_records *out)
{
	json_t *records = json_object_get(rrset, "records"), *record;
	json_int_t ttl = json_integer_value(json_object_get(rrset, "ttl"));
	bool good = json_is_array(records) && ttl >= 0 && ttl <= INT32_MAX;
	size_t i;

	out->ttl = (uint32_t)ttl;
	json_array_foreach(records, i, record)
	{
		out->disabled = out->disabled || json_is_true(json_object_get(record, "disabled"));
		good = good && add(out, json_string_value(json_object_get(record, "content")));
	}
	return good;
}

bool body_read_rrsets(const char *body, size_t n, const char *zone, struct body_records *out)
{
	json_t *j = load(body, n), *rrsets = json_object_get(j, "rrsets"), *rrset;
	bool good = json_is_array(rrsets);
	size_t i;

	out->n = out->ttl = 0;
	out->disabled = false;
	json_array_foreach(rrsets, i, rrset) if (is_asked(rrset, zone, out->type)) good =
	    good && read_rrset(rrset, out);
	json_decref(j);
	return good;
}

bool body_setting_is_on(const char *body, size_t n, const char *name)
{
	json_t *j = load(body, n), *row;
	bool on = false;
	size_t i;

	json_array_foreach(j, i, row)
	{
		const char *is = json_string_value(json_object_get(row, "name"));
		const char *value = json_string_value(json_object_get(row, "value"));
		if (is != NULL && value != NULL && strcmp(is, name) == 0)
			on = strcmp(value, "yes") == 0 || strcmp(value, "on") == 0;
	}
	json_decref(j);
	return on;
}
