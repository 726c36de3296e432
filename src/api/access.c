// SPDX-License-Identifier: Apache-2.0
/* Who asks, and what that one may do. */
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "api/internal.h"
#include "dns/name.h"

#define TOKEN_MAX 256

/* ---- who ---- */

/* Every entry is compared, each in constant time: how long it takes says nothing of what is near.
 */
static const struct api_access *find_token(const struct api_tokens *tokens, const char *given)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const struct api_token *found = NULL;

	if (tokens == NULL || strlen(given) > TOKEN_MAX ||
	    EVP_Digest(given, strlen(given), hash, &n, EVP_sha256(), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < tokens->n; i++)
		if (CRYPTO_memcmp(hash, tokens->all[i].sha256, API_TOKEN_HASH_LEN) == 0)
			found = &tokens->all[i];
	OPENSSL_cleanse(hash, sizeof hash);
	if (found == NULL || (found->expires_at != 0 && found->expires_at <= time(NULL)))
		return NULL;
	return &found->access;
}

static const struct api_access *find_client(struct api *a, uint64_t stream)
{
	const struct config_api *c = &control_config(a->options.control)->api;
	const struct tls_stream *s = a->tls != NULL ? tls_stream_find(a->tls, stream) : NULL;

	for (size_t i = 0; s != NULL && i < c->client_n; i++)
		if (tls_stream_has_name(s, c->clients[i].name))
			return &c->clients[i];
	return NULL;
}

static void identify_local(struct request *r)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t n = sizeof who;

	r->principal.local = true;
	if (i != NULL && getsockopt(i->connect_fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0)
		snprintf(r->principal.who, sizeof r->principal.who, "uid %u", (unsigned)who.uid);
	else
		snprintf(r->principal.who, sizeof r->principal.who, "control socket");
}

enum access_verdict access_identify(struct api *a, struct request *r, uint64_t stream)
{
	static const char BEARER[] = "Bearer ";
	const char *given = request_header(r, "Authorization");
	struct principal *p = &r->principal;

	if (p->local) {
		identify_local(r);
		return ACCESS_OK;
	}
	snprintf(p->who, sizeof p->who, "nobody");
	if (given != NULL) {
		if (strncasecmp(given, BEARER, sizeof BEARER - 1) != 0)
			return ACCESS_BAD_CREDENTIALS;
		p->access = find_token(a->tokens, given + sizeof BEARER - 1);
		if (p->access == NULL)
			return ACCESS_BAD_CREDENTIALS;
		snprintf(p->who, sizeof p->who, "token %.70s", p->access->name);
		return ACCESS_OK;
	}
	p->access = find_client(a, stream);
	if (p->access == NULL)
		return ACCESS_NOBODY;
	snprintf(p->who, sizeof p->who, "certificate %.66s", p->access->name);
	return ACCESS_OK;
}

/* ---- what ---- */

bool access_zone_is_open(const struct principal *p, const char *zone)
{
	struct name name;
	char text[NAME_TEXT_MAX];

	if (p->access == NULL || p->access->zone_n == 0)
		return true;
	if (name_from_text(zone, NULL, &name))
		return false;
	name_lower(name.wire, name.wire);
	name_to_text(name.wire, text);
	for (size_t i = 0; i < p->access->zone_n; i++)
		if (strcmp(p->access->zones[i], text) == 0)
			return true;
	return false;
}

/* The part of the path that stands for `what` ("{zone}") in the route's pattern. */
static const char *segment_of(const struct route *route, const struct request *r, const char *what)
{
	size_t n = 0;

	for (const char *p = strchr(route->path, '{'); p != NULL; p = strchr(p + 1, '{'), n++)
		if (strncmp(p, what, strlen(what)) == 0)
			return r->segment[n];
	return NULL;
}

const char *access_allows(const struct principal *p, const struct route *route,
			  const struct request *r)
{
	const char *zone = segment_of(route, r, "{zone}"), *peer = segment_of(route, r, "{peer}");
	bool changes = strcmp(route->method, "GET") != 0;

	if (p->access == NULL)
		return NULL;
	if (!(p->access->scopes & route->scope))
		return route->scope == API_READ   ? "this needs the scope 'read'"
		       : route->scope == API_KEYS ? "this needs the scope 'keys'"
						  : "this needs the scope 'operate'";
	if (zone != NULL && !access_zone_is_open(p, zone))
		return "this caller is bound to other zones";
	if (zone == NULL && changes && p->access->zone_n > 0)
		return "this caller is bound to its zones, and this is about the whole server";
	if (changes && p->access->peer != NULL &&
	    (peer == NULL || strcmp(peer, p->access->peer) != 0))
		return "this caller may change its own key sets alone";
	return NULL;
}

/* ---- where from ---- */

static bool host_fits(const char *given, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(given, name, n) == 0;
}

/* "name", "name:port", "[v6]:port". */
static bool host_is_ours(const struct api *a, const char *host)
{
	const struct config_api *c = &control_config(a->options.control)->api;
	bool bracket = *host == '[';
	const char *start = host + bracket;
	size_t n = strcspn(start, bracket ? "]" : ":");
	char copy[IP_TEXT_MAX];
	struct ip_addr addr;

	for (size_t i = 0; i < c->host_n; i++)
		if (host_fits(start, n, c->hosts[i]))
			return true;
	/* A page of somebody's cannot have an address as its name: rebinding needs a name. */
	if (n >= sizeof copy)
		return false;
	memcpy(copy, start, n);
	copy[n] = 0;
	return ip_from_text(copy, &addr) || host_fits(start, n, "localhost");
}

const char *access_check_host(const struct api *a, const struct request *r)
{
	const char *host = request_header(r, "Host"), *origin = request_header(r, "Origin");

	if (host == NULL || !host_is_ours(a, host))
		return "this is not a host name of ours (api.hosts in the configuration)";
	if (origin != NULL) {
		const char *at = strstr(origin, "://");
		if (at == NULL || strcasecmp(at + 3, host) != 0)
			return "requests of pages from elsewhere are not answered";
	}
	return NULL;
}
