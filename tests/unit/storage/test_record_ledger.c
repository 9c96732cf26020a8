/* SPDX-License-Identifier: EUPL-1.2 */
/* Records of gaps and accounts: what goes in comes out; damaged bytes are refused. */
#include "store.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "storage/checksum.h"
#include "storage/record.h"

#define GAPS_MAX 30
#define FIRST 700

struct any {
	struct fg_record_head head;
	struct fg_item items[GAPS_MAX];
	struct fg_gap gaps[GAPS_MAX];
	struct fg_account account; /* count 0: these are gaps */
	struct fg_account_line lines[FG_ACCOUNT_LINES];
	unsigned given;
};

static const char *const names[] = {NULL, "open-data", "", "town", "a-name-of-some-length-here"};

static uint64_t sized(struct fg_rng *rng, unsigned bits)
{
	return fg_rng_next(rng) >> (64 - bits) >> fg_rng_below(rng, bits);
}

static int64_t any_time(struct fg_rng *rng)
{
	if (fg_rng_below(rng, 2))
		return STORE_WALL_MS + (int64_t)fg_rng_below(rng, 1u << 31);
	return (int64_t)(fg_rng_next(rng) >> 7) - (INT64_C(1) << 56);
}

static void any_gaps(struct fg_rng *rng, struct any *x)
{
	bool steady = fg_rng_below(rng, 2);

	*x = (struct any){.head = {.era = (uint32_t)sized(rng, 32),
		.count = 1 + (unsigned)fg_rng_below(rng, GAPS_MAX)}};
	for (unsigned i = 0; i < x->head.count; i++) {
		struct fg_gap *g = &x->gaps[i];
		struct fg_item *item = &x->items[i];

		g->to_ms = any_time(rng);
		g->from_ms = steady ? g->to_ms - (int64_t)sized(rng, 30) : any_time(rng);
		g->step_ms = fg_rng_below(rng, 3) ? 0 : (int64_t)sized(rng, 30);
		g->count = sized(rng, steady ? 8 : 64);
		g->estimated = fg_rng_below(rng, 2);
		g->retold = fg_rng_below(rng, 2);
		g->destination = names[steady ? 1 : fg_rng_below(rng, FG_COUNT(names))];
		item->kind = FG_ITEM_GAP;
		item->gap = g;
		item->point = steady ? 5 + i : (uint32_t)fg_rng_next(rng);
		item->reason = steady ? FG_REASON_NO_RESPONSE :
					(enum fg_reason)fg_rng_below(rng, FG_REASON_COUNT);
		item->detail = (uint8_t)(steady ? 0 : fg_rng_next(rng));
		item->notice = fg_rng_below(rng, 3) ? 0 : (uint32_t)fg_rng_next(rng);
	}
}

static void any_account(struct fg_rng *rng, struct any *x)
{
	bool steady = fg_rng_below(rng, 2);

	*x = (struct any){.head = {.era = (uint32_t)sized(rng, 32), .count = 1}};
	x->account.to_ms = any_time(rng);
	x->account.from_ms = any_time(rng);
	x->account.destination = names[fg_rng_below(rng, FG_COUNT(names))];
	x->account.count = 1 + fg_rng_below(rng, FG_ACCOUNT_LINES);
	x->account.lines = x->lines;
	for (size_t i = 0; i < x->account.count; i++) {
		struct fg_account_line *l = &x->lines[i];

		l->point = steady ? 9 + (uint32_t)i : (uint32_t)fg_rng_next(rng);
		l->scheduled = steady ? 60 : (uint32_t)sized(rng, 32);
		l->suppressed = steady ? 0 : (uint32_t)sized(rng, 32);
		l->missing = steady ? 1 : (uint32_t)sized(rng, 32);
		l->sent = steady ? 59 : (uint32_t)sized(rng, 32);
	}
}

static void any_record(struct fg_rng *rng, struct any *x)
{
	if (fg_rng_below(rng, 2))
		any_gaps(rng, x);
	else
		any_account(rng, x);
}

static void encode(const struct any *x, struct fg_buf *out)
{
	if (x->account.count)
		fg_record_encode_account(out, &x->head, &x->account);
	else
		fg_record_encode_gaps(out, &x->head, x->items);
}

static void same_destination(const char *want, const char *got)
{
	if (want && *want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void check_gap(const struct fg_item *want, const struct fg_item *got)
{
	assert_int_equal(got->kind, FG_ITEM_GAP);
	assert_non_null(got->gap);
	assert_true(got->wall_ms == want->gap->to_ms);
	assert_true(got->gap->to_ms == want->gap->to_ms);
	assert_true(got->gap->from_ms == want->gap->from_ms);
	assert_true(got->gap->step_ms == want->gap->step_ms);
	assert_true(got->gap->count == want->gap->count);
	assert_int_equal(got->gap->estimated, want->gap->estimated);
	assert_int_equal(got->gap->retold, want->gap->retold);
	same_destination(want->gap->destination, got->gap->destination);
	assert_int_equal(got->point, want->point);
	assert_int_equal(got->notice, want->notice);
	assert_int_equal(got->reason, want->reason);
	assert_int_equal(got->detail, want->detail);
}

static void check_account(const struct fg_account *want, const struct fg_item *got)
{
	const struct fg_account *a = got->account;

	assert_int_equal(got->kind, FG_ITEM_ACCOUNT);
	assert_non_null(a);
	assert_true(got->wall_ms == want->to_ms);
	assert_int_equal(got->point, want->lines[0].point);
	assert_true(a->from_ms == want->from_ms && a->to_ms == want->to_ms);
	same_destination(want->destination, a->destination);
	assert_int_equal(a->count, want->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->lines[i].point, want->lines[i].point);
		assert_null(a->lines[i].desc);
		assert_int_equal(a->lines[i].scheduled, want->lines[i].scheduled);
		assert_int_equal(a->lines[i].sent, want->lines[i].sent);
		assert_int_equal(a->lines[i].suppressed, want->lines[i].suppressed);
		assert_int_equal(a->lines[i].missing, want->lines[i].missing);
	}
}

static int check_item(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct any *x = arg;

	assert_int_equal(head->era, x->head.era);
	assert_int_equal(head->count, x->head.count);
	assert_true(head->has_wall && head->replaces == 0 && mono_us == head->mono_us);
	assert_int_equal(item->seq, FIRST + x->given);
	assert_int_equal(item->replaces, 0);
	if (x->account.count)
		check_account(&x->account, item);
	else
		check_gap(&x->items[x->given], item);
	x->given++;
	return 0;
}

static void spool_I6_gaps_and_accounts_decode_to_what_was_encoded(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct fg_rng rng = {11};
	static struct any x;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	for (int i = 0; i < 4000; i++) {
		struct fg_record_head head;

		any_record(&rng, &x);
		fg_buf_clear(&out);
		encode(&x, &out);
		assert_int_equal(fg_record_decode(out.data, out.len, FIRST, check_item, &x), FG_OK);
		assert_int_equal(x.given, x.head.count);
		assert_int_equal(fg_record_head(out.data, out.len, &head), FG_OK);
		assert_int_equal(head.count, x.head.count);
		assert_int_equal(head.era, x.head.era);
	}
}

/* Twelve points that did not answer, and their hour: a few bytes each. */
static void gaps_and_accounts_are_small(void **state)
{
	struct any gaps = {.head = {.era = 40, .count = 12}};
	struct any account = {.head = {.era = 40, .count = 1},
		.account = {.from_ms = STORE_WALL_MS, .to_ms = STORE_WALL_MS + 3600000,
			.count = 12, .lines = account.lines}};
	char mem[512];
	struct fg_buf out;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		gaps.gaps[i] = (struct fg_gap){.from_ms = STORE_WALL_MS,
			.to_ms = STORE_WALL_MS + 1200000, .count = 3};
		gaps.items[i] = (struct fg_item){.kind = FG_ITEM_GAP, .point = 100 + i,
			.gap = &gaps.gaps[i], .reason = FG_REASON_NO_RESPONSE};
		account.lines[i] = (struct fg_account_line){.point = 100 + i, .scheduled = 6,
			.sent = 3, .missing = 3};
	}
	fg_buf_wrap(&out, mem, sizeof(mem));
	encode(&gaps, &out);
	assert_true(out.len <= 12 * 8 + 20);
	fg_buf_clear(&out);
	encode(&account, &out);
	assert_true(out.len <= 12 * 5 + 24);
}

static int touch(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	size_t *sum = arg;

	(void)head;
	(void)mono_us;
	if (item->gap && item->gap->destination)
		*sum += strlen(item->gap->destination);
	if (item->account) {
		assert_in_range(item->account->count, 1, FG_ACCOUNT_LINES);
		for (size_t i = 0; i < item->account->count; i++)
			*sum += item->account->lines[i].missing;
		if (item->account->destination)
			*sum += strlen(item->account->destination);
	}
	return 0;
}

static int refuse_all(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	(void)arg;
	(void)head;
	(void)item;
	(void)mono_us;
	fail_msg("an item of a damaged record");
	return 0;
}

static void spool_I6_damaged_gaps_and_accounts_are_refused(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct fg_rng rng = {13};
	static struct any x;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	for (int round = 0; round < 10; round++) {
		any_record(&rng, &x);
		fg_buf_clear(&out);
		encode(&x, &out);
		for (size_t n = 0; n < out.len; n++)
			assert_int_equal(fg_record_decode(out.data, n, 1, refuse_all, NULL),
				FG_ECORRUPT);
		for (size_t i = 0; i < out.len * 8; i += 3) {
			out.data[i / 8] = (char)(out.data[i / 8] ^ (1 << i % 8));
			assert_int_equal(fg_record_decode(out.data, out.len, 1, refuse_all, NULL),
				FG_ECORRUPT);
			out.data[i / 8] = (char)(out.data[i / 8] ^ (1 << i % 8));
		}
	}
}

/* A right checksum over wrong content, on memory of its own size. */
static void spool_I6_any_sealed_gaps_and_accounts_are_survived(void **state)
{
	FG_CLEANUP(fg_buf_fini) struct fg_buf out;
	struct fg_rng rng = {14};
	unsigned refused = 0;
	size_t sum = 0;
	static struct any x;

	(void)state;
	fg_buf_init(&out, 1 << 20);
	for (int round = 0; round < 20000; round++) {
		char *exact;
		size_t len;

		if (round % 20 == 0)
			any_record(&rng, &x);
		fg_buf_clear(&out);
		encode(&x, &out);
		len = out.len - 4;
		for (uint64_t k = fg_rng_below(&rng, 4) + 1; k > 0; k--)
			out.data[fg_rng_below(&rng, len)] = (char)fg_rng_next(&rng);
		if (round % 3 == 0)
			len = fg_rng_below(&rng, len) + 1;
		out.len = len;
		fg_seal(&out, 0);
		exact = malloc(out.len);
		memcpy(exact, out.data, out.len);
		refused += fg_record_decode(exact, out.len, 1, touch, &sum) == FG_ECORRUPT;
		free(exact);
	}
	assert_true(refused > 1000);
}

/* An account of more lines than there may be, or of none, is no record. */
static void accounts_are_bounded(void **state)
{
	static struct fg_account_line lines[FG_ACCOUNT_LINES + 1];
	const struct fg_record_head head = {.count = 1};
	struct fg_account account = {.lines = lines, .to_ms = 1};
	char mem[1024];
	size_t sum = 0;

	(void)state;
	for (account.count = 0; account.count <= FG_ACCOUNT_LINES + 1; account.count++) {
		bool good = account.count >= 1 && account.count <= FG_ACCOUNT_LINES;
		struct fg_buf out;

		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_record_encode_account(&out, &head, &account);
		assert_int_equal(fg_record_decode(out.data, out.len, 1, touch, &sum),
			good ? FG_OK : FG_ECORRUPT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spool_I6_gaps_and_accounts_decode_to_what_was_encoded),
		cmocka_unit_test(gaps_and_accounts_are_small),
		cmocka_unit_test(spool_I6_damaged_gaps_and_accounts_are_refused),
		cmocka_unit_test(spool_I6_any_sealed_gaps_and_accounts_are_survived),
		cmocka_unit_test(accounts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
