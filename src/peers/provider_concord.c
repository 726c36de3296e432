// SPDX-License-Identifier: Apache-2.0
/* Another Concord, over HTTPS: our own keys, as a whole set under the name by which it knows us
 * (RFC 8901 §9). Other signers' keys are theirs to give. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "peers/key_bodies.h"
#include "peers/push_call.h"

struct concord {
	struct body_records there;
	char match[HTTP_ETAG_MAX + 32];
	char url[PUSH_URL_MAX];
};

static bool is_ours(const struct push_record *r)
{
	return r->ours && r->wanted && r->type == TYPE_DNSKEY;
}

/* Both are sets, so being of one size and one within the other is being the same. */
static bool differs(const struct push *p, const struct body_records *there)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		bool found = false;
		if (!is_ours(&p->record[i]))
			continue;
		n++;
		for (size_t k = 0; k < there->n; k++)
			found = found || span_equal(there->rdata[k], p->record[i].rdata);
		if (!found)
			return true;
	}
	return n != there->n;
}

static char *make_body(const struct push *p)
{
	json_t *keys = json_array(), *j = json_pack("{s:o}", "keys", keys);
	char text[RECORD_TEXT_MAX];

	for (size_t i = 0; i < p->n; i++)
		if (is_ours(&p->record[i]) && record_to_text(TYPE_DNSKEY, p->record[i].rdata, text))
			json_array_append_new(keys, json_string(text));
	char *body = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	return body;
}

static void on_put(struct push_call *c, const struct http_result *r)
{
	if (r->status == 404)
		push_finish(c, ERR_NOT_FOUND, false, "it has no zone %s", c->push.text);
	else
		push_finish(c, ERR_OK, true, "it has taken our key set");
}

static void on_get(struct push_call *c, const struct http_result *r)
{
	struct concord *s = c->state;

	s->there.n = 0;
	if (r->status != 404 &&
	    (!body_read_key_set(r->body, r->body_n, &s->there) || r->etag[0] == 0)) {
		push_finish(c, ERR_SYNTAX, false, "what it says of our key set is not a key set");
		return;
	}
	if (!differs(&c->push, &s->there)) {
		push_finish(c, ERR_OK, false, "it has our key set");
		return;
	}
	if (r->status == 404)
		snprintf(s->match, sizeof s->match, "If-None-Match: *");
	else
		snprintf(s->match, sizeof s->match, "If-Match: %s", r->etag);
	char *body = make_body(&c->push);
	if (body == NULL)
		push_finish(c, ERR_NOMEM, false, "%s", err_text(ERR_NOMEM));
	else
		push_http(c, "PUT", s->url, body, s->match, on_put);
	free(body);
}

static enum err start(struct push_call *c)
{
	struct concord *s = calloc(1, sizeof *s);

	c->state = s;
	if (s == NULL)
		return ERR_NOMEM;
	push_url(c, "/v1/zones/%s/peers/%s/keys", c->push.text, c->peer->as, s->url);
	push_http(c, "GET", s->url, NULL, NULL, on_get);
	return ERR_OK;
}

static void end(struct push_call *c)
{
	free(c->state);
}

const struct provider PROVIDER_CONCORD = { "concord", PUSH_DNSKEY, start, end };
