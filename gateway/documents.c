/* SPDX-License-Identifier: EUPL-1.2 */
/* What is published beside the readings: the gateway's status and the state of each device. */
#include <string.h>

#include "drivers/driver.h"
#include "gateway/core_state.h"
#include "protocol/encode.h"

void fg_documents_touch(struct fg_core *core, size_t id)
{
	for (size_t i = 0; i < core->publisher_count; i++)
		fg_publisher_touch(core->publishers[i], id);
}

void fg_document_status(const char *gateway, const char *state, const struct fg_core *core,
	struct fg_now now, struct fg_buf *out)
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

bool fg_document(
	void *arg, struct fg_publisher *p, size_t id, struct fg_buf *topic, struct fg_buf *payload)
{
	const struct fg_core *core = arg;
	const char *gateway = core->config->gateway.id;
	const struct fg_device_run *dev;
	char tail[80];

	if (id == FG_DOC_STATUS) {
		fg_document_status(gateway, core->publishers_stopped ? "offline" : "online", core,
			core->now, payload);
		return fg_topic_gateway(topic, p->conf->prefix, gateway, "status") &&
		       !payload->overflow;
	}
	if (id - FG_DOC_DEVICES >= core->config->device_count)
		return false;
	dev = &core->devices[id - FG_DOC_DEVICES];
	if (dev->state == FG_DEVICE_UNKNOWN && !dev->maintenance)
		return false; /* nothing to say before its first poll */
	if (dev->maintenance)
		maintenance_state(core, dev, payload);
	else
		device_state(dev, payload);
	memcpy(tail, "devices/", 8);
	memcpy(tail + 8, dev->device->name, strlen(dev->device->name) + 1);
	return fg_topic_gateway(topic, p->conf->prefix, gateway, tail) && !payload->overflow;
}
