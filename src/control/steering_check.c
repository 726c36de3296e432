// SPDX-License-Identifier: Apache-2.0
#include "control/steering_check.h"

#include <stdlib.h>
#include <string.h>

#define INTERVAL_MIN_MS 1000u
#define INTERVAL_MAX_MS 3600000u
#define TIMEOUT_MIN_MS  100u
#define TIMEOUT_MAX_MS  60000u
#define STALE_MAX_MS    86400000u
#define RESULTS_MAX     20u

enum given { GIVEN_HTTPS, GIVEN_HTTP, GIVEN_TCP, GIVEN_ICMP, GIVEN_FEED, GIVEN_UDP };

struct check_fields {
	struct policy_healthcheck check;
	unsigned protocol; /* enum given */
	bool verify;
};

/* 500ms, 2s, 1m: a duration that may be shorter than a second. */
static bool read_ms(const char *text, uint32_t *out)
{
	char *end;
	uint32_t seconds;

	if (schema_duration(text, &seconds)) {
		*out = seconds <= UINT32_MAX / 1000 ? seconds * 1000 : UINT32_MAX;
		return true;
	}
	if (text[0] < '0' || text[0] > '9')
		return false;
	unsigned long ms = strtoul(text, &end, 10);
	*out = ms <= UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
	return strcmp(end, "ms") == 0;
}

static enum err read_between(struct schema *s, const struct yaml_node *value, uint32_t min,
			     uint32_t max, uint32_t *out)
{
	const char *text = schema_text(s, value, "a duration");

	if (text == NULL)
		return ERR_INVALID;
	if (!read_ms(text, out))
		return schema_expected(s, value, "a duration (such as 500ms, 10s, 1m)");
	if (*out >= min && *out <= max)
		return ERR_OK;
	yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, NULL,
		     "%s is outside of %u to %u milliseconds", text, min, max);
	return ERR_INVALID;
}

static enum err read_interval(struct schema *s, const struct yaml_node *value, void *into)
{
	struct check_fields *f = into;

	return read_between(s, value, INTERVAL_MIN_MS, INTERVAL_MAX_MS, &f->check.interval_ms);
}

static enum err read_timeout(struct schema *s, const struct yaml_node *value, void *into)
{
	struct check_fields *f = into;

	return read_between(s, value, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, &f->check.timeout_ms);
}

static enum err read_stale(struct schema *s, const struct yaml_node *value, void *into)
{
	struct check_fields *f = into;

	return read_between(s, value, INTERVAL_MIN_MS, STALE_MAX_MS, &f->check.stale_ms);
}

/* Hosts go into requests and certificates: nothing but what a name or an address has. */
static enum err read_host_text(struct schema *s, const struct yaml_node *value, const char **out)
{
	static const char HOST[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.:";

	if (yaml_is_null(value))
		return ERR_OK;
	const char *text = schema_text(s, value, "a host name or an address");
	if (text == NULL)
		return ERR_INVALID;
	if (strlen(text) > 253 || text[strspn(text, HOST)] != 0)
		return schema_expected(s, value, "a host name or an address");
	*out = arena_strdup(s->arena, text);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err read_host(struct schema *s, const struct yaml_node *value, void *into)
{
	return read_host_text(s, value, &((struct check_fields *)into)->check.host);
}

static enum err read_target(struct schema *s, const struct yaml_node *value, void *into)
{
	return read_host_text(s, value, &((struct check_fields *)into)->check.target);
}

/* The path goes into a request line: no blank and no control character may end it. */
static enum err read_path(struct schema *s, const struct yaml_node *value, void *into)
{
	struct check_fields *f = into;
	const char *text = schema_text(s, value, "a path that begins with /");

	if (text == NULL)
		return ERR_INVALID;
	for (const char *c = text; *c != 0; c++)
		if (*c <= ' ' || *c > '~' || text[0] != '/')
			return schema_expected(s, value,
					       "a path: it begins with / and has no blanks");
	f->check.path = arena_strdup(s->arena, text);
	return f->check.path != NULL ? ERR_OK : ERR_NOMEM;
}

/* 200, or 200-399. */
static enum err read_status(struct schema *s, const struct yaml_node *value, void *into)
{
	struct check_fields *f = into;
	const char *text = schema_text(s, value, "a status");
	char *end = NULL;

	if (text == NULL)
		return ERR_INVALID;
	unsigned long min = strtoul(text, &end, 10), max = min;
	if (*end == '-')
		max = strtoul(end + 1, &end, 10);
	if (*end != 0 || text[0] < '1' || min < 100 || max > 599 || max < min)
		return schema_expected(s, value,
				       "an HTTP status or a range of them (200, 200-399)");
	f->check.status_min = (uint16_t)min;
	f->check.status_max = (uint16_t)max;
	return ERR_OK;
}

#define FIELD(name, kind_, ...)                                                                    \
	{                                                                                          \
		.kind = kind_, .offset = offsetof(struct check_fields, name), __VA_ARGS__          \
	}

static const struct schema_row *rows(void)
{
	static const char *const PROTOCOLS[] = {
		"HTTPS", "HTTP", "TCP", "ICMP", "FEED", "UDP", NULL
	};
	static const struct schema_row ROWS[] = {
		FIELD(protocol, SCHEMA_CHOICE, .key = "protocol", .choices = PROTOCOLS),
		FIELD(check.port, SCHEMA_U16, .key = "port", .min = 1, .max = 65535),
		{ .key = "host", .kind = SCHEMA_CUSTOM, .custom = read_host },
		{ .key = "path", .kind = SCHEMA_CUSTOM, .custom = read_path },
		{ .key = "target", .kind = SCHEMA_CUSTOM, .custom = read_target },
		{ .key = "interval", .kind = SCHEMA_CUSTOM, .custom = read_interval },
		{ .key = "timeout", .kind = SCHEMA_CUSTOM, .custom = read_timeout },
		{ .key = "stale", .kind = SCHEMA_CUSTOM, .custom = read_stale },
		FIELD(check.rise, SCHEMA_U16, .key = "rise", .min = 1, .max = RESULTS_MAX),
		FIELD(check.fall, SCHEMA_U16, .key = "fall", .min = 1, .max = RESULTS_MAX),
		{ .key = "status", .kind = SCHEMA_CUSTOM, .custom = read_status },
		FIELD(check.expect, SCHEMA_TEXT, .key = "expect", .max = 1000),
		FIELD(check.ca, SCHEMA_PATH, .key = "ca", .max = 1000),
		FIELD(verify, SCHEMA_BOOL, .key = "verify"),
		{ 0 },
	};

	return ROWS;
}

static uint16_t port_of(enum given protocol)
{
	return protocol == GIVEN_ICMP || protocol == GIVEN_FEED ? 0
	       : protocol == GIVEN_HTTP                         ? 80
								: 443;
}

/* Keys that say nothing to a protocol would be believed to do something. */
static enum err check_keys(struct schema *s, const struct yaml_node *map,
			   const struct check_fields *f)
{
	static const char *const OF_HTTP[] = { "path", "status", "expect" };
	static const char *const OF_TLS[] = { "ca", "verify" };
	enum err result = ERR_OK;

	for (size_t i = 0; i < 3 && f->protocol > GIVEN_HTTP; i++) {
		const struct yaml_node *at = yaml_get(map, OF_HTTP[i]);
		/* octoDNS itself ignores a path here. */
		if (at == NULL)
			continue;
		yaml_finding(s->yaml, at, s->diag, i == 0 ? DIAG_WARNING : DIAG_ERROR, NULL,
			     "'%s' has no meaning for this protocol", OF_HTTP[i]);
		result = i == 0 ? result : ERR_INVALID;
	}
	for (size_t i = 0; i < 2 && f->protocol != GIVEN_HTTPS; i++) {
		const struct yaml_node *at = yaml_get(map, OF_TLS[i]);
		if (at == NULL)
			continue;
		yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, NULL,
			     "'%s' has a meaning for HTTPS only", OF_TLS[i]);
		result = ERR_INVALID;
	}
	if (f->check.timeout_ms > 0 && f->check.interval_ms > 0 &&
	    f->check.timeout_ms > f->check.interval_ms) {
		yaml_finding(s->yaml, yaml_get(map, "timeout"), s->diag, DIAG_ERROR, NULL,
			     "the timeout is longer than the interval");
		result = ERR_INVALID;
	}
	return result;
}

enum err steering_check_read(struct schema *s, const struct yaml_node *map,
			     const struct policy_healthcheck **out)
{
	struct check_fields f = { .verify = true };
	enum err e = schema_read(s, map, rows(), &f);

	*out = NULL;
	if (!e)
		e = check_keys(s, map, &f);
	if (e)
		return e;
	if (f.protocol == GIVEN_UDP) {
		yaml_finding(s->yaml, yaml_get(map, "protocol"), s->diag, DIAG_WARNING,
			     "use TCP, ICMP, or FEED with results from elsewhere",
			     "UDP cannot be checked: values with status obey count as up");
		return ERR_OK;
	}
	f.check.protocol = (enum policy_protocol)f.protocol;
	f.check.insecure = !f.verify;
	f.check.at = (struct policy_place){ map->line, map->column };
	if (f.check.port == 0)
		f.check.port = port_of((enum given)f.protocol);
	*out = arena_copy(s->arena, &f.check, sizeof f.check);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}
