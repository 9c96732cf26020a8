/* SPDX-License-Identifier: EUPL-1.2 */
/* Faulty configurations as files, each with its messages beside it: NAME.yaml and NAME.expect.
 * FG_REBUILD=1 writes the expectations anew. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static void compare(const char *name)
{
	static const struct fg_load_options no_files = {.no_files = true, .keep_tree = true};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;
	char path[300], expected[65536];
	struct fg_buf out;
	size_t len = 0;
	FILE *f;

	fg_config_load(name, &no_files, rep, &config);
	fg_buf_init(&out, sizeof(expected) - 1);
	fg_buf_puts(&out, "");
	fg_report_print(rep, &out);
	snprintf(path, sizeof(path), "%.*s.expect", (int)(strlen(name) - strlen(".yaml")), name);
	if (getenv("FG_REBUILD"))
		write_file(path, out.data ? out.data : "", out.len);
	f = fopen(path, "rb");
	if (f) {
		len = fread(expected, 1, sizeof(expected) - 1, f);
		fclose(f);
	}
	expected[len] = '\0';
	if (!f || strcmp(expected, out.data ? out.data : "") != 0)
		fail_msg("%s: expected\n%s\nbut got\n%s", name, expected, out.data ? out.data : "");
	fg_buf_fini(&out);
	fg_report_free(rep);
	if (config)
		fg_config_unref(config);
}

static void files_tell_what_stands_beside_them(void **state)
{
	DIR *dir;
	const struct dirent *e;
	int n = 0;

	(void)state;
	assert_int_equal(chdir(FG_TEST_DATA), 0);
	dir = opendir(".");
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0) {
			compare(e->d_name);
			n++;
		}
	}
	closedir(dir);
	assert_true(n >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(files_tell_what_stands_beside_them)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
