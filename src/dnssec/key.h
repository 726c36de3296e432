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
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "dnssec/dnskey.h"

enum key_role { KEY_KSK, KEY_ZSK, KEY_CSK };

struct key;

/* Flags of a role: 257 for KSK and CSK, 256 for ZSK. */
uint16_t key_role_flags(enum key_role role);
const char *key_role_text(enum key_role role);
bool key_role_from_text(const char *text, enum key_role *out);

/* A new key whose tag differs from the `taken_n` tags of keys of the same algorithm; the caller
 * owns it. */
enum err key_generate(struct key **out, uint8_t algorithm, enum key_role role,
		      const uint16_t *taken, size_t taken_n);
/* Reads K<zone>+<alg>+<tag>.private with the .key beside it (flags come from there), or a PEM file
 * (role says the flags; with a BIND file role may be NULL). The zone name in a .key file must be
 * `zone`. */
enum err key_read(struct key **out, const char *path, const uint8_t *zone,
		  const enum key_role *role, struct diag *d);
/* Writes a BIND pair into `dir` (made 0700 if missing), each file by write, fsync, rename, fsync of
 * the directory: after a crash the pair is whole or the .private is absent. *path_out (may be NULL)
 * gets the .private path, to be freed. */
enum err key_write(const struct key *k, const char *dir, const uint8_t *zone, char **path_out);

struct key *key_ref(struct key *k);
void key_free(struct key *k);

const struct dnskey *key_dnskey(const struct key *k);
/* Borrowed. */
EVP_PKEY *key_pkey(const struct key *k);

/* Octets of a signature in RRSIG. */
size_t key_signature_len(const struct key *k);

#endif
