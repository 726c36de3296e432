// SPDX-License-Identifier: Apache-2.0
/* A peer that takes nothing from us: it is looked at, and its own automation, or its operator, does
 * the rest. */
#include "peers/push_call.h"

static enum err start(struct push_call *c)
{
	push_finish(c, ERR_OK, false, "nothing is pushed to a peer that is only looked at");
	return ERR_OK;
}

static void end(struct push_call *c)
{
	(void)c;
}

const struct provider PROVIDER_POLLING = { "polling", 0, start, end };
