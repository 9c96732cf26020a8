/* SPDX-License-Identifier: EUPL-1.2 */
/* Files beside SQLite's own, by way of a table that a simulated disk can replace. */
#include "storage/files.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/status.h"

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int system_size(void *arg, const char *path, int64_t *ret)
{
	struct stat st;

	(void)arg;
	if (stat(path, &st) < 0)
		return -errno;
	*ret = (int64_t)st.st_size;
	return FG_OK;
}

static long system_read(void *arg, const char *path, int64_t offset, void *to, size_t size)
{
	FG_CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;

	(void)arg;
	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)offset + (off_t)done);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (long)done;
}

static int system_write(void *arg, const char *path, const void *bytes, size_t size)
{
	FG_CLEANUP(close_fd)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	ssize_t n;

	(void)arg;
	if (fd < 0)
		return -errno;
	n = write(fd, bytes, size);
	if (n < 0)
		return -errno;
	if ((size_t)n != size)
		return -ENOSPC;
	return fsync(fd) < 0 ? -errno : FG_OK;
}

static int system_sync(void *arg, const char *path)
{
	FG_CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)arg;
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return FG_OK;
}

static int system_sync_folder(void *arg, const char *path)
{
	char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
	const char *folder = ".";
	int rc = copy ? FG_OK : FG_ENOMEM;

	(void)arg;
	if (slash) {
		slash[slash == copy] = '\0'; /* "/mark" lies in "/" */
		folder = copy;
	}
	if (rc == FG_OK) {
		FG_CLEANUP(close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || fsync(fd) < 0)
			rc = -errno;
	}
	free(copy);
	return rc;
}

static int system_rename(void *arg, const char *from, const char *to)
{
	(void)arg;
	return rename(from, to) < 0 ? -errno : FG_OK;
}

static int system_remove(void *arg, const char *path)
{
	(void)arg;
	return unlink(path) < 0 ? -errno : FG_OK;
}

static int system_allocate(void *arg, const char *path, int64_t bytes)
{
	FG_CLEANUP(close_fd)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	int rc;

	(void)arg;
	if (fd < 0)
		return -errno;
	rc = -posix_fallocate(fd, 0, (off_t)bytes);
	if (rc == FG_OK && fsync(fd) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(path);
	return rc;
}

static int system_room(void *arg, const char *path, int64_t *ret)
{
	struct statvfs st;

	(void)arg;
	if (statvfs(path, &st) < 0)
		return -errno;
	*ret = (int64_t)st.f_bavail * (int64_t)st.f_frsize;
	return FG_OK;
}

static const struct fg_files system_files = {
	.size = system_size,
	.read = system_read,
	.write = system_write,
	.sync = system_sync,
	.sync_folder = system_sync_folder,
	.rename = system_rename,
	.remove = system_remove,
	.allocate = system_allocate,
	.room = system_room,
};

static const struct fg_files *files = &system_files;

void fg_files_use(const struct fg_files *use)
{
	files = use ? use : &system_files;
}

void fg_files_system(struct fg_files *ret)
{
	*ret = system_files;
}

int fg_file_size(const char *path, int64_t *ret)
{
	return files->size(files->arg, path, ret);
}

int64_t fg_file_bytes(const char *path)
{
	int64_t bytes;

	return fg_file_size(path, &bytes) < 0 ? 0 : bytes;
}

long fg_file_read(const char *path, int64_t offset, void *to, size_t size)
{
	return files->read(files->arg, path, offset, to, size);
}

int fg_file_sync(const char *path)
{
	return files->sync(files->arg, path);
}

int fg_file_remove(const char *path)
{
	int rc = files->remove(files->arg, path);

	if (rc == FG_ENOENT)
		return FG_OK;
	return rc < 0 ? rc : files->sync_folder(files->arg, path);
}

int fg_file_rename(const char *from, const char *to)
{
	int rc = files->rename(files->arg, from, to);

	return rc < 0 ? rc : files->sync_folder(files->arg, to);
}

static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

void fg_file_names_lock(void)
{
	pthread_mutex_lock(&names);
}

void fg_file_names_unlock(void)
{
	pthread_mutex_unlock(&names);
}

int fg_file_replace(const char *path, const void *bytes, size_t size)
{
	char *tmp;
	int rc;

	if (asprintf(&tmp, "%s.tmp", path) < 0)
		return FG_ENOMEM;
	rc = files->write(files->arg, tmp, bytes, size);
	if (rc == FG_OK)
		rc = files->rename(files->arg, tmp, path);
	if (rc < 0)
		files->remove(files->arg, tmp);
	else
		rc = files->sync_folder(files->arg, path);
	free(tmp);
	return rc;
}

int fg_file_allocate(const char *path, int64_t bytes)
{
	int rc = files->allocate(files->arg, path, bytes);

	return rc < 0 ? rc : files->sync_folder(files->arg, path);
}

int fg_file_room(const char *path, int64_t *ret)
{
	return files->room(files->arg, path, ret);
}
