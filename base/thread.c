/* SPDX-License-Identifier: EUPL-1.2 */
/* Starting threads and waiting with a deadline. */
#include "base/thread.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"

#define STACK_BYTES (256u << 10)

int fg_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int r;

	if (pthread_attr_init(&attr) != 0)
		return FG_ENOMEM;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (r != 0)
		return -r;
	pthread_setname_np(*thread, name);
	return FG_OK;
}

/* The joins with a time-out take wall time or are unknown to ThreadSanitizer. */
bool fg_thread_join(pthread_t thread, int64_t wait_us)
{
	int64_t until_us = fg_clock_mono_us() + wait_us;

	while (pthread_tryjoin_np(thread, NULL) != 0) {
		if (fg_clock_mono_us() >= until_us)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

void fg_thread_release_stack(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE); /* 4, 16 or 64 KiB */
	pthread_attr_t attr;
	void *low;
	size_t size;
	uintptr_t top;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	if (pthread_attr_getstack(&attr, &low, &size) == 0) {
		/* below the frame of this function, and room for the call that follows */
		top = ((uintptr_t)__builtin_frame_address(0) - 512) & ~(page - 1);
		if (top > (uintptr_t)low)
			/* not through a wrapper, whose frame a sanitizer could make large */
			syscall(SYS_madvise, low, top - (uintptr_t)low, MADV_DONTNEED);
	}
	pthread_attr_destroy(&attr);
}

void fg_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}
