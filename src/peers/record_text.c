// SPDX-License-Identifier: Apache-2.0
#include "peers/record_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

#define TYPES_MAX 32

/* ---- to text ---- */

static void cds_to_text(struct span rdata, char *out)
{
	size_t n = (size_t)snprintf(out, RECORD_TEXT_MAX, "%u %u %u ", load_u16(rdata.p),
				    rdata.p[2], rdata.p[3]);

	for (size_t i = 4; i < rdata.n && n + 3 < RECORD_TEXT_MAX; i++)
		n += (size_t)snprintf(out + n, 3, "%02x", rdata.p[i]);
}

/* RFC 7477 §2.1.2 */
static void csync_to_text(struct span rdata, char *out)
{
	struct reader r = reader_of(rdata.p, rdata.n);
	uint32_t serial = read_u32(&r);
	unsigned flags = read_u16(&r);
	size_t n = (size_t)snprintf(out, RECORD_TEXT_MAX, "%u %u", serial, flags);
	char name[RR_TYPE_TEXT_MAX];

	while (reader_left(&r) > 0) {
		unsigned window = read_u8(&r), len = read_u8(&r);
		const uint8_t *bits = read_bytes(&r, len);
		for (unsigned i = 0; bits != NULL && i < 8 * len; i++)
			if ((bits[i / 8] >> (7 - i % 8) & 1) && n + 30 < RECORD_TEXT_MAX)
				n += (size_t)snprintf(
				    out + n, 30, " %s",
				    rr_type_to_text((uint16_t)(window << 8 | i), name));
	}
}

bool record_to_text(uint16_t type, struct span rdata, char out[RECORD_TEXT_MAX])
{
	struct dnskey k;

	if (!rdata_is_valid(type, rdata))
		return false;
	switch (type) {
	case TYPE_DNSKEY:
	case TYPE_CDNSKEY:
		if (dnskey_from_rdata(rdata, &k))
			return false;
		dnskey_to_text(&k, out);
		return true;
	case TYPE_CDS:
		cds_to_text(rdata, out);
		return true;
	case TYPE_NS:
		name_to_text(rdata.p, out);
		return true;
	case TYPE_CSYNC:
		csync_to_text(rdata, out);
		return true;
	default:
		return false;
	}
}

/* ---- from text ---- */

static bool number(const char **text, unsigned long max, unsigned long *out)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*out = strtoul(*text, &end, 10);
	while (*end == ' ')
		end++;
	*text = end;
	return *out <= max;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err cds_from_text(const char *text, uint8_t *out, size_t *n)
{
	unsigned long tag, algorithm, kind;

	if (!number(&text, 65535, &tag) || !number(&text, 255, &algorithm) ||
	    !number(&text, 255, &kind))
		return ERR_SYNTAX;
	store_u16(out, (uint16_t)tag);
	out[2] = (uint8_t)algorithm;
	out[3] = (uint8_t)kind;
	*n = 4;
	for (; *text != 0; text++) {
		if (*text == ' ')
			continue;
		int high = digit(text[0]), low = high >= 0 ? digit(text[1]) : -1;
		if (low < 0 || *n == RECORD_RDATA_MAX)
			return ERR_SYNTAX;
		out[(*n)++] = (uint8_t)(high << 4 | low);
		text++;
	}
	return ERR_OK;
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static enum err csync_from_text(const char *text, uint8_t *out, size_t *n)
{
	unsigned long serial, flags;
	uint16_t types[TYPES_MAX];
	size_t type_n = 0;
	char word[RR_TYPE_TEXT_MAX];
	int len;

	if (!number(&text, UINT32_MAX, &serial) || !number(&text, 65535, &flags))
		return ERR_SYNTAX;
	while (sscanf(text, " %23s%n", word, &len) == 1) {
		if (type_n == TYPES_MAX || !rr_type_from_text(word, &types[type_n]))
			return ERR_SYNTAX;
		type_n++;
		text += len;
	}
	qsort(types, type_n, sizeof types[0], by_number);
	store_u32(out, (uint32_t)serial);
	store_u16(out + 4, (uint16_t)flags);
	*n = 6 + rdata_write_bitmap(types, type_n, out + 6, RECORD_RDATA_MAX - 6);
	return ERR_OK;
}

enum err record_from_text(uint16_t type, const char *text, uint8_t out[RECORD_RDATA_MAX], size_t *n)
{
	struct dnskey k;
	struct name name;
	char owner[NAME_TEXT_MAX];
	enum err e = ERR_SYNTAX;

	switch (type) {
	case TYPE_DNSKEY:
	case TYPE_CDNSKEY:
		if (dnskey_from_text(text, &k, owner, sizeof owner))
			break;
		memcpy(out, k.rdata, k.rdata_len);
		*n = k.rdata_len;
		return ERR_OK;
	case TYPE_CDS:
		e = cds_from_text(text, out, n);
		break;
	case TYPE_NS:
		if (name_from_text(text, NULL, &name))
			break;
		*n = name_lower(name.wire, out);
		return ERR_OK;
	case TYPE_CSYNC:
		e = csync_from_text(text, out, n);
		break;
	default:
		break;
	}
	return !e && rdata_is_valid(type, (struct span){ out, *n }) ? ERR_OK : ERR_SYNTAX;
}
