// SPDX-License-Identifier: Apache-2.0
/*
 * monitor.h -- all health checks of the process: when each runs, what it found, what an operator
 * has said instead.
 *
 * Purpose.   Compiled policies take a word for each (value, check); the same check is run once,
 * however many of them use it, and stops when the last one lets go. Invariant. At most `max_rate`
 * probes start in a second and `max_running` run at once; what must wait for that waits in the
 * order in which it was due. A word is stored before the change is reported. State.     What was
 * known before a restart is believed until results say otherwise; without that a value is up.
 * Overrides are by value (an address or a host name) and outrank every result. Threads.
 * monitor_word() and monitor_release() may be called by any one thread at a time beside the loop's
 * (zones are loaded elsewhere); everything else belongs to the loop's thread. Words are read by
 * anybody. Memory.    monitor_word() to monitor_release(); everything else is the monitor's.
 */
#ifndef HEALTH_MONITOR_H
#define HEALTH_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "geo/health_word.h"
#include "health/check.h"
#include "health/hysteresis.h"

struct monitor;
struct monitor_target;

enum monitor_change { MONITOR_STATE, MONITOR_OVERRIDE };

enum health_override { OVERRIDE_OBEY, OVERRIDE_UP, OVERRIDE_DOWN };

struct monitor_memory {
	const char *key;
	enum health_state last;
	int64_t since; /* seconds since 1970 */
};

struct monitor_options {
	uv_loop_t *loop;
	uint32_t max_rate;    /* probes started in a second */
	uint32_t max_running; /* at once */
	/* The state or the override of a target has changed. */
	void (*changed)(const struct monitor_target *t, enum monitor_change what, void *context);
	void *context;
	/* What is remembered from an earlier run, ascending by key (strcmp); borrowed for life. */
	const struct monitor_memory *memory;
	size_t memory_n;
};

enum err monitor_new(struct monitor **out, const struct monitor_options *options);
/* Stops every probe. Words stay readable until they are released; the last one that is frees the
 * rest. Accepts NULL. */
void monitor_stop(struct monitor *m);
void monitor_set_limits(struct monitor *m, uint32_t max_rate, uint32_t max_running);

/* The word of a check, which starts to run if it is new. NULL: no memory. Neither may be called
 * from a visit or from `changed`. */
const health_word *monitor_word(struct monitor *m, const struct check_spec *spec);
void monitor_release(struct monitor *m, const health_word *word);

/* `text` outranks results until OVERRIDE_OBEY; holds for targets of that value that come later too.
 * ERR_NOMEM; ERR_NOT_FOUND: OBEY, and none was set. */
enum err monitor_override(struct monitor *m, const char *value, enum health_override to);
enum health_override monitor_override_of(const struct monitor *m, const char *value);
void monitor_walk_overrides(const struct monitor *m,
			    void (*visit)(const char *value, enum health_override to,
					  void *context),
			    void *context);

/* A result from outside, for CHECK_FEED targets of that value. `load` is what shedding compares.
 * ERR_NOT_FOUND: no such target. */
enum err monitor_feed(struct monitor *m, const char *value, bool up, uint32_t load,
		      const char *reason);

/* What a target shows. Texts are borrowed until the loop's next turn. */
struct monitor_view {
	const char *key, *reason;
	const struct check_spec *spec;
	enum health_state state, last;
	enum health_override override;
	bool up;           /* what answers go by */
	int64_t since;     /* of up or down; seconds since 1970; 0: nothing is known */
	int64_t result_at; /* of the last result; 0: none */
	uint32_t took_us;  /* of the last probe */
	uint32_t load;     /* as fed */
	uint16_t run;      /* results in a row against the state */
	uint64_t probes_n, failures_n, changes_n;
};
struct monitor_view monitor_view_of(const struct monitor_target *t);
/* The target behind a word that monitor_word() gave. */
const struct monitor_target *monitor_target_of(const health_word *word);
void monitor_walk(const struct monitor *m,
		  void (*visit)(const struct monitor_target *t, void *context), void *context);

struct monitor_counts {
	uint64_t targets, up, down, unknown, overridden;
	uint64_t probes_n, failures_n, changes_n;
	uint64_t late_n; /* due while the one before still ran or waited */
	uint64_t running, waiting;
};
struct monitor_counts monitor_counts(const struct monitor *m);

#endif
