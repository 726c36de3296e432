// SPDX-License-Identifier: Apache-2.0
#include "multisigner/ttl_mark.h"

bool ttl_mark_serve(struct ttl_mark *m, uint32_t ttl, int64_t everywhere_at)
{
	if (ttl == m->ttl)
		return false;
	m->held_until = ttl_mark_until(m, everywhere_at);
	m->ttl = ttl;
	return true;
}
