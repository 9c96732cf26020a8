/* SPDX-License-Identifier: EUPL-1.2 */
/* A serial bus in simulated time: what dead devices cost the others, and how they come back. One
 * exchange at a time, in the order of asking, as a link's worker has it. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

#define DEVICES	10
#define MS	INT64_C(1000)
#define MINUTE	(60 * SEC)
/* 20 registers at 9600 8N1, the silences and 10 ms of the device's own */
#define POLL_US 73000
#define JOBS	64
#define TAKEN	20000

static struct fake f;

static struct {
	int64_t poll_us;
	bool dead[DEVICES], slow[DEVICES];
	int64_t sleep_us[DEVICES]; /* each poll leaves the bus to others for so long, at its end */
	int64_t free_us; /* the bus is in use until then */
	struct job {
		const struct fg_group *group;
		unsigned attempts;
		int64_t timeout_us, start_us, sleeps_us, end_us;
		bool answered;
	} jobs[JOBS];
	size_t count, seen; /* under way; seen: of f.polls */
	int64_t wasted_us;  /* bus time of polls without an answer */
	size_t vain;	    /* how many */
	int64_t taken[DEVICES][TAKEN / DEVICES];
	size_t taken_count[DEVICES];
} bus;

static unsigned number(const struct fg_group *g)
{
	return (unsigned)strtoul(g->device->name + 1, NULL, 10);
}

static void begin_bus(const char *interval, int64_t poll_us)
{
	char yaml[8192] = FAKE_HEAD FAKE_TOWN FAKE_LINK "devices:\n";
	size_t len = strlen(yaml);

	for (int i = 0; i < DEVICES; i++)
		len += (size_t)snprintf(yaml + len, sizeof(yaml) - len,
			"  d%d: {station: pier, domain: water, link: plc, unit_id: %d,"
			" interval: %s, timeout: 1s, retries: 2,\n"
			"    points: {x_%d: {table: input, address: 0, type: u16}}}\n",
			i, i + 1, interval, i);
	fake_init(&f, yaml);
	f.store_full = true; /* readings are of no interest here */
	memset(&bus, 0, sizeof(bus));
	bus.poll_us = poll_us;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void take_job(const struct fake_poll *p)
{
	struct job taken, *j = &taken;
	size_t at = bus.count++;
	unsigned n = number(p->group);
	int64_t timeout_us = p->timeout_us ? p->timeout_us : p->group->device->timeout_us;
	int64_t answer_us = bus.slow[n] ? 600 * MS : bus.poll_us;

	assert_true(bus.count < JOBS);
	*j = (struct job){.group = p->group, .attempts = p->attempts, .timeout_us = timeout_us};
	j->answered = !bus.dead[n] && answer_us <= timeout_us;
	j->start_us = FG_MAX(bus.free_us, f.now.mono_us);
	j->sleeps_us =
		j->start_us + (j->answered ? answer_us : FG_MAX(p->attempts, 1u) * timeout_us);
	j->end_us = j->sleeps_us + bus.sleep_us[n];
	bus.free_us = j->sleeps_us;
	for (; at > 0 && bus.jobs[at - 1].end_us > j->end_us; at--)
		bus.jobs[at] = bus.jobs[at - 1];
	bus.jobs[at] = taken;
}

static bool asleep(void *arg, const struct fg_group *group)
{
	(void)arg;
	for (size_t i = 0; i < bus.count; i++)
		if (bus.jobs[i].group == group)
			return bus.jobs[i].sleeps_us <= f.now.mono_us;
	return false;
}

static void finish_job(void)
{
	struct job j = bus.jobs[0];
	struct fg_reading reading;
	struct fg_batch batch = {.readings = &reading, .cap = 1};
	struct fg_poll_result result = {.group = j.group, .batch = &batch,
		.requests = FG_MAX(j.attempts, 1u), .answers = j.answered,
		.started_mono_us = j.start_us, .done_mono_us = j.end_us,
		.slept_us = j.end_us - j.sleeps_us};
	unsigned n = number(j.group);
	struct fg_reading *r;

	memmove(&bus.jobs[0], &bus.jobs[1], --bus.count * sizeof(bus.jobs[0]));
	if (j.answered) {
		result.answer_us = j.sleeps_us - j.start_us;
		if (j.attempts && bus.taken_count[n] < FG_COUNT(bus.taken[n]))
			bus.taken[n][bus.taken_count[n]++] = j.end_us;
	} else {
		bus.vain++;
		bus.wasted_us += j.sleeps_us - j.start_us;
	}
	if (!j.answered || j.attempts) { /* a probe that succeeds brings no readings */
		r = fg_batch_add(&batch, j.group->points[0]->index, j.end_us);
		r->reason = j.answered ? FG_REASON_NONE : FG_REASON_NO_RESPONSE;
		r->qc = j.answered ? FG_QC_NOT_EVALUATED : FG_QC_MISSING;
		r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = 1};
	}
	fg_core_polled(f.core, f.now, &result);
}

static void simulate(int64_t for_us)
{
	int64_t until = f.now.mono_us + for_us;

	while (f.now.mono_us < until) {
		int64_t next = fake_turn(&f, 0);

		for (; bus.seen < f.poll_count; bus.seen++)
			take_job(&f.polls[bus.seen]);
		if (bus.seen == f.poll_count)
			bus.seen = f.poll_count = 0;
		if (bus.count)
			next = FG_MIN(next, bus.jobs[0].end_us);
		next = FG_MAX(FG_MIN(next, until), f.now.mono_us);
		f.now.wall_us += next - f.now.mono_us;
		f.now.mono_us = next;
		while (bus.count && bus.jobs[0].end_us <= f.now.mono_us)
			finish_job();
	}
}

static void forget(void)
{
	memset(bus.taken_count, 0, sizeof(bus.taken_count));
	bus.wasted_us = 0;
	bus.vain = 0;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The 99th percentile of the times between two readings of a device, of all that are not dead. */
static int64_t p99(void)
{
	static int64_t gaps[TAKEN];
	size_t n = 0;

	for (size_t d = 0; d < DEVICES; d++)
		for (size_t i = 1; !bus.dead[d] && i < bus.taken_count[d]; i++)
			gaps[n++] = bus.taken[d][i] - bus.taken[d][i - 1];
	assert_true(n > 100);
	qsort(gaps, n, sizeof(gaps[0]), ascending);
	return gaps[(n * 99 + 99) / 100 - 1];
}

static bool alive(unsigned n)
{
	char name[8];

	snprintf(name, sizeof(name), "d%u", n);
	return fake_device(&f, name)->state == FG_DEVICE_OK;
}

/* Ten devices each second at 9600 baud; one dies: its neighbours do not notice. */
static void test_one_dead_of_ten(void **state)
{
	(void)state;
	begin_bus("1s", POLL_US);
	simulate(10 * SEC);
	bus.dead[4] = true;
	forget();
	simulate(20 * MINUTE);
	assert_in_range(p99(), 990 * MS, 1010 * MS);
	for (unsigned d = 0; d < DEVICES; d++)
		assert_true(bus.dead[d] || bus.taken_count[d] > 20 * 60 - 10);
	assert_in_range(bus.vain, 35, 45); /* about each 30 s */
	assert_true(bus.wasted_us < 20 * MINUTE / 50);
}

/* From its first failure on it is retried only where there is time: one full poll, no more. */
static void test_while_it_fails(void **state)
{
	(void)state;
	begin_bus("1s", POLL_US);
	simulate(10 * SEC);
	bus.dead[4] = true;
	forget();
	simulate(20 * SEC);
	assert_int_equal(bus.vain, 3);
	assert_in_range(bus.wasted_us, 3 * SEC, 3600 * MS);
}

/* Dead from the beginning, so nothing is known of how fast it is. */
static void test_one_that_never_was(void **state)
{
	(void)state;
	begin_bus("1s", POLL_US);
	bus.dead[9] = true;
	simulate(20 * MINUTE);
	assert_in_range(p99(), 990 * MS, 1010 * MS);
	assert_true(bus.wasted_us < 20 * MINUTE / 50);
}

/* All dead devices together: two hundredths of the bus, fairly shared. */
static void test_five_dead_of_ten(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	begin_bus("1s", POLL_US);
	simulate(10 * SEC);
	for (int d = 0; d < 5; d++)
		bus.dead[2 * d] = true;
	simulate(30 * SEC); /* until they are given up */
	forget();
	simulate(60 * MINUTE);
	assert_true(bus.wasted_us <= 60 * MINUTE / 50);
	assert_true(bus.wasted_us > 60 * MINUTE / 250);
	assert_in_range(p99(), 990 * MS, 1010 * MS);
	for (unsigned d = 0; d < DEVICES; d++) {
		char name[8];
		uint64_t probes;

		snprintf(name, sizeof(name), "d%u", d);
		probes = fake_device(&f, name)->probes;
		if (!bus.dead[d])
			continue;
		least = FG_MIN(least, probes);
		most = FG_MAX(most, probes);
	}
	assert_true(least > 40);
	assert_true(most - least <= 5);
}

/* Probes wait no longer than the bus is free, but as long as the device's answers take. */
static void test_how_long_a_probe_waits(void **state)
{
	(void)state;
	begin_bus("10s", 30 * MS);
	simulate(MINUTE);
	bus.dead[3] = true;
	simulate(MINUTE);
	forget();
	simulate(10 * MINUTE);
	assert_true(bus.vain >= 10);
	/* there is a second free somewhere, and the device's whole timeout is waited for */
	assert_true(bus.wasted_us >= (int64_t)bus.vain * 890 * MS);
	assert_true(bus.wasted_us <= 10 * MINUTE / 50 + SEC);
}

/* One good answer, and it is polled at its interval again: within the pause, or at once where one
 * that was lost with it answers. */
static void test_return(void **state)
{
	unsigned back = 0;

	(void)state;
	begin_bus("1s", POLL_US);
	simulate(MINUTE);
	for (int d = 0; d < 5; d++)
		bus.dead[d] = true;
	simulate(10 * MINUTE);
	for (int d = 0; d < 5; d++) {
		assert_false(alive((unsigned)d));
		bus.dead[d] = false;
	}
	for (int i = 0; i < 60 && back < 5; i++) {
		unsigned was = back;

		simulate(SEC);
		back = 0;
		for (unsigned d = 0; d < 5; d++)
			back += alive(d);
		assert_true(was == 0 || back == 5); /* the first brings the others at once */
	}
	assert_int_equal(back, 5);
	forget();
	simulate(10 * MINUTE);
	assert_true(p99() <= 1010 * MS);
}

/* It has become slower than all that is known of it, on a bus that is never free for so long. */
static void test_one_that_became_slow(void **state)
{
	(void)state;
	begin_bus("1s", 30 * MS);
	simulate(MINUTE);
	bus.dead[3] = true;
	simulate(15 * MINUTE);
	bus.dead[3] = false;
	bus.slow[3] = true;
	simulate(12 * MINUTE);
	assert_true(bus.taken_count[3] > 62);
}

/* Polls that wait for their device leave the bus to others: dead devices are probed meanwhile, and
 * what a dead device itself waits is no time of the bus. */
static void test_polls_that_sleep(void **state)
{
	(void)state;
	begin_bus("10s", 30 * MS);
	f.core->ports.asleep = asleep;
	bus.sleep_us[0] = 9900 * MS; /* under way nearly always */
	bus.sleep_us[3] = 2 * SEC;
	simulate(MINUTE);
	bus.dead[3] = true;
	simulate(MINUTE);
	forget();
	simulate(10 * MINUTE);
	assert_in_range(bus.vain, 10, 20); /* about each 45 s: 0.9 s of time each */
	assert_true(bus.wasted_us <= 10 * MINUTE / 50 + SEC);
	assert_true(bus.taken_count[0] >= 50);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_dead_of_ten),
		TEST(test_while_it_fails),
		TEST(test_one_that_never_was),
		TEST(test_five_dead_of_ten),
		TEST(test_how_long_a_probe_waits),
		TEST(test_return),
		TEST(test_one_that_became_slow),
		TEST(test_polls_that_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
