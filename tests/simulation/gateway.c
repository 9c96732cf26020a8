/* SPDX-License-Identifier: EUPL-1.2 */
/* One run of the gateway: the real core, publishers and spool, wired as the daemon wires them, with
 * events of the world in the place of threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/startup.h"
#include "gateway_private.h"
#include "gateway/store_engine.h"
#include "seams.h"
#include "sim.h"
#include "storage/reader.h"

#define STOP_US	      (2 * US_PER_S)
#define TICK_US	      (60 * US_PER_S)
#define TICK_SOON_US  US_PER_S
#define CERTAIN_LOOKS 8

static unsigned dest_number(const struct fg_destination *dest)
{
	unsigned i;

	if (sscanf(dest->name, "dest%u", &i) != 1 || i >= PLAN_DESTS)
		abort();
	return i;
}

struct fg_publisher *sim_gateway_publisher(struct sim *s, unsigned dest)
{
	char name[16];

	snprintf(name, sizeof(name), "dest%u", dest);
	return fg_core_publisher(s->gateway->core, name);
}

struct fg_now sim_core_now(const struct sim *s)
{
	return fg_core_now(s->gateway->core, sim_clock(s));
}

static void post(struct sim *s, int64_t at_us, enum sim_event_type type, unsigned who)
{
	sim_at(s, at_us, (struct sim_event){.type = type, .who = who, .run = s->runs});
}

/* ---- the store ---- */

/* Of one commit: as many as it has messages. The daemon hands them on one by one, so they are no
 * memory of the gateway. */
#define EVENTS_MAX 16384
static struct fg_store_event events[EVENTS_MAX];

static void on_event(void *arg, const struct fg_store_event *event)
{
	struct sim_gateway *g = arg;

	if (g->event_count == EVENTS_MAX)
		abort();
	events[g->event_count++] = *event;
}

static void tell_destinations(struct sim_gateway *g)
{
	int64_t mono_us = sim_clock(g->sim).mono_us;
	int64_t now_ms = g->time_known ? fg_core_wall_us(g->core, mono_us) / 1000 : 0;

	fg_startup_destinations(g->config, g->sink, now_ms);
}

/* From now on the grace of removed destinations runs: as in the daemon, not by an estimate. */
static void time_known(struct sim_gateway *g)
{
	if (g->time_known || !g->core->trusted)
		return;
	g->time_known = true;
	tell_destinations(g);
}

static void save_deliveries(struct sim_gateway *g)
{
	for (size_t i = 0; i < g->config->destination_count; i++) {
		const char *name = g->config->destinations[i].name;

		fg_store_save_delivery(g->sink, name, &fg_core_publisher(g->core, name)->unacked);
	}
}

/* Whether the points have their numbers still. */
static void recheck(struct sim_gateway *g)
{
	if (g->rechecking)
		return;
	if (fg_intern_init(&g->recheck, g->config) < 0)
		abort();
	g->recheck_call = (struct fg_store_call){.run = fg_intern_run, .arg = &g->recheck};
	g->rechecking = fg_store_call(g->sink, &g->recheck_call) == FG_OK;
	if (!g->rechecking)
		fg_intern_fini(&g->recheck);
}

static void rechecked(struct sim_gateway *g)
{
	bool same = g->recheck_call.result < 0 || fg_intern_same(&g->recheck, &g->series);

	g->rechecking = false;
	fg_intern_fini(&g->recheck);
	if (same || g->stopping)
		return;
	sim_log(g->sim, "the damage took numbers of points");
	sim_restart(g->sim);
}

static void salvaged(struct sim_gateway *g, const char *text)
{
	struct fg_reader *old = g->reader;
	char mem[256];
	struct fg_buf why;

	fg_buf_wrap(&why, mem, sizeof(mem));
	sim_log(g->sim, "store: %s", text);
	fg_core_salvaged(g->core, text);
	if (g->old_reader_count < READERS_MAX && fg_reader_open(PLAN_DB, &why, &g->reader) == FG_OK)
		g->old_readers[g->old_reader_count++] = old;
	g->damage_told = false;
	save_deliveries(g);
	tell_destinations(g);
	recheck(g);
}

static void called(struct sim_gateway *g, const struct fg_store_call *call);

static void deliver_more(struct sim_gateway *g, const struct fg_store_event *event)
{
	struct fg_now now = sim_clock(g->sim);

	switch (event->type) {
	case FG_STORE_NUMBERS_USED:
		fg_core_numbers_used(g->core, now, event->corrections ? NULL : event->text,
			event->a, (unsigned)event->b, (unsigned)event->c, event->more);
		break;
	case FG_STORE_LOSSES:
		fg_core_losses(g->core, event->text, (unsigned)event->a);
		break;
	case FG_STORE_WANTS_ROOM:
		fg_core_wants_room(g->core, now);
		break;
	case FG_STORE_ROOM_MADE:
		fg_core_room_made(g->core, now);
		break;
	case FG_STORE_CALLED:
		called(g, event->call);
		break;
	case FG_STORE_SIZE:
		fg_core_store_size(g->core, (int64_t)event->a, event->b);
		break;
	case FG_STORE_DAMAGED:
		sim_log(g->sim, "store: damaged: %s", event->text);
		break;
	case FG_STORE_SALVAGED:
		salvaged(g, event->text);
		break;
	default:
		break;
	}
}

static void deliver(struct sim_gateway *g, const struct fg_store_event *event)
{
	struct fg_now now = sim_clock(g->sim);

	switch (event->type) {
	case FG_STORE_COMMITTED:
		fg_core_committed(g->core, now, event->a);
		break;
	case FG_STORE_RESERVED:
		fg_core_reserved(g->core, event->a);
		break;
	case FG_STORE_NOTED:
		fg_core_noted(g->core, event->text);
		break;
	case FG_STORE_ERA:
		fg_core_era_stored(g->core, now, (uint32_t)event->a);
		time_known(g);
		break;
	case FG_STORE_FAILED:
		fg_core_store_state(g->core, now, false, event->text);
		break;
	case FG_STORE_RECOVERED:
		fg_core_store_state(g->core, now, true, "");
		break;
	case FG_STORE_DROPPED:
		fg_core_dropped(g->core, event->a, event->b, (unsigned)event->c);
		break;
	default:
		deliver_more(g, event);
		break;
	}
}

/* Whether anything was told. */
static bool store_through(struct sim_gateway *g)
{
	bool told = g->event_count > 0;

	g->store_busy = false;
	for (size_t i = 0; i < g->event_count; i++)
		deliver(g, &events[i]);
	g->event_count = 0;
	return told;
}

/* What the disk took is the time until anybody hears of it. Whether anything was told already. */
static bool run_store(struct sim_gateway *g)
{
	struct sim *s = g->sim;
	struct fg_now now = sim_clock(s);
	int64_t mono_us = now.mono_us, due_us = INT64_MAX;
	bool told = false;

	while (!g->store_busy) {
		s->disk->spent_us = 0;
		due_us = fg_store_engine_run(g->store, now);
		if (s->disk->spent_us > 0) {
			g->store_busy = true;
			post(s, s->now_us + s->disk->spent_us, SIM_STORED, 0);
			return told;
		}
		told |= store_through(g);
		if (due_us > mono_us)
			break;
	}
	if (g->store_busy || due_us == INT64_MAX)
		return told;
	due_us = s->now_us + due_us - mono_us;
	if (g->store_due_us && g->store_due_us <= due_us)
		return told;
	g->store_due_us = due_us;
	post(s, due_us, SIM_STORE, 0);
	return told;
}

/* ---- ports ---- */

static void port_poll(
	void *arg, const struct fg_group *group, unsigned attempts, int64_t timeout_us)
{
	sim_sensors_poll(((struct sim_gateway *)arg)->sim, group, attempts, timeout_us);
}

static struct fg_store_sink *sink_of(void *arg)
{
	return ((struct sim_gateway *)arg)->sink;
}

static void port_begin(void *arg)
{
	struct sim_gateway *g = arg;

	fg_store_bundle_begin(&g->bundle);
	g->sink = &g->bundle.sink;
}

static int port_end(void *arg, bool keep)
{
	struct sim_gateway *g = arg;

	g->sink = fg_store_engine_sink(g->store);
	return fg_store_bundle_end(&g->bundle, keep, g->sink);
}

static int port_append(
	void *arg, uint64_t first_seq, unsigned count, const void *record, size_t len)
{
	return fg_store_append(sink_of(arg), first_seq, count, record, len);
}

static int port_save(void *arg, const struct fg_destination *dest, const struct fg_ranges *r)
{
	return fg_store_save_delivery(sink_of(arg), dest->name, r);
}

static void port_reserve(void *arg, uint64_t limit)
{
	struct sim_gateway *g = arg;

	if (fg_store_reserve(g->sink, limit) < 0)
		fg_core_reserved(g->core, 0);
}

static int port_era(void *arg, const struct fg_era *era)
{
	return fg_store_set_era(sink_of(arg), era);
}

static int port_restamp_begin(void *arg, uint32_t era, int64_t true_offset_us)
{
	return fg_store_restamp_begin(sink_of(arg), era, true_offset_us);
}

static int port_restamp(void *arg, uint64_t first_seq, unsigned max)
{
	return fg_store_restamp(sink_of(arg), first_seq, max);
}

static int port_issue_losses(void *arg, const char *dest, uint64_t first_seq, unsigned max)
{
	return fg_store_issue_losses(sink_of(arg), dest, first_seq, max);
}

static int port_set_ledger(void *arg, const struct fg_ledger_row *row)
{
	return fg_store_set_ledger(sink_of(arg), row);
}

static int port_set_state(
	void *arg, const char *kind, const char *key, const void *bytes, size_t len)
{
	return fg_store_set_state(sink_of(arg), kind, key, bytes, len);
}

static int port_forget_ledger(void *arg, const char *device)
{
	return fg_store_forget_ledger(sink_of(arg), device);
}

static int port_make_room(void *arg, const struct fg_owed *owed, size_t count, uint64_t drop_below)
{
	return fg_store_make_room(sink_of(arg), owed, count, drop_below);
}

static void port_expire(void *arg, int64_t now_wall_ms, uint64_t delivered_below)
{
	fg_store_expire(sink_of(arg), now_wall_ms, delivered_below);
}

static void port_connect(
	void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch)
{
	(void)server;
	sim_broker_connect(((struct sim_gateway *)arg)->sim, dest_number(dest), epoch);
}

static void port_disconnect(void *arg, const struct fg_destination *dest)
{
	sim_broker_close(((struct sim_gateway *)arg)->sim, dest_number(dest));
}

static int port_publish(
	void *arg, const struct fg_destination *dest, const struct fg_message *m, size_t n)
{
	return sim_broker_publish(((struct sim_gateway *)arg)->sim, dest_number(dest), m, n);
}

static void port_read_page(void *arg, const struct fg_destination *dest, struct fg_page *page)
{
	struct sim_gateway *g = arg;
	unsigned i = dest_number(dest);

	if (g->pages[i]) /* its publisher was replaced by a reload */
		free(g->pages[i]);
	g->pages[i] = page;
	post(g->sim, g->sim->now_us + sim_between(g->sim, 1000, 20000), SIM_PAGE, i);
}

static const struct fg_core_ports ports = {
	.poll = port_poll,
	.begin = port_begin,
	.end = port_end,
	.append = port_append,
	.save_delivery = port_save,
	.reserve = port_reserve,
	.set_era = port_era,
	.restamp_begin = port_restamp_begin,
	.restamp = port_restamp,
	.issue_losses = port_issue_losses,
	.set_ledger = port_set_ledger,
	.forget_ledger = port_forget_ledger,
	.set_state = port_set_state,
	.make_room = port_make_room,
	.expire = port_expire,
	.connect = port_connect,
	.disconnect = port_disconnect,
	.publish = port_publish,
	.read_page = port_read_page,
	.read_hours = sim_read_hours,
};

/* ---- pages ---- */

static int on_page_item(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	return fg_page_add(arg, item, desc, uncertain);
}

static void fill_page(struct sim_gateway *g, unsigned i)
{
	struct fg_page *page = g->pages[i];
	long n;

	if (!page)
		return;
	g->pages[i] = NULL;
	page->count = page->text_len = 0;
	page->scanned_to = page->to;
	n = fg_reader_range(g->reader, page->from, page->to, on_page_item, page);
	page->status = n < 0 ? (int)n : FG_OK;
	if (n == FG_ECORRUPT && !g->damage_told) {
		g->damage_told = true;
		fg_store_found_damage(g->sink);
	}
	fg_core_page(g->core, sim_clock(g->sim), page);
}

/* ---- the clock ---- */

/* The daemon looks each second. Here it is enough to look often, and twice right after the clock
 * has changed. */
static void look_at_clock(struct sim_gateway *g)
{
	HEAP_OF(HEAP_GATEWAY);
	int64_t next_us = g->looks ? TICK_SOON_US : TICK_US;

	if (g->looks)
		g->looks--;
	fg_core_clock(g->core, sim_clock(g->sim), sim_clock_level(g->sim, g->newest_ms));
	g->certain = !g->stopping && !g->sim->disk_faults && g->sim->clock_level == FG_CLOCK_RIGHT
			     ? g->certain + 1
			     : 0;
	if (g->certain >= CERTAIN_LOOKS)
		checker_time_certain(g->sim->checker);
	g->tick_us = g->sim->now_us + next_us;
	post(g->sim, g->tick_us, SIM_TICK, 0);
}

/* ---- start ---- */

static int try_store(struct sim_gateway *g, const struct fg_spool_conf *conf,
	struct fg_spool **ret, bool *damaged)
{
	char text[256], saved[256] = "";
	struct fg_core_ports with = ports;
	struct fg_buf why, salvage;
	struct fg_startup start = {.config = g->config,
		.ports = &with,
		.session = "session",
		.now = sim_clock(g->sim),
		.series = &g->series};
	int r;

	with.arg = g;
	fg_buf_wrap(&why, text, sizeof(text));
	fg_buf_wrap(&salvage, saved, sizeof(saved));
	r = fg_startup_open(conf, start.now.wall_us / 1000, &why, &salvage, &start.spool);
	if (salvage.len)
		sim_log(g->sim, "store: %s", saved);
	if (r < 0) {
		sim_log(g->sim, "store: %s", why.len ? text : fg_strerror(r));
		return r;
	}
	r = fg_reader_open(conf->file, &why, &g->reader);
	start.reader = g->reader;
	start.seed = fg_rng_next(&g->sim->rng);
	if (r >= 0)
		r = fg_startup_core(&start, &g->newest_ms, &g->core);
	*damaged = r == FG_ECORRUPT || (r < 0 && fg_spool_damaged(start.spool));
	if (r < 0) {
		sim_log(g->sim, "store: %s: %s", fg_strerror(r), fg_spool_error(start.spool));
		fg_spool_close(start.spool);
	}
	*ret = start.spool;
	return r;
}

/* As the daemon does: damage that opening did not meet is salvaged once. */
static int open_store(
	struct sim_gateway *g, const struct fg_spool_conf *conf, struct fg_spool **ret)
{
	struct fg_buf salvage;
	bool damaged = false;
	char saved[256] = "";
	int r = try_store(g, conf, ret, &damaged);

	if (r >= 0 || !damaged)
		return r;
	if (g->reader)
		fg_reader_close(g->reader);
	g->reader = NULL;
	fg_series_set_fini(&g->series);
	fg_buf_wrap(&salvage, saved, sizeof(saved));
	r = fg_spool_salvage(conf, sim_clock(g->sim).wall_us / 1000, &salvage);
	sim_log(g->sim, "store: %s", saved);
	return r < 0 ? r : try_store(g, conf, ret, &damaged);
}

static void free_reload(struct sim_gateway *g);

static void free_gateway(struct sim_gateway *g)
{
	for (unsigned i = 0; i < PLAN_DESTS; i++)
		sim_broker_close(g->sim, i);
	fg_core_free(g->core);
	if (g->hours && g->hours->orphan)
		fg_hours_work_free(g->hours);
	for (unsigned i = 0; i < PLAN_DESTS; i++)
		free(g->pages[i]);
	free_reload(g);
	if (g->rechecking)
		fg_intern_fini(&g->recheck);
	fg_series_set_fini(&g->series);
	if (g->reader)
		fg_reader_close(g->reader);
	while (g->old_reader_count)
		fg_reader_close(g->old_readers[--g->old_reader_count]);
	fg_config_unref(g->config);
	if (g->sim->gateway == g)
		g->sim->gateway = NULL;
	free(g);
}

bool sim_gateway_start(struct sim *s)
{
	HEAP_OF(HEAP_GATEWAY);
	struct sim_gateway *g = calloc(1, sizeof(*g));
	struct fg_store_engine_conf conf;
	struct fg_spool *spool;

	if (!g)
		abort();
	g->sim = s;
	g->config = sim_load_config(s);
	conf.commit_interval_us = g->config->storage.commit_interval_us;
	conf.spool = fg_startup_spool_conf(&g->config->storage);
	conf.spool.boot_id = seams_boot_id();
	conf.spool.first_seq = PLAN_FIRST_SEQ;
	if (open_store(g, &conf.spool, &spool) < 0) {
		free_gateway(g);
		return false;
	}
	if (fg_store_engine_new(spool, &conf, on_event, g, &g->store) < 0)
		abort();
	g->sink = fg_store_engine_sink(g->store);
	tell_destinations(g);
	s->gateway = g;
	look_at_clock(g);
	return true;
}

/* ---- end ---- */

void sim_gateway_die(struct sim *s)
{
	HEAP_OF(HEAP_GATEWAY);
	struct sim_gateway *g = s->gateway;

	if (!g)
		return;
	fg_spool_close(fg_store_engine_abandon(g->store));
	free_gateway(g);
}

void sim_gateway_stop(struct sim *s)
{
	HEAP_OF(HEAP_GATEWAY);
	struct sim_gateway *g = s->gateway;

	if (g->stopping)
		return;
	g->stopping = true;
	g->stop_us = s->now_us + STOP_US;
	fg_core_stop(g->core, sim_clock(s));
	sim_gateway_turn(s);
}

bool sim_gateway_stopping(const struct sim *s)
{
	return s->gateway->stopping;
}

/* Everything is committed; true where it could be. */
static bool finish(struct sim_gateway *g)
{
	bool clean;

	store_through(g);
	save_deliveries(g);
	clean = fg_store_engine_rest(g->store, sim_clock(g->sim));
	fg_store_engine_close(g->store, fg_core_release_from(g->core));
	free_gateway(g);
	return clean;
}

static bool ended(struct sim_gateway *g)
{
	struct sim *s = g->sim;
	bool clean;

	if (!g->stopping || g->store_busy || (!fg_core_idle(g->core) && s->now_us < g->stop_us))
		return false;
	clean = finish(g);
	sim_log(s, "the gateway has stopped%s", clean ? "" : ", something is not stored");
	if (!s->disk->off) /* else it ended with the power */
		sim_ended(s, clean);
	return true;
}

/* ---- events ---- */

void sim_gateway_turn(struct sim *s)
{
	HEAP_OF(HEAP_GATEWAY);
	struct sim_gateway *g = s->gateway;
	int64_t next_us, mono_us;

	if (!g)
		return;
	mono_us = sim_clock(s).mono_us;
	do
		next_us = fg_core_run(g->core, sim_clock(s));
	while (run_store(g));
	if (ended(g))
		return;
	if (g->reload_again && !g->next) {
		g->reload_again = false;
		sim_gateway_reload(s);
		return;
	}
	if (g->stopping)
		next_us = FG_MIN(next_us, mono_us + 50000);
	if (next_us == INT64_MAX)
		return;
	/* the loop's timer counts milliseconds */
	next_us = s->now_us + FG_MAX((next_us - mono_us + 999) / 1000, 0) * 1000;
	if (g->wake_us && g->wake_us <= next_us)
		return;
	g->wake_us = next_us;
	post(s, next_us, SIM_CORE, 0);
}

void sim_gateway_event(struct sim *s, struct sim_event *e)
{
	HEAP_OF(HEAP_GATEWAY);
	struct sim_gateway *g = s->gateway;

	switch (e->type) {
	case SIM_CORE:
		if (g->wake_us > s->now_us)
			return; /* this one was too late already, or is too early now */
		g->wake_us = 0;
		break;
	case SIM_STORE:
		g->store_due_us = 0;
		break;
	case SIM_STORED:
		store_through(g);
		break;
	case SIM_TICK:
		if (g->tick_us != s->now_us)
			return; /* another one came in between */
		look_at_clock(g);
		break;
	case SIM_HOURS:
		sim_answer_hours(g);
		break;
	default:
		fill_page(g, e->who);
		break;
	}
	sim_gateway_turn(s);
}

void sim_gateway_polled(struct sim *s, const struct fg_poll_result *result)
{
	HEAP_OF(HEAP_GATEWAY);

	fg_core_polled(s->gateway->core, sim_clock(s), result);
	sim_gateway_turn(s);
}

void sim_gateway_clock(struct sim *s)
{
	s->gateway->looks = 2;
	s->gateway->tick_us = s->now_us + TICK_SOON_US / 2;
	post(s, s->gateway->tick_us, SIM_TICK, 0);
}

/* ---- reload, as in reload.c of the gateway ---- */

static const struct fg_device *device_of(const struct fg_config *config, unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "d%u", i);
	for (size_t k = 0; k < config->device_count; k++)
		if (strcmp(config->devices[k]->name, name) == 0)
			return config->devices[k];
	return NULL;
}

const struct fg_group *sim_gateway_group(const struct sim *s, unsigned device)
{
	const struct fg_device *d = device_of(s->gateway->config, device);

	return d ? &d->groups[0] : NULL;
}

static void free_reload(struct sim_gateway *g)
{
	if (g->next) {
		fg_intern_fini(&g->intern);
		fg_config_unref(g->next);
	}
	g->next = NULL;
}

static void take_over(struct sim_gateway *g)
{
	struct sim *s = g->sim;
	struct fg_spool_conf limits = fg_startup_spool_conf(&g->next->storage);

	for (unsigned i = 0; i < s->plan.devices; i++)
		if (!fg_device_same(device_of(g->config, i), device_of(g->next, i)))
			s->generation[i]++;
	if (fg_intern_apply(&g->intern, &g->series) < 0 ||
		fg_core_reload(g->core, sim_clock(s), g->next) < 0)
		abort();
	fg_config_unref(g->config);
	g->config = fg_config_ref(g->next);
	for (size_t i = 0; i < g->config->destination_count; i++) {
		const struct fg_destination *dest = &g->config->destinations[i];

		if (!fg_core_publisher(g->core, dest->name) &&
			fg_core_add_destination(g->core, dest, &g->intern.unacked[i]) < 0)
			abort();
	}
	fg_store_set_limits(g->sink, g->config->storage.commit_interval_us, &limits);
	tell_destinations(g);
	checker_configured(
		s->checker, s->now_us, g->config->destination_count < s->plan.dests);
	sim_log(s, "the new configuration is in force");
}

static void called(struct sim_gateway *g, const struct fg_store_call *call)
{
	if (call == &g->recheck_call)
		rechecked(g);
	if (call != &g->call || !g->next)
		return;
	if (call->result >= 0 && !g->stopping)
		take_over(g);
	free_reload(g);
}

void sim_gateway_reload(struct sim *s)
{
	HEAP_OF(HEAP_GATEWAY);
	struct sim_gateway *g = s->gateway;

	if (!g || g->stopping)
		return;
	if (g->next) {
		g->reload_again = true;
		return;
	}
	g->next = sim_load_config(s);
	g->call = (struct fg_store_call){.run = fg_intern_run, .arg = &g->intern};
	if (fg_intern_init(&g->intern, g->next) < 0)
		abort();
	if (fg_store_call(g->sink, &g->call) < 0)
		free_reload(g); /* too far behind */
	sim_gateway_turn(s);
}
