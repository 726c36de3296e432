// SPDX-License-Identifier: Apache-2.0
/* Where private keys lie in memory. */
#include "base/log.h"
#include "control/internal.h"

void control_open_secure_heap(const struct control *c)
{
	uint32_t mib = c->config->server.secure_heap_mib;
	size_t octets = 1u << 20;
	bool locked = false;

	if (mib == 0)
		return;
	while (octets >> 20 < mib)
		octets *= 2;
	if (key_secure_heap(octets, &locked))
		log_warning(NULL, "secure heap: no %u MiB; private keys lie on the ordinary one",
			    mib);
	else if (!locked)
		log_warning(NULL,
			    "secure heap: %zu MiB could not be locked; private keys may be swapped "
			    "out (raise LimitMEMLOCK=)",
			    octets >> 20);
}
