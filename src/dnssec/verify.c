// SPDX-License-Identifier: Apache-2.0
#include "dnssec/verify.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "dns/wire.h"
#include "dnssec/algorithm.h"

#define FIXED_LEN 4 /* of DNSKEY RDATA: flags, protocol, algorithm */
#define POINT_MAX 97
#define DER_MAX   112

static EVP_PKEY *from_parameters(const char *type, OSSL_PARAM *parameters)
{
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	if (ctx == NULL || parameters == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* RFC 3110 §2. The lengths were checked by dnskey_is_wellformed(). */
static EVP_PKEY *rsa_key(const uint8_t *public, size_t n)
{
	size_t exponent = public[0], head = 1;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *parameters = NULL;

	if (exponent == 0) {
		exponent = load_u16(public + 1);
		head = 3;
	}
	BIGNUM *e = BN_bin2bn(public + head, (int)exponent, NULL);
	BIGNUM *m = BN_bin2bn(public + head + exponent, (int)(n - head - exponent), NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	if (e != NULL && m != NULL && bld != NULL && BN_num_bits(m) >= RSA_BITS_MIN &&
	    BN_num_bits(m) <= RSA_BITS_MAX && BN_num_bits(e) <= 64 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, m) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
		parameters = OSSL_PARAM_BLD_to_param(bld);
		pkey = from_parameters("RSA", parameters);
	}
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(bld);
	BN_free(e);
	BN_free(m);
	return pkey;
}

static EVP_PKEY *ecdsa_key(const struct algorithm *a, const uint8_t *public, size_t n)
{
	uint8_t point[POINT_MAX] = { 4 };
	char group[32];

	memcpy(point + 1, public, n);
	strncpy(group, a->group, sizeof group - 1);
	group[sizeof group - 1] = 0;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, n + 1),
		OSSL_PARAM_construct_end(),
	};
	return from_parameters("EC", parameters);
}

static EVP_PKEY *public_key(const struct algorithm *a, const struct dnskey *k)
{
	const uint8_t *public = k->rdata + FIXED_LEN;
	size_t n = k->rdata_len - (size_t)FIXED_LEN;

	switch (a->family) {
	case FAMILY_RSA:
		return rsa_key(public, n);
	case FAMILY_ECDSA:
		return ecdsa_key(a, public, n);
	case FAMILY_EDDSA:
		return EVP_PKEY_new_raw_public_key_ex(NULL, a->group, NULL, public, n);
	}
	return NULL;
}

/* RFC 6605 §4: two numbers of equal length; OpenSSL wants them in DER. */
static size_t to_der(struct span raw, uint8_t out[DER_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.p, (int)(raw.n / 2), NULL);
	BIGNUM *s = BN_bin2bn(raw.p + raw.n / 2, (int)(raw.n / 2), NULL);
	uint8_t *p = out;
	int n = 0;

	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* the signature's now */
		if (i2d_ECDSA_SIG(sig, NULL) <= DER_MAX)
			n = i2d_ECDSA_SIG(sig, &p);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n > 0 ? (size_t)n : 0;
}

static enum err check(const struct algorithm *a, EVP_PKEY *pkey, struct span data,
		      struct span signature)
{
	uint8_t der[DER_MAX];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum err e = ERR_NOMEM;

	if (a->family == FAMILY_ECDSA)
		signature = (struct span){ der, to_der(signature, der) };
	if (ctx != NULL && signature.n > 0) {
		e = ERR_CRYPTO;
		if (EVP_DigestVerifyInit_ex(ctx, NULL, a->digest, NULL, NULL, pkey, NULL) == 1)
			e = EVP_DigestVerify(ctx, signature.p, signature.n, data.p, data.n) == 1
				? ERR_OK
				: ERR_UNTRUSTED;
	}
	EVP_MD_CTX_free(ctx);
	return e;
}

enum err verify_signature(const struct dnskey *k, struct span data, struct span signature)
{
	const struct algorithm *a = algorithm_info(k->algorithm);

	if (a == NULL)
		return ERR_UNSUPPORTED;
	if (!dnskey_is_wellformed(k))
		return ERR_SYNTAX;
	if (signature.n == 0 || (a->signature_len != 0 && signature.n != a->signature_len))
		return ERR_UNTRUSTED;
	EVP_PKEY *pkey = public_key(a, k);
	enum err e = pkey != NULL ? check(a, pkey, data, signature) : ERR_SYNTAX;
	EVP_PKEY_free(pkey);
	ERR_clear_error(); /* what a stranger's key left there is nobody's fault */
	return e;
}
