// SPDX-License-Identifier: Apache-2.0
/*
 * verify_memo.h -- signatures that were found good, so that the same one is not checked again.
 *
 * Purpose.   Who looks at the same servers every few minutes gets the same signatures for days: a
 * hash costs a hundredth of what ECDSA does.
 * Invariant. What is remembered is (key, data, signature) that verify_signature() found good, by
 * 128 bits of a keyed hash that nobody outside can aim at. Times are not its matter.
 * Bounds.    A table of fixed size; newcomers take the place of others.
 * Threads.   One thread's.
 */
#ifndef DNSSEC_VERIFY_MEMO_H
#define DNSSEC_VERIFY_MEMO_H

#include <stddef.h>

#include "dnssec/verify.h"

struct verify_memo;

/* `signatures`: how many it holds, rounded up to a power of two; 16 octets each. */
enum err verify_memo_new(struct verify_memo **out, size_t signatures);
void verify_memo_free(struct verify_memo *m);

/* As verify_signature(); `m` may be NULL. */
enum err verify_memo_check(struct verify_memo *m, const struct dnskey *k, struct span data,
			   struct span signature);

#endif
