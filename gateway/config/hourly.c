/* SPDX-License-Identifier: EUPL-1.2 */
/* `hourly` of a device: which points are told by the hour too, and how. */
#include <string.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "gateway/config/loader.h"

struct raw_hourly {
	int stat; /* enum fg_stat; 0: by the property */
	const char *speed;
	unsigned also; /* bits of enum fg_also */
	int scheme;
};

static const struct fg_choice stats[] = {
	{"mean", FG_STAT_MEAN, false, ""},
	{"sum", FG_STAT_SUM, false, ""},
	{"direction", FG_STAT_CIRCULAR_MEAN, false, ""},
	{0},
};

static const struct fg_choice longer[] = {
	{"running-8h", FG_ALSO_RUNNING_8H, false, ""},
	{"running-24h", FG_ALSO_RUNNING_24H, false, ""},
	{"daily", FG_ALSO_DAY, false, ""},
	{"daily-max-8h", FG_ALSO_DAY_MAX_8H, false, ""},
	{0},
};

static const struct fg_choice schemes[] = {
	{"no-luftkvalitet", FG_SCHEME_NO, false, "the Norwegian classes"},
	{"eaqi-2024", FG_SCHEME_EAQI_2024, false, "the European index"},
	{"eaqi-2017", FG_SCHEME_EAQI_2017, false, "the European index before its revision"},
	{"none", FG_SCHEME_NONE, false, "no class"},
	{0},
};

#define AT(field) .offset = offsetof(struct raw_hourly, field)
const struct fg_key fg_keys_hourly[] = {
	{"stat", FG_KEY_CHOICE, AT(stat), .choices = stats,
		.help = "What is told of the readings of an hour. Default: `direction` for those "
			"of wind_from_direction, `sum` for rainfall_rate (which gives mm), "
			"else `mean`."},
	{"speed", FG_KEY_NAME, AT(speed),
		.help = "Of directions: the point of the device that makes a direction as heavy as "
			"the wind. Default: its point of wind_speed, where there is one."},
	{"also", FG_KEY_CHOICES, AT(also), .choices = longer,
		.help = "Longer periods, made of the hours: running means over 8 and 24 hours each "
			"hour, the mean of each local day, and its largest mean over 8 hours."},
	{"scheme", FG_KEY_CHOICE, AT(scheme), .choices = schemes, .dflt = "no-luftkvalitet",
		.help = "The air-quality index whose class the value carries, where it has one for "
			"the property. The worst of a station's pollutants is told too, as "
			"air_quality_no_hourly, air_quality_eaqi_2024 or air_quality_eaqi_2017."},
	{0},
};

static bool is_direction(const struct fg_point *p)
{
	return strcmp(p->unit, "deg") == 0 && strcmp(p->property, "wind_from_direction") == 0;
}

static enum fg_stat default_stat(const struct fg_point *p)
{
	if (is_direction(p))
		return FG_STAT_CIRCULAR_MEAN;
	return strcmp(p->property, "rainfall_rate") == 0 ? FG_STAT_SUM : FG_STAT_MEAN;
}

static struct fg_point *find(struct fg_point *points, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (points[i].name && strcmp(points[i].name, name) == 0)
			return &points[i];
	return NULL;
}

static void unknown_point(struct fg_loader *l, const struct fg_node *at,
	const struct fg_point *points, size_t count, const char *name)
{
	const char **names = fg_arena_array(l->arena, count, sizeof(*names));
	char mem[260];
	struct fg_buf hint;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (points[i].name)
			names[n++] = points[i].name;
	fg_buf_wrap(&hint, mem, sizeof(mem));
	fg_put_suggestion(&hint, name, names, n, "its points are");
	fg_bind_error(&l->bind, at, "the device has no point '%.63s'%s", name, mem);
}

static void set_speed(struct fg_loader *l, const struct fg_node *node, struct fg_point *points,
	size_t count, struct fg_point *p, const char *name)
{
	struct fg_point *speed = name ? find(points, count, name) : NULL;

	if (name && !speed)
		unknown_point(l, fg_node_get(node, "speed"), points, count, name);
	for (size_t i = 0; !name && i < count; i++)
		if (points[i].property && strcmp(points[i].property, "wind_speed") == 0)
			speed = &points[i];
	if (!speed)
		return;
	p->hourly.speed = speed;
	p->hourly.stat = FG_STAT_VECTOR_MEAN;
}

static void set_point(struct fg_loader *l, const struct fg_node *node, struct fg_point *points,
	size_t count, struct fg_point *p)
{
	struct raw_hourly raw = {0};
	bool direction;

	fg_bind_struct(&l->bind, node->kind == FG_NODE_MAPPING ? node : NULL, fg_keys_hourly, NULL,
		&raw, NULL, node->at);
	if (!p->property || !p->unit)
		return; /* told already */
	p->hourly = (struct fg_hourly_conf){.on = true, .also = raw.also, .scheme = raw.scheme,
		.stat = raw.stat ? (enum fg_stat)raw.stat : default_stat(p)};
	direction = p->hourly.stat == FG_STAT_CIRCULAR_MEAN;
	if (raw.speed && !direction)
		fg_bind_error(&l->bind, node, "'speed' belongs to directions");
	if (direction && raw.also)
		fg_bind_error(&l->bind, node,
			"directions are told by the hour alone; 'also' cannot stand here");
	if (p->hourly.stat == FG_STAT_SUM && (raw.also >> FG_ALSO_DAY_MAX_8H & 1))
		fg_bind_error(&l->bind, node, "daily-max-8h is of means, not of sums");
	if (direction && is_direction(p))
		set_speed(l, node, points, count, p, raw.speed);
}

static void build_one(struct fg_loader *l, const struct fg_pair *pair, struct fg_point *points,
	size_t count)
{
	struct fg_point *p = find(points, count, pair->key);
	const struct fg_node *node = pair->value;
	bool on = false;
	static const struct fg_key flag = {"", FG_KEY_BOOL, .help = ""};

	if (!p) {
		unknown_point(l, node, points, count, pair->key);
		return;
	}
	if (node->kind == FG_NODE_SEQUENCE) {
		fg_bind_error(&l->bind, node, "takes true, false or a mapping of options");
		return;
	}
	if (node->kind == FG_NODE_SCALAR && fg_bind_value(&l->bind, &flag, node, &on) > 0)
		return;
	if (on || node->kind == FG_NODE_MAPPING)
		set_point(l, node, points, count, p);
}

void fg_build_hourly(struct fg_loader *l, struct fg_device *dev, struct fg_point *points)
{
	const struct fg_node *node = fg_node_get(dev->node, "hourly");
	size_t mark, inner;

	if (!node || node->kind != FG_NODE_MAPPING)
		return; /* none, or told by the key's own type */
	mark = fg_bind_enter(&l->bind, "hourly");
	for (size_t i = 0; i < node->count; i++) {
		if (fg_node_is_null(node->pairs[i].value))
			continue;
		inner = fg_bind_enter(&l->bind, node->pairs[i].key);
		build_one(l, &node->pairs[i], points, dev->point_count);
		fg_bind_leave(&l->bind, inner);
	}
	fg_bind_leave(&l->bind, mark);
}

/* ---- what they are made of ---- */

#define HOUR_US INT64_C(3600000000)

/* From the begin of the longest period of a point to when it is told, with an hour to spare. A
 * local day has up to 25 hours, and its first mean over eight begins seven hours before it. */
static int64_t needed_us(const struct fg_hourly_conf *h)
{
	int hours = !h->on				  ? 0 :
		    h->also >> FG_ALSO_DAY_MAX_8H & 1	  ? 25 + 7 + 1 :
		    h->also >> FG_ALSO_DAY & 1		  ? 25 + 1 :
		    h->also >> FG_ALSO_RUNNING_24H & 1 ? 24 + 1 :
		    h->also >> FG_ALSO_RUNNING_8H & 1  ? 8 + 1 :
							    1 + 1;

	return hours * HOUR_US;
}

void fg_check_hourly(struct fg_loader *l)
{
	const struct fg_point *most = NULL;
	char is[32], least[32];

	for (size_t i = 0; i < l->config->point_count; i++) {
		const struct fg_point *p = l->config->points[i];

		if (needed_us(&p->hourly) > (most ? needed_us(&most->hourly) : 0))
			most = p;
	}
	if (!most || l->config->storage.keep_us >= needed_us(&most->hourly))
		return;
	fg_duration_text(l->config->storage.keep_us, is, sizeof(is));
	fg_duration_text(needed_us(&most->hourly), least, sizeof(least));
	fg_report_error(l->rep, fg_place_of(fg_node_get(l->root, "storage"), "keep"),
		"storage.keep: after %s the readings are gone that devices.%s.hourly.%s is made "
		"of; at least %s",
		is, most->device->name, most->name, least);
}
