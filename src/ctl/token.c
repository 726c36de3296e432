// SPDX-License-Identifier: Apache-2.0
/* Tokens for the HTTP interface: made here, without the daemon. The secret is printed once; the
 * daemon's file holds its SHA-256 alone. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define SECRET_OCTETS 32

static bool is_word(const char *text, const char *more)
{
	for (const char *p = text; *p != 0; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
			   *p) == NULL &&
		    strchr(more, *p) == NULL)
			return false;
	return text[0] != 0;
}

static bool is_scopes(const char *text)
{
	static const char *const SCOPES[] = { "read", "keys", "operate" };
	const char *p = text;

	while (*p != 0) {
		size_t n = strcspn(p, ","), i = 0;
		while (i < 3 && (strlen(SCOPES[i]) != n || strncmp(p, SCOPES[i], n) != 0))
			i++;
		if (i == 3)
			return false;
		p += n + (p[n] == ',');
	}
	return text[0] != 0;
}

static int usage(const char *what)
{
	fprintf(stderr, "concordctl: %s\n", what);
	return CTL_USAGE;
}

static void print_entry(FILE *to, const struct ctl *c, const char *id, const char *scopes,
			const unsigned char *hash, size_t hash_n)
{
	fprintf(to, "  - id: %s\n    sha256: ", id);
	for (size_t i = 0; i < hash_n; i++)
		fprintf(to, "%02x", hash[i]);
	fprintf(to, "\n    scopes: [%s]\n", scopes);
	if (c->zone != NULL)
		fprintf(to, "    zones: [%s]\n", c->zone);
	if (c->peer != NULL)
		fprintf(to, "    peer: %s\n", c->peer);
}

/* At the end of --file, which is made where it is missing; else for the operator to put there. */
static int keep(const struct ctl *c, const char *id, const char *scopes, const unsigned char *hash,
		size_t hash_n)
{
	if (c->file == NULL) {
		fputs("# for the file that api.tokens names, below `tokens:`:\n", stderr);
		print_entry(stderr, c, id, scopes, hash, hash_n);
		return CTL_OK;
	}
	int fd = open(c->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "a") : NULL;
	bool failed = f == NULL;
	if (!failed) {
		if (lseek(fd, 0, SEEK_END) == 0)
			fputs("tokens:\n", f);
		print_entry(f, c, id, scopes, hash, hash_n);
		failed = fflush(f) != 0 || fsync(fd) != 0;
	}
	if (failed)
		fprintf(stderr, "concordctl: %s: %s\n", c->file, strerror(errno));
	if (f != NULL)
		fclose(f);
	return failed ? CTL_FAILED : CTL_OK;
}

int token_new(const struct ctl *c, char **args, int n)
{
	unsigned char secret[SECRET_OCTETS], hash[EVP_MAX_MD_SIZE];
	char text[2 * SECRET_OCTETS + 16] = "concord_";
	unsigned hash_n = 0;
	const char *scopes = c->scopes != NULL ? c->scopes : "read";

	(void)n;
	if (!is_word(args[0], "") || strlen(args[0]) > 63)
		return usage("a token's id is a word of letters, digits, '-', '_' and '.'");
	if (!is_scopes(scopes))
		return usage("--scopes is a list of read, keys and operate (read,keys)");
	if ((c->zone != NULL && !is_word(c->zone, ",")) ||
	    (c->peer != NULL && !is_word(c->peer, "")))
		return usage("--zone is a list of zone names, --peer the id of a peer");
	if (RAND_priv_bytes(secret, sizeof secret) != 1) {
		fputs("concordctl: no random numbers\n", stderr);
		return CTL_FAILED;
	}
	for (size_t i = 0; i < SECRET_OCTETS; i++)
		snprintf(text + strlen(text), 3, "%02x", secret[i]);
	EVP_Digest(text, strlen(text), hash, &hash_n, EVP_sha256(), NULL);
	int code = keep(c, args[0], scopes, hash, hash_n);
	if (code == CTL_OK) {
		fputs("# for the caller; it is not shown again:\n", stderr);
		puts(text);
	}
	OPENSSL_cleanse(secret, sizeof secret);
	OPENSSL_cleanse(text, sizeof text);
	return code;
}
