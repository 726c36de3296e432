// SPDX-License-Identifier: Apache-2.0
/*
 * health.h -- between policies, the monitor of health checks, the store and people.
 *
 * Purpose.   Gives compiled policies the words of their values, remembers states over restarts,
 * keeps what operators say, shows all of it. Store.     health/check/<key>       {"state", "since"}
 * what was known last; written within a second of a change            health/override/<value>
 * {"to", "since"} Invariant. An override is in the store before it takes effect. Threads.   The
 * control thread; words may be asked for while another thread loads zones (health/monitor.h).
 * Memory.    health_open() to health_free(); words are readable until they are given back.
 */
#ifndef CONTROL_HEALTH_H
#define CONTROL_HEALTH_H

#include <jansson.h>
#include <uv.h>

#include "base/err.h"
#include "base/text.h"
#include "control/config.h"
#include "geo/steer.h"
#include "health/check.h"
#include "store/store.h"

struct health;

enum err health_open(struct health **out, uv_loop_t *loop, struct store *store,
		     const struct config_server *limits);
/* Ends all checks; its handles close with the next turns of the loop. health_free(): when the words
 * are given back and the loop has turned. Both accept NULL. */
void health_close(struct health *h);
void health_free(struct health *h);
void health_set_limits(struct health *h, const struct config_server *limits);

/* What a record's check says of times and results, and the defaults for what it leaves out; without
 * texts. */
struct check_spec health_check_numbers(const struct policy_healthcheck *h);

/* For policies: borrowed until health_close(). */
const struct steer_health *health_words(const struct health *h);

/* All that was to be loaded is: what is remembered of other checks is forgotten. */
void health_forget_others(struct health *h);

/* One check: state, since when, why, how often. Never NULL but for want of memory. */
json_t *health_of_word(const health_word *word);
/* Counts, checks (of one value, or of all with NULL), overrides. */
json_t *health_list(const struct health *h, const char *value);
/* `to`: up, down or obey. ERR_SYNTAX, ERR_NOT_FOUND (obey where nothing was said), ERR_STORE. */
enum err health_set_override(struct health *h, const char *value, const char *to);
/* `state`: up or down. ERR_SYNTAX; ERR_NOT_FOUND: no check of that value takes results from
 * outside. */
enum err health_feed(struct health *h, const char *value, const char *state, uint32_t load,
		     const char *reason);
void health_metrics(const struct health *h, struct text *out);

#endif
