// SPDX-License-Identifier: Apache-2.0
#include "control/update_forward.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "transfer/exchange.h"

#define TRY_MS 5000u /* connecting, and answering */

struct forward {
	struct forward *next;
	struct request *request;
	uint8_t zone[NAME_MAX_LEN];
	struct exchange *exchange;
	size_t primary; /* of all addresses of all remotes */
	bool signed_anew;
	char to[REMOTE_TEXT_MAX];
};

static void end(struct forward *f)
{
	struct control *c = f->request->control;
	struct forward **at = &c->forwards;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	c->forward_n--;
	request_free(f->request);
	free(f);
}

static void answer(struct forward *f, uint16_t rcode)
{
	request_refuse(f->request, rcode);
	end(f);
}

/* The primary's answer with its signature, under the id that the client gave. */
static void pass_on(struct forward *f, struct span message)
{
	uint8_t *bytes = malloc(message.n);

	if (bytes == NULL) {
		answer(f, RCODE_SERVFAIL);
		return;
	}
	memcpy(bytes, message.p, message.n);
	store_u16(bytes, f->request->msg.id);
	tsig_end(&f->request->tsig);
	handoff_reply(f->request->h, bytes, message.n, true);
	free(bytes);
	end(f);
}

static bool find_primary(const struct config_secondary *z, size_t at, struct remote *out)
{
	for (size_t i = 0; i < z->primary_n; i++) {
		if (at < z->primaries[i]->address_n) {
			*out = config_remote_at(z->primaries[i], at, true);
			return true;
		}
		at -= z->primaries[i]->address_n;
	}
	return false;
}

static bool try_next(struct forward *f, const struct zone_entry *e);

static void on_answer(const struct exchange_result *result, void *context)
{
	struct forward *f = context;
	struct control *c = f->request->control;
	struct zone_entry *e = control_entry_at(c, f->zone);
	char from[REQUEST_TEXT_MAX];

	f->exchange = NULL;
	if (result->err) {
		log_notice(e != NULL ? e->text : NULL, "update: of %s, forwarded to %s: %s",
			   request_from(f->request, from), f->to, result->why);
		f->primary++;
		if (result->err != ERR_IO || e == NULL || !try_next(f, e))
			answer(f, RCODE_SERVFAIL);
		return;
	}
	uint16_t rcode = load_u16(result->message.p + 2) & 15;
	log_info(e != NULL ? e->text : NULL, "update: of %s forwarded to %s, rcode %u",
		 request_from(f->request, from), f->to, rcode);
	if (f->signed_anew || f->request->msg.tsig.n == 0)
		answer(f, rcode);
	else
		pass_on(f, result->message);
	if (rcode == RCODE_NOERROR && e != NULL && e->secondary != NULL) {
		struct control_result r = { 0 };
		json_decref(control_zone_refresh(c, e->text, false, &r));
	}
}

/* False: there is none that could be asked. */
static bool try_next(struct forward *f, const struct zone_entry *e)
{
	const struct request *r = f->request;
	struct exchange_options options = {
		.try_ms = TRY_MS, .tries = 1, .done = on_answer, .context = f
	};
	struct remote to;

	for (; find_primary(&e->config.secondary, f->primary, &to); f->primary++) {
		struct span message = r->h->message;
		uint8_t *bytes = malloc(message.n);
		if (bytes == NULL)
			return false;
		memcpy(bytes, message.p, message.n);
		f->signed_anew = to.key != NULL;
		if (f->signed_anew && r->msg.tsig.n > 0) {
			message.n = r->msg.tsig_at;
			store_u16(bytes + 10, (uint16_t)(load_u16(bytes + 10) - 1));
		}
		message.p = bytes;
		remote_to_text(&to, f->to);
		enum err err =
		    exchange_start(&f->exchange, r->control->loop, &to, message, &options);
		free(bytes);
		if (!err)
			return true;
		f->exchange = NULL;
	}
	return false;
}

void update_forward(struct request *r, struct zone_entry *e)
{
	struct control *c = r->control;
	struct forward *f = c->forward_n < UPDATE_FORWARDS_MAX ? calloc(1, sizeof *f) : NULL;

	if (f == NULL || (f->request = request_keep(r)) == NULL) {
		free(f);
		log_notice(e->text, "update: too many are being forwarded");
		request_refuse(r, RCODE_SERVFAIL);
		return;
	}
	memcpy(f->zone, e->name, name_len(e->name));
	f->next = c->forwards;
	c->forwards = f;
	c->forward_n++;
	if (!try_next(f, e))
		answer(f, RCODE_SERVFAIL);
}

void update_forward_stop(struct control *c)
{
	while (c->forwards != NULL) {
		struct forward *f = c->forwards;
		exchange_cancel(f->exchange);
		tsig_end(&f->request->tsig);
		handoff_reply(f->request->h, NULL, 0, true);
		end(f);
	}
}
