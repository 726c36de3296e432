// SPDX-License-Identifier: Apache-2.0
#include "questions.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint16_t number;
} TYPES[] = { { "A", 1 },    { "NS", 2 },    { "CNAME", 5 }, { "SOA", 6 },     { "MX", 15 },
	      { "TXT", 16 }, { "AAAA", 28 }, { "DS", 43 },   { "DNSKEY", 48 }, { "HTTPS", 65 } };

static void put(struct question *q, const void *bytes, size_t n)
{
	if (q->len + n > QUESTION_MAX) {
		fputs("load: a question is too long\n", stderr);
		exit(1);
	}
	memcpy(q->wire + q->len, bytes, n);
	q->len = (uint16_t)(q->len + n);
}

static void put_u16(struct question *q, unsigned v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(q, b, 2);
}

static void put_name(struct question *q, const char *name)
{
	while (*name != 0) {
		size_t n = strcspn(name, ".");
		uint8_t len = (uint8_t)n;
		if (n == 0)
			break;
		put(q, &len, 1);
		put(q, name, n);
		name += n + (name[n] == '.');
	}
	put(q, "", 1);
}

static bool put_subnet(struct question *q, const char *prefix)
{
	char text[64];
	uint8_t addr[16];
	const char *slash = strchr(prefix, '/');

	if (slash == NULL || (size_t)(slash - prefix) >= sizeof text)
		return false;
	memcpy(text, prefix, (size_t)(slash - prefix));
	text[slash - prefix] = 0;
	unsigned len = (unsigned)atoi(slash + 1), n = (len + 7) / 8;
	bool v6 = strchr(text, ':') != NULL;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, addr) != 1 || len > (v6 ? 128u : 32u))
		return false;
	put_u16(q, 8);
	put_u16(q, 4 + n);
	put_u16(q, v6 ? 2 : 1);
	uint8_t lengths[2] = { (uint8_t)len, 0 };
	put(q, lengths, 2);
	put(q, addr, n);
	return true;
}

static bool make(struct question *q, const char *name, const char *type, const char *prefix,
		 const struct question_options *o)
{
	static const uint8_t HEADER[12] = { [5] = 1, [11] = 1 };
	uint16_t number = 0;

	for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
		if (strcmp(TYPES[i].name, type) == 0)
			number = TYPES[i].number;
	if (number == 0)
		return false;
	q->len = 0;
	put(q, HEADER, sizeof HEADER);
	put_name(q, name);
	put_u16(q, number);
	put_u16(q, 1);
	put(q, "", 1);
	put_u16(q, 41);
	put_u16(q, o->udp_size);
	put_u16(q, 0);
	put_u16(q, o->dnssec_ok ? 0x8000 : 0);
	uint16_t at = q->len;
	put_u16(q, 0);
	if (prefix[0] != 0 && !put_subnet(q, prefix))
		return false;
	q->wire[at + 1] = (uint8_t)(q->len - at - 2);
	return true;
}

bool questions_read(struct questions *q, const char *path, const struct question_options *o)
{
	char line[512], name[300], type[20], prefix[80];
	size_t cap = 0, number = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		perror(path);
		return false;
	}
	while (fgets(line, sizeof line, f) != NULL) {
		number++;
		prefix[0] = 0;
		if (sscanf(line, "%299s %19s %79s", name, type, prefix) < 2)
			continue;
		if (q->n == cap) {
			cap = cap == 0 ? 1024 : cap * 2;
			struct question *more = realloc(q->at, cap * sizeof *more);
			if (more == NULL)
				break;
			q->at = more;
		}
		if (!make(&q->at[q->n++], name, type, prefix, o)) {
			fprintf(stderr, "%s:%zu: not `name type [prefix]`\n", path, number);
			fclose(f);
			return false;
		}
	}
	fclose(f);
	return q->n > 0;
}

bool questions_random(struct questions *q, const char *suffix, const struct question_options *o)
{
	char name[300];

	snprintf(name, sizeof name, "%.*s.%.200s", RANDOM_LABEL_LEN, "xxxxxxxxxxxx", suffix);
	q->at = calloc(1, sizeof *q->at);
	q->n = 1;
	q->random = true;
	return q->at != NULL && make(q->at, name, "A", "", o);
}
