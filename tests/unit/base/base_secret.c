/* SPDX-License-Identifier: EUPL-1.2 */
/* Pre-shared keys of a file, and what is told of a line that holds none. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/status.h"

static char path[] = "/tmp/fjordgate-secret-XXXXXX";
static char hex[2 * 16 + 1], why[200];

static int read_of(const char *content, const char *identity)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(content, f);
	fclose(f);
	*hex = *why = '\0';
	return fg_secret_psk(path, identity, hex, sizeof(hex), why, sizeof(why));
}

static void keys_are_found(void **state)
{
	(void)state;
	assert_int_equal(read_of("gw:00Ff\n", "gw"), FG_OK);
	assert_string_equal(hex, "00Ff");
	assert_int_equal(read_of("# keys\r\n\r\nother:11\r\na:b:22", "a:b"), FG_OK);
	assert_string_equal(hex, "22");
	assert_int_equal(read_of("x:33\ngw:44\n", NULL), FG_OK);
	assert_string_equal(hex, "33");
	assert_int_equal(fg_secret_psk(path, "gw", hex, sizeof(hex), NULL, 0), FG_OK);
}

/* The line is named and what is wrong with it; nothing of the key. */
static void faults_are_told(void **state)
{
	static const struct {
		const char *content;
		int status;
		const char *why;
	} cases[] = {
		{"# k\ngw:c0ffe\n", FG_EINVAL,
			"line 2: the key has 5 hexadecimal digits, and two make a byte"},
		{"a:1\n\n\ngw:c0ffee \n", FG_EINVAL,
			"line 4: character 7 of the key, of 7, is no hexadecimal digit"},
		{"gw:0xc0ffee\n", FG_EINVAL,
			"line 1: character 2 of the key, of 8, is no hexadecimal digit"},
		{"gw:\n", FG_EINVAL, "line 1: there is no key behind the colon"},
		{"gw:c0ffeec0ffeec0ffeec0ffeec0ffeec0ffee\n", FG_EINVAL,
			"line 1: the key has 18 bytes; 16 are the most"},
		{"other:c0ffee\n", FG_ENOENT, "no line is 'identity:hexkey' with it"},
		{"# k\nc0ffee\n", FG_ENOENT, "line 2 has no colon; it should be identity:hexkey"},
		{"", FG_ENOENT, "no line is 'identity:hexkey' with it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(read_of(cases[i].content, "gw"), cases[i].status);
		assert_string_equal(why, cases[i].why);
		assert_null(strstr(why, "c0f"));
	}
	assert_int_equal(fg_secret_psk("/nowhere", "gw", hex, sizeof(hex), why, sizeof(why)),
		FG_ENOENT);
	assert_string_equal(why, "No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found),
		cmocka_unit_test(faults_are_told),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
