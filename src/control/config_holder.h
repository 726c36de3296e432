// SPDX-License-Identifier: Apache-2.0
/*
 * config_holder.h -- `holder-ds` of a zone: the DS records of who holds its key-signing key.
 *
 * Memory.    In the schema's arena.
 */
#ifndef CONTROL_CONFIG_HOLDER_H
#define CONTROL_CONFIG_HOLDER_H

#include "base/span.h"
#include "control/schema.h"

#define CONFIG_HOLDER_DS_MAX 8

/* One RDATA in text ("12345 13 2 0A1B..."), or a list of them. */
enum err config_read_holder_ds(struct schema *s, const struct yaml_node *value, struct span **out,
			       size_t *out_n);

#endif
