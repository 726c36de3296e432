// SPDX-License-Identifier: Apache-2.0
/*
 * internal.h -- the parts of a prober to one another; private to this folder.
 */
#ifndef HEALTH_INTERNAL_H
#define HEALTH_INTERNAL_H

#include "health/probe.h"

struct http_prober;
struct icmp_prober;

struct prober {
	uv_loop_t *loop;
	struct http_prober *http;
	struct icmp_prober *icmp;
};

/* What both kinds of probes begin with. */
struct probe {
	bool icmp;
	const struct check_spec *spec;
	probe_done done;
	void *context;
	uint64_t began_ns;
};

static inline uint32_t probe_took_us(const struct probe *b)
{
	return (uint32_t)((uv_hrtime() - b->began_ns) / 1000);
}

/* probe_http.c: HTTP, HTTPS, TCP. */
enum err http_prober_new(struct http_prober **out, uv_loop_t *loop);
void http_prober_close(struct http_prober *p);
enum err http_probe_start(struct http_prober *p, const struct probe *as, struct probe **out);
void http_probe_cancel(struct probe *b);

/* probe_icmp.c */
enum err icmp_prober_new(struct icmp_prober **out, uv_loop_t *loop);
void icmp_prober_close(struct icmp_prober *p);
enum err icmp_probe_start(struct icmp_prober *p, const struct probe *as, struct probe **out);
void icmp_probe_cancel(struct probe *b);

#endif
