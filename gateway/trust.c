/* SPDX-License-Identifier: EUPL-1.2 */
/* How good the evidence is that wall time is right, by `clock.trust`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/daemon.h"

#define TIMESYNC_STAMP	 "/run/systemd/timesync/synchronized"
#define RTC		 "/sys/class/rtc/rtc0/"
#define RTC_TOLERANCE_US 5000000
#define KERNEL_FAILURES	 5  /* in a row are told */
#define KERNEL_SILENCES	 60 /* and so many, where there is a witness who has not answered yet */

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

/* 0 where there is no such file. */
static int64_t touched_ns(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* A file says that the time is right from when it exists. Once the clock has stepped it says so
 * when it is touched again: who stepped the clock may have touched it right before we saw the
 * step, so what counts is the look before the last one. */
static bool file_right(struct fg_trust_file *t, const char *path, bool doubted)
{
	int64_t now_ns = touched_ns(path);

	if (doubted)
		return now_ns && now_ns != t->before_ns;
	t->before_ns = t->touched_ns;
	t->touched_ns = now_ns;
	return now_ns != 0;
}

/* The witness may still be starting when it is asked for the first time, and on a board that is
 * busy it may be late each time. */
static bool kernel_right(struct fg_trust_file *t)
{
	int rc = fg_clock_kernel_synced();
	unsigned bound = rc == -ETIMEDOUT ? KERNEL_SILENCES : KERNEL_FAILURES;

	if (rc >= 0)
		t->kernel_failed = 0;
	else
		t->kernel_failed++;
	if (t->kernel_failed >= bound && !t->kernel_told)
		fg_warning("clock: the kernel cannot be asked whether its time is right: %s: %s; "
			   "start fjordgate-clock.socket",
			FG_CLOCK_WITNESS, strerror(-rc));
	t->kernel_told = t->kernel_failed && (t->kernel_told || t->kernel_failed >= bound);
	return rc > 0;
}

enum fg_clock_level fg_trust_level(struct fg_trust_file *t, const struct fg_clock_conf *conf,
	int64_t newest_ms, bool doubted)
{
	bool right = false;

	switch ((enum fg_trust)conf->trust) {
	case FG_TRUST_ALWAYS:
		right = true;
		break;
	case FG_TRUST_KERNEL: /* it forgets that it was synchronised when somebody sets it */
		right = kernel_right(t);
		break;
	case FG_TRUST_FILE:
		right = file_right(t, conf->trust_file, doubted);
		break;
	case FG_TRUST_AUTO:
		right = file_right(t, TIMESYNC_STAMP, doubted) || kernel_right(t);
		if (!right && rtc_right(fg_clock_wall_us(), newest_ms))
			return FG_CLOCK_RTC;
		break;
	}
	return right ? FG_CLOCK_RIGHT : FG_CLOCK_UNKNOWN;
}
