// SPDX-License-Identifier: Apache-2.0
/*
 * key.h -- own keys: a private key with its DNSKEY.
 *
 * Purpose.   Generating, reading (BIND .private with its .key, PEM) and writing key files.
 * Invariant. Private material is in files of mode 0600 (or 0400) of this process's user and in
 * OpenSSL's objects, nowhere else; never in a log or an error text. Threads.   Immutable once made;
 * OpenSSL keys may be used by several threads, contexts may not (dnssec/signer.h). Memory.
 * Reference-counted: key_ref() and key_free(); any thread. Errors.    Findings name the file.
 * ERR_PERMISSION: readable by group or others; ERR_SYNTAX, ERR_IO, ERR_UNSUPPORTED, ERR_CRYPTO.
 */
#ifndef DNSSEC_KEY_H
#define DNSSEC_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "dnssec/dnskey.h"

enum key_role { KEY_KSK, KEY_ZSK, KEY_CSK };

struct file_batch;
struct key;

/* Flags of a role: 257 for KSK and CSK, 256 for ZSK. */
uint16_t key_role_flags(enum key_role role);
const char *key_role_text(enum key_role role);
bool key_role_from_text(const char *text, enum key_role *out);

/* A new key whose tag differs from the `taken_n` tags, also where either key is revoked (RFC 5011);
 * the caller owns it. */
enum err key_generate(struct key **out, uint8_t algorithm, enum key_role role,
		      const uint16_t *taken, size_t taken_n);
/* The same in a token, which keeps the private number: `store` is its PKCS #11 URI (RFC 7512:
 * "pkcs11:token=zones?pin-source=file:/path"), `label` what the objects are called there. *uri_out,
 * freed by the caller, names the key for key_read_as(). What cannot be used is destroyed again; no
 * other object is touched. A token may take its time. Findings show no PIN. ERR_UNSUPPORTED: no
 * token makes keys of that algorithm; ERR_NOKEY: no such token; ERR_PERMISSION, ERR_CRYPTO. */
struct key_wanted {
	uint8_t algorithm;
	enum key_role role;
	const uint16_t *taken;
	size_t taken_n;
};
enum err key_generate_in_token(struct key **out, char **uri_out, const char *store,
			       const char *label, const struct key_wanted *w, struct diag *d);
/* Takes back what key_generate_in_token() made and nobody has got to know. */
void key_destroy_in_token(const char *uri);

/* What a key's file or token does not say of it. */
struct key_traits {
	const enum key_role *role; /* NULL: it says so itself (BIND) */
	uint8_t algorithm;         /* 0: what it is; RSA is taken for RSASHA256 (RFC 8624 §3.1) */
};
/* Reads K<zone>+<alg>+<tag>.private with the .key beside it (flags come from there), a PEM file, or
 * what a URI names: "file:/path", "pkcs11:..." (RFC 7512) or another scheme that OpenSSL has a
 * store for. The zone name in a .key file must be `zone`. A PIN is never shown. */
enum err key_read_as(struct key **out, const char *name, const uint8_t *zone,
		     const struct key_traits *traits, struct diag *d);
enum err key_read(struct key **out, const char *name, const uint8_t *zone,
		  const enum key_role *role, struct diag *d);
/* Whether the name of a key is a URI ("pkcs11:token=zones;object=ksk"), not a path. */
bool key_is_uri(const char *name);
/* Writes a BIND pair into `dir` (made 0700 if missing); the .private comes to its place last: where
 * it stands the pair is whole. A .private of another key is never replaced: ERR_CONFLICT. `batch`
 * (base/file_batch.h): the pair is there when that is settled; NULL: at once. *path_out (may be
 * NULL) gets the .private path, to be freed. */
enum err key_write(const struct key *k, const char *dir, const uint8_t *zone,
		   struct file_batch *batch, char **path_out);

/* Takes so many octets (a power of two) out of the machine's memory for private numbers: locked
 * against swapping, kept out of core dumps, between guard pages. Before the first key is read, once
 * in a process's life. *locked: it could be locked. ERR_NOMEM: there is none, private numbers lie
 * on the ordinary heap. Where it is full but for what signing
 * needs, keys are neither made nor read: ERR_NOMEM. */
enum err key_secure_heap(size_t octets, bool *locked);

struct key *key_ref(struct key *k);
void key_free(struct key *k);

const struct dnskey *key_dnskey(const struct key *k);
/* Borrowed. */
EVP_PKEY *key_pkey(const struct key *k);

/* Octets of a signature in RRSIG. */
size_t key_signature_len(const struct key *k);

#endif
