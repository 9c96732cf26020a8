/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_QC_H
#define FG_MODEL_QC_H

#include <stdint.h>

/* QARTOD flags (IOOS). */
enum fg_qc {
	FG_QC_PASS = 1,
	FG_QC_NOT_EVALUATED = 2,
	FG_QC_SUSPECT = 3,
	FG_QC_FAIL = 4,
	FG_QC_MISSING = 9,
};

/* The tests in the order of `qc_tests`. */
enum fg_test {
	FG_TEST_GROSS_RANGE,
	FG_TEST_CLIMATOLOGY,
	FG_TEST_SPIKE,
	FG_TEST_RATE_OF_CHANGE,
	FG_TEST_FLAT_LINE,
	FG_TEST_ATTENUATED_SIGNAL,
	FG_TEST_TIME_GAP,
	FG_TEST_WARM_UP, /* the instrument has just begun, or a command has disturbed it */
	FG_TEST_COUNT
};

/* The verdicts of a reading's tests: four bits each, 0 where a test did not run. Behind the tests
 * lie the rules that the point's station declares, by their place in its descriptor. */
typedef uint64_t fg_tests;
#define FG_RULES 8
/* What stands among the rules of a derived point, behind the others: what its inputs are worth. */
#define FG_INPUTS_RULE "inputs"
#define FG_TEST_RULE(i) ((enum fg_test)((unsigned)FG_TEST_COUNT + (i)))
_Static_assert(FG_TEST_COUNT + FG_RULES <= 16, "all verdicts are in 64 bits");

static inline fg_tests fg_tests_set(fg_tests t, enum fg_test test, enum fg_qc flag)
{
	unsigned shift = 4u * (unsigned)test;

	return (t & ~(UINT64_C(15) << shift)) | (uint64_t)flag << shift;
}

static inline enum fg_qc fg_tests_get(fg_tests t, enum fg_test test)
{
	return (enum fg_qc)(t >> (4u * (unsigned)test) & 15u);
}

/* "gross_range" …; never NULL for a test of the enum. */
const char *fg_test_name(enum fg_test test);

#endif
