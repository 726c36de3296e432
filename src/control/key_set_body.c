// SPDX-License-Identifier: Apache-2.0
#include "control/key_set_body.h"

#include <stdio.h>

#include "dns/name.h"

static enum err read_record(const json_t *record, size_t number, const uint8_t *zone,
			    struct dnskey *key, char why[KEY_SET_WHY_MAX])
{
	const char *text = json_string_value(record);
	char owner[NAME_TEXT_MAX], zone_text[NAME_TEXT_MAX];
	struct name name;

	if (text == NULL || dnskey_from_text(text, key, owner, sizeof owner)) {
		snprintf(why, KEY_SET_WHY_MAX, "key %zu is not a DNSKEY record or its RDATA",
			 number);
		return ERR_SYNTAX;
	}
	if (owner[0] == 0 ||
	    (name_from_text(owner, NULL, &name) == ERR_OK && name_equal(name.wire, zone)))
		return ERR_OK;
	snprintf(why, KEY_SET_WHY_MAX, "key %zu belongs to %.200s, not to %.200s", number, owner,
		 name_to_text(zone, zone_text));
	return ERR_REFUSED;
}

enum err key_set_body_read(const json_t *records, const uint8_t *zone,
			   struct dnskey keys[KEY_SET_MAX], size_t *n, char why[KEY_SET_WHY_MAX])
{
	*n = 0;
	if (!json_is_array(records) || json_array_size(records) > KEY_SET_MAX) {
		snprintf(why, KEY_SET_WHY_MAX, "'keys' must be a list of at most %u DNSKEY records",
			 KEY_SET_MAX);
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < json_array_size(records); i++) {
		enum err e = read_record(json_array_get(records, i), i + 1, zone, &keys[i], why);
		if (e)
			return e;
	}
	*n = json_array_size(records);
	return ERR_OK;
}
