/* SPDX-License-Identifier: EUPL-1.2 */
/* Sets of ranges against a plain bitmap, and their stored form against any bytes. */
#include "store.h"

#include "base/cleanup.h"
#include "base/rng.h"

#define SPACE 300

static void check_shape(const struct fg_ranges *r)
{
	assert_true(r->count <= FG_RANGES_MAX);
	for (size_t i = 0; i < r->count; i++) {
		assert_true(r->items[i].from < r->items[i].to);
		if (i)
			assert_true(r->items[i].from > r->items[i - 1].to);
	}
}

static void check_same(const struct fg_ranges *r, const bool *map)
{
	uint64_t count = 0, first = FG_SEQ_END;

	for (uint64_t i = 0; i < SPACE; i++) {
		assert_int_equal(fg_ranges_has(r, i), map[i]);
		assert_int_equal(fg_ranges_count_below(r, i), count);
		if (map[i] && first == FG_SEQ_END)
			first = i;
		count += map[i];
	}
	assert_int_equal(fg_ranges_first(r), first);
}

static void check_next(const struct fg_ranges *r, const bool *map, uint64_t seq)
{
	uint64_t from = seq, to;
	struct fg_range got;

	while (from < SPACE && !map[from])
		from++;
	for (to = from; to < SPACE && map[to]; to++)
		;
	assert_int_equal(fg_ranges_next(r, seq, &got), from < SPACE);
	if (from < SPACE) {
		assert_int_equal(got.from, from);
		assert_int_equal(got.to, to);
	}
}

static void check_stored(const struct fg_ranges *r)
{
	char mem[32 * 1024];
	struct fg_ranges back;
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_ranges_encode(r, &out);
	assert_false(out.overflow);
	assert_int_equal(fg_ranges_decode(out.data, out.len, &back), FG_OK);
	assert_int_equal(back.count, r->count);
	if (r->count)
		assert_memory_equal(back.items, r->items, r->count * sizeof(*r->items));
	fg_ranges_fini(&back);
}

static void spool_I7_ranges_are_the_set_they_stand_for(void **state)
{
	struct fg_rng rng = {7};

	(void)state;
	for (int round = 0; round < 20; round++) {
		FG_CLEANUP(fg_ranges_fini) struct fg_ranges r;
		bool map[SPACE] = {false};

		fg_ranges_init(&r);
		for (int step = 0; step < 200; step++) {
			uint64_t from = fg_rng_below(&rng, SPACE - 1);
			uint64_t to = from + 1 + fg_rng_below(&rng, FG_MIN(20, SPACE - from - 1));
			bool add = fg_rng_below(&rng, 2);

			assert_int_equal(add ? fg_ranges_add(&r, from, to) :
					       fg_ranges_remove(&r, from, to), FG_OK);
			for (uint64_t i = from; i < to; i++)
				map[i] = add;
			check_shape(&r);
			check_same(&r, map);
			check_next(&r, map, from);
			check_stored(&r);
		}
	}
}

static void spool_I7_ranges_are_bounded_and_lose_nothing(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges r;
	uint64_t n = 3 * FG_RANGES_MAX;

	(void)state;
	fg_ranges_init(&r);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(fg_ranges_add(&r, 10 * i, 10 * i + 3), FG_OK);
	check_shape(&r);
	assert_int_equal(r.count, FG_RANGES_MAX);
	for (uint64_t i = 0; i < n; i++)
		assert_true(fg_ranges_has(&r, 10 * i + 2));
	check_stored(&r);

	/* the same from the other side: holes in one long interval */
	fg_ranges_fini(&r);
	fg_ranges_add(&r, 0, FG_SEQ_END);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(fg_ranges_remove(&r, 10 * i, 10 * i + 3), FG_OK);
	check_shape(&r);
	for (uint64_t i = 0; i < n; i++)
		assert_true(fg_ranges_has(&r, 10 * i + 5));
	assert_true(fg_ranges_has(&r, UINT64_C(1) << 60));
	check_stored(&r);
}

static void open_end_and_misuse(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges r, copy;
	struct fg_range got;

	(void)state;
	fg_ranges_init(&r);
	fg_ranges_init(&copy);
	assert_int_equal(fg_ranges_add(&r, 5, 5), FG_EINVAL);
	assert_int_equal(fg_ranges_remove(&r, 6, 5), FG_EINVAL);
	assert_int_equal(fg_ranges_remove(&r, 0, 5), FG_OK);
	assert_false(fg_ranges_next(&r, 0, &got));
	assert_int_equal(fg_ranges_first(&r), FG_SEQ_END);
	assert_int_equal(fg_ranges_add(&r, 100, FG_SEQ_END), FG_OK);
	assert_int_equal(fg_ranges_add(&r, 0, 1), FG_OK);
	assert_true(fg_ranges_next(&r, 1, &got));
	assert_int_equal(got.from, 100);
	assert_int_equal(got.to, FG_SEQ_END);
	assert_int_equal(fg_ranges_count_below(&r, 110), 11);
	assert_int_equal(fg_ranges_copy(&copy, &r), FG_OK);
	assert_int_equal(fg_ranges_remove(&r, 0, FG_SEQ_END), FG_OK);
	assert_int_equal(r.count, 0);
	assert_int_equal(copy.count, 2);
	assert_int_equal(fg_ranges_copy(&copy, &r), FG_OK);
	assert_int_equal(copy.count, 0);
	check_stored(&r);
}

static void spool_I6_damaged_ranges_are_refused(void **state)
{
	FG_CLEANUP(fg_ranges_fini) struct fg_ranges r, got;
	char mem[256];
	struct fg_buf out;

	(void)state;
	fg_ranges_init(&r);
	fg_ranges_init(&got);
	fg_ranges_add(&r, 1000, 2000);
	fg_ranges_add(&r, 3000, 3001);
	fg_ranges_add(&r, UINT64_C(1) << 40, FG_SEQ_END);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_ranges_encode(&r, &out);
	for (size_t n = 0; n < out.len; n++)
		assert_int_equal(fg_ranges_decode(out.data, n, &got), FG_ECORRUPT);
	for (size_t i = 0; i < out.len * 8; i++) {
		out.data[i / 8] = (char)(out.data[i / 8] ^ (1 << i % 8));
		assert_int_equal(fg_ranges_decode(out.data, out.len, &got), FG_ECORRUPT);
		out.data[i / 8] = (char)(out.data[i / 8] ^ (1 << i % 8));
	}
	assert_int_equal(fg_ranges_decode(NULL, 0, &got), FG_ECORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spool_I7_ranges_are_the_set_they_stand_for),
		cmocka_unit_test(spool_I7_ranges_are_bounded_and_lose_nothing),
		cmocka_unit_test(open_end_and_misuse),
		cmocka_unit_test(spool_I6_damaged_ranges_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
