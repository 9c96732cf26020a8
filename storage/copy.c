/* SPDX-License-Identifier: EUPL-1.2 */
/* Copies of a whole store: to make it smaller, to carry it away and to bring it back. */
#include "storage/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/status.h"
#include "storage/files.h"
#include "storage/mark.h"
#include "storage/schema.h"
#include "storage/spool.h"

#define BLOCKS (UINT64_C(1) << 20) /* of 2^32 numbers, below 2^52 */

static void close_db(sqlite3 **db)
{
	sqlite3_close(*db);
}

static void free_text(char **text)
{
	free(*text);
}

char *fg_copy_path(const char *file, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s%s", file, suffix) < 0 ? NULL : path;
}

static int remove_suffixed(const char *file, const char *suffix)
{
	FG_CLEANUP(free_text) char *path = fg_copy_path(file, suffix);

	return path ? fg_file_remove(path) : FG_ENOMEM;
}

#define COPY_STEPS 50000 /* of SQLite's machine: some thousand rows */

struct copying {
	const struct fg_progress *progress;
	const char *to;
	double whole_mb;
};

/* SQLite says neither how far it is nor how far it has to go; the file's size does, nearly: what is
 * copied leaves free pages behind. */
static int tell_copied(void *arg)
{
	const struct copying *c = arg;
	char text[80];

	snprintf(text, sizeof(text), "%.1f of %.1f MB copied", (double)fg_file_bytes(c->to) / 1e6,
		c->whole_mb);
	c->progress->fn(c->progress->arg, text, 0);
	return 0;
}

static void watch(sqlite3 *db, struct copying *c)
{
	int64_t pages = 0, unused = 0, size = 0;

	if (!c->progress || !c->progress->fn)
		return;
	fg_sql_int(db, "PRAGMA page_count", &pages);
	fg_sql_int(db, "PRAGMA freelist_count", &unused);
	fg_sql_int(db, "PRAGMA page_size", &size);
	c->whole_mb = (double)(pages - unused) * (double)size / 1e6;
	sqlite3_progress_handler(db, COPY_STEPS, tell_copied, c);
}

int fg_copy_into(sqlite3 *db, const char *to, const struct fg_progress *progress)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	struct copying copying = {.progress = progress, .to = to};
	int rc = fg_file_remove(to);

	if (rc == FG_OK)
		rc = remove_suffixed(to, "-journal");
	if (rc == FG_OK)
		rc = fg_sql_make(db, "VACUUM INTO ?1", &st);
	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, to, -1, SQLITE_STATIC);
	watch(db, &copying);
	rc = fg_sql_step(st);
	if (copying.whole_mb > 0)
		sqlite3_progress_handler(db, 0, NULL, NULL);
	return rc < 0 ? rc : fg_file_sync(to);
}

int fg_copy_alone(sqlite3 *db)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	const unsigned char *mode;
	int rc;

	sqlite3_busy_timeout(db, 200);
	rc = fg_sql_make(db, "PRAGMA journal_mode = DELETE", &st);
	if (rc == FG_OK)
		rc = fg_sql_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : FG_EAGAIN;
	mode = sqlite3_column_text(st, 0);
	return mode && strcmp((const char *)mode, "delete") == 0 ? FG_OK : FG_EAGAIN;
}

/* ---- a smaller file ---- */

static bool has_slack(sqlite3 *db, int64_t pages_max)
{
	int64_t pages, unused;

	return fg_sql_int(db, "PRAGMA page_count", &pages) == FG_OK &&
	       fg_sql_int(db, "PRAGMA freelist_count", &unused) == FG_OK && pages > pages_max &&
	       pages - unused <= pages_max;
}

#define PROGRESS_STEPS 500000 /* of SQLite's machine: some ten thousand rows */

static int go_on(void *arg)
{
	const struct fg_progress *progress = arg;

	progress->fn(progress->arg, "making the store's file smaller", 0);
	return 0;
}

static int write_smaller(const char *file, const char *anew, int64_t pages_max,
	const struct fg_progress *progress)
{
	FG_CLEANUP(close_db) sqlite3 *db = NULL;
	char text[256];
	struct fg_buf why;
	int rc = fg_sql_open(file, SQLITE_OPEN_READWRITE, &db);

	fg_buf_wrap(&why, text, sizeof(text));
	if (rc == FG_OK)
		rc = fg_schema_check(db, file, &why);
	if (rc == FG_OK && !has_slack(db, pages_max))
		rc = FG_EAGAIN;
	if (rc == FG_OK)
		rc = fg_copy_alone(db);
	if (rc == FG_OK && progress->fn) {
		struct fg_progress lent = *progress;

		go_on(&lent);
		sqlite3_progress_handler(db, PROGRESS_STEPS, go_on, &lent);
		rc = fg_copy_into(db, anew, NULL);
		sqlite3_progress_handler(db, 0, NULL, NULL);
		return rc;
	}
	return rc == FG_OK ? fg_copy_into(db, anew, NULL) : rc;
}

void fg_copy_shrink(const char *file, int64_t pages_max, int64_t page_size,
	const struct fg_progress *progress)
{
	FG_CLEANUP(free_text) char *anew = fg_copy_path(file, ".new");
	int64_t before = fg_file_bytes(file);
	int rc;

	if (!anew)
		return;
	fg_file_remove(anew); /* of a start that was cut short */
	if (before <= pages_max * page_size)
		return;
	rc = write_smaller(file, anew, pages_max, progress);
	if (rc == FG_OK)
		rc = fg_file_rename(anew, file);
	if (rc == FG_OK)
		fg_notice("store: written anew, %" PRId64 " instead of %" PRId64 " bytes",
			fg_file_bytes(file), before);
	else
		fg_file_remove(anew);
}

/* ---- backup ---- */

static int open_ours(const char *file, struct fg_buf *why, sqlite3 **ret_db)
{
	int rc = fg_sql_open(file, SQLITE_OPEN_READWRITE, ret_db);

	if (rc < 0) {
		fg_sql_explain(*ret_db, file, rc, why);
		return rc;
	}
	return fg_schema_check(*ret_db, file, why);
}

int fg_spool_backup(const char *file, const char *copy, const struct fg_progress *progress,
	struct fg_buf *why)
{
	FG_CLEANUP(free_text) char *part = fg_copy_path(copy, ".part");
	FG_CLEANUP(close_db) sqlite3 *db = NULL;
	int rc = part ? open_ours(file, why, &db) : FG_ENOMEM;

	if (rc < 0)
		return rc;
	rc = fg_copy_into(db, part, progress);
	if (rc == FG_OK)
		rc = fg_file_rename(part, copy);
	if (rc < 0) {
		fg_buf_printf(why, "cannot write '%s': %s; ", copy, fg_strerror(rc));
		fg_sql_describe(db, why);
		fg_file_remove(part);
	}
	return rc;
}

/* ---- restore ---- */

static uint64_t above(uint64_t a, int64_t b)
{
	return b > 0 && (uint64_t)b > a ? (uint64_t)b : a;
}

/* What the numbers of a database reach to, as far as that can be read. */
static uint64_t numbers_of(sqlite3 *db, uint64_t least)
{
	int64_t v;

	if (fg_sql_int(db, "SELECT value FROM meta WHERE key = 'reserved'", &v) == FG_OK)
		least = above(least, v);
	if (fg_sql_int(db, "SELECT max(seq) FROM reading", &v) == FG_OK)
		least = above(least, v);
	return least;
}

/* Takes the place for us, and raises *next above what was used there. */
static int clear_place(const char *file, uint64_t *next, struct fg_buf *why)
{
	FG_CLEANUP(free_text) char *mark = fg_copy_path(file, ".mark");
	FG_CLEANUP(close_db) sqlite3 *db = NULL;
	uint64_t marked;
	int64_t bytes;
	int rc;

	if (!mark)
		return FG_ENOMEM;
	if (fg_mark_read(mark, &marked) == FG_OK)
		*next = FG_MAX(*next, marked);
	if (fg_file_size(file, &bytes) == FG_ENOENT)
		return FG_OK;
	rc = fg_sql_open(file, SQLITE_OPEN_READWRITE, &db);
	if (rc == FG_OK) {
		*next = numbers_of(db, *next);
		rc = fg_copy_alone(db);
	}
	if (rc == FG_EAGAIN) {
		fg_buf_printf(why, "'%s' is in use: stop the gateway first", file);
		return rc;
	}
	return FG_OK; /* what is damaged may be replaced */
}

static int check_copy(sqlite3 *db, const char *copy, struct fg_buf *why)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(db, "PRAGMA quick_check(1)", &st);

	if (rc == FG_OK)
		rc = fg_sql_step(st);
	if (rc > 0 && strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0)
		return FG_OK;
	fg_buf_printf(why, "'%s' is damaged", copy);
	return FG_ECORRUPT;
}

static int pick_block(uint64_t next, struct fg_buf *why, uint64_t *ret)
{
	struct fg_rng rng = {.state = fg_random_seed()};
	uint64_t first = (next >> 32) + 1;

	if (first >= BLOCKS) {
		fg_buf_puts(why, "the store's numbers are used up");
		return FG_EINVAL;
	}
	*ret = (first + fg_rng_below(&rng, BLOCKS - first)) << 32;
	return FG_OK;
}

static int set_numbers(const char *anew, uint64_t next)
{
	FG_CLEANUP(close_db) sqlite3 *db = NULL;
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_open(anew, SQLITE_OPEN_READWRITE, &db);

	if (rc == FG_OK)
		rc = fg_sql_make(db, "UPDATE meta SET value = ?1 WHERE key = 'reserved'", &st);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, fg_sql_seq(next));
	return fg_sql_step(st);
}

/* The mark first: too high a mark does no harm, too low a one would. */
static int put_in_place(const char *anew, const char *file, uint64_t next)
{
	FG_CLEANUP(free_text) char *mark = fg_copy_path(file, ".mark");
	int rc = mark ? set_numbers(anew, next) : FG_ENOMEM;

	if (rc == FG_OK)
		rc = fg_file_sync(anew);
	if (rc == FG_OK)
		rc = fg_mark_write(mark, next);
	if (rc == FG_OK)
		rc = remove_suffixed(file, "-wal");
	if (rc == FG_OK)
		rc = remove_suffixed(file, "-shm");
	if (rc == FG_OK)
		rc = remove_suffixed(file, "-journal");
	if (rc == FG_OK)
		rc = remove_suffixed(file, ".salvaged");
	return rc == FG_OK ? fg_file_rename(anew, file) : rc;
}

int fg_spool_restore(const char *copy, const char *file, const struct fg_progress *progress,
	struct fg_buf *why)
{
	FG_CLEANUP(free_text) char *anew = fg_copy_path(file, ".new");
	FG_CLEANUP(close_db) sqlite3 *db = NULL;
	uint64_t next = 0;
	int rc = anew ? open_ours(copy, why, &db) : FG_ENOMEM;

	if (rc == FG_OK)
		rc = check_copy(db, copy, why);
	if (rc == FG_OK) {
		next = numbers_of(db, 0);
		rc = clear_place(file, &next, why);
	}
	if (rc == FG_OK)
		rc = pick_block(next, why, &next);
	if (rc < 0)
		return rc;
	rc = fg_copy_into(db, anew, progress);
	if (rc == FG_OK)
		rc = put_in_place(anew, file, next);
	if (rc < 0) {
		fg_buf_printf(why, "cannot write '%s': %s", file, fg_strerror(rc));
		fg_file_remove(anew);
	}
	return rc;
}
