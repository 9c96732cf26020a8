/* SPDX-License-Identifier: EUPL-1.2 */
/* What is published beside the readings: the gateway's status and the state of each device. */
#include "gateway/documents.h"

#include <stdio.h>
#include <string.h>

#include "drivers/driver.h"
#include "gateway/core_state.h"
#include "protocol/encode.h"

void fg_document_status(const char *gateway, const char *state, const struct fg_core *core,
	const char *destination, struct fg_now now, struct fg_buf *out)
{
	struct fg_json j;
	uint64_t backlog = 0;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "gateway", gateway);
	fg_json_text(&j, "state", state);
	fg_json_text(&j, "version", FG_VERSION);
	if (core) {
		for (size_t i = 0; i < core->publisher_count; i++)
			backlog = FG_MAX(backlog, fg_publisher_backlog(core->publishers[i]));
		fg_json_text(&j, "session", core->session);
		fg_json_time(&j, "time", now.wall_us / 1000);
		fg_json_object(&j, "clock");
		fg_json_bool(&j, "trusted", core->trusted);
		if (core->time.clock.holding)
			fg_json_bool(&j, "holding", true);
		if (core->time.clock.estimated)
			fg_json_bool(&j, "estimated", true);
		fg_json_end_object(&j);
		fg_json_object(&j, "store");
		fg_json_bool(&j, "writable", core->store_writable);
		fg_json_int(&j, "bytes", core->store_bytes);
		if (core->new_store)
			fg_json_bool(&j, "new_store", true);
		fg_json_end_object(&j);
		fg_json_uint(&j, "backlog", backlog);
		fg_conflicts_put(core, destination, &j);
	}
	fg_json_end_object(&j);
}

/* Maintenance goes before what the device does meanwhile, which is told besides. */
static void maintenance_state(
	const struct fg_core *core, const struct fg_device_run *dev, struct fg_buf *out)
{
	const char *reason = fg_maintenance_reason(core, dev);
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "state", "maintenance");
	fg_json_time(&j, "since", dev->maintenance_since_ms);
	if (reason)
		fg_json_text(&j, "reason", reason);
	fg_json_text(&j, "beneath", fg_device_state_name(dev->state));
	fg_json_text(&j, "station", dev->device->station->name);
	fg_json_end_object(&j);
}

static void device_state(const struct fg_device_run *dev, struct fg_buf *out)
{
	char why[FG_REASON_SIZE];
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "state", fg_device_state_name(dev->state));
	fg_json_time(&j, "since", dev->since_wall_ms);
	if (dev->reason != FG_REASON_NONE)
		fg_json_text(&j, "reason", fg_reason_text(dev->reason, dev->detail, why));
	if (dev->state >= FG_DEVICE_FAILING) {
		fg_json_uint(&j, "failed_in_a_row", dev->failed);
		if (dev->last_ok_wall_ms)
			fg_json_time(&j, "last_answer", dev->last_ok_wall_ms);
	}
	fg_json_text(&j, "station", dev->device->station->name);
	fg_json_end_object(&j);
}

/* ---- the table ---- */

static bool status_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	(void)i;
	return fg_topic_gateway(out, dest->prefix, config->gateway.id, "status");
}

static bool status_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	(void)i;
	fg_document_status(core->config->gateway.id,
		core->publishers_stopped ? "offline" : "online", core, dest->name, core->now, out);
	return true;
}

static size_t device_count(const struct fg_config *config)
{
	return config->device_count;
}

static bool device_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	char tail[80];

	snprintf(tail, sizeof(tail), "devices/%s", config->devices[i]->name);
	return fg_topic_gateway(out, dest->prefix, config->gateway.id, tail);
}

static bool device_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	const struct fg_device_run *dev = &core->devices[i];

	(void)dest;
	if (dev->state == FG_DEVICE_UNKNOWN && !dev->maintenance)
		return false; /* nothing to say before its first poll */
	if (dev->maintenance)
		maintenance_state(core, dev, out);
	else
		device_state(dev, out);
	return true;
}

static const struct fg_document_kind status = {.topic = status_topic, .write = status_write};
static const struct fg_document_kind device = {
	.count = device_count, .topic = device_topic, .write = device_write};

const struct fg_document_kind *const fg_document_kinds[FG_DOC_KINDS] = {
	[FG_DOC_STATUS] = &status,
	[FG_DOC_DEVICE] = &device,
	[FG_DOC_STATION] = &fg_document_station,
	[FG_DOC_THING] = &fg_document_thing,
	[FG_DOC_DATASET] = &fg_document_dataset,
	[FG_DOC_ASYNCAPI] = &fg_document_asyncapi,
	[FG_DOC_SCHEMA] = &fg_document_schema,
	[FG_DOC_CLASSES] = &fg_document_classes,
	[FG_DOC_NOTICES] = &fg_document_notices,
};

/* ---- numbers ---- */

static size_t count_of(const struct fg_config *config, size_t kind)
{
	const struct fg_document_kind *k = fg_document_kinds[kind];

	return k->count ? k->count(config) : 1;
}

size_t fg_documents_count(const struct fg_config *config)
{
	size_t n = 0;

	for (size_t kind = 0; kind < FG_DOC_KINDS; kind++)
		n += count_of(config, kind);
	return n;
}

static size_t first_of(const struct fg_config *config, enum fg_document kind)
{
	size_t n = 0;

	for (size_t k = 0; k < (size_t)kind; k++)
		n += count_of(config, k);
	return n;
}

/* NULL where there is no such number; *ret_i: which of its kind it is. */
static const struct fg_document_kind *kind_of(
	const struct fg_config *config, size_t id, size_t *ret_i)
{
	for (size_t kind = 0; kind < FG_DOC_KINDS; kind++) {
		size_t n = count_of(config, kind);

		if (id < n) {
			*ret_i = id;
			return fg_document_kinds[kind];
		}
		id -= n;
	}
	return NULL;
}

bool fg_document_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t id)
{
	size_t i;
	const struct fg_document_kind *kind = kind_of(config, id, &i);

	return kind && !dest->withdraw && !dest->sparkplug && kind->topic(out, config, dest, i);
}

bool fg_document_is_shared(const struct fg_config *config, size_t id)
{
	size_t i;
	const struct fg_document_kind *kind = kind_of(config, id, &i);

	return kind && kind->shared;
}

void fg_document_touch(
	struct fg_core *core, struct fg_publisher *p, enum fg_document kind, size_t i)
{
	fg_publisher_touch(p, first_of(core->config, kind) + i);
	if (kind == FG_DOC_DEVICE)
		fg_publisher_touch_device(p, core->config->devices[i]);
}

void fg_documents_touch(struct fg_core *core, enum fg_document kind, size_t i)
{
	for (size_t k = 0; k < core->publisher_count; k++)
		fg_document_touch(core, core->publishers[k], kind, i);
}

void fg_documents_touch_all(struct fg_core *core, enum fg_document kind)
{
	size_t n = count_of(core->config, kind);

	for (size_t i = 0; i < n; i++)
		fg_documents_touch(core, kind, i);
}

enum fg_pub_document fg_document(
	void *arg, struct fg_publisher *p, size_t id, struct fg_buf *topic, struct fg_buf *payload)
{
	const struct fg_core *core = arg;
	size_t i;
	const struct fg_document_kind *kind = kind_of(core->config, id, &i);

	if (!kind || p->conf->withdraw || p->conf->sparkplug ||
		!kind->topic(topic, core->config, p->conf, i) ||
		!kind->write(payload, core, p->conf, i))
		return FG_PUB_NO_DOCUMENT;
	if (payload->overflow)
		return FG_PUB_DOCUMENT_TOO_LONG;
	return kind->when_changed ? FG_PUB_DOCUMENT_WHEN_CHANGED : FG_PUB_DOCUMENT;
}
