// SPDX-License-Identifier: Apache-2.0
/*
 * memo.h -- answers that were given before, as bytes.
 *
 * Purpose.   What is asked of a server was mostly asked of it a moment ago. An answer that depends
 * on nothing but the question and the view is kept as it was rendered, and copied for who asks the
 * same again. Invariant. What is given from here is octet for octet what the stages would make: it
 * has the same view, name without regard to case, type, and OPT with the same DO; nothing was left
 * out of it for want of room, and it fits this client; its signatures are valid now, and none is
 * due. Never kept: what was chosen for a client (steering), what has options in its OPT that were
 * asked for, what takes octets of the question into its records (DNAME), and answers with an
 * extended error. Fairness. An answer is kept when it is asked for the second time, and pushes out
 * one that is asked for less: a flood of names asked once each writes no entry. Threads.   One
 * worker. Memory.    The worker's, of fixed size; nothing is allocated here. Entries point into the
 * view whose id they have, and are read while that view is.
 */
#ifndef QUERY_MEMO_H
#define QUERY_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/name_probe.h"
#include "query/view.h"

/* How much a question has beside name and type. Only the plain ones are kept. */
enum plain {
	PLAIN_NOT,    /* another class or opcode, options, more records */
	PLAIN_BARE,   /* no OPT */
	PLAIN_OPT,    /* an OPT without options */
	PLAIN_OPT_DO, /* ... with DO */
};

/* A plain question as it is looked for. */
struct memo_question {
	const struct name_probe *asked;
	uint64_t key; /* of name, type and plain */
	uint64_t view_id;
	uint16_t qtype;
	uint16_t udp_size; /* what the client takes, at least 512 (RFC 6891 §6.2.3) */
	uint8_t plain;     /* enum plain */
};

/* Times MEMO_WAYS entries: 16 MiB, of which, in huge pages, only what is used is there. */
#define MEMO_SETS      32768u
#define MEMO_WAYS      2
#define MEMO_MARK_SETS 32768u
#define MEMO_MARKS     4
#define MEMO_ROOM      193

/* What is to be known of an answer besides its octets. */
struct memo_about {
	const struct zone_view *zv;
	int64_t from, until; /* when it may be given: seconds since 1970 */
	uint8_t rate_class;  /* enum rate_class */
	uint8_t sig_n;       /* signatures in it */
};

struct memo_entry {
	uint64_t key;
	uint64_t view_id;
	struct memo_about about;
	uint16_t qtype;
	uint16_t tail_len;
	uint16_t flags; /* of the header, without what is the client's */
	uint16_t count[3];
	uint8_t name_len; /* 0: no entry */
	uint8_t plain;
	uint8_t worth; /* rises with each time that it is given */
	/* The name in lower case, filled up with zeroes to a multiple of 8; then all that stands
	 * behind the question. */
	uint8_t bytes[MEMO_ROOM];
};

_Static_assert(sizeof(struct memo_entry) == 256, "an entry is four cache lines");

/* All zero at the start. */
struct memo {
	_Alignas(64) struct memo_entry entry[MEMO_SETS][MEMO_WAYS];
	uint32_t mark[MEMO_MARK_SETS]
		     [MEMO_MARKS]; /* keys that were asked for, the last one first */
};

/* Reads a request whose name stands at offset 12 and is `asked`, with room for type and class
 * behind it; out->plain says whether it is plain, and else nothing else is set. */
void memo_question_read(struct memo_question *out, struct span in, const struct name_probe *asked,
			uint64_t view_id);

/* Asks for the memory in which an entry would be. */
void memo_prefetch(const struct memo *m, const struct memo_question *k);
/* Whether there is likely an entry; asks for the rest of it. */
bool memo_glimpse(const struct memo *m, const struct memo_question *k);
/* The entry that may be given at `now`, or NULL. Borrowed until the next memo_keep(). */
const struct memo_entry *memo_find(struct memo *m, const struct memo_question *k, int64_t now);

/* Writes header, question and the rest; false, with nothing written, past `limit`. */
bool memo_write(const struct memo_entry *e, struct span in, size_t limit, struct writer *out);

/* Whether an answer of so many octets to a plain question can be kept. */
bool memo_has_room(const struct memo_question *k, size_t answer_len);
/* Keeps such an answer to that question, if it was asked for before. */
void memo_keep(struct memo *m, const struct memo_question *k, struct span answer,
	       const struct memo_about *about);

#endif
