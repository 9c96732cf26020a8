/* SPDX-License-Identifier: EUPL-1.2 */
/* The ledger: how far each device's account is written. */
#include <string.h>

#include "base/status.h"
#include "storage/spool_private.h"

int fg_spool_set_ledger(struct fg_spool *s, const struct fg_ledger_row *row)
{
	sqlite3_stmt *st = s->st[ST_LEDGER_SET];
	int rc;

	if (s->group != GROUP_OPEN || !row->device[0] ||
		!memchr(row->device, '\0', sizeof(row->device)))
		return fg_spool_fail(s, FG_EINVAL, "store how far an account goes");
	sqlite3_bind_text(st, 1, row->device, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, row->to_ms);
	sqlite3_bind_int64(st, 3, fg_sql_seq(row->from_seq));
	sqlite3_bind_int64(st, 4, row->clean);
	rc = fg_sql_run(st);
	if (rc == FG_OK) /* what was freed before is in an account now */
		rc = fg_sql_run(s->st[ST_FREED_CLEAN]);
	return rc < 0 ? fg_spool_fail_group(s, rc, "store how far an account goes") : FG_OK;
}

int fg_spool_forget_ledger(struct fg_spool *s, const char *device)
{
	sqlite3_stmt *st = s->st[ST_LEDGER_FORGET];
	int rc;

	if (s->group != GROUP_OPEN)
		return fg_spool_fail(s, FG_EINVAL, "forget a device");
	sqlite3_bind_text(st, 1, device, -1, SQLITE_STATIC);
	rc = fg_sql_run(st);
	if (rc == FG_OK) /* what was freed before is in an account now */
		rc = fg_sql_run(s->st[ST_FREED_CLEAN]);
	return rc < 0 ? fg_spool_fail_group(s, rc, "forget a device") : FG_OK;
}

int fg_spool_ledger(struct fg_spool *s, void (*fn)(void *arg, const struct fg_ledger_row *row),
	void *arg)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_LEDGER];
	int rc;

	while ((rc = fg_sql_step(st)) > 0) {
		const char *device = (const char *)sqlite3_column_text(st, 0);
		size_t len = (size_t)sqlite3_column_bytes(st, 0);
		int64_t from_seq = sqlite3_column_int64(st, 2);
		struct fg_ledger_row row = {
			.to_ms = sqlite3_column_int64(st, 1),
			.from_seq = from_seq > 0 ? (uint64_t)from_seq : 0,
			.clean = sqlite3_column_int(st, 3) != 0,
		};

		if (!device || len == 0 || len >= sizeof(row.device))
			continue; /* no device of ours */
		memcpy(row.device, device, len);
		fn(arg, &row);
	}
	return rc < 0 ? fg_spool_fail(s, rc, "read how far accounts go") : FG_OK;
}
