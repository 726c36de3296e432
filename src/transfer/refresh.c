// SPDX-License-Identifier: Apache-2.0
#include "transfer/refresh.h"

#include "dns/wire.h"
#include "zone/serial.h"

#define SPREAD_MS 1000u

static uint32_t clamp(uint32_t v)
{
	return v < REFRESH_MIN_S ? REFRESH_MIN_S : v > REFRESH_MAX_S ? REFRESH_MAX_S : v;
}

bool soa_times_read(struct span rdata, struct soa_times *out)
{
	if (rdata.n < 22)
		return false;
	const uint8_t *numbers = rdata.p + rdata.n - 20;
	out->refresh_s = clamp(load_u32(numbers + 4));
	out->retry_s = clamp(load_u32(numbers + 8));
	/* A zone that expires before it can be asked for again would flap. */
	uint32_t expire = load_u32(numbers + 12), least = out->refresh_s + out->retry_s;
	out->expire_s = expire < least                ? least
			: expire > 10 * REFRESH_MAX_S ? 10 * REFRESH_MAX_S
						      : expire;
	return true;
}

void refresh_start(struct refresh *r, unsigned primary_n, const struct soa_times *times,
		   uint32_t serial, int64_t good_at, int64_t now, uint32_t random)
{
	*r = (struct refresh){ .primary_n = primary_n, .has_zone = times != NULL };
	if (times != NULL) {
		r->times = *times;
		r->serial = serial;
		r->good_at = good_at;
	}
	r->next_at = now + random % SPREAD_MS;
}

int64_t refresh_expires_at(const struct refresh *r)
{
	return r->has_zone ? r->good_at + r->times.expire_s * INT64_C(1000) : INT64_MAX;
}

int64_t refresh_due(const struct refresh *r)
{
	int64_t next = r->state == REFRESH_WAITING ? r->next_at : INT64_MAX;
	int64_t expires = r->expired ? INT64_MAX : refresh_expires_at(r);

	return next < expires ? next : expires;
}

enum refresh_action refresh_next(struct refresh *r, int64_t now)
{
	r->expired = now >= refresh_expires_at(r);
	if (r->state != REFRESH_WAITING || now < r->next_at)
		return REFRESH_NOTHING;
	r->started_at = now;
	r->again = false;
	r->state = r->whole ? REFRESH_TRANSFERRING : REFRESH_CHECKING;
	return r->whole ? REFRESH_TRANSFER : REFRESH_CHECK;
}

/* ---- waiting ---- */

/* Up to a tenth earlier, so that zones and secondaries do not march in step. */
static int64_t jittered_ms(uint32_t seconds, uint32_t random)
{
	int64_t ms = seconds * INT64_C(1000);

	return ms - random % (uint32_t)(ms / 10 + 1);
}

static void wait(struct refresh *r, int64_t at)
{
	int64_t soonest = r->started_at + REFRESH_CHECK_MIN_MS;

	r->state = REFRESH_WAITING;
	r->next_at = at > soonest ? at : soonest;
}

static void succeed(struct refresh *r, int64_t now, uint32_t random)
{
	r->good_at = now;
	r->expired = false;
	r->failed_n = r->round_n = 0;
	r->heard = r->whole = r->forced = false;
	wait(r, r->again ? now : now + jittered_ms(r->times.refresh_s, random));
	r->again = false;
}

static uint32_t retry_s(const struct refresh *r)
{
	uint32_t s = REFRESH_START_RETRY_S;

	if (r->has_zone)
		return r->times.retry_s;
	for (unsigned i = 1; i < r->round_n && s < REFRESH_START_MAX_S; i++)
		s *= 2;
	return s < REFRESH_START_MAX_S ? s : REFRESH_START_MAX_S;
}

/* All primaries were asked. */
static void end_round(struct refresh *r, int64_t now, uint32_t random)
{
	if (r->heard && r->has_zone) {
		succeed(r, now, random);
		return;
	}
	r->failed_n = 0;
	r->heard = false;
	r->round_n++;
	wait(r, r->again ? now : now + jittered_ms(retry_s(r), random));
	r->again = false;
}

static void try_next(struct refresh *r, int64_t now, uint32_t random)
{
	r->primary = (r->primary + 1) % r->primary_n;
	if (++r->failed_n >= r->primary_n)
		end_round(r, now, random);
	else
		wait(r, now);
}

/* ---- what came of it ---- */

enum refresh_action refresh_checked(struct refresh *r, uint32_t serial, int64_t now,
				    uint32_t random)
{
	if (!r->has_zone || serial_is_newer(serial, r->serial)) {
		r->state = REFRESH_TRANSFERRING;
		return REFRESH_TRANSFER;
	}
	if (serial == r->serial) {
		succeed(r, now, random);
		return REFRESH_NOTHING;
	}
	/* An older one: another primary may be further on (RFC 1034 §4.3.5 asks for no more). */
	r->heard = true;
	try_next(r, now, random);
	return REFRESH_NOTHING;
}

void refresh_transferred(struct refresh *r, const struct soa_times *times, uint32_t serial,
			 int64_t now, uint32_t random)
{
	r->has_zone = true;
	r->times = *times;
	r->serial = serial;
	succeed(r, now, random);
}

void refresh_failed(struct refresh *r, bool incremental, int64_t now, uint32_t random)
{
	if (incremental && !r->whole) {
		r->whole = true;
		r->state = REFRESH_WAITING;
		r->next_at = now; /* no check in between: the serial is known to be newer */
		return;
	}
	r->whole = r->forced = false;
	try_next(r, now, random);
}

bool refresh_notify(struct refresh *r, unsigned primary, const uint32_t *serial, int64_t now)
{
	/* The serial is a hint that anybody can forge; it saves questions, no more. */
	if (serial != NULL && r->has_zone && !r->expired && !serial_is_newer(*serial, r->serial))
		return false;
	if (r->state != REFRESH_WAITING) {
		bool news = !r->again;
		r->again = true;
		return news;
	}
	int64_t soonest = r->started_at + REFRESH_CHECK_MIN_MS;
	int64_t at = now > soonest ? now : soonest;
	if (r->next_at <= at)
		return false; /* a check is about to be made anyway */
	if (primary < r->primary_n)
		r->primary = primary;
	r->failed_n = 0;
	r->next_at = at;
	return true;
}

void refresh_ask(struct refresh *r, bool whole, int64_t now)
{
	r->whole = r->whole || whole;
	r->forced = r->forced || whole;
	if (r->state != REFRESH_WAITING) {
		r->again = true;
		return;
	}
	r->failed_n = 0;
	wait(r, now);
}
