// SPDX-License-Identifier: Apache-2.0
/*
 * random.h -- bytes from the operating system.
 *
 * Purpose.   Seeds, identifiers and jitter. Key material comes from OpenSSL, not from here.
 * Threads.   Any.
 * Errors.    random_bytes() cannot fail: without the system's random source the process aborts.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t n);
uint64_t random_u64(void);

#endif
