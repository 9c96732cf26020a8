/* SPDX-License-Identifier: EUPL-1.2 */
/* Since when a destination lacks readings. */
#include "fake.h"

static struct fake f;

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void serve(int seconds)
{
	for (int i = 0; i < seconds * 20; i++) {
		fake_turn(&f, SEC / 20);
		while (fake_page(&f, &f.brokers[0]))
			fake_turn(&f, 0);
		fake_ack_all(&f, &f.brokers[0]);
	}
}

/* An outage with so many readings; returns when the first was. */
static int64_t outage(int readings)
{
	fake_init(&f, fake_yaml);
	for (int i = 0; i < readings; i++)
		fake_reading(&f, f.config->groups[0], i);
	fake_turn(&f, 0);
	return f.stored[0].item.wall_ms;
}

static void test_it_outlasts_the_ring(void **state)
{
	const int64_t first_ms = outage(1);
	const struct fg_publisher *p = fake_publisher(&f, 0);

	(void)state;
	assert_true(fg_publisher_oldest_ms(p) == first_ms);
	for (int i = 0; i < 6000; i++)
		fake_reading(&f, f.config->groups[0], i);
	fake_turn(&f, 0);
	assert_true(f.core->recent.first > FAKE_FIRST_SEQ);
	assert_true(fg_publisher_oldest_ms(p) == first_ms);
	assert_int_equal(f.brokers[0].pages, 0);
	fake_connect(&f, &f.brokers[0], true);
	serve(40);
	assert_true(fg_ranges_first(&p->unacked) >= f.committed_next);
	assert_true(fg_publisher_oldest_ms(p) == 0);
}

/* After a start nobody remembers it, and the first number may be one that a crash left empty. */
static void test_the_store_is_asked_once(void **state)
{
	const int64_t first_ms = outage(6000);
	struct fg_publisher *p = fake_publisher(&f, 0);

	(void)state;
	p->oldest_ms = 0;
	p->oldest_seq = 0;
	fake_turn(&f, 0);
	assert_true(fg_publisher_oldest_ms(p) == 0);
	assert_int_equal(f.brokers[0].pages, 1);
	fake_page(&f, &f.brokers[0]);
	assert_true(fg_publisher_oldest_ms(p) == first_ms);
	serve(5);
	assert_true(fg_publisher_oldest_ms(p) == first_ms);
	assert_int_equal(f.brokers[0].pages, 1);
}

static void test_a_hole_is_passed_over(void **state)
{
	struct fg_publisher *p;

	(void)state;
	outage(6000);
	p = fake_publisher(&f, 0);
	f.stored[0].gone = true;
	p->oldest_ms = 0;
	p->oldest_seq = 0;
	fake_turn(&f, 0);
	fake_page(&f, &f.brokers[0]);
	assert_true(fg_publisher_oldest_ms(p) == f.stored[1].item.wall_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_it_outlasts_the_ring, end),
		cmocka_unit_test_teardown(test_the_store_is_asked_once, end),
		cmocka_unit_test_teardown(test_a_hole_is_passed_over, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
