// SPDX-License-Identifier: Apache-2.0
/*
 * policy_text.h -- policies for tests, written as short texts.
 *
 * Purpose. One line each: `type A`, `values V ...`, `pool NAME [> FALLBACK] = V ...`,
 * `rule [CODE|SUBNET|AS64500|=NETWORK ...] -> [POOL]`; `~N` makes it one of the N nearest pools,
 * and `pool NAME @LATITUDE,LONGITUDE,BIAS = ...` (units of 1e-4 degrees) gives a pool its place. A
 * value may end in *WEIGHT, then + (up) or - (down). Places are those of the text, so that findings
 * can be checked with line and column. Memory. All in the arena; policy_text_free() frees it.
 */
#ifndef TESTS_UNIT_GEO_POLICY_TEXT_H
#define TESTS_UNIT_GEO_POLICY_TEXT_H

#include "check.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/arena.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "geo/policy.h"

#define POLICY_TEXT_MANY 1100 /* more than any limit of a policy */

struct policy_text {
	struct policy policy;
	struct arena *arena;
	struct policy_pool *pools;
	struct policy_rule *rules;
	unsigned line;
	const char *line_start, *at;
};

static inline struct policy_place text_place(const struct policy_text *t, const char *token_start)
{
	return (struct policy_place){ t->line, (unsigned)(token_start - t->line_start) + 1 };
}

/* The next word of the line, or NULL at its end. */
static inline char *text_word(struct policy_text *t, struct policy_place *place)
{
	t->at += strspn(t->at, " ");
	size_t n = strcspn(t->at, " \n");
	if (n == 0)
		return NULL;
	*place = text_place(t, t->at);
	char *word = arena_alloc(t->arena, n + 1);
	memcpy(word, t->at, n);
	t->at += n;
	return word;
}

static inline struct span text_rdata(struct policy_text *t, const char *text)
{
	uint8_t bytes[16];
	struct name name;

	if (t->policy.type == TYPE_CNAME) {
		assert_int_equal(name_from_text(text, NULL, &name), ERR_OK);
		return (struct span){ arena_copy(t->arena, name.wire, name.len), name.len };
	}
	size_t n = t->policy.type == TYPE_AAAA ? 16 : 4;
	assert_int_equal(inet_pton(n == 16 ? AF_INET6 : AF_INET, text, bytes), 1);
	return (struct span){ arena_copy(t->arena, bytes, n), n };
}

static inline const struct policy_value *text_values(struct policy_text *t, size_t *n)
{
	struct policy_value *values = arena_alloc(t->arena, POLICY_TEXT_MANY * sizeof *values);
	struct policy_place at;
	char *word;

	for (*n = 0; (word = text_word(t, &at)) != NULL; (*n)++) {
		struct policy_value *v = &values[*n];
		size_t len = strlen(word);
		v->weight = 1;
		v->at = at;
		if (word[len - 1] == '-' || word[len - 1] == '+') {
			v->status = word[len - 1] == '-' ? POLICY_DOWN : POLICY_UP;
			word[len - 1] = 0;
		}
		char *star = strchr(word, '*');
		if (star != NULL) {
			v->weight = (uint32_t)strtoul(star + 1, NULL, 10);
			*star = 0;
		}
		v->text = word;
		v->rdata = text_rdata(t, word);
	}
	return values;
}

static inline void text_pool(struct policy_text *t)
{
	struct policy_pool *p = &t->pools[t->policy.pool_n++];
	struct policy_place at;
	char *word;

	p->name = text_word(t, &p->at);
	while ((word = text_word(t, &at)) != NULL && strcmp(word, "=") != 0) {
		if (strcmp(word, ">") == 0)
			p->fallback = text_word(t, &p->fallback_at);
		if (word[0] == '@')
			p->has_point =
			    sscanf(word, "@%d,%d,%d", &p->latitude, &p->longitude, &p->bias) == 3;
	}
	p->values = text_values(t, &p->value_n);
}

static inline void text_rule(struct policy_text *t)
{
	struct policy_rule *r = &t->rules[t->policy.rule_n++];
	struct policy_geo *geos = arena_alloc(t->arena, 400 * sizeof *geos);
	struct policy_subnet *subnets = arena_alloc(t->arena, 400 * sizeof *subnets);
	struct policy_asn *asns = arena_alloc(t->arena, 20 * sizeof *asns);
	struct policy_name *networks = arena_alloc(t->arena, 20 * sizeof *networks);
	struct policy_place at;
	char *word;

	r->at = text_place(t, t->line_start);
	r->geos = geos;
	r->subnets = subnets;
	r->asns = asns;
	r->networks = networks;
	while ((word = text_word(t, &at)) != NULL && strcmp(word, "->") != 0) {
		struct policy_subnet *s = &subnets[r->subnet_n];
		if (word[0] == '=') {
			networks[r->network_n++] = (struct policy_name){ word + 1, at };
			continue;
		}
		if (word[0] == '~') {
			r->nearest = (uint32_t)atoi(word + 1);
			continue;
		}
		if (word[0] == 'A' && word[1] == 'S' && word[2] >= '0' && word[2] <= '9') {
			asns[r->asn_n++] =
			    (struct policy_asn){ (uint32_t)strtoul(word + 2, NULL, 10), at };
			continue;
		}
		if (strchr(word, '/') == NULL) {
			geos[r->geo_n++] = (struct policy_geo){ word, at };
			continue;
		}
		assert_true(ip_prefix_from_text(word, &s->prefix, NULL));
		s->text = word;
		s->at = at;
		r->subnet_n++;
	}
	struct policy_name *pools = arena_alloc(t->arena, 20 * sizeof *pools);
	r->pools = pools;
	while ((word = text_word(t, &at)) != NULL)
		pools[r->pool_n++] = (struct policy_name){ word, at };
	r->listed = r->pool_n > 1 || r->nearest > 0;
	if (r->pool_n > 0)
		r->pool_at = pools[0].at;
}

static inline void text_line(struct policy_text *t)
{
	struct policy_place at;
	const char *key = text_word(t, &at);

	if (key == NULL)
		return;
	if (strcmp(key, "type") == 0)
		assert_true(rr_type_from_text(text_word(t, &at), &t->policy.type));
	else if (strcmp(key, "values") == 0)
		t->policy.defaults = text_values(t, &t->policy.default_n);
	else if (strcmp(key, "pool") == 0)
		text_pool(t);
	else if (strcmp(key, "rule") == 0)
		text_rule(t);
	else
		fail_msg("'%s' is no key of a policy text", key);
}

static inline struct policy_text policy_text(const char *text)
{
	static const uint8_t OWNER[] = "\3WWW\7example";
	struct policy_text t = { .arena = arena_new(0), .at = text };

	t.pools = arena_alloc(t.arena, POLICY_TEXT_MANY * sizeof *t.pools);
	t.rules = arena_alloc(t.arena, POLICY_TEXT_MANY * sizeof *t.rules);
	t.policy = (struct policy){ .file = "policy.yaml",
				    .source = text,
				    .owner = OWNER,
				    .type = TYPE_A,
				    .ttl = 60,
				    .pools = t.pools,
				    .rules = t.rules,
				    .at = { 1, 1 } };
	while (*t.at != 0) {
		t.line++;
		t.line_start = t.at;
		text_line(&t);
		t.at += strcspn(t.at, "\n");
		t.at += *t.at == '\n';
	}
	return t;
}

static inline void policy_text_free(struct policy_text *t)
{
	arena_free(t->arena);
}

#endif
