// SPDX-License-Identifier: Apache-2.0
/*
 * svcb.h -- RDATA of SVCB and HTTPS (RFC 9460): its target, and address hints put into it.
 *
 * Use.       RDATA is valid as rdata_is_valid() says: keys ascend, values lie within it.
 * Threads.   Pure.
 */
#ifndef DNS_SVCB_H
#define DNS_SVCB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum svcb_key { SVCB_MANDATORY = 0, SVCB_IPV4HINT = 4, SVCB_IPV6HINT = 6 };

/* 0: AliasMode (RFC 9460 §2.4.2). */
static inline uint16_t svcb_priority(struct span rdata)
{
	return (uint16_t)(rdata.p[0] << 8 | rdata.p[1]);
}
/* The name that has the service: `owner` where it is "." in ServiceMode (§2.5.2). */
const uint8_t *svcb_target(struct span rdata, const uint8_t *owner);
/* Whether it has a parameter, or says that one is mandatory. */
bool svcb_has(struct span rdata, uint16_t key);
bool svcb_demands(struct span rdata, uint16_t key);

/* Addresses of one family, each 4 or 16 octets. */
struct svcb_hints {
	uint16_t key;
	const struct span *address;
	size_t n; /* 0: no hint */
};

/* Copies RDATA with hints of two families (IPv4 first), neither of which it has. `out` must have
 * room for svcb_hinted_len(). */
size_t svcb_hinted_len(struct span rdata, const struct svcb_hints hints[2]);
void svcb_put_hints(struct span rdata, const struct svcb_hints hints[2], uint8_t *out);

#endif
