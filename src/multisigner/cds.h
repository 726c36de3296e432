// SPDX-License-Identifier: Apache-2.0
/*
 * cds.h -- which keys of which signers the parent should have; multisigner/merge.h has the rules.
 *
 * Threads.   Pure.
 */
#ifndef MULTISIGNER_CDS_H
#define MULTISIGNER_CDS_H

#include "multisigner/group.h"
#include "multisigner/guards.h"

/* Signers whose keys the parent should have now. */
uint16_t cds_signers(const struct group *g);
/* Empty: nothing can be said that keeps every algorithm whole. */
uint64_t cds_merge(const struct group *g, int64_t now);
/* Whether an algorithm that we want at the parent waits, and for what. */
bool cds_awaits_algorithm(const struct group *g, int64_t now, uint8_t *algorithm,
			  struct guard_verdict *v);

#endif
