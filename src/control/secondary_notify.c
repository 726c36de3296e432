// SPDX-License-Identifier: Apache-2.0
/* NOTIFY from primaries (RFC 1996). */
#include "base/log.h"
#include "control/request.h"
#include "control/secondary_internal.h"
#include "dns/rrtype.h"
#include "transfer/soa_answer.h"

/* Which primary sent it; false: none of them. Where the remote has a key, the sender must have
 * shown it (RFC 1996 §3.10). */
static bool find_sender(const struct config_secondary *z, const struct access_client *who,
			unsigned *out)
{
	unsigned at = 0;

	for (size_t i = 0; i < z->primary_n; i++) {
		const struct config_remote *p = z->primaries[i];
		bool proved =
		    p->key == NULL || (who->key != NULL && name_equal(who->key, p->key->name));
		for (size_t k = 0; k < p->address_n; k++, at++) {
			if (proved && ip_equal(&p->addresses[k].addr, &who->addr)) {
				*out = at;
				return true;
			}
		}
	}
	return false;
}

void secondary_take_notify(struct request *r)
{
	uint8_t name[NAME_MAX_LEN];

	name_lower(r->msg.qname.wire, name);
	const struct zone_entry *e = control_entry_at(r->control, name);
	uint8_t answer[MESSAGE_MAX];
	char from[REQUEST_TEXT_MAX];
	uint32_t serial;
	unsigned primary;

	if (e == NULL || e->secondary == NULL || r->msg.qclass != CLASS_IN ||
	    r->msg.qtype != TYPE_SOA) {
		request_refuse(r, RCODE_NOTAUTH);
		return;
	}
	if (!find_sender(&e->config.secondary, &r->who, &primary)) {
		log_debug(e->text, "notify: from %s, which is none of the primaries: refused",
			  request_from(r, from));
		request_refuse(r, RCODE_REFUSED);
		return;
	}
	bool told = soa_notify_serial(r->h->message, r->msg.qname.wire, &serial);
	if (refresh_notify(&e->secondary->r, primary, told ? &serial : NULL, secondary_now_ms())) {
		log_debug(e->text, "notify: from %s", request_from(r, from));
		secondary_schedule(e->secondary);
	}
	request_reply(r, answer,
		      request_start_answer(r, answer, sizeof answer, RCODE_NOERROR, FLAG_AA));
}
