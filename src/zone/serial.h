// SPDX-License-Identifier: Apache-2.0
/*
 * serial.h -- serial numbers of zones: their order (RFC 1982), and the next one by a policy.
 *
 * Invariant. serial_next() is always newer than `now` in the sense of RFC 1982 §3.2, whatever the
 * clock says.
 * Threads.   Pure.
 */
#ifndef ZONE_SERIAL_H
#define ZONE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

enum serial_policy {
	SERIAL_INCREMENT, /* one more */
	SERIAL_UNIXTIME,  /* seconds since 1970 */
	SERIAL_DATE,      /* YYYYMMDDnn, UTC */
	SERIAL_KEEP,      /* what the source says; changes of our own count one more */
};

/* Whether `a` is newer than `b`: within the half circle before it. Where the distance is exactly
 * 2^31 the RFC leaves it open: false both ways. */
static inline bool serial_is_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < 0x80000000u;
}

/* The serial that follows `serial` at `now` (seconds since 1970). Where time lies behind, it counts
 * one more. */
uint32_t serial_next(uint32_t serial, enum serial_policy policy, int64_t now);

#endif
