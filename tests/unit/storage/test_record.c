/* SPDX-License-Identifier: EUPL-1.2 */
/* Records: what goes in comes out, bit for bit; damaged bytes are refused. */
#include "store.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "storage/checksum.h"
#include "storage/descriptor.h"
#include "storage/record.h"

#define ITEMS_MAX 40

struct record {
	struct fg_record_head head;
	struct fg_item items[ITEMS_MAX];
	int64_t mono_us[ITEMS_MAX];
	unsigned given;
	bool no_wall; /* wall times are not looked at */
};

static int take(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct record *r = arg;

	assert_true(r->given < ITEMS_MAX);
	r->head = *head;
	r->items[r->given] = *item;
	r->mono_us[r->given++] = mono_us;
	return 0;
}

static void check_value(const struct fg_value *a, const struct fg_value *b)
{
	assert_int_equal(a->kind, b->kind);
	switch (a->kind) {
	case FG_KIND_NONE:
		break;
	case FG_KIND_TEXT:
		assert_int_equal(a->len, b->len);
		assert_memory_equal(a->text, b->text, a->len);
		break;
	case FG_KIND_BOOL:
		assert_int_equal(a->b, b->b);
		break;
	default:
		assert_memory_equal(&a->u, &b->u, sizeof(a->u));
	}
}

static void check_equal(const struct record *a, const struct record *b)
{
	assert_int_equal(b->given, a->head.count);
	assert_int_equal(b->head.era, a->head.era);
	assert_int_equal(b->head.mono_us, a->head.mono_us);
	assert_int_equal(b->head.has_wall, a->head.has_wall);
	assert_true(b->head.replaces == a->head.replaces);
	for (unsigned i = 0; i < b->given; i++) {
		const struct fg_item *x = &a->items[i], *y = &b->items[i];

		assert_int_equal(y->seq, 500 + i);
		assert_int_equal(y->kind, FG_ITEM_READING);
		assert_true(y->replaces == (a->head.replaces ? a->head.replaces + i : 0));
		assert_int_equal(x->point, y->point);
		if (a->head.has_wall)
			assert_int_equal(x->wall_ms, y->wall_ms);
		assert_int_equal(a->mono_us[i], b->mono_us[i]);
		assert_int_equal(x->qc, y->qc);
		assert_int_equal(x->reason, y->reason);
		assert_int_equal(x->detail, y->detail);
		assert_true(x->tests == y->tests);
		assert_int_equal(x->maintenance, y->maintenance);
		assert_int_equal(x->alarm, y->alarm);
		assert_int_equal(x->notice, y->notice);
		assert_int_equal(x->has_raw, y->has_raw);
		assert_memory_equal(&x->raw, &y->raw, sizeof(x->raw));
		check_value(&x->value, &y->value);
	}
}

static size_t round_trip(const struct record *r)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out, again;
	struct record back = {0};

	fg_buf_init(&out, 1 << 20);
	fg_buf_init(&again, 1 << 20);
	fg_record_encode(&out, &r->head, r->items, r->mono_us);
	assert_false(out.overflow);
	assert_int_equal(fg_record_decode(out.data, out.len, 500, take, &back), FG_OK);
	check_equal(r, &back);
	fg_record_encode(&again, &back.head, back.items, back.mono_us);
	assert_int_equal(again.len, out.len);
	assert_memory_equal(again.data, out.data, out.len);
	return out.len;
}

static double any_double(struct fg_rng *rng)
{
	static const double special[] = {0.0, -0.0, 1, -1, 19.4, 194 * 0.1, 0.1 + 0.2, 1e-7, 1e300,
		-DBL_MAX, DBL_MIN, 5e-324, FLT_MAX, FLT_MIN, 1e15, 9007199254740993.0, 2.675,
		273.15, 20.05000000000001, INFINITY, -INFINITY, NAN, 16777216, 16777217};
	uint64_t bits = fg_rng_next(rng);
	double v;

	switch (fg_rng_below(rng, 6)) {
	case 0:
		memcpy(&v, &bits, sizeof(v));
		return v;
	case 1:
		return (double)((float)(bits >> 40) * 0.01f);
	case 2:
		return (double)(int64_t)(bits >> 48) * 0.01;
	case 3:
		return (double)(int64_t)(bits >> 44) / 1e4;
	case 4:
		return (double)(int64_t)bits;
	default:
		return special[fg_rng_below(rng, FG_COUNT(special))];
	}
}

static void any_value(struct fg_rng *rng, struct fg_value *v)
{
	static const char text[] = "a text \xc3\xa6 of some length";

	v->kind = (enum fg_kind)fg_rng_below(rng, FG_KIND_TEXT + 1);
	switch (v->kind) {
	case FG_KIND_NONE:
		break;
	case FG_KIND_BOOL:
		v->b = fg_rng_below(rng, 2);
		break;
	case FG_KIND_INT:
		v->i = (int64_t)fg_rng_next(rng) >> fg_rng_below(rng, 64);
		break;
	case FG_KIND_UINT:
		v->u = fg_rng_next(rng) >> fg_rng_below(rng, 64);
		break;
	case FG_KIND_FLOAT:
	case FG_KIND_DOUBLE:
	case FG_KIND_DECIMAL:
		v->f = any_double(rng);
		break;
	case FG_KIND_TEXT:
		v->text = text;
		v->len = (uint32_t)fg_rng_below(rng, sizeof(text));
	}
}

static void any_record(struct fg_rng *rng, struct record *r)
{
	static const enum fg_qc flags[] = {1, 2, 3, 4, 9};
	bool steady = fg_rng_below(rng, 2);

	*r = (struct record){0};
	r->head = (struct fg_record_head){
		.era = (uint32_t)(fg_rng_next(rng) >> fg_rng_below(rng, 64)),
		.mono_us = (int64_t)fg_rng_below(rng, UINT64_C(1) << 50),
		.replaces = fg_rng_below(rng, 2) ? fg_rng_next(rng) >> 2 : 0,
		.has_wall = fg_rng_below(rng, 2),
		.count = 1 + (unsigned)fg_rng_below(rng, ITEMS_MAX),
	};
	if (r->head.has_wall)
		r->head.wall_ms = STORE_WALL_MS + (int64_t)fg_rng_below(rng, 1000000);
	for (unsigned i = 0; i < r->head.count; i++) {
		struct fg_item *x = &r->items[i];
		int64_t d = steady ? 0 : (int64_t)(fg_rng_next(rng) >> 30) - (INT64_C(1) << 33);

		x->point = steady ? i + 3 : (uint32_t)fg_rng_next(rng);
		r->mono_us[i] = r->head.mono_us + d;
		x->wall_ms = r->head.wall_ms + d / 1000 + (steady ? 0 : (int64_t)(d % 7));
		x->qc = flags[fg_rng_below(rng, 5)];
		x->tests = steady ? 1 : fg_rng_next(rng);
		x->reason = (enum fg_reason)(steady ? 0 : fg_rng_below(rng, FG_REASON_COUNT));
		x->detail = (uint8_t)(steady ? 0 : fg_rng_next(rng));
		any_value(rng, &x->value);
		x->maintenance = fg_rng_below(rng, 8) == 0;
		x->alarm = (enum fg_alarm)(steady ? 0 : fg_rng_below(rng, FG_ALARM_COUNT));
		x->notice = fg_rng_below(rng, 4) == 0 ? (uint32_t)fg_rng_next(rng) : 0;
		x->has_raw = fg_rng_below(rng, 4) == 0;
		x->raw = x->has_raw ? any_double(rng) : 0;
	}
}

static void spool_I6_records_decode_to_what_was_encoded(void **state)
{
	struct fg_rng rng = {1};
	struct record r;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		any_record(&rng, &r);
		round_trip(&r);
	}
}

/* Ten readings of one poll, as they usually are, take at most twelve bytes each. */
static void records_are_small(void **state)
{
	static const struct {
		enum fg_kind kind;
		double step;
		size_t max;
	} rows[] = {
		{FG_KIND_FLOAT, 0, 12},
		{FG_KIND_DECIMAL, 0.1, 9},
		{FG_KIND_DECIMAL, 0.01, 9},
		{FG_KIND_DECIMAL, 0.5, 9},
		{FG_KIND_DOUBLE, 0.001, 10},
	};

	(void)state;
	for (size_t k = 0; k < FG_COUNT(rows); k++) {
		struct record r = {.head = {.era = 12, .mono_us = INT64_C(30000000000123),
			.has_wall = true, .wall_ms = STORE_WALL_MS, .count = 10}};
		size_t len;

		for (unsigned i = 0; i < 10; i++) {
			double v = rows[k].step > 0 ? (2000 + 13 * i) * rows[k].step :
						    (double)(19.3f + (float)i * 0.7f);

			r.items[i] = (struct fg_item){.point = 40 + i, .wall_ms = STORE_WALL_MS,
				.qc = FG_QC_PASS, .tests = 1,
				.value = {.kind = rows[k].kind, .f = v}};
			r.mono_us[i] = r.head.mono_us;
		}
		len = round_trip(&r);
		print_message("kind %d: %.1f bytes a reading\n", rows[k].kind, (double)len / 10);
		assert_true(len <= 10 * rows[k].max);
	}
}

/* What the first gateways stored: such rows decode to what they were, and a reading without
 * anything of what came later takes the same bytes. */
static void spool_I6_old_records_are_as_they_were(void **state)
{
	static const unsigned char old[] = {
		0x01, 0x01, 0x19, 0xF6, 0x81, 0xBF, 0xB5, 0x9D, 0xD2, 0x0D, 0x80, 0xB0,
		0x83, 0xC5, 0x98, 0x68, 0x03, 0x50, 0x86, 0x00, 0x00, 0x11, 0x03, 0x84,
		0x03, 0x02, 0x9E, 0x00, 0x00, 0x91, 0x80, 0x80, 0x80, 0x04, 0x03, 0x84,
		0x03, 0x02, 0xA0, 0x14, 0x97, 0x11, 0xEA, 0x44, 0xAA, 0x74,
	};
	struct record r = {.head = {.era = 12, .mono_us = 30000000000123, .has_wall = true,
		.wall_ms = STORE_WALL_MS, .count = 3}};
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct record back = {0};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		r.items[i] = (struct fg_item){.point = 40 + i, .wall_ms = STORE_WALL_MS,
			.qc = FG_QC_PASS, .tests = 0x11, .value = {FG_KIND_DECIMAL, .f = 19.4}};
		r.mono_us[i] = r.head.mono_us;
	}
	r.items[1].qc = FG_QC_FAIL;
	r.items[1].tests = fg_tests_set(r.items[1].tests, FG_TEST_WARM_UP, FG_QC_FAIL);
	r.items[2].qc = FG_QC_MISSING;
	r.items[2].value.kind = FG_KIND_NONE;
	r.items[2].reason = FG_REASON_REJECTED;
	r.items[2].detail = 0x97;
	fg_buf_init(&out, 1 << 10);
	fg_record_encode(&out, &r.head, r.items, r.mono_us);
	assert_int_equal(out.len, sizeof(old));
	assert_memory_equal(out.data, old, sizeof(old));
	assert_int_equal(fg_record_decode(old, sizeof(old), 500, take, &back), FG_OK);
	check_equal(&r, &back);
}

static void spool_I6_truncated_and_flipped_records_are_refused(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct fg_rng rng = {3};
	struct record r, got = {0};

	(void)state;
	fg_buf_init(&out, 1 << 20);
	for (int round = 0; round < 10; round++) {
		any_record(&rng, &r);
		fg_buf_clear(&out);
		fg_record_encode(&out, &r.head, r.items, r.mono_us);
		for (size_t n = 0; n < out.len; n++)
			assert_int_equal(fg_record_decode(out.data, n, 1, take, &got), FG_ECORRUPT);
		for (size_t i = 0; i < out.len * 8; i += 3) {
			out.data[i / 8] = (char)(out.data[i / 8] ^ (1 << i % 8));
			assert_int_equal(fg_record_decode(out.data, out.len, 1, take, &got),
				FG_ECORRUPT);
			out.data[i / 8] = (char)(out.data[i / 8] ^ (1 << i % 8));
		}
	}
	assert_int_equal(got.given, 0); /* nothing of a damaged record is given */
}

/* What is stored is good under its own number alone. */
static void spool_I6_a_record_is_bound_to_its_number(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out, bound;
	struct fg_rng rng = {6};
	struct record r, got = {0};

	(void)state;
	fg_buf_init(&out, 1 << 20);
	fg_buf_init(&bound, 1 << 20);
	for (int round = 0; round < 20; round++) {
		any_record(&rng, &r);
		fg_buf_clear(&out);
		fg_buf_clear(&bound);
		fg_record_encode(&out, &r.head, r.items, r.mono_us);
		fg_record_bind(&bound, out.data, out.len, 500);
		assert_int_equal(bound.len, out.len);
		for (unsigned bit = 0; bit < 62; bit++)
			assert_int_equal(fg_record_decode(bound.data, bound.len,
				500 ^ UINT64_C(1) << bit, take, &got), FG_ECORRUPT);
		for (size_t i = 0; i < bound.len * 8; i += 3) {
			bound.data[i / 8] = (char)(bound.data[i / 8] ^ (1 << i % 8));
			assert_int_equal(fg_record_decode(bound.data, bound.len, 500, take, &got),
				FG_ECORRUPT);
			bound.data[i / 8] = (char)(bound.data[i / 8] ^ (1 << i % 8));
		}
		assert_int_equal(got.given, 0);
		assert_int_equal(fg_record_decode(bound.data, bound.len, 500, take, &got), FG_OK);
		check_equal(&r, &got);
		got = (struct record){0};
	}
}

static int touch(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	unsigned *sum = arg;

	(void)mono_us;
	assert_true(head->count > 0);
	for (uint32_t i = 0; item->value.kind == FG_KIND_TEXT && i < item->value.len; i++)
		*sum += (unsigned char)item->value.text[i];
	return 0;
}

/* Bytes with a right checksum and wrong content: whatever they say, nothing beyond them is read. */
static void spool_I6_any_sealed_bytes_are_survived(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct fg_rng rng = {4};
	unsigned sum = 0, refused = 0;
	struct record r;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	for (int round = 0; round < 20000; round++) {
		size_t len;
		char *exact;

		if (round % 20 == 0)
			any_record(&rng, &r);
		fg_buf_clear(&out);
		fg_record_encode(&out, &r.head, r.items, r.mono_us);
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

static int stop(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	unsigned *n = arg;

	(void)head;
	(void)item;
	(void)mono_us;
	return ++*n == 2;
}

static void decoding_stops_when_told(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct fg_rng rng = {5};
	struct fg_record_head head;
	unsigned n = 0;
	struct record r;

	(void)state;
	do
		any_record(&rng, &r);
	while (r.head.count < 5);
	fg_buf_init(&out, 1 << 20);
	fg_buf_puts(&out, "before");
	fg_record_encode(&out, &r.head, r.items, r.mono_us);
	assert_int_equal(fg_record_decode(out.data + 6, out.len - 6, 1, stop, &n), FG_OK);
	assert_int_equal(n, 2);
	assert_int_equal(fg_record_head(out.data + 6, out.len - 6, &head), FG_OK);
	assert_int_equal(head.count, r.head.count);
	assert_int_equal(fg_record_head(NULL, 0, &head), FG_ECORRUPT);
}

static void descriptors_come_back_or_are_refused(void **state)
{
	static const struct fg_point_desc rows[] = {
		{"s", "d", "p", "x_p", "Cel", "water", .decimals = 2},
		{"s", NULL, "p", NULL, NULL, NULL, .decimals = -1},
		{"s", "", "p", "", "", "", .decimals = 0},
		{"s", "d", "p", "x_p", "Cel", "water", .decimals = 2,
			.rules = {"dew", [2] = "pair", [7] = "x"}},
		{"s", "d", "p", "x_p", "Cel", "water", .decimals = 2, .period = FG_TOLD_HOUR,
			.stat = FG_STAT_SUM},
	};
	char mem[256];
	struct fg_buf out;
	struct fg_point_desc *d;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_descriptor_encode(&rows[i], &out);
		assert_int_equal(fg_descriptor_decode(out.data, out.len, &d), FG_OK);
		assert_string_equal(d->point, "p");
		assert_int_equal(d->unit == NULL, rows[i].unit == NULL);
		assert_int_equal(d->device == NULL, rows[i].device == NULL);
		assert_int_equal(d->decimals, rows[i].decimals);
		assert_int_equal(d->period, rows[i].period);
		assert_int_equal(d->stat, rows[i].stat);
		for (size_t k = 0; k < FG_RULES; k++) {
			assert_int_equal(d->rules[k] == NULL, rows[i].rules[k] == NULL);
			if (d->rules[k])
				assert_string_equal(d->rules[k], rows[i].rules[k]);
		}
		free(d);
		for (size_t n = 0; n < out.len; n++)
			assert_int_equal(fg_descriptor_decode(out.data, n, &d), FG_ECORRUPT);
		for (size_t at = 0; at < out.len - 4; at++) {
			for (unsigned b = 0; b < 256; b++) {
				char was = out.data[at];

				out.data[at] = (char)b;
				out.len -= 4;
				fg_seal(&out, 0);
				if (fg_descriptor_decode(out.data, out.len, &d) == FG_OK)
					free(d);
				out.data[at] = was;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spool_I6_records_decode_to_what_was_encoded),
		cmocka_unit_test(records_are_small),
		cmocka_unit_test(spool_I6_old_records_are_as_they_were),
		cmocka_unit_test(spool_I6_truncated_and_flipped_records_are_refused),
		cmocka_unit_test(spool_I6_a_record_is_bound_to_its_number),
		cmocka_unit_test(spool_I6_any_sealed_bytes_are_survived),
		cmocka_unit_test(decoding_stops_when_told),
		cmocka_unit_test(descriptors_come_back_or_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
