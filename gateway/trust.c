/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether wall time is right, by `clock.trust`. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/daemon.h"

#define TIMESYNC_STAMP	 "/run/systemd/timesync/synchronized"
#define RTC		 "/sys/class/rtc/rtc0/"
#define RTC_TOLERANCE_US 5000000

static bool read_number(const char *path, long long *ret)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f)
		return false;
	ok = fscanf(f, "%lld", ret) == 1;
	fclose(f);
	return ok;
}

/* A hardware clock set the time at boot, still agrees with it, and time has not gone back behind
 * what was stored. */
static bool rtc_right(int64_t wall_us, int64_t newest_ms)
{
	long long hctosys, since_epoch;
	int64_t off;

	if (!read_number(RTC "hctosys", &hctosys) || hctosys != 1 ||
		!read_number(RTC "since_epoch", &since_epoch))
		return false;
	off = wall_us - (int64_t)since_epoch * 1000000;
	return off <= RTC_TOLERANCE_US && off >= -RTC_TOLERANCE_US && wall_us / 1000 >= newest_ms;
}

bool fg_trust_now(const struct fg_clock_conf *conf, int64_t newest_ms)
{
	switch ((enum fg_trust)conf->trust) {
	case FG_TRUST_ALWAYS:
		return true;
	case FG_TRUST_KERNEL:
		return fg_clock_kernel_synced();
	case FG_TRUST_FILE:
		return access(conf->trust_file, F_OK) == 0;
	case FG_TRUST_AUTO:
		break;
	}
	return fg_clock_kernel_synced() || access(TIMESYNC_STAMP, F_OK) == 0 ||
	       rtc_right(fg_clock_wall_us(), newest_ms);
}
