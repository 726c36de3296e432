// SPDX-License-Identifier: Apache-2.0
/* Signer threads: what is dear, what piles up at workers, and renewals. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/give_way.h"
#include "dns/name.h"
#include "net/internal.h"

#define NICE 5

enum err signers_open(struct signers *s, struct net *n, unsigned count)
{
	s->net = n;
	s->n = count;
	s->ring = ring_new(SIGNER_QUEUE);
	s->threads = calloc(count, sizeof *s->threads);
	if (s->ring == NULL || s->threads == NULL)
		return ERR_NOMEM;
	return sem_init(&s->work, 0, 0) == 0 ? ERR_OK : ERR_IO;
}

/* Signs the batch; *since_ns is when it was begun, and becomes now. */
static void finish(struct signer_thread *t, uint64_t *since_ns)
{
	uint8_t algorithm = t->batch->algorithm;
	unsigned made = need_finish(t->batch);

	*since_ns = sign_stats_add(&t->stats, algorithm, *since_ns, made);
}

/* Adds a job to the batch, unless it has been done meanwhile. What another algorithm signs is a
 * batch of its own. */
static void add(struct signer_thread *t, struct ring_job *job, uint64_t *since_ns)
{
	struct need_batch *b = t->batch;
	struct query_need *n = &job->need;
	struct timespec now;

	n->owner = job->owner;
	clock_gettime(CLOCK_REALTIME, &now);
	if (need_state(n, now.tv_sec) == SIG_FRESH) {
		need_release(n);
		return;
	}
	if (b->n > 0 && need_algorithm(n) != b->algorithm)
		finish(t, since_ns);
	need_add(b, n, now.tv_sec);
}

/* Jobs signed together; dear ones are few, so that what waits for the first does not wait long. */
#define TOGETHER 16
_Static_assert(TOGETHER <= NEED_BATCH_MAX, "a batch has room");

/* Takes and does some. Returns how many. */
static unsigned work_some(struct signers *s, struct signer_thread *t)
{
	struct view *views[TOGETHER];
	struct ring_job job;
	unsigned n = 0;
	bool quick = true;
	uint64_t since_ns = latency_now_ns();

	while (n < TOGETHER && quick && ring_take(s->ring, &job)) {
		views[n++] = job.view;
		quick = need_is_quick(&job.need);
		add(t, &job, &since_ns);
	}
	if (n == 0)
		return 0;
	finish(t, &since_ns);
	for (unsigned i = 0; i < n; i++)
		view_unpin(views[i]);
	return n;
}

/* Those who wait should not wait for the whole queue; but a worker that is woken for a few answers
 * pays for it with a switch of threads. */
#define WAKE_EVERY 64

static void wake_workers(struct signers *s)
{
	for (unsigned i = 0; i < s->net->worker_n; i++)
		uv_async_send(&s->net->workers[i].wake);
}

/* All that is queued; then the workers look at what waits. */
static void work_off(struct signers *s, struct signer_thread *t)
{
	unsigned unseen = 0, n;

	rcu_online();
	while ((n = work_some(s, t)) > 0) {
		rcu_quiescent();
		unseen += n;
		if (unseen < WAKE_EVERY)
			continue;
		wake_workers(s);
		unseen = 0;
	}
	rcu_offline();
	if (unseen > 0)
		wake_workers(s);
}

static void *run(void *argument)
{
	struct signer_thread *t = argument;
	struct signers *s = t->all;
	struct signer *signer = NULL;
	char name[16];

	snprintf(name, sizeof name, "concord-s%u", t->id);
	prctl(PR_SET_NAME, name);
	rcu_thread_register();
	rcu_offline();
	t->batch = calloc(1, sizeof *t->batch);
	/* What a client waits for is the worker's; where both share a core, it goes first. */
	give_way(NICE);
	if (t->batch != NULL && signer_new(&signer) == ERR_OK) {
		t->batch->signer = signer;
		for (;;) {
			while (sem_wait(&s->work) < 0 && errno == EINTR)
				;
			if (atomic_load(&s->stop))
				break;
			work_off(s, t);
		}
	}
	signer_free(signer);
	free(t->batch);
	rcu_thread_unregister();
	return NULL;
}

enum err signers_start(struct signers *s)
{
	sigset_t all, before;
	int failed = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < s->n && !failed; i++) {
		s->threads[i].all = s;
		s->threads[i].id = i;
		failed = pthread_create(&s->threads[i].thread, NULL, run, &s->threads[i]);
		s->threads[i].started = !failed;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed ? ERR_IO : ERR_OK;
}

void signers_stop(struct signers *s)
{
	atomic_store(&s->stop, true);
	for (unsigned i = 0; i < s->n; i++)
		if (s->threads[i].started)
			sem_post(&s->work);
	for (unsigned i = 0; i < s->n; i++)
		if (s->threads[i].started)
			pthread_join(s->threads[i].thread, NULL);
}

void signers_drain(struct signers *s)
{
	struct ring_job job;

	while (ring_take(s->ring, &job)) {
		need_release(&job.need);
		view_unpin(job.view);
	}
}

void signers_close(struct signers *s)
{
	if (s->ring != NULL)
		sem_destroy(&s->work);
	ring_free(s->ring);
	free(s->threads);
}

bool signers_submit(struct signers *s, struct view *view, const struct query_need *need)
{
	struct ring_job job = { .view = view, .need = *need };

	memcpy(job.owner, need->owner, name_len(need->owner));
	view_pin(view);
	if (!ring_put(s->ring, &job)) {
		view_unpin(view);
		return false;
	}
	sem_post(&s->work);
	return true;
}
