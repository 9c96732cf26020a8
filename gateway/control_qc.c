/* SPDX-License-Identifier: EUPL-1.2 */
/* `qc`: the quality tests in force of a point, for those who try others on what is stored. */
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "gateway/config/qc_text.h"
#include "gateway/control.h"

#define ANSWER_MAX (64u << 10)

static const struct fg_point *find_point(const struct fg_config *config, const char *series)
{
	const char *slash = strchr(series, '/');
	size_t len = slash ? (size_t)(slash - series) : 0;

	for (size_t i = 0; slash && i < config->point_count; i++) {
		const struct fg_point *p = config->points[i];
		const char *station = p->device->station->name;

		if (strlen(station) == len && memcmp(station, series, len) == 0 &&
			strcmp(p->name, slash + 1) == 0)
			return p;
	}
	return NULL;
}

void fg_control_qc(struct fg_client *c, const char *series)
{
	const struct fg_point *p = find_point(c->daemon->config, series);
	struct fg_buf out;
	struct fg_json j;

	if (!p) {
		fg_client_error(c, EX_USAGE, "no point '%.130s'; it is given as STATION/POINT",
			series);
		return;
	}
	fg_buf_init(&out, ANSWER_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "station", p->device->station->name);
	fg_json_text(&j, "point", p->name);
	fg_json_text(&j, "device", p->device->name);
	fg_json_text(&j, "unit", p->unit);
	fg_json_double(&j, "interval_s", (double)p->interval_us / 1e6);
	fg_json_bool(&j, "off", p->qc.off);
	fg_qc_put(&j, "qc", &p->qc);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	fg_client_write(c, out.data, out.len);
	fg_client_end(c);
	fg_buf_fini(&out);
}
