/* SPDX-License-Identifier: EUPL-1.2 */
/* Losses become entries of the store, with numbers of their own: gaps, and accounts of a device. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "storage/descriptor.h"
#include "storage/spool_private.h"

#define GAPS_MAX 64 /* in a record */
#define RECORD_BYTES_MAX (64 * 1024)
#define NAME_SIZE 256

struct lost {
	char destination[NAME_SIZE];
	uint32_t point;
	enum fg_reason reason;
	uint8_t detail;
	int64_t from_ms, to_ms, step_ms;
	int64_t missing, scheduled, sent, suppressed;
	bool estimated;
	char device[2 * NAME_SIZE]; /* accounts: whose */
};

/* The newest wall time that the index of time knows; 0: none. */
static int newest_ms(struct fg_spool *s, int64_t *ret)
{
	*ret = s->now.open.rows && s->now.open.timed ? s->now.open.to_ms : 0;
	if (*ret > 0)
		return FG_OK;
	return fg_sql_step_int(s->st[ST_NEWEST], ret);
}

int fg_spool_losses(struct fg_spool *s, const char *destination, unsigned *ret)
{
	sqlite3_stmt *st = s->st[ST_LOSSES];
	int64_t newest, any = 0, n = 0;
	int rc = FG_OK;

	*ret = 0;
	if (!s->lossless)
		rc = fg_sql_step_int(s->st[ST_LOSS_ANY], &any);
	s->lossless = rc == FG_OK && !any;
	if (s->lossless)
		return FG_OK;
	if (rc == FG_OK)
		rc = newest_ms(s, &newest);
	if (rc == FG_OK) {
		sqlite3_bind_text(st, 1, destination, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 2, newest);
		rc = fg_sql_step_int(st, &n);
	}
	if (rc < 0)
		return fg_spool_fail(s, rc, "count what was lost");
	*ret = (unsigned)FG_MIN(n, INT32_MAX);
	return FG_OK;
}

/* ---- reading rows ---- */

/* Station and device of the point of an account, as one text. */
static void read_device(sqlite3_stmt *st, int column, struct lost *l)
{
	struct fg_point_desc *desc;
	struct fg_buf out;

	fg_buf_wrap(&out, l->device, sizeof(l->device));
	if (fg_descriptor_decode(sqlite3_column_blob(st, column),
		    (size_t)sqlite3_column_bytes(st, column), &desc) < 0)
		return;
	fg_buf_puts(&out, desc->station);
	fg_buf_putc(&out, '\n');
	if (desc->device)
		fg_buf_puts(&out, desc->device);
	free(desc);
}

static void read_lost(sqlite3_stmt *st, int64_t newest, struct lost *ret)
{
	struct fg_buf name;

	*ret = (struct lost){
		.point = (uint32_t)sqlite3_column_int64(st, 1),
		.reason = (enum fg_reason)sqlite3_column_int(st, 2),
		.detail = (uint8_t)sqlite3_column_int(st, 3),
		.from_ms = sqlite3_column_int64(st, 4),
		.to_ms = sqlite3_column_int64(st, 5),
		.step_ms = sqlite3_column_int64(st, 6),
		.missing = sqlite3_column_int64(st, 7),
		.scheduled = sqlite3_column_int64(st, 8),
		.sent = sqlite3_column_int64(st, 9),
		.suppressed = sqlite3_column_int64(st, 10),
		.estimated = sqlite3_column_int(st, 11),
	};
	fg_buf_wrap(&name, ret->destination, sizeof(ret->destination));
	fg_buf_puts(&name, (const char *)sqlite3_column_text(st, 0));
	if (ret->from_ms > ret->to_ms) {
		ret->from_ms = ret->to_ms = newest;
		ret->estimated = true;
	}
	if (ret->reason == FG_REASON_NONE)
		read_device(st, 12, ret);
}

/* At most max rows, in the order in which they are told: gaps, then accounts. */
static int read_rows(struct fg_spool *s, const char *destination, struct lost *rows, unsigned max,
	unsigned *ret_count)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int64_t newest;
	int rc = newest_ms(s, &newest);

	*ret_count = 0;
	if (rc == FG_OK)
		rc = fg_sql_make(s->db, "SELECT destination, point, reason, detail, from_ms, to_ms,"
			" step_ms, missing, scheduled, sent, suppressed, estimated, descriptor"
			" FROM loss LEFT JOIN point ON id = point WHERE" FG_LOSS_TELLABLE
			" ORDER BY reason = 0, destination, from_ms, to_ms, point LIMIT ?3", &st);
	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, destination, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, newest);
	sqlite3_bind_int64(st, 3, max);
	while (*ret_count < max && (rc = fg_sql_step(st)) > 0)
		read_lost(st, newest, &rows[(*ret_count)++]);
	return FG_MIN(rc, FG_OK);
}

/* ---- writing entries ---- */

static const char *name_of(const struct lost *l)
{
	return l->destination[0] ? l->destination : NULL;
}

/* Rows that go into one entry or record with the first of them. */
static unsigned together(const struct lost *rows, unsigned count, unsigned max)
{
	const struct lost *a = rows;
	unsigned n = 1;

	for (; n < FG_MIN(count, max); n++) {
		const struct lost *b = &rows[n];

		if ((a->reason == FG_REASON_NONE) != (b->reason == FG_REASON_NONE) ||
			strcmp(a->destination, b->destination) != 0)
			break;
		if (a->reason == FG_REASON_NONE &&
			(a->from_ms != b->from_ms || a->to_ms != b->to_ms ||
				strcmp(a->device, b->device) != 0))
			break;
	}
	return n;
}

static void encode_gaps(struct fg_spool *s, const struct lost *rows, unsigned n, struct fg_buf *out)
{
	struct fg_record_head head = {.era = s->era, .count = n};
	struct fg_item items[GAPS_MAX];
	struct fg_gap gaps[GAPS_MAX];

	for (unsigned i = 0; i < n; i++) {
		const struct lost *l = &rows[i];

		gaps[i] = (struct fg_gap){.from_ms = l->from_ms, .to_ms = l->to_ms,
			.step_ms = l->step_ms, .count = (uint64_t)l->missing,
			.estimated = l->estimated, .retold = true,
			.destination = name_of(l)};
		items[i] = (struct fg_item){.kind = FG_ITEM_GAP, .point = l->point,
			.wall_ms = l->to_ms, .qc = FG_QC_MISSING, .reason = l->reason,
			.detail = l->detail, .gap = &gaps[i]};
	}
	fg_record_encode_gaps(out, &head, items);
}

static uint32_t small(int64_t v)
{
	return v < 0 ? 0 : (uint32_t)FG_MIN(v, UINT32_MAX);
}

static void encode_account(struct fg_spool *s, const struct lost *rows, unsigned n,
	struct fg_buf *out)
{
	struct fg_record_head head = {.era = s->era, .count = 1};
	struct fg_account_line lines[FG_ACCOUNT_LINES];
	struct fg_account account = {.from_ms = rows->from_ms, .to_ms = rows->to_ms,
		.destination = name_of(rows), .count = n, .lines = lines};

	for (unsigned i = 0; i < n; i++)
		lines[i] = (struct fg_account_line){.point = rows[i].point,
			.scheduled = small(rows[i].scheduled), .sent = small(rows[i].sent),
			.suppressed = small(rows[i].suppressed), .missing = small(rows[i].missing)};
	fg_record_encode_account(out, &head, &account);
}

static int forget_row(struct fg_spool *s, const struct lost *l)
{
	FG_CLEANUP(fg_sql_finalize) sqlite3_stmt *st = NULL;
	int rc = fg_sql_make(s->db, "DELETE FROM loss WHERE destination = ?1 AND point = ?2"
		" AND reason = ?3 AND detail = ?4", &st);

	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, l->destination, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, l->point);
	sqlite3_bind_int(st, 3, (int)l->reason);
	sqlite3_bind_int(st, 4, l->detail);
	return fg_sql_step(st);
}

/* Appends one record of n rows; returns how many numbers it took. */
static int tell(struct fg_spool *s, const struct lost *rows, unsigned n, uint64_t seq)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	bool account = rows->reason == FG_REASON_NONE;
	unsigned numbers = account ? 1 : n;
	int rc;

	fg_buf_init(&out, RECORD_BYTES_MAX);
	if (account)
		encode_account(s, rows, n, &out);
	else
		encode_gaps(s, rows, n, &out);
	if (out.overflow)
		return FG_ENOMEM;
	rc = fg_spool_append(s, seq, numbers, out.data, out.len);
	for (unsigned i = 0; i < n && rc == FG_OK; i++)
		rc = forget_row(s, &rows[i]);
	return rc < 0 ? rc : (int)numbers;
}

int fg_spool_issue_losses(struct fg_spool *s, const char *destination, uint64_t first_seq,
	unsigned max, unsigned *ret_used)
{
	unsigned count = 0, most = FG_MIN(max, GAPS_MAX) * FG_ACCOUNT_LINES, used = 0, n;
	struct lost *rows;
	int rc;

	*ret_used = 0;
	if (s->group != GROUP_OPEN || first_seq <= s->now.last_seq || first_seq < s->next_seq ||
		first_seq >= s->reserved || max > s->reserved - first_seq)
		return fg_spool_fail(s, FG_EINVAL, "tell what was lost without numbers for it");
	if (s->full || !max) /* what would be told would be lost at once */
		return FG_OK;
	most = FG_MIN(most, 4u * FG_ACCOUNT_LINES);
	rows = calloc(most, sizeof(*rows));
	if (!rows)
		return FG_ENOMEM;
	rc = read_rows(s, destination, rows, most, &count);
	for (unsigned i = 0; i < count && used < max && rc >= 0; i += n) {
		n = together(rows + i, count - i, rows[i].reason == FG_REASON_NONE ?
			FG_ACCOUNT_LINES : FG_MIN(GAPS_MAX, max - used));
		rc = tell(s, rows + i, n, first_seq + used);
		used += rc > 0 ? (unsigned)rc : 0;
	}
	free(rows);
	if (rc < 0)
		return fg_spool_fail_group(s, rc, "tell what was lost");
	*ret_used = used;
	return FG_OK;
}
