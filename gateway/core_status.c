/* SPDX-License-Identifier: EUPL-1.2 */
/* The document of `fjordctl status --json`. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "drivers/driver.h"
#include "gateway/core_state.h"

static void gateway_part(const struct fg_core *core, struct fg_now now, struct fg_json *j)
{
	const struct fg_gateway_conf *g = &core->config->gateway;

	fg_json_object(j, "gateway");
	fg_json_text(j, "id", g->id);
	fg_json_text(j, "title", g->title);
	fg_json_text(j, "version", FG_VERSION);
	fg_json_text(j, "session", core->session);
	fg_json_time(j, "started", core->started_wall_ms);
	fg_json_seconds(j, "uptime_s", now.mono_us - core->started_mono_us);
	fg_json_end_object(j);
	fg_core_clock_status(core, now, j);
}

/* Whether it still is what the files say, `fjordctl doctor` sees by the fingerprint. */
static void config_part(const struct fg_core *core, struct fg_json *j)
{
	char text[20];

	if (!core->config->path)
		return;
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)core->config->fingerprint);
	fg_json_object(j, "config");
	fg_json_text(j, "file", core->config->path);
	fg_json_text(j, "fingerprint", text);
	fg_json_end_object(j);
}

static void counts_part(
	const struct fg_core *core, const struct fg_link *link, struct fg_json *j)
{
	const char *const *names = link->driver->count_names;
	uint64_t counts[FG_LINK_COUNTS];

	if (!names || !core->ports.counts ||
		!core->ports.counts(core->ports.arg, link, counts))
		return;
	fg_json_object(j, "counts");
	for (size_t i = 0; names[i] && i < FG_LINK_COUNTS; i++)
		fg_json_uint(j, names[i], counts[i]);
	fg_json_end_object(j);
}

static void link_part(const struct fg_core *core, const struct fg_link *link, struct fg_json *j)
{
	unsigned ok = 0, bad = 0, down = 0;
	int64_t dead_us = 0;

	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device_run *dev = &core->devices[link->devices[i]->index];

		ok += dev->state == FG_DEVICE_OK;
		bad += dev->state >= FG_DEVICE_FAILING;
		down += dev->reason == FG_REASON_LINK_DOWN;
		dead_us += (int64_t)dev->dead_us;
	}
	fg_json_object(j, NULL);
	fg_json_text(j, "name", link->name);
	fg_json_text(j, "driver", link->driver_name);
	fg_json_text(j, "state", down && !ok ? "down" : ok || bad ? "up" : "unknown");
	fg_json_uint(j, "devices", link->device_count);
	fg_json_uint(j, "devices_ok", ok);
	fg_json_seconds(j, "probes_in_vain_s", dead_us); /* bus time */
	counts_part(core, link, j);
	fg_json_end_object(j);
}

static void device_part(
	const struct fg_core *core, const struct fg_device_run *dev, struct fg_now now,
	struct fg_json *j)
{
	const struct fg_device *d = dev->device;
	uint64_t missing, today;
	char why[FG_REASON_SIZE];
	unsigned bad = 0;

	for (size_t i = 0; i < d->point_count; i++) {
		const struct fg_point_run *run = &core->points[d->points[i].index];

		bad += run->has_last && run->last_qc >= FG_QC_FAIL;
	}
	fg_json_object(j, NULL);
	fg_json_text(j, "name", d->name);
	fg_json_text(j, "station", d->station->name);
	fg_json_text(j, "link", d->link->name);
	fg_json_text(j, "state",
		dev->maintenance ? "maintenance" : fg_device_state_name(dev->state));
	fg_json_time(j, "since",
		dev->maintenance ? dev->maintenance_since_ms : dev->since_wall_ms);
	if (dev->maintenance)
		fg_json_text(j, "beneath", fg_device_state_name(dev->state));
	fg_maintenance_status(core, dev, j);
	if (dev->reason != FG_REASON_NONE)
		fg_json_text(j, "reason", fg_reason_text(dev->reason, dev->detail, why));
	fg_json_seconds(j, "interval_s", d->interval_us);
	fg_json_uint(j, "points", d->point_count);
	if (d->derived_count)
		fg_json_uint(j, "points_derived", d->derived_count);
	fg_json_uint(j, "points_bad", bad);
	fg_json_uint(j, "polls", dev->polls);
	fg_json_uint(j, "failures", dev->failures);
	fg_json_uint(j, "failed_in_a_row", dev->failed);
	fg_json_uint(j, "overruns", dev->overruns);
	fg_ledger_totals(dev->ledger, fg_core_wall_us(core, now.mono_us), &missing, &today);
	fg_json_uint(j, "missing", missing);
	fg_json_uint(j, "missing_today", today);
	fg_json_uint(j, "requests", dev->requests);
	fg_json_uint(j, "answers", dev->answers);
	fg_json_uint(j, "probes", dev->probes);
	fg_json_uint(j, "reads_split", dev->splits);
	if (dev->last_error_wall_ms) {
		fg_json_text(j, "last_error",
			fg_reason_text(dev->last_error, dev->last_error_detail, why));
		fg_json_time(j, "last_error_at", dev->last_error_wall_ms);
	}
	if (dev->last_ok_wall_ms)
		fg_json_time(j, "last_answer", dev->last_ok_wall_ms);
	if (dev->reports) {
		fg_json_time(j, "last_report", dev->reported_wall_ms);
		fg_json_uint(j, "reports", dev->reports);
		fg_json_uint(j, "reports_known", dev->reports_known);
	}
	fg_heard_status(core, d, j);
	if (dev->reports_late)
		fg_json_uint(j, "reports_late", dev->reports_late);
	if (dev->reports_refused) {
		fg_json_uint(j, "reports_refused", dev->reports_refused);
		fg_json_uint(j, "reports_untimely", dev->reports_untimely);
	}
	fg_json_seconds(j, "answer_s", dev->answer_us);
	fg_json_seconds(j, "longest_answer_s", dev->longest_us);
	fg_json_end_object(j);
}

static void store_part(const struct fg_core *core, struct fg_json *j)
{
	fg_json_object(j, "store");
	fg_json_text(j, "file", core->config->storage.file);
	fg_json_bool(j, "writable", core->store_writable);
	if (!core->store_writable)
		fg_json_text(j, "error", core->store_error);
	if (core->new_store)
		fg_json_bool(j, "new_store", true);
	if (core->store_salvaged[0])
		fg_json_text(j, "salvaged", core->store_salvaged);
	fg_json_int(j, "bytes", core->store_bytes);
	fg_json_int(j, "max_bytes", core->config->storage.max_size);
	fg_json_uint(j, "rows", core->store_rows);
	fg_json_uint(j, "next_seq", core->next_seq);
	fg_json_uint(j, "waiting_for_commit", core->next_seq - core->committed_next);
	fg_json_uint(j, "dropped_max_size", core->dropped_size);
	fg_json_uint(j, "dropped_queue_full", core->dropped_full);
	fg_json_end_object(j);
}

/* Verdicts that came after their readings, since the start. */
static void quality_part(const struct fg_core *core, struct fg_json *j)
{
	fg_json_object(j, "quality");
	fg_json_uint(j, "corrected", core->qc_corrected);
	fg_json_uint(j, "not_told", core->qc_not_told);
	fg_json_end_object(j);
}

/* Readings alone: numbers are also given to gaps, accounts and corrections, and for nothing. */
static uint64_t stored(const struct fg_core *core)
{
	const struct fg_recent *recent = &core->recent;
	uint64_t waiting = 0, seq = core->committed_next;

	if (seq < recent->first) { /* the ring is too small for what waits; it is mostly readings */
		waiting = recent->first - seq;
		seq = recent->first;
	}
	for (; seq < recent->next; seq++) {
		const struct fg_recent_entry *e = fg_recent_get(recent, seq);

		waiting += e && e->item.kind == FG_ITEM_READING && !e->item.not_stored &&
			   !e->item.replaces;
	}
	waiting += core->refused;
	return core->readings - FG_MIN(waiting, core->readings);
}

static void totals_part(const struct fg_core *core, struct fg_json *j)
{
	uint64_t published = 0, acknowledged = 0, late = 0;

	for (size_t i = 0; i < core->publisher_count; i++) {
		published += core->publishers[i]->published;
		acknowledged += core->publishers[i]->acknowledged;
		late += core->publishers[i]->not_stored;
	}
	fg_json_object(j, "totals");
	fg_json_uint(j, "polled", core->polled);
	fg_json_uint(j, "derived", core->derived);
	fg_json_uint(j, "stored", stored(core));
	fg_json_uint(j, "not_stored_in_time", late);
	fg_json_uint(j, "suppressed", core->suppressed);
	fg_json_uint(j, "published", published);
	fg_json_uint(j, "acknowledged", acknowledged);
	fg_json_uint(j, "overruns", core->overruns);
	fg_json_end_object(j);
}

void fg_core_http(struct fg_core *core, const char *listen, const char *error)
{
	snprintf(core->http_listen, sizeof(core->http_listen), "%s", listen ? listen : "");
	snprintf(core->http_error, sizeof(core->http_error), "%s", error ? error : "");
}

void fg_core_debug(struct fg_core *core, const char *topics, int64_t until_mono_us)
{
	snprintf(core->debug_topics, sizeof(core->debug_topics), "%s", topics);
	core->debug_until_mono_us = until_mono_us;
}

void fg_core_debug_status(const struct fg_core *core, struct fg_now now, struct fg_json *j)
{
	int64_t left_us = core->debug_until_mono_us - now.mono_us;

	if (!core->debug_topics[0])
		return;
	fg_json_object(j, "debug");
	fg_json_text(j, "topics", core->debug_topics);
	if (core->debug_until_mono_us)
		fg_json_seconds(j, "left_s", FG_MAX(left_us, INT64_C(0)));
	fg_json_end_object(j);
}

static void http_part(const struct fg_core *core, struct fg_json *j)
{
	if (!core->http_listen[0])
		return;
	fg_json_object(j, "http");
	fg_json_text(j, "listen", core->http_listen);
	if (core->http_error[0])
		fg_json_text(j, "error", core->http_error);
	fg_json_end_object(j);
}

void fg_core_status(const struct fg_core *core, struct fg_now now, struct fg_buf *out)
{
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	gateway_part(core, now, &j);
	config_part(core, &j);
	fg_json_array(&j, "links");
	for (size_t i = 0; i < core->config->link_count; i++)
		link_part(core, &core->config->links[i], &j);
	fg_json_end_array(&j);
	fg_json_array(&j, "devices");
	for (size_t i = 0; i < core->config->device_count; i++)
		device_part(core, &core->devices[i], now, &j);
	fg_json_end_array(&j);
	fg_alarm_status(core, &j);
	fg_calibration_status(core, now, &j);
	fg_notices_status(core, &j);
	fg_json_array(&j, "destinations");
	for (size_t i = 0; i < core->publisher_count; i++)
		fg_publisher_status(core->publishers[i], &j, now);
	fg_json_end_array(&j);
	fg_conflicts_put(core, NULL, &j);
	store_part(core, &j);
	http_part(core, &j);
	fg_core_debug_status(core, now, &j);
	quality_part(core, &j);
	fg_hours_status(core, &j);
	totals_part(core, &j);
	fg_json_end_object(&j);
}
