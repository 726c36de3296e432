// SPDX-License-Identifier: Apache-2.0
#include "control/config_peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW(type, field, name, k, ...)                                                             \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(type, field), __VA_ARGS__           \
	}

#define TOKEN_MAX  512
#define TIMEOUT_S  30
#define SERVER_DEF "localhost"

struct peer_fields {
	struct peer peer;
	const char *token_file, *remote;
	const struct yaml_node *token_at, *remote_at, *url_at;
	uint32_t timeout_s;
	bool has_push;
};

static enum err finding(struct schema *s, const struct yaml_node *at, const char *hint,
			const char *what)
{
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, hint, "%s", what);
	return ERR_INVALID;
}

/* ---- values ---- */

static enum err read_service(struct schema *s, const struct yaml_node *value, void *into)
{
	struct peer_fields *f = into;
	const char *names[8], *text = schema_text(s, value, "a service");
	char hint[80];
	size_t n = 0;

	if (text == NULL)
		return ERR_INVALID;
	f->peer.provider = provider_find(text);
	if (f->peer.provider != NULL)
		return ERR_OK;
	for (; n < 8 && PROVIDERS[n] != NULL; n++)
		names[n] = PROVIDERS[n]->name;
	const char *near = diag_nearest(text, names, n);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
	return finding(s, value, near != NULL ? hint : "concord, update, powerdns, polling or file",
		       "there is no such service");
}

static bool is_loopback(const char *host)
{
	static const char *const HOSTS[] = { "127.", "[::1]", "localhost", NULL };

	for (size_t i = 0; HOSTS[i] != NULL; i++) {
		size_t n = strlen(HOSTS[i]);
		if (strncmp(host, HOSTS[i], n) != 0)
			continue;
		const char *rest = i == 0 ? host + strspn(host, "0123456789.") : host + n;
		return *rest == 0 || *rest == ':' || *rest == '/';
	}
	return false;
}

static enum err read_url(struct schema *s, const struct yaml_node *value, void *into)
{
	struct peer_fields *f = into;
	const char *text = schema_text(s, value, "a URL (https://dns.example.net:8443)");

	if (text == NULL)
		return ERR_INVALID;
	bool tls = strncmp(text, "https://", 8) == 0, plain = strncmp(text, "http://", 7) == 0;
	const char *host = text + (tls ? 8 : 7);
	size_t n = strlen(text);
	if ((!tls && !plain) || *host == 0 || *host == '/' || n > 1000)
		return schema_expected(s, value, "a URL (https://dns.example.net:8443)");
	if (strcspn(text, "@?# \\") != n)
		return finding(s, value, "credentials stand in `token` or `tls`",
			       "a URL here has no user, query or fragment");
	if (plain && !is_loopback(host))
		return finding(s, value, "use https://, or a tunnel to this machine",
			       "plain HTTP would show the token to the network: it is for this "
			       "machine alone");
	char *kept = arena_strdup(s->arena, text);
	if (kept == NULL)
		return ERR_NOMEM;
	while (n > 0 && kept[n - 1] == '/')
		kept[--n] = 0;
	f->peer.url = kept;
	f->url_at = value;
	return ERR_OK;
}

static enum err read_token_file(struct schema *s, const struct yaml_node *value, void *into)
{
	struct peer_fields *f = into;
	const char *text = schema_text(s, value, "the path of a file");

	f->token_at = value;
	f->token_file = text != NULL ? schema_path(s, text) : NULL;
	return text == NULL ? ERR_INVALID : f->token_file == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err read_remote(struct schema *s, const struct yaml_node *value, void *into)
{
	struct peer_fields *f = into;

	f->remote_at = value;
	f->remote = schema_text(s, value, "the id of a remote");
	return f->remote == NULL ? ERR_INVALID : ERR_OK;
}

static enum err read_tls(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row ROWS[] = {
		ROW(struct peer_fields, peer.ca_file, "ca-file", SCHEMA_PATH, .max = 1000),
		ROW(struct peer_fields, peer.certificate, "certificate", SCHEMA_PATH, .max = 1000),
		ROW(struct peer_fields, peer.key, "key", SCHEMA_PATH, .max = 1000),
		{ 0 },
	};
	struct peer_fields *f = into;
	enum err e = schema_read(s, value, ROWS, into);

	if (!e && (f->peer.certificate == NULL) != (f->peer.key == NULL))
		e = finding(s, value, NULL, "`certificate` and `key` need one another");
	return e;
}

static enum err read_push(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct {
		const char *text;
		unsigned part;
	} PARTS[] = { { "keys", PUSH_DNSKEY },
		      { "cds", PUSH_CDS },
		      { "ns", PUSH_NS },
		      { "csync", PUSH_CSYNC } };
	struct peer_fields *f = into;

	if (value->kind != YAML_LIST)
		return schema_expected(s, value, "a list ([keys, cds, ns, csync])");
	f->has_push = true;
	for (size_t i = 0; i < value->n; i++) {
		const char *text = schema_text(s, value->item[i], "keys, cds, ns or csync");
		unsigned part = 0;
		for (size_t k = 0; text != NULL && k < sizeof PARTS / sizeof *PARTS; k++)
			part |= strcmp(text, PARTS[k].text) == 0 ? PARTS[k].part : 0;
		if (part == 0)
			return text == NULL
				   ? ERR_INVALID
				   : schema_expected(s, value->item[i], "keys, cds, ns or csync");
		f->peer.takes |= part;
	}
	return ERR_OK;
}

static const struct schema_row PEER_ROWS[] = {
	ROW(struct peer_fields, peer.id, "id", SCHEMA_TEXT, .max = 63, .required = true),
	{ .key = "service", .kind = SCHEMA_CUSTOM, .custom = read_service, .required = true },
	{ .key = "url", .kind = SCHEMA_CUSTOM, .custom = read_url },
	{ .key = "token", .kind = SCHEMA_CUSTOM, .custom = read_token_file },
	{ .key = "tls", .kind = SCHEMA_CUSTOM, .custom = read_tls },
	ROW(struct peer_fields, peer.as, "as", SCHEMA_TEXT, .max = 63),
	ROW(struct peer_fields, peer.server, "server", SCHEMA_TEXT, .max = 253),
	{ .key = "remote", .kind = SCHEMA_CUSTOM, .custom = read_remote },
	ROW(struct peer_fields, peer.directory, "directory", SCHEMA_PATH, .max = 1000),
	{ .key = "push", .kind = SCHEMA_CUSTOM, .custom = read_push },
	ROW(struct peer_fields, timeout_s, "timeout", SCHEMA_DURATION, .min = 1, .max = 300),
	{ 0 },
};

/* ---- a token ---- */

static enum err token_finding(struct schema *s, const struct peer_fields *f, const char *hint,
			      const char *what)
{
	char text[1200];

	snprintf(text, sizeof text, "%.1000s: %s", f->token_file, what);
	return finding(s, f->token_at, hint, text);
}

/* One word of visible octets: nothing that could end a header. */
static bool is_token(const char *text)
{
	for (const char *p = text; *p != 0; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *text != 0;
}

static enum err read_token(struct schema *s, struct peer_fields *f)
{
	struct stat st;
	char text[TOKEN_MAX + 2] = "";
	int fd = open(f->token_file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return token_finding(s, f, NULL, strerror(errno));
	enum err e = ERR_OK;
	ssize_t n = 0;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		e = token_finding(s, f, NULL, "it is not a file");
	else if ((st.st_mode & 077) != 0)
		e = token_finding(s, f, "chmod 600",
				  "others than its owner may use the token in it");
	else if ((n = read(fd, text, TOKEN_MAX + 1)) < 0)
		e = token_finding(s, f, NULL, strerror(errno));
	close(fd);
	while (!e && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
		text[--n] = 0;
	if (!e && (n > TOKEN_MAX || strlen(text) != (size_t)n || !is_token(text)))
		e = token_finding(
		    s, f, NULL, "it must hold one token of at most 512 letters, digits and signs");
	if (!e && (f->peer.token = arena_strdup(s->arena, text)) == NULL)
		e = ERR_NOMEM;
	explicit_bzero(text, sizeof text);
	return e;
}

/* ---- one peer ---- */

static enum err resolve_remote(struct schema *s, struct peer_fields *f,
			       const struct config_remotes *remotes)
{
	const struct config_remote *r = config_remote_find(remotes, f->remote);

	if (r == NULL)
		return finding(s, f->remote_at, "other servers stand in `remotes`",
			       "no remote has that id");
	if (r->key == NULL)
		return finding(s, f->remote_at, "add `key: NAME` to the remote",
			       "updates need a TSIG key, and that remote has none");
	f->peer.remote = config_remote_at(r, 0, true);
	return ERR_OK;
}

/* Which keys each service needs (+), may have (?) and does not use. */
static const struct {
	const char *service;
	char url, token, tls, as, server, remote, directory;
} USES[] = {
	{ "concord", '+', '?', '?', '+', 0, 0, 0 }, { "powerdns", '+', '+', '?', 0, '?', 0, 0 },
	{ "update", 0, 0, 0, 0, 0, '+', 0 },        { "file", 0, 0, 0, 0, 0, 0, '+' },
	{ "polling", 0, 0, 0, 0, 0, 0, 0 },
};

static enum err check_use(struct schema *s, const struct yaml_node *at, const struct peer *p,
			  const char *key, bool given, char use)
{
	char what[120];

	if (use == '?' || given == (use == '+'))
		return ERR_OK;
	snprintf(what, sizeof what,
		 given ? "service %s does not use `%s`" : "service %s needs `%s`",
		 p->provider->name, key);
	return finding(s, at, NULL, what);
}

static enum err check(struct schema *s, const struct yaml_node *at, const struct peer_fields *f)
{
	const struct peer *p = &f->peer;
	enum err e = ERR_OK;
	size_t i = 0;

	while (strcmp(USES[i].service, p->provider->name) != 0)
		i++;
	const struct {
		const char *key;
		bool given;
		char use;
	} KEYS[] = {
		{ "url", p->url != NULL, USES[i].url },
		{ "token", f->token_file != NULL, USES[i].token },
		{ "tls", p->ca_file != NULL || p->certificate != NULL, USES[i].tls },
		{ "as", p->as != NULL, USES[i].as },
		{ "server", p->server != NULL, USES[i].server },
		{ "remote", f->remote != NULL, USES[i].remote },
		{ "directory", p->directory != NULL, USES[i].directory },
	};
	for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) {
		enum err one = check_use(s, at, p, KEYS[k].key, KEYS[k].given, KEYS[k].use);
		e = e ? e : one;
	}
	if (!e && p->provider == provider_find("concord") && f->token_file == NULL &&
	    p->certificate == NULL)
		e = finding(s, at, "made there by `concordctl token new`",
			    "service concord needs `token` or a client certificate in `tls`");
	if (!e && (p->takes & ~p->provider->takes) != 0)
		e = finding(s, at, NULL, "`push` has a part that the service does not take");
	return e;
}

static enum err read_peer(struct schema *s, const struct yaml_node *item,
			  const struct config_remotes *remotes, struct config_peers *out)
{
	struct peer_fields f = { .timeout_s = TIMEOUT_S };
	enum err e = schema_read(s, item, PEER_ROWS, &f);

	if (!e)
		e = check(s, item, &f);
	if (!e && config_peer_find(out, f.peer.id) != NULL)
		e = finding(s, item, NULL, "a peer with that id is given already");
	if (!e && f.remote != NULL)
		e = resolve_remote(s, &f, remotes);
	if (!e && f.token_file != NULL)
		e = read_token(s, &f);
	if (e)
		return e;
	/* Unless told, keys: everything else at a zone's apex is asked for. */
	if (!f.has_push)
		f.peer.takes = f.peer.provider->takes & PUSH_DNSKEY;
	if (f.peer.server == NULL)
		f.peer.server = SERVER_DEF;
	f.peer.timeout_ms = f.timeout_s * 1000;
	out->item[out->n++] = f.peer;
	return ERR_OK;
}

enum err config_read_peers(struct schema *s, const struct yaml_node *list,
			   const struct config_remotes *remotes, struct config_peers *out)
{
	enum err result = ERR_OK;

	*out = (struct config_peers){ 0 };
	if (list == NULL)
		return ERR_OK;
	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of peers ({id: ..., service: ...})");
	out->item = arena_alloc(s->arena, (list->n + 1) * sizeof *out->item);
	if (out->item == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		enum err e = read_peer(s, list->item[i], remotes, out);
		result = e ? e : result;
	}
	return result;
}

void config_peers_wipe(struct config_peers *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].token != NULL)
			explicit_bzero(p->item[i].token, strlen(p->item[i].token));
	p->n = 0;
}

const struct peer *config_peer_find(const struct config_peers *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->item[i].id, id) == 0)
			return &all->item[i];
	return NULL;
}
