/* SPDX-License-Identifier: EUPL-1.2 */
/* When wall time is right, as far as it does not depend on this machine's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/daemon.h"

static int kernel_says = 1; /* 1: the real one is asked */
static unsigned warned;

int __real_fg_clock_kernel_synced(void);
int __wrap_fg_clock_kernel_synced(void);
int __wrap_fg_clock_kernel_synced(void)
{
	return kernel_says < 0 ? kernel_says : __real_fg_clock_kernel_synced();
}

void __wrap_fg_log(enum fg_log_level level, const char *fmt, ...);
void __wrap_fg_log(enum fg_log_level level, const char *fmt, ...)
{
	warned += level <= FG_LOG_WARNING && strstr(fmt, "cannot be asked");
}

static struct fg_trust_file trust;

static enum fg_clock_level level(const struct fg_clock_conf *conf, int64_t newest_ms)
{
	return fg_trust_level(&trust, conf, newest_ms, false);
}

static void test_always(void **state)
{
	const struct fg_clock_conf conf = {.trust = FG_TRUST_ALWAYS};

	(void)state;
	assert_int_equal(level(&conf, 0), FG_CLOCK_RIGHT);
	assert_int_equal(level(&conf, INT64_MAX), FG_CLOCK_RIGHT);
	assert_int_equal(fg_trust_level(&trust, &conf, 0, true), FG_CLOCK_RIGHT);
}

static void touch(const char *path, time_t when)
{
	const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_file(void **state)
{
	char path[] = "/tmp/fjordgate-test-XXXXXX";
	int fd = mkstemp(path);
	const struct fg_clock_conf conf = {.trust = FG_TRUST_FILE, .trust_file = path};

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(level(&conf, 0), FG_CLOCK_RIGHT);
	unlink(path);
	assert_int_equal(level(&conf, 0), FG_CLOCK_UNKNOWN);
}

/* Once the clock has stepped the file speaks again when it is touched, whichever way the clock
 * went. */
static void test_file_after_a_step(void **state)
{
	char path[] = "/tmp/fjordgate-test-XXXXXX";
	int fd = mkstemp(path);
	const struct fg_clock_conf conf = {.trust = FG_TRUST_FILE, .trust_file = path};

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	trust = (struct fg_trust_file){0};
	touch(path, 1000000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(level(&conf, 0), FG_CLOCK_RIGHT);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fg_trust_level(&trust, &conf, 0, true), FG_CLOCK_UNKNOWN);
	touch(path, 500000); /* the clock went back */
	for (int i = 0; i < 3; i++)
		assert_int_equal(fg_trust_level(&trust, &conf, 0, true), FG_CLOCK_RIGHT);
	for (int i = 0; i < 3; i++)
		assert_int_equal(level(&conf, 0), FG_CLOCK_RIGHT);
	/* touched by who steps the clock, right before that was seen */
	touch(path, 2000000);
	assert_int_equal(level(&conf, 0), FG_CLOCK_RIGHT);
	assert_int_equal(fg_trust_level(&trust, &conf, 0, true), FG_CLOCK_RIGHT);
	unlink(path);
	assert_int_equal(fg_trust_level(&trust, &conf, 0, true), FG_CLOCK_UNKNOWN);
}

static void test_kernel(void **state)
{
	const struct fg_clock_conf conf = {.trust = FG_TRUST_KERNEL};

	(void)state;
	assert_int_equal(level(&conf, 0),
		fg_clock_kernel_synced() > 0 ? FG_CLOCK_RIGHT : FG_CLOCK_UNKNOWN);
}

static unsigned warnings_after(int error, unsigned looks)
{
	const struct fg_clock_conf conf = {.trust = FG_TRUST_KERNEL};

	kernel_says = error;
	warned = 0;
	for (unsigned i = 0; i < looks; i++)
		assert_int_equal(level(&conf, 0), FG_CLOCK_UNKNOWN);
	kernel_says = 1;
	return warned;
}

/* Where nobody is there to be asked it is told soon; a witness who is late has a minute. */
static void test_kernel_cannot_be_asked(void **state)
{
	(void)state;
	trust = (struct fg_trust_file){0};
	assert_int_equal(warnings_after(-ENOENT, 4), 0);
	assert_int_equal(warnings_after(-ENOENT, 1), 1);
	assert_int_equal(warnings_after(-ENOENT, 1000), 0); /* once */
	trust = (struct fg_trust_file){0};
	assert_int_equal(warnings_after(-ETIMEDOUT, 59), 0);
	assert_int_equal(warnings_after(-ETIMEDOUT, 1), 1);
	assert_int_equal(warnings_after(-ENOENT, 1000), 0);
	trust = (struct fg_trust_file){0};
	assert_int_equal(warnings_after(-ETIMEDOUT, 20), 0);
	assert_int_equal(warnings_after(-ENOENT, 1), 1);
}

/* auto trusts at least where the kernel does. */
static void test_auto(void **state)
{
	const struct fg_clock_conf conf = {.trust = FG_TRUST_AUTO};

	(void)state;
	if (fg_clock_kernel_synced() > 0)
		assert_int_equal(level(&conf, INT64_MAX), FG_CLOCK_RIGHT);
	else if (!level(&conf, 0)) /* and with a later reading stored, all the more not */
		assert_int_equal(level(&conf, INT64_MAX), FG_CLOCK_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_after_a_step),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_kernel_cannot_be_asked),
		cmocka_unit_test(test_auto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
