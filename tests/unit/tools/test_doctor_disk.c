/* SPDX-License-Identifier: EUPL-1.2 */
/* What `fjordctl doctor` makes of what the kernel knows of a disk. */
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

#include "fjordctl/doctor.h"

/* In the place of doctor.c and doctor_gateway.c. */
void doctor_tell(struct doctor_check *c, enum doctor_level level, const char *todo, const char *fmt,
	...)
{
	struct doctor_line *line = &c->lines[c->count++];
	va_list ap;

	line->level = level;
	snprintf(line->todo, sizeof(line->todo), "%s", todo);
	va_start(ap, fmt);
	vsnprintf(line->found, sizeof(line->found), fmt, ap);
	va_end(ap);
}

struct doctor_check *doctor_add(struct doctor *d, const char *what, const char *subject,
	void (*run)(struct doctor_check *c))
{
	(void)d;
	(void)what;
	(void)subject;
	(void)run;
	return NULL;
}

bool doctor_may(
	const struct doctor_user *u, const char *path, const struct stat *st, unsigned want)
{
	(void)u;
	(void)path;
	(void)st;
	(void)want;
	return true;
}

static char sys[] = "/tmp/fjordgate-test-sys-XXXXXX";

static void make(const char *path, const char *text)
{
	char full[300];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", sys, path);
	for (char *p = full + strlen(sys) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(full, 0755);
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A card with a partition, as the kernel shows it. */
static int set_up(void **state)
{
	char path[100];

	(void)state;
	assert_non_null(mkdtemp(sys));
	make("devices/mmcblk0/mmcblk0p2/size", "1\n");
	make("dev/block/none", "");
	snprintf(path, sizeof(path), "%s/dev/block/179:2", sys);
	return symlink("../../devices/mmcblk0/mmcblk0p2", path);
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", sys);
	return system(command);
}

static const struct doctor_line *check(struct doctor_check *c, unsigned minor)
{
	memset(c, 0, sizeof(*c));
	doctor_check_disk(c, sys, 179, minor);
	assert_true(c->count > 0);
	return &c->lines[0];
}

static void errors_and_wear(void **state)
{
	struct doctor_check c;
	const struct doctor_line *line = check(&c, 2);

	(void)state;
	assert_int_equal(line->level, DOCTOR_OK);
	assert_string_equal(line->found, "no errors are known of mmcblk0p2");
	assert_non_null(strstr(check(&c, 3)->found, "no disk of its own"));

	make("fs/ext4/mmcblk0p2/errors_count", "0\n");
	make("devices/mmcblk0/device/life_time", "0x02 0x08\n");
	assert_int_equal(check(&c, 2)->level, DOCTOR_OK);
	make("devices/mmcblk0/device/life_time", "0x02 0x09\n");
	line = check(&c, 2);
	assert_int_equal(line->level, DOCTOR_WARN);
	assert_non_null(strstr(line->found, "80 %"));
	make("devices/mmcblk0/device/life_time", "0x0b 0x01\n");
	line = check(&c, 2);
	assert_int_equal(line->level, DOCTOR_FAIL);
	assert_non_null(strstr(line->todo, "fjordctl backup"));
	make("fs/ext4/mmcblk0p2/errors_count", "3\n");
	line = check(&c, 2);
	assert_int_equal(line->level, DOCTOR_FAIL);
	assert_non_null(strstr(line->found, "counts 3 errors"));
	assert_int_equal(c.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(errors_and_wear, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
