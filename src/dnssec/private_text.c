// SPDX-License-Identifier: Apache-2.0
/* The text of BIND's .private files, format v1: "Name: base64" lines, one for each number. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/algorithm.h"
#include "dnssec/base64.h"
#include "dnssec/key_internal.h"

#define NUMBER_MAX (RSA_BITS_MAX / 8)
#define POINT_MAX  97

static const char BAD_FIELD[] = "a field of the private key is missing or damaged";

/* RSA's fields (RFC 8017 §3.2) and OpenSSL's names for them. */
static const struct {
	const char *field, *param;
	bool secret;
} RSA_FIELDS[] = {
	{ "Modulus", OSSL_PKEY_PARAM_RSA_N, false },
	{ "PublicExponent", OSSL_PKEY_PARAM_RSA_E, false },
	{ "PrivateExponent", OSSL_PKEY_PARAM_RSA_D, true },
	{ "Prime1", OSSL_PKEY_PARAM_RSA_FACTOR1, true },
	{ "Prime2", OSSL_PKEY_PARAM_RSA_FACTOR2, true },
	{ "Exponent1", OSSL_PKEY_PARAM_RSA_EXPONENT1, true },
	{ "Exponent2", OSSL_PKEY_PARAM_RSA_EXPONENT2, true },
	{ "Coefficient", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true },
};
#define RSA_FIELD_N (sizeof RSA_FIELDS / sizeof *RSA_FIELDS)

/* ---- reading ---- */

/* The value of "Name: value" at the start of a line. */
static const char *field(const char *text, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *p = text; p != NULL && *p != 0;) {
		if (strncmp(p, name, n) == 0 && p[n] == ':') {
			p += n + 1;
			p += strspn(p, " \t");
			*len = strcspn(p, "\r\n");
			return p;
		}
		p = strchr(p, '\n');
		p = p != NULL ? p + 1 : NULL;
	}
	return NULL;
}

static bool field_octets(const char *text, const char *name, uint8_t *out, size_t cap, size_t *n)
{
	size_t len = 0;
	const char *value = field(text, name, &len);

	return value != NULL && base64_decode(value, len, out, cap, n) && *n > 0;
}

/* The point that belongs to a scalar, uncompressed. Its length, or 0. */
static size_t public_point(const EC_GROUP *group, const BIGNUM *scalar, uint8_t out[POINT_MAX])
{
	EC_POINT *p = EC_POINT_new(group);
	size_t n = 0;

	if (p != NULL && EC_POINT_mul(group, p, scalar, NULL, NULL, NULL) == 1 &&
	    EC_POINT_is_at_infinity(group, p) == 0)
		n = EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, out, POINT_MAX,
				       NULL);
	EC_POINT_free(p);
	return n;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *build_ec(const struct algorithm *a, const BIGNUM *scalar, const uint8_t *point,
			  size_t point_len)
{
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (bld != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, a->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, point_len) == 1)
		pkey = from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

static EVP_PKEY *ec_from_scalar(const struct algorithm *a, const uint8_t *bytes)
{
	EVP_PKEY *pkey = NULL;
	uint8_t point[POINT_MAX];
	size_t n;
	BIGNUM *scalar = BN_secure_new();
	EC_GROUP *group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(a->group));

	if (scalar != NULL && group != NULL && BN_bin2bn(bytes, a->private_len, scalar) != NULL) {
		BN_set_flags(scalar, BN_FLG_CONSTTIME);
		if (!BN_is_zero(scalar) && BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 &&
		    (n = public_point(group, scalar, point)) > 0)
			pkey = build_ec(a, scalar, point, n);
	}
	EC_GROUP_free(group);
	BN_clear_free(scalar);
	return pkey;
}

static enum err parse_number(const struct algorithm *a, const char *text, EVP_PKEY **out,
			     const char **why)
{
	uint8_t bytes[ALGORITHM_PRIVATE_MAX];
	size_t n = 0;

	*why = BAD_FIELD;
	if (!field_octets(text, "PrivateKey", bytes, a->private_len, &n) ||
	    (n != a->private_len && a->family == FAMILY_EDDSA)) {
		OPENSSL_cleanse(bytes, sizeof bytes);
		return ERR_SYNTAX;
	}
	/* BIND writes a number without its leading zeroes: one key in 256 is shorter. */
	memmove(bytes + a->private_len - n, bytes, n);
	memset(bytes, 0, a->private_len - n);
	*out = a->family == FAMILY_EDDSA
		   ? EVP_PKEY_new_raw_private_key_ex(NULL, a->group, NULL, bytes, a->private_len)
		   : ec_from_scalar(a, bytes);
	OPENSSL_cleanse(bytes, sizeof bytes);
	return *out != NULL ? ERR_OK : ERR_CRYPTO;
}

static enum err parse_rsa(const char *text, EVP_PKEY **out, const char **why)
{
	uint8_t bytes[NUMBER_MAX];
	BIGNUM *numbers[RSA_FIELD_N] = { NULL };
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	enum err e = bld != NULL ? ERR_OK : ERR_NOMEM;

	*why = BAD_FIELD;
	for (size_t i = 0; i < RSA_FIELD_N && !e; i++) {
		size_t n = 0;
		if (!field_octets(text, RSA_FIELDS[i].field, bytes, sizeof bytes, &n)) {
			e = ERR_SYNTAX;
			break;
		}
		numbers[i] = RSA_FIELDS[i].secret ? BN_secure_new() : BN_new();
		if (numbers[i] == NULL || BN_bin2bn(bytes, (int)n, numbers[i]) == NULL ||
		    OSSL_PARAM_BLD_push_BN(bld, RSA_FIELDS[i].param, numbers[i]) != 1)
			e = ERR_CRYPTO;
	}
	if (!e) {
		*out = from_params("RSA", bld);
		e = *out != NULL ? ERR_OK : ERR_CRYPTO;
	}
	OSSL_PARAM_BLD_free(bld);
	for (size_t i = 0; i < RSA_FIELD_N; i++)
		BN_clear_free(numbers[i]);
	OPENSSL_cleanse(bytes, sizeof bytes);
	return e;
}

enum err private_text_parse(const char *text, EVP_PKEY **out, uint8_t *algorithm, const char **why)
{
	size_t len = 0;
	const char *version = field(text, "Private-key-format", &len);

	*why = "not a private key file of BIND's format v1";
	if (version == NULL || strncmp(version, "v1.", 3) != 0)
		return ERR_SYNTAX;
	const char *number = field(text, "Algorithm", &len);
	unsigned long n = number != NULL ? strtoul(number, NULL, 10) : 0;
	*algorithm = n <= 255 ? (uint8_t)n : 0;
	const struct algorithm *a = algorithm_info(*algorithm);
	*why = "its algorithm is not one that we sign with";
	if (a == NULL)
		return ERR_UNSUPPORTED;
	enum err e =
	    a->family == FAMILY_RSA ? parse_rsa(text, out, why) : parse_number(a, text, out, why);
	if (e == ERR_CRYPTO)
		*why = "the private key is not one of its algorithm";
	ERR_clear_error();
	return e;
}

/* ---- writing ---- */

struct text_out {
	char *at;
	size_t left;
	bool bad;
};

static void add_field(struct text_out *t, const char *name, const uint8_t *bytes, size_t n)
{
	char encoded[4 * ((NUMBER_MAX + 2) / 3) + 1];
	int len = snprintf(t->at, t->left, "%s: %s\n", name, base64_encode(bytes, n, encoded));

	OPENSSL_cleanse(encoded, sizeof encoded);
	if (len < 0 || (size_t)len >= t->left) {
		t->bad = true;
		return;
	}
	t->at += len;
	t->left -= (size_t)len;
}

/* One number of the key; `len` octets with leading zeroes, or as many as it has where 0. */
static void add_param(struct text_out *t, const char *name, const EVP_PKEY *pkey, const char *param,
		      int len)
{
	uint8_t bytes[NUMBER_MAX];
	BIGNUM *number = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, param, &number) == 1;

	if (len == 0 && ok)
		len = BN_num_bytes(number);
	ok = ok && len <= (int)sizeof bytes && BN_bn2binpad(number, bytes, len) == len;
	if (ok)
		add_field(t, name, bytes, (size_t)len);
	t->bad = t->bad || !ok;
	BN_clear_free(number);
	OPENSSL_cleanse(bytes, sizeof bytes);
}

static void add_raw(struct text_out *t, const EVP_PKEY *pkey, const struct algorithm *a)
{
	uint8_t bytes[ALGORITHM_PRIVATE_MAX];
	size_t n = sizeof bytes;

	if (EVP_PKEY_get_raw_private_key(pkey, bytes, &n) == 1 && n == a->private_len)
		add_field(t, "PrivateKey", bytes, n);
	else
		t->bad = true;
	OPENSSL_cleanse(bytes, sizeof bytes);
}

enum err private_text_format(const struct key *k, char *out, size_t *len)
{
	const struct algorithm *a = algorithm_info(k->dnskey.algorithm);
	int n = snprintf(out, PRIVATE_TEXT_MAX, "Private-key-format: v1.3\nAlgorithm: %u (%s)\n",
			 a->number, a->mnemonic);
	struct text_out t = { out + n, PRIVATE_TEXT_MAX - (size_t)n, false };

	if (a->family == FAMILY_EDDSA)
		add_raw(&t, k->pkey, a);
	else if (a->family == FAMILY_ECDSA)
		add_param(&t, "PrivateKey", k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, a->private_len);
	else
		for (size_t i = 0; i < RSA_FIELD_N; i++)
			add_param(&t, RSA_FIELDS[i].field, k->pkey, RSA_FIELDS[i].param, 0);
	ERR_clear_error();
	*len = PRIVATE_TEXT_MAX - t.left;
	return t.bad ? ERR_CRYPTO : ERR_OK;
}
