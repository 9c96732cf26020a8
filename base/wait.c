/* SPDX-License-Identifier: EUPL-1.2 */
/* With _FORTIFY_SOURCE glibc 2.36 hands the 64-bit time of a 32-bit machine to the ppoll() that
 * takes one of 32 bits, and nothing is waited for. So this file goes without. */
#undef _FORTIFY_SOURCE
#include "base/wait.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

int fg_wait_readable(int fd, int64_t wait_us)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec ts = {
		.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
	int n = ppoll(&p, fd >= 0 ? 1 : 0, &ts, NULL);

	return n < 0 ? -errno : n;
}
