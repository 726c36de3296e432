// SPDX-License-Identifier: Apache-2.0
/*
 * observe.h -- takes in what a server was seen to serve, and keeps since when all servers agree.
 *
 * Purpose.   Evidence for the guards. Static in failure: an answer that is missing, bogus or empty
 * is never given to these functions, and what was seen last goes on to count until it is too old.
 * Invariant. A look that was asked for before the last one, or took longer than a look stays fresh,
 * changes nothing: late and doubled answers are harmless. A change counts from the moment at which
 * it was seen, so never too early. Threads.   Pure.
 */
#ifndef MULTISIGNER_OBSERVE_H
#define MULTISIGNER_OBSERVE_H

#include "multisigner/group.h"

/* False: the look was too late or is known already. */
bool observe_signer(struct group *g, unsigned signer, unsigned server,
		    const struct signer_look *look);
bool observe_parent(struct group *g, unsigned server, const struct parent_look *look);

/* What all, and what any of a signer's servers serve. A server that was never seen serves nothing.
 */
uint64_t observed_by_all(const struct group_signer *s);
uint64_t observed_by_any(const struct group_signer *s);
uint64_t observed_ds_all(const struct group_parent *p);
uint64_t observed_ds_any(const struct group_parent *p);
/* Own and parent's sets of signers, on any of the parent's servers. */
uint16_t observed_delegation(const struct group_parent *p);
uint64_t observed_key_signing(const struct group_signer *s);
uint64_t observed_cds(const struct group_signer *s, bool *has_cds);
/* Keys of this signer that it wants to have at the parent. */
uint64_t observed_wanted_ds(const struct group *g, unsigned signer);
/* Every server of this signer, of the parent, was seen at least once. */
bool observed_whole(const struct group_signer *s);
bool observed_parent_whole(const struct group_parent *p);

#endif
