// SPDX-License-Identifier: Apache-2.0
/* One thread, one loop, its own sockets, one query context. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "net/internal.h"

#define TICK_MS   500
#define HUGE_PAGE ((size_t)2 << 20)

/* libuv runs I/O callbacks inside the poll and check handles only afterwards, so the view is
 * borrowed by the first callback that needs it and given back before the loop sleeps. */
bool worker_begin(struct worker *w)
{
	struct timespec now;

	if (!w->view_borrowed) {
		rcu_online();
		w->view_borrowed = true;
		w->query.view = view_load(w->net->options.views);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	w->query.now = now.tv_sec;
	return w->query.view != NULL;
}

static void before_sleep(uv_prepare_t *h)
{
	struct worker *w = h->data;

	if (!w->view_borrowed)
		return;
	w->view_borrowed = false;
	w->query.view = NULL;
	rcu_offline();
}

static void on_tick(uv_timer_t *t)
{
	struct worker *w = t->data;
	uint64_t now = uv_now(&w->loop);

	tcp_close_idle(w, now);
	if (w->parked_n > 0)
		park_expire(w, now);
}

static void close_handle(uv_handle_t *h, void *context)
{
	(void)context;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void on_wake(uv_async_t *a)
{
	struct worker *w = a->data;

	handoff_deliver(w);
	if (w->parked_n > 0)
		park_resume(w);
	if (!atomic_load(&w->stopping))
		return;
	park_expire(w, UINT64_MAX);
	tcp_close_all(w);
	uv_walk(&w->loop, close_handle, NULL);
}

static void *run(void *argument)
{
	struct worker *w = argument;
	char name[16];

	snprintf(name, sizeof name, "concord-w%u", w->id);
	prctl(PR_SET_NAME, name);
	rcu_thread_register();
	rcu_offline();
	uv_run(&w->loop, UV_RUN_DEFAULT);
	if (w->view_borrowed)
		w->view_borrowed = false;
	rcu_offline();
	rcu_thread_unregister();
	return NULL;
}

static enum err start_polling(struct worker *w)
{
	for (size_t i = 0; i < w->udp_n; i++) {
		struct udp_socket *s = &w->udp[i];
		s->poll.data = s;
		if (uv_poll_init(&w->loop, &s->poll, s->fd) != 0 ||
		    uv_poll_start(&s->poll, UV_READABLE, udp_ready) != 0)
			return ERR_IO;
	}
	for (size_t i = 0; i < w->tcp_n; i++) {
		struct tcp_listener *l = &w->tcp[i];
		l->poll.data = l;
		if (uv_poll_init(&w->loop, &l->poll, l->fd) != 0 ||
		    uv_poll_start(&l->poll, UV_READABLE, tcp_ready) != 0)
			return ERR_IO;
	}
	return ERR_OK;
}

/* A mapping, so that only the pages that are used are there; huge ones, for each question reads
 * another place and small ones are more than the processor keeps in mind. Without it answers are
 * right too. */
static struct memo *memo_map(void)
{
	uint8_t *m = mmap(NULL, sizeof(struct memo) + HUGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		return NULL;
	size_t before = -(uintptr_t)m % HUGE_PAGE;
	if (before != 0)
		(void)munmap(m, before);
	m += before;
	(void)munmap(m + sizeof(struct memo), HUGE_PAGE - before);
	(void)madvise(m, sizeof(struct memo), MADV_HUGEPAGE);
	return (struct memo *)m;
}

enum err worker_open(struct worker *w)
{
	w->batch = udp_batch_new();
	w->answer = malloc(MESSAGE_MAX);
	w->query.stats = &w->query_stats;
	w->query.rates = calloc(1, sizeof *w->query.rates);
	w->query.memo = memo_map();
	w->query.worker = w->id;
	w->query.hands_on = w->net->options.handoff != NULL;
	if (pthread_mutex_init(&w->inbox_lock, NULL) != 0)
		return ERR_NOMEM;
	if (w->batch == NULL || w->answer == NULL || w->query.rates == NULL)
		return ERR_NOMEM;
	random_bytes(&w->query.rates->key, sizeof w->query.rates->key);
	enum err e = park_open(w);
	if (!e)
		e = nsec3_hasher_new(&w->query.hasher);
	return e ? e : signer_new(&w->query.signer);
}

enum err worker_start(struct worker *w)
{
	sigset_t all, before;

	if (uv_loop_init(&w->loop) != 0)
		return ERR_IO;
	w->started = true;
	w->prepare.data = w->wake.data = w->tick.data = w->sign.data = w;
	if (uv_prepare_init(&w->loop, &w->prepare) != 0 ||
	    uv_prepare_start(&w->prepare, before_sleep) != 0 ||
	    uv_async_init(&w->loop, &w->wake, on_wake) != 0 ||
	    uv_idle_init(&w->loop, &w->sign) != 0 || uv_timer_init(&w->loop, &w->tick) != 0 ||
	    uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS) != 0)
		return ERR_IO;
	enum err e = start_polling(w);
	if (e)
		return e;
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		w->thread = 0;
	return failed ? ERR_IO : ERR_OK;
}

void worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	if (w->thread != 0) {
		atomic_store(&w->stopping, true);
		uv_async_send(&w->wake);
		pthread_join(w->thread, NULL);
	} else {
		uv_walk(&w->loop, close_handle, NULL);
		uv_run(&w->loop, UV_RUN_DEFAULT);
	}
	uv_loop_close(&w->loop);
	w->started = false;
}

void worker_close(struct worker *w)
{
	handoff_close(w);
	pthread_mutex_destroy(&w->inbox_lock);
	for (size_t i = 0; i < w->udp_n; i++)
		close(w->udp[i].fd);
	for (size_t i = 0; i < w->tcp_n; i++)
		close(w->tcp[i].fd);
	free(w->udp);
	free(w->tcp);
	park_close(w);
	free(w->answer);
	udp_batch_free(w->batch);
	signer_free(w->query.signer);
	nsec3_hasher_free(w->query.hasher);
	free(w->query.rates);
	if (w->query.memo != NULL)
		munmap(w->query.memo, sizeof *w->query.memo);
}
