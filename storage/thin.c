/* SPDX-License-Identifier: EUPL-1.2 */
/* Which rows stay when a store is thinned (room.h). */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "storage/room.h"

#define LEVEL_MAX 30
#define BUCKETS 256

struct source {
	struct source *next;
	uint64_t key;
	uint64_t since; /* the last one that stayed, in rows as they were stored at first */
	bool has_last;
	int64_t last_ms, step_ms;
};

struct fg_thin {
	unsigned level;	  /* from 1 */
	uint64_t at, end; /* how far this turn got, and the one before */
	uint64_t unit;	  /* how many rows of the first ones a row stands for here */
	bool some_went;	  /* in this turn */
	bool over;	  /* a whole turn gave nothing */
	struct source *buckets[BUCKETS];
};

static void forget_sources(struct fg_thin *t)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (t->buckets[i]) {
			struct source *x = t->buckets[i];

			t->buckets[i] = x->next;
			free(x);
		}
	}
}

void fg_thin_free(struct fg_thin *t)
{
	if (t)
		forget_sources(t);
	free(t);
}

static int load_value(sqlite3 *db, const char *sql, uint64_t max, uint64_t *ret)
{
	int64_t v = 0;
	int rc = fg_sql_int(db, sql, &v);

	*ret = v > 0 ? FG_MIN((uint64_t)v, max) : 0;
	return rc == FG_ENOENT ? FG_OK : rc;
}

int fg_thin_load(struct fg_spool *s)
{
	struct fg_thin *t = s->thin;
	uint64_t level = 0, first = 0;
	int rc = FG_OK;

	if (!t) {
		t = s->thin = calloc(1, sizeof(*t));
		if (!t)
			return FG_ENOMEM;
		rc = load_value(s->db, "SELECT value FROM meta WHERE key = 'thin_level'",
			LEVEL_MAX, &level);
		if (rc == FG_OK)
			rc = load_value(s->db, "SELECT value FROM meta WHERE key = 'thin_at'",
				FG_SEQ_MAX, &t->at);
		if (rc == FG_OK)
			rc = load_value(s->db, "SELECT value FROM meta WHERE key = 'thin_end'",
				FG_SEQ_MAX, &t->end);
		t->level = FG_MAX((unsigned)level, 1u);
	}
	t->over = false;
	if (rc == FG_OK)
		rc = load_value(s->db, "SELECT first FROM span ORDER BY first LIMIT 1",
			FG_SEQ_MAX, &first);
	if (rc < 0)
		return fg_spool_fail(s, rc, "read how far the store is thinned");
	/* all that was thinned is gone: what follows is another outage */
	if (first >= FG_MAX(t->at, t->end) && FG_MAX(t->at, t->end) > 0) {
		t->level = 1;
		t->at = t->end = 0;
		forget_sources(t);
	}
	return FG_OK;
}

bool fg_thin_goes_on(const struct fg_thin *t)
{
	return !t->over;
}

uint64_t fg_thin_at(const struct fg_thin *t)
{
	return t->at;
}

void fg_thin_enter(struct fg_thin *t, uint64_t first)
{
	t->unit = first < t->end ? UINT64_C(1) << (t->level - 1) : 1;
}

struct about {
	uint64_t key;
	int64_t ms;
};

static int look(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct about *a = arg;
	unsigned kind = head->replaces ? FG_ITEM_AGGREGATE + 1u : (unsigned)item->kind;

	a->key = (uint64_t)kind << 32 | item->point;
	a->ms = head->has_wall ? item->wall_ms : mono_us / 1000;
	return 1;
}

static struct source *find(struct fg_thin *t, uint64_t key)
{
	struct source **bucket = &t->buckets[(key ^ key >> 32) % BUCKETS], *x;

	for (x = *bucket; x; x = x->next)
		if (x->key == key)
			return x;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->next = *bucket;
	x->key = key;
	*bucket = x;
	return x;
}

bool fg_thin_keeps(struct fg_thin *t, uint64_t seq, const void *record, size_t len,
	const int64_t **ret_step_ms)
{
	struct about about = {0};
	struct source *x;

	if (fg_record_decode(record, len, seq, look, &about) < 0)
		return false;
	x = find(t, about.key);
	if (!x)
		return true;
	*ret_step_ms = &x->step_ms;
	x->since += t->unit;
	if (x->has_last && x->since < UINT64_C(1) << t->level)
		return false;
	if (x->has_last && about.ms > x->last_ms)
		x->step_ms = about.ms - x->last_ms;
	x->has_last = true;
	x->last_ms = about.ms;
	x->since = 0;
	return true;
}

static int store_value(sqlite3 *db, const char *key, uint64_t value)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(db, "INSERT INTO meta (key, value) VALUES (?1, ?2)"
				 " ON CONFLICT DO UPDATE SET value = ?2", &st);

	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, fg_sql_seq(value));
	return fg_sql_step(st);
}

int fg_thin_store(struct fg_thin *t, sqlite3 *db, uint64_t at, bool more, bool some_went)
{
	int rc;

	t->some_went |= some_went;
	t->at = at;
	if (!more) {
		t->over = !t->some_went || t->level == LEVEL_MAX;
		t->some_went = false;
		t->level += t->level < LEVEL_MAX;
		t->end = at;
		t->at = 0;
		forget_sources(t); /* the oldest of each stays, turn for turn */
	}
	rc = store_value(db, "thin_level", t->level);
	if (rc == FG_OK)
		rc = store_value(db, "thin_at", t->at);
	if (rc == FG_OK)
		rc = store_value(db, "thin_end", t->end);
	return rc;
}
