// SPDX-License-Identifier: Apache-2.0
#include "dnssec/algorithm.h"

#include <stdio.h>
#include <strings.h>

static const struct algorithm ALGORITHMS[] = {
	/* RFC 5702 §2, §3 */
	{ ALG_RSASHA256, "RSASHA256", FAMILY_RSA, "SHA256", NULL, 0, 0, 0 },
	{ ALG_RSASHA512, "RSASHA512", FAMILY_RSA, "SHA512", NULL, 0, 0, 0 },
	/* RFC 6605 §4 */
	{ ALG_ECDSAP256SHA256, "ECDSAP256SHA256", FAMILY_ECDSA, "SHA256", "P-256", 32, 64, 64 },
	{ ALG_ECDSAP384SHA384, "ECDSAP384SHA384", FAMILY_ECDSA, "SHA384", "P-384", 48, 96, 96 },
	/* RFC 8080 §3, §4 */
	{ ALG_ED25519, "ED25519", FAMILY_EDDSA, NULL, "ED25519", 32, 32, 64 },
	{ ALG_ED448, "ED448", FAMILY_EDDSA, NULL, "ED448", 57, 57, 114 },
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
