/* SPDX-License-Identifier: EUPL-1.2 */
/* What must hold across the whole configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "gateway/config/loader.h"

#define ZONES	 "/usr/share/zoneinfo"
#define NAME_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static void check_timezone(struct fg_loader *l)
{
	const struct fg_node *gateway = fg_node_get(l->root, "gateway");
	const char *zone = l->config->gateway.timezone;
	struct stat st;
	bool ok;

	if (!zone || !fg_node_get(gateway, "timezone"))
		return;
	ok = strspn(zone, NAME_SET "/_+-") == strlen(zone) && zone[0] != '/' && zone[0] != '-';
	if (ok && !l->bind.no_files && stat(ZONES, &st) == 0)
		ok = stat(fg_arena_printf(l->arena, ZONES "/%s", zone), &st) == 0 &&
		     S_ISREG(st.st_mode);
	if (!ok)
		fg_report_error(l->rep, fg_place_of(gateway, "timezone"),
			"gateway.timezone: unknown time zone '%.64s'; for example Europe/Oslo or "
			"UTC",
			zone);
}

static void check_licence(struct fg_loader *l)
{
	static const char *const known[] = {"NLOD-2.0", "NLOD-1.0", "CC-BY-4.0", "CC-BY-3.0",
		"CC-BY-SA-4.0", "CC0-1.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0"};
	const struct fg_node *gateway = fg_node_get(l->root, "gateway");
	const char *id = l->config->gateway.licence;
	char mem[200];
	struct fg_buf hint;

	if (!id || strspn(id, NAME_SET ".+-") == strlen(id))
		return;
	fg_buf_wrap(&hint, mem, sizeof(mem));
	fg_put_suggestion(&hint, id, known, FG_COUNT(known), "for example");
	fg_report_error(l->rep, fg_place_of(gateway, "licence"),
		"gateway.licence: '%s' is not an SPDX identifier%s", id, mem);
}

/* The default folder is made by the installation; another one must be there. */
static void check_storage(struct fg_loader *l)
{
	const struct fg_node *storage = fg_node_get(l->root, "storage");
	const struct fg_node *file = fg_node_get(storage, "file");
	const char *path = l->config->storage.file, *slash = path ? strrchr(path, '/') : NULL;
	const char *dir;
	struct stat st;
	int r;

	if (!slash || !file || fg_node_is_null(file))
		return;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		fg_report_error(l->rep, file->at,
			"storage.file: '%s' is a folder; name a file in it", path);
		return;
	}
	dir = fg_arena_strndup(l->arena, path, slash > path ? (size_t)(slash - path) : 1);
	if (l->bind.no_files || strncmp(path, "/var/lib/fjordgate/", 19) == 0)
		return;
	r = stat(dir, &st) < 0 ? -errno : FG_OK;
	if (r < 0 && r != -EACCES)
		fg_report_error(
			l->rep, file->at, "storage.file: no folder '%s': %s", dir, fg_strerror(r));
	else if (r == FG_OK && !S_ISDIR(st.st_mode))
		fg_report_error(l->rep, file->at, "storage.file: '%s' is not a folder", dir);
}

static int by_topic(const void *va, const void *vb)
{
	const struct fg_point *a = *(const struct fg_point *const *)va;
	const struct fg_point *b = *(const struct fg_point *const *)vb;
	int c;

	if (a->device->domain != b->device->domain)
		return a->device->domain < b->device->domain ? -1 : 1;
	c = strcmp(a->device->station->name, b->device->station->name);
	if (!c)
		c = strcmp(a->name, b->name);
	return c ? c : a->index < b->index ? -1 : a->index > b->index;
}

static bool same_topic(const struct fg_point *a, const struct fg_point *b)
{
	return a->device->domain == b->device->domain && a->device->station == b->device->station &&
	       strcmp(a->name, b->name) == 0;
}

/* Two points of one topic would overwrite each other. */
static void check_topics(struct fg_loader *l, const struct fg_point *const *points, size_t n)
{
	const struct fg_point **sorted = fg_arena_array(l->arena, n, sizeof(*sorted));
	const struct fg_point *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (points[i]->device->station)
			sorted[count++] = points[i];
	qsort(sorted, count, sizeof(*sorted), by_topic);
	for (size_t i = 0; i < count; i++) {
		const struct fg_point *p = sorted[i];

		if (!first || !same_topic(first, p)) {
			first = p;
			continue;
		}
		fg_report_error(l->rep, p->node->at,
			"devices.%s.points.%s: station '%s' has this point in %s already, of "
			"device "
			"'%s' (%s:%d); use another name with property: %s, or another domain",
			p->device->name, p->name, p->device->station->name,
			fg_domain_name(p->device->domain), first->device->name,
			first->node->at.file, first->node->at.line,
			p->property ? p->property : p->name);
	}
}

static void number_points(struct fg_loader *l)
{
	struct fg_config *c = l->config;
	const struct fg_point **all;
	size_t n = 0, i = 0;

	for (size_t k = 0; k < c->device_count; k++)
		n += l->devices[k].point_count;
	all = fg_arena_array(l->arena, n, sizeof(*all));
	for (size_t k = 0; k < c->device_count; k++) {
		struct fg_point *points = (struct fg_point *)(uintptr_t)l->devices[k].points;

		for (size_t p = 0; p < l->devices[k].point_count; p++) {
			points[p].index = (uint32_t)i;
			all[i++] = &points[p];
		}
	}
	c->points = all;
	c->point_count = n;
	check_topics(l, all, n);
}

static bool complete(const struct fg_device *dev)
{
	for (size_t i = 0; i < dev->read_count; i++)
		if (!dev->points[i].conf)
			return false;
	return dev->conf && dev->point_count > 0;
}

/* What two devices of a link must not have in common, the driver knows. */
static void check_neighbours(struct fg_loader *l, const struct fg_link *link)
{
	if (!link->driver || !link->conf || !link->driver->check_pair)
		return;
	for (size_t i = 0; i < link->device_count; i++)
		for (size_t k = 0; k < i; k++)
			if (complete(link->devices[i]) && complete(link->devices[k]))
				link->driver->check_pair(
					link->devices[k], link->devices[i], l->rep);
}

static bool has_devices(const struct fg_config *c, const struct fg_station *station)
{
	for (size_t i = 0; i < c->device_count; i++)
		if (c->devices[i]->station == station)
			return true;
	return false;
}

static void check_position(
	struct fg_loader *l, const struct fg_destination *d, const char *payload)
{
	for (size_t i = 0; i < l->config->station_count; i++) {
		const struct fg_station *s = &l->config->stations[i];

		if (s->has_position || !has_devices(l->config, s))
			continue;
		fg_report_warning(l->rep, fg_place_of(d->node, "payload"),
			"mqtt.%s.payload: '%s' tells nothing of station '%s', which has no "
			"position; add stations.%s.position",
			d->name, payload, s->name, s->name);
	}
}

/* Some standards ask for a place. */
static void check_positions(struct fg_loader *l)
{
	for (size_t i = 0; i < l->config->destination_count; i++) {
		const struct fg_destination *d = &l->config->destinations[i];

		for (size_t k = 0; k < fg_encoder_count; k++)
			if (d->payload >> k & 1 && fg_encoders[k]->needs_position)
				check_position(l, d, fg_encoder_names[k]);
	}
}

void fg_check_config(struct fg_loader *l)
{
	const struct fg_node *stations = fg_node_get(l->root, "stations");

	if (stations && stations->kind == FG_NODE_MAPPING)
		fg_within(l, stations, "stations", FG_MAX_STATIONS);
	check_timezone(l);
	check_licence(l);
	check_storage(l);
	fg_check_catalogue(l);
	check_positions(l);
	number_points(l);
	fg_check_hourly(l);
	for (size_t i = 0; i < l->config->link_count; i++)
		check_neighbours(l, &l->config->links[i]);
}
