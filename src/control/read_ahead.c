// SPDX-License-Identifier: Apache-2.0
#include "control/read_ahead.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "control/octodns_zone.h"
#include "control/zone_digest.h"

/* How often it is looked whether others want the cores. */
#define WINDOW_NS 10000000
/* The rest after each bit of work (some tenths of a millisecond) while they do. */
#define REST_NS 1000000

struct file {
	char *path;
	uint8_t name[NAME_MAX_LEN];
	enum zone_denial denial;
	bool is_signed, taken;
	unsigned verify; /* enum zone_digest_policy */
	struct zone_builder *builder;
	struct diag findings;
	enum err err;
};

/* The pace of the thread, which alone touches it. */
struct pace {
	unsigned cores;
	uint64_t since_ns, own_ns, all_ns; /* clock, and time that we and the process had by then */
	bool rests;
};

struct read_ahead {
	struct file *files;
	size_t n, at; /* `at`: where the next one to be taken most likely is */
	pthread_t thread;
	bool joined;
	_Atomic bool stop;
	uv_async_t done;
	void (*tell)(void *context);
	void *context;
	struct pace pace;
};

static uint64_t read_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether the rest of the process left us less than two thirds of a core since the last look. */
static void look_around(struct pace *p)
{
	uint64_t now = read_ns(CLOCK_MONOTONIC);

	if (now - p->since_ns < WINDOW_NS)
		return;
	uint64_t own = read_ns(CLOCK_THREAD_CPUTIME_ID), all = read_ns(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t others = (all - p->all_ns) - (own - p->own_ns);
	p->rests = others * 3 > (now - p->since_ns) * (3 * p->cores - 2);
	p->since_ns = now;
	p->own_ns = own;
	p->all_ns = all;
}

static bool go_on(void *context)
{
	struct read_ahead *r = context;
	static const struct timespec REST = { .tv_nsec = REST_NS };

	look_around(&r->pace);
	if (r->pace.rests)
		nanosleep(&REST, NULL);
	return !atomic_load_explicit(&r->stop, memory_order_relaxed);
}

static void read_one(struct read_ahead *r, struct file *f)
{
	struct zone_build_options options = { .denial = f->denial,
					      .go_on = go_on,
					      .go_on_context = r };

	f->err = zone_build_start(&f->builder, f->name, NULL, &options);
	if (!f->err)
		f->err = zone_digest_read(f->builder, f->path, f->name, f->is_signed, f->verify,
					  &f->findings);
}

static void *run(void *argument)
{
	struct read_ahead *r = argument;
	struct sched_param any = { 0 };
	cpu_set_t set;

	prctl(PR_SET_NAME, "concord-read");
	/* When it wakes it does not push anybody from a core. */
	(void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &any);
	r->pace.cores = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
	for (size_t i = 0; i < r->n && !atomic_load(&r->stop); i++)
		read_one(r, &r->files[i]);
	uv_async_send(&r->done);
	return NULL;
}

static void join(struct read_ahead *r)
{
	if (!r->joined)
		pthread_join(r->thread, NULL);
	r->joined = true;
}

static void on_done(uv_async_t *a)
{
	struct read_ahead *r = a->data;

	join(r);
	uv_unref((uv_handle_t *)a);
	r->tell(r->context);
}

/* ---- which files ---- */

static bool is_large(const struct config_zone *z, off_t min_size)
{
	struct stat st;

	return z->file != NULL && z->secondary.primary_n == 0 && !octodns_zone_is_file(z->file) &&
	       stat(z->file, &st) == 0 && st.st_size >= min_size;
}

static enum zone_denial denial_of(const struct config_zone *z)
{
	return z->signing != NULL ? z->signing->denial : ZONE_NO_DENIAL;
}

static void free_files(struct read_ahead *r)
{
	for (size_t i = 0; i < r->n; i++) {
		zone_build_abort(r->files[i].builder);
		diag_free(&r->files[i].findings);
		free(r->files[i].path);
	}
	free(r->files);
}

static bool list_files(struct read_ahead *r, const struct config *config, off_t min_size)
{
	r->files = calloc(config->zone_n + 1, sizeof *r->files);
	if (r->files == NULL)
		return false;
	for (size_t i = 0; i < config->zone_n; i++) {
		const struct config_zone *z = &config->zones[i];
		if (!is_large(z, min_size))
			continue;
		struct file *f = &r->files[r->n];
		*f = (struct file){ .path = strdup(z->file), .denial = denial_of(z) };
		if (f->path == NULL)
			return false;
		f->is_signed = z->signing != NULL;
		f->verify = z->zonemd_verify;
		memcpy(f->name, z->name, name_len(z->name));
		r->n++;
	}
	return r->n > 0;
}

static bool start_thread(struct read_ahead *r)
{
	sigset_t all, before;

	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failed;
}

static void on_closed(uv_handle_t *h)
{
	struct read_ahead *r = h->data;

	free_files(r);
	free(r);
}

struct read_ahead *read_ahead_start(uv_loop_t *loop, const struct config *config, off_t min_size,
				    void (*done)(void *context), void *context)
{
	struct read_ahead *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->tell = done;
	r->context = context;
	r->done.data = r;
	if (!list_files(r, config, min_size) || uv_async_init(loop, &r->done, on_done) != 0) {
		free_files(r);
		free(r);
		return NULL;
	}
	if (start_thread(r))
		return r;
	uv_close((uv_handle_t *)&r->done, on_closed);
	return NULL;
}

bool read_ahead_take(struct read_ahead *r, const struct config_zone *z, struct zone_builder *b,
		     struct diag *d, enum err *result)
{
	for (size_t i = 0; r != NULL && i < r->n; i++) {
		size_t at = (r->at + i) % r->n;
		struct file *f = &r->files[at];
		if (f->taken || !name_equal(f->name, z->name) || strcmp(f->path, z->file) != 0 ||
		    f->is_signed != (z->signing != NULL) || f->denial != denial_of(z) ||
		    f->verify != z->zonemd_verify)
			continue;
		f->taken = true;
		r->at = at + 1;
		if (f->builder == NULL)
			return false;
		zone_build_take(b, f->builder);
		f->builder = NULL;
		diag_move(d, &f->findings);
		*result = f->err;
		return true;
	}
	return false;
}

void read_ahead_free(struct read_ahead *r)
{
	if (r == NULL)
		return;
	atomic_store(&r->stop, true);
	join(r);
	uv_close((uv_handle_t *)&r->done, on_closed);
}
