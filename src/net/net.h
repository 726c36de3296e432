// SPDX-License-Identifier: Apache-2.0
/*
 * net.h -- sockets, workers and signer threads: everything between the kernel and query_answer().
 *
 * Purpose.   N workers, each a thread with its own libuv loop, its own SO_REUSEPORT UDP sockets
 * (recvmmsg/sendmmsg on a uv_poll_t) and TCP listeners and connections; M signer threads. Workers
 * share nothing mutable but the view pointer, the signature caches and the queue to the signers.
 * Life.      net_open() binds (while still root), net_start() starts threads, net_stop() ends them,
 * net_close() frees. Threads.   The functions here belong to the control thread. Errors. Findings
 * name the address: "127.0.0.1@53 (UDP): Address already in use".
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/prefix.h"
#include "query/handoff.h"
#include "query/stats.h"
#include "query/view.h"

struct net;

struct net_address {
	struct ip_addr addr;
	uint16_t port;
};

struct net_options {
	const struct net_address *listen;
	size_t listen_n;
	const struct net_address *listen_tls; /* DNS over TLS (RFC 7858) */
	size_t listen_tls_n;
	unsigned worker_n; /* 0: one per core that we may run on */
	unsigned signer_n; /* 0: the same */
	uint32_t tcp_idle_ms;
	uint32_t tcp_max;        /* connections over all workers */
	uint32_t tcp_max_client; /* ... of one /24 or /56 */
	struct view_slot *views; /* borrowed for life */
	/* Takes what the pipeline hands on (query/handoff.h), in a worker's thread. False: it does
	 * not; the client gets SERVFAIL. NULL: all such requests are refused. It must give back all
	 * that it took before net_stop(). */
	bool (*handoff)(struct handoff *h, void *context);
	void *handoff_context;
};

/* Opens and binds every socket of every worker. */
enum err net_open(struct net **out, const struct net_options *options, struct diag *d);
/* Reads certificate chain and key (PEM) for the TLS listeners (`ask_client`: clients are asked for
 * theirs, which is measured where requests are handed on, and never checked otherwise); new
 * connections use them, and tickets of earlier ones stay good. On failure what was goes on. Control
 * thread, any time after net_open(). */
enum err net_set_certificate(struct net *n, const char *certificate, const char *key,
			     bool ask_client, struct diag *d);
/* Starts the threads. A view must have been published. */
enum err net_start(struct net *n);
/* Asks all threads to end and waits for them; answers on their way are sent first. Accepts a net
 * that was never started. */
void net_stop(struct net *n);
/* Accepts NULL. */
void net_close(struct net *n);

unsigned net_worker_n(const struct net *n);

/* What the sockets count beside query/stats.h. */
#define NET_STATS_TABLE(X)                                                                         \
	X(udp_send_errors, "UDP answers that the kernel refused")                                  \
	X(tcp_accepted, "TCP connections accepted")                                                \
	X(tcp_refused, "TCP connections closed because of the limit")                              \
	X(tcp_refused_client, "TCP connections closed because of the limit per client")            \
	X(tls_handshakes, "TLS handshakes completed")                                              \
	X(tls_resumed, "TLS handshakes that resumed a session")                                    \
	X(tls_failed, "TLS connections that failed")                                               \
	X(tcp_paused, "times a client that does not read was paused")                              \
	X(tcp_open, "TCP connections open now, TLS among them")                                    \
	X(tcp_idle_closed, "TCP connections closed for being idle")                                \
	X(signer_queue_full, "times the signer queue was full")

/* What a stream is at: one of these at a time. */
#define NET_TCP_STATES_TABLE(X)                                                                    \
	X(HANDSHAKE, "handshake") /* TLS is not established */                                     \
	X(IDLE, "idle")           /* whole questions are answered */                               \
	X(PARTIAL, "partial")     /* part of a question has come */                                \
	X(WAITING, "waiting")     /* for signatures, or for the control plane */                   \
	X(UNREAD, "unread")       /* the client does not take its answers */

enum net_tcp_state {
#define X(code, text) NET_TCP_##code,
	NET_TCP_STATES_TABLE(X)
#undef X
	    NET_TCP_STATES
};

/* Time from a batch's receipt to its answers' sending, counted for each query of it: bucket i is up
 * to 2^i microseconds, the last is all above. Of a stream a batch is what one event brought. */
#define NET_LATENCY_BUCKETS 20

struct net_stats {
#define X(field, says) struct counter field;
	NET_STATS_TABLE(X)
#undef X
	struct latency {
		struct counter bucket[NET_LATENCY_BUCKETS];
		struct counter sum_us;
	} udp, stream;
	struct counter state[NET_TCP_STATES]; /* connections that are in it now */
};

/* Signing, by algorithm: in a worker, a signer thread, or the keeper. Bucket i is up to 2^i
 * microseconds a signature, the last is all above; what was made together counts with its share of
 * the time. The last algorithm, 0, stands for several keys of different ones. */
#define NET_SIGN_BUCKETS    18
#define NET_SIGN_ALGORITHMS 7
extern const struct net_sign_algorithm {
	uint8_t number;
	const char *name;
} NET_SIGN_ALGORITHM[NET_SIGN_ALGORITHMS];

struct sign_stats {
	struct sign_time {
		struct counter made, ns; /* signatures, and the time they took */
		struct counter bucket[NET_SIGN_BUCKETS];
	} by[NET_SIGN_ALGORITHMS];
};
/* Workers' first, then signer threads', then the keeper's. */
unsigned net_sign_stats_n(const struct net *n);
const struct sign_stats *net_sign_stats(const struct net *n, unsigned which);

/* The counters of one worker; read them with counter_read(). */
const struct query_stats *net_query_stats(const struct net *n, unsigned worker);
const struct net_stats *net_worker_stats(const struct net *n, unsigned worker);
/* Datagrams that the kernel dropped since the start because a worker did not take them in time. */
uint64_t net_receive_drops(const struct net *n);

#endif
