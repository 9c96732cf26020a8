/* SPDX-License-Identifier: EUPL-1.2 */
/* Devices that refuse, or do not answer, requests over registers that they do not have: what is
 * learned of them, and when it is forgotten. The wire is a table of registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

#define POINTS 5
#define DAY_US INT64_C(86400000000)

/* The device: it has no registers from hole to hole + 1, and holds their addresses elsewhere. */
static struct {
	uint16_t hole;
	unsigned exception; /* what it says; 0: nothing */
	bool dead;
	struct fg_request asked[32];
	size_t count;
} dev;

static struct fg_modbus_device conf;
static struct fg_device device;
static struct fg_link link_;
static struct fg_modbus_point points_conf[POINTS];
static struct fg_point points[POINTS];
static const struct fg_point *pointers[POINTS];
static struct fg_group group;
static struct fg_arena *arena;
static struct fg_reading readings[POINTS];
static struct fg_batch batch;
static struct fg_link_state ls;
static struct fg_job job;

static int ready(struct fg_job *j, const struct fg_modbus_query *q, int64_t until_us)
{
	(void)j;
	(void)q;
	(void)until_us;
	return FG_OK;
}

/* Each register holds its address. */
static int exchange(struct fg_job *j, const struct fg_modbus_query *q, int64_t until_us,
	struct fg_modbus_reply *ret)
{
	struct fg_request req = {FG_TABLE_HOLDING, (uint16_t)(q->pdu[1] << 8 | q->pdu[2]),
		(uint16_t)(q->pdu[3] << 8 | q->pdu[4])};
	bool over = req.address <= dev.hole && dev.hole < req.address + req.count;

	(void)j;
	(void)until_us;
	assert_true(dev.count < FG_COUNT(dev.asked));
	assert_int_equal(q->pdu[0], 3);
	dev.asked[dev.count++] = req;
	if (dev.dead || (over && !dev.exception))
		return FG_ETIMEOUT;
	ret->pdu[0] = over ? 0x83 : 3;
	ret->pdu[1] = (uint8_t)(over ? dev.exception : 2u * req.count);
	ret->len = over ? 2 : 2u + 2u * req.count;
	for (unsigned i = 0; !over && i < req.count; i++) {
		ret->pdu[2 + 2 * i] = (uint8_t)((req.address + i) >> 8);
		ret->pdu[3 + 2 * i] = (uint8_t)(req.address + i);
	}
	return FG_OK;
}

/* Polls once; returns how many requests that took. */
static size_t poll(unsigned attempts)
{
	static const struct fg_modbus_transport transport = {ready, exchange, NULL};

	batch = (struct fg_batch){.readings = readings, .cap = POINTS};
	job = (struct fg_job){.link = &ls, .group = &group, .deadline_mono_us = INT64_MAX,
		.attempts = attempts, .batch = &batch};
	dev.count = 0;
	assert_int_equal(fg_modbus_poll(&job, &transport), FG_OK);
	return dev.count;
}

static void all_good(void)
{
	assert_int_equal(batch.count, POINTS);
	for (size_t i = 0; i < POINTS; i++) {
		assert_int_equal(readings[i].reason, FG_REASON_NONE);
		assert_true(readings[i].value.u == points_conf[i].span.address);
	}
}

static int end(void **state)
{
	(void)state;
	fg_arena_free(arena);
	return 0;
}

/* Five points, two registers apart: one request. */
static int begin(void **state)
{
	const struct fg_modbus_costs costs = fg_modbus_serial_costs(9600, 10, 125);

	(void)state;
	fg_log_set_level((enum fg_log_level)0);
	memset(&dev, 0, sizeof(dev));
	arena = fg_arena_new();
	conf = (struct fg_modbus_device){.unit_id = 1, .max_gap = 16};
	link_ = (struct fg_link){.name = "line"};
	device = (struct fg_device){
		.name = "d", .link = &link_, .conf = &conf, .timeout_us = 1000000};
	for (size_t i = 0; i < POINTS; i++) {
		points_conf[i] = (struct fg_modbus_point){.spec.type = FG_REG_U16,
			.span = {FG_TABLE_HOLDING, (uint16_t)(10 + 3 * i), 1, 0},
			.read = {FG_TABLE_HOLDING, (uint16_t)(10 + 3 * i), 1, 0}};
		points[i] = (struct fg_point){.name = "p", .scale = 1, .device = &device,
			.conf = &points_conf[i]};
		pointers[i] = &points[i];
	}
	group = (struct fg_group){.device = &device, .points = pointers, .count = POINTS};
	ls = (struct fg_link_state){.link = &link_};
	assert_int_equal(fg_modbus_plan(&group, arena, &costs), FG_OK);
	assert_int_equal(group.request_count, 1);
	return 0;
}

/* Only what is refused is split, by halves, within one poll that has all readings; and no poll
 * after it asks for the hole. */
static void test_a_refused_gap_is_learned(void **state)
{
	static const unsigned exceptions[] = {2, 3, 4};

	for (size_t i = 0; i < FG_COUNT(exceptions); i++) {
		end(state);
		begin(state);
		dev.hole = 20; /* between the fourth and the fifth point */
		dev.exception = exceptions[i];
		poll(3);
		all_good();
		assert_int_equal(dev.asked[0].count, 13);
		assert_int_equal(poll(3), 4);
		all_good();
		for (size_t k = 0; k < dev.count; k++)
			assert_false(dev.asked[k].address <= 20 &&
				     20 < dev.asked[k].address + dev.asked[k].count);
		assert_int_equal(dev.asked[0].count, 4); /* the first two points together still */
		assert_int_equal(job.splits, 3);
	}
}

/* A refusal that is not about addresses is none of this. */
static void test_other_refusals_split_nothing(void **state)
{
	(void)state;
	dev.hole = 20;
	dev.exception = 1;
	assert_int_equal(poll(3), 1);
	assert_int_equal(readings[0].reason, FG_REASON_EXCEPTION);
	assert_int_equal(poll(3), 1);
	assert_int_equal(job.splits, 0);
}

/* The device was restarted, perhaps with other firmware; or a day has passed. */
static void test_learned_anew(void **state)
{
	struct fg_modbus_plan *plan = (void *)(uintptr_t)group.plan;
	int64_t since;

	(void)state;
	dev.hole = 20;
	dev.exception = 2;
	poll(1);
	assert_int_equal(poll(1), 4);
	dev.dead = true;
	assert_int_equal(poll(1), 1);
	assert_int_equal(readings[0].reason, FG_REASON_NO_RESPONSE);
	dev.dead = false;
	dev.hole = 0; /* it reads all now */
	assert_int_equal(poll(1), 1);
	all_good();
	dev.hole = 20;
	poll(1);
	assert_int_equal(poll(1), 4);
	since = plan->scratch->split_us;
	fg_modbus_split_begin(plan, since + DAY_US - 1);
	assert_int_equal(plan->scratch->read_count, 4);
	fg_modbus_split_begin(plan, since + DAY_US);
	assert_int_equal(plan->scratch->read_count, 1);
}

/* Without an answer to the whole, twice, the parts are tried; and next time at once. */
static void test_a_gap_that_is_not_answered(void **state)
{
	struct fg_modbus_plan *plan = (void *)(uintptr_t)group.plan;

	(void)state;
	dev.hole = 20;
	assert_int_equal(poll(1), 1);
	assert_int_equal(readings[0].reason, FG_REASON_NO_RESPONSE);
	assert_int_equal(poll(1), 1 + POINTS);
	all_good();
	assert_int_equal(poll(1), POINTS);
	all_good();
	fg_modbus_split_begin(plan, plan->scratch->split_us + DAY_US);
	assert_int_equal(poll(1), 1 + POINTS);
	all_good();
}

/* A device that is dead costs one request more, once, and is not called one with gaps. */
static void test_a_dead_device_is_not_split(void **state)
{
	const struct fg_modbus_plan *plan = group.plan;

	(void)state;
	dev.dead = true;
	assert_int_equal(poll(1), 1);
	assert_int_equal(poll(1), 2);
	assert_int_equal(plan->scratch->read_count, 1);
	assert_false(plan->scratch->told);
	assert_int_equal(poll(1), 1);
	for (size_t i = 0; i < POINTS; i++)
		assert_int_equal(readings[i].reason, FG_REASON_NO_RESPONSE);
	dev.dead = false;
	dev.hole = 0;
	assert_int_equal(poll(1), 1);
	all_good();
}

static void test_a_probe_is_one_small_request(void **state)
{
	static const struct fg_modbus_transport transport = {ready, exchange, NULL};

	(void)state;
	dev.dead = true;
	for (int i = 0; i < 2; i++) {
		batch = (struct fg_batch){.readings = readings, .cap = POINTS};
		job = (struct fg_job){.link = &ls, .group = &group, .deadline_mono_us = INT64_MAX,
			.attempts = 1, .probe = true, .batch = &batch};
		dev.count = 0;
		assert_int_equal(fg_modbus_poll(&job, &transport), FG_OK);
		assert_int_equal(dev.count, 1);
		assert_int_equal(dev.asked[0].count, 1);
		assert_int_equal(batch.count, i == 0 ? POINTS : 0);
		assert_int_equal(job.answers, i);
		dev.dead = false;
	}
}

/* The one register that it asks for may be one that the device has lost. */
static void test_a_refused_probe_tries_another_register(void **state)
{
	static const struct fg_modbus_transport transport = {ready, exchange, NULL};

	(void)state;
	dev.hole = 10;
	dev.exception = 2;
	for (int i = 0; i < 2; i++) {
		batch = (struct fg_batch){.readings = readings, .cap = POINTS};
		job = (struct fg_job){.link = &ls, .group = &group, .deadline_mono_us = INT64_MAX,
			.attempts = 1, .probe = true, .batch = &batch};
		dev.count = 0;
		fg_modbus_poll(&job, &transport);
		assert_int_equal(dev.asked[0].address, 10 + 3 * i);
	}
	assert_int_equal(batch.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_refused_gap_is_learned),
		TEST(test_other_refusals_split_nothing),
		TEST(test_learned_anew),
		TEST(test_a_gap_that_is_not_answered),
		TEST(test_a_dead_device_is_not_split),
		TEST(test_a_probe_is_one_small_request),
		TEST(test_a_refused_probe_tries_another_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
