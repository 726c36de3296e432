// SPDX-License-Identifier: Apache-2.0
#include "geo/embedding.h"

const struct embedding EMBEDDINGS[EMBEDDING_N] = {
	{ "IPv4-mapped", { 0, 0xffffULL << 32 }, 96, 96, false },
	{ "NAT64", { 0x0064ff9b00000000, 0 }, 96, 96, false },
	{ "Teredo", { 0x20010000ULL << 32, 0 }, 32, 96, true },
	{ "6to4", { 0x2002ULL << 48, 0 }, 16, 16, false },
};

struct ip_addr embedding_ipv4(const struct embedding *e, struct address a)
{
	uint32_t v4 = e->at == 16 ? (uint32_t)(a.hi >> 16) : (uint32_t)a.lo;

	if (e->inverted)
		v4 = ~v4;
	return (struct ip_addr){
		.family = IP_V4,
		.bytes = { (uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8),
			   (uint8_t)v4 },
	};
}

struct located embedding_locate(const struct ip_addr *client)
{
	struct located l = { .addr = *client };

	if (client->family != IP_V6)
		return l;
	struct address a = address_of(client);
	l.in = embedding_of(a);
	if (l.in != NULL)
		l.addr = embedding_ipv4(l.in, a);
	return l;
}

uint8_t embedding_apart(struct address a, uint8_t len)
{
	uint8_t apart = 0;

	for (size_t i = 0; i < EMBEDDING_N; i++) {
		uint8_t common = address_common(IP_V6, a, EMBEDDINGS[i].first);
		if (common >= len && common < EMBEDDINGS[i].len && common + 1 > apart)
			apart = (uint8_t)(common + 1);
	}
	return apart;
}
