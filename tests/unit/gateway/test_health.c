/* SPDX-License-Identifier: EUPL-1.2 */
/* Device states and what follows from them: probes of dead devices, and their return. */
#include "fake.h"

static struct fake f;

static const char bus[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s, timeout: 1s,\n"
	"    retries: 2, points: {ph: {table: input, address: 0, type: u16}}}\n"
	"  b: {station: park, domain: air, link: plc, unit_id: 2, interval: 10s, timeout: 1s,\n"
	"    points: {pm25: {table: input, address: 0, type: u16}}}\n"
	"  c: {station: park, domain: weather, link: plc, unit_id: 3, interval: 60s, timeout: 1s,\n"
	"    points: {wind_speed: {table: input, address: 0, type: u16}}}\n";

static const char alone[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 1s, timeout: 1s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n";

static int begin(void **state)
{
	(void)state;
	fake_init(&f, bus);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void silence(const char *device, int times, enum fg_reason reason)
{
	for (int i = 0; i < times; i++)
		fake_fail(&f, fake_group(&f, device, 0), reason);
}

static int64_t due_in(const char *device)
{
	return f.core->groups[fake_group(&f, device, 0)->index].due_mono_us - f.now.mono_us;
}

static void test_states(void **state)
{
	const struct fg_device_run *a = fake_device(&f, "a");
	/* what a poll brings, the state after it */
	static const struct {
		enum fg_reason reason;
		enum fg_device_state state;
	} steps[] = {
		{FG_REASON_NONE, FG_DEVICE_OK},
		{FG_REASON_NO_RESPONSE, FG_DEVICE_FAILING},
		{FG_REASON_FRAME, FG_DEVICE_FAILING},
		{FG_REASON_NONE, FG_DEVICE_OK}, /* three in a row, not three */
		{FG_REASON_NO_RESPONSE, FG_DEVICE_FAILING},
		{FG_REASON_NO_RESPONSE, FG_DEVICE_FAILING},
		{FG_REASON_EXCEPTION, FG_DEVICE_QUARANTINED},
		{FG_REASON_LINK_DOWN, FG_DEVICE_QUARANTINED},
		{FG_REASON_SENTINEL, FG_DEVICE_OK}, /* it spoke */
		{FG_REASON_SENTINEL, FG_DEVICE_OK},
	};

	(void)state;
	assert_int_equal(a->state, FG_DEVICE_UNKNOWN);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		f.now.wall_us += 10 * SEC;
		f.now.mono_us += 10 * SEC;
		if (steps[i].reason)
			silence("a", 1, steps[i].reason);
		else
			fake_answer(&f, fake_group(&f, "a", 0), 1);
		assert_int_equal(a->state, steps[i].state);
	}
	assert_int_equal(a->polls, 10);
	assert_int_equal(a->failures, 6);
	assert_int_equal(a->failed, 0);
	assert_int_equal(a->reason, FG_REASON_NONE);
	assert_true(a->since_wall_ms == f.now.wall_us / 1000 - 10000);
	assert_int_equal(fake_device(&f, "b")->state, FG_DEVICE_UNKNOWN);
}

static void test_each_change_is_published_once(void **state)
{
	struct fake_broker *town = &f.brokers[0];
	static const struct {
		enum fg_reason reason;
		unsigned documents;
	} steps[] = {
		{FG_REASON_NONE, 1}, {FG_REASON_NONE, 0}, {FG_REASON_NO_RESPONSE, 1},
		{FG_REASON_NO_RESPONSE, 0}, {FG_REASON_FRAME, 1} /* quarantined */,
		{FG_REASON_FRAME, 0}, {FG_REASON_NO_RESPONSE, 1}, {FG_REASON_NONE, 1},
	};

	(void)state;
	fake_connect(&f, town, true);
	fake_turn(&f, 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		size_t mark = town->sent_count;

		if (steps[i].reason)
			silence("a", 1, steps[i].reason);
		else
			fake_answer(&f, fake_group(&f, "a", 0), 1);
		fake_turn(&f, 0);
		if (fake_count(town, mark, 0) != steps[i].documents)
			fail_msg("step %zu", i);
	}
}

/* A dead device is probed, each 30 s where its bus has the time (test_bus.c); never two of a bus at
 * a time. */
static void test_probes_on_a_bus(void **state)
{
	const struct fg_group *a = fake_group(&f, "a", 0), *c = fake_group(&f, "c", 0);
	size_t probes = 0;
	int64_t last = 0;

	(void)state;
	fake_answer(&f, c, 1);
	silence("a", 3, FG_REASON_NO_RESPONSE);
	assert_true(due_in("a") == 30 * SEC);
	silence("b", 3, FG_REASON_NO_RESPONSE);
	assert_true(due_in("b") == 30 * SEC);
	for (int i = 0; i < 3600; i++) {
		size_t from = f.poll_count;

		fake_turn(&f, SEC);
		for (; from < f.poll_count; from++) {
			if (f.polls[from].group == c) {
				fake_answer(&f, c, 1);
				continue;
			}
			assert_int_equal(f.polls[from].attempts, 0);
			assert_in_range(f.polls[from].timeout_us, 100000, SEC);
			if (f.polls[from].group == a && probes++ > 1)
				assert_true(f.now.mono_us - last >= 30 * SEC);
			if (f.polls[from].group == a)
				last = f.now.mono_us;
			fake_fail(&f, f.polls[from].group, FG_REASON_NO_RESPONSE);
		}
	}
	assert_in_range(probes, 100, 120);
	assert_int_equal(fake_device(&f, "a")->probes, probes);
}

static void test_attempts(void **state)
{
	(void)state;
	fake_turn(&f, 60 * SEC);
	for (size_t i = 0; i < f.poll_count; i++)
		if (f.polls[i].group == fake_group(&f, "a", 0))
			assert_int_equal(f.polls[i].attempts, 3);
	silence("a", 2, FG_REASON_NO_RESPONSE);
	f.poll_count = 0;
	fake_turn(&f, 60 * SEC);
	for (size_t i = 0; i < f.poll_count; i++)
		if (f.polls[i].group == fake_group(&f, "a", 0))
			assert_int_equal(f.polls[i].attempts, 3); /* failing, not dead */
}

static void test_probes_alone_and_never_faster_than_the_interval(void **state)
{
	(void)state;
	fake_fini(&f);
	fake_init(&f, alone);
	silence("a", 3, FG_REASON_NO_RESPONSE);
	assert_true(due_in("a") == 5 * SEC);
	fake_fini(&f);
	fake_init(&f, fake_yaml); /* each minute */
	silence("sonde", 3, FG_REASON_NO_RESPONSE);
	assert_true(due_in("sonde") == 60 * SEC);
}

/* Back after a quarantine: at its interval and on its phase as if nothing had been. */
static void test_return(void **state)
{
	const struct fg_group *a = fake_group(&f, "a", 0);
	struct fg_group_run *run = &f.core->groups[a->index];
	int64_t first = run->first_slot_mono_us;

	(void)state;
	fake_turn(&f, 0);
	silence("a", 3, FG_REASON_NO_RESPONSE);
	fake_turn(&f, 123456789);
	f.poll_count = 0;
	fake_answer(&f, a, 7);
	fake_turn(&f, 0);
	for (size_t i = 0; i < f.poll_count; i++) /* not twice in a row */
		assert_ptr_not_equal(f.polls[i].group, a);
	assert_in_range(due_in("a"), 1, 10 * SEC);
	assert_true((run->due_mono_us - first) % (10 * SEC) == 0);
}

/* One answer tells that the link is back: those that were lost with it are tried at once, those
 * that were silent by themselves are not. */
static void test_neighbours_are_woken(void **state)
{
	(void)state;
	silence("a", 3, FG_REASON_LINK_DOWN);
	silence("b", 3, FG_REASON_LINK_DOWN);
	silence("c", 3, FG_REASON_NO_RESPONSE);
	assert_true(due_in("b") > 0);
	fake_answer(&f, fake_group(&f, "a", 0), 1);
	assert_true(due_in("b") == 0);
	assert_true(due_in("c") > 0);
}

/* A slow device that is not given up yet wakes its fast neighbours, too. */
static void test_neighbours_are_woken_by_a_slow_device(void **state)
{
	(void)state;
	silence("a", 3, FG_REASON_LINK_DOWN);
	silence("c", 1, FG_REASON_LINK_DOWN);
	fake_answer(&f, fake_group(&f, "c", 0), 1);
	assert_true(due_in("a") == 0);
}

/* A link that is down costs its neighbours nothing: tried often. */
static void test_link_down_is_probed_often(void **state)
{
	(void)state;
	silence("a", 3, FG_REASON_LINK_DOWN);
	assert_true(due_in("a") == 10 * SEC);
}

/* A device with two groups is dead when both are silent, and one probe is enough for both. */
static void test_two_groups(void **state)
{
	const struct fg_group *quick, *slow;
	const struct fg_device_run *a;
	size_t polls;

	(void)state;
	fake_fini(&f);
	fake_init(&f, FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  a: {station: pier, domain: water, link: plc, unit_id: 1, interval: 10s,\n"
		"    points: {ph: {table: input, address: 0, type: u16},\n"
		"      orp: {table: input, address: 1, type: u16, interval: 20s}}}\n");
	quick = fake_group(&f, "a", 0);
	slow = fake_group(&f, "a", 1);
	a = fake_device(&f, "a");
	fake_turn(&f, 20 * SEC);
	fake_answer(&f, quick, 7);
	fake_turn(&f, 0);
	for (int i = 0; i < 5; i++) {
		fake_fail(&f, slow, FG_REASON_EXCEPTION);
		assert_int_equal(a->state, FG_DEVICE_OK);
	}
	assert_int_equal(a->failures, 5);
	for (int i = 0; i < 3; i++)
		fake_fail(&f, quick, FG_REASON_NO_RESPONSE);
	assert_int_equal(a->state, FG_DEVICE_QUARANTINED);
	polls = f.poll_count;
	fake_turn(&f, 100 * SEC);
	fake_turn(&f, 0);
	assert_int_equal(f.poll_count, polls + 1);
	assert_ptr_equal(f.polls[polls].group, quick);
	fake_fail(&f, quick, FG_REASON_NO_RESPONSE);
	fake_turn(&f, 0);
	assert_int_equal(f.poll_count, polls + 1); /* the other group is not tried as well */
	fake_turn(&f, 100 * SEC);
	fake_answer(&f, quick, 7);
	assert_int_equal(a->state, FG_DEVICE_OK);
	polls = f.poll_count;
	fake_turn(&f, 20 * SEC);
	assert_true(f.poll_count > polls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_states),
		TEST(test_each_change_is_published_once),
		TEST(test_probes_on_a_bus),
		TEST(test_attempts),
		TEST(test_probes_alone_and_never_faster_than_the_interval),
		TEST(test_return),
		TEST(test_neighbours_are_woken),
		TEST(test_neighbours_are_woken_by_a_slow_device),
		TEST(test_two_groups),
		TEST(test_link_down_is_probed_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
