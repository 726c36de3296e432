// SPDX-License-Identifier: Apache-2.0
/*
 * questions.h -- the datagrams that the generator sends, made before the clock starts.
 *
 * A file has `name type [prefix]` a line; the prefix goes as client subnet (RFC 7871). Random names
 * are made at sending: the first label of every query is eight letters that are overwritten.
 */
#ifndef BENCH_QUESTIONS_H
#define BENCH_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUESTION_MAX     320
#define RANDOM_LABEL_AT  13 /* behind the header and the length octet */
#define RANDOM_LABEL_LEN 12

struct question {
	uint16_t len;
	uint8_t wire[QUESTION_MAX];
};

struct questions {
	struct question *at;
	size_t n;
	bool random;
};

struct question_options {
	bool dnssec_ok;
	uint16_t udp_size;
};

/* False, with a message on standard error, where the file cannot be used. */
bool questions_read(struct questions *q, const char *path, const struct question_options *o);
/* One question whose first label is random, below `suffix`. */
bool questions_random(struct questions *q, const char *suffix, const struct question_options *o);

#endif
