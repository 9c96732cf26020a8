/* SPDX-License-Identifier: EUPL-1.2 */
/* The tables of the spool, and whether a file has them. */
#include "storage/schema.h"

#include <inttypes.h>

#include "base/status.h"

#define APPLICATION_ID 0x464A4754 /* "FJGT" */
#define VERSION 2
#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* Layout 2 had these two not at first. */
#define FREED \
	"CREATE TABLE IF NOT EXISTS freed (point INTEGER NOT NULL, kind INTEGER NOT NULL," \
	" since INTEGER NOT NULL, slot INTEGER NOT NULL, last_seq INTEGER NOT NULL," \
	" from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, count INTEGER NOT NULL," \
	" PRIMARY KEY (point, kind, since, slot)) STRICT, WITHOUT ROWID;"

#define STATE \
	"CREATE TABLE IF NOT EXISTS state (kind TEXT NOT NULL, key TEXT NOT NULL," \
	" value BLOB NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;"

/* The tables that layout 2 added. */
#define NEW_IN_2 \
	"CREATE TABLE ledger (device TEXT PRIMARY KEY, to_ms INTEGER NOT NULL," \
	" from_seq INTEGER NOT NULL, clean INTEGER NOT NULL) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE loss (destination TEXT NOT NULL, point INTEGER NOT NULL," \
	" reason INTEGER NOT NULL, detail INTEGER NOT NULL, from_ms INTEGER NOT NULL," \
	" to_ms INTEGER NOT NULL, step_ms INTEGER NOT NULL, missing INTEGER NOT NULL," \
	" scheduled INTEGER NOT NULL, sent INTEGER NOT NULL, suppressed INTEGER NOT NULL," \
	" estimated INTEGER NOT NULL, PRIMARY KEY (destination, point, reason, detail))" \
	" STRICT, WITHOUT ROWID;" \
	FREED \
	STATE \
	"CREATE TABLE restamp (era INTEGER PRIMARY KEY, next_seq INTEGER NOT NULL," \
	" offset_us INTEGER NOT NULL) STRICT;"

/* README.md says what each is for. No index but the primary keys: one on (point, time) multiplies
 * what is written by a hundred. */
static const char tables[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE era (number INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, offset_us INTEGER,"
	" uncertainty_s INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE point (id INTEGER PRIMARY KEY, descriptor BLOB NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE reading (seq INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;"
	"CREATE TABLE span (first INTEGER PRIMARY KEY, last INTEGER NOT NULL,"
	" era INTEGER NOT NULL, timed INTEGER NOT NULL, from_ms INTEGER NOT NULL,"
	" to_ms INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
	"CREATE TABLE delivery (destination TEXT PRIMARY KEY, ranges BLOB NOT NULL,"
	" removed_ms INTEGER) STRICT, WITHOUT ROWID;"
	NEW_IN_2
	"PRAGMA application_id = " STRING(APPLICATION_ID) ";"
	"PRAGMA user_version = " STRING(VERSION) ";";

/* From layout 1, in one transaction: rows and what is not delivered stay as they are. */
static const char from_1[] =
	"BEGIN IMMEDIATE;"
	"ALTER TABLE boot RENAME TO era;"
	"ALTER TABLE era ADD COLUMN uncertainty_s INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE span RENAME COLUMN boot TO era;"
	"ALTER TABLE delivery ADD COLUMN removed_ms INTEGER;"
	NEW_IN_2
	"PRAGMA user_version = " STRING(VERSION) ";"
	"COMMIT;";

#define NEWER_MAX 1000 /* a layout beyond this is no layout */

/* Whether a file whose header is not ours has our tables all the same: then it is damaged, not
 * somebody else's. */
static bool has_our_tables(sqlite3 *db)
{
	static const char all[] = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
	static const char ours[] = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND"
		" name IN ('meta', 'era', 'point', 'reading', 'span', 'delivery', 'ledger', 'loss',"
		" 'restamp', 'freed', 'state')";
	int64_t known, there;

	if (fg_sql_int(db, ours, &known) < 0 || fg_sql_int(db, all, &there) < 0)
		return false;
	return known >= 5 && known == there;
}

int fg_schema_layout(sqlite3 *db, const char *file, struct fg_buf *why)
{
	int64_t id, version, objects;
	int rc = fg_sql_int(db, "PRAGMA application_id", &id);

	if (rc == FG_OK)
		rc = fg_sql_int(db, "PRAGMA user_version", &version);
	if (rc == FG_OK)
		rc = fg_sql_int(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (rc < 0) {
		fg_sql_explain(db, file, rc, why);
		return rc;
	}
	if (objects == 0 && id == 0 && version == 0)
		return 0;
	if ((id != APPLICATION_ID || version > NEWER_MAX) && has_our_tables(db)) {
		fg_buf_printf(why, "'%s' is damaged: its header does not fit its tables", file);
		return FG_ECORRUPT;
	}
	if (id != APPLICATION_ID) {
		fg_buf_printf(why, "'%s' is the database of another program", file);
		return FG_EINVAL;
	}
	if (version > VERSION) {
		fg_buf_printf(why,
			"'%s' was written by a newer fjordgate (layout %" PRId64
			", this one knows %d)", file, version, VERSION);
		return FG_EINVAL;
	}
	if (version < 1) {
		fg_buf_printf(why, "'%s' has the unknown layout %" PRId64, file, version);
		return FG_ECORRUPT;
	}
	return (int)version;
}

static int create(sqlite3 *db, uint64_t first_seq)
{
	char row[96];
	struct fg_buf sql;
	int rc;

	fg_buf_wrap(&sql, row, sizeof(row));
	fg_buf_printf(&sql, "INSERT INTO meta VALUES ('reserved', %" PRIu64 ")", first_seq);
	rc = fg_sql_exec(db, "BEGIN IMMEDIATE");
	if (rc == FG_OK)
		rc = fg_sql_exec(db, tables);
	if (rc == FG_OK)
		rc = fg_sql_exec(db, row);
	if (rc == FG_OK)
		rc = fg_sql_exec(db, "COMMIT");
	return rc;
}

int fg_schema_prepare(sqlite3 *db, const char *file, uint64_t first_seq, struct fg_buf *why,
	bool *ret_created)
{
	int rc = fg_schema_layout(db, file, why);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		rc = create(db, first_seq);
		if (rc < 0) {
			fg_buf_printf(why, "cannot create '%s': ", file);
			fg_sql_describe(db, why);
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
			return rc;
		}
		*ret_created = true;
		return FG_OK;
	}
	*ret_created = false;
	rc = fg_sql_exec(db, rc == VERSION ? FREED STATE : from_1);
	if (rc == FG_EINVAL) /* the tables are not those of its layout */
		rc = FG_ECORRUPT;
	if (rc < 0) {
		fg_buf_printf(why, "cannot bring '%s' to layout %d: ", file, VERSION);
		fg_sql_describe(db, why);
		if (!sqlite3_get_autocommit(db))
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
	return rc;
}

int fg_schema_check(sqlite3 *db, const char *file, struct fg_buf *why)
{
	int rc = fg_schema_layout(db, file, why);

	if (rc == 0) {
		fg_buf_printf(why, "'%s' is empty", file);
		return FG_ENOENT;
	}
	if (rc > 0 && rc < VERSION) {
		fg_buf_printf(why, "'%s' still has layout %d; it gets layout %d when a gateway "
				   "starts on it", file, rc, VERSION);
		return FG_EINVAL;
	}
	return rc < 0 ? rc : FG_OK;
}
