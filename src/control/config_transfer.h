// SPDX-License-Identifier: Apache-2.0
/*
 * config_transfer.h -- the parts of the configuration that say who may transfer and update: shared
 * keys, and the rules of zones.
 *
 * Keys.      `tsig-keys` has keys of its own (name, algorithm, secret) and files as tsig-keygen
 * makes them. What holds a secret must not be readable by others, and a line with one is never
 * shown in a finding.
 */
#ifndef CONTROL_CONFIG_TRANSFER_H
#define CONTROL_CONFIG_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "control/schema.h"
#include "dns/tsig.h"
#include "transfer/access.h"
#include "zone/serial.h"

/* Of one zone. */
struct config_transfer {
	enum serial_policy serial;
	bool has_serial; /* it was given */
	const struct transfer_rule *out;
	size_t out_n;
	const struct update_grant *updates;
	size_t update_n;
	uint32_t journal_sets;   /* 0: the default */
	uint32_t journal_octets; /* 0: the default */
};

/* The section `tsig-keys`; *out gets them sorted. */
enum err config_read_tsig_keys(struct schema *s, const struct yaml_node *list,
			       struct tsig_keys *out);

/* Custom rows of a zone. `keys`, which schema.context points to while zones are read, must hold all
 * keys that rules name. */
enum err config_read_serial(struct schema *s, const struct yaml_node *value,
			    struct config_transfer *into);
enum err config_read_allow_transfer(struct schema *s, const struct yaml_node *value,
				    struct config_transfer *into);
/* Names are relative to the zone and must lie in it, which is checked where the zone is known
 * (config_check_transfer()). */
enum err config_read_allow_update(struct schema *s, const struct yaml_node *value,
				  struct config_transfer *into);
enum err config_read_journal(struct schema *s, const struct yaml_node *value,
			     struct config_transfer *into);
enum err config_check_transfer(struct schema *s, const struct yaml_node *zone, const uint8_t *name,
			       const struct config_transfer *t);
/* Where a rule gives the zone out signed: `has_keys`, it is signed; `has_chain`, by NSEC or NSEC3.
 */
enum err config_check_signed_transfer(struct schema *s, const struct yaml_node *zone,
				      const struct config_transfer *t, bool has_keys,
				      bool has_chain);
bool config_transfer_asks_clients(const struct config_transfer *t);

#endif
