// SPDX-License-Identifier: Apache-2.0
/* Server cookie (RFC 9018 §4): version 1, three zero octets, 32 bits of time, SipHash-2-4 over
 * client cookie, those eight octets and the client's address. */
#include "query/cookie.h"

#include <string.h>

#include "dns/wire.h"

#define VERSION  1
#define TIME_AT  12
#define HASH_AT  16
#define HASH_LEN 8

static uint64_t little_endian(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

struct siphash_key cookie_secret_of(const uint8_t bytes[COOKIE_SECRET_LEN])
{
	return (struct siphash_key){ little_endian(bytes), little_endian(bytes + 8) };
}

static void hash(const struct siphash_key *secret, const uint8_t *start,
		 const struct ip_addr *client, uint8_t out[HASH_LEN])
{
	uint8_t in[HASH_AT + 16];
	size_t n = client->family == IP_V4 ? 4 : 16;

	memcpy(in, start, HASH_AT);
	memcpy(in + HASH_AT, client->bytes, n);
	uint64_t h = siphash(secret, in, HASH_AT + n);
	for (int i = 0; i < HASH_LEN; i++)
		out[i] = (uint8_t)(h >> 8 * i);
}

/* Seconds since it was made, in serial arithmetic (RFC 9018 §4.3). */
static int32_t age_of(const uint8_t *cookie, int64_t now)
{
	return (int32_t)((uint32_t)now - load_u32(cookie + TIME_AT));
}

/* Takes the same time for every wrong guess. */
static bool same(const uint8_t *a, const uint8_t *b)
{
	uint8_t differs = 0;

	for (int i = 0; i < HASH_LEN; i++)
		differs |= a[i] ^ b[i];
	return differs == 0;
}

bool cookie_is_good(const struct cookie_secrets *s, const uint8_t *cookie, size_t n,
		    const struct ip_addr *client, int64_t now)
{
	uint8_t expected[HASH_LEN];

	if (n != COOKIE_LEN || cookie[COOKIE_CLIENT_LEN] != VERSION)
		return false;
	int32_t age = age_of(cookie, now);
	if (age > COOKIE_LIFE_S || age < -COOKIE_FUTURE_S)
		return false;
	for (unsigned i = 0; i < s->n; i++) {
		hash(&s->secret[i], cookie, client, expected);
		if (same(expected, cookie + HASH_AT))
			return true;
	}
	return false;
}

void cookie_make(const struct cookie_secrets *s, const uint8_t *cookie, size_t n,
		 const struct ip_addr *client, int64_t now, bool good, uint8_t out[COOKIE_LEN])
{
	if (good && age_of(cookie, now) < COOKIE_RENEW_S) {
		memcpy(out, cookie, n);
		return;
	}
	memcpy(out, cookie, COOKIE_CLIENT_LEN);
	store_u32(out + COOKIE_CLIENT_LEN, (uint32_t)VERSION << 24);
	store_u32(out + TIME_AT, (uint32_t)now);
	hash(&s->secret[0], out, client, out + HASH_AT);
}
