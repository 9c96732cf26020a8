/* SPDX-License-Identifier: EUPL-1.2 */
/* Records of means and other values of periods: what goes in comes out; damaged bytes are
 * refused. */
#include "store.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "storage/checksum.h"
#include "storage/record.h"

#define ITEMS_MAX 12

struct record {
	struct fg_record_head head;
	struct fg_item items[ITEMS_MAX];
	struct fg_aggregate aggregates[ITEMS_MAX];
	unsigned given;
};

static uint32_t any_count(struct fg_rng *rng)
{
	return (uint32_t)(fg_rng_next(rng) >> (32 + fg_rng_below(rng, 32)));
}

static void any_aggregate(struct fg_rng *rng, struct fg_item *item, struct fg_aggregate *a)
{
	static const enum fg_qc flags[] = {1, 2, 3, 4, 9};

	*a = (struct fg_aggregate){.expected = any_count(rng), .count = any_count(rng),
		.suspect = any_count(rng), .fail = any_count(rng), .missing = any_count(rng),
		.maintenance = any_count(rng)};
	*item = (struct fg_item){.kind = FG_ITEM_AGGREGATE, .aggregate = a,
		.point = any_count(rng), .qc = flags[fg_rng_below(rng, 5)],
		.wall_ms = STORE_WALL_MS + 3600000 * (int64_t)fg_rng_below(rng, 100),
		.replaces = fg_rng_below(rng, 2) ? fg_rng_next(rng) >> 12 : 0,
		.reason = (enum fg_reason)fg_rng_below(rng, FG_REASON_COUNT),
		.uncertainty_s = any_count(rng),
		.value = {.kind = FG_KIND_DOUBLE, .f = (double)any_count(rng) * 0.01}};
	a->from_ms = item->wall_ms - 1 - (int64_t)fg_rng_below(rng, 90000000);
	a->has_range = fg_rng_below(rng, 2);
	if (a->has_range) {
		a->low = -1.5;
		a->high = (double)any_count(rng);
	}
	if (fg_rng_below(rng, 2)) {
		a->index = (uint8_t)(1 + fg_rng_below(rng, 127));
		memcpy(a->scheme, "no-luftkvalitet", sizeof("no-luftkvalitet"));
		memcpy(a->version, "2024", 5);
		memcpy(a->key, "an-index-key-of-23-char", FG_CLASS_TEXT);
		if (fg_rng_below(rng, 2))
			memcpy(a->by, "pm25 pm10 no2", sizeof("pm25 pm10 no2"));
	}
}

static void any_record(struct fg_rng *rng, struct record *r)
{
	*r = (struct record){.head = {.era = any_count(rng),
		.count = 1 + (unsigned)fg_rng_below(rng, ITEMS_MAX)}};
	for (unsigned i = 0; i < r->head.count; i++)
		any_aggregate(rng, &r->items[i], &r->aggregates[i]);
}

static int take(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct record *r = arg;

	(void)mono_us;
	assert_true(r->given < ITEMS_MAX);
	r->head = *head;
	r->items[r->given] = *item;
	r->aggregates[r->given++] = *item->aggregate;
	return 0;
}

static void check_equal(const struct record *a, const struct record *b)
{
	assert_int_equal(b->given, a->head.count);
	assert_int_equal(b->head.era, a->head.era);
	assert_true(b->head.has_wall);
	assert_true(b->head.replaces == 0);
	for (unsigned i = 0; i < b->given; i++) {
		const struct fg_item *x = &a->items[i], *y = &b->items[i];
		const struct fg_aggregate *p = &a->aggregates[i], *q = &b->aggregates[i];

		assert_int_equal(y->kind, FG_ITEM_AGGREGATE);
		assert_int_equal(y->seq, 500 + i);
		assert_int_equal(y->point, x->point);
		assert_int_equal(y->wall_ms, x->wall_ms);
		assert_true(y->replaces == x->replaces);
		assert_int_equal(y->qc, x->qc);
		assert_int_equal(y->reason, x->reason);
		assert_int_equal(y->uncertainty_s, x->uncertainty_s);
		assert_true(y->value.kind == x->value.kind && y->value.f == x->value.f);
		assert_int_equal(q->from_ms, p->from_ms);
		assert_memory_equal(&q->expected, &p->expected, 6 * sizeof(uint32_t));
		assert_int_equal(q->has_range, p->has_range);
		assert_true(q->low == p->low && q->high == p->high);
		assert_int_equal(q->index, p->index);
		assert_string_equal(q->scheme, p->scheme);
		assert_string_equal(q->key, p->key);
		assert_string_equal(q->version, p->version);
		assert_string_equal(q->by, p->by);
	}
}

static void spool_I6_aggregates_decode_to_what_was_encoded(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out, bound;
	struct fg_rng rng = {21};
	struct record r, back;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	fg_buf_init(&bound, 1 << 20);
	for (int i = 0; i < 2000; i++) {
		any_record(&rng, &r);
		fg_buf_clear(&out);
		fg_buf_clear(&bound);
		fg_record_encode_aggregates(&out, &r.head, r.items);
		back = (struct record){0};
		assert_int_equal(fg_record_decode(out.data, out.len, 500, take, &back), FG_OK);
		check_equal(&r, &back);
		fg_record_bind(&bound, out.data, out.len, 500);
		back = (struct record){0};
		assert_int_equal(fg_record_decode(bound.data, bound.len, 500, take, &back), FG_OK);
		check_equal(&r, &back);
		assert_int_equal(
			fg_record_decode(bound.data, bound.len, 501, take, &back), FG_ECORRUPT);
	}
}

/* Twelve hourly means, as they usually are. */
static void aggregates_are_small(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct record r = {.head = {.era = 3, .count = ITEMS_MAX}};

	(void)state;
	for (unsigned i = 0; i < ITEMS_MAX; i++) {
		r.aggregates[i] = (struct fg_aggregate){.from_ms = STORE_WALL_MS - 3600000,
			.expected = 60, .count = 60, .has_range = true, .low = 18.9, .high = 20.2};
		r.items[i] = (struct fg_item){.kind = FG_ITEM_AGGREGATE, .point = 40 + i,
			.wall_ms = STORE_WALL_MS, .qc = FG_QC_PASS,
			.aggregate = &r.aggregates[i],
			.value = {.kind = FG_KIND_DOUBLE, .f = 19.456789}};
	}
	fg_buf_init(&out, 1 << 20);
	fg_record_encode_aggregates(&out, &r.head, r.items);
	print_message("%.1f bytes a mean\n", (double)out.len / ITEMS_MAX);
	assert_true(out.len <= 36 * ITEMS_MAX);
}

static int touch(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	size_t *sum = arg;

	(void)mono_us;
	assert_true(head->count > 0);
	if (item->aggregate) {
		*sum += strlen(item->aggregate->scheme) + strlen(item->aggregate->key);
		assert_true(item->aggregate->from_ms < item->wall_ms);
	}
	return 0;
}

/* Bytes with a right checksum and wrong content: whatever they say, nothing beyond them is read. */
static void spool_I6_any_sealed_bytes_are_survived(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct fg_rng rng = {22};
	unsigned refused = 0;
	size_t sum = 0;
	struct record r;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	for (int round = 0; round < 20000; round++) {
		size_t len;
		char *exact;

		any_record(&rng, &r);
		fg_buf_clear(&out);
		fg_record_encode_aggregates(&out, &r.head, r.items);
		len = out.len - 4;
		for (uint64_t k = fg_rng_below(&rng, 4) + 1; k > 0; k--)
			out.data[fg_rng_below(&rng, len)] = (char)fg_rng_next(&rng);
		if (round % 3 == 0)
			len = fg_rng_below(&rng, len) + 1;
		out.len = len;
		fg_seal(&out, 0);
		exact = malloc(out.len); /* so that a sanitizer sees one byte too many */
		memcpy(exact, out.data, out.len);
		refused += fg_record_decode(exact, out.len, 1, touch, &sum) == FG_ECORRUPT;
		free(exact);
	}
	assert_true(refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spool_I6_aggregates_decode_to_what_was_encoded),
		cmocka_unit_test(aggregates_are_small),
		cmocka_unit_test(spool_I6_any_sealed_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
