// SPDX-License-Identifier: Apache-2.0
/*
 * record_lines.h -- records as lines of a master file, one each with an absolute owner and its TTL,
 * and back.
 *
 * Form.      RFC 1035 §5.1 as ldns writes it, which other servers read. What does not come out of
 * that text as it went in, and types that older servers do not know, are written as RFC 3597 §5 has
 * them. Names are escaped so that none is taken for a directive or a quote.
 * Threads.   One at a time; no state but the object's.
 */
#ifndef CONTROL_RECORD_LINES_H
#define CONTROL_RECORD_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/span.h"
#include "dns/name.h"
#include "dns/rdata.h"

struct record_lines;

/* Writes to `out`, which is borrowed. ERR_NOMEM. */
enum err record_lines_new(struct record_lines **out, FILE *to);
/* Accepts NULL. */
void record_lines_free(struct record_lines *l);

struct line_record {
	const uint8_t *owner; /* wire */
	uint16_t type;
	uint32_t ttl;
	struct span rdata; /* uncompressed, of its type */
};
/* One line: `before`, the record, `remark` (NULL: none) behind a semicolon. ERR_IO (with errno),
 * ERR_NOMEM. */
enum err record_lines_write(struct record_lines *l, const char *before, const struct line_record *r,
			    const char *remark);

/* A line as record_lines_write() writes it, without what stood before. */
struct parsed_line {
	struct name owner;
	uint16_t type;
	uint32_t ttl;
	size_t rdata_n;
	uint8_t rdata[RDATA_MAX];
};
/* ERR_SYNTAX, ERR_NOMEM. */
enum err record_line_parse(const char *line, struct parsed_line *out);

#endif
