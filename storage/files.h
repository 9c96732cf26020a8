/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_FILES_H
#define FG_STORAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

/* What storage does with files beside SQLite. A simulated disk takes the place of the system's
 * one here and as SQLite's default VFS. All return 0 or more, or a negative status: errno values,
 * negated. */
struct fg_files {
	int (*size)(void *arg, const char *path, int64_t *ret);
	/* At most `size` bytes from `offset` on; returns how many there were. */
	long (*read)(void *arg, const char *path, int64_t offset, void *to, size_t size);
	/* Creates or overwrites; durable as far as the file's content goes. */
	int (*write)(void *arg, const char *path, const void *bytes, size_t size);
	int (*sync)(void *arg, const char *path);
	/* The folder that `path` lies in: makes renames and removals in it durable. */
	int (*sync_folder)(void *arg, const char *path);
	int (*rename)(void *arg, const char *from, const char *to);
	int (*remove)(void *arg, const char *path);
	/* Makes a file of so many bytes that are really on the disk. */
	int (*allocate)(void *arg, const char *path, int64_t bytes);
	/* Free bytes for us where `path` lies. */
	int (*room)(void *arg, const char *path, int64_t *ret);
	void *arg;
};

/* For the whole process, before anything is opened; NULL: the system's. Not copied. */
void fg_files_use(const struct fg_files *files);

void fg_files_system(struct fg_files *ret);

int64_t fg_file_bytes(const char *path); /* 0 where there is none */
int fg_file_size(const char *path, int64_t *ret);
long fg_file_read(const char *path, int64_t offset, void *to, size_t size);
int fg_file_sync(const char *path);
/* Durable; FG_OK too where there is no `path`. */
int fg_file_remove(const char *path);
/* Durable when it returns. */
int fg_file_rename(const char *from, const char *to);
/* Puts a new content in the place of the old one, in one step and durably: by way of PATH.tmp. */
int fg_file_replace(const char *path, const void *bytes, size_t size);
/* Between these two calls no other thread of this process is between them: the spool's files get
 * other names, or are being opened by name. SQLite opens a log and its index by name too, long
 * after the file itself, and those of one file must not meet another. */
void fg_file_names_lock(void);
void fg_file_names_unlock(void);
int fg_file_allocate(const char *path, int64_t bytes);
int fg_file_room(const char *path, int64_t *ret);

#endif
