/* SPDX-License-Identifier: EUPL-1.2 */
/* What goes to the store and comes back: start-up, events, pages of the backlog. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/daemon.h"

/* How far back the newest reading of each point is looked for at the start. */
#define LATEST_ROWS 20000

/* ---- interning ---- */

int fg_intern_init(struct fg_intern *in, const struct fg_config *config)
{
	*in = (struct fg_intern){.config = config};
	in->ids = calloc(config->point_count + 1, sizeof(*in->ids));
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

/* A destination that the store does not know gets what is measured from now on; one whose stored
 * state is damaged gets everything again, which repeats readings and loses none. */
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
	if (r == FG_ECORRUPT) {
		fg_error("store: what destination '%s' has acknowledged cannot be read; it gets "
			 "everything again",
			name);
		from = FG_MAX(info.first_seq, 1);
	}
	fg_ranges_init(&in->unacked[i]);
	r = fg_ranges_add(&in->unacked[i], from, FG_SEQ_END);
	return r < 0 ? r : fg_spool_set_delivery(spool, name, &in->unacked[i]);
}

int fg_intern_run(struct fg_spool *spool, void *arg)
{
	struct fg_intern *in = arg;
	int r = fg_spool_begin(spool);

	for (size_t i = 0; i < in->config->point_count && r >= 0; i++) {
		struct fg_point_desc desc = fg_series_desc(in->config->points[i]);

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

int fg_intern_apply(struct fg_intern *in, struct fg_series_set *set)
{
	for (size_t i = 0; i < in->config->point_count; i++) {
		struct fg_point_desc desc = fg_series_desc(in->config->points[i]);

		if (!fg_series_find(set, &desc) && !fg_series_add(set, in->ids[i], &desc))
			return FG_ENOMEM;
	}
	return FG_OK;
}

/* ---- start ---- */

static int on_latest(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct fg_daemon *d = arg;
	struct fg_series *s = fg_series_find(&d->series, desc);

	if (s)
		fg_series_update(s, item, 0, !uncertain);
	if (!uncertain)
		d->newest_stored_ms = FG_MAX(d->newest_stored_ms, item->wall_ms);
	return 0;
}

static int open_spool(struct fg_daemon *d, struct fg_spool **ret)
{
	const struct fg_storage_conf *c = &d->config->storage;
	const struct fg_spool_conf conf = {.file = c->file,
		.keep_ms = c->keep_us / 1000,
		.max_bytes = c->max_size,
		.when_full = (enum fg_when_full)c->when_full};
	char text[256];
	struct fg_buf why;
	int r;

	fg_buf_wrap(&why, text, sizeof(text));
	r = fg_spool_open(&conf, &why, ret);
	if (r < 0) {
		fg_error("store '%s': %s", c->file, why.len ? why.data : fg_strerror(r));
		return r;
	}
	r = fg_reader_open(c->file, &why, &d->reader);
	if (r < 0) {
		fg_error("store '%s': %s", c->file, why.len ? why.data : fg_strerror(r));
		fg_spool_close(*ret);
	}
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

/* Numbers that were reserved and not used before a kill, and those of expired readings, would count
 * as backlog until they are looked for. */
static void forget_unused(struct fg_ranges *unacked, const struct fg_spool_info *info)
{
	uint64_t used = info->last_seq ? info->last_seq + 1 : info->next_seq;

	if (used < info->next_seq)
		fg_ranges_remove(unacked, used, info->next_seq);
	if (info->first_seq > 0)
		fg_ranges_remove(unacked, 0, info->first_seq);
}

/* The core begins where the store stands: numbers, points, what each destination lacks. */
static int start_core(struct fg_daemon *d, struct fg_spool *spool, struct fg_intern *in)
{
	struct fg_spool_info info;
	struct fg_core_ports ports = fg_daemon_ports;
	struct fg_core_start start;
	char session[40];
	int r;

	ports.arg = d;
	fg_spool_info(spool, &info);
	r = fg_spool_reserve(spool, info.next_seq + FG_SEQ_BLOCK);
	if (r < 0)
		return r;
	new_session(session);
	start = (struct fg_core_start){.next_seq = info.next_seq,
		.seq_limit = info.next_seq + FG_SEQ_BLOCK,
		.era = info.era,
		.new_store = info.new_store,
		.session = session};
	fg_reader_latest(d->reader, LATEST_ROWS, on_latest, d);
	r = fg_core_new(
		d->config, &ports, &start, &d->series, fg_random_seed(), fg_clock_now(), &d->core);
	for (size_t i = 0; i < d->config->destination_count && r == FG_OK; i++) {
		forget_unused(&in->unacked[i], &info);
		r = fg_core_add_destination(d->core, &d->config->destinations[i], &in->unacked[i]);
	}
	if (r == FG_OK && info.new_store)
		fg_notice("store: new, numbers begin at %llu", (unsigned long long)info.next_seq);
	return r;
}

int fg_daemon_open_store(struct fg_daemon *d)
{
	struct fg_spool *spool;
	struct fg_intern in;
	int r = open_spool(d, &spool);

	if (r < 0)
		return r;
	r = fg_intern_init(&in, d->config);
	if (r == FG_OK)
		r = fg_intern_run(spool, &in);
	if (r >= 0)
		r = fg_intern_apply(&in, &d->series);
	if (r == FG_OK)
		r = start_core(d, spool, &in);
	fg_intern_fini(&in);
	if (r == FG_OK)
		r = fg_store_start(spool, d->config->storage.commit_interval_us,
			fg_daemon_store_post, d, &d->store);
	if (r < 0) {
		fg_error("store '%s': %s: %s", d->config->storage.file, fg_strerror(r),
			fg_spool_error(spool));
		fg_spool_close(spool);
	}
	return r;
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
	case FG_STORE_BOOT_TIMED:
		fg_core_boot_timed(d->core, now);
		break;
	case FG_STORE_FAILED:
		fg_core_store_state(d->core, now, false, event->text);
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
		fg_reload_called(d, event->call);
		break;
	}
}

/* ---- pages ---- */

struct page_work {
	uv_work_t req;
	struct fg_daemon *daemon;
	struct fg_page *page;
};

static int on_page_item(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct fg_page *page = arg;
	size_t i = page->count;
	bool text = item->value.kind == FG_KIND_TEXT;

	if (i == FG_PAGE_ITEMS || (text && page->text_len + item->value.len > sizeof(page->text))) {
		page->scanned_to = item->seq;
		return 1;
	}
	page->items[i] = *item;
	if (text) {
		memcpy(page->text + page->text_len, item->value.text, item->value.len);
		page->items[i].value.text = page->text + page->text_len;
		page->text_len += item->value.len;
	}
	page->descs[i] = desc;
	page->uncertain[i] = uncertain;
	page->count++;
	return 0;
}

static void read_page(uv_work_t *req)
{
	struct page_work *work = req->data;
	struct fg_page *page = work->page;
	long n;

	page->count = page->text_len = 0;
	page->scanned_to = page->to;
	n = fg_reader_range(work->daemon->reader, page->from, page->to, on_page_item, page);
	page->status = n < 0 ? (int)n : FG_OK;
}

static void page_read(uv_work_t *req, int status)
{
	struct page_work *work = req->data;
	struct fg_daemon *d = work->daemon;

	if (status < 0)
		work->page->status = status;
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
	work->page = page;
	uv_queue_work(&d->loop, &work->req, read_page, page_read);
}
