/* SPDX-License-Identifier: EUPL-1.2 */
/* Destinations that come and go with the configuration. */
#include "storage/removed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"

#define CLOCK_SLACK_MS (INT64_C(3600) * 1000)

void fg_removed_fini(struct fg_removed *r)
{
	for (size_t i = 0; i < r->count; i++) {
		char *name = (char *)(uintptr_t)r->owed[i].destination;

		free(name);
		fg_ranges_fini(&r->owed[i].unacked);
	}
	free(r->owed);
	*r = (struct fg_removed){0};
}

uint64_t fg_removed_first(const struct fg_removed *r)
{
	uint64_t first = FG_SEQ_END;

	for (size_t i = 0; i < r->count; i++)
		first = FG_MIN(first, fg_ranges_first(&r->owed[i].unacked));
	return first;
}

static int add(struct fg_removed *r, sqlite3_stmt *st)
{
	struct fg_owed *owed = realloc(r->owed, (r->count + 1) * sizeof(*owed)), *o;
	int rc;

	if (!owed)
		return FG_ENOMEM;
	r->owed = owed;
	o = &owed[r->count];
	*o = (struct fg_owed){.domains = UINT32_MAX};
	rc = fg_ranges_decode(sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
		&o->unacked);
	if (rc == FG_ECORRUPT) /* everything counts as not acknowledged */
		rc = fg_ranges_add(&o->unacked, 0, FG_SEQ_END);
	if (rc == FG_OK) {
		o->destination = strdup((const char *)sqlite3_column_text(st, 0));
		rc = o->destination ? FG_OK : FG_ENOMEM;
	}
	if (rc < 0) {
		fg_ranges_fini(&o->unacked);
		return rc;
	}
	r->count++;
	return FG_OK;
}

static int with_name(sqlite3 *db, const char *sql, const char *name, int64_t ms)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(db, sql, &st);

	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(st) > 1)
		sqlite3_bind_int64(st, 2, ms);
	return fg_sql_step(st);
}

/* Its state and what was lost to it; both or none. */
static int forget(struct fg_spool *s, const struct fg_owed *o, uint64_t next)
{
	uint64_t left = fg_ranges_count_below(&o->unacked, next);
	int rc = fg_spool_begin(s);

	if (rc < 0)
		return rc;
	rc = with_name(s->db, "DELETE FROM delivery WHERE destination = ?1", o->destination, 0);
	if (rc == FG_OK)
		rc = with_name(s->db, "DELETE FROM loss WHERE destination = ?1", o->destination, 0);
	if (rc < 0)
		fg_spool_fail(s, rc, "forget a removed destination");
	else
		rc = fg_spool_commit(s);
	fg_spool_rollback(s);
	if (rc == FG_OK)
		fg_notice("destination '%s' was removed from the configuration a day ago: the "
			  "%" PRIu64 " numbers that it has not acknowledged are given up",
			o->destination, left);
	return rc;
}

/* Grace that has no beginning yet, or one in the future, begins now. */
static int begin_grace(struct fg_spool *s, int64_t now_wall_ms)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int64_t found = 0;
	int rc;

	sqlite3_bind_int64(s->st[ST_GRACE_BEGIN], 1, now_wall_ms + CLOCK_SLACK_MS);
	rc = fg_sql_step_int(s->st[ST_GRACE_BEGIN], &found);
	if (rc < 0 || !found)
		return rc;
	rc = fg_sql_make(s->db, "UPDATE delivery SET removed_ms = ?2 WHERE removed_ms = 0 OR"
		" removed_ms > ?1", &st);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, now_wall_ms + CLOCK_SLACK_MS);
	sqlite3_bind_int64(st, 2, now_wall_ms);
	return fg_sql_step(st);
}

static int read_all(struct fg_spool *s, int64_t until_ms, struct fg_removed *over,
	struct fg_removed *ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_REMOVED];
	int rc = FG_OK;

	while (rc == FG_OK && (rc = fg_sql_step(st)) > 0) {
		int64_t since = sqlite3_column_int64(st, 2);

		rc = add(since > 0 && since <= until_ms ? over : ret, st);
	}
	return rc;
}

int fg_removed_load(struct fg_spool *s, int64_t now_wall_ms, struct fg_removed *ret)
{
	struct fg_removed over = {0};
	int rc = read_all(s, now_wall_ms - FG_REMOVED_GRACE_MS, &over, ret);

	if (rc == FG_OK && ret->count && now_wall_ms > 0)
		rc = begin_grace(s, now_wall_ms);
	if (rc < 0)
		fg_spool_fail(s, rc, "read which destinations were removed");
	for (size_t i = 0; i < over.count && rc == FG_OK; i++)
		rc = forget(s, &over.owed[i], s->now.last_seq + 1);
	fg_removed_fini(&over);
	return rc;
}

static bool named(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Sets or clears the marks of those that changed; one at a time, for the table is walked. */
static int mark_next(struct fg_spool *s, const char *const *names, size_t count,
	int64_t now_wall_ms, bool *ret_more)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(s->db, "SELECT destination, removed_ms FROM delivery", &st);

	*ret_more = false;
	while (rc == FG_OK && (rc = fg_sql_step(st)) > 0) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		bool removed = sqlite3_column_type(st, 1) != SQLITE_NULL;

		rc = FG_OK;
		if (named(names, count, name) != removed)
			continue;
		*ret_more = true;
		return with_name(s->db, removed ?
			"UPDATE delivery SET removed_ms = NULL WHERE destination = ?1" :
			"UPDATE delivery SET removed_ms = ?2 WHERE destination = ?1",
			name, FG_MAX(now_wall_ms, 0));
	}
	return rc;
}

int fg_spool_set_destinations(
	struct fg_spool *s, const char *const *names, size_t count, int64_t now_wall_ms)
{
	bool more = true;
	int rc = s->group == GROUP_OPEN ? FG_OK : FG_EINVAL;

	while (rc == FG_OK && more)
		rc = mark_next(s, names, count, now_wall_ms, &more);
	if (rc < 0 && s->group == GROUP_OPEN)
		return fg_spool_fail_group(s, rc, "note which destinations there are");
	return rc < 0 ? fg_spool_fail(s, rc, "note which destinations there are") : FG_OK;
}
