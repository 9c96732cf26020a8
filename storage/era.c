/* SPDX-License-Identifier: EUPL-1.2 */
/* Eras: which monotonic time was which wall time. Corrections of an era are in restamp.c. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "storage/spool_private.h"
#include "storage/times.h"

#define ERA_MAX (UINT32_MAX / 2) /* more than were ever begun: such a number is damage */
/* Spans that are looked at for the newest time, the one that says so first. */
#define NEWEST_SPANS 4

/* A kernel that does not tell its boot gives zeros each time. */
static bool boot_known(const char *id)
{
	return strspn(id, "0-") != strlen(id);
}

/* Rows may speak of an era that has no row, after a salvage: it is one whose time is not known. */
static int adopt_eras(struct fg_spool *s)
{
	const struct fg_span *open = &s->now.open;
	bool untimed = open->rows && !open->timed && open->era <= ERA_MAX;

	sqlite3_bind_int64(s->st[ST_ERA_ADOPT], 1, untimed ? open->era : 0);
	return fg_sql_run(s->st[ST_ERA_ADOPT]);
}

int fg_spool_begin_era(struct fg_spool *s, const char *boot_id)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_ERA_BEGIN];
	int64_t number;
	int rc = adopt_eras(s);

	if (boot_id)
		snprintf(s->boot_id, sizeof(s->boot_id), "%s", boot_id);
	else
		fg_clock_boot_id(s->boot_id);
	if (rc == FG_OK)
		rc = fg_sql_run(s->st[ST_RESTAMP_CLEAN]);
	if (rc == FG_OK)
		rc = fg_sql_run(s->st[ST_ERA_WEAK_CLEAN]);
	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, s->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, s->now.open.era <= ERA_MAX ? s->now.open.era : 0);
	rc = fg_sql_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : FG_ECORRUPT;
	number = sqlite3_column_int64(st, 0);
	rc = fg_sql_step(st); /* commits, and may fail there */
	if (rc < 0)
		return rc;
	if (number < 1 || number > ERA_MAX)
		return FG_ECORRUPT;
	s->era = (uint32_t)number;
	s->now.next_era = s->era + 1;
	return FG_OK;
}

/* What is stored of an era; FG_ENOENT for none. */
static int find_era(struct fg_spool *s, uint32_t number, struct fg_era *ret)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_ERA];
	int rc;

	sqlite3_bind_int64(st, 1, number);
	rc = fg_sql_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : FG_ENOENT;
	*ret = (struct fg_era){.number = number,
		.timed = sqlite3_column_type(st, 0) != SQLITE_NULL,
		.offset_us = sqlite3_column_int64(st, 0),
		.uncertainty_s = (uint32_t)sqlite3_column_int64(st, 1),
		.weak = sqlite3_column_int(st, 2)};
	return FG_OK;
}

static int write_weak(struct fg_spool *s, uint32_t number, bool weak)
{
	sqlite3_stmt *st = s->st[weak ? ST_ERA_WEAK : ST_ERA_CONFIRM];
	int rc;

	sqlite3_bind_int64(st, 1, number);
	rc = fg_sql_run(st);
	return rc < 0 ? fg_spool_fail_group(s, rc, "store how well an era's time is known") : FG_OK;
}

static int write_era(struct fg_spool *s, const struct fg_era *era)
{
	sqlite3_stmt *st = s->st[ST_ERA_SET];
	int rc;

	sqlite3_bind_int64(st, 1, era->number);
	sqlite3_bind_text(st, 2, s->boot_id, -1, SQLITE_STATIC);
	if (era->timed)
		sqlite3_bind_int64(st, 3, era->offset_us);
	sqlite3_bind_int64(st, 4, era->timed ? era->uncertainty_s : 0);
	rc = fg_sql_run(st);
	if (rc < 0)
		return fg_spool_fail_group(s, rc, "store the time of an era");
	s->now.next_era = FG_MAX(s->now.next_era, era->number + 1);
	return era->timed && era->weak ? write_weak(s, era->number, true) : FG_OK;
}

int fg_spool_set_era(struct fg_spool *s, const struct fg_era *era)
{
	struct fg_era was;
	int rc;

	if (s->group != GROUP_OPEN || era->number == 0 || era->number > ERA_MAX ||
		era->uncertainty_s > FG_UNCERTAIN_UNBOUNDED)
		return fg_spool_fail(s, FG_EINVAL, "store the time of an era");
	rc = find_era(s, era->number, &was);
	if (rc == FG_ENOENT) /* one of before that is gone: no reading needs its time */
		return era->number < s->era ? FG_OK : write_era(s, era);
	if (rc < 0)
		return fg_spool_fail_group(s, rc, "read the time of an era");
	if (!was.timed)
		return era->timed ? write_era(s, era) : FG_OK;
	/* spool I15 */
	if (!era->timed || era->offset_us != was.offset_us ||
		era->uncertainty_s != was.uncertainty_s)
		return fg_spool_fail(s, FG_EINVAL, "give an era another time than it has");
	return was.weak && !era->weak ? write_weak(s, era->number, false) : FG_OK;
}

/* ---- eras that wait for their time ---- */

struct bounds {
	int64_t from_us, to_us;
	bool any;
};

static int widen(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct bounds *b = arg;

	(void)head;
	(void)item;
	b->from_us = b->any ? FG_MIN(b->from_us, mono_us) : mono_us;
	b->to_us = b->any ? FG_MAX(b->to_us, mono_us) : mono_us;
	b->any = true;
	return 0;
}

/* Gives the row of a number, or the nearest one after (before) it. A damaged one gives nothing. */
static int read_row(struct fg_spool *s, bool after, uint64_t seq, fg_record_fn fn, void *arg)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[after ? ST_ROWS : ST_ROW_BEFORE];
	int rc;

	sqlite3_bind_int64(st, 1, fg_sql_seq(seq));
	if (after)
		sqlite3_bind_int64(st, 2, INT64_MAX);
	rc = fg_sql_step(st);
	if (rc > 0)
		fg_record_decode(sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
			(uint64_t)sqlite3_column_int64(st, 0), fn, arg);
	return FG_MIN(rc, FG_OK);
}

struct newest {
	int64_t offset_us; /* of the era, where a row has no time of its own */
	int64_t ms;
};

static int take_newest(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct newest *n = arg;
	int64_t ms = head->has_wall ? item->wall_ms : (mono_us + n->offset_us) / 1000;

	if (!item->own_time) /* a sensor's clock says nothing of ours */
		n->ms = FG_MAX(n->ms, ms);
	return 0;
}

/* The newest wall time that is known of rows before a number. The index of time only says where it
 * may be: its times may be damaged, and what is reckoned by a wrong one cannot be taken back. */
static int time_before(struct fg_spool *s, uint64_t seq, int64_t *ret_ms)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_ERA_BEFORE];
	struct newest n = {.ms = INT64_MIN};
	int rc = FG_OK;

	sqlite3_bind_int64(st, 1, fg_sql_seq(seq));
	for (int spans = 0; spans < NEWEST_SPANS && (rc = fg_sql_step(st)) > 0; spans++) {
		uint64_t last = (uint64_t)sqlite3_column_int64(st, 0);

		n.offset_us = sqlite3_column_int64(st, 1);
		rc = read_row(s, false, last, take_newest, &n);
		if (rc < 0)
			break;
	}
	*ret_ms = n.ms;
	return FG_MIN(rc, FG_OK);
}

int fg_spool_newest_ms(struct fg_spool *s, int64_t *ret_ms)
{
	int rc = time_before(s, INT64_MAX, ret_ms);

	return rc < 0 ? fg_spool_fail(s, rc, "look for the newest time") : FG_OK;
}

/* Gives the era that a statement stands on. */
static int give_era(struct fg_spool *s, sqlite3_stmt *st, fg_era_fn fn, void *arg)
{
	const char *boot_id = (const char *)sqlite3_column_text(st, 1);
	const struct fg_span *open = &s->now.open;
	const struct fg_era era = {.number = (uint32_t)sqlite3_column_int64(st, 0),
		.timed = sqlite3_column_type(st, 2) != SQLITE_NULL,
		.offset_us = sqlite3_column_int64(st, 2),
		.uncertainty_s = (uint32_t)sqlite3_column_int64(st, 3),
		.weak = sqlite3_column_int(st, 6)};
	uint64_t first = (uint64_t)sqlite3_column_int64(st, 4);
	uint64_t last = (uint64_t)sqlite3_column_int64(st, 5);
	bool same_boot = era.number >= s->era || (boot_id && boot_known(s->boot_id) &&
							 strcmp(boot_id, s->boot_id) == 0);
	int64_t before_ms = INT64_MIN;
	struct bounds b = {0};
	int rc = FG_OK;

	if (era.timed && !era.uncertainty_s && !same_boot)
		return FG_OK; /* nobody will know better */
	if (open->rows && !open->timed && open->era == era.number) {
		first = first ? first : open->first;
		last = open->last;
	}
	if (first) {
		rc = read_row(s, true, first, widen, &b);
		if (rc == FG_OK)
			rc = read_row(s, false, last, widen, &b);
		if (rc == FG_OK)
			rc = time_before(s, first, &before_ms);
	}
	if (rc == FG_OK)
		fn(arg, &era, same_boot, b.any, b.from_us, b.to_us, before_ms);
	return rc;
}

int fg_spool_open_eras(struct fg_spool *s, fg_era_fn fn, void *arg)
{
	FG_CLEANUP(fg_sql_reset) sqlite3_stmt *st = s->st[ST_ERA_OPEN];
	int rc;

	sqlite3_bind_int64(st, 1, s->era);
	while ((rc = fg_sql_step(st)) > 0) {
		rc = give_era(s, st, fn, arg);
		if (rc < 0)
			break;
	}
	return rc < 0 ? fg_spool_fail(s, rc, "look for eras without a time") : FG_OK;
}
