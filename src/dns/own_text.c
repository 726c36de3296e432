// SPDX-License-Identifier: Apache-2.0
/* Presentation format of types that the zone-file library does not know by name, and RFC 3597 form
 * for every type. */
#include <stdio.h>
#include <strings.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

#define WORD_MAX 1024

/* Words of one RDATA, read one by one. */
struct words {
	const char *p;
	bool bad;
	bool escaped; /* the last word held an escape or quotes */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool unescape_octet(struct words *w, uint8_t *out)
{
	const char *s = w->p + 1;

	w->escaped = true;
	if (*s == 0)
		return false;
	if (*s >= '0' && *s <= '9') {
		unsigned v = 0;
		for (int i = 0; i < 3; i++) {
			if (s[i] < '0' || s[i] > '9')
				return false;
			v = v * 10 + (unsigned)(s[i] - '0');
		}
		*out = (uint8_t)v;
		w->p = s + 3;
		return v <= 255;
	}
	*out = (uint8_t)*s;
	w->p = s + 1;
	return true;
}

/* The next word as octets, quotes and escapes undone, and a NUL behind. Returns its length; sets
 * bad where there is none or it is too long. */
static size_t next_octets(struct words *w, uint8_t *out, size_t cap)
{
	size_t n = 0;
	bool quoted = false;

	w->escaped = false;
	while (is_blank(*w->p))
		w->p++;
	if (*w->p == 0)
		w->bad = true;
	while (!w->bad && *w->p != 0 && (quoted || !is_blank(*w->p))) {
		uint8_t octet = (uint8_t)*w->p;
		if (octet == '"') {
			quoted = !quoted;
			w->escaped = true;
			w->p++;
			continue;
		}
		if (octet == '\\') {
			if (!unescape_octet(w, &octet)) {
				w->bad = true;
				break;
			}
		} else {
			w->p++;
		}
		if (n + 1 >= cap) {
			w->bad = true;
			break;
		}
		out[n++] = octet;
	}
	if (quoted)
		w->bad = true;
	out[w->bad ? 0 : n] = 0;
	return n;
}

static bool at_end(struct words *w)
{
	while (is_blank(*w->p))
		w->p++;
	return *w->p == 0;
}

static uint32_t next_number(struct words *w, uint32_t max)
{
	char word[WORD_MAX];
	uint64_t v = 0;
	size_t n = next_octets(w, (uint8_t *)word, sizeof word);

	if (n == 0 || n > 10)
		w->bad = true;
	for (size_t i = 0; i < n && !w->bad; i++) {
		if (word[i] < '0' || word[i] > '9')
			w->bad = true;
		v = v * 10 + (uint64_t)(word[i] - '0');
	}
	if (v > max)
		w->bad = true;
	return w->bad ? 0 : (uint32_t)v;
}

/* A name keeps its escapes: the name parser undoes them. */
static void next_name(struct words *w, const uint8_t *origin, struct writer *out)
{
	char word[NAME_TEXT_MAX];
	struct name name;
	size_t n = 0;

	while (is_blank(*w->p))
		w->p++;
	while (*w->p != 0 && !is_blank(*w->p) && n + 1 < sizeof word) {
		if (*w->p == '\\' && w->p[1] != 0 && n + 2 < sizeof word)
			word[n++] = *w->p++;
		word[n++] = *w->p++;
	}
	word[n] = 0;
	if (name_from_text(word, origin, &name))
		w->bad = true;
	else
		write_bytes(out, name.wire, name.len);
}

/* RFC 9859 §2.1: type, scheme, port, target. */
static void read_dsync(struct words *w, const uint8_t *origin, struct writer *out)
{
	char word[WORD_MAX];
	uint16_t type = 0;

	next_octets(w, (uint8_t *)word, sizeof word);
	if (w->bad || !rr_type_from_text(word, &type))
		w->bad = true;
	write_u16(out, type);
	const char *before = w->p;
	next_octets(w, (uint8_t *)word, sizeof word);
	if (!w->bad && strcasecmp(word, "NOTIFY") == 0) {
		write_u8(out, 1);
	} else {
		w->p = before;
		write_u8(out, (uint8_t)next_number(w, 255));
	}
	write_u16(out, (uint16_t)next_number(w, 65535));
	next_name(w, origin, out);
}

/* One or more <character-string>. */
static void read_strings(struct words *w, const uint8_t *origin, struct writer *out)
{
	uint8_t word[WORD_MAX];

	(void)origin;
	do {
		size_t n = next_octets(w, word, sizeof word);
		if (n > 255)
			w->bad = true;
		write_u8(out, (uint8_t)n);
		write_bytes(out, word, n);
	} while (!w->bad && !at_end(w));
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 over any number of words, to the end. */
static void read_base64(struct words *w, const uint8_t *origin, struct writer *out)
{
	uint32_t group = 0;
	unsigned digits = 0, padding = 0;

	(void)origin;
	for (; *w->p != 0 && !w->bad; w->p++) {
		if (is_blank(*w->p))
			continue;
		int v = *w->p == '=' ? 0 : base64_digit(*w->p);
		padding += *w->p == '=';
		if (v < 0 || (padding > 0 && *w->p != '=') || padding > 2)
			w->bad = true;
		group = group << 6 | (uint32_t)(v < 0 ? 0 : v);
		if (++digits % 4 != 0)
			continue;
		uint8_t bytes[3] = { (uint8_t)(group >> 16), (uint8_t)(group >> 8),
				     (uint8_t)group };
		write_bytes(out, bytes, 3 - padding);
		group = 0;
	}
	if (digits == 0 || digits % 4 != 0)
		w->bad = true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3597 §5: \# length hex. */
static void read_generic(struct words *w, struct writer *out)
{
	uint32_t want = next_number(w, RDATA_MAX);
	size_t before = writer_len(out);
	int high = -1;

	for (; *w->p != 0 && !w->bad; w->p++) {
		if (is_blank(*w->p))
			continue;
		int v = hex_digit(*w->p);
		if (v < 0) {
			w->bad = true;
		} else if (high < 0) {
			high = v;
		} else {
			write_u8(out, (uint8_t)(high << 4 | v));
			high = -1;
		}
	}
	if (high >= 0 || (!out->full && writer_len(out) - before != want))
		w->bad = true;
}

enum err rdata_from_own_text(uint16_t type, const char *text, const uint8_t *origin, uint8_t *out,
			     size_t cap, size_t *len)
{
	static const struct {
		uint16_t type;
		void (*read)(struct words *w, const uint8_t *origin, struct writer *out);
	} OURS[] = {
		{ TYPE_DSYNC, read_dsync },     /* RFC 9859 §2.1 */
		{ TYPE_HHIT, read_base64 },     /* RFC 9886 §5.1 */
		{ TYPE_BRID, read_base64 },     /* RFC 9886 §5.2 */
		{ TYPE_RESINFO, read_strings }, /* RFC 9606 §4 */
		{ TYPE_WALLET, read_strings },
	};
	struct words w = { .p = text };
	struct writer to = writer_of(out, cap);
	size_t i = 0, n = sizeof OURS / sizeof *OURS;

	while (is_blank(*w.p))
		w.p++;
	if (w.p[0] == '\\' && w.p[1] == '#' && (w.p[2] == 0 || is_blank(w.p[2]))) {
		w.p += 2;
		read_generic(&w, &to);
	} else {
		while (i < n && OURS[i].type != type)
			i++;
		if (i == n)
			return ERR_UNSUPPORTED;
		OURS[i].read(&w, origin, &to);
	}
	if (to.full)
		return ERR_TOO_LONG;
	if (w.bad || !at_end(&w) || !rdata_is_valid(type, (struct span){ out, writer_len(&to) }))
		return ERR_SYNTAX;
	*len = writer_len(&to);
	return ERR_OK;
}
