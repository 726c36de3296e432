// SPDX-License-Identifier: Apache-2.0
#include "control/server_info.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/random.h"
#include "dns/rrtype.h"

struct rrset *server_info_text(const char *text)
{
	size_t n = strlen(text) < 255 ? strlen(text) : 255;
	struct rrset *r = malloc(sizeof *r + RR_FIXED_LEN + 1 + n);

	if (r == NULL)
		return NULL;
	*r = (struct rrset){ .type = TYPE_TXT,
			     .rr_n = 1,
			     .wire_len = (uint32_t)(RR_FIXED_LEN + 1 + n) };
	store_u16(r->wire, TYPE_TXT);
	store_u16(r->wire + 2, CLASS_CH);
	store_u32(r->wire + 4, 0);
	store_u16(r->wire + 8, (uint16_t)(1 + n));
	r->wire[RR_FIXED_LEN] = (uint8_t)n;
	memcpy(r->wire + RR_FIXED_LEN + 1, text, n);
	return r;
}

static int digit(char c)
{
	const char *all = "0123456789abcdef", *at = c != 0 ? strchr(all, tolower(c)) : NULL;

	return at != NULL ? (int)(at - all) : -1;
}

static bool read_secret(const char *line, struct siphash_key *out)
{
	uint8_t bytes[COOKIE_SECRET_LEN];

	for (size_t i = 0; i < sizeof bytes; i++) {
		int high = digit(line[2 * i]), low = high < 0 ? -1 : digit(line[2 * i + 1]);
		if (low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	*out = cookie_secret_of(bytes);
	return strspn(line + 2 * sizeof bytes, " \t\r\n") == strlen(line + 2 * sizeof bytes);
}

static enum err refuse(struct diag *d, const char *path, unsigned line, enum err e,
		       const char *what)
{
	struct diag_place at = { .file = path, .line = line };

	diag_add(d, DIAG_ERROR, &at, NULL, "%s", what);
	return e;
}

static enum err read_lines(FILE *f, const char *path, struct cookie_secrets *out, struct diag *d)
{
	char line[200];

	for (unsigned number = 1; fgets(line, sizeof line, f) != NULL; number++) {
		char *at = line + strspn(line, " \t\r\n");
		if (*at == 0 || *at == '#')
			continue;
		if (out->n == COOKIE_SECRETS_MAX)
			return refuse(d, path, number, ERR_INVALID,
				      "more than three secrets: remove those that no server makes "
				      "cookies with any more");
		if (!read_secret(at, &out->secret[out->n++]))
			return refuse(d, path, number, ERR_INVALID,
				      "expected a secret of 32 hexadecimal digits");
	}
	return out->n > 0 ? ERR_OK : refuse(d, path, 0, ERR_INVALID, "no secret in the file");
}

enum err cookie_file_read(const char *path, struct cookie_secrets *out, struct diag *d)
{
	struct stat st;
	FILE *f = fopen(path, "re");

	*out = (struct cookie_secrets){ 0 };
	if (f == NULL)
		return refuse(d, path, 0, ERR_IO, strerror(errno));
	enum err e = fstat(fileno(f), &st) == 0 && (st.st_mode & 077) == 0
			 ? read_lines(f, path, out, d)
			 : refuse(d, path, 0, ERR_PERMISSION,
				  "the secrets can be read by others: chmod 600");
	fclose(f);
	return e;
}

void cookie_secrets_roll(struct cookie_secrets *s)
{
	uint8_t bytes[COOKIE_SECRET_LEN];

	random_bytes(bytes, sizeof bytes);
	s->secret[1] = s->secret[0];
	s->n = s->n == 0 ? 1 : 2;
	s->secret[0] = cookie_secret_of(bytes);
}
