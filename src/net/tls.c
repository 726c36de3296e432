// SPDX-License-Identifier: Apache-2.0
/* DNS over TLS (RFC 7858): OpenSSL on the connection's descriptor. TLS 1.2 at least (RFC 9325
 * §3.1), ALPN "dot", sessions resumed by tickets whose keys are those of the process. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

#define TICKET_KEYS_LEN 80 /* OpenSSL's: name, AES and HMAC key */

struct tls {
	struct rcu_node rcu;
	SSL_CTX *context;
	uint8_t ticket_keys[TICKET_KEYS_LEN];
};

struct tls_stream {
	SSL *ssl;
};

static void tls_free(struct rcu_node *node)
{
	struct tls *t = (struct tls *)(void *)node;

	SSL_CTX_free(t->context); /* connections hold their own references */
	OPENSSL_cleanse(t->ticket_keys, sizeof t->ticket_keys);
	free(t);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
		       const unsigned char *in, unsigned in_n, void *context)
{
	static const unsigned char DOT[] = "\3dot";

	(void)ssl;
	(void)context;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_n, DOT, sizeof DOT - 1, in,
				  in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK; /* RFC 7858 asks for none: served all the same */
	return SSL_TLSEXT_ERR_OK;
}

static enum err refuse(struct diag *d, const char *file, const char *what)
{
	struct diag_place at = { .file = file };
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	diag_add(d, DIAG_ERROR, &at, NULL, "%s%s%s", what, reason != NULL ? ": " : "",
		 reason != NULL ? reason : "");
	ERR_clear_error();
	return ERR_INVALID;
}

/* Any certificate will do: who it is, is measured by its key (RFC 9103 §9.3.3). */
static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static enum err configure(struct tls *t, const char *certificate, const char *key, bool ask_client,
			  struct diag *d)
{
	static const uint8_t ID[] = "concord";

	ERR_clear_error();
	t->context = SSL_CTX_new(TLS_server_method());
	if (t->context == NULL)
		return ERR_NOMEM;
	SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
	SSL_CTX_set_options(t->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					    SSL_OP_CIPHER_SERVER_PREFERENCE |
					    SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(t->context, choose_alpn, NULL);
	SSL_CTX_set_session_id_context(t->context, ID, sizeof ID - 1);
	if (ask_client)
		SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, accept_any);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_OFF); /* tickets need no memory */
	if (SSL_CTX_use_certificate_chain_file(t->context, certificate) != 1)
		return refuse(d, certificate, "the certificate cannot be read");
	if (SSL_CTX_use_PrivateKey_file(t->context, key, SSL_FILETYPE_PEM) != 1)
		return refuse(d, key, "the key cannot be read, or is not the certificate's");
	if (SSL_CTX_set_tlsext_ticket_keys(t->context, t->ticket_keys, TICKET_KEYS_LEN) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

enum err net_set_certificate(struct net *n, const char *certificate, const char *key,
			     bool ask_client, struct diag *d)
{
	struct tls *t = calloc(1, sizeof *t);
	const struct tls *before = atomic_load(&n->tls);

	if (t == NULL)
		return ERR_NOMEM;
	if (before != NULL)
		memcpy(t->ticket_keys, before->ticket_keys, sizeof t->ticket_keys);
	else if (RAND_priv_bytes(t->ticket_keys, TICKET_KEYS_LEN) != 1)
		abort(); /* no random numbers: nothing safe can be done */
	enum err e = configure(t, certificate, key, ask_client, d);
	if (e) {
		tls_free(&t->rcu);
		return e;
	}
	struct tls *old = atomic_exchange(&n->tls, t);
	if (old != NULL)
		rcu_retire(&old->rcu, tls_free);
	return ERR_OK;
}

void tls_close_net(struct net *n)
{
	struct tls *t = atomic_exchange(&n->tls, NULL);

	if (t != NULL)
		tls_free(&t->rcu);
}

/* ---- one session ---- */

struct tls_stream *tls_stream_new(struct net *n, int fd)
{
	const struct tls *t = atomic_load_explicit(&n->tls, memory_order_acquire);
	struct tls_stream *s = t != NULL ? calloc(1, sizeof *s) : NULL;

	if (s == NULL)
		return NULL;
	s->ssl = SSL_new(t->context);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1) {
		tls_stream_free(s);
		return NULL;
	}
	SSL_set_accept_state(s->ssl);
	return s;
}

void tls_stream_free(struct tls_stream *s)
{
	if (s == NULL)
		return;
	/* One notice that we are done, where it can be sent at once. */
	if (s->ssl != NULL && SSL_is_init_finished(s->ssl))
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	SSL_free(s->ssl);
	free(s);
}

static ssize_t outcome(struct tls_stream *s, int result, size_t done, int *events)
{
	if (result == 1)
		return (ssize_t)done;
	int what = SSL_get_error(s->ssl, result);
	ERR_clear_error();
	switch (what) {
	case SSL_ERROR_WANT_READ:
		*events = UV_READABLE;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*events = UV_WRITABLE;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		errno = EPROTO;
		return -1;
	}
}

ssize_t tls_read(struct tls_stream *s, void *out, size_t n, int *events)
{
	size_t done = 0;
	int result = SSL_read_ex(s->ssl, out, n, &done);

	return outcome(s, result, done, events);
}

ssize_t tls_write(struct tls_stream *s, const void *from, size_t n, int *events)
{
	size_t done = 0;
	int result = SSL_write_ex(s->ssl, from, n, &done);

	return outcome(s, result, done, events);
}

bool tls_client_certificate(const struct tls_stream *t, uint8_t out[HANDOFF_CERTIFICATE_LEN])
{
	X509 *x = SSL_get1_peer_certificate(t->ssl);
	uint8_t *der = NULL;
	int n = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : -1;
	unsigned len = 0;
	bool ok = n > 0 && EVP_Digest(der, (size_t)n, out, &len, EVP_sha256(), NULL) == 1 &&
		  len == HANDOFF_CERTIFICATE_LEN;

	OPENSSL_free(der);
	X509_free(x);
	ERR_clear_error();
	return ok;
}

bool tls_has_more(const struct tls_stream *s)
{
	return SSL_pending(s->ssl) > 0;
}

bool tls_is_established(const struct tls_stream *s)
{
	return SSL_is_init_finished(s->ssl);
}

bool tls_was_resumed(const struct tls_stream *s)
{
	return SSL_session_reused(s->ssl);
}
