/* SPDX-License-Identifier: EUPL-1.2 */
/* `read DEVICE [POINT]`: polls now, through the worker that owns the link, and shows each step.
 * What is read is shown only: it is neither stored nor published. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/status.h"
#include "drivers/modbus_common.h"
#include "drivers/modbus_diagnose.h"
#include "gateway/control.h"
#include "protocol/encode.h"
#include "quality/quality.h"

#define EXPLAIN_MAX (256u << 10)

struct read_request {
	struct fg_client *client;
	struct fg_config *config;
	const struct fg_device *device;
	char point[64]; /* empty: all */
	size_t group;	/* the one under way */
	struct fg_poll *poll;
	struct fg_buf explain;
};

static void next_group(struct read_request *r);

static void request_free(struct read_request *r)
{
	struct fg_client *c = r->client;

	fg_buf_fini(&r->explain);
	fg_config_unref(r->config);
	free(r);
	c->user = NULL;
	fg_client_release(c);
}

static void put_reading(struct read_request *r, struct fg_json *j, struct fg_reading *reading)
{
	const struct fg_point *point = r->config->points[reading->point];
	char why[FG_REASON_SIZE];

	if (r->point[0] && strcmp(r->point, point->name) != 0)
		return;
	fg_quality_judge(point, reading);
	fg_json_object(j, NULL);
	fg_json_text(j, "point", point->name);
	fg_json_text(j, "property", point->property);
	if (reading->value.kind == FG_KIND_NONE) {
		fg_json_null(j, "value");
	} else {
		char mem[600];
		struct fg_buf value;

		fg_buf_wrap(&value, mem, sizeof(mem));
		fg_encode_value(&value, &reading->value, point->decimals);
		fg_json_raw(j, "value", value.data, value.len);
	}
	fg_json_text(j, "unit", point->unit);
	fg_json_int(j, "qc", reading->qc);
	if (reading->reason != FG_REASON_NONE)
		fg_json_text(j, "reason", fg_reason_text(reading->reason, reading->detail, why));
	fg_json_end_object(j);
}

/* What is worked out of the readings, and its step. */
static void put_derived(struct read_request *r, struct fg_json *j, bool step)
{
	const struct fg_group *group = r->poll->job.group;
	struct fg_batch *batch = &r->poll->batch;

	for (size_t i = 0; i < group->derived_count; i++) {
		const struct fg_point *point = group->derived[i];
		struct fg_reading reading;

		if ((r->point[0] && strcmp(r->point, point->name) != 0) ||
			!fg_derive_shown(
				r->client->daemon->core, r->config, batch, point, &reading))
			continue;
		if (!step)
			put_reading(r, j, &reading);
		else
			fg_put_derivation(point, &r->explain);
	}
}

static void put_steps(struct read_request *r, struct fg_json *j)
{
	const char *at = r->explain.data;

	fg_json_array(j, "steps");
	for (size_t left = r->explain.len; left;) {
		size_t len = strcspn(at, "\n");
		char line[512];
		size_t n = FG_MIN(len, sizeof(line) - 1);

		memcpy(line, at, n);
		line[n] = '\0';
		fg_json_text(j, NULL, line);
		len += at[len] == '\n';
		at += len;
		left -= len;
	}
	fg_json_end_array(j);
}

/* Whether the reading is of the point that was asked for; all are where none was named. */
static bool is_wanted(const struct read_request *r, const struct fg_reading *reading)
{
	return !r->point[0] || strcmp(r->config->points[reading->point]->name, r->point) == 0;
}

/* What each kind of failure means for this link, and what to try; once for all of its points. */
static void put_advice(struct read_request *r, struct fg_json *j)
{
	const struct fg_link *link = r->device->link;
	bool modbus = strncmp(link->driver_name, "modbus-", strlen("modbus-")) == 0;
	const struct fg_modbus_device *conf = r->device->conf;
	const struct fg_batch *batch = &r->poll->batch;
	unsigned told = 0, code;

	fg_json_array(j, "advice");
	for (size_t i = 0; modbus && i < batch->count; i++) {
		const struct fg_reading *reading = &batch->readings[i];
		struct fg_heard h;

		code = 1u << ((unsigned)reading->reason & 31);
		if (told & code || !is_wanted(r, reading) ||
			!fg_heard_from_reason(reading->reason, reading->detail,
				fg_heard_on(link->driver_name), (unsigned)conf->unit_id, &h))
			continue;
		told |= code;
		fg_json_object(j, NULL);
		fg_heard_put(&h, j);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

static void answer(struct read_request *r)
{
	struct fg_batch *batch = &r->poll->batch;
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, 2 * EXPLAIN_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "device", r->device->name);
	fg_json_uint(&j, "requests", r->poll->job.requests);
	fg_json_uint(&j, "answers", r->poll->job.answers);
	fg_json_seconds(&j, "took_s", r->poll->job.done_mono_us - r->poll->job.started_mono_us);
	for (size_t i = 0; i < batch->count; i++)
		fg_quality_judge(r->config->points[batch->readings[i].point], &batch->readings[i]);
	put_derived(r, &j, true);
	put_steps(r, &j);
	fg_json_array(&j, "readings");
	for (size_t i = 0; i < batch->count; i++)
		put_reading(r, &j, &batch->readings[i]);
	put_derived(r, &j, false);
	fg_json_end_array(&j);
	put_advice(r, &j);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	if (!out.overflow)
		fg_client_write(r->client, out.data, out.len);
	fg_buf_fini(&out);
}

static void on_finished(struct fg_daemon *d, struct fg_poll *poll)
{
	struct read_request *r = poll->user;

	(void)d;
	answer(r);
	fg_config_unref(poll->job.config);
	fg_poll_free(poll);
	r->poll = NULL;
	r->group++;
	next_group(r);
}

static bool group_wanted(const struct read_request *r, const struct fg_group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!r->point[0] || strcmp(group->points[i]->name, r->point) == 0)
			return true;
	for (size_t i = 0; i < group->derived_count; i++)
		if (strcmp(group->derived[i]->name, r->point) == 0)
			return true;
	return false;
}

static void next_group(struct read_request *r)
{
	struct fg_daemon *d = r->client->daemon;
	struct fg_worker *worker = fg_links_worker(d, r->device->link);

	while (r->group < r->device->group_count && !group_wanted(r, &r->device->groups[r->group]))
		r->group++;
	if (r->group == r->device->group_count || r->client->closing || d->stopping) {
		fg_client_end(r->client);
		request_free(r);
		return;
	}
	r->poll = fg_poll_new(d, &r->device->groups[r->group]);
	if (!r->poll || !worker) {
		fg_poll_free(r->poll);
		fg_client_error(r->client, EX_TEMPFAIL, "cannot poll now");
		request_free(r);
		return;
	}
	fg_buf_clear(&r->explain);
	r->poll->finished = on_finished;
	r->poll->user = r;
	r->poll->job.group = &r->device->groups[r->group];
	r->poll->job.attempts = (unsigned)r->device->retries + 1;
	r->poll->job.explain = &r->explain;
	fg_worker_submit(worker, r->config, &r->poll->job);
}

static const struct fg_device *find_device(const struct fg_config *config, const char *name)
{
	for (size_t i = 0; i < config->device_count; i++)
		if (strcmp(config->devices[i]->name, name) == 0)
			return config->devices[i];
	return NULL;
}

static bool has_point(const struct fg_device *device, const char *name)
{
	for (size_t i = 0; i < device->point_count; i++)
		if (strcmp(device->points[i].name, name) == 0)
			return true;
	return false;
}

void fg_control_read(struct fg_client *c, const char *device, const char *point)
{
	const struct fg_device *dev = find_device(c->daemon->config, device);
	struct read_request *r;

	if (!dev) {
		fg_client_error(c, EX_USAGE, "no device '%s'", device);
		return;
	}
	if (point && !has_point(dev, point)) {
		fg_client_error(c, EX_USAGE, "device '%s' has no point '%s'", device, point);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		fg_client_error(c, EX_TEMPFAIL, "out of memory");
		return;
	}
	r->client = c;
	r->config = fg_config_ref(c->daemon->config);
	r->device = dev;
	if (point)
		memcpy(r->point, point, FG_MIN(strlen(point), sizeof(r->point) - 1));
	fg_buf_init(&r->explain, EXPLAIN_MAX);
	c->user = r;
	fg_client_hold(c);
	next_group(r);
}
