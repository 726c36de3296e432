// SPDX-License-Identifier: Apache-2.0
#include "control/foreign_records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/group_records.h"
#include "control/internal.h"
#include "control/key_documents.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"

/* ---- what is kept ---- */

static void csync_document(const char *zone, char out[STORE_KEY_MAX])
{
	snprintf(out, STORE_KEY_MAX, "zones/%s/csync", zone);
}

static size_t from_hex(const char *text, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned octet;

	for (; n < max && sscanf(text + 2 * n, "%2x", &octet) == 1; n++)
		out[n] = (uint8_t)octet;
	return n;
}

enum err foreign_records_read(struct keyring *k, struct store *store)
{
	char key[STORE_KEY_MAX], *text = NULL;
	const char *owner = "", *rdata = "";

	csync_document(k->zone_text, key);
	enum err e = store_get(store, key, &text, NULL);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	json_t *j = json_loads(text, 0, NULL);
	if (json_unpack(j, "{s:s, s:s}", "owner", &owner, "rdata", &rdata) == 0) {
		snprintf(k->csync.owner, sizeof k->csync.owner, "%s", owner);
		k->csync.n = from_hex(rdata, k->csync.rdata, sizeof k->csync.rdata);
	}
	if (!foreign_csync_is_good((struct span){ k->csync.rdata, k->csync.n }))
		k->csync.n = 0;
	json_decref(j);
	free(text);
	return ERR_OK;
}

/* ---- what is served ---- */

bool foreign_csync_is_good(struct span rdata)
{
	struct reader r = reader_of(rdata.p, rdata.n);

	if (rdata.n > FOREIGN_CSYNC_MAX || !rdata_is_valid(TYPE_CSYNC, rdata))
		return false;
	read_u32(&r);
	unsigned flags = read_u16(&r);
	uint8_t window = read_u8(&r), n = read_u8(&r);
	const uint8_t *bits = read_bytes(&r, n);
	bool good = !r.bad && reader_left(&r) == 0 && (flags & ~3u) == 0 && window == 0 && n <= 4;
	for (unsigned i = 0; good && i < 8u * n; i++)
		if (bits[i / 8] >> (7 - i % 8) & 1)
			good = i == TYPE_A || i == TYPE_NS || i == TYPE_AAAA;
	return good;
}

bool foreign_records_ask_parent(const struct keyring *k)
{
	for (size_t i = 0; i < k->foreign_n; i++)
		if (k->foreign[i].ds)
			return true;
	return false;
}

static bool owner_asks(const struct keyring *k, const char *owner)
{
	for (size_t i = 0; i < k->foreign_n; i++)
		if (k->foreign[i].ds && strcmp(k->foreign[i].owner, owner) == 0)
			return true;
	return false;
}

static bool goes_to_parent(const struct keyring *k, const struct foreign_key *f)
{
	return f->ds || ((f->key.flags & DNSKEY_SEP) && !owner_asks(k, f->owner));
}

enum err foreign_records_add(const struct keyring *k, struct zone_builder *b,
			     const struct config_signing *p, struct diag *d)
{
	struct zone_record csync = { .owner = k->zone,
				     .type = TYPE_CSYNC,
				     .ttl = p->dnskey_ttl,
				     .rdata = { k->csync.rdata, k->csync.n } };
	enum err e = ERR_OK;

	if (foreign_records_ask_parent(k) && keyring_publishes_cds(k, p))
		for (size_t i = 0; i < k->foreign_n && !e; i++)
			if (goes_to_parent(k, &k->foreign[i]))
				e = keyring_add_cds_of(k, &k->foreign[i].key, b, p, d);
	if (!e && (k->csync.n > 0 || k->csync.was))
		e = zone_build_remove(b, k->zone, TYPE_CSYNC);
	return e || k->csync.n == 0 ? e : zone_build_add(b, &csync, d);
}

/* ---- what a peer wants now ---- */

static bool wants(const struct foreign_wish *w, const struct dnskey *key)
{
	for (size_t i = 0; i < w->key_n; i++)
		if (w->key[i].rdata_len == key->rdata_len &&
		    memcmp(w->key[i].rdata, key->rdata, key->rdata_len) == 0)
			return true;
	return false;
}

struct batch {
	struct store_change change[FOREIGN_KEYS_MAX + 1];
	char key[FOREIGN_KEYS_MAX + 1][STORE_KEY_MAX];
	char *text[FOREIGN_KEYS_MAX + 1];
	size_t n;
	bool failed;
};

static void add_change(struct batch *b, json_t *document)
{
	char *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;

	b->failed = b->failed || text == NULL;
	json_decref(document);
	b->text[b->n] = text;
	b->change[b->n] = (struct store_change){ b->key[b->n], text, STORE_ANY_REVISION };
	b->n++;
}

static void note_keys(struct batch *b, const struct keyring *k, const char *peer,
		      const struct foreign_wish *w)
{
	char text[DNSKEY_TEXT_MAX];

	for (size_t i = 0; i < k->foreign_n; i++) {
		const struct foreign_key *f = &k->foreign[i];
		if (strcmp(f->owner, peer) != 0 || f->ds == wants(w, &f->key))
			continue;
		key_document_path(k, "foreign", f->key.algorithm, f->key.tag, b->key[b->n]);
		add_change(b, json_pack("{s:s, s:s, s:I, s:b}", "dnskey",
					dnskey_to_text(&f->key, text), "owner", peer, "since",
					(json_int_t)f->since, "ds", !f->ds));
	}
}

static bool has_csync_of(const struct keyring *k, const char *peer)
{
	return k->csync.n > 0 && strcmp(k->csync.owner, peer) == 0;
}

static bool csync_changes(const struct keyring *k, const char *peer, struct span to)
{
	if (to.n == 0)
		return has_csync_of(k, peer);
	return k->csync.n == 0 || (has_csync_of(k, peer) &&
				   (k->csync.n != to.n || memcmp(k->csync.rdata, to.p, to.n) != 0));
}

static void note_csync(struct batch *b, const struct keyring *k, const char *peer, struct span to)
{
	char hex[2 * FOREIGN_CSYNC_MAX + 1] = "";

	csync_document(k->zone_text, b->key[b->n]);
	for (size_t i = 0; i < to.n; i++)
		snprintf(hex + 2 * i, 3, "%02x", to.p[i]);
	if (to.n > 0)
		add_change(b, json_pack("{s:s, s:s}", "owner", peer, "rdata", hex));
	else
		b->change[b->n] = (struct store_change){ b->key[b->n], NULL, STORE_ANY_REVISION },
		b->n++;
}

static void take(struct keyring *k, const char *peer, const struct foreign_wish *w)
{
	for (size_t i = 0; i < k->foreign_n; i++)
		if (strcmp(k->foreign[i].owner, peer) == 0)
			k->foreign[i].ds = wants(w, &k->foreign[i].key);
	if (!csync_changes(k, peer, w->csync))
		return;
	k->csync.was = true;
	k->csync.n = w->csync.n;
	if (w->csync.n > 0)
		memcpy(k->csync.rdata, w->csync.p, w->csync.n);
	snprintf(k->csync.owner, sizeof k->csync.owner, "%s", peer);
}

enum err foreign_records_take(struct control *c, struct zone_entry *e, const char *peer,
			      const struct foreign_wish *w, bool *changed)
{
	struct batch *b = calloc(1, sizeof *b);
	struct control_result r = { 0 };

	*changed = false;
	if (b == NULL)
		return ERR_NOMEM;
	note_keys(b, e->keys, peer, w);
	if (csync_changes(e->keys, peer, w->csync))
		note_csync(b, e->keys, peer, w->csync);
	enum err err = b->failed  ? ERR_NOMEM
		       : b->n > 0 ? store_apply(c->store, b->change, b->n)
				  : ERR_OK;
	*changed = !err && b->n > 0;
	for (size_t i = 0; i < b->n; i++)
		free(b->text[i]);
	free(b);
	if (!*changed)
		return err;
	take(e->keys, peer, w);
	return control_serve_keys(c, e, &r);
}
