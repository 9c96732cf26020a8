/* SPDX-License-Identifier: EUPL-1.2 */
/* From the core's state to a view: what the web server shows. */
#include "gateway/core_view.h"

#include <math.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/core_state.h"
#include "protocol/encode.h"

#define STATUS_MAX (4u << 20)

struct maker {
	const struct fg_core *core;
	struct fg_view *v;
	int64_t now_ms;
};

static void release_config(void *owner)
{
	fg_config_unref(owner);
}

/* ---- gateway, clock, store ---- */

static void make_gateway(struct maker *m, struct fg_now now)
{
	const struct fg_core *core = m->core;
	const struct fg_gateway_conf *g = &core->config->gateway;
	struct fg_view *v = m->v;

	v->mono_us = now.mono_us;
	v->wall_ms = m->now_ms;
	v->gateway = g->id;
	v->title = g->title ? g->title : g->id;
	v->operator= g->operator;
	v->contact = g->contact;
	v->licence = g->licence;
	v->timezone = g->timezone;
	v->language = g->language;
	v->version = FG_VERSION;
	v->started_ms = core->started_wall_ms;
}

static void make_clock(struct maker *m)
{
	static const char *const levels[] = {"unknown", "hardware_clock", "right"};
	const struct fg_core_time *t = &m->core->time;
	struct fg_view *v = m->v;

	v->clock_trusted = m->core->trusted;
	v->clock_holding = t->clock.holding;
	v->clock_level = t->clock.estimated ? "estimated" : levels[t->clock.level];
	v->clock_since_ms = fg_core_wall_us(m->core, t->since_mono_us) / 1000;
	v->clock_waiting = m->core->untimed_from == FG_SEQ_END
				   ? 0
				   : m->core->next_seq - m->core->untimed_from;
}

static void make_store(struct maker *m)
{
	const struct fg_core *core = m->core;
	struct fg_view *v = m->v;

	v->store_writable = core->store_writable;
	if (!core->store_writable)
		v->store_error = fg_view_text(v, core->store_error);
	v->store_bytes = core->store_bytes;
	v->store_max = core->config->storage.max_size;
	v->store_rows = core->store_rows;
	v->next_seq = core->next_seq;
	v->committed_next = core->committed_next;
	v->dropped_size = core->dropped_size;
	v->dropped_full = core->dropped_full;
	v->polled = core->polled;
	v->derived = core->derived;
	v->suppressed = core->suppressed;
	v->overruns = core->overruns;
	v->corrected = core->qc_corrected;
	v->not_told = core->qc_not_told;
}

/* ---- stations, links, devices ---- */

static void make_stations(struct maker *m)
{
	const struct fg_config *c = m->core->config;

	m->v->stations = fg_view_alloc(m->v, c->station_count, sizeof(*m->v->stations));
	if (!m->v->stations)
		return;
	m->v->station_count = c->station_count;
	for (size_t i = 0; i < c->station_count; i++) {
		const struct fg_station *s = &c->stations[i];

		m->v->stations[i] = (struct fg_view_station){.name = s->name,
			.title = s->title ? s->title : s->name,
			.has_position = s->has_position,
			.latitude = s->latitude,
			.longitude = s->longitude,
			.elevation = s->elevation};
	}
}

static void make_link(struct maker *m, const struct fg_link *link, struct fg_view_link *ret)
{
	const struct fg_core *core = m->core;
	unsigned bad = 0, down = 0;
	uint64_t counts[FG_LINK_COUNTS];

	*ret = (struct fg_view_link){.name = link->name,
		.driver = link->driver_name,
		.devices = (unsigned)link->device_count};
	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device_run *dev = &core->devices[link->devices[i]->index];

		ret->devices_ok += dev->state == FG_DEVICE_OK;
		bad += dev->state >= FG_DEVICE_FAILING;
		down += dev->reason == FG_REASON_LINK_DOWN;
		ret->vain_s += (double)dev->dead_us / 1e6;
	}
	ret->state = down && !ret->devices_ok ? "down" : ret->devices_ok || bad ? "up" : "unknown";
	ret->count_names = link->driver->count_names;
	if (ret->count_names && core->ports.counts &&
		core->ports.counts(core->ports.arg, link, counts))
		ret->counts = (const uint64_t *)(const void *)fg_view_bytes(
			m->v, (const char *)counts, sizeof(counts));
}

static void make_links(struct maker *m)
{
	const struct fg_config *c = m->core->config;

	m->v->links = fg_view_alloc(m->v, c->link_count, sizeof(*m->v->links));
	if (!m->v->links)
		return;
	m->v->link_count = c->link_count;
	for (size_t i = 0; i < c->link_count; i++)
		make_link(m, &c->links[i], &m->v->links[i]);
}

static void make_device(
	struct maker *m, const struct fg_device_run *dev, struct fg_view_device *ret)
{
	const struct fg_device *d = dev->device;
	char why[FG_REASON_SIZE];
	uint64_t today;

	*ret = (struct fg_view_device){.name = d->name,
		.title = d->title ? d->title : d->name,
		.station = (uint32_t)(d->station - m->core->config->stations),
		.link = d->link->index,
		.state = dev->maintenance ? "maintenance" : fg_device_state_name(dev->state),
		.since_ms = dev->maintenance ? dev->maintenance_since_ms : dev->since_wall_ms,
		.last_ok_ms = dev->last_ok_wall_ms,
		.last_error_ms = dev->last_error_wall_ms,
		.polls = dev->polls,
		.failures = dev->failures,
		.overruns = dev->overruns,
		.requests = dev->requests,
		.answers = dev->answers,
		.answer_s = (double)dev->answer_us / 1e6};
	fg_ledger_totals(dev->ledger, m->now_ms * 1000, &ret->missing, &today);
	if (dev->reason != FG_REASON_NONE)
		ret->reason = fg_view_text(
			m->v, fg_reason_text(dev->reason, dev->detail, why));
}

static void note_work(
	void *arg, const struct fg_device *device, const struct fg_maintenance_window *window)
{
	struct maker *m = arg;
	struct fg_view_device *d = &m->v->devices[device->index];

	if (window->since_ms && window->reason[0] && !d->work)
		d->work = fg_view_text(m->v, window->reason);
}

static void make_devices(struct maker *m)
{
	const struct fg_config *c = m->core->config;

	m->v->devices = fg_view_alloc(m->v, c->device_count, sizeof(*m->v->devices));
	if (!m->v->devices)
		return;
	m->v->device_count = c->device_count;
	for (size_t i = 0; i < c->device_count; i++)
		make_device(m, &m->core->devices[i], &m->v->devices[i]);
	fg_maintenance_each(m->core, note_work, m);
}

/* ---- points ---- */

static void make_reading(struct maker *m, const struct fg_point_run *run, struct fg_view_point *ret)
{
	const struct fg_series *s = run->series;
	const struct fg_item *item = &s->newest;
	char mem[FG_READING_JSON_MAX], why[FG_REASON_SIZE];
	struct fg_buf out;

	ret->has_reading = true;
	ret->timed = s->newest_timed;
	ret->time_ms = item->wall_ms;
	ret->maintenance = item->maintenance;
	ret->qc = item->qc;
	ret->number = fg_value_number(&item->value);
	if (item->reason != FG_REASON_NONE)
		ret->reason = fg_view_text(
			m->v, fg_reason_text(item->reason, item->detail, why));
	if (item->value.kind == FG_KIND_TEXT)
		ret->text = fg_view_bytes(m->v, item->value.text, item->value.len);
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_encode_value(&out, &item->value, s->desc.decimals);
	ret->value = fg_view_bytes(m->v, out.data, out.len);
	fg_buf_clear(&out);
	if (s->newest_timed &&
		fg_encode_json(&out, m->core->config->gateway.id, &s->desc, item))
		ret->json = fg_view_bytes(m->v, out.data, out.len);
}

static void make_point(struct maker *m, const struct fg_point *p, struct fg_view_point *ret)
{
	const struct fg_config *config = m->core->config;
	const struct fg_point_run *run = &m->core->points[p->index];
	const struct fg_calibration *k = fg_calibration_of(m->core, p, m->now_ms);

	*ret = (struct fg_view_point){.name = p->name,
		.property = p->property,
		.unit = p->unit,
		.domain = fg_domain_name(p->device->domain),
		.known = p->known,
		.station = (uint32_t)(p->device->station - config->stations),
		.device = p->device->index,
		.interval_s = (double)p->interval_us / 1e6,
		.max_age_ms = fg_catalogue_max_age_s(config, p) * 1000,
		.alarm = run->events.alarm.holds,
		.number = NAN,
		.calibrated_ms = k ? k->at_ms : 0,
		.calibration_due_ms = k ? k->next_ms : 0};
	for (int l = 0; l < FG_VIEW_LANGUAGES; l++)
		ret->title[l] = fg_catalogue_title(p, l);
	if (run->series && run->series->has_newest)
		make_reading(m, run, ret);
}

static void make_points(struct maker *m)
{
	const struct fg_config *c = m->core->config;

	m->v->points = fg_view_alloc(m->v, c->point_count, sizeof(*m->v->points));
	if (!m->v->points)
		return;
	m->v->point_count = c->point_count;
	for (size_t i = 0; i < c->point_count; i++)
		make_point(m, c->points[i], &m->v->points[i]);
}

/* ---- destinations, notices ---- */

static void make_destination(
	struct maker *m, const struct fg_publisher *p, struct fg_view_destination *ret)
{
	static const char *const states[] = {"waiting", "connecting", "connected", "stopped"};

	*ret = (struct fg_view_destination){.name = p->conf->name,
		.state = states[p->state],
		.connected = p->state == FG_PUB_ONLINE,
		.conflict = p->conflict,
		.since_ms = p->state_since_wall_ms,
		.oldest_ms = fg_publisher_oldest_ms(p),
		.backlog = fg_publisher_backlog(p),
		.in_flight = p->in_flight,
		.published = p->published,
		.acknowledged = p->acknowledged,
		.refused = p->refused,
		.connections = p->connections};
	if (p->error[0])
		ret->error = fg_view_text(m->v, p->error);
	for (int c = 0; c < FG_CERTIFICATES && c < FG_VIEW_CERTIFICATES; c++) {
		if (!p->certificates.ends_ms[c])
			continue;
		ret->certificates[c].of = fg_certificate_of((enum fg_certificate)c);
		ret->certificates[c].ends_ms = p->certificates.ends_ms[c];
	}
}

static void make_destinations(struct maker *m)
{
	const struct fg_core *core = m->core;

	m->v->destinations =
		fg_view_alloc(m->v, core->publisher_count, sizeof(*m->v->destinations));
	if (!m->v->destinations)
		return;
	m->v->destination_count = core->publisher_count;
	for (size_t i = 0; i < core->publisher_count; i++)
		make_destination(m, core->publishers[i], &m->v->destinations[i]);
}

static void make_notices(struct maker *m)
{
	static const char *const kinds[] = {"fault", "repair", "planned"};
	struct fg_view *v = m->v;

	v->notices = fg_view_alloc(v, FG_NOTICES_MAX, sizeof(*v->notices));
	for (const struct fg_service_notice *n = m->core->notices.list;
		v->notices && n && v->notice_count < FG_NOTICES_MAX; n = n->next) {
		struct fg_view_notice *to = &v->notices[v->notice_count];

		if (n->ended_ms)
			continue;
		v->notice_count++;
		to->kind = kinds[n->is.kind];
		to->from_ms = n->is.from_ms;
		to->to_ms = n->is.to_ms;
		for (int l = 0; l < FG_VIEW_LANGUAGES; l++)
			to->text[l] = fg_view_text(v, n->is.text[l]);
	}
}

static void make_status(struct maker *m, struct fg_now now)
{
	struct fg_buf out;

	fg_buf_init(&out, STATUS_MAX);
	fg_core_status(m->core, now, &out);
	fg_buf_putc(&out, '\n');
	if (!out.overflow) {
		m->v->status = fg_view_bytes(m->v, out.data, out.len);
		m->v->status_len = out.len;
	}
	fg_buf_fini(&out);
}

int fg_core_view(const struct fg_core *core, struct fg_now now, struct fg_view **ret)
{
	struct maker m = {.core = core, .now_ms = fg_core_wall_us(core, now.mono_us) / 1000};

	m.v = fg_view_new(fg_config_ref(core->config), release_config);
	if (!m.v) {
		fg_config_unref(core->config);
		return FG_ENOMEM;
	}
	make_gateway(&m, now);
	make_clock(&m);
	make_store(&m);
	make_stations(&m);
	make_links(&m);
	make_devices(&m);
	make_points(&m);
	make_destinations(&m);
	make_notices(&m);
	make_status(&m, now);
	if (!fg_view_whole(m.v) || !m.v->status) {
		fg_view_unref(m.v);
		return FG_EFULL;
	}
	*ret = m.v;
	return FG_OK;
}
