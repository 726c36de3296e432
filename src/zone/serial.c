// SPDX-License-Identifier: Apache-2.0
#include "zone/serial.h"

#include <time.h>

static uint32_t date_serial(int64_t now)
{
	time_t t = (time_t)now;
	struct tm d;

	if (gmtime_r(&t, &d) == NULL)
		return 0;
	return (uint32_t)((d.tm_year + 1900) * 1000000 + (d.tm_mon + 1) * 10000 + d.tm_mday * 100);
}

uint32_t serial_next(uint32_t serial, enum serial_policy policy, int64_t now)
{
	uint32_t wanted = serial;

	if (policy == SERIAL_UNIXTIME)
		wanted = (uint32_t)now;
	else if (policy == SERIAL_DATE)
		wanted = date_serial(now);
	return serial_is_newer(wanted, serial) ? wanted : serial + 1;
}
