// SPDX-License-Identifier: Apache-2.0
/* Key files: BIND pairs (K<zone>+<alg>+<tag>.key and .private) and PEM. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_batch.h"
#include "dns/name.h"
#include "dnssec/algorithm.h"
#include "dnssec/key_internal.h"

#define FILE_MAX_LEN (64u << 10)

static const char HEAP_FULL[] = "the memory for private keys is full: raise server.secure-heap-mib";

static enum err finding(struct diag *d, const char *path, enum err e, const char *why)
{
	struct diag_place at = { .file = path };

	diag_add(d, DIAG_ERROR, &at, NULL, "%s", why);
	return e;
}

/* ---- reading a file whole ---- */

/* Private material: a regular file of this user or root that nobody else may read. */
static enum err check_private(int fd, const char *path, struct diag *d, size_t *size)
{
	struct stat st;
	struct diag_place at = { .file = path };

	if (fstat(fd, &st) < 0)
		return finding(d, path, ERR_IO, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return finding(d, path, ERR_IO, "not a regular file");
	if ((st.st_mode & 077) != 0) {
		diag_add(d, DIAG_ERROR, &at, "chmod 600 the file",
			 "the private key may be read by others (mode %04o)",
			 (unsigned)st.st_mode & 07777);
		return ERR_PERMISSION;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		diag_add(d, DIAG_ERROR, &at, NULL,
			 "the private key belongs to another user (uid %u)", (unsigned)st.st_uid);
		return ERR_PERMISSION;
	}
	if (st.st_size > (off_t)FILE_MAX_LEN)
		return finding(d, path, ERR_TOO_LONG, "too large for a key file");
	*size = (size_t)st.st_size;
	return ERR_OK;
}

/* The text with a NUL behind, to be wiped and freed by release(). */
static enum err read_whole(const char *path, bool private, struct diag *d, char **out,
			   size_t *n_out)
{
	size_t size = FILE_MAX_LEN, n = 0;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return finding(d, path, ERR_IO, strerror(errno));
	enum err e = private ? check_private(fd, path, d, &size) : ERR_OK;
	if (!e && (text = malloc(size + 1)) == NULL)
		e = ERR_NOMEM;
	while (!e && n < size) {
		ssize_t got = read(fd, text + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = finding(d, path, ERR_IO, strerror(errno));
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	if (e) {
		free(text);
		return e;
	}
	text[n] = 0;
	*out = text;
	*n_out = n;
	return ERR_OK;
}

static void release(char *text, size_t n)
{
	if (text != NULL)
		OPENSSL_cleanse(text, n);
	free(text);
}

/* ---- BIND ---- */

/* The DNSKEY record in a .key file: comments start with ';'. */
static enum err read_public(const char *path, const uint8_t *zone, struct diag *d,
			    struct dnskey *out)
{
	char *text = NULL, owner[NAME_TEXT_MAX];
	size_t n = 0;
	struct name name;
	enum err e = read_whole(path, false, d, &text, &n);

	if (e)
		return e;
	char *p = text;
	while (*p == ';' || *p == '\n' || *p == '\r')
		p = *p == ';' ? p + strcspn(p, "\n") : p + 1;
	p[strcspn(p, "\n")] = 0;
	if (dnskey_from_text(p, out, owner, sizeof owner) || owner[0] == 0 ||
	    name_from_text(owner, NULL, &name))
		e = finding(d, path, ERR_SYNTAX, "no DNSKEY record in the file");
	else if (!name_equal(name.wire, zone))
		e = finding(d, path, ERR_INVALID, "the key belongs to another zone");
	else if (!(out->flags & DNSKEY_ZONE) || (out->flags & DNSKEY_REVOKE))
		e = finding(d, path, ERR_INVALID, "not a zone key, or revoked");
	free(text);
	return e;
}

static enum err read_bind(struct key **out, const char *path, char *text, const uint8_t *zone,
			  struct diag *d)
{
	char public_path[PATH_MAX];
	struct dnskey public;
	EVP_PKEY *pkey = NULL;
	const char *why = NULL;
	uint8_t algorithm = 0;
	size_t n = strlen(path), suffix = strlen(".private");

	if (n <= suffix || n >= sizeof public_path || strcmp(path + n - suffix, ".private") != 0)
		return finding(d, path, ERR_SYNTAX, "a BIND private key file ends in .private");
	memcpy(public_path, path, n - suffix);
	strcpy(public_path + n - suffix, ".key");
	enum err e = read_public(public_path, zone, d, &public);
	if (e)
		return e;
	e = private_text_parse(text, &pkey, &algorithm, &why);
	if (e)
		return finding(d, path, e, why);
	struct key *k = NULL;
	e = key_from_pkey(&k, pkey, algorithm, public.flags);
	if (e) {
		EVP_PKEY_free(pkey);
		return finding(d, path, e, e == ERR_NOMEM ? HEAP_FULL : err_text(e));
	}
	if (k->dnskey.rdata_len != public.rdata_len ||
	    memcmp(k->dnskey.rdata, public.rdata, public.rdata_len) != 0) {
		key_free(k);
		return finding(d, path, ERR_INVALID,
			       "the private key does not belong to the .key file beside it");
	}
	*out = k;
	return ERR_OK;
}

/* ---- PEM ---- */

static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

/* What a key can sign with where nothing else says it; an RSA key is taken for RSASHA256
 * (RFC 8624 §3.1). 0: nothing. */
static uint8_t algorithm_of(const EVP_PKEY *pkey)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(pkey, "RSA"))
		return ALG_RSASHA256;
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return ALG_ED25519;
	if (EVP_PKEY_is_a(pkey, "ED448"))
		return ALG_ED448;
	if (EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
		return 0;
	return strcmp(group, "prime256v1") == 0  ? ALG_ECDSAP256SHA256
	       : strcmp(group, "secp384r1") == 0 ? ALG_ECDSAP384SHA384
						 : 0;
}

/* Of a key that says nothing of its role and, for RSA, of its algorithm. Takes `pkey`. */
static enum err from_plain(struct key **out, const char *name, EVP_PKEY *pkey,
			   const struct key_traits *traits, struct diag *d)
{
	uint8_t algorithm = traits->algorithm != 0 ? traits->algorithm : algorithm_of(pkey);
	enum err e = key_from_pkey(out, pkey, algorithm, key_role_flags(*traits->role));

	if (e) {
		EVP_PKEY_free(pkey);
		finding(d, name, e,
			e == ERR_NOMEM ? HEAP_FULL
			: traits->algorithm != 0
			    ? "the key is not one of the algorithm that is given"
			    : "the key is not one of an algorithm that we sign with");
	}
	return e;
}

static enum err read_pem(struct key **out, const char *path, const char *text, size_t n,
			 const struct key_traits *traits, struct diag *d)
{
	if (traits->role == NULL)
		return finding(d, path, ERR_INVALID, "a PEM key needs its role (ksk, zsk or csk)");
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (pkey == NULL)
		return finding(d, path, ERR_SYNTAX, "no unencrypted private key in the PEM file");
	return from_plain(out, path, pkey, traits, d);
}

/* "file:/path" names a file whose permissions count like those of any other. */
static const char *path_of(const char *uri)
{
	if (strncmp(uri, "file:", 5) != 0)
		return NULL;
	return strncmp(uri, "file://", 7) == 0 ? uri + 7 : uri + 5;
}

static enum err read_uri(struct key **out, const char *uri, const struct key_traits *traits,
			 struct diag *d)
{
	EVP_PKEY *pkey = NULL;

	if (traits->role == NULL) {
		diag_add(d, DIAG_ERROR, NULL, NULL,
			 "a key named by a URI needs its role (ksk, zsk or csk)");
		return ERR_INVALID;
	}
	enum err e = key_uri_load(&pkey, uri, d);
	return e ? e : from_plain(out, uri, pkey, traits, d);
}

static enum err read_file(struct key **out, const char *path, const uint8_t *zone,
			  const struct key_traits *traits, struct diag *d)
{
	char *text = NULL;
	size_t n = 0;
	enum err e = read_whole(path, true, d, &text, &n);

	if (e)
		return e;
	if (strstr(text, "-----BEGIN ") != NULL)
		e = read_pem(out, path, text, n, traits, d);
	else
		e = read_bind(out, path, text, zone, d);
	if (!e && traits->algorithm != 0 && (*out)->dnskey.algorithm != traits->algorithm) {
		key_free(*out);
		*out = NULL;
		e = finding(d, path, ERR_INVALID,
			    "the key is not one of the algorithm that is given");
	}
	release(text, n);
	return e;
}

enum err key_read_as(struct key **out, const char *name, const uint8_t *zone,
		     const struct key_traits *traits, struct diag *d)
{
	const char *path = key_is_uri(name) ? path_of(name) : name;

	return path != NULL ? read_file(out, path, zone, traits, d)
			    : read_uri(out, name, traits, d);
}

enum err key_read(struct key **out, const char *name, const uint8_t *zone,
		  const enum key_role *role, struct diag *d)
{
	struct key_traits traits = { role, 0 };

	return key_read_as(out, name, zone, &traits, d);
}

/* ---- writing ---- */

static enum err write_private(const struct key *k, const char *path, struct file_batch *b)
{
	char text[PRIVATE_TEXT_MAX];
	size_t n = 0;
	enum err e = private_text_format(k, text, &n);

	if (!e)
		e = file_batch_add(b, path, 0600, text, n);
	OPENSSL_cleanse(text, sizeof text);
	return e;
}

static enum err write_public(const struct key *k, const char *path, const char *zone_text,
			     struct file_batch *b)
{
	char rdata[DNSKEY_TEXT_MAX], text[DNSKEY_TEXT_MAX + NAME_TEXT_MAX + 100];
	int n =
	    snprintf(text, sizeof text, "; This is a %s key, keyid %u, for %s\n%s IN DNSKEY %s\n",
		     k->dnskey.flags & DNSKEY_SEP ? "key-signing" : "zone-signing", k->dnskey.tag,
		     zone_text, zone_text, dnskey_to_text(&k->dnskey, rdata));

	return file_batch_add(b, path, 0644, text, (size_t)n);
}

/* "<dir>/K<zone>+<alg>+<tag>" into out[PATH_MAX]. ERR_UNSUPPORTED: a zone name that no file name
 * can hold. */
static enum err base_path(const char *dir, const uint8_t *zone, uint8_t algorithm, uint16_t tag,
			  char *out, char *zone_text)
{
	uint8_t lower[NAME_MAX_LEN];

	name_lower(zone, lower);
	name_to_text(lower, zone_text);
	if (strchr(zone_text, '/') != NULL)
		return ERR_UNSUPPORTED;
	int n = snprintf(out, PATH_MAX, "%s/K%s+%03u+%05u", dir, zone_text, algorithm, tag);
	return n < 0 || n >= PATH_MAX ? ERR_TOO_LONG : ERR_OK;
}

/* Whether the file is this very key's. */
static bool holds(const char *path, const struct key *k, const uint8_t *zone)
{
	struct diag d = { 0 };
	struct key *there = NULL;
	bool same = key_read(&there, path, zone, NULL, &d) == ERR_OK &&
		    there->dnskey.rdata_len == k->dnskey.rdata_len &&
		    memcmp(there->dnskey.rdata, k->dnskey.rdata, k->dnskey.rdata_len) == 0;

	diag_free(&d);
	key_free(there);
	return same;
}

/* The private part comes last: where it stands, the pair is whole. */
static enum err write_pair(const struct key *k, const char *base, const char *zone_text,
			   struct file_batch *b)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof path, "%s.key", base);
	enum err e = write_public(k, path, zone_text, b);
	snprintf(path, sizeof path, "%s.private", base);
	return e ? e : write_private(k, path, b);
}

static enum err write_now(const struct key *k, const char *base, const char *zone_text)
{
	struct file_batch *b = NULL;
	enum err e = file_batch_new(&b);

	if (!e)
		e = write_pair(k, base, zone_text, b);
	if (!e)
		e = file_batch_settle(b);
	file_batch_free(b);
	return e;
}

enum err key_write(const struct key *k, const char *dir, const uint8_t *zone, struct file_batch *b,
		   char **path_out)
{
	char zone_text[NAME_TEXT_MAX], base[PATH_MAX], path[PATH_MAX + 16];

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return ERR_IO;
	enum err e = base_path(dir, zone, k->dnskey.algorithm, k->dnskey.tag, base, zone_text);
	if (e)
		return e;
	snprintf(path, sizeof path, "%s.private", base);
	if (access(path, F_OK) == 0 && !holds(path, k, zone))
		return ERR_CONFLICT;
	e = b != NULL ? write_pair(k, base, zone_text, b) : write_now(k, base, zone_text);
	if (!e && path_out != NULL) {
		*path_out = strdup(path);
		e = *path_out != NULL ? ERR_OK : ERR_NOMEM;
	}
	return e;
}
