/* SPDX-License-Identifier: EUPL-1.2 */
/* What publishers and store owe each other: losses, gaps and accounts, backfill, and what waits too
 * long for its commit. Room and doubt are in test_room.c. */
#include "fake.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

static struct fake f;
static struct fake_broker *town;
static const struct fg_group *sonde;

static const char two[] = FAKE_HEAD
	"mqtt:\n"
	"  town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, inflight: 10,\n"
	"    select: {domains: [water]}}\n"
	"  lab: {servers: [\"mqtt://127.0.0.1:2\"], prefix: lab, inflight: 10}\n" FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n"
	"  probe: {station: pier, domain: bathing, link: plc, unit_id: 2, interval: 60s,\n"
	"    points: {water_temperature: {table: input, address: 0, type: u16, unit: Cel}}}\n";

static void begin(const char *yaml)
{
	fake_init(&f, yaml);
	town = &f.brokers[0];
	sonde = fake_group(&f, "sonde", 0);
}

static int end(void **state)
{
	(void)state;
	fake_before_start = NULL;
	fake_fini(&f);
	return 0;
}

static void serve(int64_t seconds)
{
	for (int64_t i = 0; i < seconds * 20; i++) {
		fake_turn(&f, SEC / 20);
		while (fake_page(&f, town) || fake_page(&f, &f.brokers[1]))
			fake_turn(&f, 0);
		fake_ack_all(&f, town);
		fake_ack_all(&f, &f.brokers[1]);
	}
}

static void outage(size_t n)
{
	for (size_t i = 0; i < n; i++)
		fake_reading(&f, sonde, (double)i);
}

/* ---- losses, gaps, accounts ---- */

static struct fg_gap gap;
static struct fg_account_line line = {.point = 1, .scheduled = 6, .sent = 6};
static struct fg_account account;

static struct fg_item *put(uint64_t seq, enum fg_item_kind kind, uint32_t point, const char *dest)
{
	struct fake_reading *r = &f.stored[seq - FAKE_FIRST_SEQ];

	gap = (struct fg_gap){.from_ms = 1790000000000, .to_ms = 1790000000000, .count = 3};
	account = (struct fg_account){
		.from_ms = 1790000000000, .to_ms = 1790003600000, .count = 1, .lines = &line};
	*r = (struct fake_reading){.has_wall = true,
		.item = {.seq = seq, .kind = kind, .point = point, .wall_ms = 1790000000000,
			.qc = FG_QC_MISSING, .reason = FG_REASON_MAX_SIZE}};
	if (kind == FG_ITEM_GAP)
		r->item.gap = &gap;
	if (kind == FG_ITEM_ACCOUNT)
		r->item.account = &account;
	gap.destination = account.destination = dest;
	line.desc = &fg_series_by_id(&f.series, line.point)->desc;
	return &r->item;
}

static void test_losses_are_told_when_somebody_listens(void **state)
{
	struct fg_publisher *p;
	uint64_t first;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	fg_core_losses(f.core, "nobody", 7);
	fg_core_losses(f.core, "town", 70);
	fake_turn(&f, SEC);
	assert_int_equal(f.lots, 0);
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	assert_int_equal(f.lots, 1);
	assert_int_equal(f.losses.max, 64);
	assert_string_equal(f.losses.destination, "town");
	fake_turn(&f, 5 * SEC);
	assert_int_equal(f.lots, 1); /* one lot at a time */
	first = f.losses.first;
	fake_answer(&f, sonde, 7); /* numbers go on behind the lot */
	assert_int_equal(f.appended_next, first + 65);
	put(first, FG_ITEM_GAP, 1, "town");
	put(first + 1, FG_ITEM_ACCOUNT, 1, "town");
	fake_used(&f, &f.losses, 2, true);
	assert_false(fg_ranges_has(&p->unacked, first + 2)); /* never used */
	assert_true(fg_ranges_has(&p->unacked, first + 64));
	fake_commit(&f);
	fake_turn(&f, 0);
	assert_int_equal(f.lots, 2);
	fake_used(&f, &f.losses, 0, false);
	for (int i = 0; i < 5; i++)
		serve(1);
	assert_int_equal(f.lots, 2);
	assert_int_equal(fake_count(town, 0, first), 1);
	assert_int_equal(fake_count(town, 0, first + 1), 1);
	assert_int_equal(fake_entries(town, 0), 3);
	assert_int_equal(fg_publisher_backlog(p), 0);
	for (size_t i = 0; i < 3; i++) {
		const struct fake_sent *s = fake_sent_entry(town, 0, i);

		assert_int_equal(s->retain, s->seq == first + 64);
		if (s->seq == first)
			assert_string_equal(s->topic, "town/gateways/gw/gaps");
		if (s->seq == first + 1)
			assert_string_equal(s->topic, "town/gateways/gw/account");
	}
}

/* While numbers are given away that are not stored yet nothing is looked for, and what was taken
 * before them stays at hand until it is committed. */
static void test_numbers_that_are_given_away(void **state)
{
	uint64_t seq;

	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_answer(&f, sonde, 1);
	seq = f.appended_next - 1;
	f.core->time.restamping = true;
	fg_core_losses(f.core, "town", 70);
	fake_turn(&f, SEC);
	assert_int_equal(f.lots, 2);
	fake_turn(&f, 6 * SEC); /* the reading goes out early */
	assert_true(fg_ranges_first(&fake_publisher(&f, 0)->backlog) > seq);
	assert_true(fake_turn(&f, 0) - f.now.mono_us > SEC / 10);
	for (int i = 0; i < 500; i++)
		fake_answer(&f, sonde, i);
	assert_non_null(fg_recent_get(&f.core->recent, seq));
}

/* A full store has no room for them: no number is given away for nothing each second. */
static void test_losses_without_room(void **state)
{
	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fg_core_losses(f.core, "town", 3);
	fake_turn(&f, SEC);
	assert_int_equal(f.lots, 1);
	for (int i = 0; i < 10; i++) {
		if (f.losses.max)
			fake_used(&f, &f.losses, 0, false);
		fg_core_losses(f.core, "town", 3); /* they still wait */
		fake_turn(&f, 5 * SEC);
	}
	assert_int_equal(f.lots, 1);
	fake_turn(&f, 15 * SEC);
	assert_int_equal(f.lots, 2);
}

/* Numbers are given away below the durable limit alone (spool I2). */
static void test_losses_wait_for_numbers(void **state)
{
	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	f.core->seq_limit = f.core->next_seq + 10;
	fg_core_losses(f.core, "town", 3);
	fake_turn(&f, SEC);
	assert_int_equal(f.lots, 0);
	assert_true(f.reserve_asked > f.core->next_seq + 64);
	fg_core_reserved(f.core, f.reserve_asked);
	fake_turn(&f, 2 * SEC);
	assert_int_equal(f.lots, 1);
}

static void test_selection_of_gaps(void **state)
{
	struct fake_broker *lab;
	uint64_t first;
	size_t at[2];

	(void)state;
	begin(two);
	lab = &f.brokers[1];
	fake_connect(&f, town, true);
	fake_connect(&f, lab, true);
	for (int i = 0; i < 3; i++) { /* of water for town alone, of water, of bathing for all */
		serve(1);
		at[0] = fake_entries(town, 0);
		at[1] = fake_entries(lab, 0);
		fg_core_losses(f.core, "town", 1);
		fake_turn(&f, 2 * SEC);
		first = f.losses.first;
		put(first, FG_ITEM_GAP, i < 2 ? 1 : 2, i == 0 ? "town" : NULL);
		fake_used(&f, &f.losses, 1, false);
		serve(2);
		assert_int_equal(fake_entries(town, 0) - at[0], i < 2);
		assert_int_equal(fake_entries(lab, 0) - at[1], i > 0);
	}
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 1)), 0);
}

/* A broker that refuses a gap for good: told in the log, not tried for ever. */
static void test_a_refused_gap_is_given_up(void **state)
{
	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	serve(1);
	fg_core_losses(f.core, "town", 1);
	fake_turn(&f, 2 * SEC);
	put(f.losses.first, FG_ITEM_GAP, 1, "town");
	fake_used(&f, &f.losses, 1, false);
	for (int i = 0; i < 10; i++) {
		fake_turn(&f, SEC / 10);
		fake_settle(&f);
	}
	assert_int_equal(fake_entries(town, 0), 1);
	fake_ack(&f, town, town->sent_count - town->acked, 0x87);
	assert_int_equal(fg_publisher_backlog(fake_publisher(&f, 0)), 0);
	assert_int_equal(fake_publisher(&f, 0)->rejects.count, 0);
}

/* The reader's memory may go: a page keeps all that its entries point to. */
static void test_a_page_keeps_what_is_lent(void **state)
{
	struct fg_page *page = calloc(1, sizeof(*page));
	struct fg_account_line lines[FG_ACCOUNT_LINES] = {{.point = 5, .scheduled = 9}};
	char name[] = "town", text[] = "wet";
	const struct fg_point_desc desc = {.point = "ph"};
	struct fg_gap g = {.count = 4, .destination = name};
	struct fg_account a = {.count = FG_ACCOUNT_LINES, .lines = lines, .destination = name};
	struct fg_item item = {.seq = 1, .qc = FG_QC_PASS,
		.value = {.kind = FG_KIND_TEXT, .text = text, .len = 3}};
	size_t n = 3;

	(void)state;
	assert_int_equal(fg_page_add(page, &item, &desc, true), 0);
	item = (struct fg_item){.seq = 2, .kind = FG_ITEM_GAP, .gap = &g};
	assert_int_equal(fg_page_add(page, &item, &desc, false), 0);
	item = (struct fg_item){.seq = 3, .kind = FG_ITEM_ACCOUNT, .account = &a};
	assert_int_equal(fg_page_add(page, &item, &desc, false), 0);
	memset(lines, 0, sizeof(lines));
	memset(name, '!', 4);
	memset(text, '!', 3);
	g.count = 0;
	assert_memory_equal(page->items[0].value.text, "wet", 3);
	assert_true(page->uncertain[0]);
	assert_int_equal(page->items[1].gap->count, 4);
	assert_string_equal(page->items[1].gap->destination, "town");
	assert_string_equal(page->items[2].account->destination, "town");
	assert_int_equal(page->items[2].account->lines[0].scheduled, 9);
	assert_int_equal((uintptr_t)page->items[2].account->lines % alignof(max_align_t), 0);
	item.seq = 4;
	while (fg_page_add(page, &item, &desc, false) == 0)
		item.seq = ++n + 1;
	assert_int_equal(page->count, n); /* full: the rest comes with the next page */
	assert_int_equal(page->scanned_to, n + 1);
	assert_true(n < FG_PAGE_ITEMS);
	free(page);
	begin(fake_yaml);
}

/* ---- what is counted ---- */

static void assert_totals(const char *name, unsigned n)
{
	char text[64];
	const char *at;
	struct fg_buf out;

	snprintf(text, sizeof(text), "\"%s\":%u,", name, n);
	fg_buf_init(&out, 1u << 16);
	fg_core_status(f.core, f.now, &out);
	at = strstr(out.data, "\"totals\"");
	if (!strstr(at, text))
		fail_msg("no %s in %s", text, at);
	fg_buf_fini(&out);
}

/* Gaps, accounts and numbers that are given away for nothing are no readings. */
static void test_totals_count_readings(void **state)
{
	uint64_t first;

	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	outage(3);
	serve(1);
	fg_core_losses(f.core, "town", 2);
	fake_turn(&f, 2 * SEC);
	first = f.losses.first;
	put(first, FG_ITEM_GAP, 1, "town");
	fake_used(&f, &f.losses, 1, false);
	serve(1);
	outage(1);
	serve(1);
	assert_int_equal(fake_entries(town, 0), 5);
	fake_answer(&f, sonde, 2); /* not yet stored */
	assert_totals("stored", 4);
	assert_totals("published", 4);
	assert_totals("acknowledged", 4);
	fg_core_dropped(f.core, f.appended_next - 1, f.appended_next, 1);
	fake_commit(&f);
	assert_totals("stored", 4);
}

/* ---- waiting for the commit ---- */

static void test_a_late_commit(void **state)
{
	struct fg_publisher *p;
	int64_t taken_us, again_us;
	uint64_t first;
	size_t mark;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	serve(1);
	mark = town->sent_count;
	taken_us = f.now.mono_us;
	fake_answer(&f, sonde, 2);
	first = f.appended_next - 1;
	again_us = fake_turn(&f, 0);
	assert_true(again_us <= taken_us + 5 * SEC);
	fake_turn(&f, 5 * SEC - 1);
	assert_int_equal(fake_entries(town, mark), 0);
	fake_turn(&f, 1);
	assert_int_equal(fake_entries(town, mark), 1);
	assert_true(fake_sent_entry(town, mark, 0)->not_stored);
	assert_true(fake_sent_entry(town, mark, 0)->retain);
	assert_int_equal(p->not_stored, 1);
	fake_answer(&f, sonde, 3);
	fake_turn(&f, 5 * SEC);
	assert_int_equal(fake_entries(town, mark), 2);
	fake_ack(&f, town, 1, 0); /* the first of them alone */
	assert_false(fg_ranges_has(&p->unacked, first));
	/* it is stored after all: what went out does not go out again */
	fake_commit(&f);
	serve(2);
	assert_int_equal(fake_entries(town, mark), 2);
	assert_int_equal(fg_publisher_backlog(p), 0);
}

/* Commits that are meant to be rare are not late. */
static void test_rare_commits(void **state)
{
	char text[1024];
	const char *at = strstr(fake_yaml, "readings.db");
	size_t head = (size_t)(at - fake_yaml) + strlen("readings.db");

	(void)state;
	snprintf(text, sizeof(text), "%.*s, commit_interval: 20s%s", (int)head, fake_yaml,
		fake_yaml + head);
	begin(text);
	fake_connect(&f, town, true);
	fake_answer(&f, sonde, 2);
	fake_turn(&f, 24 * SEC);
	assert_int_equal(fake_entries(town, 0), 0);
	fake_turn(&f, SEC);
	assert_int_equal(fake_entries(town, 0), 1);
}

/* Sent and not acknowledged, the connection is lost, the commit comes: under the same number. */
static void test_a_late_commit_and_a_lost_connection(void **state)
{
	struct fg_publisher *p;
	uint64_t seq;
	size_t mark;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	serve(1);
	fake_answer(&f, sonde, 2);
	seq = f.appended_next - 1;
	fake_turn(&f, 6 * SEC);
	assert_int_equal(fake_count(town, 0, seq), 1);
	fake_lose(&f, town);
	fake_commit(&f);
	mark = town->sent_count;
	fake_connect(&f, town, true);
	serve(2);
	assert_int_equal(fake_count(town, mark, seq), 1);
	assert_false(fake_sent_entry(town, mark, 0)->not_stored);
	assert_int_equal(fg_publisher_backlog(p), 0);
}

/* One that the full store refused is told as lost, so it does not go out as well. */
static void test_a_refused_append_does_not_go_out(void **state)
{
	(void)state;
	begin(fake_yaml);
	fake_connect(&f, town, true);
	fake_answer(&f, sonde, 2);
	fg_core_dropped(f.core, f.appended_next - 1, f.appended_next, 1);
	fake_turn(&f, 10 * SEC);
	assert_int_equal(fake_entries(town, 0), 0);
}

/* Nearly full with drop-newest, what waits may be refused and is told as lost then. */
static void test_what_may_be_refused_waits(void **state)
{
	char text[1024];
	const char *at = strstr(fake_yaml, "readings.db");
	size_t head = (size_t)(at - fake_yaml) + strlen("readings.db");

	(void)state;
	snprintf(text, sizeof(text), "%.*s, when_full: drop-newest, max_size: 8MiB%s", (int)head,
		fake_yaml, fake_yaml + head);
	begin(text);
	fake_connect(&f, town, true);
	fg_core_store_size(f.core, 4 << 20, 1);
	fake_answer(&f, sonde, 1);
	fake_turn(&f, 10 * SEC);
	assert_int_equal(fake_entries(town, 0), 1);
	fg_core_store_size(f.core, 5 << 20, 1);
	fake_answer(&f, sonde, 2);
	fake_turn(&f, 10 * SEC);
	assert_int_equal(fake_entries(town, 0), 1);
	fake_commit(&f);
	fake_turn(&f, SEC);
	assert_int_equal(fake_entries(town, 0), 2);
	assert_false(fake_sent_entry(town, 0, 1)->not_stored);
}

/* ---- backfill ---- */

static void test_backfill(void **state)
{
	struct fg_publisher *p;
	struct fg_ranges r;
	size_t mark;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	outage(50);
	fake_connect(&f, town, true);
	serve(3);
	outage(2); /* in flight */
	fake_turn(&f, 0);
	mark = town->sent_count;
	fg_ranges_init(&r);
	fg_ranges_add(&r, FAKE_FIRST_SEQ + 10, FAKE_FIRST_SEQ + 20);
	fg_ranges_add(&r, FAKE_FIRST_SEQ + 45, FAKE_FIRST_SEQ + 5000);
	assert_int_equal(fg_core_backfill(f.core, f.now, "nobody", &r), FG_ENOENT);
	assert_int_equal(fg_core_backfill(f.core, f.now, "town", &r), 15);
	assert_int_equal(fg_core_backfill(f.core, f.now, "town", &r), 0); /* they wait already */
	assert_int_equal(fg_publisher_backlog(p), 17);
	serve(3);
	assert_int_equal(fake_entries(town, mark), 15);
	for (size_t i = 0; i < 15; i++)
		assert_false(fake_sent_entry(town, mark, i)->retain);
	assert_int_equal(fg_publisher_backlog(p), 0);
	assert_int_equal(p->again.count, 0);
	/* asked for while nobody is there, the newest of its point included */
	fake_lose(&f, town);
	mark = town->sent_count;
	assert_int_equal(fg_core_backfill(f.core, f.now, "town", &r), 17);
	fake_connect(&f, town, true);
	serve(3);
	assert_int_equal(fake_entries(town, mark), 17);
	for (size_t i = 0; i < 17; i++)
		assert_false(fake_sent_entry(town, mark, i)->retain);
	fg_ranges_fini(&r);
}

/* It had been delivered before: where it is refused, or gives way, nothing is lost. */
static void test_backfill_is_no_loss(void **state)
{
	struct fg_publisher *p;
	struct fg_ranges r;
	uint64_t told = 0;

	(void)state;
	begin(fake_yaml);
	p = fake_publisher(&f, 0);
	fake_connect(&f, town, true);
	outage(20);
	serve(2);
	fake_lose(&f, town);
	outage(5);
	fg_ranges_init(&r);
	fg_ranges_add(&r, FAKE_FIRST_SEQ, FAKE_FIRST_SEQ + 10);
	assert_int_equal(fg_core_backfill(f.core, f.now, "town", &r), 10);
	fg_core_wants_room(f.core, f.now);
	assert_false(fg_ranges_has(&f.owed_unacked, FAKE_FIRST_SEQ + 5));
	assert_true(fg_ranges_has(&f.owed_unacked, FAKE_FIRST_SEQ + 20));
	fg_core_room_made(f.core, f.now);
	fake_connect(&f, town, true);
	for (int i = 0; i < 20; i++) {
		fake_turn(&f, SEC / 20);
		fake_page(&f, town);
		fake_ack(&f, town, town->sent_count - town->acked, 0x87);
	}
	assert_int_equal(p->again.count, 0);
	fake_turn(&f, 61 * SEC); /* refusals are added up for a minute */
	for (size_t i = 0; i < f.appended_next - FAKE_FIRST_SEQ; i++)
		told += f.stored[i].item.kind == FG_ITEM_GAP ? f.stored[i].gap.count : 0;
	assert_int_equal(told, 5);
	fg_ranges_fini(&r);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_losses_are_told_when_somebody_listens),
		TEST(test_numbers_that_are_given_away),
		TEST(test_losses_without_room),
		TEST(test_losses_wait_for_numbers),
		TEST(test_selection_of_gaps),
		TEST(test_a_refused_gap_is_given_up),
		TEST(test_a_page_keeps_what_is_lent),
		TEST(test_totals_count_readings),
		TEST(test_a_late_commit),
		TEST(test_rare_commits),
		TEST(test_a_late_commit_and_a_lost_connection),
		TEST(test_a_refused_append_does_not_go_out),
		TEST(test_what_may_be_refused_waits),
		TEST(test_backfill),
		TEST(test_backfill_is_no_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
