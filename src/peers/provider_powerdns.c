// SPDX-License-Identifier: Apache-2.0
/* PowerDNS Authoritative by its HTTP interface. Foreign keys stand in its table of records and are
 * merged into what it makes itself, but only where `direct-dnskey` is on: without it they would be
 * ignored in silence, so that is looked at first. Its own keys are not in that table. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "peers/key_bodies.h"
#include "peers/push_call.h"

struct powerdns {
	struct body_records there;
	struct push_diff diff;
	size_t at; /* in PUSH_TYPES */
	json_t *rrsets;
	char zone_url[PUSH_URL_MAX], url[2 * PUSH_URL_MAX];
};

static void ask_next(struct push_call *c);

static bool is_removed(const struct push_diff *d, struct span rdata)
{
	for (size_t i = 0; i < d->remove_n; i++)
		if (span_equal(d->remove[i], rdata))
			return true;
	return false;
}

static void append(json_t *records, uint16_t type, struct span rdata)
{
	char text[RECORD_TEXT_MAX];

	if (record_to_text(type, rdata, text))
		json_array_append_new(records,
				      json_pack("{s:s, s:b}", "content", text, "disabled", 0));
}

/* The whole RRset as it should be: an interface without changes of single records. */
static void add_rrset(struct push_call *c)
{
	struct powerdns *s = c->state;
	uint16_t type = s->there.type;
	json_t *records = json_array();
	char name[RR_TYPE_TEXT_MAX];

	for (size_t i = 0; i < s->there.n; i++)
		if (!is_removed(&s->diff, s->there.rdata[i]))
			append(records, type, s->there.rdata[i]);
	for (size_t i = 0; i < s->diff.add_n; i++)
		append(records, type, s->diff.add[i]);
	bool any = json_array_size(records) > 0;
	json_array_append_new(
	    s->rrsets, json_pack("{s:s, s:s, s:i, s:s, s:o}", "name", c->push.text, "type",
				 rr_type_to_text(type, name), "ttl",
				 (int)(s->there.n > 0 ? s->there.ttl : c->push.ttl), "changetype",
				 any ? "REPLACE" : "DELETE", "records", records));
}

static void on_rrset(struct push_call *c, const struct http_result *r)
{
	struct powerdns *s = c->state;

	if (r->status == 404) {
		push_finish(c, ERR_NOT_FOUND, false, "it has no zone %s", c->push.text);
		return;
	}
	if (!body_read_rrsets(r->body, r->body_n, c->push.text, &s->there)) {
		push_finish(c, ERR_SYNTAX, false, "what it says of the zone's records is not that");
		return;
	}
	push_compare(&c->push, s->there.type, s->there.rdata, s->there.n, &s->diff);
	if (s->diff.add_n + s->diff.remove_n > 0 && s->there.disabled) {
		push_finish(c, ERR_REFUSED, false,
			    "it has disabled records in an RRset that we would replace");
		return;
	}
	if (s->diff.add_n + s->diff.remove_n > 0)
		add_rrset(c);
	s->at++;
	ask_next(c);
}

static void on_patched(struct push_call *c, const struct http_result *r)
{
	struct powerdns *s = c->state;

	if (r->status == 404)
		push_finish(c, ERR_NOT_FOUND, false, "it has no zone %s", c->push.text);
	else
		push_finish(c, ERR_OK, true, "it has taken %zu RRsets", json_array_size(s->rrsets));
}

static void patch(struct push_call *c)
{
	struct powerdns *s = c->state;
	json_t *j = json_pack("{s:O}", "rrsets", s->rrsets);
	char *body = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	if (json_array_size(s->rrsets) == 0)
		push_finish(c, ERR_OK, false, "it has all that it should have");
	else if (body == NULL)
		push_finish(c, ERR_NOMEM, false, "%s", err_text(ERR_NOMEM));
	else
		push_http(c, "PATCH", s->zone_url, body, NULL, on_patched);
	free(body);
}

static void ask_next(struct push_call *c)
{
	struct powerdns *s = c->state;
	char name[RR_TYPE_TEXT_MAX];

	while (PUSH_TYPES[s->at] != 0 && !push_has_type(&c->push, PUSH_TYPES[s->at]))
		s->at++;
	if (PUSH_TYPES[s->at] == 0) {
		patch(c);
		return;
	}
	s->there.type = PUSH_TYPES[s->at];
	push_url(c, "/api/v1/servers/%s/zones/%s", c->peer->server, c->push.text, s->zone_url);
	snprintf(s->url, sizeof s->url, "%s?rrset_type=%s&rrset_name=%s", s->zone_url,
		 rr_type_to_text(s->there.type, name), strrchr(s->zone_url, '/') + 1);
	push_http(c, "GET", s->url, NULL, NULL, on_rrset);
}

static void on_settings(struct push_call *c, const struct http_result *r)
{
	if (r->status == 404)
		push_finish(c, ERR_NOT_FOUND, false, "it has no server '%s': correct `server`",
			    c->peer->server);
	else if (!body_setting_is_on(r->body, r->body_n, "direct-dnskey"))
		push_finish(c, ERR_REFUSED, false,
			    "its setting direct-dnskey is off, so it would ignore other signers' "
			    "keys: set direct-dnskey=yes there");
	else
		ask_next(c);
}

static enum err start(struct push_call *c)
{
	struct powerdns *s = calloc(1, sizeof *s);

	c->state = s;
	if (s == NULL || (s->rrsets = json_array()) == NULL)
		return ERR_NOMEM;
	push_url(c, "/api/v1/servers/%s/config", c->peer->server, "", s->zone_url);
	push_http(c, "GET", s->zone_url, NULL, NULL, on_settings);
	return ERR_OK;
}

static void end(struct push_call *c)
{
	struct powerdns *s = c->state;

	if (s != NULL)
		json_decref(s->rrsets);
	free(s);
}

const struct provider PROVIDER_POWERDNS = { "powerdns",
					    PUSH_DNSKEY | PUSH_CDS | PUSH_NS | PUSH_CSYNC, start,
					    end };
