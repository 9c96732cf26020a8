/* SPDX-License-Identifier: EUPL-1.2 */
/* The ring between threads, variable-length integers, the arena, the generator. */
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/varint.h"

static int push(struct fg_ring *r, const void *data, size_t len)
{
	const struct fg_part part = {data, len};

	return fg_ring_push(r, &part, 1);
}

static void ring_keeps_order_and_refuses(void **state)
{
	struct fg_ring r;
	char out[64];

	(void)state;
	assert_int_equal(fg_ring_init(&r, 64), FG_OK);
	assert_int_equal(fg_ring_pop(&r, out, sizeof(out)), 0);
	assert_int_equal(push(&r, "abc", 3), 1);
	assert_int_equal(push(&r, "defg", 4), 0);
	assert_int_equal(fg_ring_used(&r), 15);
	assert_int_equal(push(&r, out, 61), FG_EFULL); /* never fits */
	assert_int_equal(push(&r, out, 50), FG_EFULL); /* not now */
	assert_int_equal(fg_ring_pop(&r, out, 2), FG_EFULL);
	assert_int_equal(fg_ring_pop(&r, out, sizeof(out)), 3);
	assert_memory_equal(out, "abc", 3);
	fg_ring_close(&r);
	assert_int_equal(push(&r, "x", 1), FG_ECANCELED);
	assert_int_equal(fg_ring_pop(&r, out, sizeof(out)), 4);
	assert_memory_equal(out, "defg", 4);
	assert_int_equal(fg_ring_used(&r), 0);
	fg_ring_fini(&r);
	fg_ring_fini(&r);
}

static void ring_wraps_around(void **state)
{
	struct fg_ring r;
	struct fg_rng rng = {1};
	unsigned char in[40], out[40];
	unsigned next_in = 0, next_out = 0;

	(void)state;
	assert_int_equal(fg_ring_init(&r, 128), FG_OK);
	for (int i = 0; i < 20000; i++) {
		size_t len = 4 + fg_rng_below(&rng, sizeof(in) - 4);
		struct fg_part parts[2] = {{&next_in, 4}, {in, len - 4}};
		long n;

		memset(in, (int)next_in & 0xFF, sizeof(in));
		if (fg_ring_push(&r, parts, 2) >= 0)
			next_in++;
		if (fg_rng_below(&rng, 3) == 0)
			continue;
		n = fg_ring_pop(&r, out, sizeof(out));
		if (n == 0)
			continue;
		assert_memory_equal(out, &next_out, 4);
		for (long k = 4; k < n; k++)
			assert_int_equal(out[k], next_out & 0xFF);
		next_out++;
	}
	assert_true(next_out > 5000);
	fg_ring_fini(&r);
}

#define WRITERS 3
#define EACH	20000

static void *write_numbers(void *arg)
{
	struct fg_ring *r = arg;
	static _Atomic unsigned ids;
	unsigned id = ids++;

	for (unsigned i = 0; i < EACH; i++) {
		unsigned message[2] = {id, i};

		while (push(r, message, sizeof(message)) == FG_EFULL)
			sched_yield();
	}
	return NULL;
}

static void ring_between_threads(void **state)
{
	struct fg_ring r;
	pthread_t threads[WRITERS];
	unsigned seen[WRITERS] = {0}, message[2];

	(void)state;
	assert_int_equal(fg_ring_init(&r, 1024), FG_OK);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_numbers, &r), 0);
	for (unsigned n = 0; n < WRITERS * EACH;) {
		if (fg_ring_pop(&r, message, sizeof(message)) == 0) {
			sched_yield();
			continue;
		}
		assert_true(message[0] < WRITERS);
		assert_int_equal(message[1], seen[message[0]]++);
		n++;
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(fg_ring_used(&r), 0);
	fg_ring_fini(&r);
}

static void varints_come_back(void **state)
{
	static const uint64_t values[] = {
		0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
	char mem[300];
	struct fg_buf b;
	struct fg_bytes in;

	(void)state;
	fg_buf_wrap(&b, mem, sizeof(mem));
	for (size_t i = 0; i < FG_COUNT(values); i++) {
		fg_put_varint(&b, values[i]);
		fg_put_svarint(&b, (int64_t)values[i]);
		fg_put_svarint(&b, -(int64_t)(values[i] / 2));
	}
	in = (struct fg_bytes){(unsigned char *)mem, (unsigned char *)mem + b.len, false};
	for (size_t i = 0; i < FG_COUNT(values); i++) {
		assert_true(fg_get_varint(&in) == values[i]);
		assert_true(fg_get_svarint(&in) == (int64_t)values[i]);
		assert_true(fg_get_svarint(&in) == -(int64_t)(values[i] / 2));
	}
	assert_false(in.bad);
	assert_true(in.at == in.end);
	fg_get_byte(&in);
	assert_true(in.bad);
}

static void damaged_varints_are_bad(void **state)
{
	static const struct {
		unsigned char bytes[12];
		size_t len;
	} cases[] = {
		{{0}, 0},
		{{0x80}, 1},
		{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}, 10}, /* above 2^64 */
		{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, 11},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_bytes in = {cases[i].bytes, cases[i].bytes + cases[i].len, false};

		assert_true(fg_get_varint(&in) == 0);
		assert_true(in.bad);
		assert_null(fg_get_bytes(&in, 0)); /* once bad, always bad */
	}
}

static void arena_is_zeroed_and_aligned(void **state)
{
	struct fg_arena *a = fg_arena_new();
	size_t sum = 0;

	(void)state;
	for (size_t n = 0; n < 5000; n += 37) {
		unsigned char *p = fg_arena_alloc(a, n);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xFF, n);
		sum += n;
	}
	assert_true(fg_arena_used(a) >= sum);
	assert_string_equal(fg_arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(fg_arena_printf(a, "%d-%s", 7, "x"), "7-x");
	fg_arena_free(a);
	fg_arena_free(NULL);
}

static void rng_is_even_and_repeats(void **state)
{
	struct fg_rng a = {5}, b = {5};
	unsigned count[6] = {0};

	(void)state;
	for (int i = 0; i < 6000; i++) {
		uint64_t v = fg_rng_below(&a, 6);

		assert_true(v == fg_rng_below(&b, 6));
		count[v]++;
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(count[i], 850, 1150);
}

static void clocks_run_forward(void **state)
{
	char id[FG_BOOT_ID_SIZE];
	struct fg_now a = fg_clock_now(), b = fg_clock_now();

	(void)state;
	assert_true(b.mono_us >= a.mono_us);
	assert_true(a.wall_us > INT64_C(1000000000000000));
	assert_true(fg_clock_cpu_us() >= 0);
	fg_clock_boot_id(id);
	assert_int_equal(strlen(id), 36);
}

static void debug_topics(void **state)
{
	unsigned mask = 0;
	struct fg_buf names;
	char mem[100];

	(void)state;
	assert_int_equal(fg_debug_parse("none", &mask), FG_OK);
	assert_int_equal(mask, 0);
	assert_int_equal(fg_debug_parse("modbus,nonsense", &mask), FG_EINVAL);
	assert_false(fg_debug_on(FG_DEBUG_modbus));
	assert_int_equal(fg_debug_parse("modbus,spool", &mask), FG_OK);
	fg_debug_set(mask);
	assert_true(fg_debug_on(FG_DEBUG_modbus));
	assert_false(fg_debug_on(FG_DEBUG_mqtt));
	fg_buf_wrap(&names, mem, sizeof(mem));
	fg_debug_names(fg_debug_mask(), &names);
	assert_string_equal(mem, "modbus,spool");
	assert_int_equal(fg_debug_parse("all", &mask), FG_OK);
	fg_debug_set(mask);
	assert_true(fg_debug_on(FG_DEBUG_mqtt));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_keeps_order_and_refuses),
		cmocka_unit_test(ring_wraps_around),
		cmocka_unit_test(ring_between_threads),
		cmocka_unit_test(varints_come_back),
		cmocka_unit_test(damaged_varints_are_bad),
		cmocka_unit_test(arena_is_zeroed_and_aligned),
		cmocka_unit_test(rng_is_even_and_repeats),
		cmocka_unit_test(clocks_run_forward),
		cmocka_unit_test(debug_topics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
