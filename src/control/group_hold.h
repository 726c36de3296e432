// SPDX-License-Identifier: Apache-2.0
/*
 * group_hold.h -- a zone of a group that nobody looked after for long answers nothing before it has
 * looked around; private to this folder.
 *
 * Purpose.   While we were away a signer that waits for nobody may have rolled its keys: under our
 * old DNSKEY set its answers would be bogus, and our old CDS could bring old DS back. So after more
 * than three polls, and a minute at least (group_was_away()), the zone is SERVFAIL, which sends
 * resolvers to the other signers, until a server of every signer was seen and our sets follow from
 * that. Who cannot be seen within `hold-at-start` is passed over: all may have been away, and wait
 * for each other. Store.     groups/looked: until when what was seen of every zone is written down.
 * Threads.   The control thread.
 */
#ifndef CONTROL_GROUP_HOLD_H
#define CONTROL_GROUP_HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct control;
struct group_zone;

/* When the zone is opened. */
void group_hold_begin(struct group_zone *z, int64_t now);
/* Accepts NULL. */
bool group_is_held(const struct group_zone *z);
/* At the end of a round, before the turn that follows from it. True: the zone may answer, when it
 * is published after that turn. */
bool group_hold_ends(struct group_zone *z, int64_t now);
/* After a turn whose results are written down. */
void group_hold_keep(struct control *c, int64_t now);

#endif
