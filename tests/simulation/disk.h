/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_DISK_H
#define TESTS_SIMULATION_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

/* A disk in memory that can lose its power. It remembers which writes, truncations, creations,
 * renames and removals are not synced; at a power cut each of them survives, is lost or is torn at
 * sectors, as a seed has it. All files lie in one folder. SQLite reaches it as its default VFS
 * (disk_vfs.c), the rest of storage through its table of files (disk_files.c). One thread. */

#define DISK_SECTOR   512
#define DISK_SHM_PAGE 32768

struct disk_op {
	bool truncate; /* to `at`; else `len` bytes are written at `at` */
	int64_t at;
	size_t len;
	unsigned char *bytes;
};

struct disk_image {
	unsigned char *bytes;
	int64_t size;
	size_t cap;
};

struct disk_file {
	struct disk_image now, durable;
	struct disk_op *ops; /* what `now` has and `durable` has not, in order */
	size_t op_count, op_cap;
	unsigned links; /* names and open handles */
	/* locks and shared memory between connections (disk_vfs.c) */
	unsigned shared, reserved, pending, exclusive; /* holders */
	unsigned char **shm;
	size_t shm_count, shm_users;
	unsigned shm_shared[8];
	bool shm_exclusive[8];
};

struct disk_name {
	char *name;
	struct disk_file *file;
};

struct disk_names {
	struct disk_name *items;
	size_t count, cap;
};

enum disk_change_type { DISK_CREATE, DISK_RENAME, DISK_REMOVE };

/* A change of the folder that is not synced. */
struct disk_change {
	enum disk_change_type type;
	char *name, *to;
	struct disk_file *file;
};

struct disk {
	struct fg_rng rng;
	struct disk_names now, durable;
	struct disk_change *changes;
	size_t change_count, change_cap;
	bool off; /* no power: nothing works, nothing happens */
	bool scratch; /* a copy: it never loses its power, and does not remember what that takes */
	uint64_t calls, cut_at; /* counts what changes the disk; the power goes at cut_at */

	/* faults; an errno value, 0: none */
	int write_error, read_error, sync_error;
	bool read_only;
	int64_t quota, others; /* bytes; quota 0: without end. Those of other programs */
	int64_t sync_us;       /* how long a sync takes */
	int64_t spent_us;      /* by syncs and waits, since it was last set to 0 */
	int64_t now_ms;	       /* what SQLite takes for the time */

	uint64_t written, syncs;
	int64_t used, peak; /* bytes of all files, shared memory included */
};

struct disk *disk_new(uint64_t seed);
void disk_free(struct disk *d);
/* SQLite and the system calls work on this one from now on. */
void disk_mount(struct disk *d);
struct disk *disk_mounted(void);

/* The power goes: every call fails until it is back. Close what was open, then turn it on. */
void disk_power_off(struct disk *d);
/* The power goes in the middle of the n-th change from now. */
void disk_cut_after(struct disk *d, uint64_t n);
/* What was not synced survives, or not, as the seed has it. */
void disk_power_on(struct disk *d, uint64_t seed);
/* As after a kill: nothing is lost that was written. Nothing may be open. */
void disk_survive(struct disk *d);

/* Bytes of one file (0: there is none), and of all. */
int64_t disk_size(const struct disk *d, const char *name);
int64_t disk_used(const struct disk *d);
/* Damage that the disk does not tell of. False beyond the file's end. */
bool disk_flip(struct disk *d, const char *name, int64_t at, unsigned char mask);
bool disk_zero_sector(struct disk *d, const char *name, int64_t sector);
/* A copy of what the files hold, on a disk of its own: to look at it without changing it. */
struct disk *disk_copy(const struct disk *d);

/* ---- for the doors to it: 0 or a negative errno value ---- */

struct disk_file *disk_find(const struct disk *d, const char *name);
int disk_open(struct disk *d, const char *name, bool create, struct disk_file **ret);
void disk_close(struct disk *d, struct disk_file *f);
int disk_read(struct disk *d, struct disk_file *f, void *to, size_t len, int64_t at, size_t *ret);
int disk_write(struct disk *d, struct disk_file *f, const void *from, size_t len, int64_t at);
int disk_truncate(struct disk *d, struct disk_file *f, int64_t size);
int disk_sync(struct disk *d, struct disk_file *f);
int disk_sync_folder(struct disk *d);
int disk_rename(struct disk *d, const char *from, const char *to);
int disk_remove(struct disk *d, const char *name);
/* Whether there is room for so many bytes more. */
bool disk_has_room(const struct disk *d, int64_t more);
void disk_count_used(struct disk *d, int64_t more);

/* Once a process: SQLite and storage work on simulated disks from now on. */
void disk_vfs_install(void);
void disk_files_install(void);

#endif
