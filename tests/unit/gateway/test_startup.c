/* SPDX-License-Identifier: EUPL-1.2 */
/* Opening a store: one that is damaged is salvaged and opened again, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/status.h"
#include "gateway/startup.h"

static int open_results[2], salvage_result;
static unsigned opens, salvages;
static struct fg_spool *const a_spool = (struct fg_spool *)&opens;

int __wrap_fg_spool_open(
	const struct fg_spool_conf *conf, struct fg_buf *why, struct fg_spool **ret)
{
	int r = open_results[opens++];

	assert_string_equal(conf->file, "r.db");
	assert_int_equal(why->len, 0);
	if (r < 0)
		fg_buf_puts(why, "cannot open");
	else
		*ret = a_spool;
	return r;
}

int __wrap_fg_spool_salvage(
	const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why)
{
	assert_string_equal(conf->file, "r.db");
	assert_true(now_wall_ms == 77);
	fg_buf_puts(why, salvage_result < 0 ? "no room" : "all but one row");
	salvages++;
	return salvage_result;
}

static char why_text[100], salvaged_text[100];

static int open_store(struct fg_spool **ret)
{
	const struct fg_spool_conf conf = {.file = "r.db"};
	struct fg_buf why, salvaged;

	why_text[0] = salvaged_text[0] = '\0';
	opens = salvages = 0;
	fg_buf_wrap(&why, why_text, sizeof(why_text));
	fg_buf_wrap(&salvaged, salvaged_text, sizeof(salvaged_text));
	return fg_startup_open(&conf, 77, &why, &salvaged, ret);
}

static void test_good(void **state)
{
	struct fg_spool *spool = NULL;

	(void)state;
	open_results[0] = FG_OK;
	assert_int_equal(open_store(&spool), FG_OK);
	assert_ptr_equal(spool, a_spool);
	assert_int_equal(salvages, 0);
	assert_string_equal(salvaged_text, "");
}

static void test_damaged(void **state)
{
	struct fg_spool *spool = NULL;

	(void)state;
	open_results[0] = FG_ECORRUPT;
	open_results[1] = salvage_result = FG_OK;
	assert_int_equal(open_store(&spool), FG_OK);
	assert_ptr_equal(spool, a_spool);
	assert_int_equal(salvages, 1);
	assert_string_equal(salvaged_text, "all but one row");
	open_results[1] = FG_ECORRUPT; /* it is not tried for ever */
	assert_int_equal(open_store(&spool), FG_ECORRUPT);
	assert_int_equal(salvages, 1);
	assert_string_equal(why_text, "cannot open");
}

static void test_no_salvage(void **state)
{
	struct fg_spool *spool = NULL;

	(void)state;
	open_results[0] = FG_ECORRUPT;
	salvage_result = -ENOSPC;
	assert_int_equal(open_store(&spool), -ENOSPC);
	assert_int_equal(opens, 1); /* no new store in the place of the damaged one */
	assert_string_equal(why_text, "cannot open; it cannot be salvaged: no room");
	open_results[0] = -EIO; /* what is no damage is not salvaged */
	assert_int_equal(open_store(&spool), -EIO);
	assert_int_equal(salvages, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_salvage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
