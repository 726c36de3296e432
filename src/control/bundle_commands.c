// SPDX-License-Identifier: Apache-2.0
#include "control/bundle_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "control/bundle_plan.h"
#include "control/bundle_sign.h"
#include "control/bundle_text.h"
#include "control/internal.h"
#include "control/key_bundles.h"

#define DAY_S 86400

static char *date(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return out;
}

/* The zone, where its policy gives it one of these duties. */
static struct zone_entry *find(struct control *c, const char *zone, bool signer, bool holder,
			       struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);

	if (e == NULL)
		return NULL;
	if ((signer && e->keys->bundles != NULL) || (holder && e->keys->duty == CONFIG_KEYS_KSK))
		return e;
	control_fail(r, ERR_REFUSED,
		     "%s does not take part in this: %s (the policy's `keys` says who signs what)",
		     e->text,
		     signer && holder ? "it signs its key sets itself, for nobody else"
		     : signer         ? "it is no signer without a KSK (keys: zsk)"
				      : "it is no holder of a KSK alone (keys: ksk)");
	return NULL;
}

static bool read_form(const char *text, enum bundle_form *out, struct control_result *r)
{
	*out = text != NULL && strcmp(text, "bind") == 0 ? BUNDLE_FORM_BIND : BUNDLE_FORM_KNOT;
	if (text == NULL || strcmp(text, "bind") == 0 || strcmp(text, "knot") == 0)
		return true;
	control_fail(r, ERR_SYNTAX, "a form is 'knot' or 'bind'");
	return false;
}

static const char *kind_of(const struct zone_entry *e)
{
	return e->keys->bundles != NULL ? "bundles" : "signed";
}

/* ---- telling ---- */

static json_t *tags_of(const struct bundle *b)
{
	json_t *tags = json_array();
	const struct bundle_set *s = &b->set[BUNDLE_DNSKEY];
	struct dnskey k;

	for (size_t i = 0; i < s->rr_n; i++)
		if (dnskey_from_rdata(s->rr[i], &k) == ERR_OK)
			json_array_append_new(tags, json_integer(k.tag));
	return tags;
}

static json_t *describe_one(const struct zone_entry *e, const struct bundle *b, bool in_force)
{
	char from[32], expires[32];

	return json_pack("{s:s, s:s, s:o, s:b, s:I, s:b}", "from", date(b->from, from), "expires",
			 date(b->expires_at, expires), "tags", tags_of(b), "in_force", in_force,
			 "answer_octets", (json_int_t)bundle_answer_len(b, e->name), "cds",
			 b->set[BUNDLE_CDS].rr_n > 0);
}

static json_t *describe(const struct zone_entry *e, const struct bundles *row,
			enum bundle_form form)
{
	int64_t now = control_now();
	const struct bundle *served = e->keys->bundles != NULL ? key_bundles_served(e->keys)
				      : row != NULL            ? bundles_at(row, now)
							       : NULL;
	struct text skr = { 0 };
	json_t *all = json_array();
	char end[32] = "";

	for (size_t i = 0; row != NULL && i < row->n; i++)
		json_array_append_new(all, describe_one(e, row->all[i], row->all[i] == served));
	if (row != NULL)
		bundle_text_write(row, e->text, true, form, now, &skr);
	if (row != NULL && bundles_end(row, now) != 0)
		date(bundles_end(row, now), end);
	json_t *j = json_pack("{s:s, s:s, s:o, s:s, s:s}", "zone", e->text, "role",
			      e->keys->bundles != NULL ? "signer" : "holder", "bundles", all, "end",
			      end, "skr", skr.p != NULL && !skr.bad ? skr.p : "");
	free(skr.p);
	return j;
}

static void fail_with(struct control_result *r, struct diag *d, const char *what)
{
	control_fail(r, ERR_INVALID, "%s: %s", what, d->n > 0 ? d->findings[0].line : "no memory");
}

json_t *control_bundles(struct control *c, const char *zone, const char *form, int64_t *revision,
			struct control_result *r)
{
	struct zone_entry *e = find(c, zone, true, true, r);
	struct bundles *row = NULL;
	struct diag d = { 0 };
	enum bundle_form f;
	json_t *j = NULL;

	*revision = 0;
	if (e == NULL || !read_form(form, &f, r))
		return NULL;
	if (bundle_store_read(c->store, e->text, kind_of(e), &row, revision, &d))
		fail_with(r, &d, "the store");
	else if (e->keys->bundles != NULL)
		j = describe(e, e->keys->bundles->row, f);
	else
		j = describe(e, row, f);
	bundles_free(row);
	diag_free(&d);
	return j;
}

int64_t control_bundles_revision(struct control *c, const char *zone, struct control_result *r)
{
	int64_t revision = 0;

	json_decref(control_bundles(c, zone, NULL, &revision, r));
	return revision;
}

/* ---- loading ---- */

struct trust {
	struct span known[BUNDLE_RECORDS_MAX];
	size_t known_n;
	const struct dnskey *own[KEYSET_KEYS_MAX];
};

/* Key-signing keys of the row that is there. */
static void collect_known(const struct key_bundles *b, int64_t now, struct trust *t)
{
	const struct bundle *x = b->row != NULL ? bundles_at(b->row, now) : NULL;

	if (x == NULL && b->row != NULL && b->row->n > 0)
		x = b->row->all[0];
	for (size_t i = 0; x != NULL && i < x->set[BUNDLE_DNSKEY].rr_n; i++) {
		struct span rdata = x->set[BUNDLE_DNSKEY].rr[i];
		struct dnskey k;
		if (dnskey_from_rdata(rdata, &k) == ERR_OK && (k.flags & DNSKEY_SEP))
			t->known[t->known_n++] = rdata;
	}
}

static struct bundle_judge judge_of(const struct zone_entry *e, int64_t now, bool force,
				    struct trust *t)
{
	const struct keyring *k = e->keys;
	struct bundle_judge j = {
		.zone = e->name,
		.algorithm = k->algorithm,
		.now = now,
		.ds = e->config.holder_ds,
		.ds_n = e->config.holder_ds_n,
		.own = t->own,
		.own_n = k->own_n,
		.forced = force,
	};

	collect_known(k->bundles, now, t);
	j.known = t->known;
	j.known_n = t->known_n;
	for (size_t i = 0; i < k->own_n; i++) {
		const struct rollover_key *f = &k->facts.keys[i];
		t->own[i] = key_dnskey(k->own[i].key);
		if (f->role == KEY_ZSK && (f->signs || f->state == KEY_RETIRED))
			j.needed |= 1u << i;
	}
	return j;
}

static enum err judge(const struct zone_entry *e, const struct bundles *row, bool force,
		      struct control_result *r)
{
	struct trust t = { 0 };
	struct bundle_judge j = judge_of(e, control_now(), force, &t);
	struct bundle_verdict v = bundles_judge(row, &j);
	char at[32];

	if (v.fault == BUNDLE_GOOD)
		return ERR_OK;
	control_fail(r, ERR_REFUSED, "bundle %zu (%s) is refused, and with it all: %s", v.at + 1,
		     date(row->n > 0 ? row->all[v.at]->from : 0, at), bundle_fault_text(v.fault));
	log_notice(e->text, "bundle: %s", r->detail);
	return r->err;
}

static void warn_size(const struct control *c, const struct zone_entry *e,
		      const struct bundles *row)
{
	for (size_t i = 0; i < row->n; i++) {
		size_t n = bundle_answer_len(row->all[i], e->name);
		if (n <= c->config->server.udp_size)
			continue;
		log_warning(e->text,
			    "bundle: from %lld on the DNSKEY answer has %zu octets, more than fit "
			    "into UDP here (%u): resolvers will ask over TCP",
			    (long long)row->all[i]->from, n, c->config->server.udp_size);
		return;
	}
}

static json_t *take(struct control *c, struct zone_entry *e, struct bundles *row, int64_t *revision,
		    struct control_result *r)
{
	int64_t now = control_now();
	char end[32];
	size_t n = row->n;

	warn_size(c, e, row);
	enum err err = key_bundles_replace(e->keys, row, c->store, now, revision);
	if (err) {
		control_fail(r, err, "%s",
			     err == ERR_CONFLICT ? "the bundles have changed meanwhile"
						 : "the store failed; nothing has changed");
		bundles_free(row);
		return NULL;
	}
	log_notice(e->text, "bundle: %zu signed key sets were loaded, good until %s", n,
		   date(bundles_end(row, now), end));
	control_event(c, e->text, "bundles", "{\"bundles\":%zu,\"end\":\"%s\"}", n, end);
	return control_serve_keys(c, e, r) ? NULL : describe(e, row, BUNDLE_FORM_KNOT);
}

json_t *control_bundles_put(struct control *c, const char *zone, const char *skr, bool force,
			    int64_t *revision, struct control_result *r)
{
	struct zone_entry *e = find(c, zone, true, false, r);
	struct bundles *row = NULL;
	struct diag d = { 0 };

	if (e == NULL)
		return NULL;
	if (bundle_text_read(&row, skr, e->name, "skr", &d))
		fail_with(r, &d, "nothing was loaded");
	else if (judge(e, row, force, r)) {
		bundles_free(row);
		row = NULL;
	}
	diag_free(&d);
	return row != NULL ? take(c, e, row, revision, r) : NULL;
}

/* ---- requests and signing ---- */

json_t *control_bundles_request(struct control *c, const char *zone, uint32_t days,
				const char *form, struct control_result *r)
{
	struct zone_entry *e = find(c, zone, true, false, r);
	struct bundles *row = NULL;
	struct text ksr = { 0 };
	char from[32], until[32];
	enum bundle_form f;

	if (e == NULL || !read_form(form, &f, r))
		return NULL;
	struct keyring_context k = control_keyring_context(c, e);
	int64_t end = k.now + (int64_t)days * DAY_S;
	enum err err = bundle_plan(e->keys, &k, end, &row);
	if (err) {
		control_fail(r, err, "no request was made: %s",
			     err == ERR_RANGE     ? "more rolls are planned in this time than the "
						    "zone may have keys: ask for fewer days"
			     : err == ERR_REFUSED ? "rolls are held (key release goes on)"
						  : err_text(err));
		return NULL;
	}
	bundle_text_write(row, e->text, false, f, k.now, &ksr);
	json_t *j =
	    json_pack("{s:s, s:s, s:s, s:s}", "zone", e->text, "from", date(k.now, from), "until",
		      date(end, until), "ksr", ksr.p != NULL && !ksr.bad ? ksr.p : "");
	free(ksr.p);
	bundles_free(row);
	return j;
}

static size_t read_requests(const struct zone_entry *e, const json_t *requests,
			    struct bundles *out[BUNDLE_REQUESTS_MAX], struct control_result *r)
{
	size_t n = 0;
	struct diag d = { 0 };

	if (json_array_size(requests) > BUNDLE_REQUESTS_MAX)
		control_fail(r, ERR_SYNTAX, "at most %d requests are signed at once",
			     BUNDLE_REQUESTS_MAX);
	for (size_t i = 0; i < json_array_size(requests) && !r->err; i++) {
		const char *text = json_string_value(json_array_get(requests, i));
		char name[32], what[64];
		snprintf(name, sizeof name, "request %zu", i + 1);
		snprintf(what, sizeof what, "%s cannot be read", name);
		if (text == NULL || bundle_text_read(&out[n], text, e->name, name, &d)) {
			fail_with(r, &d, what);
			break;
		}
		struct bundle_verdict v = bundles_judge_request(out[n++], e->keys->algorithm);
		if (v.fault != BUNDLE_GOOD)
			control_fail(r, ERR_REFUSED, "%s, bundle %zu: %s", name, v.at + 1,
				     bundle_fault_text(v.fault));
	}
	diag_free(&d);
	return n;
}

static const char *why_not(enum err e)
{
	return e == ERR_NOKEY ? "there is no key-signing key"
	       : e == ERR_RANGE
		   ? "a request begins later than now, or the span is empty: make requests first, "
		     "then sign, with clocks that agree"
	       : e == ERR_TOO_LONG ? "too many keys, or too long a span"
				   : err_text(e);
}

static json_t *keep_signed(struct control *c, struct zone_entry *e, struct bundles *row,
			   enum bundle_form f, struct control_result *r)
{
	int64_t revision = STORE_ANY_REVISION;
	char end[32];
	json_t *j = NULL;

	if (bundle_store_write(c->store, e->text, "signed", row, control_now(), &revision)) {
		control_fail(r, ERR_STORE, "the store failed; nothing has changed");
	} else {
		log_notice(e->text, "bundle: %zu key sets were signed, good until %s", row->n,
			   date(bundles_end(row, control_now()), end));
		j = describe(e, row, f);
	}
	bundles_free(row);
	return j;
}

json_t *control_bundles_sign(struct control *c, const char *zone, const json_t *requests,
			     uint32_t days, const char *form, struct control_result *r)
{
	struct zone_entry *e = find(c, zone, false, true, r);
	struct bundles *request[BUNDLE_REQUESTS_MAX] = { NULL }, *row = NULL;
	enum bundle_form f;

	if (e == NULL || !read_form(form, &f, r))
		return NULL;
	size_t n = read_requests(e, requests, request, r);
	struct keyring_context k = control_keyring_context(c, e);
	enum err err = r->err;
	if (!err) {
		err = bundle_sign(e->keys, &k, request, n, k.now, k.now + (int64_t)days * DAY_S,
				  &row);
		if (err)
			control_fail(r, err, "nothing was signed: %s", why_not(err));
	}
	for (size_t i = 0; i < n; i++)
		bundles_free(request[i]);
	return err ? NULL : keep_signed(c, e, row, f, r);
}
