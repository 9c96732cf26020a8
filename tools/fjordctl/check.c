/* SPDX-License-Identifier: EUPL-1.2 */
/* `check`: every fault of a configuration, its plan, its values in force. */
#include <stdio.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/report.h"
#include "ctl.h"
#include "gateway/config/config.h"

#define OUTPUT_MAX     (16u << 20)

static void print_fault(void *arg, bool error, const char *text)
{
	(void)error;
	fprintf(arg, "%s\n", text);
}

static void put_fault(void *arg, bool error, const char *text)
{
	struct fg_json *j = arg;

	fg_json_object(j, NULL);
	fg_json_text(j, "severity", error ? "error" : "warning");
	fg_json_text(j, "text", text);
	fg_json_end_object(j);
}

/* {"file":…,"ok":…,"faults":[{"severity":…,"text":"FILE:LINE:COLUMN: …"}…]} */
static void print_json(const char *path, bool ok, struct fg_report *rep)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, OUTPUT_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "file", path);
	fg_json_bool(&j, "ok", ok);
	fg_json_array(&j, "faults");
	fg_report_each(rep, put_fault, &j);
	fg_json_end_array(&j);
	fg_json_end_object(&j);
	puts(out.data);
	fg_buf_fini(&out);
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

/* What a good configuration is asked for: its values, its plan, or how it will fare. */
static void show(const struct ctl *ctl, const char *path, const struct fg_config *config)
{
	if (ctl->effective)
		print(config, fg_config_print_effective);
	if (ctl->plan)
		print(config, fg_config_print_plan);
	if (ctl->effective || ctl->plan)
		return;
	printf("%s: ok: %zu stations, %zu links, %zu devices, %zu points, %zu destinations\n", path,
		config->station_count, config->link_count, config->device_count,
		config->point_count, config->destination_count);
	print(config, fg_config_print_forecast);
}

int ctl_check(const struct ctl *ctl)
{
	const char *path = ctl->count > 1 ? ctl->words[1] : ctl->config;
	const struct fg_load_options options = {.no_files = ctl->no_files, .keep_tree = true};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;
	bool ok;

	if (!path)
		path = CTL_DEFAULT_CONFIG;
	ok = fg_config_load(path, &options, rep, &config) == 0;
	if (ctl->json) {
		print_json(path, ok, rep);
	} else {
		fg_report_each(rep, print_fault, stderr);
		if (ok)
			show(ctl, path, config);
		else
			fprintf(stderr, "%zu fault%s\n", fg_report_errors(rep),
				fg_report_errors(rep) == 1 ? "" : "s");
	}
	if (ok)
		fg_config_unref(config);
	fg_report_free(rep);
	return ok ? EX_OK : EX_CONFIG;
}
