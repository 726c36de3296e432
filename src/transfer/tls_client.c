// SPDX-License-Identifier: Apache-2.0
#include "transfer/tls_client.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_client {
	unsigned refs;
	SSL_CTX *context;
	char *server_name; /* NULL: pins alone */
	uint8_t (*pins)[TLS_PIN_LEN];
	size_t pin_n;
};

struct tls_session {
	struct tls_client *client;
	SSL *ssl;
	char error[160];
};

static enum err refuse(struct diag *d, const char *file, const char *what)
{
	struct diag_place at = { .file = file };
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	diag_add(d, DIAG_ERROR, file != NULL ? &at : NULL, NULL, "%s%s%s", what,
		 reason != NULL ? ": " : "", reason != NULL ? reason : "");
	ERR_clear_error();
	return ERR_INVALID;
}

/* With pins alone the chain proves nothing: the key is looked at after the handshake. */
static int accept_chain(X509_STORE_CTX *store, void *context)
{
	(void)context;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static enum err set_trust(struct tls_client *c, const struct tls_client_settings *s, struct diag *d)
{
	SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
	if (s->server_name == NULL) {
		SSL_CTX_set_cert_verify_callback(c->context, accept_chain, NULL);
		return ERR_OK;
	}
	if (s->ca_file == NULL && SSL_CTX_set_default_verify_paths(c->context) != 1)
		return refuse(d, NULL, "the system's certificate authorities cannot be read");
	if (s->ca_file != NULL && SSL_CTX_load_verify_file(c->context, s->ca_file) != 1)
		return refuse(d, s->ca_file, "the certificate authorities cannot be read");
	return ERR_OK;
}

static enum err configure(struct tls_client *c, const struct tls_client_settings *s, struct diag *d)
{
	static const unsigned char DOT[] = "\3dot";

	ERR_clear_error();
	c->context = SSL_CTX_new(TLS_client_method());
	if (c->context == NULL)
		return ERR_NOMEM;
	SSL_CTX_set_min_proto_version(c->context, TLS1_3_VERSION); /* RFC 9103 §7.1 */
	SSL_CTX_set_mode(c->context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(c->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_alpn_protos(c->context, DOT, sizeof DOT - 1) != 0)
		return ERR_NOMEM;
	enum err e = set_trust(c, s, d);
	if (e || s->certificate == NULL)
		return e;
	if (SSL_CTX_use_certificate_chain_file(c->context, s->certificate) != 1)
		return refuse(d, s->certificate, "the certificate cannot be read");
	if (SSL_CTX_use_PrivateKey_file(c->context, s->key, SSL_FILETYPE_PEM) != 1)
		return refuse(d, s->key, "the key cannot be read, or is not the certificate's");
	return ERR_OK;
}

static enum err copy_settings(struct tls_client *c, const struct tls_client_settings *s)
{
	if (s->server_name != NULL && (c->server_name = strdup(s->server_name)) == NULL)
		return ERR_NOMEM;
	c->pins = calloc(s->pin_n + 1, sizeof *c->pins);
	if (c->pins == NULL)
		return ERR_NOMEM;
	if (s->pin_n > 0)
		memcpy(c->pins, s->pins, s->pin_n * sizeof *c->pins);
	c->pin_n = s->pin_n;
	return ERR_OK;
}

enum err tls_client_new(struct tls_client **out, const struct tls_client_settings *s,
			struct diag *d)
{
	if (s->server_name == NULL && s->pin_n == 0) {
		diag_add(d, DIAG_ERROR, NULL, NULL,
			 "TLS needs the server's name or a pin of its key");
		return ERR_INVALID;
	}
	struct tls_client *c = calloc(1, sizeof *c);
	if (c == NULL)
		return ERR_NOMEM;
	c->refs = 1;
	enum err e = copy_settings(c, s);
	if (!e)
		e = configure(c, s, d);
	if (e) {
		tls_client_unref(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

void tls_client_unref(struct tls_client *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	SSL_CTX_free(c->context);
	free(c->server_name);
	free(c->pins);
	free(c);
}

/* ---- one session ---- */

/* The name in the certificate; it is sent as SNI unless it is an address (RFC 6066 §3). */
static bool expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return true;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
	       SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)name) == 1;
}

struct tls_session *tls_session_new(struct tls_client *c, int fd)
{
	struct tls_session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->client = tls_client_ref(c);
	s->ssl = SSL_new(c->context);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1 ||
	    (c->server_name != NULL && !expect_name(s->ssl, c->server_name))) {
		ERR_clear_error();
		tls_session_free(s);
		return NULL;
	}
	SSL_set_connect_state(s->ssl);
	return s;
}

void tls_session_free(struct tls_session *s)
{
	if (s == NULL)
		return;
	if (s->ssl != NULL && SSL_is_init_finished(s->ssl) && s->error[0] == 0)
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	SSL_free(s->ssl);
	tls_client_unref(s->client);
	free(s);
}

const char *tls_session_error(const struct tls_session *s)
{
	return s->error;
}

static enum tls_want fail(struct tls_session *s, const char *what, const char *why)
{
	if (s->error[0] == 0)
		snprintf(s->error, sizeof s->error, "%s%s%s", what, why != NULL ? ": " : "",
			 why != NULL ? why : "");
	return TLS_FAILED;
}

static bool key_is_pinned(const struct tls_session *s)
{
	const struct tls_client *c = s->client;
	X509 *leaf = SSL_get0_peer_certificate(s->ssl);
	uint8_t *der = NULL, digest[EVP_MAX_MD_SIZE];
	unsigned digest_n = 0;
	int n = leaf != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der) : 0;
	bool found = false;

	if (n > 0 && EVP_Digest(der, (size_t)n, digest, &digest_n, EVP_sha256(), NULL) == 1)
		for (size_t i = 0; i < c->pin_n; i++)
			found = found || CRYPTO_memcmp(digest, c->pins[i], TLS_PIN_LEN) == 0;
	OPENSSL_free(der);
	return found;
}

/* RFC 9103 §8.1: without ALPN "dot" the other side need not be a DNS server. */
static bool speaks_dot(const struct tls_session *s)
{
	const unsigned char *chosen = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(s->ssl, &chosen, &n);
	return n == 3 && memcmp(chosen, "dot", 3) == 0;
}

static enum tls_want outcome(struct tls_session *s, int result)
{
	unsigned long queued = ERR_peek_last_error();

	switch (SSL_get_error(s->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	default:
		break;
	}
	long verify = SSL_get_verify_result(s->ssl);
	const char *why = verify != X509_V_OK ? X509_verify_cert_error_string(verify)
					      : ERR_reason_error_string(queued);
	ERR_clear_error();
	return fail(s, "TLS", why != NULL ? why : "the connection was closed");
}

enum tls_want tls_session_handshake(struct tls_session *s)
{
	ERR_clear_error();
	int result = SSL_do_handshake(s->ssl);

	if (result != 1)
		return outcome(s, result);
	if (s->client->pin_n > 0 && !key_is_pinned(s))
		return fail(s, "TLS: the server's key is none of the pinned ones", NULL);
	if (!speaks_dot(s))
		return fail(s, "TLS: the server did not agree to ALPN \"dot\"", NULL);
	return TLS_DONE;
}

ssize_t tls_session_read(struct tls_session *s, void *out, size_t n, enum tls_want *want)
{
	size_t done = 0;

	ERR_clear_error();
	int result = SSL_read_ex(s->ssl, out, n, &done);
	if (result == 1)
		return (ssize_t)done;
	if (SSL_get_error(s->ssl, result) == SSL_ERROR_ZERO_RETURN)
		return 0;
	*want = outcome(s, result);
	return -1;
}

ssize_t tls_session_write(struct tls_session *s, const void *from, size_t n, enum tls_want *want)
{
	size_t done = 0;

	ERR_clear_error();
	int result = SSL_write_ex(s->ssl, from, n, &done);
	if (result == 1)
		return (ssize_t)done;
	*want = outcome(s, result);
	return -1;
}
