// SPDX-License-Identifier: Apache-2.0
// links: dns base
/* Names: from the wire to text and back is the same name; keys order as names do. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	struct name first, second, again;
	char text[NAME_TEXT_MAX];
	uint8_t key[NAME_KEY_MAX];

	name_read(&r, &first);
	if (r.bad)
		return 0;
	if (name_from_text(name_to_text(first.wire, text), NULL, &again) ||
	    !name_equal(first.wire, again.wire) || again.len != first.len)
		abort();
	if (name_key(first.wire, key) > NAME_KEY_MAX)
		abort();
	name_read(&r, &second);
	if (r.bad)
		return 0;
	int order = name_compare(first.wire, second.wire),
	    back = name_compare(second.wire, first.wire);
	if ((order < 0) != (back > 0) || (order == 0) != name_equal(first.wire, second.wire))
		abort();
	if (name_is_within(first.wire, second.wire) && order < 0)
		abort(); /* an ancestor sorts before its descendants */
	return 0;
}
