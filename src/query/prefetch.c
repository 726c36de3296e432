// SPDX-License-Identifier: Apache-2.0
/* A look-up in a large zone waits for memory half a dozen times, one wait after the other. The
 * look-ups of a batch do not depend on one another: made side by side their waits overlap. */
#include "query/query.h"

/* The name asked, where it is written plainly; all else is left to the parser that counts. */
static bool read_name(struct span in, struct name *out)
{
	size_t at = MESSAGE_HEADER_LEN;

	if (in.n < MESSAGE_HEADER_LEN + 5 || (in.p[2] & 0xf8) != 0)
		return false;
	out->label_n = 0;
	while (at < in.n && in.p[at] != 0) {
		size_t n = in.p[at];
		if (n > NAME_LABEL_MAX || at + 1 + n >= in.n ||
		    at - MESSAGE_HEADER_LEN + 2 + n > NAME_MAX_LEN)
			return false;
		out->offset[out->label_n++] = (uint8_t)(at - MESSAGE_HEADER_LEN);
		at += 1 + n;
	}
	if (at >= in.n)
		return false;
	out->offset[out->label_n] = (uint8_t)(at - MESSAGE_HEADER_LEN);
	out->len = (uint8_t)(at - MESSAGE_HEADER_LEN + 1);
	memcpy(out->wire, in.p + MESSAGE_HEADER_LEN, out->len);
	return true;
}

void query_prefetch(const struct view *v, const struct span *in, unsigned n)
{
	struct trie_step steps[QUERY_PREFETCH_MAX];
	uint8_t keys[QUERY_PREFETCH_MAX][NAME_KEY_MAX];
	struct name name;
	unsigned used = 0;

	for (unsigned i = 0; i < n && i < QUERY_PREFETCH_MAX; i++) {
		if (!read_name(in[i], &name))
			continue;
		struct span key = { keys[used], name_key_ends(&name, keys[used], NULL) };
		struct trie_found f = trie_find(v->zones, key);
		const struct zone_view *zv = f.exact != NULL ? f.exact : f.ancestor;
		if (zv == NULL)
			continue;
		steps[used].key = key;
		zone_prefetch_step(zv->zone, &steps[used++]);
	}
	zone_prefetch(steps, used);
}
