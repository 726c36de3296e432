// SPDX-License-Identifier: Apache-2.0
#include "transfer/access.h"

#include <string.h>

#include "dns/name.h"
#include "dns/rrtype.h"

static bool is_from(const struct access_rule *r, const struct ip_addr *addr)
{
	for (size_t i = 0; i < r->from_n; i++)
		if (ip_prefix_contains(&r->from[i], addr))
			return true;
	return r->from_n == 0;
}

static bool is_signed_with(const struct access_rule *r, const uint8_t *key)
{
	for (size_t i = 0; i < r->key_n && key != NULL; i++)
		if (name_equal(r->keys[i], key))
			return true;
	return r->key_n == 0;
}

static bool has_certificate(const struct access_rule *r, const struct access_client *who)
{
	for (size_t i = 0; i < r->certificate_n && who->tls && who->certificate != NULL; i++)
		if (memcmp(r->certificates[i], who->certificate, CERTIFICATE_PIN_LEN) == 0)
			return true;
	return r->certificate_n == 0;
}

bool access_rule_permits(const struct access_rule *r, const struct access_client *who)
{
	return is_from(r, &who->addr) && is_signed_with(r, who->key) && (!r->tls || who->tls) &&
	       has_certificate(r, who);
}

const struct transfer_rule *transfer_permitted(const struct transfer_rule *rules, size_t n,
					       const struct access_client *who)
{
	for (size_t i = 0; i < n; i++)
		if (access_rule_permits(&rules[i].who, who))
			return &rules[i];
	return NULL;
}

bool update_permits_some(const struct update_grant *grants, size_t n,
			 const struct access_client *who)
{
	for (size_t i = 0; i < n; i++)
		if (access_rule_permits(&grants[i].who, who))
			return true;
	return false;
}

static bool covers_name(const struct update_grant *g, const uint8_t *name)
{
	for (size_t i = 0; i < g->name_n; i++) {
		const struct update_name *u = &g->names[i];
		if (u->below ? name_is_within(name, u->name) && !name_equal(name, u->name)
			     : name_equal(name, u->name))
			return true;
	}
	return g->name_n == 0;
}

static bool is_key_record(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY ||
	       type == TYPE_CSYNC;
}

static bool covers_type(const struct update_grant *g, bool at_apex, uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	if (g->peer != NULL)
		return at_apex && is_key_record(type);
	for (size_t i = 0; i < g->type_n; i++)
		if (g->types[i] == type)
			return true;
	if (g->type_n > 0)
		return false;
	return type != TYPE_SOA && !(at_apex && (type == TYPE_NS || is_key_record(type))) &&
	       (info == NULL || !(info->flags & RR_DENIAL));
}

bool update_permitted(const struct update_grant *grants, size_t n, const struct access_client *who,
		      const uint8_t *apex, const uint8_t *name, uint16_t type)
{
	bool at_apex = name_equal(name, apex);

	for (size_t i = 0; i < n; i++)
		if (access_rule_permits(&grants[i].who, who) && covers_name(&grants[i], name) &&
		    covers_type(&grants[i], at_apex, type))
			return true;
	return false;
}

const struct update_grant *update_peer(const struct update_grant *grants, size_t n,
				       const struct access_client *who)
{
	for (size_t i = 0; i < n; i++)
		if (grants[i].peer != NULL && access_rule_permits(&grants[i].who, who))
			return &grants[i];
	return NULL;
}
