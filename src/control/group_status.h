// SPDX-License-Identifier: Apache-2.0
/*
 * group_status.h -- a group in words: who acts next, what, until when, why; and all that was seen.
 */
#ifndef CONTROL_GROUP_STATUS_H
#define CONTROL_GROUP_STATUS_H

#include <jansson.h>

#include "control/group_zone.h"

#define GROUP_SENTENCE_MAX 400

/* What the signer's process waits for; "" where it waits for nothing. */
char *group_waits(const struct group_zone *z, unsigned signer, int64_t now,
		  char out[GROUP_SENTENCE_MAX]);
char *group_sentence(const struct group_zone *z, int64_t now, char out[GROUP_SENTENCE_MAX]);
/* One verdict in words: "beta must serve key 12345/13". */
char *group_verdict_text(const struct group_zone *z, const struct guard_verdict *v, int64_t now,
			 char out[GROUP_SENTENCE_MAX]);
json_t *group_status(const struct group_zone *z, int64_t now);

#endif
