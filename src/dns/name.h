// SPDX-License-Identifier: Apache-2.0
/*
 * name.h -- domain names in uncompressed wire form.
 *
 * Purpose.   Reading from messages (with compression), text, comparison in canonical order (RFC
 * 4034 §6.1), and the key by which tries order names. Invariant. A name is 1..255 octets, labels
 * are 1..63, the last octet is the root's 0 (RFC 1035 §3.1). Case is kept; comparing ignores it.
 * Threads.   Pure.
 * Memory.    Names are written into the caller's buffers; `const uint8_t *name` always means a
 * whole valid wire name.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "dns/wire.h"

#define NAME_MAX_LEN    255
#define NAME_LABEL_MAX  63
#define NAME_LABELS_MAX 128 /* with the root */
#define NAME_KEY_MAX    512
#define NAME_TEXT_MAX   1016 /* each octet escaped as \DDD, dots, NUL */

/* A name and where its labels start: offset[0] is 0, offset[label_n] is that of the root octet.
 * label_n does not count the root. */
struct name {
	uint8_t len; /* octets, with the root's */
	uint8_t label_n;
	uint8_t offset[NAME_LABELS_MAX];
	uint8_t wire[NAME_MAX_LEN];
};

/* Octets of a valid wire name. */
size_t name_len(const uint8_t *name);
/* Labels without the root. */
unsigned name_label_n(const uint8_t *name);

/* Fills *out from a valid wire name. */
void name_from_wire(struct name *out, const uint8_t *name);

/* Reads a name at the reader, which must span the whole message (pointers are offsets from
 * r->start). Pointers must point backwards, and the name must keep the limits (RFC 1035 §4.1.4);
 * otherwise the reader turns bad. Bounded: each pointer goes strictly below the one before. */
void name_read(struct reader *r, struct name *out);
/* Reads a name that must not be compressed (RFC 3597 §4). */
void name_read_plain(struct reader *r, struct name *out);

/* Master-file text, escapes \DDD and \X, relative to `origin` unless it ends in a dot ("@" is the
 * origin; origin may be NULL: then every name is taken as absolute). Errors: ERR_SYNTAX,
 * ERR_TOO_LONG. */
enum err name_from_text(const char *text, const uint8_t *origin, struct name *out);
/* Absolute text with its final dot into out[NAME_TEXT_MAX]; returns it. */
char *name_to_text(const uint8_t *name, char *out);

bool name_equal(const uint8_t *a, const uint8_t *b);
/* Canonical order (RFC 4034 §6.1): <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);
/* Whether `name` is `ancestor` or below it. */
bool name_is_within(const uint8_t *name, const uint8_t *ancestor);
/* The name without its first label; the root's parent is the root. Points into `name`. */
const uint8_t *name_parent(const uint8_t *name);
bool name_is_wildcard(const uint8_t *name);
/* Copies with A-Z turned to a-z; returns the length. `out` may be `name`. */
size_t name_lower(const uint8_t *name, uint8_t *out);

/* The name that follows immediately in canonical order (RFC 4471 §3.1.2: "\\000." in front where
 * there is room for it) of a name within `zone`; past the zone's last name, the zone itself. Lower
 * case. Returns the length. */
size_t name_successor(const uint8_t *name, const uint8_t *zone, uint8_t out[NAME_MAX_LEN]);

/* The key by which tries order names: the labels from the root's side, lower case, each ended by a
 * 0; octet 0 becomes 1 1 and octet 1 becomes 1 2, so that memcmp order is canonical order and an
 * ancestor's key is a prefix of its descendants'. Writes into out[NAME_KEY_MAX]; returns the
 * length. The root's key is empty. */
size_t name_key(const uint8_t *name, uint8_t *out);
/* As name_key() of the name's last `label_n` labels only: key_end[i] (i = 0..label_n) gets the
 * length of the key of the ancestor with i labels. key_end may be NULL. */
size_t name_key_ends(const struct name *name, uint8_t *out, uint16_t *key_end);

#endif
