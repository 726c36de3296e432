// SPDX-License-Identifier: Apache-2.0
/*
 * cookie.h -- DNS cookies (RFC 7873) in the interoperable form (RFC 9018): every server of an
 * anycast group that has the secret accepts what another gave out.
 *
 * Invariant. A cookie is good when it was made with one of the secrets for this client address and
 * client cookie, at most COOKIE_LIFE_S ago. New ones are made with secret[0]. Threads.   Pure; no
 * allocation.
 */
#ifndef QUERY_COOKIE_H
#define QUERY_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "base/siphash.h"

#define COOKIE_CLIENT_LEN  8
#define COOKIE_LEN         24 /* client's 8, server's 16 */
#define COOKIE_SECRET_LEN  16
#define COOKIE_SECRETS_MAX 3 /* in use, the one before, the one to come */

/* RFC 9018 §4.3 */
#define COOKIE_LIFE_S   3600
#define COOKIE_FUTURE_S 300
#define COOKIE_RENEW_S  1800

struct cookie_secrets {
	unsigned n; /* 0: cookies are off */
	struct siphash_key secret[COOKIE_SECRETS_MAX];
};

struct siphash_key cookie_secret_of(const uint8_t bytes[COOKIE_SECRET_LEN]);

/* Whether the cookie that a client sent back is good. */
bool cookie_is_good(const struct cookie_secrets *s, const uint8_t *cookie, size_t n,
		    const struct ip_addr *client, int64_t now);

/* What goes into the answer: the client's cookie and ours, whose bytes are those sent back where
 * they are good and young. */
void cookie_make(const struct cookie_secrets *s, const uint8_t *cookie, size_t n,
		 const struct ip_addr *client, int64_t now, bool good, uint8_t out[COOKIE_LEN]);

#endif
