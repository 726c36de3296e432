// SPDX-License-Identifier: Apache-2.0
/* An exchange over TLS with a server of a certificate that this test makes. */
#include "transfer/tls_client.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "dns/rrtype.h"
#include "transfer/answer.h"
#include "transfer/exchange.h"

/* ---- the server ---- */

struct server {
	pthread_t thread;
	int listen;
	uint16_t port;
	const char *alpn; /* NULL: agrees to nothing */
	int version;      /* the highest */
	EVP_PKEY *key;
	X509 *cert;
	char ca_file[64];
	uint8_t pin[TLS_PIN_LEN];
	bool asked; /* a request came */
};

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509V3_CTX context;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"ns.example",
				   -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name,
						"DNS:ns.example,IP:127.0.0.1");
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(x, key, EVP_sha256());
	return x;
}

static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_n,
		  const unsigned char *in, unsigned in_n, void *context)
{
	const struct server *s = context;

	(void)ssl;
	(void)in;
	(void)in_n;
	if (s->alpn == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	*out = (const unsigned char *)s->alpn;
	*out_n = (unsigned char)strlen(s->alpn);
	return SSL_TLSEXT_ERR_OK;
}

static void serve(struct server *s, SSL *ssl)
{
	uint8_t m[600];
	int n;

	if (SSL_accept(ssl) != 1 || (n = SSL_read(ssl, m, sizeof m)) < 14)
		return;
	s->asked = true;
	m[4] |= 0x80;
	SSL_write(ssl, m, n);
	SSL_read(ssl, m, sizeof m); /* until it closes */
}

static void *run(void *context)
{
	struct server *s = context;
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	int fd = accept(s->listen, NULL, NULL);

	SSL_CTX_use_certificate(c, s->cert);
	SSL_CTX_use_PrivateKey(c, s->key);
	SSL_CTX_set_max_proto_version(c, s->version);
	SSL_CTX_set_alpn_select_cb(c, choose, s);
	SSL *ssl = SSL_new(c);
	SSL_set_fd(ssl, fd);
	serve(s, ssl);
	SSL_free(ssl);
	SSL_CTX_free(c);
	close(fd);
	return NULL;
}

static void start(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	uint8_t *der = NULL;

	s->key = EVP_EC_gen("P-256");
	s->cert = make_certificate(s->key);
	strcpy(s->ca_file, "/tmp/concord-test-ca-XXXXXX");
	FILE *f = fdopen(mkstemp(s->ca_file), "w");
	PEM_write_X509(f, s->cert);
	fclose(f);
	int der_n = i2d_PUBKEY(s->key, &der);
	EVP_Digest(der, (size_t)der_n, s->pin, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	s->listen = socket(AF_INET, SOCK_STREAM, 0);
	bind(s->listen, (struct sockaddr *)&at, n);
	listen(s->listen, 1);
	getsockname(s->listen, (struct sockaddr *)&at, &n);
	s->port = ntohs(at.sin_port);
	pthread_create(&s->thread, NULL, run, s);
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listen);
	unlink(s->ca_file);
	X509_free(s->cert);
	EVP_PKEY_free(s->key);
}

/* ---- asking it ---- */

struct seen {
	enum err err;
	char why[200];
};

static void done(const struct exchange_result *r, void *context)
{
	struct seen *s = context;

	s->err = r->err;
	strncpy(s->why, r->why != NULL ? r->why : "", sizeof s->why - 1);
}

static struct seen ask(const struct server *server, const struct tls_client_settings *settings)
{
	struct diag d = { 0 };
	struct tls_client *c = NULL;
	uint8_t query[MESSAGE_QUERY_MAX];
	struct seen s = { 0 };
	struct exchange_options options = { .try_ms = 5000, .done = done, .context = &s };
	struct exchange *x;
	uv_loop_t loop;

	uv_loop_init(&loop);
	assert_int_equal(tls_client_new(&c, settings, &d), ERR_OK);
	struct remote to = { .address = { IP_V4, { 127, 0, 0, 1 } },
			     .port = server->port,
			     .transport = REMOTE_TLS,
			     .tls = c };
	size_t n = query_write(query, (const uint8_t *)"\7example", TYPE_SOA, 0, 0, false);
	assert_int_equal(exchange_start(&x, &loop, &to, (struct span){ query, n }, &options),
			 ERR_OK);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	tls_client_unref(c);
	return s;
}

#define SERVER                                                                                     \
	{                                                                                          \
		.alpn = "dot", .version = TLS1_3_VERSION                                           \
	}

static void a_server_is_proved_by_its_name(void **state)
{
	(void)state;
	const char *names[] = { "ns.example", "127.0.0.1" };

	for (size_t i = 0; i < 2; i++) {
		struct server s = SERVER;
		start(&s);
		struct seen seen = ask(&s, &(struct tls_client_settings){ .server_name = names[i],
									  .ca_file = s.ca_file });
		assert_string_equal(seen.why, "");
		assert_int_equal(seen.err, ERR_OK);
		stop(&s);
	}
}

static void a_server_of_another_name_is_refused_before_anything_is_sent(void **state)
{
	(void)state;
	struct server s = SERVER;

	start(&s);
	struct seen seen = ask(&s, &(struct tls_client_settings){ .server_name = "other.example",
								  .ca_file = s.ca_file });
	assert_int_equal(seen.err, ERR_UNTRUSTED);
	assert_non_null(strstr(seen.why, "hostname mismatch"));
	stop(&s);
	assert_false(s.asked);
}

static void an_authority_that_is_not_trusted_proves_nothing(void **state)
{
	(void)state;
	struct server s = SERVER;

	start(&s);
	struct seen seen = ask(&s, &(struct tls_client_settings){ .server_name = "ns.example" });
	assert_int_equal(seen.err, ERR_UNTRUSTED);
	stop(&s);
	assert_false(s.asked);
}

static void a_server_is_proved_by_a_pin_of_its_key(void **state)
{
	(void)state;
	for (int good = 0; good < 2; good++) {
		struct server s = SERVER;
		uint8_t pins[2][TLS_PIN_LEN] = { { 0 } };
		start(&s);
		memcpy(pins[1], s.pin, TLS_PIN_LEN);
		pins[1][0] ^= good ? 0 : 1;
		struct seen seen =
		    ask(&s, &(struct tls_client_settings){ .pins = pins, .pin_n = 2 });
		assert_int_equal(seen.err, good ? ERR_OK : ERR_UNTRUSTED);
		stop(&s);
		assert_int_equal(s.asked, good);
	}
}

static void name_and_pin_are_both_needed_where_both_are_given(void **state)
{
	(void)state;
	struct server s = SERVER;
	uint8_t pins[1][TLS_PIN_LEN] = { { 0 } };

	start(&s);
	struct seen seen = ask(
	    &s, &(struct tls_client_settings){
		    .server_name = "ns.example", .ca_file = s.ca_file, .pins = pins, .pin_n = 1 });
	assert_int_equal(seen.err, ERR_UNTRUSTED);
	stop(&s);
}

static void a_server_that_does_not_speak_dot_is_refused(void **state)
{
	(void)state; /* RFC 9103 section 8.1 */
	struct server s = { .alpn = NULL, .version = TLS1_3_VERSION };

	start(&s);
	struct seen seen = ask(
	    &s, &(struct tls_client_settings){ .server_name = "ns.example", .ca_file = s.ca_file });
	assert_int_equal(seen.err, ERR_UNTRUSTED);
	assert_non_null(strstr(seen.why, "ALPN"));
	stop(&s);
	assert_false(s.asked);
}

static void tls_below_1_3_is_refused(void **state)
{
	(void)state; /* RFC 9103 section 7.1 */
	struct server s = { .alpn = "dot", .version = TLS1_2_VERSION };

	start(&s);
	struct seen seen = ask(
	    &s, &(struct tls_client_settings){ .server_name = "ns.example", .ca_file = s.ca_file });
	assert_int_equal(seen.err, ERR_UNTRUSTED);
	stop(&s);
}

static void settings_that_prove_nothing_are_refused(void **state)
{
	(void)state;
	struct diag d = { 0 };
	struct tls_client *c = NULL;

	assert_int_equal(tls_client_new(&c, &(struct tls_client_settings){ 0 }, &d), ERR_INVALID);
	assert_int_equal(
	    tls_client_new(
		&c, &(struct tls_client_settings){ .server_name = "a", .ca_file = "/nowhere" }, &d),
	    ERR_INVALID);
	assert_non_null(strstr(d.findings[1].line, "/nowhere"));
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_proved_by_its_name),
		cmocka_unit_test(a_server_of_another_name_is_refused_before_anything_is_sent),
		cmocka_unit_test(an_authority_that_is_not_trusted_proves_nothing),
		cmocka_unit_test(a_server_is_proved_by_a_pin_of_its_key),
		cmocka_unit_test(name_and_pin_are_both_needed_where_both_are_given),
		cmocka_unit_test(a_server_that_does_not_speak_dot_is_refused),
		cmocka_unit_test(tls_below_1_3_is_refused),
		cmocka_unit_test(settings_that_prove_nothing_are_refused),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
