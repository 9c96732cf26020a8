/* SPDX-License-Identifier: EUPL-1.2 */
/* From a configuration and a store to a core. */
#include "gateway/hours.h"
#include "gateway/startup.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/ledger_start.h"
#include "gateway/quality_start.h"

/* How far back the newest reading of each point is looked for. */
#define LATEST_ROWS 20000

/* ---- the store ---- */

struct fg_spool_conf fg_startup_spool_conf(const struct fg_storage_conf *c)
{
	return (struct fg_spool_conf){.file = c->file,
		.keep_ms = c->keep_us / 1000,
		.max_bytes = c->max_size,
		.when_full = (enum fg_when_full)c->when_full};
}

int fg_startup_open(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why,
	struct fg_buf *salvaged, struct fg_spool **ret)
{
	int r = fg_spool_open(conf, why, ret);

	if (r != FG_ECORRUPT)
		return r;
	r = fg_spool_salvage(conf, now_wall_ms, salvaged);
	if (r < 0) {
		fg_buf_printf(why, "; it cannot be salvaged: %s",
			salvaged->len ? salvaged->data : fg_strerror(r));
		return r;
	}
	fg_buf_clear(why);
	return fg_spool_open(conf, why, ret);
}

/* ---- points and destinations ---- */

int fg_intern_init(struct fg_intern *in, const struct fg_config *config)
{
	*in = (struct fg_intern){.config = config};
	in->ids = calloc(fg_series_count(config) + 1, sizeof(*in->ids));
	in->unacked = calloc(config->destination_count + 1, sizeof(*in->unacked));
	return in->ids && in->unacked ? FG_OK : FG_ENOMEM;
}

void fg_intern_fini(struct fg_intern *in)
{
	for (size_t i = 0; in->unacked && i < in->config->destination_count; i++)
		fg_ranges_fini(&in->unacked[i]);
	free(in->unacked);
	free(in->ids);
	*in = (struct fg_intern){0};
}

/* A destination that a sound store does not know gets what is measured from now on; one whose
 * stored state is damaged gets everything again, which repeats readings and loses none. */
static int look_up_delivery(struct fg_spool *spool, struct fg_intern *in, size_t i)
{
	const char *name = in->config->destinations[i].name;
	struct fg_spool_info info;
	uint64_t from;
	int r = fg_spool_delivery(spool, name, &in->unacked[i]);

	if (r != FG_ENOENT && r != FG_ECORRUPT)
		return r;
	fg_spool_info(spool, &info);
	from = FG_MAX(info.next_seq, info.last_seq + 1);
	if (r == FG_ECORRUPT || info.salvaged) { /* salvage may not have found its state */
		fg_error("store: what destination '%s' has acknowledged cannot be read; it gets "
			 "everything again",
			name);
		from = FG_MAX(FG_MIN(info.first_seq, from), 1);
	}
	fg_ranges_init(&in->unacked[i]);
	r = fg_ranges_add(&in->unacked[i], from, FG_SEQ_END);
	return r < 0 ? r : fg_spool_set_delivery(spool, name, &in->unacked[i]);
}

int fg_intern_run(struct fg_spool *spool, void *arg)
{
	struct fg_intern *in = arg;
	int r = fg_spool_begin(spool);

	for (size_t i = 0; i < fg_series_count(in->config) && r >= 0; i++) {
		struct fg_point_desc desc = fg_series_desc_at(in->config, i);

		r = fg_spool_intern(spool, &desc, &in->ids[i]);
	}
	for (size_t i = 0; i < in->config->destination_count && r >= 0; i++)
		r = look_up_delivery(spool, in, i);
	if (r >= 0)
		r = fg_spool_commit(spool);
	if (r < 0)
		fg_spool_rollback(spool);
	return r;
}

/* The store's number of a series. Where damage took numbers, one that is not configured may have
 * what another one has by now, or has got another one itself. */
static bool set_number(struct fg_series_set *set, const struct fg_point_desc *desc, uint32_t id)
{
	struct fg_series *s = fg_series_find(set, desc), *other = fg_series_by_id(set, id);

	if (other && other != s && !other->current)
		other->id = other->newest.point = 0;
	if (!s)
		return fg_series_add(set, id, desc);
	if (!s->current)
		s->id = s->newest.point = id;
	return true;
}

int fg_intern_apply(struct fg_intern *in, struct fg_series_set *set)
{
	for (size_t i = 0; i < fg_series_count(in->config); i++) {
		struct fg_point_desc desc = fg_series_desc_at(in->config, i);

		if (!set_number(set, &desc, in->ids[i]))
			return FG_ENOMEM;
	}
	return FG_OK;
}

bool fg_intern_same(const struct fg_intern *in, const struct fg_series_set *set)
{
	for (size_t i = 0; i < fg_series_count(in->config); i++) {
		struct fg_point_desc desc = fg_series_desc_at(in->config, i);
		const struct fg_series *s = fg_series_find(set, &desc);

		if (s && s->id != in->ids[i])
			return false;
	}
	return true;
}

int fg_startup_destinations(
	const struct fg_config *config, struct fg_store_sink *to, int64_t now_wall_ms)
{
	const char **names = calloc(config->destination_count + 1, sizeof(*names));
	int r;

	if (!names)
		return FG_ENOMEM;
	for (size_t i = 0; i < config->destination_count; i++)
		names[i] = config->destinations[i].name;
	r = fg_store_set_destinations(to, names, config->destination_count, now_wall_ms);
	free(names);
	return r;
}

/* ---- the core ---- */

struct latest {
	struct fg_series_set *series;
	int64_t newest_ms;
};

static int on_latest(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct latest *l = arg;
	struct fg_series *s = fg_series_find(l->series, desc);

	/* also of a point that has left: it may come back, and what is corrected of it until then
	 * is not the newest that there is */
	if (!s)
		s = fg_series_add(l->series, item->point, desc);
	if (s)
		fg_series_update(s, item, 0, !uncertain);
	if (!uncertain && !item->own_time)
		l->newest_ms = FG_MAX(l->newest_ms, item->wall_ms);
	return 0;
}

/* Numbers that were reserved and not used before a kill, and those of expired readings, would count
 * as backlog until they are looked for. */
static void forget_unused(struct fg_ranges *unacked, const struct fg_spool_info *info)
{
	uint64_t used = info->last_seq ? info->last_seq + 1 : info->next_seq;

	if (used < info->next_seq)
		fg_ranges_remove(unacked, used, info->next_seq);
	/* a damaged file can give its first row any number */
	if (info->first_seq > 0 && info->first_seq <= used)
		fg_ranges_remove(unacked, 0, info->first_seq);
}

struct open_eras {
	struct fg_open_era *items;
	size_t count, cap;
	bool failed;
};

static void on_era(void *arg, const struct fg_era *era, bool same_boot, bool has_rows,
	int64_t from_mono_us, int64_t to_mono_us, int64_t before_ms)
{
	struct open_eras *eras = arg;

	if (eras->count == eras->cap) {
		size_t cap = eras->cap ? eras->cap * 2 : 16;
		void *items = realloc(eras->items, cap * sizeof(*eras->items));

		if (!items) {
			eras->failed = true;
			return;
		}
		eras->items = items;
		eras->cap = cap;
	}
	eras->items[eras->count++] = (struct fg_open_era){.era = *era,
		.same_boot = same_boot,
		.has_rows = has_rows,
		.from_mono_us = from_mono_us,
		.to_mono_us = to_mono_us,
		.before_ms = before_ms};
}

/* The core begins where the store stands. */
static int new_core(const struct fg_startup *s, const struct fg_spool_info *info,
	int64_t newest_ms, struct fg_core **ret_core)
{
	struct open_eras eras = {0};
	int r = fg_spool_open_eras(s->spool, on_era, &eras);
	bool restamping, known = fg_spool_restamping(s->spool, &restamping) == FG_OK;
	const struct fg_core_start start = {.next_seq = info->next_seq,
		.seq_limit = info->next_seq + FG_SEQ_BLOCK,
		.era = info->era,
		.next_era = info->next_era,
		.new_store = info->new_store,
		/* at an orderly end the numbers that were not used are given back */
		.unclean = info->last_seq && info->next_seq > info->last_seq + 1,
		.restamping = !known || restamping,
		.newest_ms = newest_ms,
		.eras = eras.items,
		.era_count = eras.count,
		.session = s->session};

	if (r >= 0 && eras.failed)
		r = FG_ENOMEM;
	if (r >= 0)
		r = fg_core_new(
			s->config, s->ports, &start, s->series, s->seed, s->now, ret_core);
	free(eras.items);
	return r;
}

struct notes {
	struct fg_core *core;
	bool ledger; /* those of the ledger, or all others */
	int status;
};

static void on_note(void *arg, const char *kind, const char *key, const void *bytes, size_t len)
{
	struct notes *n = arg;

	if (n->status == FG_OK && (strcmp(kind, FG_STATE_LEDGER) == 0) == n->ledger)
		n->status = fg_core_known_state(n->core, kind, key, bytes, len);
}

static int give_notes(struct fg_spool *spool, struct fg_core *core, bool ledger)
{
	struct notes n = {.core = core, .ledger = ledger};
	int r = fg_spool_each_state(spool, on_note, &n);

	return r < 0 ? r : n.status;
}

/* ---- what was reported before ---- */

/* So far back what a sensor reports twice is known after a restart. */
#define REPORTS_BACK 8192

static int on_report(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	(void)desc;
	(void)uncertain;
	fg_core_known_report(arg, item);
	return 0;
}

static bool any_reports(const struct fg_config *config)
{
	for (size_t i = 0; i < config->group_count; i++)
		if (config->groups[i]->pushed || config->groups[i]->observed)
			return true;
	return false;
}

static void read_reports(const struct fg_startup *s, struct fg_core *core)
{
	struct fg_spool_info info;

	fg_spool_info(s->spool, &info);
	if (any_reports(s->config) && info.last_seq)
		fg_reader_range(s->reader,
			info.last_seq > REPORTS_BACK ? info.last_seq - REPORTS_BACK : 0,
			info.last_seq + 1, on_report, core);
}

static int make_core(const struct fg_startup *s, struct fg_intern *in, int64_t newest_ms,
	struct fg_core **ret_core)
{
	struct fg_spool_info info;
	int r;

	fg_spool_info(s->spool, &info);
	r = fg_spool_reserve(s->spool, info.next_seq + FG_SEQ_BLOCK);
	if (r == FG_OK)
		r = new_core(s, &info, newest_ms, ret_core);
	if (r == FG_OK)
		r = give_notes(s->spool, *ret_core, true);
	if (r == FG_OK)
		r = fg_ledger_start(*ret_core, s->spool, s->reader);
	if (r == FG_OK)
		r = fg_quality_start(*ret_core, s->reader, newest_ms, info.next_seq);
	if (r == FG_OK)
		read_reports(s, *ret_core);
	for (size_t i = 0; i < s->config->destination_count && r == FG_OK; i++) {
		forget_unused(&in->unacked[i], &info);
		r = fg_core_add_destination(
			*ret_core, &s->config->destinations[i], &in->unacked[i]);
	}
	if (r == FG_OK)
		r = give_notes(s->spool, *ret_core, false);
	if (r == FG_OK && info.new_store)
		fg_notice("store: new, numbers begin at %llu", (unsigned long long)info.next_seq);
	return r;
}

int fg_startup_core(
	const struct fg_startup *s, int64_t *ret_newest_ms, struct fg_core **ret_core)
{
	struct latest latest = {.series = s->series};
	struct fg_core *core = NULL;
	struct fg_intern in;
	int64_t newest_ms;
	int r = fg_intern_init(&in, s->config);

	if (r == FG_OK)
		r = fg_intern_run(s->spool, &in);
	if (r >= 0)
		r = fg_intern_apply(&in, s->series);
	if (r == FG_OK) {
		fg_reader_latest(s->reader, LATEST_ROWS, on_latest, &latest);
		/* behind the newest of each point may lie newer ones, where those are estimates */
		r = fg_spool_newest_ms(s->spool, &newest_ms);
		latest.newest_ms = FG_MAX(latest.newest_ms, newest_ms);
	}
	if (r == FG_OK)
		r = make_core(s, &in, latest.newest_ms, &core);
	fg_intern_fini(&in);
	if (r < 0) {
		fg_core_free(core);
		return r;
	}
	*ret_newest_ms = latest.newest_ms;
	*ret_core = core;
	return FG_OK;
}
