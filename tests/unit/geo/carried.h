// SPDX-License-Identifier: Apache-2.0
/*
 * carried.h -- IPv4 addresses inside IPv6 ones for tests, from the texts of the RFCs and with
 * nothing of geo/embedding.h in it.
 */
#ifndef TESTS_UNIT_GEO_CARRIED_H
#define TESTS_UNIT_GEO_CARRIED_H

#include "check.h"

#include "base/prefix.h"

#define FORM_N 4

static const struct form {
	const char *prefix;
	unsigned octet; /* where the IPv4 address begins */
	uint8_t mask;   /* xor of each of its octets */
} FORMS[FORM_N] = {
	{ "::ffff:0:0/96", 12, 0 },  /* RFC 4291 section 2.5.5.2 */
	{ "64:ff9b::/96", 12, 0 },   /* RFC 6052 section 2.1 */
	{ "2001:0::/32", 12, 0xff }, /* RFC 4380 section 4 */
	{ "2002::/16", 2, 0 },       /* RFC 3056 section 2 */
};

static inline struct ip_prefix form_prefix(size_t form)
{
	struct ip_prefix p;

	assert_true(ip_prefix_from_text(FORMS[form].prefix, &p, NULL));
	return p;
}

/* Which form an address has; FORM_N: none. */
static inline size_t form_of(const struct ip_addr *a)
{
	size_t i = 0;

	for (; i < FORM_N && a->family == IP_V6; i++) {
		struct ip_prefix p = form_prefix(i);
		if (ip_prefix_contains(&p, a))
			return i;
	}
	return FORM_N;
}

static inline struct ip_addr carried(const struct ip_addr *a)
{
	size_t form = form_of(a);

	if (form == FORM_N)
		return *a;
	struct ip_addr v4 = { .family = IP_V4 };
	for (unsigned k = 0; k < 4; k++)
		v4.bytes[k] = a->bytes[FORMS[form].octet + k] ^ FORMS[form].mask;
	return v4;
}

/* `around` with an IPv4 address put into it. */
static inline struct ip_addr carry(size_t form, const struct ip_addr *around,
				   const struct ip_addr *v4)
{
	struct ip_addr a = *around;

	for (unsigned k = 0; k < 4; k++)
		a.bytes[FORMS[form].octet + k] = v4->bytes[k] ^ FORMS[form].mask;
	return a;
}

#endif
