// SPDX-License-Identifier: Apache-2.0
/*
 * own_question.h -- a question that control asks of the serving code, as a client's resolver would:
 * for `explain` and `policy show`.
 *
 * Threads.   Control thread. Memory.    What `out` points to is the present view's: it is good
 * until the control thread publishes another one.
 */
#ifndef CONTROL_OWN_QUESTION_H
#define CONTROL_OWN_QUESTION_H

#include "control/internal.h"
#include "dns/name.h"

struct own_question {
	struct name name;
	uint16_t type;
	const struct zone_entry *entry; /* the zone that the name belongs to */
	const struct rrset *steered;    /* NULL: nothing on the way to the answer is steered */
	const struct zone_view *zv;     /* of `steered` */
	uint16_t rcode;
	int64_t now;
	uint64_t steer_n;
};

/* `client` is sent as ECS; `trace` gets the choice. False with the reason in *r. */
bool own_question_ask(struct control *c, const char *name, const char *type,
		      const struct ip_prefix *client, struct steer_trace *trace,
		      struct own_question *out, struct control_result *r);

#endif
