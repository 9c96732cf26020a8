/* SPDX-License-Identifier: EUPL-1.2 */
/* The tests of a point as a text: it makes the same tests again, and other thresholds lie over it
 * with the checks of a configuration. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "gateway/config/qc_text.h"
#include "quality/tests.h"

struct run {
	struct fg_arena *arena;
	struct fg_report *rep;
	struct fg_buf out;
	struct fg_qc_conf qc;
};

static int begin(void **state)
{
	struct run *r = calloc(1, sizeof(*r));

	r->arena = fg_arena_new();
	r->rep = fg_report_new();
	fg_buf_init(&r->out, 64u << 10);
	*state = r;
	return 0;
}

static int end(void **state)
{
	struct run *r = *state;

	fg_arena_free(r->arena);
	fg_report_free(r->rep);
	fg_buf_fini(&r->out);
	free(r);
	return 0;
}

static const char *text_of(struct run *r, const struct fg_qc_conf *qc)
{
	struct fg_json j;

	fg_buf_clear(&r->out);
	fg_json_init(&j, &r->out);
	fg_qc_put(&j, NULL, qc);
	return fg_arena_strdup(r->arena, r->out.data);
}

static const char *read_text(struct run *r, const char *text, const char *set)
{
	if (fg_qc_read(r->arena, text, &set, set ? 1 : 0, 10, r->rep, &r->qc) < 0) {
		fg_buf_clear(&r->out);
		fg_report_print(r->rep, &r->out);
		fail_msg("%s", r->out.data);
	}
	return text_of(r, &r->qc);
}

#define EVERYTHING                                                                                 \
	"{\"gross_range\":{\"fail\":[-2,null],\"suspect\":[0,30.5]},"                              \
	"\"climatology\":[{\"month\":[6,8],\"suspect\":[8,27]},"                                   \
	"{\"hour\":[0,5],\"suspect\":[-1,9],\"fail\":[-5,20]}],"                                   \
	"\"spike\":{\"suspect\":1.25,\"fail\":3,\"method\":\"differential\"},"                     \
	"\"rate_of_change\":{\"suspect\":0.02},"                                                   \
	"\"flat_line\":{\"tolerance\":0.001,\"suspect\":\"1h\",\"fail\":\"90m\"},"                 \
	"\"attenuated_signal\":{\"suspect\":0.02,\"period\":\"6h\",\"method\":\"range\","          \
	"\"min_obs\":7,\"min_period\":\"1h\"},"                                                    \
	"\"time_gap\":{\"fail\":\"10m\"}}"

static void what_is_read_is_written(void **state)
{
	struct run *r = *state;

	assert_string_equal(read_text(r, EVERYTHING, NULL), EVERYTHING);
	assert_true(isnan(r->qc.gross_range.fail[1]));
	assert_true(isnan(r->qc.tests->rate.fail));
	assert_true(r->qc.tests->flat_line.fail_s == 5400);
	assert_int_equal(r->qc.tests->attenuated.min_obs, 7);
}

/* A season over the new year is two spans of months; half a period need not be said. */
static void what_is_short_is_written_out(void **state)
{
	struct run *r = *state;

	assert_string_equal(read_text(r,
				    "{climatology: {season: winter, suspect: [0, 9]}, "
				    "attenuated_signal: {fail: 1, period: 1s}}", NULL),
		"{\"climatology\":[{\"month\":[12,12],\"suspect\":[0,9]},"
		"{\"month\":[1,2],\"suspect\":[0,9]}],"
		"\"attenuated_signal\":{\"fail\":1,\"period\":\"1s\",\"method\":\"deviation\"}}");
	assert_string_equal(read_text(r, text_of(r, &r->qc), NULL), text_of(r, &r->qc));
}

static void settings_lie_over_it(void **state)
{
	static const struct {
		const char *set, *result;
	} cases[] = {
		{"spike.suspect=2",
			"{\"spike\":{\"suspect\":2,\"fail\":3,\"method\":\"average\"}}"},
		{"spike.fail=~", "{\"spike\":{\"suspect\":1,\"method\":\"average\"}}"},
		{"spike=off", "{}"},
		{"spike=~", "{}"},
		{"spike={fail: 9}", /* mappings merge, as those of files do */
			"{\"spike\":{\"suspect\":1,\"fail\":9,\"method\":\"average\"}}"},
		{"time_gap.fail=5m", "{\"spike\":{\"suspect\":1,\"fail\":3,\"method\":\"average\"},"
				     "\"time_gap\":{\"fail\":\"5m\"}}"},
	};

	for (size_t i = 0; i < FG_COUNT(cases); i++)
		assert_string_equal(
			read_text(*state, "{spike: {suspect: 1, fail: 3}}", cases[i].set),
			cases[i].result);
}

static void faults_are_told(void **state)
{
	static const struct {
		const char *set, *fault;
	} cases[] = {
		{"spike.suspect=4", "qc.spike.fail: is below suspect"},
		{"spike.suspect=-1", "--set spike.suspect=-1: error: qc.spike.suspect: a "
				     "threshold is above 0"},
		{"spike.suspect=nan", "qc.spike.suspect"},
		{"spike.sus=1", "unknown key 'sus'"},
		{"spyke.suspect=1", "unknown key 'spyke'; did you mean 'spike'?"},
		{"spike.suspect=", "no value"},
		{"spike.suspect", "is not TEST.KEY=VALUE"},
		{"=1", "is not TEST.KEY=VALUE"},
		{"spike=maybe", "'maybe' is neither off nor a mapping"},
		{"spike={", "--set spike={:"},
		{"gross_range={}", "no bounds"},
		{"gross_range={fail: [0, 1], suspect: [0, 2]}",
			"qc.gross_range.suspect: [0, 2] is not within fail [0, 1]"},
		{"flat_line={tolerance: 1, suspect: 60h}", "looks back over 21601 readings"},
	};
	struct run *r = *state;

	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_report *rep = fg_report_new();

		assert_true(fg_qc_read(r->arena, "{spike: {suspect: 1, fail: 3}}", &cases[i].set, 1,
				    10, rep, &r->qc) < 0);
		fg_buf_clear(&r->out);
		fg_report_print(rep, &r->out);
		if (!strstr(r->out.data, cases[i].fault))
			fail_msg("%s: %s", cases[i].set, r->out.data);
		fg_report_free(rep);
	}
}

static void off_is_nothing(void **state)
{
	const struct fg_qc_conf off = {.off = true, .gross_range = {.on = true}};

	assert_string_equal(text_of(*state, &off), "{}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_read_is_written),
		TEST(what_is_short_is_written_out),
		TEST(settings_lie_over_it),
		TEST(faults_are_told),
		TEST(off_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
