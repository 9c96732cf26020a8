/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading what is no plain reading: gaps, accounts, corrections, estimated times. */
#include "store.h"

#include "base/cleanup.h"

#define HOUR_MS INT64_C(3600000)
#define W STORE_WALL_MS

struct given {
	uint64_t seq, replaces;
	enum fg_item_kind kind;
	int64_t wall_ms;
	uint32_t uncertainty_s;
	bool uncertain;
};

struct seen {
	struct given items[64];
	unsigned count;
	struct fg_gap gap; /* the last */
	char destination[32];
	struct fg_account account;
	const char *points[4];
	const char *desc;
};

static struct seen seen;

static int take(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct seen *x = arg;

	assert_true(x->count < FG_COUNT(x->items));
	x->items[x->count++] = (struct given){item->seq, item->replaces, item->kind,
		item->wall_ms, item->uncertainty_s, uncertain};
	x->desc = desc->point;
	if (item->gap)
		x->gap = *item->gap;
	if (item->gap && item->gap->destination)
		memcpy(x->destination, item->gap->destination,
			strlen(item->gap->destination) + 1);
	if (item->account) {
		x->account = *item->account;
		for (size_t i = 0; i < item->account->count && i < 4; i++) {
			assert_non_null(item->account->lines[i].desc);
			x->points[i] = item->account->lines[i].desc->point;
		}
	}
	return 0;
}

static struct fg_reader *open_reader(struct store *t)
{
	struct fg_reader *r;
	struct fg_buf why;

	seen = (struct seen){0};
	fg_buf_wrap(&why, t->why, sizeof(t->why));
	if (fg_reader_open(t->file, &why, &r) < 0)
		fail_msg("%s", t->why);
	return r;
}

static uint64_t start(struct store *t)
{
	struct fg_spool_info info;

	store_open(t);
	fg_spool_info(t->s, &info);
	assert_int_equal(fg_spool_reserve(t->s, info.next_seq + 1000), FG_OK);
	return info.next_seq;
}

static void put_record(struct store *t, uint64_t seq, unsigned count, const struct fg_buf *record)
{
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_append(t->s, seq, count, record->data, record->len), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
}

static void put_gap(struct store *t, uint64_t seq, unsigned point, int64_t to_ms,
	const char *destination)
{
	const struct fg_record_head head = {.era = 1, .count = 1};
	const struct fg_gap gap = {.from_ms = to_ms - HOUR_MS, .to_ms = to_ms, .count = 7,
		.estimated = true, .destination = destination};
	const struct fg_item item = {.kind = FG_ITEM_GAP, .point = t->point[point], .gap = &gap,
		.reason = FG_REASON_OVERRUN};
	char mem[256];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode_gaps(&out, &head, &item);
	put_record(t, seq, 1, &out);
}

static void put_account(struct store *t, uint64_t seq, const uint32_t *points, size_t count,
	int64_t to_ms)
{
	const struct fg_record_head head = {.era = 1, .count = 1};
	struct fg_account_line lines[4] = {{0}};
	const struct fg_account account = {.from_ms = to_ms - HOUR_MS, .to_ms = to_ms,
		.count = count, .lines = lines};
	char mem[256];
	struct fg_buf out;

	for (size_t i = 0; i < count; i++)
		lines[i] = (struct fg_account_line){.point = points[i], .scheduled = 6, .sent = 6};
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode_account(&out, &head, &account);
	put_record(t, seq, 1, &out);
}

/* Begins the job, and corrects all of the era from number seq on; how many numbers it took. */
static unsigned correct(struct store *t, uint32_t era, int64_t offset_us, uint64_t seq,
	unsigned max)
{
	unsigned used;
	bool more;

	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_restamp_begin(t->s, era, offset_us), FG_OK);
	assert_int_equal(fg_spool_restamp(t->s, seq, max, &used, &more), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	return used;
}

static void gaps_and_accounts_are_given_like_readings(void **state)
{
	struct store *t = *state;
	uint64_t seq = start(t);
	const uint32_t points[] = {t->point[3], t->point[0]}, lost[] = {t->point[1], 999};
	struct fg_reader *r;

	store_put(t, seq, 4, W);
	put_gap(t, seq + 4, 1, W + 5, "town");
	put_account(t, seq + 5, points, 2, W + 9);
	put_account(t, seq + 6, lost, 2, W + 9);
	put_gap(t, seq + 7, 0, W + 6, NULL);
	r = open_reader(t);
	assert_int_equal(fg_reader_range(r, seq + 4, seq + 5, take, &seen), 1);
	assert_int_equal(seen.items[0].kind, FG_ITEM_GAP);
	assert_true(seen.items[0].wall_ms == W + 5);
	assert_false(seen.items[0].uncertain);
	assert_string_equal(seen.desc, "water_temperature");
	assert_string_equal(seen.destination, "town");
	assert_int_equal(seen.gap.count, 7);
	assert_true(seen.gap.from_ms == W + 5 - HOUR_MS && seen.gap.estimated);
	assert_int_equal(fg_reader_range(r, seq + 5, seq + 6, take, &seen), 1);
	assert_int_equal(seen.items[1].kind, FG_ITEM_ACCOUNT);
	assert_true(seen.items[1].wall_ms == W + 9);
	assert_int_equal(seen.account.count, 2);
	assert_string_equal(seen.points[0], "x_text");
	assert_string_equal(seen.points[1], "ph");
	assert_string_equal(seen.desc, "x_text"); /* of the first line */
	/* one with a point that is in no table is damaged, and passed over */
	assert_int_equal(fg_reader_damaged(r), 0);
	assert_int_equal(fg_reader_range(r, seq + 6, FG_SEQ_END, take, &seen), 1);
	assert_int_equal(fg_reader_damaged(r), 1);
	assert_null(seen.gap.destination);
	/* history tells of readings alone */
	seen = (struct seen){0};
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", INT64_MIN, INT64_MAX, 0, take,
				 &seen), 1);
	assert_int_equal(seen.items[0].seq, seq);
	fg_reader_close(r);
}

static void estimated_times_come_with_their_uncertainty(void **state)
{
	struct store *t = *state;
	struct fg_spool_info info;
	struct fg_reader *r;
	uint64_t seq = start(t);

	fg_spool_info(t->s, &info);
	store_put(t, seq, 1, 0);     /* at 1000 us */
	store_put(t, seq + 1, 1, W); /* its own time is right */
	store_time_era(t, info.era, W * 1000, 1800);
	r = open_reader(t);
	assert_int_equal(fg_reader_range(r, seq, FG_SEQ_END, take, &seen), 2);
	assert_int_equal(seen.items[0].uncertainty_s, 1800);
	assert_false(seen.items[0].uncertain);
	assert_true(seen.items[0].wall_ms == W + 1);
	assert_int_equal(seen.items[1].uncertainty_s, 0);
	assert_true(seen.items[1].wall_ms == W);
	/* and so they are found */
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", W, W + 2, 0, take, &seen), 1);
	fg_reader_close(r);
}

/* The newest is what was taken last, whatever was written since. */
static void the_newest_is_the_one_taken_last(void **state)
{
	struct store *t = *state;
	struct fg_spool_info info;
	struct fg_reader *r;
	uint64_t seq = start(t);

	fg_spool_info(t->s, &info);
	store_put(t, seq, 4, 0);		   /* points 0 1 2 3; the third has no value */
	store_time_era(t, info.era, W * 1000, 60);
	store_time_era(t, info.next_era, 5000 + W * 1000, 0);
	t->era = info.next_era;
	store_put(t, seq + 4, 1, W + 5000); /* point 0 again, before the corrections */
	assert_int_equal(correct(t, info.era, 5000 + W * 1000, seq + 5, 10), 3);
	put_gap(t, seq + 8, 0, W + 6000, NULL);
	put_account(t, seq + 9, t->point, 4, W + 6000);
	r = open_reader(t);
	assert_int_equal(fg_reader_latest(r, 100, take, &seen), 4);
	/* point 3 by its correction, then point 1, 0 by its later reading, 2 as it was */
	assert_int_equal(seen.items[0].seq, seq + 7);
	assert_int_equal(seen.items[0].replaces, seq + 3);
	assert_true(seen.items[0].wall_ms == W + 6);
	assert_int_equal(seen.items[0].uncertainty_s, 0);
	assert_int_equal(seen.items[1].seq, seq + 6);
	assert_int_equal(seen.items[1].replaces, seq + 1);
	assert_int_equal(seen.items[2].seq, seq + 4);
	assert_int_equal(seen.items[2].replaces, 0);
	assert_int_equal(seen.items[3].seq, seq + 2);
	assert_int_equal(seen.items[3].uncertainty_s, 60);
	/* gaps, accounts and corrections do not use up the rows: one of readings is looked at */
	seen = (struct seen){0};
	assert_int_equal(fg_reader_latest(r, 1, take, &seen), 3);
	assert_int_equal(seen.items[2].seq, seq + 4);
	fg_reader_close(r);
}

static void spool_I16_history_has_corrections_in_their_place(void **state)
{
	struct store *t = *state;
	struct fg_spool_info info;
	struct fg_reader *r;
	uint64_t seq = start(t);

	fg_spool_info(t->s, &info);
	store_time_era(t, info.next_era, HOUR_MS * 1000 + W * 1000, 0);
	store_put(t, seq, 12, W); /* a wrong hour: three of each point in one row */
	t->era = info.next_era;
	store_put(t, seq + 12, 4, W + HOUR_MS + 5);
	r = open_reader(t);
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", W, W + 2 * HOUR_MS, 0, take,
				 &seen), 4);
	/* a part of the row is corrected: one of each point, then all */
	assert_int_equal(correct(t, info.era, (W + HOUR_MS) * 1000, seq + 16, 3), 3);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", W, W + HOUR_MS, 0, take, &seen),
		2);
	assert_int_equal(seen.items[0].seq, seq + 4);
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", W + HOUR_MS, W + 2 * HOUR_MS, 0,
				 take, &seen), 2);
	assert_int_equal(seen.items[2].seq, seq + 12);
	assert_int_equal(seen.items[3].seq, seq + 16);
	assert_int_equal(seen.items[3].replaces, seq);
	assert_int_equal(correct(t, info.era, (W + HOUR_MS) * 1000, seq + 19, 30), 6);
	seen = (struct seen){0};
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", INT64_MIN, INT64_MAX, 0, take,
				 &seen), 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(seen.items[i].wall_ms > W + HOUR_MS);
		assert_true(i == 0 || seen.items[i].seq > seen.items[i - 1].seq);
		assert_int_equal(seen.items[i].replaces != 0, i > 0);
	}
	/* from a page's end on */
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", INT64_MIN, INT64_MAX,
				 seen.items[1].seq, take, &seen), 2);
	/* what has no value has no correction and stays */
	seen = (struct seen){0};
	assert_int_equal(fg_reader_history(r, "pier", "water_temperature", W, W + HOUR_MS, 0,
				 take, &seen), 3);
	/* all of it is replayed, as it was told */
	seen = (struct seen){0};
	assert_int_equal(fg_reader_range(r, seq, FG_SEQ_END, take, &seen), 12 + 4 + 9);
	assert_true(seen.items[0].wall_ms == W);
	fg_reader_close(r);
	/* readings that come late to an era that was corrected are their own */
	t->era = info.era;
	store_put(t, seq + 40, 1, W + 7);
	r = open_reader(t);
	assert_int_equal(fg_reader_history(r, "bragernes", "ph", W, W + HOUR_MS, 0, take, &seen),
		1);
	fg_reader_close(r);
}

/* An estimate, its corrections, an attempt to set it right, a restart: what was told stays told. */
static void spool_I17_a_number_tells_the_same_for_ever(void **state)
{
	struct store *t = *state;
	struct fg_spool_info info;
	struct seen before;
	uint64_t seq = start(t);
	struct fg_reader *r;

	fg_spool_info(t->s, &info);
	store_put(t, seq, 8, 0);
	store_put(t, seq + 8, 4, W);
	put_gap(t, seq + 12, 0, W + 9, NULL);
	store_time_era(t, info.era, W * 1000, FG_UNCERTAIN_UNBOUNDED);
	r = open_reader(t);
	assert_int_equal(fg_reader_range(r, seq, seq + 13, take, &seen), 13);
	before = seen;
	fg_reader_close(r);
	store_time_era(t, info.next_era, W * 1000 + 5000000, 0);
	assert_int_equal(correct(t, info.era, W * 1000 + 5000000, seq + 13, 20), 9);
	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_era(t->s, &(const struct fg_era){.number = info.era,
				 .timed = true, .offset_us = W * 1000 + 5000000}), FG_EINVAL);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
	store_close(t);
	store_open(t);
	r = open_reader(t);
	assert_int_equal(fg_reader_range(r, seq, seq + 13, take, &seen), 13);
	for (unsigned i = 0; i < 13; i++) {
		assert_int_equal(seen.items[i].seq, before.items[i].seq);
		assert_int_equal(seen.items[i].kind, before.items[i].kind);
		assert_true(seen.items[i].wall_ms == before.items[i].wall_ms);
		assert_int_equal(seen.items[i].uncertainty_s, before.items[i].uncertainty_s);
		assert_int_equal(seen.items[i].replaces, before.items[i].replaces);
		assert_false(seen.items[i].uncertain);
	}
	fg_reader_close(r);
}

static void check_period(struct fg_reader *r, int64_t since_ms, int64_t until_ms, uint64_t seq,
	const char *want)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges got = {0};
	uint64_t count = 0;

	assert_int_equal(fg_reader_period(r, since_ms, until_ms, &got), FG_OK);
	for (size_t i = 0; want[i]; i++) {
		count += want[i] == 'x';
		assert_int_equal(fg_ranges_has(&got, seq + i), want[i] == 'x');
	}
	assert_int_equal(fg_ranges_count_below(&got, FG_SEQ_END), count);
}

static void a_period_has_all_entries_of_its_time(void **state)
{
	struct store *t = *state;
	struct fg_spool_info info;
	struct fg_reader *r;
	uint64_t seq = start(t);

	fg_spool_info(t->s, &info);
	store_time_era(t, info.next_era, W * 1000, 0);
	store_put(t, seq, 4, W - 3 * HOUR_MS); /* the wrong time, corrected below */
	t->era = info.next_era;
	store_put(t, seq + 4, 2, W);
	put_gap(t, seq + 6, 0, W + HOUR_MS - 1, NULL);
	put_account(t, seq + 7, t->point, 4, W + HOUR_MS);
	put_gap(t, seq + 8, 0, W + HOUR_MS, NULL);
	store_put(t, seq + 9, 2, W + HOUR_MS);
	assert_int_equal(correct(t, info.era, W * 1000, seq + 11, 9), 3); /* not of seq + 2 */
	t->era = info.next_era + 1;
	store_put(t, seq + 14, 1, 0); /* of no known time */
	r = open_reader(t);
	check_period(r, W, W + HOUR_MS, seq, "xx.xxxxx...xxx.");
	check_period(r, W + HOUR_MS, W + 2 * HOUR_MS, seq, "........xxx....");
	check_period(r, W - 4 * HOUR_MS, W, seq, "..x............");
	check_period(r, INT64_MIN, INT64_MAX, seq, "xxxxxxxxxxxxxx.");
	check_period(r, W + 5 * HOUR_MS, INT64_MAX, seq, "...............");
	fg_reader_close(r);
}

static void put_mean(struct store *t, uint64_t seq, uint32_t point, int64_t to_ms,
	uint64_t replaces)
{
	const struct fg_record_head head = {.era = 1, .count = 1};
	const struct fg_aggregate a = {.from_ms = to_ms - HOUR_MS, .expected = 6, .count = 6};
	const struct fg_item item = {.kind = FG_ITEM_AGGREGATE, .point = point, .aggregate = &a,
		.wall_ms = to_ms, .qc = FG_QC_PASS, .replaces = replaces};
	char mem[256];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode_aggregates(&out, &head, &item);
	put_record(t, seq, 1, &out);
}

static void check_numbers(const char *what, uint64_t seq, const char *want)
{
	unsigned n = 0;

	for (size_t i = 0; want[i]; i++)
		if (want[i] == 'x' && (n >= seen.count || seen.items[n++].seq != seq + i))
			fail_msg("%s: not number %zu", what, i);
	if (n != seen.count)
		fail_msg("%s: %u entries, expected %u", what, seen.count, n);
	seen = (struct seen){0};
}

/* A point's means are no readings of it; the newest of them is that of the newest period, however
 * late another comes. */
static void means_are_a_series_of_their_own(void **state)
{
	struct store *t = *state;
	uint64_t seq = start(t);
	struct fg_point_desc mean = *store_desc(0);
	struct fg_reader *r;
	uint32_t hour, day;

	mean.period = FG_TOLD_HOUR;
	mean.stat = FG_STAT_MEAN;
	assert_int_equal(fg_spool_intern(t->s, &mean, &hour), FG_OK);
	mean.period = FG_TOLD_DAY;
	assert_int_equal(fg_spool_intern(t->s, &mean, &day), FG_OK);
	assert_true(hour != t->point[0] && day != hour);
	seq += 3 - seq % 4; /* so that number 1 is of point 0 */
	store_put(t, seq + 1, 1, W);
	put_mean(t, seq + 2, hour, W + HOUR_MS, 0);
	put_mean(t, seq + 3, hour, W + 2 * HOUR_MS, 0);
	put_mean(t, seq + 4, day, W + HOUR_MS, 0);
	put_mean(t, seq + 5, hour, W + 2 * HOUR_MS, seq + 3);
	put_mean(t, seq + 6, hour, W + HOUR_MS, seq + 2);
	r = open_reader(t);
	fg_reader_history(r, mean.station, mean.point, W, INT64_MAX, 0, take, &seen);
	check_numbers("history", seq, ".x.....");
	fg_reader_aggregates(r, mean.station, mean.point, FG_TOLD_HOUR, W, INT64_MAX, 0, take,
		&seen);
	check_numbers("hours", seq, "..xx.xx");
	fg_reader_aggregates(r, mean.station, mean.point, FG_TOLD_HOUR, W + 2 * HOUR_MS,
		INT64_MAX, seq + 3, take, &seen);
	check_numbers("hours later", seq, ".....x.");
	fg_reader_aggregates(r, mean.station, mean.point, FG_TOLD_DAY, W, INT64_MAX, 0, take,
		&seen);
	check_numbers("days", seq, "....x..");
	fg_reader_latest(r, 100, take, &seen);
	assert_int_equal(seen.count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_true(seen.items[i].seq == seq + 5 || seen.items[i].seq == seq + 4 ||
			seen.items[i].seq == seq + 1);
	fg_reader_close(r);
}

/* One reading of point 0 or 1, or its correction. */
static uint64_t put_reading(struct store *t, uint64_t seq, unsigned point, unsigned minute,
	uint64_t replaces)
{
	const struct fg_record_head head = {.era = 1, .replaces = replaces, .has_wall = true,
		.wall_ms = W + minute * 60000, .mono_us = minute * INT64_C(60000000), .count = 1};
	const struct fg_item item = {.kind = FG_ITEM_READING, .point = t->point[point],
		.wall_ms = head.wall_ms, .qc = replaces ? FG_QC_FAIL : FG_QC_PASS,
		.value = {.kind = FG_KIND_DOUBLE, .f = minute}};
	char mem[256];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode(&out, &head, &item, &head.mono_us);
	put_record(t, seq, 1, &out);
	return seq;
}

static void check_history(struct store *t, uint64_t after, uint64_t seq, const char *want)
{
	struct fg_reader *r = open_reader(t);
	const struct fg_point_desc *desc = store_desc(0);
	long n = fg_reader_history(
		r, desc->station, desc->point, W, INT64_MAX, after, take, &seen);

	assert_int_equal(n, seen.count);
	fg_reader_close(r);
	check_numbers(want, seq, want);
}

/* A spike: its correction comes before the reading that shows it. */
static void history_pairs_a_spike_with_its_correction(void **state)
{
	struct store *t = *state;
	uint64_t seq = start(t);

	put_reading(t, seq, 0, 0, 0);
	put_reading(t, seq + 1, 0, 1, 0);
	put_reading(t, seq + 2, 1, 1, 0); /* of another point */
	put_reading(t, seq + 3, 0, 1, seq + 1);
	put_reading(t, seq + 4, 0, 2, 0);
	check_history(t, 0, seq, "x..xx");
	/* of a page that begins between them, too; one that ends there has neither */
	check_history(t, seq, seq, "...xx");
	check_history(t, seq + 1, seq, "...xx");
	check_history(t, seq + 3, seq, "....x");
	/* worse still: again it is the last alone */
	put_reading(t, seq + 5, 0, 1, seq + 1);
	check_history(t, 0, seq, "x...xx");
	/* one that nobody has is a reading like others, of another point it is none */
	put_reading(t, seq + 6, 0, 1, seq + 900);
	put_reading(t, seq + 7, 1, 0, seq);
	check_history(t, 0, seq, "x...xxx.");
}

/* What was worked out of a spike since is corrected all together, when the spike shows. */
static void history_pairs_several_corrections(void **state)
{
	struct store *t = *state;
	uint64_t seq = start(t);

	for (unsigned i = 0; i < 4; i++)
		put_reading(t, seq + i, 0, i, 0);
	for (unsigned i = 1; i < 4; i++)
		put_reading(t, seq + 3 + i, 0, i, seq + i);
	put_reading(t, seq + 7, 0, 4, 0);
	check_history(t, 0, seq, "x...xxxx");
	check_history(t, seq, seq, "....xxxx");
	check_history(t, seq + 4, seq, ".....xxx");
}

/* How far a correction may come behind: what is held has a bound, and nothing is lost by it. */
static void history_holds_so_many_readings(void **state)
{
	enum { HELD = 32 };
	struct store *t = *state;
	uint64_t seq = start(t);
	char want[HELD + 4];

	memset(want, 'x', sizeof(want));
	want[HELD + 3] = '\0';
	for (unsigned i = 0; i < HELD + 1; i++)
		put_reading(t, seq + i, 0, i, 0);
	put_reading(t, seq + HELD + 1, 0, 0, seq); /* the first has been given by then */
	put_reading(t, seq + HELD + 2, 0, 2, seq + 2);
	want[2] = '.';
	check_history(t, 0, seq, want);
}

static int take_one(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	take(arg, item, desc, uncertain);
	return 1;
}

/* A page of one, then the next from there on: each reading once, whatever is held. */
static void history_in_pages_of_one(void **state)
{
	static const char want[] = "x..xx";
	struct store *t = *state;
	const struct fg_point_desc *desc = store_desc(0);
	uint64_t seq = start(t), after = 0;
	struct fg_reader *r;
	struct seen all = {.count = 0};

	put_reading(t, seq, 0, 0, 0);
	put_reading(t, seq + 1, 0, 1, 0);
	put_reading(t, seq + 2, 1, 1, 0);
	put_reading(t, seq + 3, 0, 1, seq + 1);
	put_reading(t, seq + 4, 0, 2, 0);
	r = open_reader(t);
	while (fg_reader_history(r, desc->station, desc->point, W, INT64_MAX, after, take_one,
		&seen) == 1) {
		assert_int_equal(seen.count, 1);
		after = seen.items[0].seq;
		all.items[all.count++] = seen.items[0];
		seen = (struct seen){0};
		assert_true(all.count <= 5);
	}
	fg_reader_close(r);
	seen = all;
	check_numbers(want, seq, want);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(gaps_and_accounts_are_given_like_readings),
		T(estimated_times_come_with_their_uncertainty),
		T(the_newest_is_the_one_taken_last),
		T(spool_I16_history_has_corrections_in_their_place),
		T(spool_I17_a_number_tells_the_same_for_ever),
		T(a_period_has_all_entries_of_its_time),
		T(means_are_a_series_of_their_own),
		T(history_pairs_a_spike_with_its_correction),
		T(history_pairs_several_corrections),
		T(history_holds_so_many_readings),
		T(history_in_pages_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
