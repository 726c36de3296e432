// SPDX-License-Identifier: Apache-2.0
/*
 * octodns_svcb.h -- the parameters of SVCB and HTTPS records (RFC 9460) as octoDNS writes them.
 *
 * Errors.    Findings; ERR_INVALID.
 */
#ifndef CONTROL_OCTODNS_SVCB_H
#define CONTROL_OCTODNS_SVCB_H

#include <stdio.h>

#include "control/schema.h"

/* Writes them in presentation form. */
enum err octodns_put_svcparams(struct schema *s, const struct yaml_node *map, FILE *out);

#endif
