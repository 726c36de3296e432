// SPDX-License-Identifier: Apache-2.0
#include "dns/svcb.h"

#include <string.h>

#include "dns/name.h"
#include "dns/wire.h"

#define PRIORITY_LEN 2
#define PARAM_FIXED  4 /* key and length */

const uint8_t *svcb_target(struct span rdata, const uint8_t *owner)
{
	const uint8_t *target = rdata.p + PRIORITY_LEN;

	return *target == 0 && svcb_priority(rdata) > 0 ? owner : target;
}

static struct reader params_of(struct span rdata)
{
	size_t at = PRIORITY_LEN + name_len(rdata.p + PRIORITY_LEN);

	return reader_of(rdata.p + at, rdata.n - at);
}

static bool find(struct span rdata, uint16_t key, struct reader *value)
{
	struct reader r = params_of(rdata);

	while (!r.bad && reader_left(&r) > 0) {
		uint16_t mine = read_u16(&r);
		*value = read_sub(&r, read_u16(&r));
		if (mine == key)
			return true;
	}
	return false;
}

bool svcb_has(struct span rdata, uint16_t key)
{
	struct reader value;

	return find(rdata, key, &value);
}

bool svcb_demands(struct span rdata, uint16_t key)
{
	struct reader keys;

	if (!find(rdata, SVCB_MANDATORY, &keys))
		return false;
	while (!keys.bad && reader_left(&keys) > 0)
		if (read_u16(&keys) == key)
			return true;
	return false;
}

static size_t octets_of(const struct svcb_hints *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		n += h->address[i].n;
	return n;
}

size_t svcb_hinted_len(struct span rdata, const struct svcb_hints hints[2])
{
	size_t n = rdata.n;

	for (int i = 0; i < 2; i++)
		n += hints[i].n > 0 ? PARAM_FIXED + octets_of(&hints[i]) : 0;
	return n;
}

static void put(struct writer *w, const struct svcb_hints *h)
{
	if (h->n == 0)
		return;
	write_u16(w, h->key);
	write_u16(w, (uint16_t)octets_of(h));
	for (size_t i = 0; i < h->n; i++)
		write_bytes(w, h->address[i].p, h->address[i].n);
}

void svcb_put_hints(struct span rdata, const struct svcb_hints hints[2], uint8_t *out)
{
	struct reader r = params_of(rdata);
	struct writer w = writer_of(out, svcb_hinted_len(rdata, hints));
	int next = 0;

	write_bytes(&w, rdata.p, rdata.n - reader_left(&r));
	while (!r.bad && reader_left(&r) > 0) {
		const uint8_t *param = r.p;
		uint16_t key = read_u16(&r), n = read_u16(&r);
		read_bytes(&r, n);
		for (; next < 2 && hints[next].key < key; next++) /* keys ascend (§2.2) */
			put(&w, &hints[next]);
		write_bytes(&w, param, PARAM_FIXED + (size_t)n);
	}
	for (; next < 2; next++)
		put(&w, &hints[next]);
}
