// SPDX-License-Identifier: Apache-2.0
#include "dnssec/base64.h"

#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const uint8_t *in, size_t n, char *out)
{
	char *p = out;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
			     (left > 2 ? in[i + 2] : 0);
		*p++ = DIGITS[v >> 18];
		*p++ = DIGITS[v >> 12 & 63];
		*p++ = left > 1 ? DIGITS[v >> 6 & 63] : '=';
		*p++ = left > 2 ? DIGITS[v & 63] : '=';
	}
	*p = 0;
	return out;
}

bool base64_decode(const char *text, size_t stop, uint8_t *out, size_t cap, size_t *len)
{
	uint32_t v = 0;
	unsigned digits = 0, padding = 0;
	size_t n = 0;

	for (size_t i = 0; i < stop && text[i] != 0; i++) {
		char c = text[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		const char *d = c == '=' ? NULL : strchr(DIGITS, c);
		if ((c != '=' && d == NULL) || (padding > 0 && c != '='))
			return false;
		padding += c == '=';
		v = v << 6 | (d != NULL ? (uint32_t)(d - DIGITS) : 0);
		if (++digits % 4 != 0)
			continue;
		if (padding > 2 || n + 3 - padding > cap)
			return false;
		for (unsigned k = 0; k < 3 - padding; k++)
			out[n++] = (uint8_t)(v >> (16 - 8 * k));
		v = 0;
	}
	*len = n;
	return digits % 4 == 0 && n > 0;
}
