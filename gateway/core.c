/* SPDX-License-Identifier: EUPL-1.2 */
/* The core: from a finished poll to a numbered, recorded reading, and on to the publishers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/plant.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "gateway/core_state.h"
#include "storage/record.h"

#define STATUS_EVERY_US 300000000
#define TIDY_EVERY_US	 60000000
#define TIDY_SOON_US	 100000
#define TIDY_DRAINING_US 5000000
/* How long the last commit is awaited at the end. */
#define LAST_COMMIT_US 1500000
#define RECENT_MIN	512
#define RECENT_MAX	65536
#define RECORD_LIMIT	(1u << 16)

/* ---- ports between a publisher and the daemon ---- */

static void publisher_disconnect(void *arg, struct fg_publisher *p)
{
	struct fg_core *core = arg;

	core->ports.disconnect(core->ports.arg, p->conf);
}

static void publisher_look(void *arg, struct fg_publisher *p, size_t server, uint32_t epoch)
{
	struct fg_core *core = arg;

	if (core->ports.look)
		core->ports.look(core->ports.arg, p->conf, server, epoch);
}

static int publisher_publish(
	void *arg, struct fg_publisher *p, const struct fg_message *m, size_t n)
{
	struct fg_core *core = arg;

	return core->ports.publish(core->ports.arg, p->conf, m, n);
}

static bool publisher_device_up(void *arg, const struct fg_device *device)
{
	const struct fg_core *core = arg;

	return device->index < core->config->device_count &&
	       core->devices[device->index].state == FG_DEVICE_OK;
}

static void publisher_read_page(void *arg, struct fg_publisher *p, struct fg_page *page)
{
	struct fg_core *core = arg;

	core->ports.read_page(core->ports.arg, p->conf, page);
}

static int publisher_save(void *arg, struct fg_publisher *p, const struct fg_ranges *unacked)
{
	struct fg_core *core = arg;

	return core->ports.save_delivery(core->ports.arg, p->conf, unacked);
}

/* ---- construction ---- */

int fg_core_init_items(struct fg_core *core, const struct fg_config *config)
{
	size_t cap = 1;

	/* what is derived is a point of the device too */
	for (size_t i = 0; i < config->device_count; i++)
		cap = FG_MAX(cap, config->devices[i]->point_count);
	free(core->frame);
	free(core->items);
	free(core->item_mono_us);
	free(core->item_point);
	core->item_cap = core->frame_cap = cap;
	core->items = calloc(cap, sizeof(*core->items));
	core->item_mono_us = calloc(cap, sizeof(*core->item_mono_us));
	core->item_point = calloc(cap, sizeof(*core->item_point));
	core->frame = calloc(cap, sizeof(*core->frame));
	if (!core->items || !core->item_mono_us || !core->item_point || !core->frame)
		return FG_ENOMEM;
	return fg_quality_init_items(core, config);
}

int fg_core_want_items(struct fg_core *core, size_t n)
{
	struct fg_item *items;
	int64_t *mono_us;
	uint32_t *point;

	if (n <= core->item_cap)
		return FG_OK;
	items = realloc(core->items, n * sizeof(*items));
	if (items)
		core->items = items;
	mono_us = realloc(core->item_mono_us, n * sizeof(*mono_us));
	if (mono_us)
		core->item_mono_us = mono_us;
	point = realloc(core->item_point, n * sizeof(*point));
	if (point)
		core->item_point = point;
	if (!items || !mono_us || !point)
		return FG_ENOMEM;
	core->item_cap = n;
	return FG_OK;
}

/* Run-time objects for a configuration, fresh. */
int fg_core_init_runs(struct fg_core *core, const struct fg_config *config, struct fg_now now)
{
	core->groups = calloc(config->group_count + 1, sizeof(*core->groups));
	core->devices = calloc(config->device_count + 1, sizeof(*core->devices));
	core->points = calloc(config->point_count + 1, sizeof(*core->points));
	if (fg_rules_init(core, config) < 0 || !core->groups || !core->devices || !core->points)
		return FG_ENOMEM;
	for (size_t i = 0; i < config->device_count; i++) {
		core->devices[i].device = config->devices[i];
		core->devices[i].since_wall_ms = now.wall_us / 1000;
	}
	for (size_t i = 0; i < config->group_count; i++) {
		core->groups[i].group = config->groups[i];
		fg_schedule_init(core, now, &core->groups[i]);
	}
	for (size_t i = 0; i < config->point_count; i++) {
		struct fg_point_desc desc = fg_series_desc(config->points[i]);

		core->points[i].series = fg_series_find(core->series, &desc);
		if (!core->points[i].series)
			return FG_EINVAL; /* the caller forgot to intern it */
	}
	return fg_quality_init_runs(core->points, config);
}

/* What is taken between two commits, and two polls more, so that the live lane has everything at
 * hand; and numbers that are given away meanwhile, for corrections and for what is lost. */
size_t fg_core_recent_cap(const struct fg_config *config)
{
	double readings = FG_CORE_RESTAMP_LOT +
			  FG_CORE_LOSSES_LOT * (double)config->destination_count;
	double commits_us = (double)config->storage.commit_interval_us, waiting = 0;

	for (size_t i = 0; i < config->destination_count; i++)
		if (config->destinations[i].batch_us)
			waiting = FG_BATCH_MAX;
	readings += waiting;
	for (size_t i = 0; i < config->group_count; i++) {
		const struct fg_group *g = config->groups[i];

		readings += (double)(g->count + g->derived_count) *
			    (commits_us / (double)fg_alarm_shortest_us(g) + 2);
	}
	return (size_t)FG_MIN(RECENT_MIN + readings, RECENT_MAX);
}

int fg_core_new(struct fg_config *config, const struct fg_core_ports *ports,
	const struct fg_core_start *start, struct fg_series_set *series, uint64_t seed,
	struct fg_now now, struct fg_core **ret)
{
	struct fg_core *core = calloc(1, sizeof(*core));
	int r;

	if (!core)
		return FG_ENOMEM;
	core->config = fg_config_ref(config);
	core->ports = *ports;
	core->publisher_ports = (struct fg_publisher_ports){
		.connect = fg_core_publisher_connects,
		.disconnect = publisher_disconnect,
		.look = publisher_look,
		.publish = publisher_publish,
		.read_page = publisher_read_page,
		.save = publisher_save,
		.document = fg_document,
		.device_up = publisher_device_up,
		.gaps = fg_core_append_gaps,
		.arg = core,
	};
	core->series = series;
	core->rng.state = seed;
	core->now = now;
	core->next_seq = core->committed_next = start->next_seq;
	core->seq_limit = start->seq_limit;
	core->new_store = start->new_store;
	core->unclean = start->unclean;
	snprintf(core->session, sizeof(core->session), "%s", start->session);
	core->started_mono_us = now.mono_us;
	core->started_wall_ms = now.wall_us / 1000;
	core->aligned_offset_us = now.wall_us - now.mono_us;
	core->wanted_mono_us = now.mono_us;
	core->store_writable = true;
	core->hurry_mono_us = INT64_MAX;
	core->hurried_mono_us = INT64_MIN / 2;
	core->status_due_mono_us = now.mono_us + STATUS_EVERY_US;
	core->tidy_due_mono_us = now.mono_us + TIDY_EVERY_US / 6;
	fg_buf_init(&core->record, RECORD_LIMIT);
	r = fg_core_clock_init(core, start, now);
	if (r == FG_OK)
		r = fg_recent_init(&core->recent, fg_core_recent_cap(config), core->next_seq);
	if (r == FG_OK)
		r = fg_core_init_items(core, config);
	if (r == FG_OK)
		r = fg_core_init_runs(core, config, now);
	if (r == FG_OK)
		r = fg_ledgers_begin(core, now);
	if (r == FG_OK)
		r = fg_hours_begin(core, config);
	if (r < 0) {
		fg_core_free(core);
		return r;
	}
	*ret = core;
	return FG_OK;
}

void fg_core_free_runs(struct fg_core *core)
{
	fg_quality_free_runs(core->points, core->config);
	free(core->groups);
	free(core->devices);
	free(core->points);
	free(core->windows);
}

void fg_core_free(struct fg_core *core)
{
	if (!core)
		return;
	for (size_t i = 0; i < core->publisher_count; i++) {
		fg_publisher_fini(core->publishers[i]);
		free(core->publishers[i]);
	}
	free(core->publishers);
	fg_ledgers_free(core);
	fg_reports_free(core, NULL);
	fg_ledger_notes_free(core);
	fg_events_free(core);
	fg_hours_free(core);
	fg_retained_free(core);
	fg_core_free_runs(core);
	free(core->items);
	free(core->item_mono_us);
	free(core->item_point);
	free(core->frame);
	free(core->corrections);
	fg_buf_fini(&core->record);
	fg_recent_fini(&core->recent);
	fg_core_clock_fini(core);
	fg_config_unref(core->config);
	free(core);
}

int fg_core_add_destination(
	struct fg_core *core, const struct fg_destination *dest, struct fg_ranges *unacked)
{
	struct fg_publisher *p = calloc(1, sizeof(*p));
	struct fg_publisher **list =
		realloc(core->publishers, (core->publisher_count + 1) * sizeof(*list));
	int r = FG_ENOMEM;

	if (list)
		core->publishers = list;
	if (p && list)
		r = fg_publisher_init(p, core->config, dest, &core->publisher_ports, &core->rng,
			&core->recent, core->series, unacked, fg_documents_count(core->config),
			core->committed_next);
	if (r < 0) {
		if (p && list)
			fg_publisher_fini(p);
		free(p);
		return r;
	}
	core->publishers[core->publisher_count++] = p;
	fg_retained_plan(core);
	fg_publisher_freeze(p, core->room_below);
	p->commit_first = core->commit_first;
	if (core->unclean)
		fg_core_doubt_start(core, p);
	return FG_OK;
}

/* ---- from a poll to the store ---- */

/* Numbers are used only below the durable limit (spool I2). */
static int append_numbered(struct fg_core *core, unsigned n, bool own)
{
	/* times of the sensors' own are of no era: nobody corrects them */
	const struct fg_record_head head = {
		.era = own ? 0 : core->era - fg_planted(FG_PLANT_WRONG_ERA),
		.mono_us = core->item_mono_us[0],
		.wall_ms = core->items[0].wall_ms,
		.has_wall = own || core->trusted,
		.count = n,
	};

	if (n == 0 || core->next_seq + n > core->seq_limit)
		return n ? FG_EFULL : FG_OK; /* corrections alone */
	for (unsigned i = 0; i < n; i++)
		core->items[i].seq = core->next_seq + i;
	fg_buf_clear(&core->record);
	fg_record_encode(&core->record, &head, core->items, core->item_mono_us);
	if (core->record.overflow)
		return FG_EFULL;
	return core->ports.append(
		core->ports.arg, core->next_seq, n, core->record.data, core->record.len);
}

/* Readings, and before them what they say of earlier ones: together or not at all. */
static int append_bundle(struct fg_core *core, unsigned n, bool own, bool corrections,
	const struct fg_arrival *noted)
{
	int r = FG_OK, end;

	fg_core_begin(core);
	if (corrections)
		r = fg_quality_append(core);
	if (r >= 0)
		r = append_numbered(core, n, own);
	if (r >= 0 && noted)
		r = fg_reports_note(core, noted);
	end = fg_core_end(core, r >= 0);
	return r < 0 ? r : end;
}

int fg_core_append_noted(
	struct fg_core *core, unsigned n, bool own, const struct fg_arrival *noted)
{
	const uint64_t first = core->next_seq;
	int r;

	if (!core->correction_count && !noted)
		return append_numbered(core, n, own);
	r = append_bundle(core, n, own, core->correction_count > 0, noted);
	if (r >= 0) {
		core->qc_corrected += core->correction_count;
		return r;
	}
	if (!core->correction_count)
		return r;
	fg_core_take_back(core, first);
	core->qc_not_told += core->correction_count;
	core->correction_count = 0;
	/* too much for one message */
	return r == FG_EINVAL ? fg_core_append_noted(core, n, own, noted) : r;
}

int fg_core_append_record(struct fg_core *core, unsigned n, bool own)
{
	return fg_core_append_noted(core, n, own, NULL);
}

void fg_core_keep_recent(struct fg_core *core, unsigned n, bool reported)
{
	/* an estimate is told once the store has it, so that what is replayed says the same */
	bool timed = fg_core_timed(core) || fg_planted(FG_PLANT_UNTIMED_SENT);

	for (unsigned i = 0; i < n; i++) {
		struct fg_point_run *run = &core->points[core->item_point[i]];
		struct fg_recent_entry e = {
			.item = core->items[i],
			.series = run->series,
			.mono_us = core->item_mono_us[i],
			.came_mono_us = reported ? core->now.mono_us : core->item_mono_us[i],
			.timed = timed,
		};

		fg_recent_add(&core->recent, &e);
		fg_judge_told(run, &core->items[i], core->item_mono_us[i]);
		fg_quality_told(core, run, i);
		if (core->ports.watch)
			core->ports.watch(core->ports.arg, &core->items[i], &e.series->desc);
	}
	if (!timed && core->untimed_from == FG_SEQ_END)
		core->untimed_from = core->next_seq;
	core->next_seq += n;
	/* a number that is used twice is no harm before somebody has seen it */
	if (fg_planted(FG_PLANT_COMMIT_EARLY) || fg_planted(FG_PLANT_REUSE_SEQ))
		fg_core_committed(core, core->now, core->next_seq);
}

void fg_core_reserve_ahead(struct fg_core *core)
{
	if (core->reserving || core->seq_limit - core->next_seq > FG_SEQ_BLOCK / 2)
		return;
	core->reserving = true;
	core->ports.reserve(core->ports.arg, core->seq_limit + FG_SEQ_BLOCK);
}

void fg_core_begin(struct fg_core *core)
{
	if (core->ports.begin)
		core->ports.begin(core->ports.arg);
}

int fg_core_end(struct fg_core *core, bool keep)
{
	return core->ports.end ? core->ports.end(core->ports.arg, keep) : FG_OK;
}

void fg_core_take_back(struct fg_core *core, uint64_t next_seq)
{
	fg_recent_take_back(&core->recent, core->next_seq - next_seq);
	core->next_seq = next_seq;
}

int fg_core_append_entries(struct fg_core *core, struct fg_item *items, unsigned count)
{
	int r;

	if (core->next_seq + count > core->seq_limit || core->record.overflow)
		return FG_EFULL;
	r = core->ports.append(
		core->ports.arg, core->next_seq, count, core->record.data, core->record.len);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < count; i++) {
		const struct fg_recent_entry e = {.item = items[i],
			.series = fg_series_by_id(core->series, items[i].point),
			.mono_us = core->now.mono_us,
			.came_mono_us = core->now.mono_us,
			.timed = true};

		fg_recent_add(&core->recent, &e);
	}
	core->next_seq += count;
	fg_core_reserve_ahead(core);
	return FG_OK;
}

bool fg_core_may_give(struct fg_core *core, unsigned n)
{
	fg_core_reserve_ahead(core);
	return core->next_seq + n <= core->seq_limit;
}

void fg_core_give(struct fg_core *core, unsigned n)
{
	fg_recent_skip(&core->recent, n);
	core->next_seq += n;
	fg_core_reserve_ahead(core);
}

static void dropped_full(struct fg_core *core, unsigned n)
{
	if (core->dropped_full == 0)
		fg_error("the store is too far behind: readings are dropped until it has room");
	core->dropped_full += n;
}

/* The n readings that are laid out, into one record; with what they say of earlier ones. */
static void store_batch(struct fg_core *core, const struct fg_poll_result *result, unsigned n)
{
	int r;

	if (n == 0 && (!core->correction_count || fg_planted(FG_PLANT_SPIKE_UNTOLD)))
		return;
	r = fg_ledgers_ready(core, result->group->device);
	if (r >= 0)
		r = fg_core_append_record(core, n, false);
	fg_judge_note(core, n, r >= 0);
	if (r < 0 && n > 0) {
		dropped_full(core, n);
	} else if (n > 0) {
		fg_core_keep_recent(core, n, false);
		core->readings += n;
	}
	fg_core_reserve_ahead(core);
}

void fg_core_polled(struct fg_core *core, struct fg_now now, const struct fg_poll_result *result)
{
	struct fg_group_run *run = &core->groups[result->group->index];
	bool due = run->busy && !run->probe;
	unsigned n;

	core->now = now = fg_core_now(core, now);
	if (core->ledgers_ended)
		return; /* told as missing already */
	fg_ledgers_roll(core, now);
	if (core->stopping && result->answers == 0) {
		/* cut short by the end: says nothing of the device */
		fg_ledgers_cut_short(core, now, run);
		run->busy = false;
		return;
	}
	run->busy = false;
	core->polled += result->batch->count;
	fg_reports_observing(now, run, result->observing);
	fg_health_polled(core, now, result);
	n = fg_judge_batch(core, result->batch, due);
	fg_judge_unseen(core, result, due);
	store_batch(core, result, n);
	fg_alarm_pace(core, now, result->group->device);
	fg_events_save(core, &core->devices[result->group->device->index]);
}

/* ---- what the store tells ---- */

void fg_core_committed(struct fg_core *core, struct fg_now now, uint64_t next_seq)
{
	core->now = now = fg_core_now(core, now);
	for (uint64_t seq = FG_MAX(core->committed_next, core->recent.first); seq < next_seq;
		seq++) {
		const struct fg_recent_entry *e = fg_recent_get(&core->recent, seq);

		if (e && fg_item_is_state(&e->item) && !e->item.not_stored)
			fg_series_update(e->series, &e->item, e->mono_us, e->timed);
	}
	core->committed_next = FG_MAX(core->committed_next, next_seq);
	fg_hours_committed(core, core->committed_next);
	for (size_t i = 0; i < core->publisher_count; i++)
		fg_publisher_committed(core->publishers[i], now, core->committed_next);
	fg_reports_committed(core);
}

void fg_core_reserved(struct fg_core *core, uint64_t limit)
{
	core->reserving = false;
	core->seq_limit = FG_MAX(core->seq_limit, limit);
}

/* Refused by the full store: it is told as lost, so it is not published either. */
static void mark_dropped(struct fg_core *core, uint64_t seq)
{
	struct fg_recent_entry *e = fg_recent_edit(&core->recent, seq);

	if (!e)
		return;
	core->refused += e->item.kind == FG_ITEM_READING && !e->item.not_stored &&
			 !e->item.replaces;
	e->item.not_stored = true;
	fg_hours_refused(core, &e->item);
}

static bool lacked(const struct fg_core *core, uint64_t seq)
{
	for (size_t i = 0; i < core->publisher_count; i++)
		if (fg_ranges_has(&core->publishers[i]->unacked, seq))
			return true;
	return false;
}

/* A new connection begins with the newest reading of each point: not with one that was told as
 * lost. Of thinned readings (from = to) nobody knows which they are; a newest one that is still
 * there comes back with the backlog. */
static void forget_newest(struct fg_core *core, uint64_t from, uint64_t to)
{
	if (from == to)
		to = core->room_below;
	for (size_t i = 0; i < core->series->count; i++) {
		struct fg_series *s = core->series->items[i];

		if (s->has_newest && s->newest.seq >= from && s->newest.seq < to &&
			lacked(core, s->newest.seq))
			fg_series_forget(s);
	}
}

/* Every destination has what is below. */
static uint64_t delivered_below(const struct fg_core *core)
{
	uint64_t delivered = core->committed_next;

	for (size_t i = 0; i < core->publisher_count; i++)
		delivered = FG_MIN(delivered, fg_ranges_first(&core->publishers[i]->unacked));
	return delivered;
}

static void set_commit_first(struct fg_core *core, bool first)
{
	core->commit_first = first;
	for (size_t i = 0; i < core->publisher_count; i++)
		core->publishers[i]->commit_first = first;
}

void fg_core_dropped(struct fg_core *core, uint64_t from, uint64_t to, unsigned count)
{
	static const char *const what[] = {
		[FG_FULL_DROP_OLDEST] = "the oldest readings that no destination has acknowledged "
					"are dropped",
		[FG_FULL_THIN] = "the oldest readings that no destination has acknowledged are "
				 "thinned",
		[FG_FULL_DROP_NEWEST] = "new readings are dropped",
	};
	const int policy = core->config->storage.when_full;

	if (core->dropped_size == 0)
		fg_error("the store has reached storage.max_size: %s", what[policy]);
	core->dropped_size += count;
	if (policy == FG_FULL_DROP_NEWEST) {
		core->store_refuses = true;
		set_commit_first(core, true);
	}
	for (uint64_t seq = FG_MAX(from, FG_MAX(core->committed_next, core->recent.first));
		seq < FG_MIN(to, core->recent.next); seq++)
		mark_dropped(core, seq);
	forget_newest(core, from, to);
	fg_reports_dropped(core, from, to);
	fg_report_forget(core, from, to);
	for (size_t i = 0; i < core->publisher_count; i++)
		fg_publisher_dropped(core->publishers[i], from, to);
}

void fg_core_store_state(struct fg_core *core, struct fg_now now, bool writable, const char *why)
{
	core->now = now = fg_core_now(core, now);
	if (core->store_writable != writable) {
		if (writable)
			fg_notice_of(STORE_OK, "store: writes work again");
		else
			fg_error_of(STORE_FAILING, "store: %s; readings wait in memory", why);
		fg_documents_touch(core, FG_DOC_STATUS, 0);
	}
	core->store_writable = writable;
	snprintf(core->store_error, sizeof(core->store_error), "%s", writable ? "" : why);
}

void fg_core_store_size(struct fg_core *core, int64_t bytes, uint64_t rows)
{
	const struct fg_storage_conf *conf = &core->config->storage;

	core->store_bytes = bytes;
	core->store_rows = rows;
	/* A reading that the full store refuses is told as lost to all: nobody may have it. A small
	 * store is full at 5/8: the rest is for log and ballast. */
	set_commit_first(core,
		conf->when_full == FG_FULL_DROP_NEWEST && bytes > conf->max_size / 2);
}

/* ---- the rest ---- */

struct fg_publisher *fg_core_publisher(struct fg_core *core, const char *name)
{
	for (size_t i = 0; i < core->publisher_count; i++)
		if (strcmp(core->publishers[i]->conf->name, name) == 0)
			return core->publishers[i];
	return NULL;
}

void fg_core_page(struct fg_core *core, struct fg_now now, struct fg_page *page)
{
	core->now = now = fg_core_now(core, now);
	if (page->orphan) {
		free(page);
		return;
	}
	for (size_t i = 0; i < core->publisher_count; i++)
		if (core->publishers[i]->page == page)
			fg_publisher_page(core->publishers[i], now);
}

void fg_core_seen_offline(struct fg_core *core, const char *destination)
{
	struct fg_publisher *p = fg_core_publisher(core, destination);

	if (p && !core->stopping && fg_publisher_may_correct(p, core->now))
		fg_document_touch(core, p, FG_DOC_STATUS, 0);
}

void fg_core_seen_conflict(struct fg_core *core, const char *destination)
{
	struct fg_publisher *p = fg_core_publisher(core, destination);

	if (!p || p->conflict)
		return;
	p->conflict = true;
	fg_error("destination '%s': another gateway with the id '%s' is connected there; each "
		 "needs an id of its own",
		destination, core->config->gateway.id);
}

void fg_core_salvaged(struct fg_core *core, const char *text)
{
	snprintf(core->store_salvaged, sizeof(core->store_salvaged), "%s", text);
}

static void tidy(struct fg_core *core)
{
	core->tidied_below = delivered_below(core);
	if (core->tidied_below >= core->committed_next)
		core->store_refuses = false;
	core->tidied_mono_us = core->now.mono_us;
	/* without the time nobody knows what is old, nor where times are wrong that are being
	 * corrected; but the store is kept to its size */
	core->ports.expire(core->ports.arg,
		core->trusted && !fg_core_correcting(core) ? core->now.wall_us / 1000 : 0,
		core->tidied_below);
}

/* What is measured and accounted for is to be stored, and then to go out, before anybody says
 * goodbye; a store that cannot is not waited for. */
static void stop_publishers(struct fg_core *core, struct fg_now now)
{
	bool stored = fg_ledgers_idle(core) && core->committed_next >= core->next_seq;

	bool wait = core->store_writable && now.mono_us - core->stop_mono_us < LAST_COMMIT_US;

	if (core->publishers_stopped || (!stored && wait))
		return;
	core->publishers_stopped = true;
	fg_documents_touch(core, FG_DOC_STATUS, 0);
	for (size_t i = 0; i < core->publisher_count; i++)
		fg_publisher_stop(core->publishers[i], now);
}

/* Where new readings wait for nothing else, what was delivered gives way soon: now and then while
 * a backlog drains, at once when all of it has. */
static void hurry_tidy(struct fg_core *core)
{
	uint64_t delivered = core->store_refuses ? delivered_below(core) : 0;
	int64_t pause_us = delivered >= core->committed_next ? TIDY_SOON_US : TIDY_DRAINING_US;

	if (delivered > core->tidied_below)
		core->tidy_due_mono_us =
			FG_MIN(core->tidy_due_mono_us, core->tidied_mono_us + pause_us);
}

int64_t fg_core_run(struct fg_core *core, struct fg_now now)
{
	int64_t next = INT64_MAX, again_us;

	core->now = now = fg_core_now(core, now);
	fg_ledgers_roll(core, now);
	if (!core->stopping) {
		next = fg_schedule_run(core, now);
		if (now.mono_us >= core->status_due_mono_us) {
			core->status_due_mono_us = now.mono_us + STATUS_EVERY_US;
			fg_documents_touch(core, FG_DOC_STATUS, 0);
		}
		hurry_tidy(core);
		if (now.mono_us >= core->tidy_due_mono_us) {
			core->tidy_due_mono_us = now.mono_us + TIDY_EVERY_US;
			tidy(core);
		}
		next = FG_MIN(next, FG_MIN(core->status_due_mono_us, core->tidy_due_mono_us));
	} else {
		fg_ledgers_stop(core, now);
		stop_publishers(core, now);
	}
	again_us = fg_ledgers_write(core, now);
	next = FG_MIN(next, again_us);
	again_us = fg_reports_hurry(core, now);
	next = FG_MIN(next, again_us);
	again_us = fg_maintenance_run(core, now);
	next = FG_MIN(next, again_us);
	again_us = fg_calibration_run(core, now);
	next = FG_MIN(next, again_us);
	again_us = fg_events_run(core, now);
	next = FG_MIN(next, again_us);
	again_us = fg_core_clock_run(core);
	next = FG_MIN(next, again_us);
	again_us = fg_hours_run(core);
	next = FG_MIN(next, again_us);
	again_us = fg_core_delivery_run(core);
	next = FG_MIN(next, again_us);
	for (size_t i = 0; i < core->publisher_count; i++) {
		if (fg_publisher_correction_due(core->publishers[i], now, &next))
			fg_document_touch(core, core->publishers[i], FG_DOC_STATUS, 0);
		again_us = fg_publisher_run(core->publishers[i], now);
		next = FG_MIN(next, again_us);
	}
	core->wanted_mono_us = FG_MAX(next, now.mono_us);
	return next;
}

void fg_core_stop(struct fg_core *core, struct fg_now now)
{
	core->now = now = fg_core_now(core, now);
	if (core->stopping)
		return;
	core->stop_mono_us = now.mono_us;
	core->stopping = true;
	fg_budget_stop(core);
	fg_ledgers_stop(core, now);
	stop_publishers(core, now);
}

bool fg_core_idle(const struct fg_core *core)
{
	if (core->stopping && !core->publishers_stopped)
		return false;
	for (size_t i = 0; i < core->publisher_count; i++)
		if (!fg_publisher_idle(core->publishers[i]))
			return false;
	return true;
}
