/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

/* A layer under SQLite that counts what is written and can be told to fail the n-th open, write,
 * sync, truncation or removal. */
struct fault {
	unsigned calls;   /* that could have failed so far */
	unsigned fail_at; /* this call fails, counted from 1; 0: none */
	bool from_then;   /* and all that follow: the disk is gone */
	bool full;        /* writes fail for want of room, not with an input/output error */
	bool fired;
	int64_t quota;    /* of all files together; 0: none */
	int64_t (*used)(void);
	uint64_t bytes, writes, syncs;
};

extern struct fault fault;

/* Makes it the default file system of SQLite. Once, before anything is opened. */
void fault_vfs_install(void);

/* Counts a call; true where it is to fail. */
bool fault_hit(void);

#endif
