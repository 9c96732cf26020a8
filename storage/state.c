/* SPDX-License-Identifier: EUPL-1.2 */
/* Notes of the core by kind and key. Each is sealed with its names: what SQLite reads back from the
 * wrong place, or with a flipped bit, is not there. */
#include <string.h>

#include "base/status.h"
#include "storage/checksum.h"
#include "storage/spool_private.h"

static uint32_t salt_of(const char *kind, const char *key)
{
	return fg_crc32(kind, strlen(kind) + 1) ^ ~fg_crc32(key, strlen(key) + 1);
}

static bool names_fit(const char *kind, const char *key)
{
	return kind[0] && key[0] && strlen(kind) + strlen(key) + 2 <= FG_STATE_NAME_MAX;
}

/* kind NULL: of all notes. */
static int size_of(struct fg_spool *s, const char *kind, const char *key, int64_t *ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_STATE_SIZE];

	sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, key, -1, SQLITE_STATIC);
	return fg_sql_step_int(st, ret);
}

int fg_spool_load_state(struct fg_spool *s)
{
	return size_of(s, NULL, NULL, &s->now.state_bytes);
}

static int forget(struct fg_spool *s, const char *kind, const char *key)
{
	sqlite3_stmt *st = s->st[ST_STATE_FORGET];

	sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, key, -1, SQLITE_STATIC);
	return fg_sql_run(st);
}

static int put(struct fg_spool *s, const char *kind, const char *key, const struct fg_buf *sealed)
{
	sqlite3_stmt *st = s->st[ST_STATE_SET];

	sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, key, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 3, sealed->data, (int)sealed->len, SQLITE_STATIC);
	return fg_sql_run(st);
}

static int set(struct fg_spool *s, const char *kind, const char *key, const struct fg_buf *sealed)
{
	int64_t old, size = (int64_t)(strlen(kind) + strlen(key) + sealed->len);
	int rc = size_of(s, kind, key, &old);

	if (rc < 0)
		return fg_spool_fail_group(s, rc, "store a note");
	if (sealed->len == 0)
		size = 0;
	if (size > old && s->now.state_bytes - old + size > s->limits.state_bytes)
		return fg_spool_fail(s, FG_EINVAL, "store a note: there is no room for more");
	rc = sealed->len ? put(s, kind, key, sealed) : forget(s, kind, key);
	if (rc < 0)
		return fg_spool_fail_group(s, rc, "store a note");
	s->now.state_bytes += size - old;
	return FG_OK;
}

int fg_spool_set_state(
	struct fg_spool *s, const char *kind, const char *key, const void *bytes, size_t len)
{
	struct fg_buf sealed;
	int rc;

	if (s->group != GROUP_OPEN || len > FG_STATE_NOTE_MAX || !names_fit(kind, key))
		return fg_spool_fail(s, FG_EINVAL, "store a note");
	fg_buf_init(&sealed, FG_STATE_NOTE_MAX + 8);
	if (len) {
		fg_buf_put(&sealed, bytes, len);
		fg_seal_with(&sealed, 0, salt_of(kind, key));
	}
	rc = sealed.overflow ? fg_spool_fail_group(s, FG_ENOMEM, "store a note") :
			       set(s, kind, key, &sealed);
	fg_buf_fini(&sealed);
	return rc;
}

int fg_spool_each_state(struct fg_spool *s, fg_state_fn fn, void *arg)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_STATE];
	int rc;

	while ((rc = fg_sql_step(st)) > 0) {
		const char *kind = (const char *)sqlite3_column_text(st, 0);
		const char *key = (const char *)sqlite3_column_text(st, 1);
		const void *value = sqlite3_column_blob(st, 2);
		size_t len = (size_t)sqlite3_column_bytes(st, 2);

		if (kind && key && value && names_fit(kind, key) &&
			fg_seal_check_with(value, len, salt_of(kind, key), &len))
			fn(arg, kind, key, value, len);
	}
	return rc < 0 ? fg_spool_fail(s, rc, "read notes") : FG_OK;
}
