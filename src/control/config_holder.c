// SPDX-License-Identifier: Apache-2.0
#include "control/config_holder.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "dnssec/dnskey.h"

static bool read_number(const char **p, unsigned long max, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)**p))
		return false;
	*out = strtoul(*p, &end, 10);
	*p = end + strspn(end, " \t");
	return *out <= max && end != *p;
}

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Digits may be in groups. */
static bool read_digest(const char *p, size_t want, uint8_t *out)
{
	size_t n = 0;

	for (; *p != 0; p++) {
		if (*p == ' ' || *p == '\t')
			continue;
		int d = digit(*p);
		if (d < 0 || n == 2 * want)
			return false;
		out[n / 2] = (uint8_t)(n % 2 == 0 ? d << 4 : out[n / 2] | d);
		n++;
	}
	return n == 2 * want;
}

/* SHA-256 and SHA-384 alone: those that we can compute (dnskey_ds()). */
static bool read_ds(const char *text, uint8_t out[DS_RDATA_MAX], size_t *n)
{
	unsigned long tag, algorithm, digest;

	if (!read_number(&text, UINT16_MAX, &tag) || !read_number(&text, UINT8_MAX, &algorithm) ||
	    !read_number(&text, UINT8_MAX, &digest) || (digest != 2 && digest != 4))
		return false;
	store_u16(out, (uint16_t)tag);
	out[2] = (uint8_t)algorithm;
	out[3] = (uint8_t)digest;
	*n = digest == 2 ? 36 : 52;
	return read_digest(text, *n - 4, out + 4);
}

enum err config_read_holder_ds(struct schema *s, const struct yaml_node *value, struct span **out,
			       size_t *out_n)
{
	const struct yaml_node *const *items = value->kind == YAML_LIST ? value->item : &value;
	size_t n = value->kind == YAML_LIST ? value->n : 1;

	if (n == 0 || n > CONFIG_HOLDER_DS_MAX)
		return schema_expected(s, value, "one to eight DS records");
	*out = arena_alloc(s->arena, n * sizeof **out);
	for (size_t i = 0; i < n && *out != NULL; i++) {
		uint8_t rdata[DS_RDATA_MAX];
		size_t len;
		const char *text = schema_text(s, items[i], "a DS record's data");
		if (text == NULL || !read_ds(text, rdata, &len))
			return schema_expected(s, items[i],
					       "a DS record's data: tag, algorithm, digest type 2 "
					       "or 4, digest");
		(*out)[i] = (struct span){ arena_copy(s->arena, rdata, len), len };
		if ((*out)[i].p == NULL)
			return ERR_NOMEM;
	}
	*out_n = n;
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}
