// SPDX-License-Identifier: Apache-2.0
#include "control/octodns_zone.h"

#include <string.h>
#include <sys/stat.h>

#include "control/config_name_servers.h"
#include "control/octodns_rdata.h"
#include "control/steering_internal.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

/* Timers of a SOA that nobody wrote: those of RFC 1912 §2.2, and a short negative TTL. */
#define SOA_TTL     3600u
#define SOA_REFRESH 7200u
#define SOA_RETRY   3600u
#define SOA_EXPIRE  1209600u
#define SOA_MINIMUM 300u

struct record_fields {
	struct reading *r;
	const uint8_t *owner;
	uint32_t ttl;
	const struct yaml_node *values;
};

bool octodns_zone_is_file(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

uint32_t octodns_zone_serial(const char *path, uint32_t before)
{
	struct stat st;
	uint32_t changed = stat(path, &st) == 0 ? (uint32_t)st.st_mtime : 1;

	return changed > before ? changed : before;
}

static enum err keep_values(struct schema *s, const struct yaml_node *value, void *into)
{
	struct record_fields *f = into;

	return octodns_keep_values(s, value, &f->values);
}

static enum err old_geo(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)into;
	yaml_finding(s->yaml, value, s->diag, DIAG_WARNING, "write it as `dynamic`",
		     "the old 'geo' form is not read: the record's own values answer everybody");
	return ERR_OK;
}

static enum err add_value(const struct record_fields *f, const struct yaml_node *value)
{
	struct reading *r = f->r;
	struct octodns_zone *z = r->data;
	struct zone_record rec = { .owner = f->owner,
				   .type = r->type,
				   .ttl = f->ttl,
				   .file = zone_build_file(z->builder, value->source->path),
				   .line = value->line };
	enum err e = octodns_rdata(&r->schema, r->type, value, &rec.rdata);

	if (e)
		return e;
	bool apex = name_equal(f->owner, z->apex);
	z->has_soa = z->has_soa || (apex && r->type == TYPE_SOA);
	if (apex && r->type == TYPE_NS && z->name_server == NULL)
		z->name_server = rec.rdata.p;
	return zone_build_add(z->builder, &rec, r->schema.diag);
}

static enum err unknown_type(struct reading *r, const struct yaml_node *record)
{
	char mnemonic[RR_TYPE_TEXT_MAX];

	yaml_finding(r->schema.yaml, yaml_get(record, "type"), r->schema.diag, DIAG_ERROR,
		     "use a master file and a steering file for zones with such types",
		     "octoDNS has no records of type %s", rr_type_to_text(r->type, mnemonic));
	return ERR_INVALID;
}

enum err octodns_record_read(struct reading *r, const uint8_t *owner,
			     const struct yaml_node *record)
{
	static const struct schema_row ROWS[] = {
		{ .key = "type", .kind = SCHEMA_IGNORED },
		{ .key = "ttl",
		  .kind = SCHEMA_U32,
		  .offset = offsetof(struct record_fields, ttl),
		  .max = OCTODNS_TTL_MAX },
		{ .key = "values", .kind = SCHEMA_CUSTOM, .custom = keep_values },
		{ .key = "value", .kind = SCHEMA_CUSTOM, .custom = keep_values },
		{ .key = "geo", .kind = SCHEMA_CUSTOM, .custom = old_geo },
		{ .key = "octodns", .kind = SCHEMA_IGNORED },
		{ .key = "lenient", .kind = SCHEMA_IGNORED },
		{ 0 },
	};
	struct record_fields f = { .r = r, .owner = owner, .ttl = OCTODNS_TTL_DEFAULT };

	if (!octodns_knows(r->type))
		return unknown_type(r, record);
	enum err result = schema_read(&r->schema, record, ROWS, &f);
	if (result)
		return result;
	if (f.values == NULL) {
		yaml_finding(r->schema.yaml, record, r->schema.diag, DIAG_ERROR, NULL,
			     "'value' or 'values' is missing");
		return ERR_INVALID;
	}
	bool many = f.values->kind == YAML_LIST;
	for (size_t i = 0; i < (many ? f.values->n : 1); i++) {
		enum err e = add_value(&f, many ? f.values->item[i] : f.values);
		if (e == ERR_NOMEM || e == ERR_TOO_LONG)
			return e;
		result = e ? e : result;
	}
	return result;
}

/* ---- SOA ---- */

static size_t put_hostmaster(const uint8_t *apex, uint8_t *out)
{
	static const uint8_t LABEL[] = "\12hostmaster";
	size_t n = name_len(apex), label = sizeof LABEL - 1;

	/* Beside the longest names the name server itself must do. */
	if (n + label > NAME_MAX_LEN)
		return 0;
	memcpy(out, LABEL, label);
	memcpy(out + label, apex, n);
	return label + n;
}

/* octoDNS leaves them to providers, who know their own. */
static enum err add_name_servers(struct octodns_zone *data, struct schema *s)
{
	const struct config_name_servers *n = data->name_servers;
	enum err e = ERR_OK;

	/* Who reads the policies alone does not ask. */
	if (data->name_server != NULL || n == NULL)
		return ERR_OK;
	if (n->n == 0) {
		struct diag_place at = { .file = zone_build_file_path(data->builder, data->file) };
		diag_add(s->diag, DIAG_ERROR, &at,
			 "name-servers: [ns1.example.net., ...] in the zone's configuration",
			 "neither the file nor the configuration has name servers of the zone");
		return ERR_INVALID;
	}
	data->name_server = n->name[0];
	for (size_t i = 0; i < n->n && !e; i++) {
		struct zone_record r = { .owner = data->apex,
					 .type = TYPE_NS,
					 .ttl = OCTODNS_TTL_DEFAULT,
					 .rdata = { n->name[i], name_len(n->name[i]) },
					 .file = data->file };
		e = zone_build_add(data->builder, &r, s->diag);
	}
	return e;
}

static enum err add_soa(struct octodns_zone *data, struct schema *s)
{
	static const uint32_t TIMERS[] = { SOA_REFRESH, SOA_RETRY, SOA_EXPIRE, SOA_MINIMUM };
	uint8_t rdata[2 * NAME_MAX_LEN + 20], hostmaster[NAME_MAX_LEN];

	if (data->has_soa || data->name_server == NULL)
		return ERR_OK;
	size_t m = put_hostmaster(data->apex, hostmaster);
	size_t n = name_len(data->name_server);
	memcpy(rdata, data->name_server, n);
	memcpy(rdata + n, m > 0 ? hostmaster : data->name_server, m > 0 ? m : n);
	size_t at = n + (m > 0 ? m : n);
	store_u32(rdata + at, data->serial);
	for (size_t i = 0; i < 4; i++)
		store_u32(rdata + at + 4 + 4 * i, TIMERS[i]);
	struct zone_record soa = { .owner = data->apex,
				   .type = TYPE_SOA,
				   .ttl = SOA_TTL,
				   .rdata = { rdata, at + 20 },
				   .file = data->file };
	return zone_build_add(data->builder, &soa, s->diag);
}

enum err octodns_zone_finish(struct octodns_zone *data, struct schema *s)
{
	enum err e = add_name_servers(data, s);

	return e ? e : add_soa(data, s);
}
