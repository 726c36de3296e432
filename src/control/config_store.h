// SPDX-License-Identifier: Apache-2.0
/*
 * config_store.h -- where a policy's keys are made: a token, named by a PKCS #11 URI (RFC 7512).
 */
#ifndef CONTROL_CONFIG_STORE_H
#define CONTROL_CONFIG_STORE_H

#include "control/schema.h"

/* Copied into the arena. A PIN, or an object, in it is a finding. */
enum err config_read_store(struct schema *s, const struct yaml_node *value, const char **out);

#endif
