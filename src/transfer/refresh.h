// SPDX-License-Identifier: Apache-2.0
/*
 * refresh.h -- when a secondary asks which of its primaries, and until when its zone is good (RFC
 * 1035 §3.3.13, RFC 1996 §4).
 *
 * Purpose.   The timers of one zone as a pure machine: events and the time go in, what to do comes
 * out. No I/O, no clock, no memory of its own.
 * Use.       refresh_due() says when to look again; refresh_next() then says what to do: check the
 * SOA of a primary, or nothing yet. The caller tells the outcome: refresh_checked() (which may ask
 * for a transfer), refresh_transferred(), refresh_failed(). refresh_notify() at any time.
 * Invariant. At most one check or transfer at a time, and the starts of two checks lie at least
 * REFRESH_CHECK_MIN_MS apart, whatever arrives. A failure moves to the next primary; when all have
 * failed the retry time is waited for. The zone is good until the last success plus EXPIRE, also
 * over restarts (the caller keeps good_at).
 * Threads.   A value of the caller. Times are milliseconds since 1970.
 */
#ifndef TRANSFER_REFRESH_H
#define TRANSFER_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define REFRESH_CHECK_MIN_MS 1000
/* What SOA timers are held to, in seconds. */
#define REFRESH_MIN_S 2u
#define REFRESH_MAX_S (28u * 86400)
/* Without a zone yet: the first retry, doubled up to an hour. */
#define REFRESH_START_RETRY_S 5u
#define REFRESH_START_MAX_S   3600u

struct soa_times {
	uint32_t refresh_s, retry_s, expire_s;
};

enum refresh_state { REFRESH_WAITING, REFRESH_CHECKING, REFRESH_TRANSFERRING };

enum refresh_action { REFRESH_NOTHING, REFRESH_CHECK, REFRESH_TRANSFER };

struct refresh {
	enum refresh_state state;
	unsigned primary_n, primary; /* the one asked now or next */
	unsigned failed_n;           /* primaries that failed in this round */
	unsigned round_n;            /* rounds that failed, in a row */
	bool has_zone;
	bool whole;  /* the next transfer is to be AXFR: asked for, or after a failed IXFR */
	bool forced; /* ... and taken whatever its serial */
	bool heard;  /* a primary was reached in this round, but had nothing newer */
	bool again;  /* a NOTIFY came while busy */
	bool expired;
	uint32_t serial;
	struct soa_times times;
	int64_t good_at; /* last time that a primary said that the zone is current; 0: never */
	int64_t next_at, started_at;
};

/* Of an SOA's RDATA; false where it is not one. */
bool soa_times_read(struct span rdata, struct soa_times *out);

/* A zone that was kept (its serial, times, and when it was last known good), or none yet: `times`
 * NULL. The first check is due at once, spread over a moment by `random` so that ten thousand zones
 * do not ask in the same instant. */
void refresh_start(struct refresh *r, unsigned primary_n, const struct soa_times *times,
		   uint32_t serial, int64_t good_at, int64_t now, uint32_t random);

/* When refresh_next() is to be called again. */
int64_t refresh_due(const struct refresh *r);
/* Also notices that the zone expires (r->expired). */
enum refresh_action refresh_next(struct refresh *r, int64_t now);

/* The primary answered with this serial. REFRESH_TRANSFER: fetch the zone from it now. */
enum refresh_action refresh_checked(struct refresh *r, uint32_t serial, int64_t now,
				    uint32_t random);
/* A new version is in service. */
void refresh_transferred(struct refresh *r, const struct soa_times *times, uint32_t serial,
			 int64_t now, uint32_t random);
/* The check or transfer came to nothing. `incremental`: it was an IXFR whose contents were bad, so
 * that the same primary is asked for the whole zone. */
void refresh_failed(struct refresh *r, bool incremental, int64_t now, uint32_t random);

/* A NOTIFY from this primary (primary_n: from another address that may send them), with the serial
 * that it tells where it does. False: nothing comes of it. */
bool refresh_notify(struct refresh *r, unsigned primary, const uint32_t *serial, int64_t now);
/* The operator asks: a check now, or (`whole`) a transfer of the whole zone whatever the serial. */
void refresh_ask(struct refresh *r, bool whole, int64_t now);

/* When the zone is no longer good; INT64_MAX: there is none. */
int64_t refresh_expires_at(const struct refresh *r);

#endif
