// SPDX-License-Identifier: Apache-2.0
#include "query/rate_limit.h"

#include <string.h>

/* Seconds of answers that a network may owe: how long it stays silent after a flood. */
#define DEBT_S 15

static uint64_t tag_of(const struct rate_table *t, const struct rate_limit *l,
		       const struct ip_addr *client, enum rate_class class, uint64_t zone)
{
	struct {
		uint64_t zone;
		uint8_t address[16];
		uint8_t family, class, zeroes[6];
	} in = { .zone = zone, .family = client->family, .class = (uint8_t) class };
	struct ip_addr net = ip_cut(client, client->family == IP_V4 ? l->prefix4 : l->prefix6);

	memcpy(in.address, net.bytes, sizeof in.address);
	return siphash(&t->key, &in, sizeof in);
}

static struct rate_account *account_of(struct rate_table *t, uint64_t tag, uint32_t now,
				       const struct rate_limit *l)
{
	struct rate_account *ways = t->account[tag % RATE_BUCKETS], *oldest = &ways[0];

	for (unsigned i = 0; i < RATE_WAYS; i++) {
		if (ways[i].tag == tag)
			return &ways[i];
		if (now - ways[i].seen_at > now - oldest->seen_at)
			oldest = &ways[i];
	}
	*oldest = (struct rate_account){ tag, (int32_t)l->per_second, now, 0 };
	return oldest;
}

enum rate_verdict rate_check(struct rate_table *t, const struct rate_limit *l,
			     const struct ip_addr *client, enum rate_class class, uint64_t zone,
			     int64_t now)
{
	uint32_t seconds = (uint32_t)now;
	struct rate_account *a = account_of(t, tag_of(t, l, client, class, zone), seconds, l);
	uint32_t passed = seconds - a->seen_at;
	int64_t rate = l->per_second;

	if (passed > 0) {
		int64_t more = a->balance + (passed < 2 * DEBT_S ? passed : 2 * DEBT_S) * rate;
		a->balance = (int32_t)(more < rate ? more : rate);
		a->seen_at = seconds;
	}
	if (a->balance > -DEBT_S * rate)
		a->balance--;
	if (a->balance >= 0)
		return RATE_SEND;
	a->limited++;
	return l->slip > 0 && a->limited % l->slip == 0 ? RATE_SLIP : RATE_DROP;
}
