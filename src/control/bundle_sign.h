// SPDX-License-Identifier: Apache-2.0
/*
 * bundle_sign.h -- the holder of the key-signing key signs the key sets of all signers, for a span
 * of time ahead (RFC 8901 §2.1.1).
 *
 * Purpose.   At each time the set has the zone-signing keys that each signer's request names then,
 * our own ones, those of peers that have sent no request but a key set, and the key-signing keys;
 * CDS and CDNSKEY for those that the parent should have. A new bundle begins whenever a request
 * changes, and before the signatures of the last one need renewal. Threads.   The control thread.
 */
#ifndef CONTROL_BUNDLE_SIGN_H
#define CONTROL_BUNDLE_SIGN_H

#include "control/keyring.h"
#include "multisigner/bundle.h"

#define BUNDLE_REQUESTS_MAX 8

/* `request`: settled, judged. The span ends at `until`, or where the first of the requests ends.
 * ERR_NOKEY: no key-signing key; ERR_RANGE: a request begins after `from`, or the span is empty;
 * ERR_TOO_LONG: too many bundles or keys. */
enum err bundle_sign(const struct keyring *k, const struct keyring_context *c,
		     struct bundles *const *request, size_t request_n, int64_t from, int64_t until,
		     struct bundles **out);

#endif
