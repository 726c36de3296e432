// SPDX-License-Identifier: Apache-2.0
/* Names as master-file text (RFC 1035 §5.1). */
#include "dns/name.h"

/* One octet of text, escapes undone. False for a bad escape. */
static bool unescape(const char **p, uint8_t *out)
{
	const char *s = *p;

	if (*s != '\\') {
		*out = (uint8_t)*s;
		*p = s + 1;
		return true;
	}
	s++;
	if (*s == 0)
		return false;
	if (*s < '0' || *s > '9') {
		*out = (uint8_t)*s;
		*p = s + 1;
		return true;
	}
	unsigned v = 0;
	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (v > 255)
		return false;
	*out = (uint8_t)v;
	*p = s + 3;
	return true;
}

/* Reads one label; *ended tells that a dot or the end followed. */
static enum err read_label(const char **p, uint8_t *label)
{
	unsigned n = 0;

	while (**p != 0 && **p != '.') {
		uint8_t octet;
		if (!unescape(p, &octet))
			return ERR_SYNTAX;
		if (n == NAME_LABEL_MAX)
			return ERR_TOO_LONG;
		label[1 + n++] = octet;
	}
	label[0] = (uint8_t)n;
	return n > 0 ? ERR_OK : ERR_SYNTAX;
}

static enum err append(struct name *out, unsigned *len, const uint8_t *label)
{
	if (*len + 1u + label[0] + 1u > NAME_MAX_LEN)
		return ERR_TOO_LONG;
	memcpy(out->wire + *len, label, 1u + label[0]);
	out->offset[out->label_n++] = (uint8_t)*len;
	*len += 1u + label[0];
	return ERR_OK;
}

static enum err finish(struct name *out, unsigned len, const uint8_t *origin)
{
	for (; origin != NULL && *origin != 0; origin += 1u + *origin) {
		enum err e = append(out, &len, origin);
		if (e)
			return e;
	}
	out->wire[len] = 0;
	out->offset[out->label_n] = (uint8_t)len;
	out->len = (uint8_t)(len + 1);
	return ERR_OK;
}

enum err name_from_text(const char *text, const uint8_t *origin, struct name *out)
{
	uint8_t label[1 + NAME_LABEL_MAX];
	unsigned len = 0;

	out->label_n = 0;
	if (text[0] == 0)
		return ERR_SYNTAX;
	if (text[0] == '.' && text[1] == 0)
		return finish(out, 0, NULL);
	if (text[0] == '@' && text[1] == 0)
		return finish(out, 0, origin);
	for (;;) {
		enum err e = read_label(&text, label);
		if (!e)
			e = append(out, &len, label);
		if (e)
			return e;
		if (*text == 0)
			return finish(out, len, origin);
		text++; /* the dot */
		if (*text == 0)
			return finish(out, len, NULL);
	}
}

static char *write_octet(char *p, uint8_t c)
{
	if (c < 0x21 || c > 0x7e) {
		*p++ = '\\';
		*p++ = (char)('0' + c / 100);
		*p++ = (char)('0' + c / 10 % 10);
		*p++ = (char)('0' + c % 10);
		return p;
	}
	if (strchr(".\"();@$\\", c) != NULL)
		*p++ = '\\';
	*p++ = (char)c;
	return p;
}

char *name_to_text(const uint8_t *name, char *out)
{
	char *p = out;

	if (*name == 0)
		*p++ = '.';
	for (; *name != 0; name += 1u + *name) {
		for (unsigned i = 1; i <= *name; i++)
			p = write_octet(p, name[i]);
		*p++ = '.';
	}
	*p = 0;
	return out;
}
