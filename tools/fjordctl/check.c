/* SPDX-License-Identifier: EUPL-1.2 */
/* `check`: every fault of a configuration, its plan, its values in force. */
#include <stdio.h>
#include <sysexits.h>

#include "base/report.h"
#include "ctl.h"
#include "gateway/config/config.h"

#define DEFAULT_CONFIG "/etc/fjordgate/fjordgate.yaml"
#define OUTPUT_MAX     (16u << 20)

static void print_fault(void *arg, bool error, const char *text)
{
	(void)error;
	fprintf(arg, "%s\n", text);
}

static void print(
	const struct fg_config *config, void (*put)(const struct fg_config *c, struct fg_buf *out))
{
	struct fg_buf out;

	fg_buf_init(&out, OUTPUT_MAX);
	put(config, &out);
	fwrite(out.data, 1, out.len, stdout);
	fg_buf_fini(&out);
}

int ctl_check(const struct ctl *ctl)
{
	const char *path = ctl->count > 1 ? ctl->words[1] : ctl->config;
	const struct fg_load_options options = {.no_files = ctl->no_files, .keep_tree = true};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;
	int code = EX_CONFIG;

	if (!path)
		path = DEFAULT_CONFIG;
	if (fg_config_load(path, &options, rep, &config) == 0)
		code = EX_OK;
	fg_report_each(rep, print_fault, stderr);
	if (code == EX_OK) {
		if (ctl->effective)
			print(config, fg_config_print_effective);
		if (ctl->plan)
			print(config, fg_config_print_plan);
		if (!ctl->effective && !ctl->plan)
			printf("%s: ok: %zu stations, %zu links, %zu devices, %zu points, %zu "
			       "destinations\n",
				path, config->station_count, config->link_count,
				config->device_count, config->point_count,
				config->destination_count);
		fg_config_unref(config);
	} else {
		fprintf(stderr, "%zu faults\n", fg_report_errors(rep));
	}
	fg_report_free(rep);
	return code;
}
