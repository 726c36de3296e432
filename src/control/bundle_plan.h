// SPDX-License-Identifier: Apache-2.0
/*
 * bundle_plan.h -- which zone-signing keys we want in the key sets, and when: a signing request
 * (RFC 8901 §2.1.1).
 *
 * Purpose.   The rollover machine is run ahead of time over the span, with keys that wait for their
 * turn; those that are missing are made now, so that the request can name them. Run later, for
 * real, it takes the same steps, as long as the signed sets come into force when the request said.
 * Threads.   The control thread.
 */
#ifndef CONTROL_BUNDLE_PLAN_H
#define CONTROL_BUNDLE_PLAN_H

#include "control/keyring.h"
#include "multisigner/bundle.h"

/* From c->now until `until`; the last bundle is empty of change and says when the span ends.
 * ERR_RANGE: more rolls in it than a zone may have keys; ERR_REFUSED: rolls are held. */
enum err bundle_plan(struct keyring *k, const struct keyring_context *c, int64_t until,
		     struct bundles **out);

#endif
