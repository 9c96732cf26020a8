/* SPDX-License-Identifier: EUPL-1.2 */
/* The only file that asks the system for the time. */
#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t fg_clock_mono_us(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t fg_clock_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

struct fg_now fg_clock_now(void)
{
	return (struct fg_now){.mono_us = fg_clock_mono_us(), .wall_us = fg_clock_wall_us()};
}

void fg_clock_deadline(int64_t after_us, struct timespec *ret)
{
	int64_t us;

	clock_gettime(CLOCK_MONOTONIC, ret);
	us = ret->tv_nsec / 1000 + after_us;
	ret->tv_sec += (time_t)(us / 1000000);
	ret->tv_nsec = (long)(us % 1000000) * 1000;
}

int64_t fg_clock_cpu_us(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void fg_clock_boot_id(char ret_id[FG_BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, ret_id, FG_BOOT_ID_SIZE - 1);
		close(fd);
	}
	if (n != FG_BOOT_ID_SIZE - 1)
		memcpy(ret_id, "00000000-0000-0000-0000-000000000000", FG_BOOT_ID_SIZE - 1);
	ret_id[FG_BOOT_ID_SIZE - 1] = '\0';
}

int fg_clock_kernel_synced(void)
{
	struct timex tx = {.modes = 0};
	int state = adjtimex(&tx);

	if (state < 0)
		return fg_clock_witness(FG_CLOCK_WITNESS);
	return state != TIME_ERROR && !(tx.status & STA_UNSYNC);
}
