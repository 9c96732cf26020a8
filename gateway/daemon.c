/* SPDX-License-Identifier: EUPL-1.2 */
/* The loop around the core: time, wake-ups, signals, start and end. */
#include "gateway/daemon.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/status.h"
#include "gateway/core_state.h"

#define INBOX_BYTES (256u << 10)
/* What is not urgent waits for the loop's own next turn, if that comes within this. */
#define PATIENCE_US    100000
#define CLOCK_CHECK_MS 1000
#define REAP_MS	       200
#define STOP_US	       2000000

/* ---- ports ---- */

static struct fg_store_sink *sink_of(struct fg_daemon *d)
{
	return d->bundling ? &d->bundle.sink : fg_store_sink(d->store);
}

static void port_begin(void *arg)
{
	struct fg_daemon *d = arg;

	fg_store_bundle_begin(&d->bundle);
	d->bundling = true;
}

static int port_end(void *arg, bool keep)
{
	struct fg_daemon *d = arg;

	d->bundling = false;
	return fg_store_bundle_end(&d->bundle, keep, fg_store_sink(d->store));
}

static int port_append(
	void *arg, uint64_t first_seq, unsigned count, const void *record, size_t len)
{
	return fg_store_append(sink_of(arg), first_seq, count, record, len);
}

static int port_save_delivery(
	void *arg, const struct fg_destination *dest, const struct fg_ranges *unacked)
{
	struct fg_daemon *d = arg;
	int r = fg_store_save_delivery(sink_of(d), dest->name, unacked);

	if (r < 0)
		fg_debug(FG_DEBUG_spool, "delivery of '%s' not saved: the store is behind",
			dest->name);
	return r;
}

static void port_reserve(void *arg, uint64_t limit)
{
	struct fg_daemon *d = arg;

	if (fg_store_reserve(fg_store_sink(d->store), limit) < 0)
		fg_core_reserved(d->core, 0); /* asked again with the next reading */
}

static void port_expire(void *arg, int64_t now_wall_ms, uint64_t delivered_below)
{
	struct fg_daemon *d = arg;

	fg_store_expire(fg_store_sink(d->store), now_wall_ms, delivered_below);
}

static int port_set_era(void *arg, const struct fg_era *era)
{
	struct fg_daemon *d = arg;

	return fg_store_set_era(fg_store_sink(d->store), era);
}

static int port_restamp_begin(void *arg, uint32_t era, int64_t true_offset_us)
{
	struct fg_daemon *d = arg;

	return fg_store_restamp_begin(fg_store_sink(d->store), era, true_offset_us);
}

static int port_restamp(void *arg, uint64_t first_seq, unsigned max)
{
	struct fg_daemon *d = arg;

	return fg_store_restamp(fg_store_sink(d->store), first_seq, max);
}

static int port_issue_losses(void *arg, const char *destination, uint64_t first_seq, unsigned max)
{
	struct fg_daemon *d = arg;

	return fg_store_issue_losses(fg_store_sink(d->store), destination, first_seq, max);
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
	struct fg_daemon *d = arg;

	return fg_store_forget_ledger(fg_store_sink(d->store), device);
}

static int port_make_room(
	void *arg, const struct fg_owed *owed, size_t count, uint64_t drop_below)
{
	struct fg_daemon *d = arg;

	return fg_store_make_room(fg_store_sink(d->store), owed, count, drop_below);
}

static void port_hurry(void *arg)
{
	struct fg_daemon *d = arg;

	fg_store_flush(d->store);
}

static void port_watch(void *arg, const struct fg_item *item, const struct fg_point_desc *desc)
{
	struct fg_daemon *d = arg;

	if (!item->replaces && (size_t)item->qc < FG_COUNT(d->told))
		d->told[item->qc]++;
	if (d->control)
		fg_control_watch(d->control, item, desc);
}

const struct fg_core_ports fg_daemon_ports = {
	.poll = fg_links_poll,
	.asleep = fg_links_asleep,
	.begin = port_begin,
	.end = port_end,
	.append = port_append,
	.save_delivery = port_save_delivery,
	.reserve = port_reserve,
	.expire = port_expire,
	.set_era = port_set_era,
	.restamp_begin = port_restamp_begin,
	.restamp = port_restamp,
	.issue_losses = port_issue_losses,
	.set_ledger = port_set_ledger,
	.forget_ledger = port_forget_ledger,
	.set_state = port_set_state,
	.make_room = port_make_room,
	.connect = fg_sessions_connect,
	.disconnect = fg_sessions_disconnect,
	.look = fg_sessions_look,
	.publish = fg_sessions_publish,
	.subscribe = fg_sessions_subscribe,
	.read_page = fg_daemon_read_page,
	.read_hours = fg_daemon_read_hours,
	.watch = port_watch,
	.hurry = port_hurry,
	.reported = fg_reports_done,
	.counts = fg_reports_counts,
};

/* ---- the loop ---- */

void fg_daemon_wake(struct fg_daemon *d, bool urgent)
{
	/* The loop writes sleep_until_us before it looks for work a last time, so either it sees
	 * the work or we see how long it sleeps. */
	if (urgent || atomic_load(&d->sleep_until_us) > fg_clock_mono_us() + PATIENCE_US)
		uv_async_send(&d->wake);
}

static void drain_inbox(struct fg_daemon *d)
{
	struct {
		uint32_t kind;
		union {
			struct fg_store_event store;
			struct fg_session_event session;
		};
	} message;
	unsigned char bytes[FG_INBOX_MAX];
	long n;

	while ((n = fg_ring_pop(&d->inbox, bytes, sizeof(bytes))) > 0) {
		memcpy(&message.kind, bytes, sizeof(message.kind));
		if (message.kind == FG_INBOX_STORE) {
			memcpy(&message.store, bytes + sizeof(uint32_t), sizeof(message.store));
			fg_daemon_store_event(d, &message.store);
		} else if (message.kind == FG_INBOX_HEARD) {
			fg_sessions_heard(
				d, bytes + sizeof(uint32_t), (size_t)n - sizeof(uint32_t));
		} else {
			memcpy(&message.session, bytes + sizeof(uint32_t),
				(size_t)n - sizeof(uint32_t));
			fg_sessions_event(d, &message.session);
		}
	}
}

static void on_timer(uv_timer_t *timer)
{
	fg_daemon_turn(timer->data);
}

void fg_daemon_turn(struct fg_daemon *d)
{
	struct fg_now now;
	int64_t next, wait_ms;

	if (d->stopped)
		return;
	fg_links_drain(d);
	drain_inbox(d);
	now = fg_clock_now();
	next = fg_core_run(d->core, now);
	if (d->stopping)
		next = FG_MIN(next, now.mono_us + 50000);
	wait_ms = (FG_MIN(next, now.mono_us + INT64_C(3600000000)) - now.mono_us + 999) / 1000;
	uv_update_time(&d->loop);
	uv_timer_start(&d->timer, on_timer, (uint64_t)FG_MAX(wait_ms, 0), 0);
}

static void on_wake(uv_async_t *async)
{
	fg_daemon_turn(async->data);
}

/* Right before the loop sleeps: says for how long, then looks for work once more. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct fg_daemon *d = prepare->data;
	int timeout_ms = uv_backend_timeout(&d->loop);
	int64_t sleep_us = timeout_ms < 0 ? INT64_C(3600000000) : timeout_ms * INT64_C(1000);
	bool work;

	atomic_store(&d->sleep_until_us, fg_clock_mono_us() + sleep_us);
	if (sleep_us <= PATIENCE_US)
		return;
	pthread_mutex_lock(&d->done_lock);
	work = d->done_first || d->delivered_first;
	pthread_mutex_unlock(&d->done_lock);
	if (work || fg_ring_used(&d->inbox) > 0)
		uv_async_send(&d->wake);
}

static void on_clock(uv_timer_t *timer)
{
	struct fg_daemon *d = timer->data;

	fg_log_limit_turn(fg_clock_mono_us());
	fg_core_clock(d->core, fg_clock_now(),
		fg_trust_level(&d->trust, &d->config->clock, d->newest_stored_ms,
			fg_core_clock_doubted(d->core)));
	fg_http_turn(d);
	fg_control_turn(d->control);
	fg_daemon_turn(d);
}

/* Threads that were asked to end are joined when they are done. */
static bool reap(struct fg_daemon *d, int64_t wait_us)
{
	for (size_t i = 0; i < d->ending_worker_count;) {
		if (fg_worker_join(d->ending_workers[i], wait_us))
			d->ending_workers[i] = d->ending_workers[--d->ending_worker_count];
		else
			i++;
	}
	for (size_t i = 0; i < d->ending_session_count;) {
		if (fg_session_join(d->ending_sessions[i], wait_us))
			d->ending_sessions[i] = d->ending_sessions[--d->ending_session_count];
		else
			i++;
	}
	return d->ending_worker_count + d->ending_session_count == 0;
}

/* ---- the end ---- */

/* In-flight acknowledgements are awaited for at most 2 s; then everything is committed. */
static void on_reap(uv_timer_t *timer)
{
	struct fg_daemon *d = timer->data;

	reap(d, 0);
	if (!d->stopping)
		return;
	fg_store_flush(d->store);
	fg_daemon_turn(d);
	if (!fg_core_idle(d->core) && fg_clock_mono_us() < d->stop_deadline_us)
		return;
	d->stopped = true;
	uv_stop(&d->loop);
}

void fg_daemon_stop(struct fg_daemon *d)
{
	if (d->stop_deadline_us)
		return;
	d->stopping = true;
	d->stop_deadline_us = fg_clock_mono_us() + STOP_US;
	fg_notice("stopping");
	fg_notify("STOPPING=1");
	fg_core_stop(d->core, fg_clock_now());
	fg_links_stop(d);
	fg_store_flush(d->store);
	uv_timer_start(&d->reap_timer, on_reap, 20, 20);
	fg_daemon_turn(d);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct fg_daemon *d = handle->data;

	if (signum == SIGHUP)
		fg_daemon_reload(d);
	else
		fg_daemon_stop(d);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Everything is committed and freed; threads that hang are left to the process's end. */
static void finish(struct fg_daemon *d)
{
	bool clean;

	drain_inbox(d);
	fg_sessions_stop(d);
	fg_daemon_save_deliveries(d);
	clean = reap(d, 500000);
	fg_control_stop(d->control);
	d->control = NULL;
	clean &= fg_http_stop(d);
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	fg_ring_close(&d->inbox); /* nobody takes out any more what the store tells */
	fg_store_stop(d->store, fg_core_release_from(d->core));
	fg_reader_close(d->reader);
	for (size_t i = 0; i < d->old_reader_count; i++)
		fg_reader_close(d->old_readers[i]);
	if (!clean) { /* a thread still uses what would be freed */
		fg_log_limit_turn(INT64_MAX);
		fg_warning("a thread does not end; leaving it behind");
		_exit(d->exit_code);
	}
	fg_links_drain(d);
	for (size_t i = 0; i < d->poll_count; i++)
		fg_poll_free(d->polls[i]);
	free(d->polls);
	free(d->old_readers);
	free(d->workers);
	free(d->sessions);
	free(d->ending_workers);
	free(d->ending_sessions);
	fg_reload_free(d);
	fg_daemon_end_recheck(d);
	fg_stored_free(d);
	fg_core_free(d->core);
	fg_series_set_fini(&d->series);
	fg_ring_fini(&d->inbox);
	uv_loop_close(&d->loop);
	fg_config_unref(d->config);
	free(d->config_path);
	fg_log_limit_turn(INT64_MAX);
	fg_notice_of(STOPPED, "stopped");
}

/* ---- the beginning ---- */

static int init_loop(struct fg_daemon *d)
{
	static const int signums[3] = {SIGTERM, SIGINT, SIGHUP};

	if (uv_loop_init(&d->loop) < 0 || fg_ring_init(&d->inbox, INBOX_BYTES) < 0)
		return FG_ENOMEM;
	pthread_mutex_init(&d->done_lock, NULL);
	d->done_last = &d->done_first;
	d->delivered_last = &d->delivered_first;
	d->timer.data = d->clock_timer.data = d->reap_timer.data = d->watch_timer.data =
		d->wake.data = d->prepare.data = d;
	uv_timer_init(&d->loop, &d->timer);
	uv_timer_init(&d->loop, &d->clock_timer);
	uv_timer_init(&d->loop, &d->reap_timer);
	uv_timer_init(&d->loop, &d->watch_timer);
	uv_async_init(&d->loop, &d->wake, on_wake);
	uv_prepare_init(&d->loop, &d->prepare);
	uv_prepare_start(&d->prepare, on_prepare);
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		uv_signal_start(&d->signals[i], on_signal, signums[i]);
	}
	return FG_OK;
}

static int start_parts(struct fg_daemon *d)
{
	int r = fg_daemon_open_store(d);

	if (r < 0)
		return r; /* told */
	r = fg_links_start(d);
	if (r == FG_OK)
		r = fg_sessions_start(d);
	if (r == FG_OK)
		r = fg_control_start(d, &d->control);
	if (r == FG_OK)
		fg_debug_show(d);
	if (r < 0)
		fg_error("cannot start: %s", fg_strerror(r));
	return r;
}

int fg_daemon_run(
	struct fg_config *config, const char *config_path, const struct fg_load_options *options)
{
	static struct fg_daemon daemon; /* one a process; large */
	struct fg_daemon *d = &daemon;

	d->config = fg_config_ref(config);
	d->config_path = strdup(config_path);
	d->load_options = *options;
	if (!d->config_path || init_loop(d) < 0)
		return EX_OSERR;
	fg_log_limit_start();
	if (start_parts(d) < 0)
		return EX_TEMPFAIL;
	fg_notice_of(STARTED, "gateway '%s': started, %zu devices, %zu points, %zu destinations",
		config->gateway.id, config->device_count, config->point_count,
		config->destination_count);
	uv_timer_start(&d->clock_timer, on_clock, 0, CLOCK_CHECK_MS);
	uv_timer_start(&d->reap_timer, on_reap, REAP_MS * 5, REAP_MS * 5);
	fg_notify("READY=1");
	fg_watchdog_start(d);
	fg_daemon_turn(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	finish(d);
	return d->exit_code;
}
