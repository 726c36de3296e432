// SPDX-License-Identifier: Apache-2.0
/*
 * push_call.h -- one push under way, as the services see it; private to this folder.
 */
#ifndef PEERS_PUSH_CALL_H
#define PEERS_PUSH_CALL_H

#include "http/client.h"
#include "peers/peer.h"
#include "transfer/exchange.h"

struct push_call {
	struct pusher *pusher;
	uv_loop_t *loop;
	struct http_client *http;
	const struct peer *peer;
	struct push push; /* copies; only of types that are taken */
	push_done done;
	void *context;
	struct push_call *prev, *next;
	bool under_way;
	void *state;                 /* the service's own */
	struct http_call *http_call; /* under way; NULL: none */
	struct exchange *exchange;
	void (*on_http)(struct push_call *c, const struct http_result *r);
	void (*on_dns)(struct push_call *c, struct span message);
	char why[PUSH_WHY_MAX];
};

/* The end. `format` as printf: what was done, or what is wrong. */
void push_finish(struct push_call *c, enum err e, bool changed, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One step of a push. What cannot be reached, or is refused for its credentials, ends it; else the
 * handler is called, once. push_http() gives it every answer with a status of 2xx, and 404. */
void push_http(struct push_call *c, const char *method, const char *url, const char *body,
	       const char *match,
	       void (*handler)(struct push_call *c, const struct http_result *r));
void push_dns(struct push_call *c, struct span request,
	      void (*handler)(struct push_call *c, struct span message));
/* The peer's URL with a path whose "%s" are replaced by the two texts, escaped. */
#define PUSH_URL_MAX 2400
void push_url(const struct push_call *c, const char *path, const char *a, const char *b,
	      char out[PUSH_URL_MAX]);

/* What differs between what stands there and what is wanted, for one type. `present`: RDATA in any
 * order, names in it in any case. */
struct push_diff {
	struct span add[PUSH_RECORDS_MAX], remove[PUSH_RECORDS_MAX];
	size_t add_n, remove_n;
};
void push_compare(const struct push *p, uint16_t type, const struct span *present, size_t n,
		  struct push_diff *out);
bool push_has_type(const struct push *p, uint16_t type);
/* The types of pushes in their order; ends with 0. */
extern const uint16_t PUSH_TYPES[];

extern const struct provider PROVIDER_CONCORD, PROVIDER_UPDATE, PROVIDER_POWERDNS, PROVIDER_POLLING,
    PROVIDER_FILE;

#endif
