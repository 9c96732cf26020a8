/* SPDX-License-Identifier: EUPL-1.2 */
/* One run of the gateway: the real core, publishers and spool, wired as the daemon wires them, with
 * events of the world in the place of threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/daemon.h"
#include "seams.h"
#include "sim.h"
#include "storage/reader.h"
#include "store_sim.h"

#define LATEST_ROWS 20000
#define STOP_US	    (2 * US_PER_S)
#define EVENTS_MAX  64

struct sim_gateway {
	struct sim *sim;
	struct fg_config *config;
	struct fg_series_set series;
	struct fg_core *core;
	struct fg_reader *reader;
	struct store_sim *store;
	int64_t wake_us, store_due_us; /* true time of the event that is under way; 0: none */
	bool store_busy;	       /* what it did takes until its SIM_STORED */
	struct fg_store_event events[EVENTS_MAX];
	size_t event_count;
	struct fg_page *pages[PLAN_DESTS];
	bool stopping;
	int64_t stop_us;
};

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

const struct fg_config *sim_gateway_config(const struct sim *s)
{
	return s->gateway->config;
}

static void post(struct sim *s, int64_t at_us, enum sim_event_type type, unsigned who)
{
	sim_at(s, at_us, (struct sim_event){.type = type, .who = who, .run = s->runs});
}

/* ---- the store ---- */

static void on_event(void *arg, const struct fg_store_event *event)
{
	struct sim_gateway *g = arg;

	if (g->event_count == EVENTS_MAX)
		abort();
	g->events[g->event_count++] = *event;
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
	case FG_STORE_BOOT_TIMED:
		fg_core_boot_timed(g->core, now);
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
		break;
	}
}

/* Whether anything was told. */
static bool store_through(struct sim_gateway *g)
{
	bool told = g->event_count > 0;

	g->store_busy = false;
	for (size_t i = 0; i < g->event_count; i++)
		deliver(g, &g->events[i]);
	g->event_count = 0;
	return told;
}

/* What the disk took is the time until anybody hears of it. Whether anything was told already. */
static bool run_store(struct sim_gateway *g)
{
	struct sim *s = g->sim;
	int64_t mono_us = sim_clock(s).mono_us, due_us = INT64_MAX;
	bool told = false;

	while (!g->store_busy) {
		s->disk->spent_us = 0;
		due_us = store_sim_run(g->store, mono_us);
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

static void port_poll(void *arg, const struct fg_group *group, unsigned attempts)
{
	sim_sensors_poll(((struct sim_gateway *)arg)->sim, group, attempts);
}

static int port_append(void *arg, uint64_t first_seq, unsigned count, const void *record,
	size_t len)
{
	return store_sim_append(
		((struct sim_gateway *)arg)->store, first_seq, count, record, len);
}

static void port_save(void *arg, const struct fg_destination *dest, const struct fg_ranges *r)
{
	store_sim_save_delivery(((struct sim_gateway *)arg)->store, dest->name, r);
}

static void port_reserve(void *arg, uint64_t limit)
{
	struct sim_gateway *g = arg;

	if (store_sim_reserve(g->store, limit) < 0)
		fg_core_reserved(g->core, 0);
}

static int port_offset(void *arg, int64_t offset_us)
{
	return store_sim_boot_offset(((struct sim_gateway *)arg)->store, offset_us);
}

static void port_expire(void *arg, int64_t now_wall_ms, uint64_t delivered_below)
{
	store_sim_expire(((struct sim_gateway *)arg)->store, now_wall_ms, delivered_below);
}

static void port_connect(void *arg, const struct fg_destination *dest, size_t server,
	uint32_t epoch)
{
	(void)server;
	sim_broker_connect(((struct sim_gateway *)arg)->sim, dest_number(dest), epoch);
}

static void port_disconnect(void *arg, const struct fg_destination *dest)
{
	sim_broker_close(((struct sim_gateway *)arg)->sim, dest_number(dest));
}

static int port_publish(void *arg, const struct fg_destination *dest, const struct fg_message *m)
{
	return sim_broker_publish(((struct sim_gateway *)arg)->sim, dest_number(dest), m);
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
	.append = port_append,
	.save_delivery = port_save,
	.reserve = port_reserve,
	.set_boot_offset = port_offset,
	.expire = port_expire,
	.connect = port_connect,
	.disconnect = port_disconnect,
	.publish = port_publish,
	.read_page = port_read_page,
};

/* ---- pages ---- */

static int on_page_item(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct fg_page *page = arg;
	size_t i = page->count;

	if (i == FG_PAGE_ITEMS) {
		page->scanned_to = item->seq;
		return 1;
	}
	page->items[i] = *item;
	page->descs[i] = desc;
	page->uncertain[i] = uncertain;
	page->count++;
	return 0;
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
	fg_core_page(g->core, sim_clock(g->sim), page);
}

/* ---- start ---- */

static struct fg_config *load_config(struct sim *s)
{
	static const struct fg_load_options no_files = {.no_files = true};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;
	FILE *file = fopen(s->config_path, "w");
	struct fg_buf text;

	fg_buf_init(&text, 1u << 20);
	plan_yaml(&s->plan, s->reloads, &text);
	if (!file || fwrite(text.data, 1, text.len, file) != text.len || fclose(file) != 0)
		abort();
	if (fg_config_load(s->config_path, &no_files, rep, &config) < 0) {
		fg_buf_clear(&text);
		fg_report_print(rep, &text);
		fprintf(stderr, "%s\n", text.data);
		abort();
	}
	fg_report_free(rep);
	fg_buf_fini(&text);
	return config;
}

static int on_latest(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct fg_series *series = fg_series_find(arg, desc);

	if (series)
		fg_series_update(series, item, 0, !uncertain);
	return 0;
}

/* As the daemon: what was never used does not count as backlog. */
static void forget_unused(struct fg_ranges *unacked, const struct fg_spool_info *info)
{
	uint64_t used = info->last_seq ? info->last_seq + 1 : info->next_seq;

	if (used < info->next_seq)
		fg_ranges_remove(unacked, used, info->next_seq);
	if (info->first_seq > 0)
		fg_ranges_remove(unacked, 0, info->first_seq);
}

static int make_core(struct sim_gateway *g, struct fg_spool *spool, struct fg_intern *in)
{
	struct fg_core_ports with = ports;
	struct fg_spool_info info;
	struct fg_core_start start;
	int r;

	with.arg = g;
	fg_spool_info(spool, &info);
	r = fg_spool_reserve(spool, info.next_seq + FG_SEQ_BLOCK);
	if (r < 0)
		return r;
	start = (struct fg_core_start){.next_seq = info.next_seq,
		.seq_limit = info.next_seq + FG_SEQ_BLOCK,
		.era = info.era,
		.new_store = info.new_store,
		.session = "session"};
	fg_reader_latest(g->reader, LATEST_ROWS, on_latest, &g->series);
	r = fg_core_new(g->config, &with, &start, &g->series, fg_rng_next(&g->sim->rng),
		sim_clock(g->sim), &g->core);
	for (size_t i = 0; i < g->config->destination_count && r == FG_OK; i++) {
		forget_unused(&in->unacked[i], &info);
		r = fg_core_add_destination(
			g->core, &g->config->destinations[i], &in->unacked[i]);
	}
	return r;
}

static int open_store(struct sim_gateway *g, struct fg_spool **ret)
{
	const struct fg_storage_conf *c = &g->config->storage;
	const struct fg_spool_conf conf = {.file = c->file,
		.boot_id = seams_boot_id(),
		.first_seq = PLAN_FIRST_SEQ,
		.keep_ms = c->keep_us / 1000,
		.max_bytes = c->max_size,
		.when_full = (enum fg_when_full)c->when_full};
	struct fg_intern in = {0};
	char text[256];
	struct fg_buf why;
	int r;

	fg_buf_wrap(&why, text, sizeof(text));
	r = fg_spool_open(&conf, &why, ret);
	if (r < 0)
		return r;
	r = fg_reader_open(c->file, &why, &g->reader);
	if (r >= 0)
		r = fg_intern_init(&in, g->config);
	if (r >= 0)
		r = fg_intern_run(*ret, &in);
	if (r >= 0)
		r = fg_intern_apply(&in, &g->series);
	if (r >= 0)
		r = make_core(g, *ret, &in);
	if (in.config)
		fg_intern_fini(&in);
	if (r < 0)
		fg_spool_close(*ret);
	return r;
}

static void free_gateway(struct sim_gateway *g)
{
	for (unsigned i = 0; i < PLAN_DESTS; i++)
		sim_broker_close(g->sim, i);
	fg_core_free(g->core);
	for (unsigned i = 0; i < PLAN_DESTS; i++)
		free(g->pages[i]);
	fg_series_set_fini(&g->series);
	fg_reader_close(g->reader);
	fg_config_unref(g->config);
	if (g->sim->gateway == g)
		g->sim->gateway = NULL;
	free(g);
}

bool sim_gateway_start(struct sim *s)
{
	struct sim_gateway *g = calloc(1, sizeof(*g));
	struct fg_spool *spool;

	if (!g)
		abort();
	g->sim = s;
	g->config = load_config(s);
	if (open_store(g, &spool) < 0) {
		free_gateway(g);
		return false;
	}
	g->store = store_sim_new(spool, g->config->storage.commit_interval_us, on_event, g);
	s->gateway = g;
	if (sim_clock_right(s))
		fg_core_clock(g->core, sim_clock(s), true);
	return true;
}

/* ---- end ---- */

void sim_gateway_die(struct sim *s)
{
	struct sim_gateway *g = s->gateway;

	if (!g)
		return;
	fg_spool_close(store_sim_abandon(g->store));
	free_gateway(g);
}

void sim_gateway_stop(struct sim *s)
{
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
	struct fg_spool *spool;
	bool clean;

	store_through(g);
	for (unsigned i = 0; i < g->config->destination_count; i++)
		store_sim_save_delivery(g->store, g->config->destinations[i].name,
			&sim_gateway_publisher(g->sim, i)->unacked);
	clean = store_sim_rest(g->store);
	spool = store_sim_abandon(g->store);
	fg_spool_release(spool, g->core->next_seq);
	fg_spool_close(spool);
	free_gateway(g);
	return clean;
}

static bool ended(struct sim_gateway *g)
{
	struct sim *s = g->sim;
	bool clean;

	if (!g->stopping || g->store_busy ||
		(!fg_core_idle(g->core) && s->now_us < g->stop_us))
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
	default:
		fill_page(g, e->who);
		break;
	}
	sim_gateway_turn(s);
}

void sim_gateway_polled(struct sim *s, const struct fg_poll_result *result)
{
	fg_core_polled(s->gateway->core, sim_clock(s), result);
	sim_gateway_turn(s);
}

void sim_gateway_clock(struct sim *s)
{
	sim_log(s, "the clock is right");
	fg_core_clock(s->gateway->core, sim_clock(s), true);
	sim_gateway_turn(s);
}

void sim_gateway_reload(struct sim *s)
{
	struct sim_gateway *g = s->gateway;
	struct fg_config *next;

	if (!g || g->stopping)
		return;
	s->reloads++;
	next = load_config(s);
	if (fg_core_reload(g->core, sim_clock(s), next) < 0)
		abort();
	fg_config_unref(g->config);
	g->config = next;
	sim_gateway_turn(s);
}
