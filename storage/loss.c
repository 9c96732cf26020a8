/* SPDX-License-Identifier: EUPL-1.2 */
/* What is dropped, added up for each destination, point and cause. Telling it is in told.c. */
#include "storage/loss.h"

#include <stdlib.h>
#include <string.h>

#include "base/plant.h"
#include "base/status.h"
#include "model/property.h"
#include "storage/descriptor.h"
#include "storage/spool_private.h"
#include "storage/times.h"

struct fg_loss {
	struct fg_loss *next;
	char *destination;
	uint32_t point;
	enum fg_reason reason; /* FG_REASON_NONE: an account */
	uint8_t detail;
	int64_t from_ms, to_ms; /* from above to: no time is known */
	int64_t step_ms;
	const int64_t *step; /* where it follows from the rows that stay */
	uint64_t missing, scheduled, sent, suppressed;
	bool estimated;
};

void fg_loss_init(struct fg_loss_set *set, struct fg_spool *s, const struct fg_owed *owed,
	size_t count, enum fg_reason reason)
{
	*set = (struct fg_loss_set){.s = s, .owed = owed, .owed_count = count, .reason = reason};
}

void fg_loss_fini(struct fg_loss_set *set)
{
	for (size_t i = 0; i < FG_LOSS_BUCKETS; i++) {
		while (set->buckets[i]) {
			struct fg_loss *l = set->buckets[i];

			set->buckets[i] = l->next;
			free(l->destination);
			free(l);
		}
	}
}

/* ---- who lacks what ---- */

static bool all_of_them(const struct fg_owed *o)
{
	return !o->destination[0] && !o->unacked.count;
}

bool fg_owed_lacks(const struct fg_owed *o, uint64_t first, uint64_t last)
{
	struct fg_range r;

	return all_of_them(o) || (fg_ranges_next(&o->unacked, first, &r) && r.from <= last);
}

bool fg_owed_doubts(const struct fg_owed *o, uint64_t first, uint64_t last)
{
	struct fg_range r;

	return fg_ranges_next(&o->doubt, first, &r) && r.from <= last;
}

/* ---- domains of points ---- */

static unsigned char domain_code(const char *name)
{
	for (int d = 0; name && d < FG_DOMAIN_COUNT; d++)
		if (strcmp(fg_domain_name((enum fg_domain)d), name) == 0)
			return (unsigned char)(d + 1);
	return FG_DOMAIN_COUNT + 1;
}

/* The domain of a point whose descriptor cannot be read is one that everybody selects: rather a
 * gap too many than one too few. */
static unsigned char read_domain(struct fg_spool *s, uint32_t point)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	struct fg_point_desc *desc;
	unsigned char code = FG_DOMAIN_COUNT + 1;

	if (fg_sql_make(s->db, "SELECT descriptor FROM point WHERE id = ?1", &st) < 0)
		return code;
	sqlite3_bind_int64(st, 1, point);
	if (fg_sql_step(st) <= 0 ||
		fg_descriptor_decode(sqlite3_column_blob(st, 0),
			(size_t)sqlite3_column_bytes(st, 0), &desc) < 0)
		return code;
	code = domain_code(desc->domain);
	free(desc);
	return code;
}

static bool selects(struct fg_loss_set *set, const struct fg_owed *o, uint32_t point)
{
	struct fg_spool *s = set->s;
	size_t cap = s->domain_cap;

	if (point > FG_POINTS_MAX)
		return true;
	if (point >= cap) {
		size_t more = FG_MAX((size_t)point + 1, cap * 2);
		unsigned char *codes = realloc(s->domains, more);

		if (!codes)
			return true;
		memset(codes + cap, 0, more - cap);
		s->domains = codes;
		s->domain_cap = more;
	}
	if (!s->domains[point])
		s->domains[point] = read_domain(s, point);
	return s->domains[point] > FG_DOMAIN_COUNT || o->domains >> (s->domains[point] - 1) & 1;
}

/* ---- adding ---- */

struct row {
	struct fg_loss_set *set;
	const int64_t *step_ms;
	unsigned readings;
	int rc;
};

static struct fg_loss *find(struct fg_loss_set *set, const char *destination, uint32_t point,
	enum fg_reason reason, uint8_t detail)
{
	size_t at = (size_t)point * 31 + (unsigned)reason * 7 + detail;
	struct fg_loss **bucket = &set->buckets[at % FG_LOSS_BUCKETS], *l;

	for (l = *bucket; l; l = l->next)
		if (l->point == point && l->reason == reason && l->detail == detail &&
			strcmp(l->destination, destination) == 0)
			return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct fg_loss){.next = *bucket, .destination = strdup(destination), .point = point,
		.reason = reason, .detail = detail, .from_ms = INT64_MAX, .to_ms = INT64_MIN};
	if (!l->destination) {
		free(l);
		return NULL;
	}
	*bucket = l;
	return l;
}

static void widen(struct fg_loss *l, int64_t from_ms, int64_t to_ms)
{
	l->from_ms = FG_MIN(l->from_ms, from_ms);
	l->to_ms = FG_MAX(l->to_ms, to_ms);
}

/* The wall time of a reading; false where its era has none yet. */
static bool time_of(struct row *row, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us, int64_t *ret)
{
	struct fg_loss_set *set = row->set;

	if (head->has_wall) {
		*ret = item->wall_ms;
		return true;
	}
	if (!set->has_era || set->era != head->era) {
		FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;

		set->has_offset = false;
		if (fg_sql_make(set->s->db, "SELECT offset_us FROM era WHERE number = ?1", &st) < 0)
			return false;
		sqlite3_bind_int64(st, 1, head->era);
		if (fg_sql_step(st) > 0 && sqlite3_column_type(st, 0) != SQLITE_NULL) {
			set->has_offset = true;
			set->offset_us = sqlite3_column_int64(st, 0);
		}
		set->has_era = true;
		set->era = head->era;
	}
	*ret = set->has_offset ? fg_wall_ms(mono_us, set->offset_us) : 0;
	return set->has_offset;
}

static int add_reading(struct row *row, const struct fg_owed *o, const struct fg_record_head *head,
	const struct fg_item *item, int64_t mono_us)
{
	struct fg_loss *l = find(row->set, o->destination, item->point, row->set->reason, 0);
	int64_t wall_ms;

	if (!l)
		return FG_ENOMEM;
	l->missing++;
	if (row->step_ms)
		l->step = row->step_ms;
	if (time_of(row, head, item, mono_us, &wall_ms))
		widen(l, wall_ms, wall_ms);
	else
		l->estimated = true;
	return FG_OK;
}

static int add_gap(struct row *row, const char *destination, const struct fg_item *item)
{
	const struct fg_gap *gap = item->gap;
	struct fg_loss *l = find(row->set, destination, item->point, item->reason, item->detail);

	if (!l)
		return FG_ENOMEM;
	widen(l, gap->from_ms, gap->to_ms);
	l->missing += gap->count;
	l->estimated |= gap->estimated;
	if (gap->step_ms)
		l->step_ms = gap->step_ms;
	return FG_OK;
}

static int add_account(struct row *row, const char *destination, const struct fg_account *account)
{
	for (size_t i = 0; i < account->count; i++) {
		const struct fg_account_line *line = &account->lines[i];
		struct fg_loss *l = find(row->set, destination, line->point, FG_REASON_NONE, 0);

		if (!l)
			return FG_ENOMEM;
		widen(l, account->from_ms, account->to_ms);
		l->scheduled += line->scheduled;
		l->sent += line->sent;
		l->suppressed += line->suppressed;
		l->missing += line->missing;
	}
	return FG_OK;
}

/* Whom an entry is lost to: o, where it speaks of that one or of all; NULL: it is not for o. Where
 * o is all of them, an entry of one destination is lost to that one. */
static const char *loser(const char *destination, const struct fg_owed *o)
{
	if (!destination || !destination[0] || strcmp(destination, o->destination) == 0)
		return o->destination;
	return all_of_them(o) ? destination : NULL;
}

static int add_for(struct row *row, const struct fg_owed *o, const struct fg_record_head *head,
	const struct fg_item *item, int64_t mono_us, bool *ret_lost)
{
	const char *name;

	if (!fg_owed_lacks(o, item->seq, item->seq) || !selects(row->set, o, item->point))
		return FG_OK;
	switch (item->kind) {
	case FG_ITEM_READING:
		if (item->qc == FG_QC_MISSING || head->replaces)
			return FG_OK;
		*ret_lost = true;
		return add_reading(row, o, head, item, mono_us);
	case FG_ITEM_GAP:
		name = loser(item->gap->destination, o);
		return name ? add_gap(row, name, item) : FG_OK;
	case FG_ITEM_ACCOUNT:
		name = loser(item->account->destination, o);
		if (fg_planted(FG_PLANT_DROP_ACCOUNT))
			return FG_OK;
		return name ? add_account(row, name, item->account) : FG_OK;
	case FG_ITEM_AGGREGATE: /* made of readings, which are counted themselves */
		break;
	}
	return FG_OK;
}

static int add_item(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct row *row = arg;
	bool lost = false;

	for (size_t i = 0; i < row->set->owed_count && row->rc == FG_OK; i++)
		row->rc = add_for(row, &row->set->owed[i], head, item, mono_us, &lost);
	row->readings += lost;
	return row->rc != FG_OK;
}

int fg_loss_add_row(struct fg_loss_set *set, uint64_t seq, const void *record, size_t len,
	const int64_t *step_ms, unsigned *ret_readings)
{
	struct row row = {.set = set, .step_ms = step_ms};
	int rc = fg_record_decode(record, len, seq, add_item, &row);

	if (row.rc < 0 || (rc < 0 && rc != FG_ECORRUPT))
		return row.rc < 0 ? row.rc : rc;
	*ret_readings += row.readings;
	return FG_OK;
}

static int store_one(sqlite3_stmt *st, const struct fg_loss *l)
{
	sqlite3_bind_text(st, 1, l->destination, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, l->point);
	sqlite3_bind_int(st, 3, (int)l->reason);
	sqlite3_bind_int(st, 4, l->detail);
	sqlite3_bind_int64(st, 5, l->from_ms);
	sqlite3_bind_int64(st, 6, l->to_ms);
	sqlite3_bind_int64(st, 7, l->step ? *l->step : l->step_ms);
	sqlite3_bind_int64(st, 8, (int64_t)l->missing);
	sqlite3_bind_int64(st, 9, (int64_t)l->scheduled);
	sqlite3_bind_int64(st, 10, (int64_t)l->sent);
	sqlite3_bind_int64(st, 11, (int64_t)l->suppressed);
	sqlite3_bind_int(st, 12, l->estimated);
	return fg_sql_run(st);
}

int fg_loss_store(struct fg_loss_set *set)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(set->s->db,
		"INSERT INTO loss (destination, point, reason, detail, from_ms, to_ms, step_ms,"
		" missing, scheduled, sent, suppressed, estimated)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
		" ON CONFLICT DO UPDATE SET from_ms = min(from_ms, ?5), to_ms = max(to_ms, ?6),"
		" step_ms = iif(?7 > 0, ?7, step_ms), missing = missing + ?8,"
		" scheduled = scheduled + ?9, sent = sent + ?10, suppressed = suppressed + ?11,"
		" estimated = estimated | ?12",
		&st);

	set->s->lossless = false;
	for (size_t i = 0; i < FG_LOSS_BUCKETS; i++)
		for (struct fg_loss *l = set->buckets[i]; l && rc == FG_OK; l = l->next)
			rc = store_one(st, l);
	return rc;
}
