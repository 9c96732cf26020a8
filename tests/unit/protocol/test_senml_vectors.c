/* SPDX-License-Identifier: EUPL-1.2 */
/* The conformance cases of SenML, through what `fjordctl compute` calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute_senml.h"

/* Every member that is wanted is there, numbers within 1e-12 of themselves. */
static bool same(const cJSON *want, const cJSON *got)
{
	if (!got)
		return false;
	if (cJSON_IsNumber(want))
		return cJSON_IsNumber(got) && fabs(want->valuedouble - got->valuedouble) <=
						      1e-12 * fabs(want->valuedouble);
	if (cJSON_IsArray(want)) {
		if (!cJSON_IsArray(got) || cJSON_GetArraySize(want) != cJSON_GetArraySize(got))
			return false;
		for (int i = 0; i < cJSON_GetArraySize(want); i++)
			if (!same(cJSON_GetArrayItem(want, i), cJSON_GetArrayItem(got, i)))
				return false;
		return true;
	}
	if (cJSON_IsObject(want)) {
		for (const cJSON *w = want->child; w; w = w->next)
			if (!same(w, cJSON_GetObjectItemCaseSensitive(got, w->string)))
				return false;
		return true;
	}
	return cJSON_Compare(want, got, true);
}

/* As text and back: what a reader of the answer sees. */
static cJSON *as_read(cJSON *result)
{
	char *text = cJSON_PrintUnformatted(result);
	cJSON *read = cJSON_Parse(text);

	cJSON_Delete(result);
	cJSON_free(text);
	assert_non_null(read);
	return read;
}

static void try_case(const cJSON *c)
{
	const char *id = cJSON_GetObjectItem(c, "id")->valuestring, *error = NULL;
	cJSON *result = NULL;
	int r = compute_senml(c, &result, &error);

	if (cJSON_IsTrue(cJSON_GetObjectItem(c, "error"))) {
		if (r == 0)
			fail_msg("%s: no error", id);
		assert_true(strlen(error) > 0);
		return;
	}
	if (r < 0)
		fail_msg("%s: %s", id, error);
	result = as_read(result);
	if (!same(cJSON_GetObjectItem(c, "expected"), result))
		fail_msg("%s: %s", id, cJSON_PrintUnformatted(result));
	cJSON_Delete(result);
}

static int try_file(const char *path)
{
	static char line[1 << 16];
	FILE *f = fopen(path, "re");
	int cases = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		cJSON *c = cJSON_Parse(line);

		assert_non_null(c);
		try_case(c);
		cJSON_Delete(c);
		cases++;
	}
	fclose(f);
	return cases;
}

static void test_vectors(void **state)
{
	(void)state;
	assert_int_equal(try_file(FG_VECTORS "/senml.ndjson"), 22);
	/* packs at random, with what other hands made of them */
	assert_int_equal(try_file(FG_VECTORS "/senml_foreign.ndjson"), 80);
}

static const char *told(const char *json)
{
	static char text[400];
	cJSON *c = cJSON_Parse(json), *result = NULL;
	const char *error = NULL;
	char *printed;

	assert_non_null(c);
	if (compute_senml(c, &result, &error) < 0) {
		snprintf(text, sizeof(text), "%s", error);
	} else {
		printed = cJSON_PrintUnformatted(result);
		snprintf(text, sizeof(text), "%s", printed);
		cJSON_free(printed);
		cJSON_Delete(result);
	}
	cJSON_Delete(c);
	return text;
}

static void test_answers(void **state)
{
	(void)state;
	assert_string_equal(told("{\"now\":1e9,\"pack\":[{\"n\":\"a\",\"bs\":1.5,\"s\":2,"
				 "\"bv\":1,\"v\":2,\"ut\":30}]}"),
		"[{\"n\":\"a\",\"t\":1000000000,\"ut\":30,\"s\":3.5,\"v\":3}]");
	/* vd h'6869200a', and a counter of 64 bits that no double holds */
	assert_string_equal(told("{\"now\":1e9,\"cbor_hex\":\"82a2006161084468692"
				 "00Aa2006162021bffffffffffffffff\"}"),
		"[{\"n\":\"a\",\"t\":1000000000,\"vd\":\"aGkgCg\"},"
		"{\"n\":\"b\",\"t\":1000000000,\"v\":18446744073709551615}]");
	assert_string_equal(told("{\"now\":1,\"pack\":[{\"n\":\"a\",\"v\":1}],"
				 "\"cbor_hex\":\"81a20061610202\"}"),
		"cbor_hex says something else than pack");
	assert_string_equal(told("{\"now\":1,\"cbor_hex\":\"8\"}"),
		"cbor_hex is not a text of hexadecimal digits, two a byte, of at most 64 KiB");
	assert_string_equal(told("{\"now\":1,\"cbor_hex\":\"8x\"}"),
		"cbor_hex holds what is no hexadecimal digit");
	assert_string_equal(told("{\"now\":1,\"cbor_hex\":\"81a200616102f97e00\"}"),
		"a value that is no number");
	assert_string_equal(
		told("{\"pack\":[]}"), "wants now (seconds since 1970) and pack or cbor_hex");
	assert_string_equal(told("{\"now\":1,\"pack\":{}}"), "not a pack: an array of records");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
