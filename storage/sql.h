/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_SQL_H
#define FG_STORAGE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The little of SQLite that writer and reader share. Private to the room. */

/* Of a new database: a commit of few readings writes two pages, so small ones wear a card less. A
 * file keeps the size that it was made with: older ones have 4096. */
#define FG_SQL_PAGE_SIZE 1024
#define FG_SQL_PAGE_SIZE_MAX 65536
#define FG_SQL_TEXT_(x) #x
#define FG_SQL_TEXT(x) FG_SQL_TEXT_(x)
#define FG_SQL_SET_PAGE_SIZE "PRAGMA page_size = " FG_SQL_TEXT(FG_SQL_PAGE_SIZE) ";"

/* How long a connection waits for another one's lock. */
#define FG_SQL_BUSY_MS 2000

/* The status for a result code of SQLite: -ENOSPC for a full disk or a full database, FG_EAGAIN
 * for one that another process holds, FG_ECORRUPT for a damaged or foreign file. */
int fg_sql_status(sqlite3 *db, int rc);

/* Appends what went wrong last on db, in words, with the system's cause where there is one. */
void fg_sql_describe(sqlite3 *db, struct fg_buf *out);

/* Why a file cannot be opened or read, as a whole sentence. */
void fg_sql_explain(sqlite3 *db, const char *file, int status, struct fg_buf *why);

/* Opens a connection with the settings that both use. On failure *ret_db is a connection to ask
 * for the cause, or NULL; it is to be closed all the same. */
int fg_sql_open(const char *file, int flags, sqlite3 **ret_db);

/* The page size that a number says in a header of SQLite's; 0: it is none. */
unsigned fg_sql_page_size(uint32_t number);

/* That of a file, as its header says it; FG_SQL_PAGE_SIZE where it has none. */
unsigned fg_sql_file_page_size(const char *file);

/* Runs statements without results. */
int fg_sql_exec(sqlite3 *db, const char *sql);

/* Runs one statement and gives the first column of its first row; FG_ENOENT without a row. */
int fg_sql_int(sqlite3 *db, const char *sql, int64_t *ret);

/* Prepares count statements that are kept. */
int fg_sql_prepare(sqlite3 *db, const char *const *texts, size_t count, sqlite3_stmt **ret);

/* A statement for one use, and its end (for FG_CLEANUP; NULL is fine). */
int fg_sql_make(sqlite3 *db, const char *sql, sqlite3_stmt **ret);
void fg_sql_finalize(sqlite3_stmt **st);

/* Steps a prepared statement: 1 with a row, 0 at the end, negative on failure. The caller
 * resets it. */
int fg_sql_step(sqlite3_stmt *st);

/* The first column of a prepared statement's only row; FG_ENOENT without a row. */
int fg_sql_step_int(sqlite3_stmt *st, int64_t *ret);

/* Steps a prepared statement that gives no rows, and resets it. */
int fg_sql_run(sqlite3_stmt *st);

/* For FG_CLEANUP: resets a statement that is kept, and lets go of its parameters. */
void fg_sql_reset(sqlite3_stmt **st);

/* A sequence number as SQLite's signed integer, clamped: no stored number is that high. */
#define FG_SQL_SEQ_END ((uint64_t)INT64_MAX)
int64_t fg_sql_seq(uint64_t seq);

#endif
