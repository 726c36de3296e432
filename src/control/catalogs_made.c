// SPDX-License-Identifier: Apache-2.0
/* Catalogs that list zones of ours (RFC 9432 §4). */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/siphash.h"
#include "control/catalogs.h"
#include "control/history.h"
#include "dns/rrtype.h"
#include "zone/serial.h"

/* RFC 9432 §7: TTLs mean nothing here; the SOA's times say how secondaries ask. */
#define TTL        0
#define REFRESH_S  3600u
#define RETRY_S    600u
#define EXPIRE_S   2147483646u
#define MINIMUM_S  0u
#define ID_LEN     32
#define DIGEST_KEY ((struct siphash_key){ 0x636174616c6f6773, 0x6f662072666339 })

/* ---- what is listed ---- */

static bool is_listed(const struct zone_entry *e, const struct zone_entry *catalog)
{
	return e != catalog && e->config.catalog.in != NULL &&
	       name_equal(e->config.catalog.in, catalog->name);
}

static void add_to_digest(uint64_t *sum, const void *p, size_t n)
{
	struct siphash_key k = DIGEST_KEY;

	k.k1 ^= *sum;
	*sum = siphash(&k, p, n);
}

/* In the order of the entries, which is that of names. */
static enum err list_zones(const struct control *c, const struct zone_entry *catalog,
			   struct catalog_listing *out)
{
	uint64_t sum = 0;

	*out = (struct catalog_listing){ .item = calloc(c->entry_n + 1, sizeof *out->item) };
	if (out->item == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->entry_n; i++) {
		const struct zone_entry *e = c->entries[i];
		if (!is_listed(e, catalog))
			continue;
		const char *group = e->config.catalog.group;
		out->item[out->n++] = (struct catalog_listed){ e->name, group };
		add_to_digest(&sum, e->name, name_len(e->name));
		add_to_digest(&sum, group != NULL ? group : "", group != NULL ? strlen(group) : 0);
	}
	out->digest = (uint32_t)(sum ^ sum >> 32);
	return ERR_OK;
}

/* ---- records ---- */

struct writing {
	struct zone_builder *b;
	const uint8_t *apex;
	struct diag *d;
};

static enum err add(struct writing *w, const uint8_t *owner, uint16_t type, const void *rdata,
		    size_t n)
{
	struct zone_record r = { .owner = owner, .type = type, .ttl = TTL, .rdata = { rdata, n } };

	return zone_build_add(w->b, &r, w->d);
}

/* Labels in front of a name; false where it gets too long. */
static bool prefix(const char *text, const uint8_t *name, uint8_t out[NAME_MAX_LEN])
{
	size_t n = strlen(text);

	if (1 + n + name_len(name) > NAME_MAX_LEN)
		return false;
	memmove(out + 1 + n, name, name_len(name));
	out[0] = (uint8_t)n;
	memcpy(out + 1, text, n);
	return true;
}

/* RFC 9432 §4.1: a label that is the zone's alone, and the same at each start. */
static void write_id(const uint8_t *zone, char out[ID_LEN + 1])
{
	static const struct siphash_key KEY = { 0x756e69717565206c, 0x6162656c206f6620 };
	uint64_t hash[2];

	siphash128(&KEY, zone, name_len(zone), hash);
	snprintf(out, ID_LEN + 1, "%016llx%016llx", (unsigned long long)hash[0],
		 (unsigned long long)hash[1]);
}

static enum err add_soa(struct writing *w, uint32_t serial)
{
	static const uint8_t INVALID[] = "\7invalid";
	uint8_t rdata[2 * sizeof INVALID + 20];
	struct writer out = writer_of(rdata, sizeof rdata);

	write_bytes(&out, INVALID, sizeof INVALID);
	write_bytes(&out, INVALID, sizeof INVALID);
	write_u32(&out, serial);
	write_u32(&out, REFRESH_S);
	write_u32(&out, RETRY_S);
	write_u32(&out, EXPIRE_S);
	write_u32(&out, MINIMUM_S);
	enum err e = add(w, w->apex, TYPE_SOA, rdata, sizeof rdata);
	/* RFC 9432 §4: NS must be there, and is looked at by nobody. */
	return e ? e : add(w, w->apex, TYPE_NS, INVALID, sizeof INVALID);
}

static enum err add_member(struct writing *w, const struct catalog_listed *m)
{
	uint8_t owner[NAME_MAX_LEN], text[256];
	char id[ID_LEN + 1];

	write_id(m->zone, id);
	if (!prefix("zones", w->apex, owner) || !prefix(id, owner, owner))
		return ERR_TOO_LONG;
	enum err e = add(w, owner, TYPE_PTR, m->zone, name_len(m->zone));
	if (e || m->group == NULL)
		return e;
	if (!prefix("group", owner, owner))
		return ERR_TOO_LONG;
	text[0] = (uint8_t)strlen(m->group);
	memcpy(text + 1, m->group, text[0]);
	return add(w, owner, TYPE_TXT, text, 1u + text[0]);
}

static uint32_t serial_of(const struct zone_load *l)
{
	const struct own_serial *o = &l->own_serial;
	enum serial_policy policy =
	    l->config->transfer.has_serial ? l->config->transfer.serial : SERIAL_UNIXTIME;

	if (!o->known)
		return serial_next(0, SERIAL_UNIXTIME, control_now());
	return o->primary == l->listing->digest ? o->own
						: serial_next(o->own, policy, control_now());
}

enum err catalog_build(const struct zone_load *l, struct zone_builder *b, struct served *out,
		       struct diag *d)
{
	struct writing w = { b, l->config->name, d };
	uint8_t owner[NAME_MAX_LEN];
	enum err e = add_soa(&w, serial_of(l));

	if (!e && !prefix("version", w.apex, owner))
		e = ERR_TOO_LONG;
	if (!e)
		e = add(&w, owner, TYPE_TXT, "\0012", 2);
	for (size_t i = 0; i < l->listing->n && !e; i++)
		e = add_member(&w, &l->listing->item[i]);
	out->primary_serial = l->listing->digest;
	return e;
}

/* ---- making ---- */

static bool make(struct control *c, struct zone_entry *e)
{
	struct catalog_listing listing;
	struct diag d = { 0 };
	struct served *before = e->served != NULL ? served_ref(e->served) : NULL;
	bool made = false;

	if (list_zones(c, e, &listing) == ERR_OK &&
	    (before == NULL || before->primary_serial != listing.digest)) {
		made = control_load_entry(c, e, &listing, &d) == ERR_OK;
		log_diag(e->text, &d);
		if (made)
			history_keep(c, e, before != NULL ? before->zone : NULL);
	}
	diag_free(&d);
	free(listing.item);
	served_unref(before);
	return made;
}

bool catalogs_make(struct control *c)
{
	bool made = false;

	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->config.catalog.generate)
			made = make(c, c->entries[i]) || made;
	return made;
}
