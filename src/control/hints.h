// SPDX-License-Identifier: Apache-2.0
/*
 * hints.h -- address hints of SVCB and HTTPS records that follow the addresses of a steered name.
 *
 * Rule.      A record of type SVCB or HTTPS with `hints: follow` gets ipv4hint and ipv6hint from
 * the policies of A and AAAA of its target: the very values that the client gets there, and none
 * where it gets none (RFC 9460 §7.3). Each pair of answers is an RRset of its own, signed and
 * cached for itself; their number is bounded like that of a policy's answers. Threads.   The
 * control thread.
 */
#ifndef CONTROL_HINTS_H
#define CONTROL_HINTS_H

#include "base/diag.h"
#include "base/err.h"
#include "control/steering_file.h"
#include "geo/steer.h"
#include "zone/builder.h"

/* Puts the records of the file that follow others into the zone. ERR_NOMEM; findings. */
enum err hints_add(struct zone_builder *b, const struct steering *s, const struct steer_set *set,
		   struct diag *d);

#endif
