// SPDX-License-Identifier: Apache-2.0
/*
 * octodns_rdata.h -- one value of an octoDNS record into RDATA.
 *
 * Purpose.   octoDNS writes values as scalars (addresses, names, texts) or as maps with named
 * fields (MX, SRV, SVCB, ...): one table of types and fields. Each field is checked for itself and
 * put into presentation form, which the zone-file library turns into RDATA, so a field can never
 * become two. Memory.    RDATA lies in the schema's arena.
 * Errors.    Findings with file:line:column; ERR_INVALID, ERR_NOMEM.
 */
#ifndef CONTROL_OCTODNS_RDATA_H
#define CONTROL_OCTODNS_RDATA_H

#include "base/span.h"
#include "control/schema.h"

/* Whether octoDNS has the type and its values are data of a zone (URLFWD is not). */
bool octodns_knows(uint16_t type);

/* A record's `value` or `values`: kept in *values, which is NULL until the first; a second is a
 * finding. */
enum err octodns_keep_values(struct schema *s, const struct yaml_node *value,
			     const struct yaml_node **values);
enum err octodns_rdata(struct schema *s, uint16_t type, const struct yaml_node *value,
		       struct span *out);

#endif
