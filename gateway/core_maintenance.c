/* SPDX-License-Identifier: EUPL-1.2 */
/* Maintenance of devices: windows that are open, planned or called off, kept over restarts. While
 * one is open readings are marked, and no alarm begins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/plant.h"
#include "base/status.h"
#include "base/varint.h"
#include "gateway/core_state.h"

#define KIND	     "maintenance"
#define NOTE_VERSION 1
/* Wall time may step: edges are looked for this often. */
#define LOOK_US 1000000
/* All devices together, and for one: more are refused. */
#define WINDOWS_MAX 512
#define DEVICE_MAX  16

/* Kept by the device's name: it outlives a reload, and a device that is gone for a while. */
struct fg_maintenance {
	struct fg_maintenance *next;
	char device[64];
	struct fg_maintenance_window w;
	struct fg_reckoned reckoned;
	bool ends_after; /* what is reckoned is its end too */
};

static bool is_open(const struct fg_maintenance_window *w, int64_t now_ms)
{
	return w->from_ms <= now_ms && (w->until_ms == 0 || now_ms < w->until_ms);
}

static bool is_over(const struct fg_maintenance_window *w, int64_t now_ms)
{
	return w->until_ms != 0 && w->until_ms <= now_ms;
}

static bool is_of(const struct fg_maintenance *m, const char *device)
{
	return strcmp(m->device, device) == 0;
}

/* The one that is open and lasts longest; NULL. */
static const struct fg_maintenance_window *open_window(
	const struct fg_core *core, const char *device, int64_t now_ms)
{
	const struct fg_maintenance_window *best = NULL;

	for (const struct fg_maintenance *m = core->maintenance; m; m = m->next)
		if (is_of(m, device) && is_open(&m->w, now_ms) &&
			(!best || m->w.until_ms == 0 ||
				(best->until_ms != 0 && m->w.until_ms > best->until_ms)))
			best = &m->w;
	return best;
}

/* ---- planned in the configuration ---- */

/* What is planned is taken over when it begins, under the time it was to begin; that it was told,
 * or called off (it is over, but planned still), is kept like that of any other. */
static bool is_planned(
	const struct fg_device *d, const struct fg_maintenance_window *w, int64_t now_ms)
{
	for (size_t i = 0; i < d->planned_count; i++)
		if (d->planned[i].from_ms == w->since_ms && d->planned[i].until_ms > now_ms)
			return true;
	return false;
}

static bool is_taken_over(const struct fg_core *core, const char *device, int64_t from_ms)
{
	for (const struct fg_maintenance *m = core->maintenance; m; m = m->next)
		if (is_of(m, device) && m->w.since_ms == from_ms)
			return true;
	return false;
}

static int add(struct fg_core *core, const char *device, const struct fg_maintenance_window *w,
	struct fg_maintenance **ret);
static void drop_over(struct fg_core *core, const struct fg_device *device, int64_t now_ms);

static void take_over(struct fg_core *core, struct fg_device_run *dev, int64_t now_ms)
{
	const struct fg_device *d = dev->device;

	struct fg_maintenance *m;

	for (size_t i = 0; i < d->planned_count && fg_core_timed(core); i++) {
		const struct fg_planned_maintenance *p = &d->planned[i];
		struct fg_maintenance_window w = {.since_ms = p->from_ms,
			.from_ms = p->from_ms,
			.until_ms = p->until_ms};

		if (!is_open(&w, now_ms) || is_taken_over(core, d->name, p->from_ms))
			continue;
		snprintf(w.reason, sizeof(w.reason), "%s", p->reason ? p->reason : "");
		drop_over(core, d, now_ms);
		if (add(core, d->name, &w, &m) < 0)
			continue;
		dev->maintenance_due = true;
		core->notes_due_mono_us = core->now.mono_us;
	}
}

static bool any_planned(const struct fg_core *core)
{
	for (size_t i = 0; i < core->config->device_count; i++)
		if (core->config->devices[i]->planned_count)
			return true;
	return false;
}

/* ---- changes ---- */

static void tell(struct fg_core *core, const struct fg_device_run *dev, enum fg_event_kind kind,
	const struct fg_maintenance_window *w)
{
	const struct fg_event e = {.kind = kind, .device = dev->device,
		.since_wall_ms = dev->maintenance_since_ms, .until_wall_ms = w ? w->until_ms : 0,
		.why = w && w->reason[0] ? w->reason : NULL};

	fg_event_tell(core, &e);
}

/* What is over is forgotten for good: by a clock that begins in 1970 it would go on. */
static void ended(struct fg_core *core, struct fg_device_run *dev, int64_t now_ms)
{
	tell(core, dev, FG_EVENT_MAINTENANCE_ENDS, NULL);
	drop_over(core, dev->device, now_ms);
	dev->maintenance_due = true;
	core->notes_due_mono_us = core->now.mono_us;
}

/* The time is known, or better known: what was reckoned from then on goes with it. */
static void move_reckoned(struct fg_core *core, struct fg_device_run *dev)
{
	for (struct fg_maintenance *m = core->maintenance; m; m = m->next) {
		int64_t by_ms;

		if (!is_of(m, dev->device->name))
			continue;
		by_ms = fg_reckoned_by_ms(core, &m->reckoned);
		if (by_ms == 0)
			continue;
		if (dev->maintenance && dev->maintenance_since_ms == m->w.since_ms)
			dev->maintenance_since_ms += by_ms;
		m->w.since_ms += by_ms;
		if (m->ends_after)
			m->w.until_ms += by_ms;
		dev->maintenance_due = true;
		core->notes_due_mono_us = core->now.mono_us;
	}
}

static void look(struct fg_core *core, struct fg_now now, struct fg_device_run *dev)
{
	const struct fg_maintenance_window *w;

	move_reckoned(core, dev);
	take_over(core, dev, fg_reckon_now_ms(core));
	w = open_window(core, dev->device->name, fg_reckon_now_ms(core));
	if (dev->maintenance == (w != NULL))
		return;
	dev->maintenance = w != NULL;
	if (w) {
		/* one that goes on over a restart began when it began */
		dev->maintenance_since_ms = w->since_ms;
		tell(core, dev, FG_EVENT_MAINTENANCE_BEGINS, w);
		fg_alarm_end_all(core, dev->device, "maintenance");
		fg_alarm_pace(core, now, dev->device);
	} else {
		ended(core, dev, fg_reckon_now_ms(core));
	}
	fg_documents_touch(core, FG_DOC_DEVICE, dev->device->index);
	fg_documents_touch_all(core, FG_DOC_STATION);
}

static void drop_over(struct fg_core *core, const struct fg_device *device, int64_t now_ms)
{
	for (struct fg_maintenance **at = &core->maintenance; *at;) {
		struct fg_maintenance *m = *at;

		if (!is_of(m, device->name) || !is_over(&m->w, now_ms) ||
			is_planned(device, &m->w, now_ms)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		free(m);
	}
}

int64_t fg_maintenance_run(struct fg_core *core, struct fg_now now)
{
	if (!core->maintenance && !core->maintained && !any_planned(core))
		return INT64_MAX;
	core->maintained = core->maintenance != NULL; /* once more after the last one */
	for (size_t i = 0; i < core->config->device_count; i++)
		look(core, now, &core->devices[i]);
	return now.mono_us + LOOK_US;
}

/* ---- notes ---- */

int fg_maintenance_save_note(struct fg_core *core, const struct fg_device_run *dev)
{
	const char *device = dev->device->name;
	struct fg_buf out;
	int r;

	fg_buf_init(&out, 32u << 10);
	fg_put_varint(&out, NOTE_VERSION);
	for (const struct fg_maintenance *m = core->maintenance; m; m = m->next) {
		size_t len = strlen(m->w.reason);

		if (!is_of(m, device))
			continue;
		fg_put_svarint(&out, m->w.since_ms);
		fg_put_svarint(&out, m->w.from_ms);
		fg_put_svarint(&out, m->w.until_ms);
		fg_put_varint(&out, len);
		fg_buf_put(&out, m->w.reason, len);
	}
	r = out.overflow ? FG_EINVAL :
	    fg_core_set_state(core, KIND, device, out.data, out.len > 1 ? out.len : 0);
	fg_buf_fini(&out);
	return r;
}

static int add(struct fg_core *core, const char *device, const struct fg_maintenance_window *w,
	struct fg_maintenance **ret)
{
	struct fg_maintenance *m;
	unsigned all = 0, own = 0;

	for (m = core->maintenance; m; m = m->next) {
		all++;
		own += is_of(m, device);
	}
	if (all >= WINDOWS_MAX || own >= DEVICE_MAX)
		return FG_EFULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return FG_ENOMEM;
	snprintf(m->device, sizeof(m->device), "%s", device);
	m->w = *w;
	m->next = core->maintenance;
	core->maintenance = m;
	*ret = m;
	return FG_OK;
}

static struct fg_device_run *find(struct fg_core *core, const char *device)
{
	for (size_t i = 0; i < core->config->device_count; i++)
		if (strcmp(core->config->devices[i]->name, device) == 0)
			return &core->devices[i];
	return NULL;
}

/* What was open when the last run ended was told then. */
static void go_on(struct fg_core *core, const char *device)
{
	struct fg_device_run *dev = find(core, device);
	const struct fg_maintenance_window *w =
		open_window(core, device, fg_reckon_now_ms(core));

	if (!dev || !w)
		return;
	dev->maintenance = true;
	dev->maintenance_since_ms = w->since_ms;
	core->maintained = true;
}

int fg_maintenance_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_bytes in = {bytes, (const unsigned char *)bytes + len, false};
	struct fg_maintenance *m;
	int r = FG_OK;

	if (fg_get_varint(&in) != NOTE_VERSION || strlen(key) >= 64 ||
		fg_planted(FG_PLANT_WORK_FORGOTTEN))
		return FG_OK;
	while (in.at < in.end && r != FG_ENOMEM) {
		struct fg_maintenance_window w = {.since_ms = fg_get_svarint(&in)};
		uint64_t reason_len;
		const void *reason;

		w.from_ms = fg_get_svarint(&in);
		w.until_ms = fg_get_svarint(&in);
		reason_len = fg_get_varint(&in);
		if (in.bad || reason_len >= sizeof(w.reason))
			return FG_OK;
		reason = fg_get_bytes(&in, (size_t)reason_len);
		if (!reason)
			return FG_OK;
		memcpy(w.reason, reason, (size_t)reason_len);
		r = add(core, key, &w, &m);
	}
	go_on(core, key);
	return r == FG_ENOMEM ? r : FG_OK;
}

void fg_maintenance_free(struct fg_core *core)
{
	while (core->maintenance) {
		struct fg_maintenance *m = core->maintenance;

		core->maintenance = m->next;
		free(m);
	}
}

/* ---- commands ---- */

static void changed(struct fg_core *core, struct fg_now now, struct fg_device_run *dev)
{
	core->maintained = true;
	dev->maintenance_due = true;
	look(core, now, dev);
	fg_events_save(core, dev);
}

int fg_core_maintenance_on(struct fg_core *core, struct fg_now now, const char *device,
	struct fg_maintenance_window *window)
{
	struct fg_device_run *dev = find(core, device);
	struct fg_maintenance_window w = *window;
	struct fg_maintenance *m;
	int64_t now_ms;
	int r;

	core->now = now = fg_core_now(core, now);
	now_ms = fg_reckon_now_ms(core);
	if (!dev)
		return FG_ENOENT;
	w.from_ms = fg_reckon_given_ms(core, w.from_ms);
	w.until_ms = fg_reckon_given_ms(core, w.until_ms);
	if (w.for_ms)
		w.until_ms = (w.from_ms ? w.from_ms : now_ms) + w.for_ms;
	if ((w.until_ms && w.until_ms <= FG_MAX(w.from_ms, now_ms)) || w.from_ms < 0)
		return FG_EINVAL;
	/* without a time of its own it holds from now on, whatever the clock says later */
	w.since_ms = w.from_ms ? w.from_ms : now_ms;
	drop_over(core, dev->device, now_ms);
	r = add(core, device, &w, &m);
	if (r < 0)
		return r;
	if (!w.from_ms)
		m->reckoned = fg_reckon_from_now(core);
	m->ends_after = w.for_ms != 0;
	window->until_ms = w.until_ms;
	changed(core, now, dev);
	return FG_OK;
}

int fg_core_maintenance_off(struct fg_core *core, struct fg_now now, const char *device, bool all)
{
	struct fg_device_run *dev = find(core, device);
	int64_t now_ms;
	int n = 0;

	core->now = now = fg_core_now(core, now);
	now_ms = fg_reckon_now_ms(core);
	if (!dev)
		return FG_ENOENT;
	for (struct fg_maintenance **at = &core->maintenance; *at;) {
		struct fg_maintenance *m = *at;

		if (!is_of(m, device) || is_over(&m->w, now_ms) ||
			!(all || is_open(&m->w, now_ms))) {
			at = &m->next;
			continue;
		}
		if (is_planned(dev->device, &m->w, now_ms)) { /* it would be taken over once more */
			m->w.until_ms = now_ms;
			at = &m->next;
			n++;
			continue;
		}
		*at = m->next;
		free(m);
		n++;
	}
	if (n > 0)
		changed(core, now, dev);
	return n;
}

/* ---- status ---- */

/* Those ahead: what has begun was taken over. */
static void planned_status(const struct fg_device *d, int64_t now_ms, struct fg_json *j)
{
	for (size_t i = 0; i < d->planned_count; i++) {
		const struct fg_planned_maintenance *p = &d->planned[i];

		if (p->from_ms <= now_ms)
			continue;
		fg_json_object(j, NULL);
		fg_json_bool(j, "open", false);
		fg_json_time(j, "from", p->from_ms);
		fg_json_time(j, "until", p->until_ms);
		if (p->reason)
			fg_json_text(j, "reason", p->reason);
		fg_json_end_object(j);
	}
}

void fg_maintenance_status(
	const struct fg_core *core, const struct fg_device_run *dev, struct fg_json *j)
{
	int64_t now_ms = fg_reckon_now_ms(core);
	bool any = false;

	for (const struct fg_maintenance *m = core->maintenance; m && !any; m = m->next)
		any = is_of(m, dev->device->name) && !is_over(&m->w, now_ms);
	for (size_t i = 0; i < dev->device->planned_count && !any; i++)
		any = dev->device->planned[i].from_ms > now_ms;
	if (!any)
		return;
	fg_json_array(j, "maintenance");
	planned_status(dev->device, now_ms, j);
	for (const struct fg_maintenance *m = core->maintenance; m; m = m->next) {
		if (!is_of(m, dev->device->name) || is_over(&m->w, now_ms))
			continue;
		fg_json_object(j, NULL);
		fg_json_bool(j, "open", is_open(&m->w, now_ms));
		fg_json_time(j, "from", m->w.since_ms);
		if (m->w.until_ms)
			fg_json_time(j, "until", m->w.until_ms);
		if (m->w.reason[0])
			fg_json_text(j, "reason", m->w.reason);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

void fg_maintenance_each(const struct fg_core *core,
	void (*fn)(void *arg, const struct fg_device *device,
		const struct fg_maintenance_window *window), void *arg)
{
	int64_t now_ms = fg_reckon_now_ms(core);

	for (size_t i = 0; i < core->config->device_count; i++) {
		const struct fg_device *d = core->config->devices[i];

		for (const struct fg_maintenance *m = core->maintenance; m; m = m->next)
			if (is_of(m, d->name) && !is_over(&m->w, now_ms))
				fn(arg, d, &m->w);
		for (size_t k = 0; k < d->planned_count; k++) {
			const struct fg_planned_maintenance *p = &d->planned[k];
			struct fg_maintenance_window w = {.since_ms = p->from_ms,
				.from_ms = p->from_ms, .until_ms = p->until_ms};

			snprintf(w.reason, sizeof(w.reason), "%s", p->reason ? p->reason : "");
			if (p->from_ms > now_ms)
				fn(arg, d, &w);
		}
	}
}

const char *fg_maintenance_reason(const struct fg_core *core, const struct fg_device_run *dev)
{
	const struct fg_maintenance_window *w =
		open_window(core, dev->device->name, fg_reckon_now_ms(core));

	return w && w->reason[0] ? w->reason : NULL;
}
