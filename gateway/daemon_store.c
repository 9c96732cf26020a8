/* SPDX-License-Identifier: EUPL-1.2 */
/* What goes to the store and comes back: opening, events, damage, pages of the backlog. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/daemon.h"
#include "gateway/hours.h"
#include "gateway/startup.h"

#define PROGRESS_EVERY_US INT64_C(5000000)
#define PATIENCE_US	  INT64_C(180000000)

/* ---- start ---- */

static int open_reader(struct fg_daemon *d)
{
	char text[256];
	struct fg_buf why;
	int r;

	fg_buf_wrap(&why, text, sizeof(text));
	r = fg_reader_open(d->config->storage.file, &why, &d->reader);
	if (r < 0)
		fg_error("store '%s': %s", d->config->storage.file,
			why.len ? why.data : fg_strerror(r));
	return r;
}

static int open_spool(struct fg_daemon *d, const struct fg_spool_conf *conf, struct fg_spool **ret)
{
	char why_text[256] = "";
	struct fg_buf why, salvaged;
	int r;

	fg_buf_wrap(&why, why_text, sizeof(why_text));
	fg_buf_wrap(&salvaged, d->salvaged, sizeof(d->salvaged));
	r = fg_startup_open(conf, fg_clock_wall_us() / 1000, &why, &salvaged, ret);
	if (r < 0) {
		fg_error("store '%s': %s", conf->file, why.len ? why.data : fg_strerror(r));
		return r;
	}
	if (salvaged.len)
		fg_error("store '%s' was damaged: %s", conf->file, d->salvaged);
	r = open_reader(d);
	if (r < 0)
		fg_spool_close(*ret);
	return r;
}

static void new_session(char session[40])
{
	uint64_t a = fg_random_seed(), b = fg_random_seed();
	struct fg_buf out;

	fg_buf_wrap(&out, session, 40);
	fg_buf_printf(
		&out, "%016llx%08llx", (unsigned long long)a, (unsigned long long)(b & 0xFFFFFFFF));
}

static int start_core(struct fg_daemon *d, struct fg_spool *spool)
{
	struct fg_core_ports ports = fg_daemon_ports;
	char session[40];
	struct fg_startup s = {.config = d->config,
		.spool = spool,
		.reader = d->reader,
		.ports = &ports,
		.session = session,
		.seed = fg_random_seed(),
		.now = fg_clock_now(),
		.series = &d->series};
	int r;

	ports.arg = d;
	new_session(session);
	r = fg_startup_core(&s, &d->newest_stored_ms, &d->core);
	if (r == FG_OK && d->salvaged[0])
		fg_core_salvaged(d->core, d->salvaged);
	return r;
}

/* Damage that opening did not meet: what can be read goes into a new file. */
static int salvage_at_start(
	struct fg_daemon *d, const struct fg_spool_conf *conf, struct fg_spool **spool)
{
	char text[sizeof(d->salvaged)] = "";
	struct fg_buf salvaged;
	int r;

	fg_error("store '%s': damaged: %s", conf->file, fg_spool_error(*spool));
	fg_reader_close(d->reader);
	d->reader = NULL;
	fg_spool_close(*spool);
	fg_series_set_fini(&d->series);
	fg_buf_wrap(&salvaged, text, sizeof(text));
	r = fg_spool_salvage(conf, fg_clock_wall_us() / 1000, &salvaged);
	if (r < 0) {
		fg_error("store '%s': it cannot be salvaged: %s", conf->file,
			salvaged.len ? salvaged.data : fg_strerror(r));
		return r;
	}
	fg_error("store '%s' was damaged: %s", conf->file, text);
	r = open_spool(d, conf, spool);
	memcpy(d->salvaged, text, sizeof(text));
	return r;
}

/* A store of some size takes minutes on a slow card: the service manager is to wait as long as the
 * work goes on. What comes last before the next word is a flush of all of it. */
static void on_progress(void *arg, const char *doing, uint64_t rows)
{
	struct fg_daemon *d = arg;
	int64_t now_us = fg_clock_mono_us();
	char text[160];

	if (d->progress_us && now_us - d->progress_us < PROGRESS_EVERY_US)
		return;
	d->progress_us = now_us;
	snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%lld\nSTATUS=%s (%llu rows)",
		(long long)PATIENCE_US, doing, (unsigned long long)rows);
	fg_notify(text);
}

int fg_daemon_open_store(struct fg_daemon *d)
{
	struct fg_store_engine_conf conf = {
		.commit_interval_us = d->config->storage.commit_interval_us,
		.spool = fg_startup_spool_conf(&d->config->storage)};
	struct fg_spool *spool;
	int r;

	conf.spool.progress = (struct fg_progress){on_progress, d};
	r = open_spool(d, &conf.spool, &spool);
	if (r < 0)
		return r;
	r = start_core(d, spool);
	if (r < 0 && (r == FG_ECORRUPT || fg_spool_damaged(spool))) {
		r = salvage_at_start(d, &conf.spool, &spool);
		if (r < 0)
			return r;
		r = start_core(d, spool);
	}
	if (d->progress_us)
		fg_notify("STATUS=");
	if (r == FG_OK)
		r = fg_store_start(spool, &conf, fg_daemon_store_post, d, &d->store);
	if (r < 0) {
		fg_error("store '%s': %s: %s", d->config->storage.file, fg_strerror(r),
			fg_spool_error(spool));
		fg_spool_close(spool);
		return r;
	}
	fg_daemon_tell_destinations(d);
	return FG_OK;
}

void fg_daemon_tell_destinations(struct fg_daemon *d)
{
	struct fg_store_sink *to = fg_store_sink(d->store);
	int64_t now_ms = d->time_known
				 ? fg_core_wall_us(d->core, fg_clock_mono_us()) / 1000
				 : 0;

	if (fg_startup_destinations(d->config, to, now_ms) < 0)
		fg_warning("store: too far behind to hear which destinations there are");
}

/* ---- after damage ---- */

struct recheck {
	struct fg_store_call call;
	struct fg_intern intern;
	struct fg_config *config;
};

/* What is read from now on comes from the new file. The old reader stays: what it gave out lends
 * its texts. */
static void reopen_reader(struct fg_daemon *d)
{
	struct fg_reader **list = realloc(
		d->old_readers, (d->old_reader_count + 1) * sizeof(struct fg_reader *));
	struct fg_reader *old = d->reader;

	if (!list)
		return;
	d->old_readers = list;
	if (open_reader(d) == FG_OK)
		list[d->old_reader_count++] = old;
	fg_http_store_changed(d);
	d->damage_told = false;
}

void fg_daemon_save_deliveries(struct fg_daemon *d)
{
	for (size_t i = 0; i < d->config->destination_count; i++) {
		const struct fg_destination *dest = &d->config->destinations[i];
		struct fg_publisher *p = fg_core_publisher(d->core, dest->name);

		if (p)
			fg_store_save_delivery(fg_store_sink(d->store), dest->name, &p->unacked);
	}
}

static void recheck_free(struct recheck *c)
{
	fg_intern_fini(&c->intern);
	fg_config_unref(c->config);
	free(c);
}

/* What the salvaged store may have lost is told to it again. */
static void salvaged(struct fg_daemon *d, const char *text)
{
	struct recheck *c = calloc(1, sizeof(*c));

	fg_error("store: %s", text);
	fg_core_salvaged(d->core, text);
	reopen_reader(d);
	fg_daemon_save_deliveries(d);
	fg_daemon_tell_destinations(d);
	if (!c || d->recheck) { /* the one under way looks at this store, too */
		free(c);
		return;
	}
	c->config = fg_config_ref(d->config);
	c->call = (struct fg_store_call){.run = fg_intern_run, .arg = &c->intern};
	if (fg_intern_init(&c->intern, d->config) == FG_OK &&
		fg_store_call(fg_store_sink(d->store), &c->call) == FG_OK) {
		d->recheck = c;
		return;
	}
	recheck_free(c);
}

void fg_daemon_end_recheck(struct fg_daemon *d)
{
	if (d->recheck)
		recheck_free(d->recheck);
	d->recheck = NULL;
}

/* Points that got other numbers would have their readings told under wrong names: a fresh start
 * gives all of them their numbers anew. */
static bool rechecked(struct fg_daemon *d, struct fg_store_call *call)
{
	struct recheck *c = d->recheck;

	if (!c || call != &c->call)
		return false;
	if (call->result >= 0 && !fg_intern_same(&c->intern, &d->series)) {
		fg_error("store: the damage took numbers of points; starting anew");
		d->exit_code = EX_TEMPFAIL;
		fg_daemon_stop(d);
	}
	fg_daemon_end_recheck(d);
	return true;
}

/* Once for each file: it is told by every page that is asked for. */
void fg_daemon_read_damage(struct fg_daemon *d, long status)
{
	if (status != FG_ECORRUPT || d->damage_told)
		return;
	d->damage_told = true;
	fg_store_found_damage(fg_store_sink(d->store));
}

/* ---- events ---- */

void fg_daemon_store_post(void *arg, const struct fg_store_event *event)
{
	struct fg_daemon *d = arg;
	const uint32_t kind = FG_INBOX_STORE;
	const struct fg_part parts[] = {{&kind, sizeof(kind)}, {event, sizeof(*event)}};
	int r;

	/* The core takes the inbox out at least every few milliseconds while there is something. */
	while ((r = fg_ring_push(&d->inbox, parts, 2)) == FG_EFULL) {
		fg_daemon_wake(d, true);
		poll(NULL, 0, 5);
	}
	if (r >= 0) /* else closed: nobody listens any more */
		fg_daemon_wake(d, event->type != FG_STORE_SIZE);
}

/* From now on the grace of removed destinations runs: not by an estimate, from which the true time
 * may be far away. */
static void time_known(struct fg_daemon *d)
{
	if (d->time_known || !d->core->trusted)
		return;
	d->time_known = true;
	fg_daemon_tell_destinations(d);
}

void fg_daemon_store_event(struct fg_daemon *d, const struct fg_store_event *event)
{
	struct fg_now now = fg_clock_now();

	switch (event->type) {
	case FG_STORE_COMMITTED:
		fg_core_committed(d->core, now, event->a);
		break;
	case FG_STORE_RESERVED:
		fg_core_reserved(d->core, event->a);
		break;
	case FG_STORE_FAILED:
		fg_core_store_state(d->core, now, false, event->text);
		fg_stored_failed(d, event->text);
		break;
	case FG_STORE_RECOVERED:
		fg_core_store_state(d->core, now, true, "");
		break;
	case FG_STORE_DROPPED:
		fg_core_dropped(d->core, event->a, event->b, (unsigned)event->c);
		break;
	case FG_STORE_SIZE:
		fg_core_store_size(d->core, (int64_t)event->a, event->b);
		break;
	case FG_STORE_CALLED:
		if (!fg_stored_called(d, event->call) && !rechecked(d, event->call))
			fg_reload_called(d, event->call);
		break;
	case FG_STORE_NOTED:
		fg_core_noted(d->core, event->text);
		break;
	case FG_STORE_NOTE_REFUSED:
		fg_stored_refused(d);
		break;
	case FG_STORE_ERA:
		fg_core_era_stored(d->core, now, (uint32_t)event->a);
		time_known(d);
		break;
	case FG_STORE_NUMBERS_USED:
		fg_core_numbers_used(d->core, now, event->corrections ? NULL : event->text,
			event->a, (unsigned)event->b, (unsigned)event->c, event->more);
		break;
	case FG_STORE_LOSSES:
		fg_core_losses(d->core, event->text, (unsigned)event->a);
		break;
	case FG_STORE_WANTS_ROOM:
		fg_core_wants_room(d->core, now);
		break;
	case FG_STORE_ROOM_MADE:
		fg_core_room_made(d->core, now);
		break;
	case FG_STORE_DAMAGED:
		fg_error("store '%s': damaged: %s", d->config->storage.file, event->text);
		break;
	case FG_STORE_SALVAGED:
		salvaged(d, event->text);
		break;
	}
}

/* ---- pages ---- */

struct page_work {
	uv_work_t req;
	struct fg_daemon *daemon;
	struct fg_reader *reader; /* the daemon's of that moment */
	struct fg_page *page;
};

static int on_page_item(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	return fg_page_add(arg, item, desc, uncertain);
}

static void read_page(uv_work_t *req)
{
	struct page_work *work = req->data;
	struct fg_page *page = work->page;
	long n;

	page->count = page->text_len = 0;
	page->scanned_to = page->to;
	n = fg_reader_range(work->reader, page->from, page->to, on_page_item, page);
	page->status = n < 0 ? (int)n : FG_OK;
}

static void page_read(uv_work_t *req, int status)
{
	struct page_work *work = req->data;
	struct fg_daemon *d = work->daemon;

	if (status < 0)
		work->page->status = status;
	fg_daemon_read_damage(d, work->page->status);
	fg_core_page(d->core, fg_clock_now(), work->page);
	free(work);
	fg_daemon_turn(d);
}

void fg_daemon_read_page(void *arg, const struct fg_destination *dest, struct fg_page *page)
{
	struct fg_daemon *d = arg;
	struct page_work *work = calloc(1, sizeof(*work));

	(void)dest;
	if (!work) {
		page->status = FG_ENOMEM;
		page->count = 0;
		return; /* stays pending until the connection ends; memory is gone anyway */
	}
	work->req.data = work;
	work->daemon = d;
	work->reader = d->reader;
	work->page = page;
	uv_queue_work(&d->loop, &work->req, read_page, page_read);
}

/* ---- hours ---- */

struct hours_request {
	uv_work_t req;
	struct fg_daemon *daemon;
	struct fg_reader *reader; /* the daemon's of that moment */
	struct fg_hours_work *work;
};

static void read_hours(uv_work_t *req)
{
	struct hours_request *r = req->data;

	fg_hours_read(r->reader, r->work);
}

static void hours_read(uv_work_t *req, int status)
{
	struct hours_request *r = req->data;
	struct fg_daemon *d = r->daemon;

	if (status < 0)
		r->work->status = status;
	fg_daemon_read_damage(d, r->work->status);
	fg_core_hours(d->core, fg_clock_now(), r->work);
	free(r);
	fg_daemon_turn(d);
}

int fg_daemon_read_hours(void *arg, struct fg_hours_work *work)
{
	struct fg_daemon *d = arg;
	struct hours_request *r = calloc(1, sizeof(*r));

	if (!r)
		return FG_ENOMEM;
	r->req.data = r;
	r->daemon = d;
	r->reader = d->reader;
	r->work = work;
	uv_queue_work(&d->loop, &r->req, read_hours, hours_read);
	return FG_OK;
}
