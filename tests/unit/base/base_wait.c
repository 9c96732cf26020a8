/* SPDX-License-Identifier: EUPL-1.2 */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wait.h"
#include "cmocka_all.h"

/* Only lower bounds: a busy machine may be late. */
static void test_waits(void **state)
{
	int64_t began_us = fg_clock_mono_us();

	(void)state;
	assert_int_equal(0, fg_wait_readable(-1, 20000));
	assert_true(fg_clock_mono_us() - began_us >= 20000);
	began_us = fg_clock_mono_us();
	assert_int_equal(0, fg_wait_readable(-1, 1100000));
	assert_true(fg_clock_mono_us() - began_us >= 1100000);
}

static void test_is_woken(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(0, pipe(ends));
	assert_int_equal(0, fg_wait_readable(ends[0], 0));
	assert_int_equal(1, write(ends[1], "x", 1));
	assert_int_equal(1, fg_wait_readable(ends[0], 60000000));
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_is_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
