/* SPDX-License-Identifier: EUPL-1.2 */
/* What a full store could not take is told when there is room again: at the end of all some of it
 * may still wait in its table `loss`. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker_private.h"
#include "storage/descriptor.h"

static unsigned point_of(sqlite3_stmt *st, int column)
{
	struct fg_point_desc *desc;
	unsigned point;

	if (fg_descriptor_decode(sqlite3_column_blob(st, column),
		    (size_t)sqlite3_column_bytes(st, column), &desc) < 0)
		return POINTS;
	point = checker_point_of(desc);
	free(desc);
	return point;
}

static void add(struct checker *c, unsigned dest, sqlite3_stmt *st)
{
	unsigned point = point_of(st, 0);
	struct point *p = &c->points[point];

	if (point >= POINTS || !checker_selects(c, dest, point))
		return;
	if (sqlite3_column_int(st, 1) != FG_REASON_NONE) {
		p->gaps[dest] += (double)sqlite3_column_int64(st, 2);
		return;
	}
	p->scheduled[dest] += (double)sqlite3_column_int64(st, 3);
	p->sent[dest] += (double)sqlite3_column_int64(st, 4);
	p->suppressed[dest] += (double)sqlite3_column_int64(st, 5);
	p->missing[dest] += (double)sqlite3_column_int64(st, 2);
}

static int read_all(struct checker *c, unsigned dest, sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	char name[16];
	int rc = sqlite3_prepare_v2(db, "SELECT descriptor, reason, missing, scheduled, sent,"
		" suppressed FROM loss JOIN point ON id = point"
		" WHERE destination IN (?1, '')", -1, &st, NULL);

	snprintf(name, sizeof(name), "dest%u", dest);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			add(c, dest, st);
	sqlite3_finalize(st);
	return rc;
}

void checker_add_losses(struct checker *c, unsigned dest, const struct disk *disk)
{
	struct disk *was = disk_mounted(), *copy;
	sqlite3 *db = NULL;
	int rc;

	if (c->plan->max_size >= PLAN_ROOMY)
		return; /* there was room to tell all */
	copy = disk_copy(disk);
	disk_mount(copy);
	rc = sqlite3_open_v2(PLAN_DB, &db, SQLITE_OPEN_READWRITE, NULL);
	if (rc == SQLITE_OK)
		rc = read_all(c, dest, db);
	if (rc != SQLITE_DONE)
		checker_found(c, "S1", "what the store has lost cannot be read: %s",
			sqlite3_errstr(rc));
	sqlite3_close(db);
	disk_mount(was);
	disk_free(copy);
}
