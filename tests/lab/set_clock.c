// SPDX-License-Identifier: Apache-2.0
/* Preloaded into a daemon: a clock that the test sets. The file named by LAB_CLOCK holds two
 * numbers of 64 bits, in seconds: what the wall clock is ahead, and what the time since boot is
 * ahead (a machine that slept: both, while the timers' clock stood still). */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("LAB_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	void *p = fd >= 0 ? mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (p != MAP_FAILED)
		ahead = p;
	if (fd >= 0)
		close(fd);
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *t)
{
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int r = real(id, t);
	if (ahead != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += ahead[0];
	if (ahead != NULL && id == CLOCK_BOOTTIME)
		t->tv_sec += ahead[1];
	return r;
}

__attribute__((visibility("default"))) time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}
