/* SPDX-License-Identifier: EUPL-1.2 */
/* Groups: the points of a device by interval, and the drivers' plans for reading them. */
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/config/loader.h"

/* The first point of a device with this point's interval; itself where there is none before. */
static size_t first_alike(const struct fg_device *dev, size_t i)
{
	size_t k = 0;

	while (dev->points[k].interval_us != dev->points[i].interval_us)
		k++;
	return k;
}

/* What is worked out with the polls of the group. */
static void add_derived(struct fg_loader *l, const struct fg_device *dev, struct fg_group *g)
{
	const struct fg_point **derived =
		fg_arena_array(l->arena, dev->derived_count, sizeof(*derived));

	g->derived = derived;
	for (size_t i = 0; i < dev->derived_count; i++)
		if (dev->derived[i]->interval_us == g->interval_us)
			derived[g->derived_count++] = dev->derived[i];
}

static void group_points(struct fg_loader *l, struct fg_device *dev)
{
	struct fg_group *groups = fg_arena_array(l->arena, dev->point_count, sizeof(*groups));
	size_t n = 0;

	for (size_t i = 0; i < dev->read_count; i++) {
		const struct fg_point **points;
		struct fg_group *g;

		if (first_alike(dev, i) != i)
			continue;
		points = fg_arena_array(l->arena, dev->point_count, sizeof(*points));
		g = &groups[n++];
		g->device = dev;
		g->interval_us = dev->points[i].interval_us;
		g->points = points;
		for (size_t k = i; k < dev->read_count; k++)
			if (dev->points[k].interval_us == g->interval_us)
				points[g->count++] = &dev->points[k];
		add_derived(l, dev, g);
	}
	dev->groups = groups;
	dev->group_count = n;
}

static void plan(struct fg_loader *l, struct fg_group *g)
{
	const struct fg_driver *driver = g->device->link->driver;
	int r = driver->plan ? driver->plan(g, l->arena) : FG_OK;

	if (r < 0)
		fg_report_error(l->rep, g->device->node->at,
			"devices.%s: no plan for its points: %s", g->device->name, fg_strerror(r));
}

void fg_build_groups(struct fg_loader *l)
{
	struct fg_config *c = l->config;
	const struct fg_group **all = fg_arena_array(l->arena, c->point_count, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < c->device_count; i++) {
		struct fg_device *dev = &l->devices[i];

		group_points(l, dev);
		for (size_t k = 0; k < dev->group_count; k++) {
			struct fg_group *g = (struct fg_group *)(uintptr_t)&dev->groups[k];

			g->index = (uint32_t)n;
			all[n++] = g;
			plan(l, g);
		}
	}
	c->groups = all;
	c->group_count = n;
	for (size_t i = 0; i < c->link_count && fg_report_errors(l->rep) == 0; i++)
		fg_check_forecast(l, &c->links[i]);
}
