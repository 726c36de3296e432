// SPDX-License-Identifier: Apache-2.0
/*
 * HTTPS: the listening sockets, and the connections that TLS is taken off.
 *
 * A connection has two descriptors: the network's, and one end of a socket pair whose other end the
 * HTTP library reads as if it were the client. pump() carries bytes between them, as much as each
 * side takes: 16 KiB each way is all that a connection can hold here.
 *
 * Limits: connections in all and by address; a request has REQUEST_S seconds from its first byte to
 * the end of its answer, so that a client who dribbles does not stay.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/log.h"

#define PIPE_LEN    16384
#define REQUEST_S   30
#define LASTING_S   60 /* of a stream of events that nobody takes */
#define PER_ADDRESS 32
#define LINGER_S    2 /* what a client still sends is read, or the answer might be lost to a reset */
#define DISCARD_MAX (4u << 20)
#define SWEEP_MS    1000

struct pipe {
	uint8_t bytes[PIPE_LEN];
	size_t at, n;
	bool ended;
};

struct tls_stream {
	struct tls_stream *next;
	struct tls_doors *doors;
	uint64_t id;
	SSL *ssl;
	X509 *certificate; /* the client's; NULL: none */
	int net_fd, pair_fd;
	uv_poll_t net, pair;
	struct pipe in, out;
	struct sockaddr_storage from;
	socklen_t from_len;
	int64_t deadline_ms;
	bool lasting, lingering, closing;
	size_t discarded;
	unsigned handles;
};

struct door {
	struct tls_doors *doors;
	int fd;
	uv_poll_t poll;
};

struct tls_doors {
	struct api *api;
	SSL_CTX *context;
	struct door *door;
	size_t door_n;
	struct tls_stream *streams;
	size_t stream_n, stream_max;
	uint64_t last_id;
	uv_timer_t sweep;
	bool closing;
	unsigned handles;
	void (*closed)(struct api *a);
};

/* ---- certificates ---- */

static enum err refuse(struct diag *d, const char *file, const char *what)
{
	struct diag_place at = { .file = file };
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	diag_add(d, DIAG_ERROR, &at, NULL, "%s%s%s", what, reason != NULL ? ": " : "",
		 reason != NULL ? reason : "");
	ERR_clear_error();
	return ERR_INVALID;
}

static enum err use_client_ca(SSL_CTX *x, const char *file, struct diag *d)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);

	if (names == NULL || SSL_CTX_load_verify_locations(x, file, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return refuse(d, file, "the authority of clients cannot be read");
	}
	SSL_CTX_set_client_CA_list(x, names);
	SSL_CTX_set_verify(x, SSL_VERIFY_PEER, NULL); /* one that is shown must be good */
	SSL_CTX_set_purpose(x, X509_PURPOSE_SSL_CLIENT);
	return ERR_OK;
}

static enum err make_context(SSL_CTX **out, const struct config_api *c, struct diag *d)
{
	enum err e = ERR_OK;

	ERR_clear_error();
	SSL_CTX *x = SSL_CTX_new(TLS_server_method());
	if (x == NULL)
		return ERR_NOMEM;
	SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION);
	SSL_CTX_set_options(x, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET |
				   SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				SSL_MODE_RELEASE_BUFFERS);
	/* A session that is resumed was judged under the authorities of then. */
	SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_use_certificate_chain_file(x, c->certificate) != 1)
		e = refuse(d, c->certificate, "the certificate of the API cannot be read");
	else if (SSL_CTX_use_PrivateKey_file(x, c->key, SSL_FILETYPE_PEM) != 1)
		e = refuse(d, c->key,
			   "the key of the API cannot be read, or is not the "
			   "certificate's");
	else if (c->client_ca != NULL)
		e = use_client_ca(x, c->client_ca, d);
	if (e) {
		SSL_CTX_free(x);
		return e;
	}
	*out = x;
	return ERR_OK;
}

enum err tls_doors_reload(struct tls_doors *t, const struct config_api *c, struct diag *d)
{
	SSL_CTX *made = NULL;

	if (c->certificate == NULL)
		return ERR_OK; /* the section is gone: that takes effect with a restart */
	enum err e = make_context(&made, c, d);
	if (e)
		return e;
	SSL_CTX_free(t->context); /* sessions hold their own references */
	t->context = made;
	return ERR_OK;
}

/* ---- one connection ---- */

static void unlink_stream(struct tls_stream *s)
{
	struct tls_stream **at = &s->doors->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->doors->stream_n--;
}

static void door_closed(struct tls_doors *t);

static void on_stream_closed(uv_handle_t *h)
{
	struct tls_stream *s = h->data;

	if (--s->handles > 0)
		return;
	struct tls_doors *t = s->doors;
	unlink_stream(s);
	SSL_free(s->ssl);
	X509_free(s->certificate);
	close(s->net_fd);
	close(s->pair_fd);
	free(s);
	door_closed(t);
}

static void stream_close(struct tls_stream *s)
{
	if (s->closing)
		return;
	s->closing = true;
	/* One notice that we are done, where it can be sent at once. */
	if (SSL_is_init_finished(s->ssl))
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	uv_close((uv_handle_t *)&s->net, on_stream_closed);
	uv_close((uv_handle_t *)&s->pair, on_stream_closed);
	/* The library sees the end at once, and not when the handle has closed. */
	shutdown(s->pair_fd, SHUT_RDWR);
}

/* What a side waits for. */
struct wants {
	int net, pair;
	bool failed, moved;
};

static void note_tls(struct tls_stream *s, int result, struct wants *w)
{
	int what = SSL_get_error(s->ssl, result);

	ERR_clear_error();
	if (what == SSL_ERROR_WANT_READ)
		w->net |= UV_READABLE;
	else if (what == SSL_ERROR_WANT_WRITE)
		w->net |= UV_WRITABLE;
	else if (what == SSL_ERROR_ZERO_RETURN)
		s->in.ended = true;
	else
		w->failed = true;
}

static void read_net(struct tls_stream *s, struct wants *w)
{
	size_t n = 0;

	if (s->in.n > 0 || s->in.ended)
		return;
	int result = SSL_read_ex(s->ssl, s->in.bytes, PIPE_LEN, &n);
	if (result != 1) {
		note_tls(s, result, w);
		if (s->in.ended)
			shutdown(s->pair_fd, SHUT_WR);
		return;
	}
	s->in.at = 0;
	s->in.n = n;
	w->moved = true;
}

static void write_pair(struct tls_stream *s, struct wants *w)
{
	if (s->in.n == 0)
		return;
	ssize_t n = send(s->pair_fd, s->in.bytes + s->in.at, s->in.n, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->pair |= UV_WRITABLE;
	} else if (n < 0) {
		s->in.n = 0; /* the library has closed its end; what it said may still go out */
		s->in.ended = true;
	} else {
		s->in.at += (size_t)n;
		s->in.n -= (size_t)n;
		w->moved = true;
	}
}

static void read_pair(struct tls_stream *s, struct wants *w)
{
	if (s->out.n > 0 || s->out.ended)
		return;
	ssize_t n = read(s->pair_fd, s->out.bytes, PIPE_LEN);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->pair |= UV_READABLE;
	} else if (n <= 0) {
		s->out.ended = true;
	} else {
		s->out.at = 0;
		s->out.n = (size_t)n;
		w->moved = true;
	}
}

static void write_net(struct tls_stream *s, struct wants *w)
{
	size_t n = 0;

	if (s->out.n == 0)
		return;
	int result = SSL_write_ex(s->ssl, s->out.bytes + s->out.at, s->out.n, &n);
	if (result != 1) {
		note_tls(s, result, w);
		return;
	}
	s->out.at += n;
	s->out.n -= n;
	w->moved = true;
	if (s->lasting)
		s->deadline_ms = (int64_t)uv_now(s->doors->api->loop) + LASTING_S * 1000;
}

static void on_stream(uv_poll_t *p, int status, int events);

static void wait_for(uv_poll_t *p, int events)
{
	if (events != 0)
		uv_poll_start(p, events, on_stream);
	else
		uv_poll_stop(p);
}

static bool shake_hands(struct tls_stream *s, struct wants *w)
{
	if (SSL_is_init_finished(s->ssl))
		return true;
	int result = SSL_do_handshake(s->ssl);
	if (result == 1) {
		s->certificate = SSL_get1_peer_certificate(s->ssl);
		return true;
	}
	note_tls(s, result, w);
	w->failed = w->failed || s->in.ended;
	return false;
}

static void discard(struct tls_stream *s)
{
	ssize_t n = read(s->net_fd, s->in.bytes, PIPE_LEN);

	s->discarded += n > 0 ? (size_t)n : 0;
	if (n == 0 || s->discarded > DISCARD_MAX || (n < 0 && errno != EAGAIN && errno != EINTR))
		stream_close(s);
}

static void linger(struct tls_stream *s)
{
	s->lingering = true;
	s->deadline_ms = (int64_t)uv_now(s->doors->api->loop) + LINGER_S * 1000;
	SSL_shutdown(s->ssl);
	ERR_clear_error();
	shutdown(s->net_fd, SHUT_WR);
	wait_for(&s->net, UV_READABLE);
	wait_for(&s->pair, 0);
	discard(s);
}

static void pump(struct tls_stream *s)
{
	struct wants w = { .moved = true };
	bool open = false;

	while (w.moved && !w.failed) {
		w = (struct wants){ 0 };
		open = shake_hands(s, &w);
		if (!open)
			break;
		read_net(s, &w);
		write_pair(s, &w);
		read_pair(s, &w);
		write_net(s, &w);
	}
	if (w.failed) {
		stream_close(s);
		return;
	}
	if (open && s->out.ended && s->out.n == 0) {
		linger(s);
		return;
	}
	wait_for(&s->net, w.net);
	wait_for(&s->pair, w.pair);
}

static void on_stream(uv_poll_t *p, int status, int events)
{
	struct tls_stream *s = p->data;

	(void)status;
	(void)events;
	if (s->lingering && !s->closing)
		discard(s);
	else if (!s->closing)
		pump(s);
	http_run(&s->doors->api->outside);
}

struct tls_stream *tls_stream_find(struct tls_doors *t, uint64_t id)
{
	for (struct tls_stream *s = id != 0 ? t->streams : NULL; s != NULL; s = s->next)
		if (s->id == id && !s->closing)
			return s;
	return NULL;
}

bool tls_stream_has_name(const struct tls_stream *s, const char *name)
{
	return s->certificate != NULL && SSL_get_verify_result(s->ssl) == X509_V_OK &&
	       X509_check_host(s->certificate, name, strlen(name), X509_CHECK_FLAG_NO_WILDCARDS,
			       NULL) == 1;
}

void tls_stream_restart_clock(struct tls_stream *s, bool lasting)
{
	if (s->lingering)
		return;
	s->lasting = lasting;
	s->deadline_ms =
	    (int64_t)uv_now(s->doors->api->loop) + (lasting ? LASTING_S : REQUEST_S) * 1000;
}

/* ---- the doors ---- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	/* A network is one client. */
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		      &((const struct sockaddr_in6 *)b)->sin6_addr, 8) == 0;
}

static bool has_room(const struct tls_doors *t, const struct sockaddr_storage *from)
{
	size_t same = 0;

	for (const struct tls_stream *s = t->streams; s != NULL; s = s->next)
		same += same_address(&s->from, from);
	return t->stream_n < t->stream_max && same < PER_ADDRESS;
}

static bool start_polls(struct tls_stream *s)
{
	uv_loop_t *loop = s->doors->api->loop;

	s->net.data = s->pair.data = s;
	if (uv_poll_init(loop, &s->net, s->net_fd) != 0)
		return false;
	s->handles = 1;
	if (uv_poll_init(loop, &s->pair, s->pair_fd) != 0)
		return false;
	s->handles = 2;
	return true;
}

/* Takes `fd`. */
static void stream_open(struct tls_doors *t, int fd, const struct sockaddr_storage *from,
			socklen_t from_len)
{
	struct tls_stream *s = calloc(1, sizeof *s);
	int pair[2] = { -1, -1 };

	if (s == NULL || (s->ssl = SSL_new(t->context)) == NULL || SSL_set_fd(s->ssl, fd) != 1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		goto fail;
	s->doors = t;
	s->id = ++t->last_id;
	s->net_fd = fd;
	s->pair_fd = pair[0];
	s->from = *from;
	s->from_len = from_len;
	SSL_set_accept_state(s->ssl);
	s->next = t->streams;
	t->streams = s;
	t->stream_n++;
	if (!start_polls(s)) {
		if (s->handles == 1) {
			s->closing = true;
			uv_close((uv_handle_t *)&s->net, on_stream_closed);
		} else {
			s->handles = 1;
			on_stream_closed((uv_handle_t *)&s->net);
		}
		close(pair[1]);
		return;
	}
	tls_stream_restart_clock(s, false);
	http_add(&t->api->outside, pair[1], (struct sockaddr *)&s->from, s->from_len, s->id);
	pump(s);
	return;
fail:
	if (s != NULL)
		SSL_free(s->ssl);
	ERR_clear_error();
	free(s);
	close(fd);
}

static void on_door(uv_poll_t *p, int status, int events)
{
	struct door *door = p->data;
	struct tls_doors *t = door->doors;
	struct sockaddr_storage from;
	socklen_t n = sizeof from;

	(void)status;
	(void)events;
	memset(&from, 0, sizeof from);
	int fd = accept4(door->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (!has_room(t, &from))
		close(fd);
	else
		stream_open(t, fd, &from, n);
}

static void on_sweep(uv_timer_t *timer)
{
	struct tls_doors *t = timer->data;
	int64_t now = (int64_t)uv_now(t->api->loop);

	for (struct tls_stream *s = t->streams; s != NULL; s = s->next)
		if (s->deadline_ms < now)
			stream_close(s);
	http_run(&t->api->outside);
}

static void free_doors(struct tls_doors *t)
{
	for (size_t i = 0; i < t->door_n; i++)
		if (t->door[i].fd >= 0)
			close(t->door[i].fd);
	free(t->door);
	SSL_CTX_free(t->context);
	free(t);
}

static enum err open_door(struct tls_doors *t, const struct config_address *at, struct diag *d)
{
	struct door *door = &t->door[t->door_n];

	door->doors = t;
	enum err e = listener_open_tcp(at, "api", &door->fd, d);
	if (e)
		return e;
	t->door_n++;
	return ERR_OK;
}

static enum err start_doors(struct tls_doors *t)
{
	uv_loop_t *loop = t->api->loop;

	t->sweep.data = t;
	uv_timer_init(loop, &t->sweep);
	t->handles = 1;
	for (size_t i = 0; i < t->door_n; i++) {
		struct door *door = &t->door[i];
		door->poll.data = door;
		if (uv_poll_init(loop, &door->poll, door->fd) != 0)
			return ERR_IO;
		t->handles++;
		uv_poll_start(&door->poll, UV_READABLE, on_door);
	}
	uv_timer_start(&t->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	uv_unref((uv_handle_t *)&t->sweep);
	return ERR_OK;
}

enum err tls_doors_open(struct tls_doors **out, struct api *a, const struct config_api *c,
			struct diag *d)
{
	struct tls_doors *t = calloc(1, sizeof *t);

	if (t == NULL)
		return ERR_NOMEM;
	t->api = a;
	t->stream_max = c->connections;
	t->door = calloc(c->listen_n, sizeof *t->door);
	enum err e = t->door != NULL ? make_context(&t->context, c, d) : ERR_NOMEM;
	for (size_t i = 0; i < c->listen_n && !e; i++)
		e = open_door(t, &c->listen[i], d);
	if (e) {
		free_doors(t);
		return e;
	}
	*out = t;
	return start_doors(t);
}

/* ---- the end ---- */

static void door_closed(struct tls_doors *t)
{
	if (!t->closing || t->handles > 0 || t->streams != NULL)
		return;
	struct api *a = t->api;
	void (*closed)(struct api *) = t->closed;
	free_doors(t);
	closed(a);
}

static void on_door_closed(uv_handle_t *h)
{
	struct tls_doors *t = h->type == UV_TIMER ? h->data : ((struct door *)h->data)->doors;

	t->handles--;
	door_closed(t);
}

void tls_doors_close(struct tls_doors *t, void (*closed)(struct api *a))
{
	t->closed = closed;
	t->closing = true;
	uv_close((uv_handle_t *)&t->sweep, on_door_closed);
	for (size_t i = 0; i < t->door_n; i++)
		uv_close((uv_handle_t *)&t->door[i].poll, on_door_closed);
	for (struct tls_stream *s = t->streams; s != NULL; s = s->next)
		stream_close(s);
}
