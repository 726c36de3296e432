// SPDX-License-Identifier: Apache-2.0
/*
 * tls_client.h -- TLS towards other servers: who must be there, and one session over a descriptor.
 *
 * Purpose.   DNS over TLS as RFC 9103 asks for it: TLS 1.3, ALPN "dot" agreed, the server proved by
 * its name in a certificate of a trusted authority, by pins of its key (RFC 7858 §4.2), or both.
 * Invariant. tls_session_handshake() is only done when all of that holds; nothing is sent before.
 * Threads.   The loop that owns the session; a tls_client is counted and immutable.
 * Memory.    tls_client_unref() ends the caller's reference; sessions hold their own.
 */
#ifndef TRANSFER_TLS_CLIENT_H
#define TRANSFER_TLS_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/err.h"

#define TLS_PIN_LEN 32

struct tls_client_settings {
	const char *server_name;            /* in the certificate; NULL: only pins are looked at */
	const char *ca_file;                /* PEM; NULL: the system's authorities */
	const uint8_t (*pins)[TLS_PIN_LEN]; /* SHA-256 of the server's SubjectPublicKeyInfo: one
					       of them must match */
	size_t pin_n;
	const char *certificate, *key; /* our own, PEM; NULL: none */
};

struct tls_client;

/* Findings name the file. ERR_INVALID (neither a name nor a pin; a file is not good), ERR_NOMEM. */
enum err tls_client_new(struct tls_client **out, const struct tls_client_settings *s,
			struct diag *d);
struct tls_client *tls_client_ref(struct tls_client *c);
void tls_client_unref(struct tls_client *c);

struct tls_session;

/* Over a connected, non-blocking descriptor that stays the caller's. NULL without memory. */
struct tls_session *tls_session_new(struct tls_client *c, int fd);
void tls_session_free(struct tls_session *s);

enum tls_want { TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_FAILED };

/* TLS_FAILED: tls_session_error() says why in a few words. */
enum tls_want tls_session_handshake(struct tls_session *s);
/* As read() and write(): -1 with *want set; 0 at the end of the stream. */
ssize_t tls_session_read(struct tls_session *s, void *out, size_t n, enum tls_want *want);
ssize_t tls_session_write(struct tls_session *s, const void *from, size_t n, enum tls_want *want);
const char *tls_session_error(const struct tls_session *s);

#endif
