// SPDX-License-Identifier: Apache-2.0
#include "control/tsig_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnssec/base64.h"

bool tsig_key_from_text(struct tsig_key *out, const char *name, const char *algorithm,
			const char *secret, const char **why)
{
	struct name n;
	size_t len = 0;

	*out = (struct tsig_key){ 0 };
	*why = NULL;
	if (name_from_text(name, NULL, &n) || n.len == 1)
		*why = "the name of a TSIG key must be a domain name";
	else if (!tsig_algorithm_from_text(algorithm, &out->algorithm, &out->mac_len))
		*why = "the algorithm of a TSIG key must be hmac-sha1, hmac-sha224, hmac-sha256, "
		       "hmac-sha384 or hmac-sha512 (or one with a number of bits, hmac-sha256-128)";
	else if (!base64_decode(secret, strlen(secret), out->secret, sizeof out->secret, &len) ||
		 len == 0)
		*why = "the secret of a TSIG key must be base64, of at most 256 octets";
	if (*why != NULL)
		return false;
	name_lower(n.wire, out->name);
	out->secret_len = (uint16_t)len;
	return true;
}

bool tsig_file_is_open(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0;
}

/* ---- words ---- */

struct words {
	const char *p, *end;
	unsigned line;
};

#define WORD_MAX 1024

static bool starts(const struct words *w, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(w->end - w->p) >= n && memcmp(w->p, with, n) == 0;
}

static void advance(struct words *w)
{
	w->line += *w->p == '\n';
	w->p++;
}

static void skip_blank(struct words *w)
{
	while (w->p < w->end) {
		if (starts(w, "/*")) {
			w->p += 2;
			while (w->p < w->end && !starts(w, "*/"))
				advance(w);
			w->p += w->end - w->p >= 2 ? 2 : w->end - w->p;
		} else if (*w->p == '#' || starts(w, "//")) {
			while (w->p < w->end && *w->p != '\n')
				w->p++;
		} else if (*w->p == ' ' || *w->p == '\t' || *w->p == '\r' || *w->p == '\n') {
			advance(w);
		} else {
			return;
		}
	}
}

/* The next word, quoted or plain, or one of { } ; alone. False at the end, or where it is too long
 * or its quote is not closed. */
static bool next_word(struct words *w, char out[WORD_MAX])
{
	size_t n = 0;

	skip_blank(w);
	if (w->p == w->end)
		return false;
	if (strchr("{};", *w->p) != NULL) {
		out[n++] = *w->p++;
	} else if (*w->p == '"') {
		for (w->p++; w->p < w->end && *w->p != '"' && n < WORD_MAX - 1; advance(w))
			out[n++] = *w->p;
		if (w->p == w->end || *w->p != '"')
			return false;
		w->p++;
	} else {
		while (w->p < w->end && strchr(" \t\r\n{};\"", *w->p) == NULL && n < WORD_MAX - 1)
			out[n++] = *w->p++;
	}
	out[n] = 0;
	return memchr(out, 0, n) == NULL;
}

static bool expect(struct words *w, const char *what)
{
	char word[WORD_MAX];

	return next_word(w, word) && strcmp(word, what) == 0;
}

/* From behind `key`: name { algorithm A; secret S; }; in any order. */
static bool read_key(struct words *w, struct tsig_key *out, const char **why)
{
	char name[WORD_MAX], word[WORD_MAX], algorithm[WORD_MAX] = "", secret[WORD_MAX] = "";

	*why = "the file is not of the form key \"name\" { algorithm ...; secret \"...\"; };";
	if (!next_word(w, name) || !expect(w, "{"))
		return false;
	for (;;) {
		if (!next_word(w, word))
			return false;
		if (strcmp(word, "}") == 0)
			break;
		char *into = strcmp(word, "algorithm") == 0 ? algorithm
			     : strcmp(word, "secret") == 0  ? secret
							    : NULL;
		if (into == NULL || !next_word(w, into) || !expect(w, ";"))
			return false;
	}
	if (!expect(w, ";"))
		return false;
	bool ok = tsig_key_from_text(out, name, algorithm, secret, why);
	explicit_bzero(secret, sizeof secret);
	return ok;
}

static enum err finding(struct diag *d, const char *path, unsigned line, const char *hint,
			const char *what, enum err e)
{
	struct diag_place at = { .file = path, .line = line };

	diag_add(d, DIAG_ERROR, &at, hint, "%s", what);
	return e;
}

enum err tsig_file_parse(const char *path, const char *text, size_t len,
			 struct tsig_key out[TSIG_FILE_KEYS_MAX], size_t *n, struct diag *d)
{
	struct words w = { text, text + len, 1 };
	char word[WORD_MAX];
	const char *why = "the file is not of the form key \"name\" { ... };";

	*n = 0;
	for (skip_blank(&w); w.p < w.end; skip_blank(&w)) {
		if (*n == TSIG_FILE_KEYS_MAX)
			return finding(d, path, w.line, NULL, "the file has more than 64 keys",
				       ERR_TOO_LONG);
		if (!next_word(&w, word) || strcmp(word, "key") != 0 ||
		    !read_key(&w, &out[*n], &why))
			return finding(d, path, w.line, NULL, why, ERR_SYNTAX);
		(*n)++;
	}
	return *n > 0 ? ERR_OK : finding(d, path, 0, NULL, "the file has no key", ERR_SYNTAX);
}

enum err tsig_file_read(const char *path, struct tsig_key out[TSIG_FILE_KEYS_MAX], size_t *n,
			struct diag *d)
{
	static char text[TSIG_FILE_MAX];
	struct stat st;
	size_t len = 0;
	ssize_t got = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*n = 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		enum err e = finding(d, path, 0, NULL, strerror(errno), ERR_IO);
		if (fd >= 0)
			close(fd);
		return e;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
		close(fd);
		return finding(d, path, 0, "chmod 640 or 600 the file",
			       "the shared key may be read by others", ERR_PERMISSION);
	}
	while (len < sizeof text && (got = read(fd, text + len, sizeof text - len)) > 0)
		len += (size_t)got;
	close(fd);
	enum err e = got < 0 ? finding(d, path, 0, NULL, strerror(errno), ERR_IO)
		     : len == sizeof text
			 ? finding(d, path, 0, NULL, "the file is too long", ERR_TOO_LONG)
			 : tsig_file_parse(path, text, len, out, n, d);
	explicit_bzero(text, sizeof text);
	return e;
}
