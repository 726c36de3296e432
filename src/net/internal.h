// SPDX-License-Identifier: Apache-2.0
/*
 * internal.h -- workers, their connections and the signer threads; private to this folder.
 */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/siphash.h"
#include "net/net.h"
#include "net/ring.h"
#include "query/handoff.h"
#include "query/query.h"
#include "query/upkeep.h"

/* Queries that wait for signatures, per worker. At 20 us a signature this is 20 ms of work for one
 * signer; past it an answer now (SERVFAIL) serves a resolver better than one that comes too late.
 */
#define PARK_MAX         1024
#define PARK_REQUEST_MAX 512
/* A resolver has asked elsewhere by then. */
#define PARK_TIMEOUT_MS 2000

#define SIGNER_QUEUE 4096

/* What a worker calls: the pipeline, or a stand-in of a test. */
struct net_pipeline {
	enum verdict (*answer)(struct query *q, struct span in, const struct query_client *from,
			       struct writer *out);
	enum verdict (*give_up)(struct query *q, struct span in, const struct query_client *from,
				struct writer *out);
};

struct worker;
struct connection;
struct waiting;
struct reply;

/* A UDP socket of a worker. */
struct udp_socket {
	struct worker *worker;
	uv_poll_t poll;
	int fd;
	sa_family_t family;
	bool any; /* bound to a wildcard: the address asked is kept for the reply */
};

/* A TCP listener of a worker. */
struct tcp_listener {
	struct worker *worker;
	uv_poll_t poll;
	int fd;
	bool tls;
};

/* Connections of client networks, by a keyed hash: two that share a slot share its limit. */
#define CLIENT_SLOTS 8192u

struct tls;

/* Who asked, and how the answer goes back. */
struct asker {
	struct query_client client;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	struct udp_socket *udp; /* NULL: TCP */
	union {                 /* the address asked, as ancillary data for the reply */
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
	} to;
	struct connection *tcp;
};

struct parked {
	struct asker asker;
	struct view *view;      /* pinned, so that `need` stays readable */
	bool waits;             /* for `need`; else for another view */
	struct query_need need; /* the first signature that was missing: before it is there, asking
				   again is in vain */
	uint8_t owner[NAME_MAX_LEN]; /* the need's */
	uint64_t since_ms;
	uint16_t len;
	uint8_t request[PARK_REQUEST_MAX];
};

struct udp_batch;

struct worker {
	struct net *net;
	unsigned id;
	pthread_t thread;
	bool started;
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_async_t wake; /* signatures are there, or stop */
	uv_timer_t tick; /* idle connections, parked queries that waited too long */
	struct udp_socket *udp;
	size_t udp_n;
	struct tcp_listener *tcp;
	size_t tcp_n;
	struct udp_batch *batch;
	struct connection *connections; /* newest activity first */
	struct connection *last_connection;
	size_t connection_n;
	uint64_t stream_answers; /* given at once, since the start */
	unsigned stream_work;    /* since UDP was looked at, in answers */
	struct parked *parked;   /* PARK_MAX slots */
	uint16_t *park_order;    /* slots in order of arrival from parked_first on */
	uint16_t *park_free;
	size_t parked_first, parked_n, park_free_n;
	struct need_batch *slice; /* being signed by the worker itself */
	uint64_t answered;        /* answers as of the end of the slice before */
	uv_idle_t sign;           /* runs while there is something to sign */
	struct sign_stats sign_stats;
	/* Requests that were handed on (handoff.c), and answers that came back for them. */
	struct waiting *waiting;
	size_t waiting_n;
	pthread_mutex_t inbox_lock;
	struct reply *inbox, *inbox_last;
	bool view_borrowed;
	_Atomic bool stopping;
	uint8_t *answer; /* MESSAGE_MAX: where answers over TCP and late ones are written */
	struct query query;
	struct query_stats query_stats;
	struct net_stats stats;
};

struct signers {
	struct net *net;
	struct ring *ring;
	sem_t work;
	_Atomic bool stop;
	unsigned n;
	struct signer_thread {
		struct signers *all;
		pthread_t thread;
		bool started;
		unsigned id;
		struct need_batch *batch;
		struct sign_stats stats;
	} * threads;
};

struct keeper {
	struct net *net;
	pthread_t thread;
	bool started;
	sem_t wake;
	_Atomic bool stop;
	struct upkeep_run run;
	uint32_t run_every_s; /* as the policies of the last view want it */
	struct sign_stats stats;
};

struct net {
	struct net_options options;
	struct net_pipeline pipeline;
	struct worker *workers;
	unsigned worker_n;
	struct signers signers;
	struct keeper keeper;
	_Atomic uint32_t connections; /* over all workers */
	struct siphash_key client_key;
	_Atomic uint32_t clients[CLIENT_SLOTS];
	_Atomic(struct tls *) tls; /* what new TLS connections use; RCU */
	bool started;
	bool is_alone; /* there is one core for all threads */
};

/* socket.c: opened and bound; findings name the address. */
enum err socket_probe(const struct net_address *a, struct diag *d);
enum err socket_probe_tcp(const struct net_address *a, struct diag *d);
enum err socket_open_udp(const struct net_address *a, int *fd, struct diag *d);
enum err socket_open_tcp(const struct net_address *a, int *fd, struct diag *d);
bool socket_is_any(const struct net_address *a);
/* Datagrams that did not fit into its buffer. */
uint32_t socket_receive_drops(int fd);
void socket_client(const struct sockaddr_storage *from, struct ip_addr *out);

/* worker.c */
enum err worker_open(struct worker *w);
enum err worker_start(struct worker *w);
void worker_stop(struct worker *w);
void worker_close(struct worker *w);
/* Makes the query context ready for a batch: view and time. False: no view. */
bool worker_begin(struct worker *w);

/* udp.c */
struct udp_batch *udp_batch_new(void);
void udp_batch_free(struct udp_batch *b);
void udp_ready(uv_poll_t *poll, int status, int events);
/* A batch of each socket, between events of streams; not while late answers are collected. */
void udp_look(struct worker *w);
/* Answers to queries that waited are collected, and leave together. */
void udp_answer_late(const struct asker *a, const uint8_t *bytes, size_t n);
void udp_flush_late(struct worker *w);

/* tcp.c */
void tcp_ready(uv_poll_t *poll, int status, int events);
void tcp_answer_later(struct connection *c, const uint8_t *bytes, size_t n);
/* A parked query of the connection is no longer waited for. */
void tcp_unpark(struct connection *c);
void tcp_close_idle(struct worker *w, uint64_t now_ms);
void tcp_close_all(struct worker *w);
/* Whether answers may be added now, without waiting for the client to read. */
bool tcp_has_room(const struct connection *c);
/* False: no memory. */
bool tcp_append(struct connection *c, const uint8_t *bytes, size_t n);
/* Answers wait for the connection (handoff_pump()): goes on with it. */
void tcp_continue(struct connection *c);
/* SHA-256 of the public key of the client's certificate. False: it showed none. */
bool tcp_client_certificate(const struct connection *c, uint8_t out[HANDOFF_CERTIFICATE_LEN]);

/* tls.c: one TLS session on a descriptor that does not block. */
struct tls_stream;
/* NULL: no certificate, or no memory. While the worker is online. */
struct tls_stream *tls_stream_new(struct net *n, int fd);
void tls_stream_free(struct tls_stream *t);
/* As recv() and send(): octets, 0 for the end, -1 with errno (EAGAIN: *events says what to wait
 * for). */
ssize_t tls_read(struct tls_stream *t, void *out, size_t n, int *events);
ssize_t tls_write(struct tls_stream *t, const void *from, size_t n, int *events);
/* Octets that were decrypted and not read yet. */
bool tls_has_more(const struct tls_stream *t);
bool tls_is_established(const struct tls_stream *t);
bool tls_was_resumed(const struct tls_stream *t);
bool tls_client_certificate(const struct tls_stream *t, uint8_t out[HANDOFF_CERTIFICATE_LEN]);
void tls_close_net(struct net *n);

/* latency.c */
void latency_add(struct latency *l, uint64_t since_ns, unsigned queries);
uint64_t latency_now_ns(void);
/* `made` signatures of one algorithm (0: of several) since then; returns the time now. */
uint64_t sign_stats_add(struct sign_stats *s, uint8_t algorithm, uint64_t since_ns, unsigned made);

/* park.c */
enum err park_open(struct worker *w);
void park_close(struct worker *w);
/* Signs a slice of what waits, and answers. */
void park_work(uv_idle_t *h);
/* After QUERY_WAIT: starts what is missing and keeps the request. False: it cannot wait. */
bool park_query(struct worker *w, struct span in, const struct asker *from);
/* Signatures have been made: asks again for all that wait. */
void park_resume(struct worker *w);
void park_expire(struct worker *w, uint64_t now_ms);
/* A connection closes: its queries are forgotten. */
void park_forget(struct worker *w, const struct connection *c);
/* Starts renewals that are due; drops them where the queue is full. */
void park_renew(struct worker *w);

/* keeper.c */
enum err keeper_open(struct keeper *k, struct net *n);
enum err keeper_start(struct keeper *k);
void keeper_stop(struct keeper *k);
void keeper_close(struct keeper *k);

/* handoff.c */
/* After QUERY_HANDOFF. False: nobody takes it. */
bool handoff_query(struct worker *w, struct span in, const struct asker *from);
/* Answers that came back: to UDP clients, and to connections as they have room. */
void handoff_deliver(struct worker *w);
bool handoff_pump(struct worker *w, struct connection *c);
bool handoff_has_more(const struct worker *w, const struct connection *c);
/* A connection closes: its requests are told that the client is gone. */
void handoff_forget(struct worker *w, const struct connection *c);
/* At the end: the one who answers has given all back, and the thread has ended. */
void handoff_close(struct worker *w);

/* signers.c */
enum err signers_open(struct signers *s, struct net *n, unsigned count);
enum err signers_start(struct signers *s);
void signers_stop(struct signers *s);
/* Gives back what is still queued. Both sides have stopped. */
void signers_drain(struct signers *s);
void signers_close(struct signers *s);
/* Hands on one need whose claim the caller has won. False: full; the claim is still the caller's.
 */
bool signers_submit(struct signers *s, struct view *view, const struct query_need *need);

#endif
