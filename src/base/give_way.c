// SPDX-License-Identifier: Apache-2.0
#include "base/give_way.h"

#include <sched.h>
#include <sys/resource.h>

void give_way(int nice)
{
	struct sched_param any = { 0 };

	/* On Linux both are about the thread. */
	(void)sched_setscheduler(0, SCHED_BATCH, &any);
	if (getpriority(PRIO_PROCESS, 0) < nice)
		(void)setpriority(PRIO_PROCESS, 0, nice);
}
