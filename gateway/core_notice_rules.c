/* SPDX-License-Identifier: EUPL-1.2 */
/* Notices that nobody writes: what the rules of `notices:` see of devices, planned work and
 * calibrations. Each look says what is so; what is no longer said ends (core_notices.c). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/core_state.h"

bool fg_notice_rules_on(const struct fg_core *core)
{
	const struct fg_notices_conf *conf = &core->config->notices;

	return conf->device_failing_us || conf->maintenance || conf->calibration_overdue ||
	       conf->certificate_expiring || conf->alarm;
}

static void of_device(struct fg_notice_given *given, const char *device)
{
	snprintf(given->affected, sizeof(given->affected), "device:%s", device);
}

static void failing(struct fg_core *core, const struct fg_device_run *dev)
{
	int64_t limit_us = core->config->notices.device_failing_us;
	struct fg_notice_given given = {.kind = FG_NOTICE_FAULT};
	const char *name = dev->device->name;
	char why[FG_REASON_SIZE];

	/* nobody knows yet after a start; at work, it is off for a reason that is told */
	if (dev->state == FG_DEVICE_UNKNOWN || dev->maintenance)
		fg_notices_keep(core, FG_NOTICE_FAILING, name);
	if (dev->state < FG_DEVICE_FAILING || dev->maintenance)
		return;
	if (core->now.mono_us - dev->failing_since_mono_us < limit_us) {
		fg_notices_keep(core, FG_NOTICE_FAILING, name); /* told before a restart */
		return;
	}
	given.from_ms = fg_core_wall_us(core, dev->failing_since_mono_us) / 1000;
	of_device(&given, name);
	fg_reason_text(dev->reason, dev->detail, why);
	fg_notices_want(core, FG_NOTICE_FAILING, name, &given, why);
}

static void window(void *arg, const struct fg_device *device,
	const struct fg_maintenance_window *w)
{
	struct fg_core *core = arg;
	struct fg_notice_given given = {.from_ms = w->since_ms, .to_ms = w->until_ms,
		.kind = FG_NOTICE_REPAIR};
	char key[FG_NOTICE_KEY];
	struct fg_service_notice *n;

	if (w->since_ms > core->now.wall_us / 1000)
		given.kind = FG_NOTICE_PLANNED;
	of_device(&given, device->name);
	snprintf(key, sizeof(key), "%s@%" PRId64, device->name, w->since_ms);
	n = fg_notices_want(core, FG_NOTICE_MAINTENANCE, key, &given, w->reason);
	if (n && n->is.to_ms != w->until_ms) {
		n->is.to_ms = w->until_ms;
		n->due = core->notices.changed = true;
	}
}

static void overdue(struct fg_core *core, const struct fg_point *p, int64_t now_ms)
{
	const struct fg_calibration *c = fg_calibration_of(core, p, now_ms);
	struct fg_notice_given given = {.kind = FG_NOTICE_FAULT};
	char key[FG_NOTICE_KEY];

	if (!c || !c->next_ms || c->next_ms > now_ms)
		return;
	given.from_ms = c->next_ms;
	snprintf(given.affected, sizeof(given.affected), "point:%s/%s", p->device->station->name,
		p->name);
	snprintf(key, sizeof(key), "%s/%s", p->device->name, p->name);
	fg_notices_want(core, FG_NOTICE_CALIBRATION, key, &given, NULL);
}

void fg_notice_rules(struct fg_core *core, int64_t now_ms)
{
	const struct fg_config *c = core->config;

	for (size_t i = 0; i < c->device_count && c->notices.device_failing_us; i++)
		failing(core, &core->devices[i]);
	if (c->notices.maintenance)
		fg_maintenance_each(core, window, core);
	for (size_t i = 0; i < c->point_count && c->notices.calibration_overdue; i++)
		overdue(core, c->points[i], now_ms);
	if (c->notices.certificate_expiring)
		fg_notice_certificates(core, now_ms);
	if (c->notices.alarm)
		fg_notice_alarms(core);
}
