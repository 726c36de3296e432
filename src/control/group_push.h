// SPDX-License-Identifier: Apache-2.0
/*
 * group_push.h -- what the group has decided is put into the other signers' zones
 * (peers/provider.h), where the configuration has a peer with the signer's name.
 *
 * Purpose.   Keys of ours and of third signers, and, where the peer takes them, CDS, CDNSKEY, NS
 * and CSYNC. The signer's own keys are in no list. What is third signers' is taken away by full
 * members alone; names of servers only of those who leave. When.      After a round in which one of
 * its servers was seen without what it should have, or with what it should not have; not again
 * before the next round could show it, and after a failure ever later, up to an hour. Log. What was
 * taken; what went wrong, once for each reason, and its end. Threads.   The control thread.
 */
#ifndef CONTROL_GROUP_PUSH_H
#define CONTROL_GROUP_PUSH_H

#include <jansson.h>
#include <stdint.h>

struct control;
struct group_push;
struct group_zone;

/* After each turn of the machine. */
void group_push_turn(struct group_zone *z, int64_t now);
/* Ends what is under way. Accepts NULL. */
void group_push_free(struct group_push *p);
/* Before the configuration goes, whose peers pushes hold; the next turn begins anew. */
void group_pushes_cancel(struct control *c);
void group_pushes_stop(struct control *c);
/* "ok", "why", "at" of the last push to that signer; NULL: none. */
json_t *group_push_status(const struct group_zone *z, unsigned signer);

#endif
