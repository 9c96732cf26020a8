/* SPDX-License-Identifier: EUPL-1.2 */
/* Failing and counting between SQLite and the system. */
#include "fault_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

struct fault fault;

/* Ours, and right behind it the real one. */
struct file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *below;

bool fault_hit(void)
{
	bool hit;

	fault.calls++;
	hit = fault.fail_at && (fault.calls == fault.fail_at ||
				(fault.from_then && fault.calls > fault.fail_at));
	fault.fired |= hit;
	return hit;
}

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct file *)(void *)f)->real;
}

static int do_close(sqlite3_file *f)
{
	return real(f)->pMethods->xClose(real(f));
}

static int do_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), to, n, at);
}

/* Whether a file that grows up to `end` finds no room. */
static bool over_quota(sqlite3_file *f, sqlite3_int64 end)
{
	sqlite3_int64 size = 0;

	if (!fault.quota || real(f)->pMethods->xFileSize(real(f), &size) != SQLITE_OK)
		return false;
	return end > size && fault.used() + end - size > fault.quota;
}

static int do_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	if (over_quota(f, at + n))
		return SQLITE_FULL;
	if (fault_hit())
		return fault.full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	fault.bytes += (uint64_t)n;
	fault.writes++;
	return real(f)->pMethods->xWrite(real(f), from, n, at);
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	if (fault_hit())
		return SQLITE_IOERR_TRUNCATE;
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int do_sync(sqlite3_file *f, int flags)
{
	if (fault_hit())
		return SQLITE_IOERR_FSYNC;
	fault.syncs++;
	return real(f)->pMethods->xSync(real(f), flags);
}

static int do_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real(f)->pMethods->xFileSize(real(f), ret);
}

static int do_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int do_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int do_check_lock(sqlite3_file *f, int *ret)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int do_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int do_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int do_traits(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int do_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	if (extend && fault_hit())
		return SQLITE_IOERR_SHMSIZE;
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, ret);
}

static int do_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void do_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int do_shm_unmap(sqlite3_file *f, int remove)
{
	return real(f)->pMethods->xShmUnmap(real(f), remove);
}

static const sqlite3_io_methods methods = {
	2, do_close, do_read, do_write, do_truncate, do_sync, do_size, do_lock, do_unlock,
	do_check_lock, do_control, do_sector, do_traits, do_shm_map, do_shm_lock, do_shm_barrier,
	do_shm_unmap, NULL, NULL,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct file *file = (struct file *)(void *)f;
	int rc;

	(void)vfs;
	f->pMethods = NULL;
	if (fault_hit())
		return SQLITE_CANTOPEN;
	file->real = (sqlite3_file *)(file + 1);
	rc = below->xOpen(below, name, file->real, flags, ret_flags);
	if (file->real->pMethods)
		f->pMethods = &methods;
	return rc;
}

static int do_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	if (fault_hit())
		return SQLITE_IOERR_DELETE;
	return below->xDelete(below, name, sync);
}

void fault_vfs_install(void)
{
	static sqlite3_vfs vfs;

	below = sqlite3_vfs_find(NULL);
	vfs = *below;
	vfs.pNext = NULL;
	vfs.zName = "fault";
	vfs.szOsFile += (int)sizeof(struct file);
	vfs.xOpen = do_open;
	vfs.xDelete = do_delete;
	sqlite3_vfs_register(&vfs, 1);
}
