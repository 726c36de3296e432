// SPDX-License-Identifier: Apache-2.0
#include "net/net.h"

#include <sched.h>
#include <stdlib.h>

#include "base/random.h"
#include "net/internal.h"

static unsigned cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n > 0 && n <= 64 ? (unsigned)n : n > 64 ? 64 : 1;
}

static enum err open_sockets(struct worker *w, const struct net_options *o, struct diag *d)
{
	w->udp = calloc(o->listen_n + 1, sizeof *w->udp);
	w->tcp = calloc(o->listen_n + o->listen_tls_n + 1, sizeof *w->tcp);
	if (w->udp == NULL || w->tcp == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < o->listen_n; i++) {
		const struct net_address *a = &o->listen[i];
		struct udp_socket *u = &w->udp[i];
		*u = (struct udp_socket){
			.worker = w,
			.family = a->addr.family == IP_V4 ? AF_INET : AF_INET6,
			.any = socket_is_any(a),
		};
		enum err e = socket_open_udp(a, &u->fd, d);
		if (e)
			return e;
		w->udp_n++;
		w->tcp[i] = (struct tcp_listener){ .worker = w };
		e = socket_open_tcp(a, &w->tcp[i].fd, d);
		if (e)
			return e;
		w->tcp_n++;
	}
	for (size_t i = 0; i < o->listen_tls_n; i++) {
		struct tcp_listener *l = &w->tcp[w->tcp_n];
		*l = (struct tcp_listener){ .worker = w, .tls = true };
		enum err e = socket_open_tcp(&o->listen_tls[i], &l->fd, d);
		if (e)
			return e;
		w->tcp_n++;
	}
	return ERR_OK;
}

static enum err open_all(struct net *n, struct diag *d)
{
	for (size_t i = 0; i < n->options.listen_n; i++) {
		enum err e = socket_probe(&n->options.listen[i], d);
		if (e)
			return e;
	}
	for (size_t i = 0; i < n->options.listen_tls_n; i++) {
		enum err e = socket_probe_tcp(&n->options.listen_tls[i], d);
		if (e)
			return e;
	}
	random_bytes(&n->client_key, sizeof n->client_key);
	for (unsigned i = 0; i < n->worker_n; i++) {
		struct worker *w = &n->workers[i];
		w->net = n;
		w->id = i;
		enum err e = open_sockets(w, &n->options, d);
		if (!e)
			e = worker_open(w);
		if (e)
			return e;
	}
	enum err e =
	    signers_open(&n->signers, n, n->options.signer_n != 0 ? n->options.signer_n : cores());
	return e ? e : keeper_open(&n->keeper, n);
}

enum err net_open(struct net **out, const struct net_options *options, struct diag *d)
{
	struct net *n = calloc(1, sizeof *n);

	if (n == NULL)
		return ERR_NOMEM;
	n->options = *options;
	n->pipeline = (struct net_pipeline){ query_answer, query_give_up };
	n->worker_n = options->worker_n != 0 ? options->worker_n : cores();
	n->is_alone = cores() == 1;
	n->workers = calloc(n->worker_n, sizeof *n->workers);
	enum err e = n->workers != NULL ? open_all(n, d) : ERR_NOMEM;
	n->options.listen = n->options.listen_tls = NULL; /* the caller's; not needed any more */
	if (e) {
		net_close(n);
		return e;
	}
	*out = n;
	return ERR_OK;
}

enum err net_start(struct net *n)
{
	enum err e = signers_start(&n->signers);

	n->started = true;
	for (unsigned i = 0; i < n->worker_n && !e; i++)
		e = worker_start(&n->workers[i]);
	return e ? e : keeper_start(&n->keeper);
}

void net_stop(struct net *n)
{
	if (n == NULL || !n->started)
		return;
	keeper_stop(&n->keeper);
	/* Signer threads first: they wake the workers' loops. */
	signers_stop(&n->signers);
	for (unsigned i = 0; i < n->worker_n; i++)
		worker_stop(&n->workers[i]);
	signers_drain(&n->signers);
	n->started = false;
}

void net_close(struct net *n)
{
	if (n == NULL)
		return;
	net_stop(n);
	signers_close(&n->signers);
	keeper_close(&n->keeper);
	for (unsigned i = 0; n->workers != NULL && i < n->worker_n; i++)
		worker_close(&n->workers[i]);
	free(n->workers);
	tls_close_net(n);
	free(n);
}

unsigned net_worker_n(const struct net *n)
{
	return n->worker_n;
}

const struct query_stats *net_query_stats(const struct net *n, unsigned worker)
{
	return &n->workers[worker].query_stats;
}

const struct net_stats *net_worker_stats(const struct net *n, unsigned worker)
{
	return &n->workers[worker].stats;
}

uint64_t net_receive_drops(const struct net *n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n->worker_n; i++)
		for (size_t k = 0; k < n->workers[i].udp_n; k++)
			sum += socket_receive_drops(n->workers[i].udp[k].fd);
	return sum;
}

unsigned net_sign_stats_n(const struct net *n)
{
	return n->worker_n + n->signers.n + 1;
}

const struct sign_stats *net_sign_stats(const struct net *n, unsigned which)
{
	if (which < n->worker_n)
		return &n->workers[which].sign_stats;
	which -= n->worker_n;
	return which < n->signers.n ? &n->signers.threads[which].stats : &n->keeper.stats;
}
