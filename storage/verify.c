/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether a store's file is sound, as far as there is time to look. It changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread.h"
#include "storage/copy.h"
#include "storage/files.h"
#include "storage/spool.h"

#define AGAIN_US 100000

/* The check is one step of SQLite's, in which it heeds nothing but an interrupt. One that comes
 * before it begins is lost, so it is sent until the check has ended. */
struct bound {
	sqlite3 *db;
	int64_t until_mono_us;
	pthread_mutex_t lock; /* of ended */
	pthread_cond_t end;
	bool ended;
};

static void close_db(sqlite3 **db)
{
	sqlite3_close(*db);
}

static void *watch(void *arg)
{
	struct bound *b = arg;

	pthread_mutex_lock(&b->lock);
	while (!b->ended) {
		int64_t left_us = b->until_mono_us - fg_clock_mono_us();
		struct timespec at;

		if (left_us <= 0)
			sqlite3_interrupt(b->db);
		fg_clock_deadline(left_us > 0 ? left_us : AGAIN_US, &at);
		pthread_cond_timedwait(&b->end, &b->lock, &at);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void free_text(char **text)
{
	free(*text);
}

/* As a URI, so that a file to which nobody writes can be read without side files. */
static int open_file(const char *file, bool idle, sqlite3 **ret)
{
	FG_CLEANUP(free_text) char *log = fg_copy_path(file, "-wal");
	char uri[4096];
	struct fg_buf out;

	if (!log)
		return FG_ENOMEM;
	fg_buf_wrap(&out, uri, sizeof(uri));
	fg_buf_puts(&out, "file:");
	for (const char *p = file; *p; p++) {
		if (*p == '?' || *p == '#' || *p == '%')
			fg_buf_printf(&out, "%%%02X", (unsigned)*p);
		else
			fg_buf_putc(&out, *p);
	}
	if (idle && fg_file_bytes(log) == 0)
		fg_buf_puts(&out, "?immutable=1");
	if (out.overflow)
		return FG_EINVAL;
	return fg_sql_open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret);
}

static int check(sqlite3 *db, struct fg_buf *found)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	const char *text;
	int r = fg_sql_make(db, "PRAGMA quick_check(1)", &st);

	if (r == FG_OK)
		r = fg_sql_step(st);
	if (r < 0)
		return r;
	text = r > 0 ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (text && strcmp(text, "ok") == 0)
		return FG_OK;
	fg_buf_puts(found, text ? text : "no answer");
	return FG_ECORRUPT;
}

static int check_bounded(sqlite3 *db, int64_t until_mono_us, struct fg_buf *found)
{
	struct bound b = {
		.db = db, .until_mono_us = until_mono_us, .lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t thread;
	int r;

	fg_cond_init(&b.end);
	r = fg_thread_start(&thread, "verify", watch, &b);
	if (r < 0)
		return r;
	r = check(db, found);
	if (r < 0 && (sqlite3_errcode(db) & 0xFF) == SQLITE_INTERRUPT)
		r = FG_ETIMEOUT;
	pthread_mutex_lock(&b.lock);
	b.ended = true;
	pthread_cond_signal(&b.end);
	pthread_mutex_unlock(&b.lock);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&b.end);
	return r;
}

/* A writer that came meanwhile changes the file, or what stands beside it. */
struct look {
	struct timespec changed;
	int64_t bytes, log_bytes;
};

static struct look look_at(const char *file)
{
	FG_CLEANUP(free_text) char *log = fg_copy_path(file, "-wal");
	struct stat st;

	if (stat(file, &st) < 0)
		return (struct look){.bytes = -1};
	return (struct look){.changed = st.st_mtim,
		.bytes = st.st_size,
		.log_bytes = log ? fg_file_bytes(log) : 0};
}

static bool same(const struct look *a, const struct look *b)
{
	return a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec && a->bytes == b->bytes &&
	       a->log_bytes == b->log_bytes;
}

int fg_spool_verify(const char *file, bool idle, int64_t until_mono_us, struct fg_buf *found)
{
	FG_CLEANUP(close_db) sqlite3 *db = NULL;
	const struct look before = look_at(file);
	int r = open_file(file, idle, &db);
	struct look after;

	if (r == FG_OK)
		r = fg_clock_mono_us() < until_mono_us ? check_bounded(db, until_mono_us, found)
						       : FG_ETIMEOUT;
	after = look_at(file);
	if (r == FG_ECORRUPT && idle && !same(&before, &after)) {
		fg_buf_clear(found);
		fg_buf_puts(found, "somebody has begun to write to it");
		r = FG_EAGAIN;
	}
	if (r < 0 && r != FG_ETIMEOUT && !found->len)
		fg_sql_explain(db, file, r, found);
	return r;
}
