/* SPDX-License-Identifier: EUPL-1.2 */
/* When wall time is right, as far as it does not depend on this machine's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/daemon.h"

static void test_always(void **state)
{
	const struct fg_clock_conf conf = {.trust = FG_TRUST_ALWAYS};

	(void)state;
	assert_true(fg_trust_now(&conf, 0));
	assert_true(fg_trust_now(&conf, INT64_MAX));
}

static void test_file(void **state)
{
	char path[] = "/tmp/fjordgate-test-XXXXXX";
	int fd = mkstemp(path);
	const struct fg_clock_conf conf = {.trust = FG_TRUST_FILE, .trust_file = path};

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_true(fg_trust_now(&conf, 0));
	unlink(path);
	assert_false(fg_trust_now(&conf, 0));
}

static void test_kernel(void **state)
{
	const struct fg_clock_conf conf = {.trust = FG_TRUST_KERNEL};

	(void)state;
	assert_int_equal(fg_trust_now(&conf, 0), fg_clock_kernel_synced() != 0);
}

/* auto trusts at least where the kernel does. */
static void test_auto(void **state)
{
	const struct fg_clock_conf conf = {.trust = FG_TRUST_AUTO};

	(void)state;
	if (fg_clock_kernel_synced())
		assert_true(fg_trust_now(&conf, INT64_MAX));
	else if (!fg_trust_now(&conf, 0)) /* and with a later reading stored, all the more not */
		assert_false(fg_trust_now(&conf, INT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_auto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
