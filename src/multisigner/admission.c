// SPDX-License-Identifier: Apache-2.0
#include "multisigner/admission.h"

#include <string.h>

struct judged {
	const struct dnskey *key;
	uint8_t algorithm;
	const struct key_member *set;
	size_t n;
};

static bool is_no_zone_key(const struct judged *j)
{
	return !(j->key->flags & DNSKEY_ZONE);
}

static bool is_revoked(const struct judged *j)
{
	return (j->key->flags & DNSKEY_REVOKE) != 0;
}

static bool has_other_protocol(const struct judged *j)
{
	return j->key->protocol != 3;
}

static bool has_other_algorithm(const struct judged *j)
{
	return j->key->algorithm != j->algorithm;
}

static bool is_malformed(const struct judged *j)
{
	return !dnskey_is_wellformed(j->key);
}

static bool same_key(const struct dnskey *a, const struct dnskey *b)
{
	/* The public key alone: the same key under other flags is the same key. */
	return a->algorithm == b->algorithm && a->rdata_len == b->rdata_len &&
	       memcmp(a->rdata + 3, b->rdata + 3, a->rdata_len - 3u) == 0;
}

static bool is_there(const struct judged *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (same_key(j->key, j->set[i].key))
			return true;
	return false;
}

static bool shares_tag(const struct judged *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->set[i].key->tag == j->key->tag &&
		    j->set[i].key->algorithm == j->key->algorithm)
			return true;
	return false;
}

static bool is_one_too_many(const struct judged *j)
{
	size_t foreign = 0;

	for (size_t i = 0; i < j->n; i++)
		foreign += j->set[i].foreign;
	return foreign >= FOREIGN_KEYS_MAX;
}

enum admission admission_judge(const struct dnskey *k, uint8_t algorithm,
			       const struct key_member *set, size_t n)
{
	static const struct {
		bool (*broken)(const struct judged *j);
		enum admission verdict;
	} RULES[] = {
		{ is_no_zone_key, ADMISSION_NOT_ZONE_KEY },
		{ is_revoked, ADMISSION_REVOKED },
		{ has_other_protocol, ADMISSION_PROTOCOL },
		{ has_other_algorithm, ADMISSION_ALGORITHM },
		{ is_malformed, ADMISSION_MALFORMED },
		{ is_there, ADMISSION_DUPLICATE },
		{ shares_tag, ADMISSION_TAG },
		{ is_one_too_many, ADMISSION_TOO_MANY },
	};
	struct judged j = { k, algorithm, set, n };

	for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
		if (RULES[i].broken(&j))
			return RULES[i].verdict;
	return ADMISSION_OK;
}

const char *admission_text(enum admission a)
{
	switch (a) {
	case ADMISSION_OK:
		return "it may stand in the key set";
#define X(code, text)                                                                              \
	case code:                                                                                 \
		return text;
		ADMISSION_TABLE(X)
#undef X
	}
	return "unknown";
}
