/* SPDX-License-Identifier: EUPL-1.2 */
/* What a start reads out of a real store for the ledgers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"
#include "gateway/ledger_start.h"
#include "storage/record.h"

#define NOON_MS INT64_C(1782907200000)

static char dir[64], file[96];
static struct fg_spool *spool;
static struct fg_reader *reader;
static uint32_t era, ph, level;
static uint64_t next;
static struct fg_core_known got;
static struct fg_core_known_point points[8];
static unsigned calls;
static bool full; /* the store refuses what is put */

static const struct fg_point_desc descs[2] = {
	{.station = "pier", .device = "sonde", .point = "ph", .property = "ph", .unit = "1",
		.domain = "water", .decimals = -1},
	{.station = "pier", .device = "gauge", .point = "water_level",
		.property = "water_level", .unit = "m", .domain = "water", .decimals = -1},
};

static int begin(void **state)
{
	struct fg_spool_conf conf = {.file = file, .keep_ms = 86400000, .max_bytes = 8 << 20};
	struct fg_spool_info info;
	char text[256];
	struct fg_buf why;

	(void)state;
	fg_buf_wrap(&why, text, sizeof(text));
	snprintf(dir, sizeof(dir), "/tmp/fjordgate-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/readings.db", dir);
	assert_int_equal(fg_spool_open(&conf, &why, &spool), FG_OK);
	fg_spool_info(spool, &info);
	era = info.era;
	next = info.next_seq;
	assert_int_equal(fg_spool_reserve(spool, next + 1000), FG_OK);
	assert_int_equal(fg_spool_begin(spool), FG_OK);
	assert_int_equal(fg_spool_intern(spool, &descs[0], &ph), FG_OK);
	assert_int_equal(fg_spool_intern(spool, &descs[1], &level), FG_OK);
	got = (struct fg_core_known){.count = 0};
	calls = 0;
	full = false;
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	fg_reader_close(reader);
	fg_spool_close(spool);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

static void put(const struct fg_buf *record)
{
	assert_false(record->overflow);
	assert_int_equal(fg_spool_append(spool, next, 1, record->data, record->len),
		full ? FG_EFULL : FG_OK);
	next++;
}

static void reading(uint32_t point, int64_t at_ms, enum fg_qc qc, bool timed, uint64_t replaces)
{
	const struct fg_record_head head = {.era = era, .mono_us = 5, .wall_ms = at_ms,
		.has_wall = timed, .count = 1, .replaces = replaces};
	const struct fg_item item = {.point = point, .wall_ms = at_ms, .qc = qc,
		.reason = qc == FG_QC_MISSING ? FG_REASON_FRAME : FG_REASON_NONE,
		.value = {.kind = qc == FG_QC_MISSING ? FG_KIND_NONE : FG_KIND_INT, .i = 7}};
	const int64_t mono_us = 5;
	struct fg_buf record;

	fg_buf_init(&record, 4096);
	fg_record_encode(&record, &head, &item, &mono_us);
	put(&record);
	fg_buf_fini(&record);
}

static void gap(uint32_t point, int64_t at_ms, enum fg_reason reason, const char *destination)
{
	const struct fg_record_head head = {.era = era, .count = 1};
	const struct fg_gap g = {
		.from_ms = at_ms, .to_ms = at_ms, .count = 3, .destination = destination,
		.retold = reason == FG_REASON_MAX_SIZE};
	const struct fg_item item = {.kind = FG_ITEM_GAP, .point = point, .wall_ms = at_ms,
		.gap = &g, .qc = FG_QC_MISSING, .reason = reason};
	struct fg_buf record;

	fg_buf_init(&record, 4096);
	fg_record_encode_gaps(&record, &head, &item);
	put(&record);
	fg_buf_fini(&record);
}

static void account(uint32_t point, int64_t from_ms, int64_t to_ms)
{
	const struct fg_record_head head = {.era = era, .count = 1};
	const struct fg_account_line line = {.point = point, .scheduled = 4, .sent = 4};
	const struct fg_account a = {
		.from_ms = from_ms, .to_ms = to_ms, .count = 1, .lines = &line};
	struct fg_buf record;

	fg_buf_init(&record, 4096);
	fg_record_encode_account(&record, &head, &a);
	put(&record);
	fg_buf_fini(&record);
}

static int take(void *arg, const struct fg_core_known *known)
{
	(void)arg;
	calls++;
	got = *known;
	for (size_t i = 0; i < known->count; i++)
		points[i] = known->points[i];
	return 0;
}

static void look(uint64_t from_seq)
{
	const struct fg_ledger_row row = {"sonde", NOON_MS, from_seq, false};
	char text[256];
	struct fg_buf why;

	fg_buf_wrap(&why, text, sizeof(text));
	assert_int_equal(fg_spool_commit(spool), FG_OK);
	assert_int_equal(fg_reader_open(file, &why, &reader), FG_OK);
	assert_int_equal(fg_ledger_known(reader, &row, 1, next, take, NULL), FG_OK);
	assert_int_equal(calls, 1);
}

static void test_what_counts(void **state)
{
	uint64_t from;

	(void)state;
	reading(ph, NOON_MS + 1, FG_QC_PASS, true, 0); /* of a number before the row's */
	from = next;
	reading(ph, NOON_MS - 1, FG_QC_PASS, true, 0); /* of the hour before */
	reading(ph, NOON_MS, FG_QC_PASS, true, 0);
	gap(ph, NOON_MS - 1, FG_REASON_FRAME, NULL);
	account(ph, NOON_MS - 3600000, NOON_MS);
	reading(ph, NOON_MS + 9, FG_QC_FAIL, true, 0);
	reading(ph, NOON_MS + 2, FG_QC_MISSING, true, 0);
	reading(ph, NOON_MS + 3, FG_QC_PASS, true, from); /* a correction */
	reading(ph, 0, FG_QC_PASS, false, 0);		  /* time not known */
	reading(level, NOON_MS + 4, FG_QC_PASS, true, 0); /* another device */
	gap(ph, NOON_MS + 5, FG_REASON_FRAME, NULL);
	gap(ph, NOON_MS + 6, FG_REASON_MAX_SIZE, "town"); /* of one destination */
	gap(ph, NOON_MS + 7, FG_REASON_MAX_SIZE, NULL);	  /* was counted, then refused */
	look(from);
	assert_int_equal(got.count, 1);
	assert_int_equal(points[0].id, ph);
	assert_string_equal(points[0].desc->point, "ph");
	assert_int_equal(points[0].sent, 3);
	assert_int_equal(points[0].missing, 3);
	assert_true(got.oldest_ms == NOON_MS && got.newest_ms == NOON_MS + 9);
	assert_true(got.row.to_ms == NOON_MS);
}

/* The account was stored, its row was not: what it tells of is not told again. */
static void test_an_account_without_its_row(void **state)
{
	uint64_t from = next;

	(void)state;
	reading(ph, NOON_MS + 1, FG_QC_PASS, true, 0);
	reading(ph, 0, FG_QC_PASS, false, 0);
	reading(ph, NOON_MS + 3600000, FG_QC_PASS, true, 0);
	gap(ph, NOON_MS + 2, FG_REASON_FRAME, NULL);
	account(level, NOON_MS, NOON_MS + 7200000); /* another's */
	account(ph, NOON_MS - 3600000, NOON_MS);    /* that of the row */
	account(ph, NOON_MS, NOON_MS + 3600000);
	reading(ph, 0, FG_QC_PASS, false, 0);
	look(from);
	assert_true(got.row.to_ms == NOON_MS + 3600000);
	assert_int_equal(points[0].sent, 2);
	assert_int_equal(points[0].missing, 0);
}

static void test_nothing_since(void **state)
{
	(void)state;
	reading(ph, NOON_MS + 1, FG_QC_PASS, true, 0);
	look(next);
	assert_int_equal(got.count, 0);
	assert_true(got.row.to_ms == NOON_MS && got.oldest_ms == 0);
}

static void store_row(uint64_t from_seq)
{
	const struct fg_ledger_row row = {"sonde", NOON_MS, from_seq, false};

	assert_int_equal(fg_spool_set_ledger(spool, &row), FG_OK);
}

/* The disk is full, and what all have goes, of the running hour too. */
static void free_delivered(void)
{
	const struct fg_tidy tidy = {.delivered_below = next};
	struct fg_spool_info info;

	assert_int_equal(fg_spool_commit(spool), FG_OK);
	assert_int_equal(fg_spool_use_reserve(spool), FG_OK);
	assert_int_equal(fg_spool_tidy(spool, &tidy), FG_TIDY_MORE);
	fg_spool_info(spool, &info);
	assert_int_equal(info.rows, 1);
	assert_int_equal(fg_spool_begin(spool), FG_OK);
}

/* What is gone counts as what it was, and what was in an account does not. */
static void test_what_was_freed_counts(void **state)
{
	uint64_t from;

	(void)state;
	reading(ph, NOON_MS + 1, FG_QC_PASS, true, 0); /* of a number before the row's */
	from = next;
	store_row(from);
	reading(ph, NOON_MS - 1, FG_QC_PASS, true, 0); /* of the hour before */
	reading(ph, NOON_MS, FG_QC_PASS, true, 0);
	gap(ph, NOON_MS - 1, FG_REASON_FRAME, NULL);
	account(ph, NOON_MS - 3600000, NOON_MS);
	reading(ph, NOON_MS + 9, FG_QC_FAIL, true, 0);
	reading(ph, NOON_MS + 2, FG_QC_MISSING, true, 0);
	reading(ph, NOON_MS + 3, FG_QC_PASS, true, from); /* a correction */
	reading(level, NOON_MS + 4, FG_QC_PASS, true, 0); /* another device */
	gap(ph, NOON_MS + 5, FG_REASON_FRAME, NULL);
	gap(ph, NOON_MS + 6, FG_REASON_MAX_SIZE, "town");
	gap(ph, NOON_MS + 7, FG_REASON_MAX_SIZE, NULL);
	reading(ph, 0, FG_QC_PASS, false, 0); /* it is still there */
	free_delivered();
	look(from);
	assert_int_equal(got.count, 1);
	assert_int_equal(points[0].id, ph);
	assert_int_equal(points[0].sent, 3);
	assert_int_equal(points[0].missing, 3);
	assert_true(got.oldest_ms == NOON_MS && got.newest_ms == NOON_MS + 9);
}

/* Until nothing more is taken (drop-newest). */
static void fill_store(void)
{
	const struct fg_spool_conf conf = {.keep_ms = 86400000, .max_bytes = 1 << 20,
		.when_full = FG_FULL_DROP_NEWEST};
	const struct fg_record_head head = {.era = era, .has_wall = true, .wall_ms = NOON_MS,
		.count = 1};
	const struct fg_item item = {.point = level, .wall_ms = NOON_MS, .qc = FG_QC_PASS,
		.value = {.kind = FG_KIND_INT, .i = 7}};
	const int64_t mono_us = 5;
	struct fg_buf record;
	int r = FG_OK;

	assert_int_equal(fg_spool_commit(spool), FG_OK);
	fg_spool_set_limits(spool, &conf);
	assert_int_equal(fg_spool_reserve(spool, next + 100000), FG_OK);
	fg_buf_init(&record, 4096);
	fg_record_encode(&record, &head, &item, &mono_us);
	while (r == FG_OK) {
		assert_int_equal(fg_spool_begin(spool), FG_OK);
		for (unsigned i = 0; i < 100 && r == FG_OK; i++, next += r == FG_OK)
			r = fg_spool_append(spool, next, 1, record.data, record.len);
		assert_int_equal(fg_spool_commit(spool), FG_OK);
	}
	assert_int_equal(r, FG_EFULL);
	fg_buf_fini(&record);
	assert_int_equal(fg_spool_begin(spool), FG_OK);
	full = true;
}

/* The store has room again, and tells what it refused. */
static void tell_refused(unsigned entries)
{
	const struct fg_spool_conf conf = {.keep_ms = 86400000, .max_bytes = 8 << 20};
	unsigned used = 0;

	fg_spool_set_limits(spool, &conf);
	assert_int_equal(fg_spool_begin(spool), FG_OK);
	assert_int_equal(fg_spool_issue_losses(spool, "town", next, 10, &used), FG_OK);
	assert_int_equal(used, entries);
	next += used;
}

/* What a full store refused counts as what it was, and not once more when gaps tell it. */
static void test_what_was_refused_counts(void **state)
{
	uint64_t from = next;

	(void)state;
	store_row(from);
	reading(ph, NOON_MS + 1, FG_QC_PASS, true, 0);
	fill_store();
	reading(ph, NOON_MS + 2, FG_QC_PASS, true, 0);
	gap(ph, NOON_MS + 3, FG_REASON_FRAME, NULL);
	look(from);
	assert_int_equal(got.count, 1);
	assert_int_equal(points[0].sent, 2);
	assert_int_equal(points[0].missing, 3);
	assert_true(got.newest_ms == NOON_MS + 3);
	fg_reader_close(reader);
	tell_refused(3); /* one is of what filled it */
	calls = 0;
	look(from);
	assert_int_equal(points[0].sent, 2);
	assert_int_equal(points[0].missing, 3);
}

static void count_freed(void *arg, const struct fg_freed_count *f)
{
	*(uint64_t *)arg += f->count;
}

/* It is forgotten with the account that tells of it. */
static void test_what_was_freed_is_accounted_for(void **state)
{
	uint64_t from = next, n = 0;
	char text[256];
	struct fg_buf why;

	(void)state;
	store_row(from);
	reading(ph, NOON_MS + 1, FG_QC_PASS, true, 0);
	reading(ph, NOON_MS + 2, FG_QC_PASS, true, 0);
	reading(ph, 0, FG_QC_PASS, false, 0);
	free_delivered();
	assert_int_equal(fg_spool_commit(spool), FG_OK);
	fg_buf_wrap(&why, text, sizeof(text));
	assert_int_equal(fg_reader_open(file, &why, &reader), FG_OK);
	assert_int_equal(fg_reader_freed(reader, count_freed, &n), 1);
	assert_int_equal(n, 2);
	assert_int_equal(fg_spool_begin(spool), FG_OK);
	store_row(next - 1);
	assert_int_equal(fg_spool_commit(spool), FG_OK);
	assert_int_equal(fg_reader_freed(reader, count_freed, &n), 0);
}

/* A page that cannot be read: what is behind it is not known, and the gateway starts. */
static void test_damage(void **state)
{
	const struct fg_ledger_row row = {"sonde", NOON_MS, next, false};
	static const char nonsense[4096] = {0x7F};
	char text[256];
	struct fg_buf why;
	FILE *out;

	(void)state;
	for (int i = 0; i < 900; i++)
		reading(ph, NOON_MS + i, FG_QC_PASS, true, 0);
	assert_int_equal(fg_spool_commit(spool), FG_OK);
	fg_spool_close(spool);
	spool = NULL;
	out = fopen(file, "r+b");
	assert_non_null(out);
	assert_int_equal(fseek(out, -4096, SEEK_END), 0);
	assert_int_equal(fwrite(nonsense, sizeof(nonsense), 1, out), 1);
	assert_int_equal(fclose(out), 0);
	fg_buf_wrap(&why, text, sizeof(text));
	assert_int_equal(fg_reader_open(file, &why, &reader), FG_OK);
	assert_int_equal(fg_ledger_known(reader, &row, 1, next, take, NULL), FG_OK);
	assert_int_equal(calls, 1);
	assert_in_range(points[0].sent, 1, 899);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_counts),
		TEST(test_an_account_without_its_row),
		TEST(test_nothing_since),
		TEST(test_what_was_freed_counts),
		TEST(test_what_was_freed_is_accounted_for),
		TEST(test_what_was_refused_counts),
		TEST(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
