/* SPDX-License-Identifier: EUPL-1.2 */
/* The simulated disk as what storage does with files beside SQLite. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "disk.h"
#include "storage/files.h"

/* The shared memory of a log is a file beside the database, as the system shows it. */
static bool shm_size(const char *path, int64_t *ret)
{
	char base[128];
	size_t len = strlen(path);
	const struct disk_file *f;

	if (len < 4 || len >= sizeof(base) || strcmp(path + len - 4, "-shm") != 0)
		return false;
	memcpy(base, path, len - 4);
	base[len - 4] = '\0';
	f = disk_find(disk_mounted(), base);
	if (f)
		*ret = (int64_t)f->shm_count * DISK_SHM_PAGE;
	return f && f->shm_count;
}

static int do_size(void *arg, const char *path, int64_t *ret)
{
	const struct disk_file *f = disk_find(disk_mounted(), path);

	(void)arg;
	if (!f)
		return shm_size(path, ret) ? 0 : -ENOENT;
	*ret = f->now.size;
	return 0;
}

static long do_read(void *arg, const char *path, int64_t offset, void *to, size_t size)
{
	struct disk *d = disk_mounted();
	struct disk_file *f = disk_find(d, path);
	size_t got = 0;
	int r;

	(void)arg;
	if (!f)
		return d->off ? -EIO : -ENOENT;
	r = disk_read(d, f, to, size, offset, &got);
	return r < 0 ? r : (long)got;
}

static int open_for_write(const char *path, struct disk_file **ret)
{
	struct disk *d = disk_mounted();

	return d->read_only ? -EROFS : disk_open(d, path, true, ret);
}

static int do_write(void *arg, const char *path, const void *bytes, size_t size)
{
	struct disk *d = disk_mounted();
	struct disk_file *f;
	int r = open_for_write(path, &f);

	(void)arg;
	if (r < 0)
		return r;
	if (f->now.size)
		r = disk_truncate(d, f, 0);
	if (r == 0)
		r = disk_write(d, f, bytes, size, 0);
	if (r == 0)
		r = disk_sync(d, f);
	disk_close(d, f);
	return r;
}

static int do_sync(void *arg, const char *path)
{
	struct disk *d = disk_mounted();
	struct disk_file *f = disk_find(d, path);

	(void)arg;
	return f ? disk_sync(d, f) : -ENOENT;
}

static int do_sync_folder(void *arg, const char *path)
{
	(void)arg;
	(void)path;
	return disk_sync_folder(disk_mounted());
}

static int do_rename(void *arg, const char *from, const char *to)
{
	(void)arg;
	return disk_rename(disk_mounted(), from, to);
}

static int do_remove(void *arg, const char *path)
{
	(void)arg;
	return disk_remove(disk_mounted(), path);
}

static int do_allocate(void *arg, const char *path, int64_t bytes)
{
	struct disk *d = disk_mounted();
	struct disk_file *f;
	int r = open_for_write(path, &f);

	(void)arg;
	if (r < 0)
		return r;
	r = disk_truncate(d, f, bytes);
	if (r == 0)
		r = disk_sync(d, f);
	disk_close(d, f);
	if (r < 0)
		disk_remove(d, path);
	return r;
}

static int do_room(void *arg, const char *path, int64_t *ret)
{
	const struct disk *d = disk_mounted();

	(void)arg;
	(void)path;
	*ret = d->quota ? FG_MAX(d->quota - d->used - d->others, 0) : INT64_MAX;
	return 0;
}

void disk_files_install(void)
{
	static const struct fg_files files = {
		.size = do_size,
		.read = do_read,
		.write = do_write,
		.sync = do_sync,
		.sync_folder = do_sync_folder,
		.rename = do_rename,
		.remove = do_remove,
		.allocate = do_allocate,
		.room = do_room,
	};

	fg_files_use(&files);
}
