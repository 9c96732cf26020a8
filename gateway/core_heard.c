/* SPDX-License-Identifier: EUPL-1.2 */
/* Which points a device that reports by itself has ever told. A model may have more channels than
 * this sensor has probes: a point that it never told is not missing when it is late, but not seen
 * yet. As long as it has told nothing at all, all of its points are expected. */
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "gateway/core_state.h"

#define NOTE	   "heard"
#define NOTE_ID	   4    /* bytes: the store's id of a point */
#define NOTE_IDS   1024 /* more are not kept over a restart */
#define NAMES_TOLD 20

bool fg_heard_expected(const struct fg_core *core, const struct fg_point *point)
{
	const struct fg_device *d = point->device;
	bool any = false;

	for (size_t i = 0; i < d->point_count && !any; i++)
		any = core->points[d->points[i].index].heard;
	return !any || core->points[point->index].heard;
}

void fg_heard_note(struct fg_core *core, const struct fg_device *d, const struct fg_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct fg_point_run *run = &core->points[batch->readings[i].point];

		core->devices[d->index].heard_due |= !run->heard;
		run->heard = true;
	}
}

void fg_heard_store(struct fg_core *core, const struct fg_device *d)
{
	unsigned char note[NOTE_IDS * NOTE_ID];
	size_t n = 0;

	if (!core->devices[d->index].heard_due)
		return;
	for (size_t i = 0; i < d->point_count && n < sizeof(note); i++) {
		const struct fg_point_run *run = &core->points[d->points[i].index];

		for (unsigned k = 0; run->heard && k < NOTE_ID; k++)
			note[n++] = (unsigned char)(run->series->id >> 8 * k);
	}
	if (fg_core_set_state(core, NOTE, d->name, note, n) >= 0)
		core->devices[d->index].heard_due = false; /* else with the next report */
}

/* What is of no point of the device any more is passed over. */
int fg_heard_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_point *point = core->config->points[i];

		if (strcmp(point->device->name, key) != 0)
			continue;
		for (size_t at = 0; at + NOTE_ID <= len; at += NOTE_ID) {
			uint32_t id = from[at] | (uint32_t)from[at + 1] << 8 |
				      (uint32_t)from[at + 2] << 16 | (uint32_t)from[at + 3] << 24;

			core->points[i].heard |= core->points[i].series->id == id;
		}
	}
	return FG_OK;
}

/* The next point of a pushed group that is not seen yet; NULL: no more. */
static const struct fg_point *next_unseen(
	const struct fg_core *core, const struct fg_device *d, size_t *at)
{
	while (*at < d->point_count) {
		const struct fg_point *point = &d->points[(*at)++];

		for (size_t g = 0; g < d->group_count; g++)
			for (size_t i = 0; d->groups[g].pushed && i < d->groups[g].count; i++)
				if (d->groups[g].points[i] == point &&
					!fg_heard_expected(core, point))
					return point;
	}
	return NULL;
}

void fg_heard_status(const struct fg_core *core, const struct fg_device *d, struct fg_json *j)
{
	const struct fg_point *point;
	size_t at = 0, n = 0;

	while (next_unseen(core, d, &at))
		n++;
	if (!n)
		return;
	fg_json_uint(j, "points_not_seen", n);
	fg_json_array(j, "not_seen");
	for (at = n = 0; n < NAMES_TOLD && (point = next_unseen(core, d, &at)); n++)
		fg_json_text(j, NULL, point->name);
	fg_json_end_array(j);
}
