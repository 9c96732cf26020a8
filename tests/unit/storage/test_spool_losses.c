/* SPDX-License-Identifier: EUPL-1.2 */
/* Losses: what was stored is what is left and what is counted as lost, whatever goes and how. */
#include "store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/property.h"
#include "storage/record.h"

#define ROW 40
#define PER_ROW 30 /* readings that count: of four, one announces that there is none */

/* What a reader gives: readings by point, and what gaps and accounts say. */
struct sum {
	struct store *t;
	uint64_t readings[4], gaps[4], lines[4];
	unsigned entries;
	int64_t from_ms, to_ms, step_ms;
	uint64_t numbers; /* of readings */
	char destination[32];
	bool estimated;
	int64_t times[4][20000];
	size_t time_count[4];
};

static unsigned point_of(const struct store *t, uint32_t id)
{
	for (unsigned i = 0; i < 4; i++)
		if (t->point[i] == id)
			return i;
	fail_msg("a point of nobody");
	return 0;
}

static int add(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct sum *x = arg;
	unsigned p = point_of(x->t, item->point);

	(void)desc;
	(void)uncertain;
	if (item->kind == FG_ITEM_READING) {
		x->numbers++;
		if (item->qc == FG_QC_MISSING)
			return 0;
		x->readings[p]++;
		if (x->time_count[p] < 20000)
			x->times[p][x->time_count[p]++] = item->wall_ms;
		return 0;
	}
	x->entries++;
	if (item->kind == FG_ITEM_GAP) {
		x->gaps[p] += item->gap->count;
		x->from_ms = item->gap->from_ms;
		x->to_ms = item->gap->to_ms;
		x->step_ms = item->gap->step_ms;
		x->estimated |= item->gap->estimated;
		snprintf(x->destination, sizeof(x->destination), "%s",
			item->gap->destination ? item->gap->destination : "");
		return 0;
	}
	for (size_t i = 0; i < item->account->count; i++)
		x->lines[point_of(x->t, item->account->lines[i].point)] +=
			item->account->lines[i].scheduled;
	return 0;
}

static struct sum *read_all(struct store *t)
{
	struct sum *x = calloc(1, sizeof(*x));
	struct fg_reader *r;
	struct fg_buf why;

	x->t = t;
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	if (fg_reader_open(t->file, &why, &r) < 0)
		fail_msg("%s", t->why);
	assert_true(fg_reader_range(r, 0, FG_SEQ_END, add, x) >= 0);
	assert_int_equal(fg_reader_damaged(r), 0);
	fg_reader_close(r);
	return x;
}

static uint64_t next_of(struct store *t)
{
	struct fg_spool_info info;

	fg_spool_info(t->s, &info);
	return info.last_seq >= info.next_seq ? info.last_seq + 1 : info.next_seq;
}

static int query(void *ret, int n, char **values, char **names)
{
	(void)n;
	(void)names;
	*(int64_t *)ret += values[0] ? strtoll(values[0], NULL, 10) : 0;
	return 0;
}

static int64_t ask(struct store *t, const char *sql)
{
	int64_t v = 0;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, query, &v, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return v;
}

static int64_t rows_done; /* one a second */

static void open_small(struct store *t, enum fg_when_full when_full)
{
	rows_done = 0;
	t->conf.max_bytes = 1 << 20;
	t->conf.when_full = when_full;
	store_open(t);
	assert_int_equal(fg_spool_reserve(t->s, next_of(t) + 2000000), FG_OK);
}

/* Commits `groups` of ten rows and makes room for each by what `owed` lack. */
static uint64_t run_full(struct store *t, unsigned groups, struct fg_owed *owed, size_t count)
{
	uint64_t seq = next_of(t), stored = 0;

	for (unsigned g = 0; g < groups; g++) {
		struct fg_tidy tidy = {.drop_below = seq};
		unsigned steps = 0;
		int rc;

		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		for (unsigned i = 0; i < 10; i++, seq += ROW)
			if (store_append(t, seq, ROW, (int64_t)seq,
				    STORE_WALL_MS + 1000 * rows_done++) < 0)
				fail_msg("%s", fg_spool_error(t->s));
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
		stored += 10;
		while ((rc = fg_spool_tidy(t->s, &tidy)) > 0) {
			assert_true(++steps < 2000);
			tidy.owed = rc == FG_TIDY_WANTS_ROOM ? owed : NULL;
			tidy.owed_count = tidy.owed ? count : 0;
		}
		if (rc < 0)
			fail_msg("%s", fg_spool_error(t->s));
	}
	return stored;
}

static unsigned issue_all(struct store *t, const char *destination)
{
	unsigned used = 1, sum = 0;
	uint64_t seq = next_of(t);

	while (used) {
		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		assert_int_equal(fg_spool_issue_losses(t->s, destination, seq, 2, &used), FG_OK);
		assert_true(used <= 2);
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
		seq += used;
		sum += used;
	}
	return sum;
}

static void the_oldest_goes_and_every_reading_is_counted(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges all = {0}, doubt = {0};
	struct store *t = *state;
	struct fg_owed owed[2] = {
		{.destination = "a", .domains = UINT32_MAX},
		{.destination = "b", .domains = 1u << FG_DOMAIN_WATER},
	};
	uint64_t rows, first;
	struct sum *x;
	unsigned n;

	open_small(t, FG_FULL_DROP_OLDEST);
	first = next_of(t);
	fg_ranges_add(&all, first, FG_SEQ_END);
	fg_ranges_add(&doubt, first + ROW, first + ROW + 3); /* of the second row */
	owed[0].unacked = owed[1].unacked = all;
	owed[0].doubt = doubt;
	rows = run_full(t, 300, owed, 2);
	x = read_all(t);
	assert_true(x->numbers < rows * ROW / 2);
	/* the doubtful row is there, and what is gone is counted for each */
	assert_int_equal(ask(t, "SELECT count(*) FROM reading WHERE seq < 999999 +"
		" (SELECT min(seq) FROM reading)"), x->numbers / ROW);
	assert_int_equal(ask(t, "SELECT min(seq) FROM reading"), first + ROW);
	for (unsigned p = 0; p < 4; p++) {
		char sql[160];

		snprintf(sql, sizeof(sql), "SELECT missing FROM loss WHERE destination = 'a'"
			" AND point = %u AND reason = %d", (unsigned)t->point[p],
			FG_REASON_MAX_SIZE);
		assert_int_equal(ask(t, sql), p == 2 ? 0 : rows * 10 - x->readings[p]);
	}
	assert_int_equal(ask(t, "SELECT sum(missing) FROM loss WHERE destination = 'b'"),
		rows * 20 - x->readings[0] - x->readings[1]);
	assert_int_equal(ask(t, "SELECT count(*) FROM loss WHERE destination = 'b'"), 2);
	assert_int_equal(ask(t, "SELECT min(from_ms) FROM loss"), STORE_WALL_MS);
	free(x);
	/* and told, each destination its own */
	assert_int_equal(fg_spool_losses(t->s, "b", &n), FG_OK);
	assert_int_equal(n, 2);
	assert_int_equal(issue_all(t, "b"), 2);
	assert_int_equal(fg_spool_losses(t->s, "b", &n), FG_OK);
	assert_int_equal(n, 0);
	x = read_all(t);
	assert_int_equal(x->readings[0] + x->gaps[0], rows * 10);
	assert_int_equal(x->readings[1] + x->gaps[1], rows * 10);
	assert_string_equal(x->destination, "b");
	free(x);
	assert_int_equal(fg_spool_losses(t->s, "a", &n), FG_OK);
	assert_int_equal(n, 3);
}

/* In the end the rows that may have arrived go too, and are told: a loss that nobody hears of is
 * worse than a count that is too high. */
static void doubtful_rows_go_last_and_are_told(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges all = {0};
	struct store *t = *state;
	struct fg_owed owed = {.destination = "a", .domains = UINT32_MAX};
	uint64_t rows;
	int64_t left;

	open_small(t, FG_FULL_DROP_OLDEST);
	fg_ranges_add(&all, next_of(t), FG_SEQ_END);
	owed.unacked = owed.doubt = all;
	rows = run_full(t, 150, &owed, 1);
	left = ask(t, "SELECT count(*) FROM reading");
	assert_true(left < 1400);
	assert_int_equal(ask(t, "SELECT sum(missing) FROM loss WHERE destination = 'a'"),
		((int64_t)rows - left) * PER_ROW);
}

/* However many there are of them at the front: more than a step reads at once. */
static void many_doubtful_rows_stay_while_others_can_go(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges all = {0}, doubt = {0};
	struct store *t = *state;
	struct fg_owed owed = {.destination = "a", .domains = UINT32_MAX};
	uint64_t first;
	char sql[120];

	open_small(t, FG_FULL_DROP_OLDEST);
	first = next_of(t);
	fg_ranges_add(&all, first, FG_SEQ_END);
	fg_ranges_add(&doubt, first, first + 400 * ROW);
	owed.unacked = all;
	owed.doubt = doubt;
	run_full(t, 200, &owed, 1);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM reading WHERE seq < %llu",
		(unsigned long long)(first + 400 * ROW));
	assert_int_equal(ask(t, sql), 400);
	assert_true(ask(t, "SELECT count(*) FROM reading") < 1900);
}

static void delivered_rows_behind_undelivered_ones_go_first(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges old = {0};
	struct store *t = *state;
	struct fg_owed owed = {.destination = "a", .domains = UINT32_MAX};
	uint64_t first;

	open_small(t, FG_FULL_DROP_OLDEST);
	first = next_of(t);
	fg_ranges_add(&old, first, first + 200 * ROW);
	owed.unacked = old;
	run_full(t, 200, &owed, 1);
	assert_int_equal(ask(t, "SELECT min(seq) FROM reading"), first);
	assert_int_equal(ask(t, "SELECT count(*) FROM loss"), 0);
	assert_true(ask(t, "SELECT count(*) FROM reading") < 1900);
}

/* Times between the readings that are left of a point, in the older half: one step and, where the
 * present turn has not been, half of it; but where
 * a turn or a restart began to count anew. */
static void check_even(const struct sum *x, unsigned p, int64_t *ret_step)
{
	int64_t step = 0;
	unsigned odd = 0;

	for (size_t i = 0; i + 1 < x->time_count[p] / 2; i++) {
		int64_t d = x->times[p][i + 1] - x->times[p][i];

		if (d && !step)
			step = d;
		odd += d && d != step && d != step / 2; /* 0: ten are of a row */
	}
	assert_true(odd <= 8);
	assert_true(step >= 4000);
	*ret_step = step;
}

static void thinning_leaves_every_nth_and_counts_the_rest(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges all = {0};
	struct store *t = *state;
	struct fg_owed owed = {.destination = "a", .domains = UINT32_MAX};
	uint64_t rows = 0, bytes;
	struct sum *x;
	int64_t step;

	open_small(t, FG_FULL_THIN);
	fg_ranges_add(&all, next_of(t), FG_SEQ_END);
	owed.unacked = all;
	for (unsigned i = 0; i < 8; i++) {
		rows += run_full(t, 100, &owed, 1);
		x = read_all(t);
		for (unsigned p = 0; p < 4; p++) {
			char sql[160];

			snprintf(sql, sizeof(sql), "SELECT sum(missing) FROM loss WHERE point = %u"
				" AND reason = %d", (unsigned)t->point[p], FG_REASON_THINNED);
			assert_int_equal(ask(t, sql) + (int64_t)x->readings[p],
				p == 2 ? 0 : rows * 10);
		}
		free(x);
		if (i == 3) { /* the cursor is durable */
			store_close(t);
			store_open(t);
			assert_int_equal(fg_spool_reserve(t->s, next_of(t) + 2000000), FG_OK);
		}
	}
	/* the oldest is there yet, and the store is used well */
	x = read_all(t);
	assert_true(x->times[0][0] < STORE_WALL_MS + 20000);
	bytes = (uint64_t)ask(t, "SELECT sum(length(record)) FROM reading");
	print_message("%llu rows of %llu left, %llu bytes in records\n",
		(unsigned long long)x->numbers / ROW, (unsigned long long)rows,
		(unsigned long long)bytes);
	assert_true(bytes > 100000);
	check_even(x, 0, &step);
	assert_int_equal(ask(t, "SELECT max(step_ms) FROM loss WHERE reason = 17") % 1000, 0);
	assert_true(ask(t, "SELECT max(step_ms) FROM loss WHERE reason = 17") >= 2000);
	assert_int_equal(ask(t, "SELECT count(*) FROM loss WHERE reason != 17"), 0);
	free(x);
}

static void what_is_refused_is_lost_to_all(void **state)
{
	struct store *t = *state;
	uint64_t seq, stored = 0, refused = 0;
	struct sum *x;
	unsigned n;

	open_small(t, FG_FULL_DROP_NEWEST);
	seq = next_of(t);
	while (refused < 5) {
		int rc;

		assert_int_equal(fg_spool_begin(t->s), FG_OK);
		rc = store_append(t, seq, ROW, 1000, STORE_WALL_MS);
		assert_true(rc == FG_OK || rc == FG_EFULL);
		*(rc == FG_OK ? &stored : &refused) += 1;
		assert_int_equal(fg_spool_commit(t->s), FG_OK);
		seq += ROW;
	}
	/* there is no room to tell it yet */
	assert_int_equal(fg_spool_losses(t->s, "anybody", &n), FG_OK);
	assert_int_equal(n, 3);
	assert_int_equal(issue_all(t, "anybody"), 0);
	while (fg_spool_tidy(t->s, &(const struct fg_tidy){.delivered_below = seq}) > 0)
		;
	assert_int_equal(fg_spool_reserve(t->s, seq + 100), FG_OK);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_issue_losses(t->s, "", seq, 100, &n), FG_OK);
	assert_int_equal(n, 3);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	x = read_all(t);
	assert_int_equal(x->gaps[0], 50);
	assert_int_equal(x->gaps[2], 0);
	assert_string_equal(x->destination, "");
	free(x);
}

/* Numbers that cannot be had are refused, and what is in the group with them is stored. */
static void spool_I3_losses_need_numbers(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges all = {0};
	struct store *t = *state;
	struct fg_owed owed = {.destination = "a", .domains = UINT32_MAX};
	uint64_t seq;
	unsigned used;

	open_small(t, FG_FULL_DROP_OLDEST);
	fg_ranges_add(&all, next_of(t), FG_SEQ_END);
	owed.unacked = all;
	run_full(t, 150, &owed, 1);
	seq = next_of(t);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_issue_losses(t->s, "a", seq - 1, 8, &used), FG_EINVAL);
	assert_int_equal(fg_spool_issue_losses(t->s, "a", seq + 9000000, 8, &used), FG_EINVAL);
	assert_int_equal(store_append(t, seq, ROW, 1000, STORE_WALL_MS), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	assert_int_equal(issue_all(t, "a"), 3);
}

static void put_account(struct store *t, uint64_t seq, int64_t from_ms, const char *destination)
{
	struct fg_account_line lines[2] = {{.point = t->point[0], .scheduled = 6, .sent = 5,
		.missing = 1}, {.point = t->point[1], .scheduled = 6, .sent = 6}};
	struct fg_account account = {.from_ms = from_ms, .to_ms = from_ms + 3600000,
		.destination = destination, .count = 2, .lines = lines};
	struct fg_gap gap = {.from_ms = from_ms, .to_ms = from_ms + 60000, .count = 7,
		.destination = destination};
	struct fg_item item = {.kind = FG_ITEM_GAP, .point = t->point[0],
		.wall_ms = from_ms + 60000, .qc = FG_QC_MISSING,
		.reason = FG_REASON_NO_RESPONSE, .gap = &gap};
	struct fg_record_head head = {.era = 1, .count = 1};
	char mem[512];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode_account(&out, &head, &account);
	if (fg_spool_append(t->s, seq, 1, out.data, out.len) < 0)
		fail_msg("%s", fg_spool_error(t->s));
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode_gaps(&out, &head, &item);
	if (fg_spool_append(t->s, seq + 1, 1, out.data, out.len) < 0)
		fail_msg("%s", fg_spool_error(t->s));
}

static void gaps_and_accounts_that_go_come_back_added_up(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges all = {0};
	struct store *t = *state;
	struct fg_owed owed = {.destination = "a", .domains = UINT32_MAX};
	uint64_t seq;
	struct sum *x;

	open_small(t, FG_FULL_DROP_OLDEST);
	seq = next_of(t);
	fg_ranges_add(&all, seq, FG_SEQ_END);
	owed.unacked = all;
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	for (unsigned i = 0; i < 3; i++)
		put_account(t, seq + 2 * i, STORE_WALL_MS + 3600000 * (int64_t)i,
			i == 1 ? "b" : NULL);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	run_full(t, 200, &owed, 1);
	assert_int_equal(ask(t, "SELECT missing FROM loss WHERE reason = 4"), 14);
	assert_int_equal(ask(t, "SELECT scheduled FROM loss WHERE reason = 0 AND point = 1"), 12);
	assert_int_equal(ask(t, "SELECT to_ms - from_ms FROM loss WHERE reason = 0 AND point = 2"),
		3 * 3600000);
	assert_int_equal(issue_all(t, "a"), 1 + 3 + 1); /* gaps, and one account of two lines */
	x = read_all(t);
	assert_int_equal(x->lines[0], 12);
	assert_int_equal(x->lines[1], 12);
	assert_int_equal(x->gaps[0] + x->readings[0], 2000 * 10 + 14);
	free(x);
}

static void a_removed_destination_keeps_its_backlog_for_a_day(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges left = {0};
	const char *const both[] = {"a", "gone"};
	struct store *t = *state;
	struct fg_tidy tidy = {.delivered_below = FG_SEQ_END};
	int64_t now = STORE_WALL_MS + INT64_C(1000) * 86400000;
	uint64_t first;

	store_open(t);
	first = next_of(t);
	assert_int_equal(fg_spool_reserve(t->s, first + 100000), FG_OK);
	fg_ranges_add(&left, first + 50 * ROW, FG_SEQ_END);
	run_full(t, 60, NULL, 0);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_delivery(t->s, "a", &left), FG_OK);
	assert_int_equal(fg_spool_set_delivery(t->s, "gone", &left), FG_OK);
	assert_int_equal(fg_spool_set_destinations(t->s, both, 2, now), FG_OK);
	assert_int_equal(fg_spool_set_destinations(t->s, both, 1, 0), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	/* its day begins when the time is known */
	tidy.now_wall_ms = now;
	while (fg_spool_tidy(t->s, &tidy) > 0)
		;
	assert_int_equal(ask(t, "SELECT count(*) FROM reading"), 600);
	assert_int_equal(ask(t, "SELECT removed_ms FROM delivery WHERE destination = 'gone'"), now);
	tidy.now_wall_ms = now + FG_REMOVED_GRACE_MS - 1;
	while (fg_spool_tidy(t->s, &tidy) > 0)
		;
	assert_int_equal(ask(t, "SELECT count(*) FROM delivery"), 2);
	tidy.now_wall_ms++;
	while (fg_spool_tidy(t->s, &tidy) > 0)
		;
	assert_int_equal(ask(t, "SELECT count(*) FROM delivery"), 1);
	assert_true(ask(t, "SELECT count(*) FROM reading") < 300);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(the_oldest_goes_and_every_reading_is_counted),
		T(doubtful_rows_go_last_and_are_told),
		T(many_doubtful_rows_stay_while_others_can_go),
		T(delivered_rows_behind_undelivered_ones_go_first),
		T(thinning_leaves_every_nth_and_counts_the_rest),
		T(what_is_refused_is_lost_to_all),
		T(spool_I3_losses_need_numbers),
		T(gaps_and_accounts_that_go_come_back_added_up),
		T(a_removed_destination_keeps_its_backlog_for_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
