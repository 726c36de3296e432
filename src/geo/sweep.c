// SPDX-License-Identifier: Apache-2.0
#include "geo/sweep.h"

#include "geo/embedding.h"

/* Of IPv6 only 2000::/3 is given to networks. */
#define V6_FIRST 0x20
#define V6_END   0x40
#define V6_BITS  3

void sweep_start(struct sweep *w, enum ip_family family)
{
	w->at = (struct ip_addr){ .family = (uint8_t)family };
	if (family == IP_V6)
		w->at.bytes[0] = V6_FIRST;
	w->ended = false;
}

/* The first address after a prefix; false where there is none. */
static bool step_over(const struct ip_prefix *p, struct ip_addr *a)
{
	uint8_t bits = ip_bits((enum ip_family)a->family), len = p->len;

	if (len == 0)
		return false;
	*a = p->addr;
	for (unsigned byte = (len - 1u) / 8, carry = 1u << ((bits - len) % 8); carry != 0; byte--) {
		unsigned sum = a->bytes[byte] + carry;
		a->bytes[byte] = (uint8_t)sum;
		carry = sum >> 8;
		if (byte == 0)
			return carry == 0 && (a->family == IP_V4 || a->bytes[0] < V6_END);
	}
	return true;
}

/* The largest prefix that begins at an address, of at least this length. */
static uint8_t aligned_len(const struct ip_addr *a, uint8_t least)
{
	uint8_t bits = ip_bits((enum ip_family)a->family), zeros = 0;

	while (zeros < bits && (a->bytes[(bits - 1u - zeros) / 8] >> (zeros % 8) & 1) == 0)
		zeros++;
	uint8_t len = (uint8_t)(bits - zeros);
	return len > least ? len : least;
}

static void step(struct sweep *w, uint8_t len)
{
	w->prefix.addr = w->at;
	w->prefix.len = aligned_len(&w->at, len);
	w->ended = !step_over(&w->prefix, &w->at);
}

static void skip_embeddings(struct sweep *w)
{
	const struct embedding *e;

	while (!w->ended && w->at.family == IP_V6 && (e = embedding_of(address_of(&w->at))) != NULL)
		step(w, e->len);
}

bool sweep_next(struct sweep *w)
{
	uint8_t len = 0;

	skip_embeddings(w);
	if (w->ended)
		return false;
	for (int i = 0; i < SWEEP_SIDES; i++) {
		if (w->side[i].set == NULL)
			continue;
		w->choice[i] =
		    steer_choose(w->side[i].set, w->side[i].policy, &w->at, &w->trace[i]);
		if (w->trace[i].leaf_len > len)
			len = w->trace[i].leaf_len;
	}
	if (w->db != NULL) {
		uint8_t range_len = 0;
		w->place = location_find(w->db, &w->at, &range_len);
		if (range_len > len)
			len = range_len;
	}
	if (w->at.family == IP_V6 && len < V6_BITS)
		len = V6_BITS;
	step(w, len);
	return true;
}

double sweep_share(const struct ip_prefix *p)
{
	double share = 1;

	for (uint8_t n = p->addr.family == IP_V6 ? V6_BITS : 0; n < p->len; n++)
		share /= 2;
	return share;
}
