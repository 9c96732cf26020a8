/* SPDX-License-Identifier: EUPL-1.2 */
/* The simulated disk as SQLite's VFS: files, locks between the connections of this process, and the
 * write-ahead log's shared memory, which a power cut takes away. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "disk.h"
#include "heap.h"

struct handle {
	sqlite3_file base;
	struct disk *disk;
	struct disk_file *file;
	char name[80];
	int level; /* SQLITE_LOCK_… */
	bool delete_on_close, sync_folder;
	bool shm_user;
	unsigned shm_shared, shm_exclusive; /* bits of slots */
};

static int last_error;

static struct handle *handle_of(sqlite3_file *f)
{
	return (struct handle *)(void *)f;
}

static int failed(int r, int code)
{
	last_error = -r;
	return r == -ENOSPC ? SQLITE_FULL : code;
}

/* ---- files ---- */

static int do_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	struct handle *h = handle_of(f);
	size_t got = 0;
	int r = disk_read(h->disk, h->file, to, (size_t)n, at, &got);

	if (r < 0)
		return failed(r, SQLITE_IOERR_READ);
	if (got == (size_t)n)
		return SQLITE_OK;
	memset((char *)to + got, 0, (size_t)n - got);
	return SQLITE_IOERR_SHORT_READ;
}

static int do_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	struct handle *h = handle_of(f);
	int r = disk_write(h->disk, h->file, from, (size_t)n, at);

	return r < 0 ? failed(r, SQLITE_IOERR_WRITE) : SQLITE_OK;
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct handle *h = handle_of(f);
	int r = disk_truncate(h->disk, h->file, size);

	return r < 0 ? failed(r, SQLITE_IOERR_TRUNCATE) : SQLITE_OK;
}

/* As SQLite does on Unix: with the first sync of a new journal or log, its folder is synced too. */
static int do_sync(sqlite3_file *f, int flags)
{
	struct handle *h = handle_of(f);
	int r = disk_sync(h->disk, h->file);

	(void)flags;
	if (r == 0 && h->sync_folder) {
		r = disk_sync_folder(h->disk);
		h->sync_folder = r < 0;
	}
	return r < 0 ? failed(r, SQLITE_IOERR_FSYNC) : SQLITE_OK;
}

static int do_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	*ret = handle_of(f)->file->now.size;
	return SQLITE_OK;
}

/* ---- locks ---- */

static unsigned *holders(struct disk_file *f, int level)
{
	switch (level) {
	case SQLITE_LOCK_SHARED:
		return &f->shared;
	case SQLITE_LOCK_RESERVED:
		return &f->reserved;
	case SQLITE_LOCK_PENDING:
		return &f->pending;
	default:
		return &f->exclusive;
	}
}

/* Each handle counts once at each level up to its own; PENDING is taken on the way up only. */
static void hold(struct handle *h, int level, bool on)
{
	unsigned *n = holders(h->file, level);

	*n = on ? *n + 1 : *n - (*n > 0);
}

static bool lock_allowed(const struct handle *h, int level)
{
	const struct disk_file *f = h->file;
	bool reserved = h->level >= SQLITE_LOCK_RESERVED, pending = h->level >= SQLITE_LOCK_PENDING;

	switch (level) {
	case SQLITE_LOCK_SHARED:
		return !f->pending && !f->exclusive;
	case SQLITE_LOCK_RESERVED:
		return !f->reserved && !f->pending && !f->exclusive;
	default:
		return f->reserved <= (unsigned)reserved && f->pending <= (unsigned)pending &&
		       f->exclusive == 0;
	}
}

static int do_lock(sqlite3_file *f, int level)
{
	struct handle *h = handle_of(f);

	if (h->level >= level)
		return SQLITE_OK;
	if (!lock_allowed(h, level))
		return SQLITE_BUSY;
	if (level == SQLITE_LOCK_EXCLUSIVE) {
		if (h->level < SQLITE_LOCK_PENDING) {
			hold(h, SQLITE_LOCK_PENDING, true);
			if (h->level < SQLITE_LOCK_RESERVED)
				hold(h, SQLITE_LOCK_RESERVED, true);
			h->level = SQLITE_LOCK_PENDING;
		}
		if (h->file->shared > 1)
			return SQLITE_BUSY;
	}
	hold(h, level, true);
	h->level = level;
	return SQLITE_OK;
}

static int do_unlock(sqlite3_file *f, int level)
{
	struct handle *h = handle_of(f);

	for (; h->level > level; h->level--)
		hold(h, h->level, false);
	return SQLITE_OK;
}

static int do_check_lock(sqlite3_file *f, int *ret)
{
	*ret = handle_of(f)->file->reserved > 0;
	return SQLITE_OK;
}

/* ---- shared memory ---- */

static int do_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	HEAP_OF(HEAP_WORLD);
	struct handle *h = handle_of(f);
	struct disk_file *file = h->file;

	*ret = NULL;
	if (h->disk->off)
		return SQLITE_IOERR_SHMMAP;
	if (!h->shm_user) {
		h->shm_user = true;
		file->shm_users++;
	}
	if ((size_t)page >= file->shm_count) {
		if (!extend)
			return SQLITE_OK;
		if (h->disk->read_only || !disk_has_room(h->disk, size))
			return failed(-ENOSPC, SQLITE_IOERR_SHMSIZE);
		file->shm = realloc(file->shm, ((size_t)page + 1) * sizeof(*file->shm));
		while (file->shm && file->shm_count <= (size_t)page) {
			file->shm[file->shm_count++] = calloc(1, (size_t)size);
			disk_count_used(h->disk, size);
		}
	}
	*ret = file->shm[page];
	return SQLITE_OK;
}

static bool slot_free(const struct handle *h, int slot, bool exclusive)
{
	const struct disk_file *f = h->file;
	unsigned own = h->shm_shared >> slot & 1;

	if (f->shm_exclusive[slot] && !(h->shm_exclusive >> slot & 1))
		return false;
	return !exclusive || f->shm_shared[slot] <= own;
}

static void take_slot(struct handle *h, int slot, int flags)
{
	unsigned bit = 1u << slot;
	bool on = flags & SQLITE_SHM_LOCK;

	if (flags & SQLITE_SHM_SHARED) {
		if (on != !!(h->shm_shared & bit))
			h->file->shm_shared[slot] += on ? 1 : (unsigned)-1;
		h->shm_shared = on ? h->shm_shared | bit : h->shm_shared & ~bit;
	} else {
		h->file->shm_exclusive[slot] = on;
		h->shm_exclusive = on ? h->shm_exclusive | bit : h->shm_exclusive & ~bit;
	}
}

static int do_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	struct handle *h = handle_of(f);
	bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;

	for (int i = offset; i < offset + n && flags & SQLITE_SHM_LOCK; i++)
		if (!slot_free(h, i, exclusive))
			return SQLITE_BUSY;
	for (int i = offset; i < offset + n; i++) {
		/* what is not held is not given back */
		unsigned held = exclusive ? h->shm_exclusive : h->shm_shared;

		if (flags & SQLITE_SHM_LOCK || held >> i & 1)
			take_slot(h, i, flags);
	}
	return SQLITE_OK;
}

static void do_shm_barrier(sqlite3_file *f)
{
	(void)f;
}

static int do_shm_unmap(sqlite3_file *f, int remove)
{
	struct handle *h = handle_of(f);
	struct disk_file *file = h->file;

	(void)remove; /* it lives as long as somebody uses it; the next one builds it again */
	if (!h->shm_user)
		return SQLITE_OK;
	do_shm_lock(f, 0, 8, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
	do_shm_lock(f, 0, 8, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
	h->shm_user = false;
	if (--file->shm_users > 0)
		return SQLITE_OK;
	for (; file->shm_count; disk_count_used(h->disk, -DISK_SHM_PAGE))
		free(file->shm[--file->shm_count]);
	free(file->shm);
	file->shm = NULL;
	return SQLITE_OK;
}

/* ---- the rest ---- */

static int do_close(sqlite3_file *f)
{
	struct handle *h = handle_of(f);

	do_shm_unmap(f, 0);
	do_unlock(f, SQLITE_LOCK_NONE);
	if (h->delete_on_close)
		disk_remove(h->disk, h->name);
	disk_close(h->disk, h->file);
	return SQLITE_OK;
}

static int do_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int do_sector(sqlite3_file *f)
{
	(void)f;
	return 4096; /* what SQLite takes it for on Unix; tearing is finer */
}

static int do_traits(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
	2, do_close, do_read, do_write, do_truncate, do_sync, do_size, do_lock, do_unlock,
	do_check_lock, do_control, do_sector, do_traits, do_shm_map, do_shm_lock, do_shm_barrier,
	do_shm_unmap, NULL, NULL,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	static unsigned temporary;
	struct handle *h = handle_of(f);
	struct disk *d = disk_mounted();
	bool is_new;
	int r;

	(void)vfs;
	*h = (struct handle){.disk = d, .delete_on_close = flags & SQLITE_OPEN_DELETEONCLOSE};
	if (name)
		snprintf(h->name, sizeof(h->name), "%s", name);
	else
		snprintf(h->name, sizeof(h->name), "/sim/temporary-%u", temporary++);
	is_new = !disk_find(d, h->name);
	r = disk_open(d, h->name, flags & SQLITE_OPEN_CREATE, &h->file);
	if (r < 0)
		return failed(r, SQLITE_CANTOPEN);
	h->sync_folder = is_new && flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
	h->base.pMethods = &methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int do_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	int r = disk_remove(disk_mounted(), name);

	(void)vfs;
	if (r == -ENOENT)
		return SQLITE_IOERR_DELETE_NOENT;
	if (r == 0 && sync)
		r = disk_sync_folder(disk_mounted());
	return r < 0 ? failed(r, SQLITE_IOERR_DELETE) : SQLITE_OK;
}

static int do_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	const struct disk_file *f = disk_find(disk_mounted(), name);

	(void)vfs;
	/* as on Unix: an empty file is as good as none where only existence counts */
	*ret = f && (flags != SQLITE_ACCESS_EXISTS || f->now.size > 0);
	if (flags == SQLITE_ACCESS_READWRITE && disk_mounted()->read_only)
		*ret = 0;
	return SQLITE_OK;
}

static int do_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)n, "%s", name);
	return SQLITE_OK;
}

static int do_randomness(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	for (int i = 0; i < n; i++)
		out[i] = (char)fg_rng_next(&disk_mounted()->rng);
	return n;
}

static int do_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	disk_mounted()->spent_us += us;
	return us;
}

static int do_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
	(void)vfs;
	*ret = INT64_C(210866760000000) + disk_mounted()->now_ms; /* Julian days, in ms */
	return SQLITE_OK;
}

static int do_time(sqlite3_vfs *vfs, double *ret)
{
	sqlite3_int64 ms;

	do_time_ms(vfs, &ms);
	*ret = (double)ms / 86400000.0;
	return SQLITE_OK;
}

static int do_last_error(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	(void)n;
	(void)out;
	return last_error;
}

void disk_vfs_install(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 2,
		.szOsFile = sizeof(struct handle),
		.mxPathname = 64,
		.zName = "simulated",
		.xOpen = do_open,
		.xDelete = do_delete,
		.xAccess = do_access,
		.xFullPathname = do_full_path,
		.xRandomness = do_randomness,
		.xSleep = do_sleep,
		.xCurrentTime = do_time,
		.xGetLastError = do_last_error,
		.xCurrentTimeInt64 = do_time_ms,
	};

	sqlite3_vfs_register(&vfs, 1);
}
