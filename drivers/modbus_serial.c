/* SPDX-License-Identifier: EUPL-1.2 */
/* A serial port besides its bytes. */
#include "drivers/modbus_serial.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/serial.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status.h"

#define OWN_LOCK_US 2000000 /* a link that a reload changed is closed by its old worker */
#define SENT_US	    20000   /* the longest a UART has bytes of its own */

/* ---- who uses it ---- */

/* The process that holds a lock on the file; 0: not found. */
static long lock_holder(const struct stat *st)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[200], want[64];
	long pid = 0;

	if (!f)
		return 0;
	snprintf(want, sizeof(want), "%02x:%02x:%lu", major(st->st_dev), minor(st->st_dev),
		(unsigned long)st->st_ino);
	while (!pid && fgets(line, sizeof(line), f)) {
		char file[64];
		long holder;

		if (sscanf(line, "%*s FLOCK %*s %*s %ld %63s", &holder, file) == 2 &&
			strcmp(file, want) == 0)
			pid = holder;
	}
	fclose(f);
	return pid;
}

static bool has_open(const char *pid, const struct stat *st)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		struct stat other;

		found = fstatat(dirfd(dir), entry->d_name, &other, 0) == 0 &&
			other.st_dev == st->st_dev && other.st_ino == st->st_ino;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The process that has the file open; 0: not found, or not ours to see. */
static long opener(const struct stat *st)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	long pid = 0;

	while (dir && !pid && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) && has_open(entry->d_name, st))
			pid = strtol(entry->d_name, NULL, 10);
	if (dir)
		closedir(dir);
	return pid;
}

static void name_of(long pid, char *name, size_t size)
{
	char path[64];
	FILE *f;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(name, (int)size, f))
		name[strcspn(name, "\n")] = '\0';
	fclose(f);
}

long fg_serial_user(const char *path, char *name, size_t size)
{
	struct stat st;
	long pid = 0;

	if (stat(path, &st) == 0) {
		pid = lock_holder(&st);
		pid = pid ? pid : opener(&st);
	}
	if (pid)
		name_of(pid, name, size);
	return pid;
}

static void explain_busy(const char *path, char *why, size_t size)
{
	char name[32];
	long pid = fg_serial_user(path, name, sizeof(name));

	if (!pid) {
		snprintf(why, size, "%s is in use by another program", path);
		return;
	}
	snprintf(why, size, "%s is in use by process %ld (%s)", path, pid, name[0] ? name : "?");
}

void fg_serial_explain(int status, const char *path, char *why, size_t size)
{
	if (status == -EBUSY)
		explain_busy(path, why, size);
	else if (status == -EPERM) /* of the devices that a service may have */
		snprintf(why, size,
			"no permission to open %s: DeviceAllow= of the gateway's unit has to name "
			"it", path);
	else if (status == -EACCES)
		snprintf(why, size,
			"no permission to open %s: the gateway's user must be in the port's group, "
			"usually dialout",
			path);
	else
		snprintf(why, size, "open %s: %s", path, fg_strerror(status));
}

/* ---- ours alone ---- */

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && lock_holder(&st) == (long)getpid();
}

static int lock(int fd)
{
	int64_t until_us = fg_clock_mono_us() + OWN_LOCK_US;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (!is_ours(fd) || fg_clock_mono_us() >= until_us)
			return -EBUSY;
		poll(NULL, 0, 20);
	}
	return FG_OK;
}

int fg_serial_lock(const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int r = fd < 0 ? -errno : lock(fd);

	if (r == FG_OK && !isatty(fd))
		r = -ENOTTY;
	if (r == FG_OK)
		return fd;
	fg_serial_explain(r, path, why, size);
	if (fd >= 0)
		close(fd);
	return r;
}

/* Both are refused by ports that have no such thing; then they do without. */
void fg_serial_claim(int fd)
{
	const int low_latency = (int)ASYNC_LOW_LATENCY;
	struct serial_struct serial;

	ioctl(fd, TIOCEXCL);
	if (ioctl(fd, TIOCGSERIAL, &serial) == 0 && !(serial.flags & low_latency)) {
		serial.flags |= low_latency;
		ioctl(fd, TIOCSSERIAL, &serial);
	}
}

void fg_serial_release(int fd)
{
	tcflush(fd, TCIOFLUSH);
	ioctl(fd, TIOCNXCL);
}

bool fg_serial_moved(int fd, const char *path)
{
	struct stat own, there;

	if (fstat(fd, &own) < 0 || stat(path, &there) < 0)
		return true;
	return own.st_dev != there.st_dev || own.st_ino != there.st_ino ||
	       own.st_rdev != there.st_rdev;
}

bool fg_serial_stuck(int fd)
{
	int left = 0;

	return ioctl(fd, TIOCOUTQ, &left) == 0 && left > 0;
}

/* ---- direction ---- */

static int set_rts(int fd, bool on)
{
	const int rts = TIOCM_RTS;

	return ioctl(fd, on ? TIOCMBIS : TIOCMBIC, &rts) < 0 ? -errno : FG_OK;
}

static int set_kernel(int fd, int64_t delay_us)
{
	struct serial_rs485 conf = {0};

	if (ioctl(fd, TIOCGRS485, &conf) < 0)
		return -errno;
	conf.flags |= SER_RS485_ENABLED;
	if (delay_us)
		conf.delay_rts_before_send = conf.delay_rts_after_send =
			(__u32)((delay_us + 999) / 1000);
	return ioctl(fd, TIOCSRS485, &conf) < 0 ? -errno : FG_OK;
}

int fg_serial_rs485(
	int fd, enum fg_rs485 how, int64_t delay_us, const char *path, char *why, size_t size)
{
	int r = FG_OK;

	if (how == FG_RS485_KERNEL)
		r = set_kernel(fd, delay_us);
	else if (how != FG_RS485_OFF)
		r = set_rts(fd, how == FG_RS485_RTS_INVERTED);
	if (r == FG_OK)
		return r;
	if (how == FG_RS485_KERNEL)
		snprintf(why, size,
			"rs485: the kernel cannot switch the direction of %s (%s); rs485: rts, or "
			"false for an adapter that does it itself",
			path, fg_strerror(r));
	else
		snprintf(why, size,
			"rs485: %s has no RTS line (%s); rs485: false for an adapter that switches "
			"by itself",
			path, fg_strerror(r));
	return r;
}

/* The UART may still have bytes when their time is over. */
static void await_sent(int fd)
{
	int64_t until_us = fg_clock_mono_us() + SENT_US;
	unsigned state = 0;

	while (ioctl(fd, TIOCSERGETLSR, &state) == 0 && !(state & TIOCSER_TEMT) &&
		fg_clock_mono_us() < until_us)
		;
}

int fg_serial_direction(int fd, enum fg_rs485 how, bool send)
{
	if (!send)
		await_sent(fd);
	return set_rts(fd, send == (how == FG_RS485_RTS));
}
