/* SPDX-License-Identifier: EUPL-1.2 */
/* A driver to copy. It reads numbers from text files, one a point, as 1-wire and hwmon sensors
 * give them under /sys. It is complete and tested, but in no registry: docs/drivers/skeleton.md
 * says what a new driver needs besides. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "protocol/payload.h"

extern const struct fg_driver fg_driver_skeleton; /* registry.c has such a line for each driver */

/* ---- configuration: one struct and one table for links, devices and points ---- */

struct link_conf {
	const char *folder;
};

struct device_conf {
	const char *id;
};

struct point_conf {
	const char *file;
};

static const struct fg_key link_keys[] = {
	{.name = "folder",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct link_conf, folder),
		.help = "Where the devices' folders are."},
	{.name = NULL},
};

static const struct fg_key device_keys[] = {
	{.name = "id",
		.type = FG_KEY_TEXT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct device_conf, id),
		.help = "The device's folder."},
	{.name = NULL},
};

static const struct fg_key point_keys[] = {
	{.name = "file",
		.type = FG_KEY_TEXT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct point_conf, file),
		.help = "The file in which the number stands."},
	{.name = NULL},
};

/* What the table cannot express. */
static void check_point(const struct fg_point *point, void *conf, struct fg_report *rep)
{
	const struct point_conf *c = conf;

	if (c->file && strchr(c->file, '/'))
		fg_report_error(rep, point->node ? point->node->at : (struct fg_place){0},
			"devices.%s.points.%s.file: '%s' is no plain file name",
			point->device->name, point->name, c->file);
}

static bool same_port(const struct fg_link *a, const struct fg_link *b)
{
	const struct link_conf *ca = a->conf, *cb = b->conf;

	return strcmp(ca->folder, cb->folder) == 0;
}

/* ---- the plan: here one request a point, in the order of the group ---- */

static int plan(struct fg_group *group, struct fg_arena *arena)
{
	(void)arena;
	group->request_count = group->count;
	return FG_OK;
}

static size_t text_room(const struct fg_group *group)
{
	(void)group;
	return 0; /* no texts */
}

static void describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info)
{
	const struct point_conf *c = group->points[i]->conf;

	*ret_info = (struct fg_request_info){0};
	snprintf(ret_info->text, sizeof(ret_info->text), "file %s", c->file);
}

/* ---- at run time ---- */

struct state {
	int folder;
};

static int link_open(struct fg_link_state *ls)
{
	const struct link_conf *conf = ls->link->conf;
	struct state *s = ls->state;

	s->folder = open(conf->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->folder < 0 ? -errno : FG_OK;
}

static void link_close(struct fg_link_state *ls)
{
	struct state *s = ls->state;

	if (s->folder > 0)
		close(s->folder);
	s->folder = 0;
}

/* What came is hostile: bounded, and judged by a parser of the protocol room. */
static int read_number(const struct fg_job *job, const struct fg_point *point, struct fg_value *ret)
{
	const struct device_conf *dev = job->group->device->conf;
	const struct point_conf *conf = point->conf;
	const struct state *s = job->link->state;
	char path[600], text[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dev->id, conf->file);
	fd = openat(s->folder, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0)
		return -errno;
	return fg_payload_text(text, (size_t)n, ret);
}

/* One reading for every point, good or bad. A device that does not answer is no failure of the
 * link; a negative result would be. */
static int skeleton_poll(struct fg_job *job)
{
	for (size_t i = 0; i < job->group->count; i++) {
		const struct fg_point *point = job->group->points[i];
		struct fg_value value;
		int r = FG_ETIMEOUT;

		if (fg_clock_mono_us() < job->deadline_mono_us) {
			job->requests++;
			r = read_number(job, point, &value);
		}
		if (r == FG_OK && value.kind != FG_KIND_TEXT)
			fg_job_value(job, point, value, false, 0, fg_clock_mono_us());
		else
			fg_job_missing(job, point,
				r == FG_OK || r == FG_EDECODE ? FG_REASON_DECODE
							      : FG_REASON_NO_RESPONSE,
				0, fg_clock_mono_us());
		job->answers += r == FG_OK;
		fg_job_explain(job, "%s: %s", point->name, fg_strerror(r));
	}
	return FG_OK;
}

const struct fg_driver fg_driver_skeleton = {
	.name = "skeleton",
	.help = "Numbers in text files; a driver to copy",
	.link_size = sizeof(struct link_conf),
	.device_size = sizeof(struct device_conf),
	.point_size = sizeof(struct point_conf),
	.link_keys = link_keys,
	.device_keys = device_keys,
	.point_keys = point_keys,
	.state_size = sizeof(struct state),
	.check_point = check_point,
	.same_port = same_port,
	.plan = plan,
	.text_room = text_room,
	.describe = describe,
	.open = link_open,
	.close = link_close,
	.poll = skeleton_poll,
};
