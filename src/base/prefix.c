// SPDX-License-Identifier: Apache-2.0
#include "base/prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool ip_from_text(const char *text, struct ip_addr *out)
{
	*out = (struct ip_addr){ 0 };
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		out->family = IP_V4;
	else if (inet_pton(AF_INET6, text, out->bytes) == 1)
		out->family = IP_V6;
	return out->family != IP_NONE;
}

bool ip_prefix_from_text(const char *text, struct ip_prefix *out, bool *stray)
{
	char addr[IP_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned len = 0;

	if (n >= sizeof addr)
		return false;
	memcpy(addr, text, n);
	addr[n] = 0;
	if (!ip_from_text(addr, &out->addr))
		return false;
	len = ip_bits(out->addr.family);
	if (slash != NULL) {
		unsigned given = 0;
		size_t digits = 0;
		for (const char *p = slash + 1; *p >= '0' && *p <= '9' && digits < 3; p++, digits++)
			given = given * 10 + (unsigned)(*p - '0');
		if (digits == 0 || slash[1 + digits] != 0 || given > len)
			return false;
		len = given;
	}
	out->len = (uint8_t)len;
	struct ip_addr cut = ip_cut(&out->addr, out->len);
	if (stray != NULL)
		*stray = !ip_equal(&cut, &out->addr);
	out->addr = cut;
	return true;
}

char *ip_to_text(const struct ip_addr *a, char *out)
{
	if (a->family == IP_NONE ||
	    inet_ntop(a->family == IP_V4 ? AF_INET : AF_INET6, a->bytes, out, IP_TEXT_MAX) == NULL)
		strcpy(out, "none");
	return out;
}

char *ip_prefix_to_text(const struct ip_prefix *p, char *out)
{
	ip_to_text(&p->addr, out);
	size_t n = strlen(out);
	snprintf(out + n, IP_TEXT_MAX - n, "/%u", p->len);
	return out;
}

struct ip_addr ip_cut(const struct ip_addr *a, uint8_t len)
{
	struct ip_addr out = { .family = a->family };
	size_t whole = len / 8u;

	memcpy(out.bytes, a->bytes, whole);
	if (len % 8u != 0)
		out.bytes[whole] = (uint8_t)(a->bytes[whole] & (0xff00u >> (len % 8u)));
	return out;
}

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	return p->addr.family == a->family &&
	       ip_common_bits(p->addr.bytes, a->bytes, p->len) == p->len;
}

uint8_t ip_common_bits(const uint8_t *a, const uint8_t *b, uint8_t bits)
{
	unsigned n = 0;

	while (n + 8 <= bits && a[n / 8] == b[n / 8])
		n += 8;
	while (n < bits && ((a[n / 8] ^ b[n / 8]) & (0x80u >> (n % 8))) == 0)
		n++;
	return (uint8_t)n;
}
