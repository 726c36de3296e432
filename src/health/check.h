// SPDX-License-Identifier: Apache-2.0
/*
 * check.h -- what is checked, how often, and how many results it takes to believe one.
 *
 * Purpose.   One value says all of a health check; two that are equal are one check, however many
 * pools use it. Memory.    A spec borrows its texts; check_copy() makes one whose texts lie behind
 * it. Units. Milliseconds.
 */
#ifndef HEALTH_CHECK_H
#define HEALTH_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum check_protocol {
	CHECK_HTTPS,
	CHECK_HTTP,
	CHECK_TCP,
	CHECK_ICMP,
	CHECK_FEED, /* nobody is asked: results come by the API */
};

struct check_spec {
	const char *value;  /* the answer that is up or down: an address or a host name */
	const char *target; /* where the check goes; NULL: to the value */
	const char *host; /* HTTP: Host; HTTPS: also SNI and the name in the certificate; NULL: the
			     target */
	const char *path; /* HTTP: begins with "/" */
	const char *expect; /* HTTP: text that the first CHECK_BODY_MAX octets of the body contain;
			       NULL: any */
	const char *ca;     /* HTTPS: PEM file of trusted authorities; NULL: the system's */
	enum check_protocol protocol;
	uint16_t port;
	uint16_t status_min, status_max; /* HTTP: both included */
	bool insecure;                   /* HTTPS: the certificate is not verified */
	uint32_t interval_ms, timeout_ms;
	uint16_t rise, fall; /* results in a row that change the state */
	uint32_t stale_ms;   /* without any result for so long the state is not known any more */
};

#define CHECK_BODY_MAX 65536
#define CHECK_KEY_MAX  1024

/* Limits that a configuration is held to. */
#define CHECK_INTERVAL_MIN_MS 1000u
#define CHECK_INTERVAL_MAX_MS 3600000u
#define CHECK_TIMEOUT_MIN_MS  100u
#define CHECK_RESULTS_MAX     20u

/* A spec with every default but the value, for what a record leaves out. */
struct check_spec check_defaults(void);

const char *check_protocol_text(enum check_protocol p);

/* The check's name for people and for the store, unique among different specs:
 * "https://www.example.com:443/_dns@192.0.2.1~1a2b3c4d". `out` has CHECK_KEY_MAX octets; a longer
 * one is cut before its digest. Returns out. */
char *check_key(const struct check_spec *s, char *out);

/* ERR_NOMEM. The copy is freed with free(). */
enum err check_copy(struct check_spec **out, const struct check_spec *s);

#endif
