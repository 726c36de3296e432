// SPDX-License-Identifier: Apache-2.0
/* OpenSSL's functions for single steps of ECDSA are deprecated since 3.0 in favour of whole
 * signatures; they are what makes this possible, and are there in all of 3.x. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dnssec/ecdsa_batch.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>

#define SCALAR_LEN 32

struct ecdsa_batch {
	EC_GROUP *group;
	const BIGNUM *order; /* the group's */
	BIGNUM *order_minus_2;
	BN_MONT_CTX *mont; /* modulo the order */
	BN_CTX *ctx;
	EC_POINT *point[ECDSA_BATCH_MAX];
	BIGNUM *nonce[ECDSA_BATCH_MAX];   /* k, in Montgomery form once its point is made */
	BIGNUM *product[ECDSA_BATCH_MAX]; /* of the nonces up to here, in that form too */
	BIGNUM *r[ECDSA_BATCH_MAX];
	BIGNUM *inverse, *own; /* scratch */
};

static bool make_numbers(struct ecdsa_batch *b)
{
	for (int i = 0; i < ECDSA_BATCH_MAX; i++) {
		b->point[i] = EC_POINT_new(b->group);
		b->nonce[i] = BN_secure_new();
		b->product[i] = BN_secure_new();
		b->r[i] = BN_new();
		if (b->point[i] == NULL || b->nonce[i] == NULL || b->product[i] == NULL ||
		    b->r[i] == NULL)
			return false;
		BN_set_flags(b->nonce[i], BN_FLG_CONSTTIME);
		BN_set_flags(b->product[i], BN_FLG_CONSTTIME);
	}
	b->inverse = BN_secure_new();
	b->own = BN_secure_new();
	if (b->inverse == NULL || b->own == NULL)
		return false;
	BN_set_flags(b->inverse, BN_FLG_CONSTTIME);
	BN_set_flags(b->own, BN_FLG_CONSTTIME);
	return true;
}

static bool make(struct ecdsa_batch *b)
{
	b->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	b->mont = BN_MONT_CTX_new();
	b->ctx = BN_CTX_secure_new();
	if (b->group == NULL || b->mont == NULL || b->ctx == NULL)
		return false;
	b->order = EC_GROUP_get0_order(b->group);
	b->order_minus_2 = BN_dup(b->order);
	return b->order_minus_2 != NULL && BN_sub_word(b->order_minus_2, 2) == 1 &&
	       BN_MONT_CTX_set(b->mont, b->order, b->ctx) == 1 && make_numbers(b);
}

enum err ecdsa_batch_new(struct ecdsa_batch **out)
{
	struct ecdsa_batch *b = calloc(1, sizeof *b);

	if (b == NULL)
		return ERR_NOMEM;
	if (!make(b)) {
		ERR_clear_error();
		ecdsa_batch_free(b);
		return ERR_UNSUPPORTED;
	}
	*out = b;
	return ERR_OK;
}

void ecdsa_batch_free(struct ecdsa_batch *b)
{
	if (b == NULL)
		return;
	for (int i = 0; i < ECDSA_BATCH_MAX; i++) {
		EC_POINT_clear_free(b->point[i]);
		BN_clear_free(b->nonce[i]);
		BN_clear_free(b->product[i]);
		BN_free(b->r[i]);
	}
	BN_clear_free(b->inverse);
	BN_clear_free(b->own);
	BN_free(b->order_minus_2);
	BN_MONT_CTX_free(b->mont);
	BN_CTX_free(b->ctx);
	EC_GROUP_free(b->group);
	free(b);
}

/* struct ecdsa_key is OpenSSL's EC_KEY under a name that no header of ours has to know. */
struct ecdsa_key *ecdsa_key_of(EVP_PKEY *pkey)
{
	EC_KEY *key = EVP_PKEY_get1_EC_KEY(pkey);

	if (key != NULL &&
	    (EC_KEY_get0_private_key(key) == NULL ||
	     EC_GROUP_get_curve_name(EC_KEY_get0_group(key)) != NID_X9_62_prime256v1)) {
		EC_KEY_free(key);
		key = NULL;
	}
	if (key == NULL)
		ERR_clear_error();
	return (struct ecdsa_key *)(void *)key;
}

void ecdsa_key_free(struct ecdsa_key *k)
{
	EC_KEY_free((EC_KEY *)(void *)k);
}

static EC_KEY *ec_key(const struct ecdsa_key *k)
{
	return (EC_KEY *)(uintptr_t)(const void *)k;
}

/* k and kG of each. A nonce of 0 (chance: 2^-256) fails the batch. */
static bool make_points(struct ecdsa_batch *b, const struct ecdsa_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const BIGNUM *private = EC_KEY_get0_private_key(ec_key(items[i].key));
		if (BN_generate_dsa_nonce(b->nonce[i], b->order, private, items[i].digest,
					  sizeof items[i].digest, b->ctx) != 1 ||
		    BN_is_zero(b->nonce[i]) ||
		    EC_POINT_mul(b->group, b->point[i], b->nonce[i], NULL, NULL, b->ctx) != 1)
			return false;
	}
	return true;
}

/* r: the affine x coordinate of each point; one inversion for all of them. */
static bool make_r(struct ecdsa_batch *b, size_t n)
{
	if (EC_POINTs_make_affine(b->group, n, b->point, b->ctx) != 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		/* With Z = 1 the projective x is the affine one, without another inversion. */
		if (EC_POINT_get_Jprojective_coordinates_GFp(b->group, b->point[i], b->r[i], NULL,
							     NULL, b->ctx) != 1 ||
		    BN_nnmod(b->r[i], b->r[i], b->order, b->ctx) != 1 || BN_is_zero(b->r[i]))
			return false;
	}
	return true;
}

static bool multiply(struct ecdsa_batch *b, BIGNUM *out, const BIGNUM *x, const BIGNUM *y)
{
	return BN_mod_mul_montgomery(out, x, y, b->mont, b->ctx) == 1;
}

/* All nonces' product, and its inverse by Fermat, whose time does not depend on it. */
static bool invert_product(struct ecdsa_batch *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (BN_to_montgomery(b->nonce[i], b->nonce[i], b->mont, b->ctx) != 1)
			return false;
		if (i == 0 ? BN_copy(b->product[0], b->nonce[0]) == NULL
			   : !multiply(b, b->product[i], b->product[i - 1], b->nonce[i]))
			return false;
	}
	return BN_from_montgomery(b->inverse, b->product[n - 1], b->mont, b->ctx) == 1 &&
	       BN_mod_exp_mont_consttime(b->inverse, b->inverse, b->order_minus_2, b->order, b->ctx,
					 b->mont) == 1 &&
	       BN_to_montgomery(b->inverse, b->inverse, b->mont, b->ctx) == 1;
}

/* s, and both numbers into the octets of RFC 6605 §4. */
static bool finish(const struct ecdsa_item *item, const BIGNUM *inverse, const BIGNUM *r)
{
	ECDSA_SIG *sig =
	    ECDSA_do_sign_ex(item->digest, sizeof item->digest, inverse, r, ec_key(item->key));
	bool ok =
	    sig != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), item->out, SCALAR_LEN) == SCALAR_LEN &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), item->out + SCALAR_LEN, SCALAR_LEN) == SCALAR_LEN;

	ECDSA_SIG_free(sig);
	return ok;
}

/* From the last to the first: the inverse of the product up to i, times the product before it, is
 * the inverse of nonce i. */
static bool sign_all(struct ecdsa_batch *b, const struct ecdsa_item *items, size_t n)
{
	for (size_t i = n; i-- > 0;) {
		bool ok = i == 0 ? BN_copy(b->own, b->inverse) != NULL
				 : multiply(b, b->own, b->inverse, b->product[i - 1]) &&
				       multiply(b, b->inverse, b->inverse, b->nonce[i]);
		if (!ok || BN_from_montgomery(b->own, b->own, b->mont, b->ctx) != 1 ||
		    !finish(&items[i], b->own, b->r[i]))
			return false;
	}
	return true;
}

static void wipe(struct ecdsa_batch *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		BN_clear(b->nonce[i]);
		BN_clear(b->product[i]);
		EC_POINT_set_to_infinity(b->group, b->point[i]);
	}
	BN_clear(b->inverse);
	BN_clear(b->own);
}

bool ecdsa_batch_sign(struct ecdsa_batch *b, struct ecdsa_item *items, size_t n)
{
	bool ok = n > 0 && n <= ECDSA_BATCH_MAX && make_points(b, items, n) && make_r(b, n) &&
		  invert_product(b, n) && sign_all(b, items, n);

	wipe(b, n <= ECDSA_BATCH_MAX ? n : 0);
	if (!ok)
		ERR_clear_error();
	return ok;
}
