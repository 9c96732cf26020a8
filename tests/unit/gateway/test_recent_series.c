/* SPDX-License-Identifier: EUPL-1.2 */
/* The ring of recent readings and the series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/status.h"
#include "gateway/recent.h"
#include "gateway/series.h"

static struct fg_item text_item(uint64_t seq, char *text)
{
	return (struct fg_item){.seq = seq, .qc = FG_QC_PASS, .value = {.kind = FG_KIND_TEXT,
		.text = text, .len = (uint32_t)strlen(text)}};
}

static void test_ring(void **state)
{
	struct fg_recent r;
	char text[] = "first";

	(void)state;
	assert_int_equal(fg_recent_init(&r, 100, 5000), FG_OK);
	assert_int_equal(r.cap, 100);
	assert_null(fg_recent_get(&r, 5000));
	for (uint64_t i = 0; i < 1000; i++) {
		struct fg_recent_entry e = {.mono_us = (int64_t)i, .timed = true,
			.item = {.value = {.kind = FG_KIND_INT, .i = (int64_t)i}}};

		text[0] = (char)('a' + i % 26);
		if (i % 3 == 0)
			e.item = text_item(0, text);
		fg_recent_add(&r, &e);
		text[0] = '!'; /* the ring has its own copy */
	}
	assert_null(fg_recent_get(&r, 5000 + 899));
	assert_null(fg_recent_get(&r, 6000));
	assert_null(fg_recent_edit(&r, 6000));
	for (uint64_t i = 900; i < 1000; i++) {
		const struct fg_recent_entry *e = fg_recent_get(&r, 5000 + i);

		assert_non_null(e);
		assert_ptr_equal(e, fg_recent_edit(&r, 5000 + i));
		assert_int_equal(e->item.seq, 5000 + i);
		assert_true(e->mono_us == (int64_t)i);
		if (i % 3 == 0)
			assert_int_equal(e->item.value.text[0], 'a' + i % 26);
		else
			assert_true(e->item.value.i == (int64_t)i);
	}
	fg_recent_fini(&r);
	fg_recent_fini(&r);
}

static void test_series_are_found_by_content(void **state)
{
	static const struct fg_point_desc base = {"pier", "d", "ph", "ph", "[pH]", "water",
		.decimals = 2};
	struct fg_point_desc others[10] = {
		base, base, base, base, base, base, base, base, base, base};
	struct fg_series_set set = {0};
	struct fg_series *s;
	char station[] = "pier";
	struct fg_point_desc mine = base;

	(void)state;
	others[0].station = "park";
	others[1].device = "e";
	others[2].point = "ph2";
	others[3].property = "x_ph";
	others[4].unit = "1";
	others[5].domain = "bathing";
	others[6].decimals = -1;
	others[7].rules[3] = "pair";
	others[8].period = FG_TOLD_HOUR;
	others[8].stat = FG_STAT_MEAN;
	others[9].period = FG_TOLD_HOUR;
	others[9].stat = FG_STAT_SUM;
	mine.station = station;
	s = fg_series_add(&set, 1, &mine);
	station[0] = '!'; /* the set has its own copy */
	assert_ptr_equal(fg_series_find(&set, &base), s);
	assert_int_equal(s->domain, FG_DOMAIN_WATER);
	for (size_t i = 0; i < 10; i++)
		assert_null(fg_series_find(&set, &others[i]));
	for (size_t i = 0; i < 10; i++) /* ids with holes, as after many configurations */
		fg_series_add(&set, (uint32_t)(100 + 3 * i), &others[i]);
	for (size_t i = 0; i < 10; i++)
		assert_ptr_equal(fg_series_find(&set, &others[i]),
			fg_series_by_id(&set, (uint32_t)(100 + 3 * i)));
	assert_ptr_equal(fg_series_by_id(&set, 1), s);
	assert_null(fg_series_by_id(&set, 0));
	assert_null(fg_series_by_id(&set, 2));
	assert_null(fg_series_by_id(&set, UINT32_MAX));
	for (uint32_t i = 0; i < 100; i++) /* pointers stay when the set grows */
		fg_series_add(&set, 1000 + i, &base);
	assert_ptr_equal(fg_series_by_id(&set, 1), s);
	assert_string_equal(s->desc.station, "pier");
	assert_string_equal(fg_series_find(&set, &others[7])->desc.rules[3], "pair");
	fg_series_set_fini(&set);
}

static void test_newest(void **state)
{
	static const struct fg_point_desc desc = {"pier", "d", "x_t", "x_t", "1", "water",
		.decimals = -1};
	struct fg_series_set set = {0};
	struct fg_series *s = fg_series_add(&set, 7, &desc);
	char text[] = "one";
	struct fg_item item = text_item(10, text);

	(void)state;
	assert_false(s->has_newest);
	fg_series_update(s, &item, 1, false);
	text[0] = 'O';
	assert_memory_equal(s->newest.value.text, "one", 3);
	assert_int_equal(s->newest.point, 7);
	assert_false(s->newest_timed);
	item = text_item(9, text); /* older, and the same again: nothing */
	fg_series_update(s, &item, 2, true);
	item.seq = 10;
	fg_series_update(s, &item, 2, true);
	assert_memory_equal(s->newest.value.text, "one", 3);
	assert_false(s->newest_timed);
	item.seq = 11;
	fg_series_update(s, &item, 3, true);
	assert_memory_equal(s->newest.value.text, "One", 3);
	item = (struct fg_item){.seq = 12, .qc = FG_QC_MISSING};
	fg_series_update(s, &item, 4, true); /* a text gives way to nothing */
	assert_int_equal(s->newest.value.kind, FG_KIND_NONE);
	assert_true(s->newest_mono_us == 4);
	fg_series_set_fini(&set);
}

/* Gaps and accounts are copied whole, and freed as they give way. */
static void test_recent_keeps_gaps_and_accounts(void **state)
{
	char town[] = "town";
	struct fg_gap gap = {.count = 3, .destination = town};
	struct fg_account_line lines[2] = {{.point = 4}, {.point = 5, .sent = 9}};
	struct fg_account account = {.count = 2, .lines = lines, .destination = town};
	struct fg_recent r;

	(void)state;
	assert_int_equal(fg_recent_init(&r, 64, 1), FG_OK);
	for (uint64_t seq = 1; seq <= 200; seq++) {
		struct fg_recent_entry e = {.item = {.kind = FG_ITEM_GAP, .gap = &gap}};
		struct fg_recent_entry f = {
			.item = {.kind = FG_ITEM_ACCOUNT, .account = &account}};

		fg_recent_add(&r, seq % 2 ? &e : &f);
	}
	town[0] = 'x';
	gap.count = 0;
	lines[1].sent = 0;
	assert_int_equal(fg_recent_get(&r, 199)->item.gap->count, 3);
	assert_string_equal(fg_recent_get(&r, 199)->item.gap->destination, "town");
	assert_int_equal(fg_recent_get(&r, 200)->item.account->lines[1].sent, 9);
	assert_string_equal(fg_recent_get(&r, 200)->item.account->destination, "town");
	fg_recent_fini(&r);
}

/* Numbers that were given away: neither they nor what was in their place before. */
static void test_ring_with_holes(void **state)
{
	struct fg_recent r;
	char text[] = "text";
	struct fg_recent_entry e = {.item = text_item(0, text)};

	(void)state;
	assert_int_equal(fg_recent_init(&r, 64, 100), FG_OK);
	for (int i = 0; i < 60; i++)
		fg_recent_add(&r, &e);
	fg_recent_skip(&r, 10);
	fg_recent_add(&r, &e);
	assert_int_equal(r.next, 171);
	assert_int_equal(r.first, 107);
	assert_non_null(fg_recent_get(&r, 159));
	for (uint64_t seq = 160; seq < 170; seq++) {
		assert_null(fg_recent_get(&r, seq));
		assert_null(fg_recent_edit(&r, seq));
	}
	assert_int_equal(fg_recent_get(&r, 170)->item.seq, 170);
	fg_recent_fini(&r);
}

/* A correction stands in the place of what it corrects; gaps and accounts are no readings. */
static void test_newest_and_corrections(void **state)
{
	static const struct fg_point_desc desc = {"pier", "d", "x_t", "x_t", "1", "water",
		.decimals = -1};
	struct fg_series_set set = {0};
	struct fg_series *s = fg_series_add(&set, 7, &desc);
	struct fg_item item = {.seq = 10, .qc = FG_QC_PASS};

	(void)state;
	fg_series_update(s, &item, 0, true);
	item = (struct fg_item){.seq = 20, .kind = FG_ITEM_GAP};
	fg_series_update(s, &item, 0, true);
	assert_int_equal(s->newest.seq, 10);
	item = (struct fg_item){.seq = 21, .replaces = 9, .qc = FG_QC_PASS};
	fg_series_update(s, &item, 0, true);
	assert_int_equal(s->newest.seq, 10); /* of an older one */
	item.replaces = 10;
	fg_series_update(s, &item, 0, true);
	assert_int_equal(s->newest.seq, 21);
	item = (struct fg_item){.seq = 15, .qc = FG_QC_PASS};
	assert_true(fg_series_is_newer(s, &item)); /* measured later, whatever the number */
	fg_series_update(s, &item, 0, true);
	assert_int_equal(s->newest.seq, 15);
	item = (struct fg_item){.seq = 22, .replaces = 10, .qc = FG_QC_PASS};
	assert_false(fg_series_is_newer(s, &item));
	fg_series_set_fini(&set);
}

/* The newest mean is that of the newest hour, however late another one comes; ring and series have
 * copies of their own. */
static void test_newest_mean(void **state)
{
	static const struct fg_point_desc desc = {"pier", "d", "x_t", "x_t", "1", "water",
		.decimals = -1, .period = FG_TOLD_HOUR, .stat = FG_STAT_MEAN};
	struct fg_series_set set = {0};
	struct fg_series *s = fg_series_add(&set, 7, &desc);
	struct fg_aggregate a = {.count = 5};
	struct fg_item item = {.seq = 10, .kind = FG_ITEM_AGGREGATE, .wall_ms = 7200000,
		.aggregate = &a};
	struct fg_recent r;

	(void)state;
	assert_int_equal(fg_recent_init(&r, 64, 10), FG_OK);
	fg_recent_add(&r, &(struct fg_recent_entry){.item = item, .series = s});
	fg_series_update(s, &item, 0, true);
	a.count = 6;
	assert_int_equal(fg_recent_get(&r, 10)->item.aggregate->count, 5);
	assert_int_equal(s->newest.aggregate->count, 5);
	item.seq = 11;
	item.wall_ms = 3600000; /* a late one */
	assert_false(fg_series_is_newer(s, &item));
	item.wall_ms = 7200000;
	item.replaces = 10;
	fg_series_update(s, &item, 0, true);
	assert_int_equal(s->newest.seq, 11);
	assert_int_equal(s->newest.aggregate->count, 6);
	item.seq = 9;
	assert_false(fg_series_is_newer(s, &item));
	fg_series_forget(s);
	assert_false(s->has_newest);
	fg_recent_fini(&r);
	fg_series_set_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recent_keeps_gaps_and_accounts),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_series_are_found_by_content),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_ring_with_holes),
		cmocka_unit_test(test_newest_and_corrections),
		cmocka_unit_test(test_newest_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
