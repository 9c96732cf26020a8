/* SPDX-License-Identifier: EUPL-1.2 */
/* `calibration`: the dated records of a point. */
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "gateway/control.h"

#define ANSWER_MAX (256u << 10)

void fg_control_calibration(struct fg_client *c, const char *device, const char *point)
{
	const struct fg_config *config = c->daemon->config;
	const struct fg_point *p = NULL;
	struct fg_buf out;
	struct fg_json j;

	for (size_t i = 0; i < config->point_count && !p; i++)
		if (strcmp(config->points[i]->device->name, device) == 0 &&
			strcmp(config->points[i]->name, point) == 0)
			p = config->points[i];
	if (!p) {
		fg_client_error(c, EX_USAGE, "no device '%.63s' with a point '%.63s'", device,
			point);
		return;
	}
	fg_buf_init(&out, ANSWER_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "device", device);
	fg_json_text(&j, "point", point);
	fg_json_text(&j, "unit", p->unit);
	fg_core_calibrations(c->daemon->core, fg_clock_now(), p, &j);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	fg_client_write(c, out.data, out.len);
	fg_client_end(c);
	fg_buf_fini(&out);
}
