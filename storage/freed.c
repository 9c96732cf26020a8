/* SPDX-License-Identifier: EUPL-1.2 */
/* What was freed before it was accounted for (freed.h). */
#include "storage/freed.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "storage/descriptor.h"
#include "storage/times.h"

#define HOUR_MS INT64_C(3600000)
#define UNTIMED (-1) /* the slot of what has no known time */

struct fg_freed_ledger {
	struct fg_ledger_row row;
};

struct fg_freed {
	struct fg_freed *next;
	uint32_t point;
	enum fg_freed_kind kind;
	uint64_t since; /* the from_seq of its device's ledger; FG_SEQ_END: it has none */
	int64_t slot;
	uint64_t last_seq, count;
	int64_t from_ms, to_ms;
};

static void add_ledger(void *arg, const struct fg_ledger_row *row)
{
	struct fg_freed_set *set = arg;
	size_t n = set->ledger_count + 1;
	void *ledgers = realloc(set->ledgers, n * sizeof(*set->ledgers));

	if (!ledgers) {
		set->rc = FG_ENOMEM;
		return;
	}
	set->ledgers = ledgers;
	set->ledgers[set->ledger_count++].row = *row;
	set->first = FG_MIN(set->first, row->from_seq);
}

int fg_freed_init(struct fg_freed_set *set, struct fg_spool *s)
{
	int rc;

	*set = (struct fg_freed_set){.s = s, .first = FG_SEQ_END};
	rc = fg_spool_ledger(s, add_ledger, set);
	return rc < 0 ? rc : set->rc;
}

void fg_freed_fini(struct fg_freed_set *set)
{
	for (size_t i = 0; i < FG_FREED_BUCKETS; i++) {
		while (set->buckets[i]) {
			struct fg_freed *f = set->buckets[i];

			set->buckets[i] = f->next;
			free(f);
		}
	}
	free(set->ledgers);
	set->ledgers = NULL;
	set->ledger_count = 0;
}

uint64_t fg_freed_first(const struct fg_freed_set *set)
{
	return set->first;
}

/* Where the ledger of a point's device stands; FG_SEQ_END where there is none. */
static uint64_t read_since(const struct fg_freed_set *set, uint32_t point)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	struct fg_point_desc *desc;
	uint64_t since = FG_SEQ_END;

	if (fg_sql_make(set->s->db, "SELECT descriptor FROM point WHERE id = ?1", &st) < 0)
		return since;
	sqlite3_bind_int64(st, 1, point);
	if (fg_sql_step(st) <= 0 ||
		fg_descriptor_decode(sqlite3_column_blob(st, 0),
			(size_t)sqlite3_column_bytes(st, 0), &desc) < 0)
		return since;
	for (size_t i = 0; desc->device && i < set->ledger_count; i++)
		if (strcmp(set->ledgers[i].row.device, desc->device) == 0)
			since = set->ledgers[i].row.from_seq;
	free(desc);
	return since;
}

static struct fg_freed *find(
	struct fg_freed_set *set, uint32_t point, enum fg_freed_kind kind, int64_t slot)
{
	struct fg_freed **bucket = &set->buckets[point % FG_FREED_BUCKETS], *f;
	const struct fg_freed *same = NULL;

	for (f = *bucket; f; f = f->next) {
		if (f->point != point)
			continue;
		if (f->kind == kind && f->slot == slot)
			return f;
		same = f;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	*f = (struct fg_freed){.next = *bucket, .point = point, .kind = kind, .slot = slot,
		.since = same ? same->since : read_since(set, point),
		.from_ms = INT64_MAX, .to_ms = INT64_MIN};
	*bucket = f;
	return f;
}

static void add(struct fg_freed_set *set, const struct fg_item *item, enum fg_freed_kind kind,
	uint64_t count, int64_t from_ms, int64_t to_ms, bool timed)
{
	int64_t slot = !timed ? UNTIMED : kind == FG_FREED_ACCOUNT ? to_ms : to_ms / HOUR_MS;
	struct fg_freed *f = find(set, item->point, kind, slot);

	if (!f) {
		set->rc = FG_ENOMEM;
		return;
	}
	if (item->seq < f->since)
		return;
	f->count += count;
	f->last_seq = FG_MAX(f->last_seq, item->seq);
	f->from_ms = FG_MIN(f->from_ms, from_ms);
	f->to_ms = FG_MAX(f->to_ms, to_ms);
}

/* The wall time of a reading; false where its era has none. */
static bool time_of(struct fg_freed_set *set, const struct fg_record_head *head,
	const struct fg_item *item, int64_t mono_us, int64_t *ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = set->s->st[ST_ERA];

	*ret = item->wall_ms;
	if (head->has_wall)
		return true;
	sqlite3_bind_int64(st, 1, head->era);
	if (fg_sql_step(st) <= 0 || sqlite3_column_type(st, 0) == SQLITE_NULL)
		return false;
	*ret = fg_wall_ms(mono_us, sqlite3_column_int64(st, 0));
	return true;
}

static bool for_all(const char *destination)
{
	return !destination || !*destination;
}

static int add_item(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct fg_freed_set *set = arg;
	const struct fg_gap *gap = item->gap;
	int64_t at_ms = 0;
	bool timed;

	switch (item->kind) {
	case FG_ITEM_READING:
		if (head->replaces || item->qc == FG_QC_MISSING)
			break;
		timed = time_of(set, head, item, mono_us, &at_ms);
		add(set, item, FG_FREED_SENT, 1, at_ms, at_ms, timed);
		break;
	case FG_ITEM_GAP:
		if (for_all(gap->destination) && !gap->retold)
			add(set, item, FG_FREED_MISSING, gap->count, gap->from_ms, gap->to_ms,
				true);
		break;
	case FG_ITEM_ACCOUNT:
		if (for_all(item->account->destination))
			add(set, item, FG_FREED_ACCOUNT, 1, item->account->from_ms,
				item->account->to_ms, true);
		break;
	case FG_ITEM_AGGREGATE: /* in no account */
		break;
	}
	return set->rc != FG_OK;
}

int fg_freed_add_row(struct fg_freed_set *set, uint64_t seq, const void *record, size_t len)
{
	if (seq >= set->first)
		fg_record_decode(record, len, seq, add_item, set);
	return set->rc;
}

static int store_one(sqlite3_stmt *st, const struct fg_freed *f)
{
	if (!f->count || f->since == FG_SEQ_END)
		return FG_OK;
	sqlite3_bind_int64(st, 1, f->point);
	sqlite3_bind_int(st, 2, (int)f->kind);
	sqlite3_bind_int64(st, 3, fg_sql_seq(f->since));
	sqlite3_bind_int64(st, 4, f->slot);
	sqlite3_bind_int64(st, 5, fg_sql_seq(f->last_seq));
	sqlite3_bind_int64(st, 6, f->from_ms);
	sqlite3_bind_int64(st, 7, f->to_ms);
	sqlite3_bind_int64(st, 8, (int64_t)f->count);
	return fg_sql_run(st);
}

int fg_freed_store(struct fg_freed_set *set)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(set->s->db,
		"INSERT INTO freed (point, kind, since, slot, last_seq, from_ms, to_ms, count)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET"
		" last_seq = max(last_seq, ?5), from_ms = min(from_ms, ?6),"
		" to_ms = max(to_ms, ?7), count = count + ?8", &st);

	for (size_t i = 0; i < FG_FREED_BUCKETS; i++)
		for (struct fg_freed *f = set->buckets[i]; f && rc == FG_OK; f = f->next)
			rc = store_one(st, f);
	return rc;
}
