/* SPDX-License-Identifier: EUPL-1.2 */
/* What the log says of a broker that refuses: once for each reason, however much it refuses. */
#include "base/log.h"
#include "fake.h"

static struct fake f;
static unsigned lines;

void __wrap_fg_log(enum fg_log_level level, const char *fmt, ...);
void __wrap_fg_log(enum fg_log_level level, const char *fmt, ...)
{
	lines += level <= FG_LOG_WARNING && strstr(fmt, "refuse");
}

static void test_one_line_for_each_reason(void **state)
{
	struct fake_broker *town = &f.brokers[0];
	const struct fg_group *sonde;
	unsigned before;

	(void)state;
	fake_init(&f, fake_yaml);
	sonde = f.config->groups[0];
	fake_connect(&f, town, true);
	fake_reading(&f, sonde, 1);
	fake_settle(&f);
	fake_ack_all(&f, town);
	before = lines;
	for (int i = 0; i < 40; i++) { /* announcements, which are in no gap, and readings */
		if (i & 2)
			fake_fail(&f, sonde, FG_REASON_NO_RESPONSE);
		else
			fake_reading(&f, sonde, i);
		fake_settle(&f);
		while (town->acked < town->sent_count)
			fake_ack(&f, town, 1, i & 1 ? 0x87 : 0x95);
	}
	assert_int_equal(fake_publisher(&f, 0)->state, FG_PUB_ONLINE);
	assert_true(fake_publisher(&f, 0)->refused >= 40);
	assert_int_equal(lines - before, 2);
	fake_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line_for_each_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
