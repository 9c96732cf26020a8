/* SPDX-License-Identifier: EUPL-1.2 */
/* A library that is loaded before the daemon's others (LD_PRELOAD) and gives it a bad disk and a
 * clock that others set or that stood still. lib/faults.py writes what is wrong into a file that
 * both have mapped. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* The layout of lib/faults.py. */
struct control {
	_Atomic int64_t asleep_us; /* added to CLOCK_BOOTTIME and CLOCK_REALTIME */
	_Atomic int64_t set_us;	   /* added to CLOCK_REALTIME */
	_Atomic int64_t flush_ms;  /* how long a flush takes */
	_Atomic int64_t error;	   /* of each write and flush; 0: none */
	_Atomic int64_t hit;	   /* calls that failed or were slow */
};

static struct control *control;
static char folder[512];

/* For a call before the constructor ran, too. */
static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("FG_FAULTS"), *under = getenv("FG_FAULTS_UNDER");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	if (fd < 0)
		return;
	snprintf(folder, sizeof(folder), "%s", under ? under : "");
	at = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		control = at;
}

/* ---- disk ---- */

static bool concerned(int fd)
{
	char link[64], path[512];
	ssize_t n;

	if (!control || !folder[0])
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return strncmp(path, folder, strlen(folder)) == 0;
}

static bool fails(int fd)
{
	if (!concerned(fd) || control->error == 0)
		return false;
	control->hit++;
	errno = (int)control->error;
	return true;
}

/* Where it is mended meanwhile it does not go on waiting. */
static void be_slow(int fd)
{
	const struct timespec step = {.tv_nsec = 10000000};

	if (!concerned(fd) || control->flush_ms == 0)
		return;
	control->hit++;
	for (int64_t ms = 0; ms < control->flush_ms; ms += 10)
		nanosleep(&step, NULL);
}

#define NEXT(type, name) ((type)next(name))

int fsync(int fd)
{
	be_slow(fd);
	return fails(fd) ? -1 : NEXT(int (*)(int), "fsync")(fd);
}

int fdatasync(int fd)
{
	be_slow(fd);
	return fails(fd) ? -1 : NEXT(int (*)(int), "fdatasync")(fd);
}

/* While the file FG_FAULTS_HANG is there, no read of the web server's thread comes back. */
static void hang(int fd)
{
	const struct timespec step = {.tv_nsec = 10000000};
	const char *file = getenv("FG_FAULTS_HANG");
	char name[16] = "";

	if (!file || prctl(PR_GET_NAME, name) < 0 || strcmp(name, "http") != 0 || !concerned(fd))
		return;
	while (access(file, F_OK) == 0)
		nanosleep(&step, NULL);
}

ssize_t pread(int fd, void *data, size_t n, off_t at)
{
	hang(fd);
	return NEXT(ssize_t (*)(int, void *, size_t, off_t), "pread")(fd, data, n, at);
}

ssize_t pread64(int fd, void *data, size_t n, off64_t at)
{
	hang(fd);
	return NEXT(ssize_t (*)(int, void *, size_t, off64_t), "pread64")(fd, data, n, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return fails(fd) ? -1
			 : NEXT(ssize_t (*)(int, const void *, size_t, off_t), "pwrite")(
				   fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return fails(fd) ? -1
			 : NEXT(ssize_t (*)(int, const void *, size_t, off64_t), "pwrite64")(
				   fd, data, n, at);
}

int ftruncate(int fd, off_t size)
{
	return fails(fd) ? -1 : NEXT(int (*)(int, off_t), "ftruncate")(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	return fails(fd) ? -1 : NEXT(int (*)(int, off64_t), "ftruncate64")(fd, size);
}

/* ---- clocks ---- */

int clock_gettime(clockid_t id, struct timespec *ret)
{
	static _Atomic(int (*)(clockid_t, struct timespec *)) real;
	int64_t shift_us = 0, us;
	int r;

	if (!real)
		real = NEXT(int (*)(clockid_t, struct timespec *), "clock_gettime");
	r = real(id, ret);
	if (r < 0 || !control)
		return r;
	if (id == CLOCK_REALTIME)
		shift_us = control->asleep_us + control->set_us;
	else if (id == CLOCK_BOOTTIME)
		shift_us = control->asleep_us;
	us = ret->tv_nsec / 1000 + shift_us % 1000000;
	ret->tv_sec += (time_t)(shift_us / 1000000);
	if (us < 0 || us >= 1000000) {
		ret->tv_sec += us < 0 ? -1 : 1;
		us += us < 0 ? 1000000 : -1000000;
	}
	ret->tv_nsec = (long)us * 1000 + ret->tv_nsec % 1000;
	return r;
}
