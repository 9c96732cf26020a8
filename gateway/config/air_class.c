/* SPDX-License-Identifier: EUPL-1.2 */
/* Air-quality classes of points, and the points that stand for their station's. */
#include "gateway/config/air_class.h"

#include <string.h>

#include "gateway/config/loader.h"

const struct fg_air_limits *fg_air_of_point(
	const struct fg_point *p, const struct fg_air_index **ret_index)
{
	static const char *const names[] = {
		[FG_SCHEME_NO] = "no_hourly",
		[FG_SCHEME_EAQI_2024] = "eaqi_2024",
		[FG_SCHEME_EAQI_2017] = "eaqi_2017",
	};

	if (!p->hourly.on || p->hourly.scheme == FG_SCHEME_NONE ||
		p->hourly.stat != FG_STAT_MEAN || strcmp(p->unit, "ug/m3") != 0 ||
		p->device->domain != FG_DOMAIN_AIR)
		return NULL;
	*ret_index = fg_air_index_find(names[p->hourly.scheme]);
	return *ret_index ? fg_air_limits_find(*ret_index, p->property) : NULL;
}

bool fg_air_is_told(const struct fg_point *p)
{
	const struct fg_air_index *index;
	const struct fg_air_limits *limits = fg_air_of_point(p, &index);

	return limits && (limits->mean_hours == 1 ||
				 (limits->mean_hours == 24 &&
					 (p->hourly.also >> FG_ALSO_RUNNING_24H & 1)));
}

static bool is_led(const struct fg_config *c, const struct fg_point *p)
{
	for (size_t i = 0; i < p->index; i++)
		if (c->points[i]->hourly.leads &&
			c->points[i]->hourly.scheme == p->hourly.scheme &&
			c->points[i]->device->station == p->device->station)
			return true;
	return false;
}

void fg_build_air_classes(struct fg_loader *l)
{
	struct fg_config *c = l->config;

	for (size_t i = 0; i < c->point_count; i++) {
		struct fg_point *p = (struct fg_point *)c->points[i];

		p->hourly.leads = fg_air_is_told(p) && !is_led(c, p);
	}
}
