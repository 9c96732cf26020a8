/* SPDX-License-Identifier: EUPL-1.2 */
/* The configuration of a seed, through the file and the loader that the daemon uses. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/config/config.h"
#include "sim.h"

/* Not of the memory that is counted: as large as its text is, and more while it is read. */
struct fg_config *sim_load_config(struct sim *s)
{
	HEAP_OF(HEAP_WORLD);
	static const struct fg_load_options no_files = {.no_files = true};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;
	FILE *file = fopen(s->config_path, "w");
	struct fg_buf text;

	fg_buf_init(&text, 1u << 20);
	plan_yaml(&s->plan, s->variant, &text);
	if (!file || fwrite(text.data, 1, text.len, file) != text.len || fclose(file) != 0)
		abort();
	if (fg_config_load(s->config_path, &no_files, rep, &config) < 0) {
		fg_buf_clear(&text);
		fg_report_print(rep, &text);
		fprintf(stderr, "%s\n", text.data);
		abort();
	}
	fg_report_free(rep);
	fg_buf_fini(&text);
	return config;
}
