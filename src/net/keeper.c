// SPDX-License-Identifier: Apache-2.0
/* The keeper: one thread that goes over the zones and makes what is due, or wanted ahead, at the
 * lowest priority. It looks at the clock anew each time, so after a suspend or a changed clock it
 * is late by one look at most, and meanwhile stale signatures are misses. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/give_way.h"
#include "base/log.h"
#include "dns/name.h"
#include "net/internal.h"
#include "query/upkeep.h"

#define NICE 10
/* How soon a new view is seen, and how often all zones are gone over; oftener where a policy's
 * signatures are due that soon. */
#define LOOK_S 1
#define RUN_S  30
/* Progress of a zone that is signed ahead is told so often. */
#define TELL_NS 10000000000u

struct going {
	struct keeper *keeper;
	struct view *view;
	const struct zone_view *zv;
	uint64_t since_ns, told_ns, batch_ns, made;
	bool ahead; /* this zone is signed ahead for the first time */
};

static void tell(const struct going *g, const char *what)
{
	char zone[NAME_TEXT_MAX];

	log_notice(name_to_text(zone_name(g->zv->zone), zone),
		   "prewarm: %s%llu signatures in %.1f s", what, (unsigned long long)g->made,
		   (double)(latency_now_ns() - g->since_ns) / 1e9);
}

static void on_begin(void *context)
{
	struct going *g = context;

	g->batch_ns = latency_now_ns();
}

/* After each batch. */
static bool has_to_stop(void *context)
{
	struct going *g = context;
	struct keeper *k = g->keeper;

	uint64_t now_ns =
	    sign_stats_add(&k->stats, k->run.batch->algorithm, g->batch_ns, k->run.made);
	g->made += k->run.made;
	if (g->ahead && now_ns - g->told_ns > TELL_NS) {
		tell(g, "going on, ");
		g->told_ns = now_ns;
	}
	rcu_quiescent();
	return atomic_load(&k->stop) || view_load(k->net->options.views) != g->view;
}

static bool keep_zone(struct going *g, const struct zone_view *zv)
{
	struct upkeep *u = zv->upkeep;

	g->zv = zv;
	g->made = 0;
	g->since_ns = g->told_ns = latency_now_ns();
	g->ahead = zv->prewarm && counter_read(&u->runs) == 0;
	atomic_store_explicit(&u->ahead.value, g->ahead, memory_order_relaxed);
	bool whole = upkeep_zone(&g->keeper->run, zv);
	if (whole && g->ahead)
		tell(g, "done, ");
	if (whole)
		atomic_store_explicit(&u->ahead.value, 0, memory_order_relaxed);
	return whole;
}

static bool visit(struct span key, void *value, void *context)
{
	const struct zone_view *zv = value;
	struct timespec now;
	struct going *g = context;

	(void)key;
	if (zv->keys == NULL || zv->upkeep == NULL)
		return true;
	uint32_t fresh_s = zv->keys->policy.validity_s - zv->keys->policy.refresh_s;
	if (fresh_s / 8 < g->keeper->run_every_s)
		g->keeper->run_every_s = fresh_s / 8;
	clock_gettime(CLOCK_REALTIME, &now);
	g->keeper->run.now = now.tv_sec;
	return keep_zone(g, zv);
}

/* Over all zones of the view; ends early where there is a newer one. */
static void go_over(struct keeper *k, struct view *v)
{
	struct going g = { .keeper = k, .view = v };

	k->run.context = &g;
	k->run_every_s = RUN_S;
	view_pin(v);
	trie_walk(v->zones, visit, &g);
	view_unpin(v);
}

static bool sleep_until_stopped(struct keeper *k, int seconds)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += seconds;
	while (sem_clockwait(&k->wake, CLOCK_MONOTONIC, &at) < 0 && errno == EINTR)
		;
	return atomic_load(&k->stop);
}

static void keep(struct keeper *k)
{
	uint64_t seen = 0; /* number of the view that was gone over */
	uint32_t since = 0;

	do {
		rcu_online();
		struct view *v = view_load(k->net->options.views);
		if (v != NULL && (v->id != seen || since >= k->run_every_s)) {
			seen = v->id;
			since = 0;
			go_over(k, v);
		}
		rcu_offline();
		since += LOOK_S;
	} while (!sleep_until_stopped(k, LOOK_S));
}

static void *run(void *argument)
{
	struct keeper *k = argument;
	struct signer *signer = NULL;

	prctl(PR_SET_NAME, "concord-keep");
	give_way(NICE);
	rcu_thread_register();
	rcu_offline();
	if (signer_new(&signer) == ERR_OK) {
		k->run.batch->signer = signer;
		keep(k);
	}
	signer_free(signer);
	rcu_thread_unregister();
	return NULL;
}

enum err keeper_open(struct keeper *k, struct net *n)
{
	k->net = n;
	k->run.batch = calloc(1, sizeof *k->run.batch);
	k->run.begin = on_begin;
	k->run.stop = has_to_stop;
	if (k->run.batch == NULL)
		return ERR_NOMEM;
	return sem_init(&k->wake, 0, 0) == 0 ? ERR_OK : ERR_IO;
}

enum err keeper_start(struct keeper *k)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	k->started = pthread_create(&k->thread, NULL, run, k) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return k->started ? ERR_OK : ERR_IO;
}

void keeper_stop(struct keeper *k)
{
	if (!k->started)
		return;
	atomic_store(&k->stop, true);
	sem_post(&k->wake);
	pthread_join(k->thread, NULL);
	k->started = false;
}

void keeper_close(struct keeper *k)
{
	if (k->run.batch != NULL)
		sem_destroy(&k->wake);
	free(k->run.batch);
}
