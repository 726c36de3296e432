// SPDX-License-Identifier: Apache-2.0
/*
 * aliases_internal.h -- the targets of aliases and their resolving; private to control/aliases.c
 * and control/alias_status.c.
 */
#ifndef CONTROL_ALIASES_INTERNAL_H
#define CONTROL_ALIASES_INTERNAL_H

#include <uv.h>

#include "control/aliases.h"
#include "control/internal.h"
#include "transfer/asker.h"

struct alias_question {
	struct alias_entry *entry;
	enum alias_type type;
	struct asked *asked;
	bool open;
};

struct alias_entry {
	struct aliases *aliases;
	struct alias_target target;
	uint64_t due_ms;  /* of the loop's clock */
	uint64_t pass;    /* that has seen it last */
	int64_t saved_at; /* 0: what is known is not in the store */
	bool unsaved;
	/* While it is asked. */
	struct alias_question question[ALIAS_TYPES];
	struct address_answer *got; /* ALIAS_TYPES; NULL: it is not asked */
	unsigned tried_n;           /* resolvers */
	uint8_t name[];
};

struct aliases {
	struct control *c;
	uv_timer_t timer;
	struct asker *asker;
	struct alias_entry **entries; /* ascending by name */
	size_t n, cap;
	struct remote *resolvers; /* of the present configuration */
	size_t resolver_n, preferred;
	bool dirty;        /* zones are to be looked at */
	bool has_passed;   /* once at least: documents of nobody are gone */
	uint64_t pass;     /* number of the last one */
	int64_t looked_at; /* when it was */
	uint64_t rest_until_ms, save_at_ms;
	uint64_t second_ms; /* when the second began in which started_n were */
	uint32_t started_n;
	bool stopped;
	uint64_t refreshed_n, failed_n, changed_n;
};

#endif
