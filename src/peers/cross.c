// SPDX-License-Identifier: Apache-2.0
#include "peers/cross.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "dns/rrtype.h"

struct kept {
	struct interview_sample question;
	uint8_t *message;
	size_t n;
};

struct kept_server {
	struct kept answer[CROSS_ANSWERS_MAX];
	size_t answer_n, octets;
	struct dnskey *key;
	size_t key_n;
};

struct cross {
	struct cross_result result;
	struct kept_server *server[CROSS_SERVERS_MAX];
	struct kept_server *pending;
};

static void free_server(struct kept_server *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->answer_n; i++)
		free(s->answer[i].message);
	free(s->key);
	free(s);
}

struct cross *cross_new(void)
{
	return calloc(1, sizeof(struct cross));
}

void cross_free(struct cross *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->result.n; i++)
		free_server(c->server[i]);
	free_server(c->pending);
	free(c);
}

/* ---- keeping ---- */

void cross_keep(struct cross *c, const struct interview_sample *question, struct span message)
{
	/* A DNSKEY RRset is validated through the DS, whatever other one is known. */
	if (question->type == TYPE_DNSKEY)
		return;
	if (c->pending == NULL)
		c->pending = calloc(1, sizeof *c->pending);
	struct kept_server *s = c->pending;
	if (s == NULL || s->answer_n == CROSS_ANSWERS_MAX || message.n > CROSS_KEPT_MAX - s->octets)
		return;
	struct kept *k = &s->answer[s->answer_n];
	*k = (struct kept){ .question = *question, .message = malloc(message.n), .n = message.n };
	if (k->message == NULL)
		return;
	memcpy(k->message, message.p, message.n);
	s->answer_n++;
	s->octets += message.n;
}

void cross_drop(struct cross *c)
{
	free_server(c->pending);
	c->pending = NULL;
}

/* ---- digests ---- */

static const struct siphash_key KEY = { 0, 0 };

static uint64_t add(uint64_t sum, const void *p, size_t n)
{
	return sum + siphash(&KEY, p, n); /* sets have no order */
}

static uint64_t digest_names(const struct seen_names *ns)
{
	uint64_t sum = ns->n;

	for (size_t i = 0; i < ns->n; i++)
		sum = add(sum, ns->name[i], name_len(ns->name[i]));
	return sum;
}

static uint64_t digest_keys(const struct dnskey *k, size_t n, bool without_sep)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		if (!without_sep || !(k[i].flags & DNSKEY_SEP))
			sum = add(sum, k[i].rdata, k[i].rdata_len);
	return sum;
}

static uint64_t digest_cds(const struct signer_seen *s)
{
	uint64_t sum = s->has_cds;

	for (size_t i = 0; i < s->cds_n; i++)
		sum = add(sum, s->cds[i].rdata, s->cds[i].len);
	return sum;
}

static uint64_t digest_denial(const struct signer_seen *s)
{
	uint16_t parts[2] = { (uint16_t)s->denial, s->nsec3_iterations };

	return s->denial == SEEN_DENIAL_UNKNOWN ? 0 : siphash(&KEY, parts, sizeof parts);
}

void cross_add(struct cross *c, unsigned signer, unsigned server, const struct signer_seen *seen)
{
	struct kept_server *k = c->pending;

	c->pending = NULL;
	if (k == NULL || c->result.n == CROSS_SERVERS_MAX ||
	    (k->key = malloc((seen->key_n + 1) * sizeof *k->key)) == NULL) {
		free_server(k);
		return;
	}
	memcpy(k->key, seen->key, seen->key_n * sizeof *k->key);
	k->key_n = seen->key_n;
	c->server[c->result.n] = k;
	c->result.server[c->result.n++] = (struct cross_server){
		.signer = (uint8_t)signer,
		.server = (uint8_t)server,
		.keys = digest_keys(seen->key, seen->key_n, false),
		.facet = { [CROSS_NS] = digest_names(&seen->ns),
			   [CROSS_DNSKEY] = digest_keys(seen->key, seen->key_n, true),
			   [CROSS_CDS] = digest_cds(seen),
			   [CROSS_CDNSKEY] = digest_keys(seen->cdnskey, seen->cdnskey_n, false) +
					     seen->has_cdnskey,
			   [CROSS_DENIAL] = digest_denial(seen),
			   [CROSS_SAMPLES] = seen->sample },
	};
}

/* ---- judging ---- */

/* Whose apex had every type that was asked for showed nothing of its denial. */
static bool says_nothing(int facet, uint64_t digest)
{
	return facet == CROSS_DENIAL && digest == 0;
}

static void compare(struct cross_result *r)
{
	for (int f = 0; f < CROSS_FACETS; f++) {
		const uint64_t *first = NULL;
		for (size_t i = 0; i < r->n; i++) {
			const uint64_t *d = &r->server[i].facet[f];
			if (says_nothing(f, *d))
				continue;
			if (first != NULL && *d != *first)
				r->differs |= 1u << f;
			first = first == NULL ? d : first;
		}
	}
}

static void judge_pair(struct cross *c, size_t of, size_t under, const uint8_t *zone,
		       struct interview_tools *tools, int64_t now)
{
	struct cross_result *r = &c->result;

	for (size_t i = 0; i < c->server[of]->answer_n; i++) {
		const struct kept *k = &c->server[of]->answer[i];
		struct span message = { k->message, k->n };
		enum proof_verdict v =
		    proof_read(message, zone, k->question.name, k->question.type, &tools->proof);
		if (v == PROOF_SECURE)
			v = proof_check(&tools->proof, c->server[under]->key,
					c->server[under]->key_n, now, tools->memo);
		r->pair_n++;
		if (v == PROOF_SECURE)
			continue;
		if (r->fault_n < CROSS_FAULTS_MAX)
			r->fault[r->fault_n] = (struct cross_fault){ (uint8_t)of, (uint8_t)under,
								     k->question.type, v };
		r->fault_n++;
	}
}

/* Whether an earlier server has the same DNSKEY RRset: what was judged under that is judged. */
static bool is_repeated(const struct cross_result *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (r->server[i].keys == r->server[at].keys)
			return true;
	return false;
}

const struct cross_result *cross_judge(struct cross *c, const uint8_t *zone,
				       struct interview_tools *tools, int64_t now)
{
	compare(&c->result);
	for (size_t under = 0; under < c->result.n; under++) {
		if (is_repeated(&c->result, under))
			continue;
		for (size_t of = 0; of < c->result.n; of++)
			if (c->result.server[of].keys != c->result.server[under].keys)
				judge_pair(c, of, under, zone, tools, now);
	}
	return &c->result;
}

const char *cross_facet_text(enum cross_facet f)
{
	static const char *const TEXTS[CROSS_FACETS] = {
#define X(code, text) [code] = text,
		CROSS_FACET_TABLE(X)
#undef X
	};

	return (unsigned)f < CROSS_FACETS ? TEXTS[f] : "unknown";
}
