// SPDX-License-Identifier: Apache-2.0
/*
 * alias_set.h -- the ALIAS records of one zone version, and by whose policies they are steered.
 *
 * Purpose.   An alias stands in no bitmap and in no answer: its owner has A and AAAA instead, made
 * of what the target has (control/alias_answer.h). Which of the two exist follows the target, never
 * the client, and both do while nothing is known of it.
 * Memory.    Both are counted, by versions of the zone, and do not change.
 * Threads.   The control thread; the data plane reads alias_borrowed.set through its view.
 */
#ifndef CONTROL_ALIAS_SET_H
#define CONTROL_ALIAS_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "geo/steer.h"
#include "zone/builder.h"

struct served;
struct steered;
struct zone_load;
struct steering;

#define ALIAS_HOPS_MAX 16 /* aliases and CNAMEs between an alias and its addresses */

struct alias_set {
	unsigned refs;
	struct arena *arena;
	struct zone_alias *item; /* ascending by owner */
	size_t n;
};

/* Set i of rrset_steering is entry i - 1. */
struct alias_borrowed {
	unsigned refs;
	size_t n;
	struct steered **steered; /* referenced */
	const struct steer_set *set[];
};

/* Those that were given to the builder and those of the steering file (NULL: none): checked, and
 * put in the place of their owners' addresses. *out is NULL where there are none. ERR_NOMEM;
 * findings. */
enum err alias_set_take(struct alias_set **out, const struct zone_load *l,
			const struct steering *steering, struct zone_builder *b, struct diag *d);
/* What the same aliases of the version before answer they answer in this one, to begin with. */
enum err alias_set_keep(struct served *s, const struct served *before, struct zone_builder *b);

const struct zone_alias *alias_set_find(const struct alias_set *s, const uint8_t *owner);

struct alias_set *alias_set_ref(struct alias_set *s);
void alias_set_unref(struct alias_set *s);

/* Of n compiled sets, each referenced. NULL without memory. */
struct alias_borrowed *alias_borrowed_new(struct steered *const *steered, size_t n);
struct alias_borrowed *alias_borrowed_ref(struct alias_borrowed *b);
void alias_borrowed_unref(struct alias_borrowed *b);

/* The variants of an RRset, each TTL at most `ttl_most`; in an arena. False without memory. */
struct arena;
bool alias_variants(struct arena *a, const struct rrset *r, uint32_t ttl_most,
		    struct zone_alias_answer *out);

#endif
