/* SPDX-License-Identifier: EUPL-1.2 */
/* The driver to copy does what the interface asks of every driver. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/driver.h"

extern const struct fg_driver fg_driver_skeleton;

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/28-01/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void *bind_object(struct fg_arena *arena, struct fg_report *rep, const struct fg_key *keys,
	size_t size, const char *text)
{
	struct fg_bind b = {.arena = arena, .rep = rep};
	struct fg_node *node;
	void *object = fg_arena_alloc(arena, size);

	assert_int_equal(fg_yaml_load_text(arena, text, strlen(text), "t", rep, &node), FG_OK);
	fg_bind_struct(&b, node, keys, NULL, object, "", node->at);
	assert_int_equal(fg_report_errors(rep), 0);
	return object;
}

static void test_poll(void **state)
{
	const struct fg_driver *d = &fg_driver_skeleton;
	struct fg_arena *arena = fg_arena_new();
	struct fg_report *rep = fg_report_new();
	char folder[] = "/tmp/fg-skeleton-XXXXXX", path[300];
	struct fg_link link = {.name = "w1", .driver = d};
	struct fg_device device = {.name = "probe", .link = &link};
	struct fg_point points[3];
	const struct fg_point *pointers[3];
	struct fg_group group = {.device = &device, .points = pointers, .count = 3};
	struct fg_reading readings[3];
	struct fg_batch batch = {.readings = readings, .cap = 3};
	struct fg_link_state ls = {.link = &link};
	struct fg_job job = {.link = &ls, .group = &group, .batch = &batch, .attempts = 1};
	static const char *const files[] = {"{file: temperature}", "{file: none}", "{file: text}"};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/28-01", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file(folder, "temperature", "19.4\n");
	put_file(folder, "text", "crc=NO\n");
	snprintf(path, sizeof(path), "{folder: %s}", folder);
	link.conf = bind_object(arena, rep, d->link_keys, d->link_size, path);
	device.conf = bind_object(arena, rep, d->device_keys, d->device_size, "{id: 28-01}");
	for (uint32_t i = 0; i < 3; i++) {
		void *conf = bind_object(arena, rep, d->point_keys, d->point_size, files[i]);

		points[i] = (struct fg_point){
			.name = "p", .device = &device, .index = i, .scale = 1, .conf = conf};
		d->check_point(&points[i], conf, rep);
		pointers[i] = &points[i];
	}
	ls.state = fg_arena_alloc(arena, d->state_size);
	assert_int_equal(d->plan(&group, arena), FG_OK);
	assert_int_equal(d->open(&ls), FG_OK);
	job.deadline_mono_us = fg_clock_mono_us() + 1000000;
	assert_int_equal(d->poll(&job), FG_OK);
	assert_int_equal(batch.count, 3);
	assert_true(fg_value_number(&readings[0].value) == 19.4);
	assert_int_equal(readings[1].reason, FG_REASON_NO_RESPONSE);
	assert_int_equal(readings[2].reason, FG_REASON_DECODE);
	d->close(&ls);
	snprintf(path, sizeof(path), "rm -r %s", folder);
	assert_int_equal(system(path), 0);
	assert_true(d->open(&ls) < 0);
	assert_null(fg_driver_find("skeleton"));
	fg_report_free(rep);
	fg_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_poll)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
