// SPDX-License-Identifier: Apache-2.0
#include "health/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

struct check_spec check_defaults(void)
{
	return (struct check_spec){
		.protocol = CHECK_HTTPS, /* these four are octoDNS's own */
		.port = 443,
		.path = "/_dns",
		.status_min = 200,
		.status_max = 399,
		.interval_ms = 10000,
		.timeout_ms = 5000,
		.rise = 2,
		.fall = 3,
		.stale_ms = 120000,
	};
}

const char *check_protocol_text(enum check_protocol p)
{
	static const char *const TEXTS[] = { "https", "http", "tcp", "icmp", "feed" };

	return TEXTS[p];
}

/* ---- the key ---- */

static void add_text(uint8_t *out, size_t *n, size_t cap, const char *text)
{
	size_t len = text != NULL ? strlen(text) + 1 : 1; /* the NUL parts the fields */

	if (len > cap - *n)
		len = cap - *n;
	memcpy(out + *n, text != NULL ? text : "", len);
	*n += len;
}

/* A digest that is the same at every start: the store is read by it. Not a secret. */
static uint32_t digest(const struct check_spec *s)
{
	static const struct siphash_key KEY = { 0, 0 };
	uint8_t all[4096];
	size_t n = 0;
	const uint32_t numbers[] = {
		(uint32_t)s->protocol, s->port,       s->status_min, s->status_max, s->insecure,
		s->interval_ms,        s->timeout_ms, s->rise,       s->fall,       s->stale_ms
	};

	memcpy(all, numbers, sizeof numbers);
	n = sizeof numbers;
	add_text(all, &n, sizeof all, s->value);
	add_text(all, &n, sizeof all, s->target);
	add_text(all, &n, sizeof all, s->host);
	add_text(all, &n, sizeof all, s->path);
	add_text(all, &n, sizeof all, s->expect);
	add_text(all, &n, sizeof all, s->ca);
	return (uint32_t)siphash(&KEY, all, n);
}

char *check_key(const struct check_spec *s, char *out)
{
	const char *target = s->target != NULL ? s->target : s->value;
	const char *host = s->host != NULL ? s->host : target;
	bool http = s->protocol == CHECK_HTTP || s->protocol == CHECK_HTTPS;
	char said[CHECK_KEY_MAX - 10];

	if (http)
		snprintf(said, sizeof said, "%s://%s:%u%s@%s", check_protocol_text(s->protocol),
			 host, s->port, s->path, target);
	else if (s->protocol == CHECK_TCP)
		snprintf(said, sizeof said, "tcp:%u@%s", s->port, target);
	else
		snprintf(said, sizeof said, "%s@%s", check_protocol_text(s->protocol), target);
	snprintf(out, CHECK_KEY_MAX, "%s~%08" PRIx32, said, digest(s));
	return out;
}

/* ---- copies ---- */

static char *put(char **at, const char *text)
{
	char *p = *at;

	if (text == NULL)
		return NULL;
	size_t n = strlen(text) + 1;
	memcpy(p, text, n);
	*at += n;
	return p;
}

enum err check_copy(struct check_spec **out, const struct check_spec *s)
{
	const char *const texts[] = { s->value, s->target, s->host, s->path, s->expect, s->ca };
	size_t n = 0;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		n += texts[i] != NULL ? strlen(texts[i]) + 1 : 0;
	struct check_spec *c = malloc(sizeof *c + n);
	if (c == NULL)
		return ERR_NOMEM;
	char *at = (char *)(c + 1);
	*c = *s;
	c->value = put(&at, s->value);
	c->target = put(&at, s->target);
	c->host = put(&at, s->host);
	c->path = put(&at, s->path);
	c->expect = put(&at, s->expect);
	c->ca = put(&at, s->ca);
	*out = c;
	return ERR_OK;
}
