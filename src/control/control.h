// SPDX-License-Identifier: Apache-2.0
/*
 * control.h -- the control plane: configuration, zones, keys and the views made of them.
 *
 * Purpose.   Everything that changes what is served goes through here: start, reload, key changes.
 * Each change makes a new view and publishes it, or leaves all as it was and says why. Invariant.
 * What is served was checked whole before. A zone, steering file, database or key that cannot be
 * read at reload leaves the old state of that zone in service. Durable changes are in the store
 * before they take effect. Threads.   The control thread (the libuv loop of main). Views are freed
 * here, after a grace period and when no signing job pins them. Memory.    control_new() to
 * control_free(). Results for the API are JSON values (jansson) that the caller owns (json_decref).
 * Errors.    enum err with a sentence in struct control_result for the one who asked; the log has
 * the same.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/text.h"
#include "control/config.h"
#include "query/handoff.h"
#include "query/view.h"

struct control;

/* What an operation says besides its code. */
struct control_result {
	enum err err;
	char detail[512]; /* one sentence for a person; empty where all is well */
};

/* Reads configuration, zones, steering and databases, checks all, and publishes nothing: `concordd
 * --check`. Findings go to `d`. */
enum err control_check(const char *config_path, struct diag *d);

/* The memory for private keys: after control_new(), before control_load() and before the rights to
 * lock memory are given up. */
void control_open_secure_heap(const struct control *c);

/* Reads the configuration and opens the store (as root still where started so: nothing is written
 * before control_load()). The config is borrowed by control_config(). */
enum err control_new(struct control **out, uv_loop_t *loop, const char *config_path,
		     struct diag *d);
const struct config *control_config(const struct control *c);
struct view_slot *control_views(struct control *c);
/* Workers whose answers are counted by zone; before control_load(). */
void control_set_workers(struct control *c, unsigned n);
/* Called at the end of each reload with the configuration now in use: for what lies outside of
 * control. Findings go to `d`. */
void control_on_reload(struct control *c,
		       void (*reloaded)(const struct config *config, void *context, struct diag *d),
		       void *context);
/* After privileges were dropped: opens the store, makes missing keys, loads zones, publishes the
 * first view. */
enum err control_load(struct control *c, struct diag *d);
/* Ends publishing: no reader may be left. Its handles close with the next turns of the loop; then
 * control_free(). Both accept NULL. */
void control_stop(struct control *c);
/* The hook for what the data plane hands on (query/handoff.h), from any thread; `control` is one.
 * False: too much waits, or control has stopped. */
bool control_take(struct handoff *h, void *control);
/* Gives back all that was taken; before net_stop(). */
void control_stop_requests(struct control *c);
void control_free(struct control *c);

/* Re-reads everything. The listening addresses, user and worker counts of the running process stay
 * (a notice says so where they differ). Large zone files are read beside other work first; what is
 * asked for meanwhile is a reload of its own, which follows. `done` is told once, on the loop,
 * maybe before this returns; not after control_reload_forget(). Findings are borrowed for the call.
 */
typedef void control_reloaded(void *context, const struct control_result *result,
			      const struct diag *findings);
void control_reload(struct control *c, control_reloaded *done, void *context);
/* Who asked with that context is gone, or not told any more. */
void control_reload_forget(struct control *c, const void *context);

/* Each returns JSON as documented in the API, or NULL with `r` set. Names are text; ERR_NOT_FOUND:
 * no such zone. */
json_t *control_status(struct control *c);
json_t *control_zone_list(struct control *c);
json_t *control_zone_status(struct control *c, const char *zone, struct control_result *r);
/* Asks the zone's primaries now; `whole`: transfers all of it, whatever the serial. */
json_t *control_zone_refresh(struct control *c, const char *zone, bool whole,
			     struct control_result *r);
/* Tells the servers in the zone's `notify` once more. */
json_t *control_zone_notify(struct control *c, const char *zone, struct control_result *r);
json_t *control_key_list(struct control *c, const char *zone, struct control_result *r);
json_t *control_key_export(struct control *c, const char *zone, const char *role,
			   struct control_result *r);
json_t *control_key_generate(struct control *c, const char *zone, const char *role,
			     struct control_result *r);
/* `dnskey`: a record or its RDATA in text. `owner`: label of the signer it belongs to; NULL:
 * "peer". */
json_t *control_key_import(struct control *c, const char *zone, const char *dnskey,
			   const char *owner, struct control_result *r);
/* algorithm 0: any, if the tag is unambiguous. `force`: also a peer's last key, whose signatures
 * resolvers hold. */
json_t *control_key_remove(struct control *c, const char *zone, uint16_t tag, uint8_t algorithm,
			   bool force, struct control_result *r);
/* Rolls. `what`: ksk, zsk, csk, all (or NULL), algorithm. Each gives the list of keys. */
json_t *control_key_roll(struct control *c, const char *zone, const char *what, bool emergency,
			 struct control_result *r);
/* `why` NULL: released. */
json_t *control_key_hold(struct control *c, const char *zone, const char *why,
			 struct control_result *r);
/* `what`: ds-seen, ds-gone, seen (its DNSKEY, at all servers of all signers). */
json_t *control_key_evidence(struct control *c, const char *zone, uint16_t tag, uint8_t algorithm,
			     const char *what, struct control_result *r);
/* An own key gets a successor as soon as it is safe, and goes; one that nobody uses goes at once.
 */
json_t *control_key_retire(struct control *c, const char *zone, uint16_t tag, uint8_t algorithm,
			   struct control_result *r);
/* Takes private keys beside those that are there. `files`: as below; `as`: standby or published. */
json_t *control_key_take(struct control *c, const char *zone, const json_t *files, const char *as,
			 struct control_result *r);
/* Takes over a zone that others signed, with the keys in "files" of `asked`: paths, or objects with
 * "file" and, where the file does not say it, "role", "algorithm", "state" (active) and "tag",
 * which must fit. "served_ttl": the greatest TTL that the zone was served with; without it a day is
 * taken, where keys are in the middle of a roll. */
json_t *control_zone_adopt(struct control *c, const char *zone, const json_t *asked,
			   struct control_result *r);
json_t *control_cds_set(struct control *c, const char *zone, bool publish,
			struct control_result *r);
/* `client`: address or prefix. Runs the serving code with a trace. */
json_t *control_explain(struct control *c, const char *name, const char *type, const char *client,
			struct control_result *r);
/* Which clients each rule of a steered record has, over the whole address space. */
json_t *control_policy_show(struct control *c, const char *name, const char *type,
			    struct control_result *r);
/* Health checks of one value, or of all with NULL. */
json_t *control_health_list(struct control *c, const char *value, struct control_result *r);
/* `to`: up, down, or obey. Lasts over restarts. */
json_t *control_health_set(struct control *c, const char *value, const char *to,
			   struct control_result *r);
/* A result from outside, for checks with protocol FEED. */
json_t *control_health_feed(struct control *c, const char *value, const char *state, uint32_t load,
			    const char *reason, struct control_result *r);
/* Signature caches of all zones: for stats. */
json_t *control_cache_stats(struct control *c);
/* The table of signatures of names made at query time; empty where no zone wants it. */
json_t *control_made_stats(struct control *c);
/* Prometheus text of what control knows: answers by zone, signatures, key sets. */
void control_metrics(struct control *c, struct text *out);

#endif
