// SPDX-License-Identifier: Apache-2.0
/*
 * notify.h -- the message that tells another server of a new serial (RFC 1996), and its answer.
 *
 * Threads.   Pure.
 */
#ifndef TRANSFER_NOTIFY_H
#define TRANSFER_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/name.h"

#define NOTIFY_SOA_MAX (2 * NAME_MAX_LEN + 20) /* of RDATA */
#define NOTIFY_MAX     (12 + NAME_MAX_LEN + 4 + 12 + NOTIFY_SOA_MAX)

/* With the SOA as a hint (RFC 1996 §3.7); its length. `soa`: TYPE to the end of RDATA. */
size_t notify_write(uint8_t room[NOTIFY_MAX], const uint8_t *zone, struct span soa);
/* Whether an answer to it says that it was taken; *why is set where not. */
bool notify_answer(struct span message, const char **why);

#endif
