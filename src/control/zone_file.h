// SPDX-License-Identifier: Apache-2.0
/*
 * zone_file.h -- an RFC 1035 master file, streamed record by record into a zone builder.
 *
 * Purpose.   ldns parses presentation format; $INCLUDE, $ORIGIN, $TTL, line numbers, and types that
 * ldns does not know (dns/rdata.h) are ours. Limits.    $INCLUDE only below the directory of the
 * zone file, at most ZONE_INCLUDE_MAX deep; $GENERATE is refused with a clear finding. Lines and
 * records are bounded. Left out.  RRSIG, NSEC, NSEC3 and NSEC3PARAM records of a zone that we sign
 * (one notice for all of them); DNSKEY, CDS, CDNSKEY, CSYNC stay out too where `signed_by_us`,
 * since the merged set is kept elsewhere (one warning). Errors.    Findings with file:line; ERR_IO,
 * ERR_NOMEM, ERR_TOO_LONG, ERR_INVALID (findings were errors).
 */
#ifndef CONTROL_ZONE_FILE_H
#define CONTROL_ZONE_FILE_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/err.h"
#include "zone/builder.h"

#define ZONE_INCLUDE_MAX 10

/* Every record of the file as it stands there, none left out, to `each`; what that returns other
 * than ERR_OK ends it. */
enum err zone_file_each(const char *path, const uint8_t *apex,
			enum err (*each)(const struct zone_record *r, void *context), void *context,
			struct diag *d);

enum err zone_file_read(struct zone_builder *b, const char *path, const uint8_t *apex,
			bool signed_by_us, struct diag *d);

#endif
