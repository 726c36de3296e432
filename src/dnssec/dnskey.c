// SPDX-License-Identifier: Apache-2.0
#include "dnssec/dnskey.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "dnssec/base64.h"

#define FIXED_LEN 4 /* flags, protocol, algorithm */

/* RFC 4034 appendix B; for the obsolete algorithm 1 the other rule of B.1. */
uint16_t dnskey_tag(struct span rdata)
{
	uint32_t sum = 0;

	if (rdata.n >= FIXED_LEN && rdata.p[3] == 1)
		return rdata.n >= 7 ? load_u16(rdata.p + rdata.n - 3) : 0;
	for (size_t i = 0; i < rdata.n; i++)
		sum += i % 2 == 0 ? (uint32_t)rdata.p[i] << 8 : rdata.p[i];
	sum += sum >> 16 & 0xffff;
	return (uint16_t)sum;
}

enum err dnskey_from_rdata(struct span rdata, struct dnskey *out)
{
	if (rdata.n <= FIXED_LEN || rdata.n > DNSKEY_RDATA_MAX)
		return ERR_SYNTAX;
	out->flags = load_u16(rdata.p);
	out->protocol = rdata.p[2];
	out->algorithm = rdata.p[3];
	out->tag = dnskey_tag(rdata);
	out->rdata_len = (uint16_t)rdata.n;
	memcpy(out->rdata, rdata.p, rdata.n);
	return ERR_OK;
}

/* OpenSSL checks that the point lies on the curve. */
static bool is_point(int curve, const uint8_t *public, size_t n)
{
	uint8_t point[97] = { 4 };
	bool ok = false;

	memcpy(point + 1, public, n);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(curve);
	EC_POINT *p = group != NULL ? EC_POINT_new(group) : NULL;
	if (p != NULL)
		ok = EC_POINT_oct2point(group, p, point, n + 1, NULL) == 1 &&
		     EC_POINT_is_at_infinity(group, p) == 0;
	EC_POINT_free(p);
	EC_GROUP_free(group);
	return ok;
}

/* RFC 3110 §2: exponent length, exponent, modulus. */
static bool is_rsa_key(const uint8_t *public, size_t n)
{
	size_t head = 1, exponent = n > 0 ? public[0] : 0;

	if (exponent == 0 && n >= 3) {
		exponent = load_u16(public + 1);
		head = 3;
	}
	return exponent > 0 && n >= head + exponent + 64 && n <= head + exponent + 512;
}

bool dnskey_is_wellformed(const struct dnskey *k)
{
	const uint8_t *public = k->rdata + FIXED_LEN;
	size_t n = k->rdata_len - (size_t)FIXED_LEN;

	switch (k->algorithm) {
	case 5:
	case 7:
	case ALG_RSASHA256:
	case ALG_RSASHA512:
		return is_rsa_key(public, n);
	case ALG_ECDSAP256SHA256:
		return n == 64 && is_point(NID_X9_62_prime256v1, public, n);
	case ALG_ECDSAP384SHA384:
		return n == 96 && is_point(NID_secp384r1, public, n);
	case ALG_ED25519:
		return n == 32;
	case ALG_ED448:
		return n == 57;
	default:
		return n > 0;
	}
}

enum err dnskey_ds(const struct dnskey *k, const uint8_t *owner, uint8_t digest_type, uint8_t *out,
		   size_t *len)
{
	uint8_t lower[NAME_MAX_LEN];
	unsigned digest_len = 0;
	const EVP_MD *md = digest_type == 2 ? EVP_sha256() : digest_type == 4 ? EVP_sha384() : NULL;

	if (md == NULL)
		return ERR_UNSUPPORTED;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
		  EVP_DigestUpdate(ctx, lower, name_lower(owner, lower)) == 1 &&
		  EVP_DigestUpdate(ctx, k->rdata, k->rdata_len) == 1 &&
		  EVP_DigestFinal_ex(ctx, out + 4, &digest_len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return ERR_CRYPTO;
	store_u16(out, k->tag);
	out[2] = k->algorithm;
	out[3] = digest_type;
	*len = 4u + digest_len;
	return ERR_OK;
}

char *dnskey_to_text(const struct dnskey *k, char *out)
{
	int n = snprintf(out, DNSKEY_TEXT_MAX, "%u %u %u ", k->flags, k->protocol, k->algorithm);

	base64_encode(k->rdata + FIXED_LEN, k->rdata_len - (size_t)FIXED_LEN, out + n);
	return out;
}

/* ---- text ---- */

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static size_t word_len(const char *p)
{
	return strcspn(p, " \t\r\n");
}

static bool is_word(const char *p, const char *word)
{
	return word_len(p) == strlen(word) && strncasecmp(p, word, strlen(word)) == 0;
}

/* A decimal number below `end`; moves *p behind it. */
static bool read_number(const char **p, uint32_t end, uint32_t *out)
{
	size_t n = word_len(*p);
	uint32_t v = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((*p)[i] < '0' || (*p)[i] > '9')
			return false;
		v = v * 10 + (uint32_t)((*p)[i] - '0');
		if (v >= end)
			return false;
	}
	*out = v;
	*p = skip_blanks(*p + n);
	return true;
}

/* "owner [ttl] [class] DNSKEY" before the RDATA, where it stands there. False: it is not a record
 * of DNSKEY. */
static bool read_record_head(const char **p, char *owner, size_t owner_cap)
{
	const char *q = *p;
	size_t n = word_len(q);

	owner[0] = 0;
	if (strspn(q, "0123456789") == n) {
		/* RDATA alone starts with three numbers; an all-numeric owner has TYPE somewhere
		 * behind it. */
		const char *rest = q;
		uint32_t ignored;
		if (read_number(&rest, 65536, &ignored) && read_number(&rest, 256, &ignored) &&
		    read_number(&rest, 256, &ignored))
			return true;
	}
	if (n == 0 || n >= owner_cap)
		return false;
	memcpy(owner, q, n);
	owner[n] = 0;
	q = skip_blanks(q + n);
	for (int i = 0; i < 3; i++) {
		if (is_word(q, "DNSKEY")) {
			*p = skip_blanks(q + 6);
			return true;
		}
		q = skip_blanks(q + word_len(q));
	}
	return false;
}

enum err dnskey_from_text(const char *text, struct dnskey *out, char *owner_text, size_t owner_cap)
{
	uint8_t rdata[DNSKEY_RDATA_MAX];
	uint32_t flags, protocol, algorithm;
	size_t n = 0;
	const char *p = skip_blanks(text);

	if (!read_record_head(&p, owner_text, owner_cap))
		return ERR_SYNTAX;
	if (!read_number(&p, 65536, &flags) || !read_number(&p, 256, &protocol) ||
	    !read_number(&p, 256, &algorithm))
		return ERR_SYNTAX;
	size_t stop = strcspn(p, ";"); /* dig and BIND write the key tag behind it */
	if (!base64_decode(p, stop, rdata + FIXED_LEN, sizeof rdata - FIXED_LEN, &n))
		return ERR_SYNTAX;
	store_u16(rdata, (uint16_t)flags);
	rdata[2] = (uint8_t)protocol;
	rdata[3] = (uint8_t)algorithm;
	return dnskey_from_rdata((struct span){ rdata, FIXED_LEN + n }, out);
}

char *dnskey_describe(const struct dnskey *k, char *out)
{
	char name[ALGORITHM_TEXT_MAX];

	snprintf(out, DNSKEY_DESCRIPTION_MAX, "tag %u, algorithm %s", k->tag,
		 algorithm_to_text(k->algorithm, name));
	return out;
}
