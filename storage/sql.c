/* SPDX-License-Identifier: EUPL-1.2 */
/* Helpers around SQLite. */
#include "storage/sql.h"

#include <string.h>

#include "base/status.h"
#include "storage/files.h"

int fg_sql_status(sqlite3 *db, int rc)
{
	int cause = db ? sqlite3_system_errno(db) : 0;

	switch (rc & 0xFF) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return FG_OK;
	case SQLITE_NOMEM:
		return FG_ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return FG_EAGAIN;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_CONSTRAINT: /* in a sound file none of our statements breaks one */
	case SQLITE_MISMATCH:
		return FG_ECORRUPT;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return cause > 0 ? -cause : -EIO;
	default:
		return FG_EINVAL;
	}
}

/* What the system said of a failure. SQLite does not pass it on from a commit; the log knows. */
static int system_cause(sqlite3 *db)
{
	int cause = sqlite3_system_errno(db);
	sqlite3_file *log = NULL;

	if (cause)
		return cause;
	sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &cause);
	return cause;
}

void fg_sql_describe(sqlite3 *db, struct fg_buf *out)
{
	int code = db ? sqlite3_errcode(db) & 0xFF : SQLITE_NOMEM;
	int cause = db ? system_cause(db) : 0;

	fg_buf_puts(out, db ? sqlite3_errmsg(db) : "out of memory");
	if (cause > 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN))
		fg_buf_printf(out, " (%s)", fg_strerror(-cause));
}

void fg_sql_explain(sqlite3 *db, const char *file, int status, struct fg_buf *why)
{
	if (status == FG_ECORRUPT)
		fg_buf_printf(why, "'%s' is no SQLite database, or a damaged one: ", file);
	else
		fg_buf_printf(why, "cannot open '%s': ", file);
	fg_sql_describe(db, why);
}

int fg_sql_open(const char *file, int flags, sqlite3 **ret_db)
{
	int rc = sqlite3_open_v2(file, ret_db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return fg_sql_status(*ret_db, rc);
	sqlite3_extended_result_codes(*ret_db, 1);
	sqlite3_busy_timeout(*ret_db, FG_SQL_BUSY_MS);
	/* a file that somebody prepared must not run code of its own */
	sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* room for the few statements that are kept, not for a hundred */
	sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 128, 64);
	/* every page is checked as it is read; small caches and no map, for the daemon's memory */
	return fg_sql_exec(*ret_db, "PRAGMA cell_size_check = ON;"
				    "PRAGMA cache_size = -64;"
				    "PRAGMA mmap_size = 0;"
				    "PRAGMA temp_store = MEMORY;");
}

unsigned fg_sql_page_size(uint32_t number)
{
	if (number == 1) /* two bytes cannot say more */
		return FG_SQL_PAGE_SIZE_MAX;
	return number >= 512 && number <= FG_SQL_PAGE_SIZE_MAX && !(number & (number - 1)) ? number
											   : 0;
}

unsigned fg_sql_file_page_size(const char *file)
{
	unsigned char head[18];
	unsigned size;

	if (fg_file_read(file, 0, head, sizeof(head)) < (long)sizeof(head) ||
		memcmp(head, "SQLite format 3", 16) != 0)
		return FG_SQL_PAGE_SIZE;
	size = fg_sql_page_size((uint32_t)head[16] << 8 | head[17]);
	return size ? size : FG_SQL_PAGE_SIZE;
}

int fg_sql_exec(sqlite3 *db, const char *sql)
{
	return fg_sql_status(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int fg_sql_int(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL), end;

	if (rc != SQLITE_OK)
		return fg_sql_status(db, rc);
	rc = fg_sql_step(st);
	if (rc > 0)
		*ret = sqlite3_column_int64(st, 0);
	end = sqlite3_finalize(st); /* commits a statement that writes, and may fail there */
	if (rc > 0 && end != SQLITE_OK)
		rc = fg_sql_status(db, end);
	return rc > 0 ? FG_OK : rc < 0 ? rc : FG_ENOENT;
}

int fg_sql_prepare(sqlite3 *db, const char *const *texts, size_t count, sqlite3_stmt **ret)
{
	for (size_t i = 0; i < count; i++) {
		int rc = sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &ret[i],
			NULL);

		if (rc != SQLITE_OK)
			return fg_sql_status(db, rc);
	}
	return FG_OK;
}

int fg_sql_make(sqlite3 *db, const char *sql, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v2(db, sql, -1, ret, NULL);

	return rc == SQLITE_OK ? FG_OK : fg_sql_status(db, rc);
}

void fg_sql_finalize(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}

int fg_sql_step(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	return fg_sql_status(sqlite3_db_handle(st), rc);
}

int fg_sql_step_int(sqlite3_stmt *st, int64_t *ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *kept = st;
	int rc = fg_sql_step(kept);

	if (rc > 0)
		*ret = sqlite3_column_int64(kept, 0);
	return rc > 0 ? FG_OK : rc < 0 ? rc : FG_ENOENT;
}

int fg_sql_run(sqlite3_stmt *st)
{
	int rc = fg_sql_step(st);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc;
}

void fg_sql_reset(sqlite3_stmt **st)
{
	sqlite3_reset(*st);
	sqlite3_clear_bindings(*st);
}

int64_t fg_sql_seq(uint64_t seq)
{
	return seq > INT64_MAX ? INT64_MAX : (int64_t)seq;
}
