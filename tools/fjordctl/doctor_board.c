/* SPDX-License-Identifier: EUPL-1.2 */
/* What the board gives: the time, the disk, and the store on it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "doctor.h"
#include "storage/files.h"
#include "storage/spool.h"

#define TIMESYNC_STAMP "/run/systemd/timesync/synchronized"
#define RTC	       "/sys/class/rtc/rtc0/since_epoch"
#define RTC_OFF_S      5

#define MIB	   1048576
#define FREE_LEAST (16 * (int64_t)MIB)
#define LOG_MOST   (16 * (int64_t)MIB) /* or an eighth of max_size, where that is more */
#define VERIFY_US  INT64_C(8000000)

/* ---- time ---- */

static bool read_number(const char *path, long long *ret)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fscanf(f, "%lld", ret) == 1;

	if (f)
		fclose(f);
	return ok;
}

static void check_hardware_clock(struct doctor_check *c)
{
	long long rtc_s;
	int64_t off_s;

	if (!read_number(RTC, &rtc_s)) {
		doctor_tell(c, DOCTOR_OK, "",
			"no hardware clock: after a power cut readings wait until a time service "
			"has set the clock");
		return;
	}
	off_s = fg_clock_wall_us() / 1000000 - rtc_s;
	if (off_s > RTC_OFF_S || off_s < -RTC_OFF_S)
		doctor_tell(c, DOCTOR_WARN,
			"hwclock --systohc; change its battery if it comes back",
			"the hardware clock is off by %lld s", (long long)-off_s);
	else
		doctor_tell(c, DOCTOR_OK, "", "the hardware clock agrees");
}

/* No file can be newer than now. */
static bool is_in_the_past(const struct doctor *d, struct doctor_check *c)
{
	int64_t now_ms = fg_clock_wall_us() / 1000;
	char text[FG_RFC3339_SIZE];
	struct stat st;

	if (stat(d->config_path, &st) < 0 || now_ms / 1000 + 60 >= st.st_mtim.tv_sec)
		return false;
	fg_rfc3339(now_ms, text);
	doctor_tell(c, DOCTOR_FAIL, "timedatectl; is a time server reachable (UDP port 123)?",
		"%s is before the configuration was written: the clock is wrong", text);
	return true;
}

static void check_clock(struct doctor_check *c)
{
	const struct doctor *d = c->doctor;
	const struct fg_clock_conf *conf = &d->config->clock;
	const cJSON *clock = cJSON_GetObjectItemCaseSensitive(d->status, "clock");
	bool stamped = fg_file_bytes(TIMESYNC_STAMP) > 0;
	struct stat st;

	stamped |= stat(TIMESYNC_STAMP, &st) == 0;
	if (is_in_the_past(d, c))
		return;
	if (conf->trust == FG_TRUST_FILE)
		doctor_tell(c, stat(conf->trust_file, &st) == 0 ? DOCTOR_OK : DOCTOR_WARN,
			stat(conf->trust_file, &st) == 0 ? "" : "see to what should make it",
			"clock.trust: %s %s", conf->trust_file,
			stat(conf->trust_file, &st) == 0 ? "is there" : "is not there");
	else if (fg_clock_kernel_synced())
		doctor_tell(c, DOCTOR_OK, "", "synchronised, says the kernel");
	else if (stamped && conf->trust == FG_TRUST_AUTO)
		doctor_tell(c, DOCTOR_OK, "", "set by the time service since the boot");
	else
		doctor_tell(c, conf->trust == FG_TRUST_ALWAYS ? DOCTOR_OK : DOCTOR_WARN,
			conf->trust == FG_TRUST_ALWAYS
				? ""
				: "timedatectl; is a time server reachable (UDP port 123)?",
			"not synchronised%s",
			conf->trust == FG_TRUST_ALWAYS ? ", and trusted all the same "
							 "(clock.trust: always)"
						       : "");
	check_hardware_clock(c);
	if (clock && !ctl_true(clock, "trusted"))
		doctor_tell(c, DOCTOR_WARN, "mend the clock; readings are kept and go out then",
			"the gateway does not trust it: %.0f readings wait",
			ctl_number(clock, "waiting_for_time"));
}

/* ---- the disk ---- */

static bool read_line(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(text, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		text[strcspn(text, "\n")] = '\0';
	return ok;
}

/* The larger of the two estimates of an eMMC, in tenths of its life; 0: it does not tell. */
static unsigned life_used(const char *device)
{
	static const char *const places[] = {"/device/life_time", "/../device/life_time"};
	char path[PATH_MAX + 64], text[40];
	unsigned a, b;

	for (size_t i = 0; i < FG_COUNT(places); i++) {
		snprintf(path, sizeof(path), "%s%s", device, places[i]);
		if (read_line(path, text, sizeof(text)) && sscanf(text, "%x %x", &a, &b) == 2)
			return FG_MAX(a, b);
	}
	return 0;
}

void doctor_check_disk(struct doctor_check *c, const char *sys, unsigned major, unsigned minor)
{
	static const char replace[] = "keep a copy (fjordctl backup FILE), replace the card soon";
	char path[PATH_MAX + 64], device[PATH_MAX];
	long long errors = 0;
	unsigned life;

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sys, major, minor);
	if (!realpath(path, device)) {
		doctor_tell(
			c, DOCTOR_OK, "", "it lies on no disk of its own that tells of its health");
		return;
	}
	snprintf(path, sizeof(path), "%s/fs/ext4/%s/errors_count", sys, strrchr(device, '/') + 1);
	if (read_number(path, &errors) && errors > 0)
		doctor_tell(c, DOCTOR_FAIL,
			"dmesg shows them; fsck the file system while it is not mounted, and "
			"replace the card if they come back",
			"the file system counts %lld errors", errors);
	life = life_used(device);
	if (life > 10)
		doctor_tell(c, DOCTOR_FAIL, replace,
			"its flash has outlived the life that its "
			"maker gives it");
	else if (life == 9 || life == 10)
		doctor_tell(c, DOCTOR_WARN, replace, "its flash has used %u %% of its life or more",
			(life - 1) * 10);
	else if (errors == 0)
		doctor_tell(
			c, DOCTOR_OK, "", "no errors are known of %s", strrchr(device, '/') + 1);
}

static int64_t side_bytes(const char *file, const char *suffix)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", file, suffix);
	return fg_file_bytes(path);
}

static void check_room(struct doctor_check *c, const char *folder, const struct statvfs *fs)
{
	const struct fg_storage_conf *conf = &c->doctor->config->storage;
	int64_t free_bytes = (int64_t)fs->f_bavail * (int64_t)fs->f_frsize;
	int64_t used = fg_file_bytes(conf->file) + side_bytes(conf->file, "-wal");
	int64_t to_come = conf->max_size > used ? conf->max_size - used : 0;

	if (fs->f_files && fs->f_favail == 0)
		doctor_tell(c, DOCTOR_FAIL, "delete files of which there are very many",
			"no more files can be made in %s", folder);
	if (free_bytes < FG_MIN(FREE_LEAST, conf->max_size))
		doctor_tell(c, DOCTOR_FAIL, "free some space: df -h; journalctl --vacuum-size=50M",
			"%.1f MiB are free", (double)free_bytes / MIB);
	else if (free_bytes < to_come)
		doctor_tell(c, DOCTOR_WARN, "free some space, or a smaller storage.max_size",
			"%.0f MiB are free; the store may still grow by %.0f MiB",
			(double)free_bytes / MIB, (double)to_come / MIB);
	else
		doctor_tell(c, DOCTOR_OK, "", "%.0f MiB are free; the store has %.1f of %.0f MiB",
			(double)free_bytes / MIB, (double)used / MIB, (double)conf->max_size / MIB);
}

static void folder_of(const char *file, char *folder, size_t size)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		snprintf(folder, size, ".");
	else
		snprintf(folder, size, "%.*s", slash == file ? 1 : (int)(slash - file), file);
}

static void check_folder(struct doctor_check *c)
{
	const struct doctor *d = c->doctor;
	char folder[PATH_MAX];
	struct statvfs fs;
	struct stat st;

	folder_of(d->config->storage.file, folder, sizeof(folder));
	if (stat(folder, &st) < 0 || statvfs(folder, &fs) < 0) {
		bool hidden = errno == EACCES;

		doctor_tell(c, hidden ? DOCTOR_WARN : DOCTOR_FAIL,
			hidden ? "look with sudo"
			       : "make the folder; as a service it is made at the start",
			"%s: %s", folder, fg_strerror(-errno));
		return;
	}
	if (fs.f_flag & ST_RDONLY)
		doctor_tell(c, DOCTOR_FAIL,
			"dmesg says why; stop the service, unmount, fsck, mount, start",
			"%s is mounted read-only", folder);
	else if (!doctor_may(&d->user, folder, &st, DOCTOR_WRITE | DOCTOR_ENTER))
		doctor_tell(c, DOCTOR_FAIL, "chown it to that user", "user %s may not write in %s",
			d->user.name, folder);
	check_room(c, folder, &fs);
	doctor_check_disk(c, "/sys", major(st.st_dev), minor(st.st_dev));
}

/* ---- the store ---- */

static void check_log(struct doctor_check *c, const struct fg_storage_conf *conf)
{
	int64_t bytes = side_bytes(conf->file, "-wal");

	if (bytes > FG_MAX(LOG_MOST, conf->max_size / 8))
		doctor_tell(c, DOCTOR_WARN,
			"end other programs that have the file open (fuser -v), restart the "
			"gateway",
			"its write-ahead log has %.0f MiB: it is not written back",
			(double)bytes / MIB);
}

static void check_store(struct doctor_check *c)
{
	const struct doctor *d = c->doctor;
	const struct fg_storage_conf *conf = &d->config->storage;
	int64_t until_us = FG_MIN(c->until_mono_us, fg_clock_mono_us() + VERIFY_US);
	char text[200];
	struct fg_buf found;
	struct stat st;
	int r;

	fg_buf_wrap(&found, text, sizeof(text));
	if (stat(conf->file, &st) < 0 && errno == ENOENT) {
		doctor_tell(c, d->runs ? DOCTOR_FAIL : DOCTOR_OK,
			d->runs ? "restart the gateway: its file was taken away" : "",
			"there is none yet");
		return;
	}
	r = fg_spool_verify(conf->file, !d->runs, until_us, &found);
	if (r == FG_OK)
		doctor_tell(c, DOCTOR_OK, "", "it is sound");
	else if (r == FG_ETIMEOUT)
		doctor_tell(c, DOCTOR_OK, "", "it is sound as far as there was time to look");
	else if (r == FG_ECORRUPT)
		doctor_tell(c, DOCTOR_FAIL,
			"systemctl restart fjordgate: what can be read is saved, the rest is told",
			"it is damaged: %s", text);
	else
		doctor_tell(c, DOCTOR_WARN, r == FG_EAGAIN ? "try again" : "look with sudo",
			"it cannot be looked at: %s", text);
	check_log(c, conf);
}

void doctor_add_board(struct doctor *d)
{
	char folder[PATH_MAX];

	folder_of(d->config->storage.file, folder, sizeof(folder));
	doctor_add(d, "clock", "", check_clock);
	doctor_add(d, "disk", folder, check_folder);
	doctor_add(d, "store", d->config->storage.file, check_store);
}
