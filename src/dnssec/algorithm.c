// SPDX-License-Identifier: Apache-2.0
#include "dnssec/algorithm.h"

#include <stdio.h>
#include <strings.h>

static const struct algorithm ALGORITHMS[] = {
	{ ALG_ECDSAP256SHA256, "ECDSAP256SHA256", 64, 64 }, /* RFC 6605 §4 */
	{ ALG_ED25519, "ED25519", 32, 64 },                 /* RFC 8080 §3, §4 */
};

/* The registry of DNS security algorithm numbers, for messages. */
static const struct {
	uint8_t number;
	const char *mnemonic;
} NAMES[] = {
	{ 1, "RSAMD5" },
	{ 3, "DSA" },
	{ 5, "RSASHA1" },
	{ 6, "DSA-NSEC3-SHA1" },
	{ 7, "RSASHA1-NSEC3-SHA1" },
	{ 8, "RSASHA256" },
	{ 10, "RSASHA512" },
	{ 12, "ECC-GOST" },
	{ 13, "ECDSAP256SHA256" },
	{ 14, "ECDSAP384SHA384" },
	{ 15, "ED25519" },
	{ 16, "ED448" },
};

const struct algorithm *algorithm_info(uint8_t number)
{
	for (size_t i = 0; i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++)
		if (ALGORITHMS[i].number == number)
			return &ALGORITHMS[i];
	return NULL;
}

const struct algorithm *algorithm_from_text(const char *text)
{
	for (size_t i = 0; i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++)
		if (strcasecmp(ALGORITHMS[i].mnemonic, text) == 0)
			return &ALGORITHMS[i];
	return NULL;
}

const char *algorithm_to_text(uint8_t number, char *out)
{
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
		if (NAMES[i].number == number)
			return NAMES[i].mnemonic;
	snprintf(out, ALGORITHM_TEXT_MAX, "ALG%u", number);
	return out;
}
