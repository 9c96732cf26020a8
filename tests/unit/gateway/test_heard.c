/* SPDX-License-Identifier: EUPL-1.2 */
/* Points that a pushing device has never told. */
#include "fake.h"

#include <stdlib.h>

#define POLL_US (60 * SEC)

static struct fake f;
static const struct fg_group *sonde;
static unsigned char heard[256];
static size_t heard_len;

/* The driver of the configuration polls: here the device pushes. */
static void make_pushed(struct fg_core_start *start)
{
	(void)start;
	((struct fg_group *)(uintptr_t)f.config->groups[0])->pushed = true;
}

static int port_set_state(
	void *arg, const char *kind, const char *key, const void *bytes, size_t len)
{
	(void)arg;
	if (strcmp(kind, "heard") != 0)
		return FG_OK;
	assert_string_equal(key, "sonde");
	assert_in_range(len, 1, sizeof(heard));
	memcpy(heard, bytes, len);
	heard_len = len;
	return FG_OK;
}

static const char channels_yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16},\n"
	"             ph_2: {property: ph, table: input, address: 1, type: u16}}}\n";

static int begin(void **state)
{
	(void)state;
	fake_before_start = make_pushed;
	fake_init(&f, channels_yaml);
	sonde = f.config->groups[0];
	f.core->ports.set_state = port_set_state;
	heard_len = 0;
	return 0;
}

/* In two steps: who was away cannot say who was late. */
static void wait_three_intervals(void)
{
	fake_turn(&f, 3 * POLL_US - 1);
	fake_turn(&f, 1);
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	fake_before_start = NULL;
	return 0;
}

static int report(unsigned channels)
{
	struct fg_reading readings[2];
	struct fg_batch batch = {.readings = readings, .cap = 2};
	const struct fg_arrival arrival = {.device = sonde->device,
		.batch = &batch,
		.arrived_mono_us = f.now.mono_us,
		.kept = true};
	unsigned known;

	for (size_t i = 0; i < 2; i++)
		if (channels >> i & 1)
			fg_batch_add(&batch, sonde->points[i]->index, f.now.mono_us)->value =
				(struct fg_value){.kind = FG_KIND_DOUBLE, .f = 7};
	return fg_core_reported(f.core, f.now, &arrival, &known);
}

static const struct fg_item *stored_at(uint64_t seq)
{
	return &f.stored[seq - FAKE_FIRST_SEQ].item;
}

/* How many readings say that this point was not reported. */
static unsigned not_reported(size_t channel)
{
	unsigned n = 0;

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f.appended_next; seq++)
		n += stored_at(seq)->kind == FG_ITEM_READING &&
		     stored_at(seq)->reason == FG_REASON_NOT_REPORTED &&
		     stored_at(seq)->point ==
			     f.core->points[sonde->points[channel]->index].series->id;
	return n;
}

static bool status_says(const char *text)
{
	struct fg_buf buf;
	bool says;

	fg_buf_init(&buf, 1u << 20);
	fg_core_status(f.core, f.now, &buf);
	fg_buf_putc(&buf, 0);
	says = strstr(buf.data, text) != NULL;
	fg_buf_fini(&buf);
	return says;
}

/* A channel that the device has never told is not missing when the device is late. */
static void test_what_was_never_told_is_not_missing(void **state)
{
	(void)state;
	assert_int_equal(report(1), FG_PENDING);
	assert_true(status_says("\"points_not_seen\":1,\"not_seen\":[\"ph_2\"]"));
	wait_three_intervals();
	assert_int_equal(fake_device(&f, "sonde")->state, FG_DEVICE_FAILING);
	assert_int_equal(not_reported(0), 1);
	assert_int_equal(not_reported(1), 0);

	assert_int_equal(report(3), FG_PENDING); /* now there is a probe */
	assert_false(status_says("points_not_seen"));
	wait_three_intervals();
	assert_int_equal(not_reported(0), 2);
	assert_int_equal(not_reported(1), 1);
}

/* As long as it has told nothing, nobody knows what it has. */
static void test_a_silent_device_lacks_all(void **state)
{
	(void)state;
	wait_three_intervals();
	assert_int_equal(not_reported(0), 1);
	assert_int_equal(not_reported(1), 1);
	assert_false(status_says("points_not_seen"));
}

/* What was told is known after a restart: its note is stored with the readings. */
static void test_what_was_told_is_known_after_a_restart(void **state)
{
	(void)state;
	assert_int_equal(report(2), FG_PENDING);
	assert_int_equal(heard_len, 4);
	for (size_t i = 0; i < 2; i++) /* as after a restart */
		f.core->points[i].heard = false;
	assert_int_equal(fg_core_known_state(f.core, "heard", "sonde", heard, 3), FG_OK);
	assert_int_equal(fg_core_known_state(f.core, "heard", "gone", heard, 4), FG_OK);
	assert_false(status_says("points_not_seen"));
	assert_int_equal(fg_core_known_state(f.core, "heard", "sonde", heard, 4), FG_OK);
	assert_true(status_says("\"not_seen\":[\"ph\"]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_was_never_told_is_not_missing, begin, end),
		cmocka_unit_test_setup_teardown(test_a_silent_device_lacks_all, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_was_told_is_known_after_a_restart, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
