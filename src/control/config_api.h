// SPDX-License-Identifier: Apache-2.0
/*
 * config_api.h -- who may use the HTTP interface from outside, and where it listens: the `api`
 * section, and the file of tokens.
 *
 * Purpose.   Addresses, certificate, names of client certificates with what they may do; tokens,
 * which stand in a file of their own and there as SHA-256 alone.
 * Memory.    The section lives in the configuration's arena; tokens in one of their own.
 * Errors.    Findings at file:line:column; a text that may be a secret is never part of one.
 */
#ifndef CONTROL_CONFIG_API_H
#define CONTROL_CONFIG_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"

struct arena;
struct config;
struct config_address;
struct schema;
struct yaml_node;

/* What a caller may do. Each scope is given by itself: none contains another. */
enum api_scope {
	API_READ = 1,   /* look at everything but other callers' doings */
	API_KEYS = 2,   /* change key sets and what belongs to them */
	API_OPERATE = 4 /* everything else that changes something, and the audit log */
};
#define API_SCOPE_ALL (API_READ | API_KEYS | API_OPERATE)

/* One caller. */
struct api_access {
	const char *name; /* for logs and the audit log */
	unsigned scopes;
	const char *const *zones; /* absolute, lower case; none: all zones */
	size_t zone_n;
	const char *peer; /* changes this peer's key sets alone; NULL: not bound */
};

struct config_api {
	struct config_address *listen; /* none: the control socket alone */
	size_t listen_n;
	const char *certificate, *key, *client_ca, *token_file;
	const char *const *hosts; /* names that may stand in Host, beside the addresses */
	size_t host_n;
	const struct api_access *clients; /* by the name in their certificate */
	size_t client_n;
	uint32_t requests_per_minute; /* of one caller, and of one address */
	uint32_t connections;
};

extern const struct config_api CONFIG_API_DEFAULT;

enum err config_api_read(struct schema *s, const struct yaml_node *value, struct config_api *out);

#define API_TOKEN_HASH_LEN 32
#define API_TOKENS_MAX     1000

struct api_token {
	struct api_access access;
	uint8_t sha256[API_TOKEN_HASH_LEN];
	int64_t expires_at; /* 0: never */
};

struct api_tokens {
	struct api_token *all;
	size_t n;
	struct arena *arena;
};

/* ERR_PERMISSION where others than the owner may write to the file. */
enum err api_tokens_read(struct api_tokens **out, const char *path, struct diag *d);
void api_tokens_free(struct api_tokens *t);

#endif
