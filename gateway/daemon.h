/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_DAEMON_H
#define FG_GATEWAY_DAEMON_H

/* The daemon: the only place that wires core, links, store, MQTT sessions and control together
 * around a libuv loop. What its own files share; main.c uses the last part. Everything here runs
 * in the loop's thread but for the functions that say otherwise. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "base/ring.h"
#include "drivers/driver.h"
#include "gateway/config/config.h"
#include "gateway/core.h"
#include "gateway/session.h"
#include "gateway/store.h"
#include "gateway/worker.h"
#include "storage/reader.h"

struct fg_daemon;
struct fg_control;
struct fg_stored_answer;
struct fg_debug_switch;
struct fg_http;
struct recheck;

/* The memory of one group's polls: the job and the batch it fills. */
struct fg_poll {
	struct fg_job job; /* first: a job is its poll */
	struct fg_batch batch;
	struct fg_daemon *daemon;
	uint32_t index; /* of the group in the configuration in force; FG_POLL_ORPHAN: none any more
			 */
	bool busy;
	/* what to do with the result; NULL: it goes to the core */
	void (*finished)(struct fg_daemon *d, struct fg_poll *poll);
	void *user;
};
#define FG_POLL_ORPHAN UINT32_MAX

struct fg_poll *fg_poll_new(struct fg_daemon *d, const struct fg_group *group);
void fg_poll_free(struct fg_poll *poll);

/* A worker and the link (or the shared driver) it serves. */
struct fg_worker_slot {
	char name[64]; /* link, or driver */
	bool shared;
	uint64_t fingerprint; /* of the link's keys */
	struct fg_worker *worker;
	struct fg_pulse_seen seen; /* by the watchdog */
};

/* When the file that says that the time is right was last touched: at the last look, and at the
 * one before. */
struct fg_trust_file {
	int64_t touched_ns, before_ns;
	unsigned kernel_failed; /* looks in a row at which it could not be asked */
	bool kernel_told;
};

struct fg_session_slot {
	char name[FG_DESTINATION_NAME];
	uint32_t number;
	struct fg_session *session;
};

struct fg_daemon {
	uv_loop_t loop;
	uv_timer_t timer, clock_timer, reap_timer, watch_timer;
	uv_async_t wake;
	uv_prepare_t prepare;
	uv_signal_t signals[3];

	char *config_path;
	struct fg_load_options load_options;
	struct fg_config *config;
	struct fg_series_set series;
	struct fg_core *core;
	struct fg_store *store;
	struct fg_store_bundle bundle; /* of what the core hands over together */
	bool bundling;
	struct fg_reader *reader; /* used by one work item at a time (a pool of one thread) */
	struct fg_reader **old_readers; /* of damaged files; their texts may be in use */
	size_t old_reader_count;
	int64_t newest_stored_ms;
	bool time_known;
	bool damage_told;
	int64_t progress_us; /* when the service manager was told last that the start takes long */
	char salvaged[200]; /* at the start; empty: nothing had to be */
	struct recheck *recheck; /* daemon_store.c: under way after damage */
	struct fg_trust_file trust;
	uint64_t watchdog_us; /* the service manager wants to hear of us as often; 0: never */
	struct fg_pulse_seen store_seen;

	struct fg_poll **polls; /* by group index */
	size_t poll_count;
	struct fg_worker_slot *workers;
	size_t worker_count;
	struct fg_session_slot *sessions;
	size_t session_count;
	uint32_t next_session_number;
	/* threads that were asked to end and may take their time */
	struct fg_worker **ending_workers;
	size_t ending_worker_count;
	struct fg_session **ending_sessions;
	size_t ending_session_count;

	struct fg_ring inbox;
	pthread_mutex_t done_lock; /* of these four */
	struct fg_job *done_first, **done_last;
	struct fg_delivery *delivered_first, **delivered_last;
	_Atomic int64_t sleep_until_us;

	/* http_daemon.c: the web server; NULL: it is not configured, or cannot listen yet */
	struct fg_http *http, *http_ending; /* the one before, still in a read of the store */
	char *http_listen; /* as it was started */
	double http_rate;
	int64_t http_retry_us, http_view_us;
	bool http_told; /* that it cannot listen */
	uint64_t told[10]; /* readings since the start, by enum fg_qc */

	struct fg_control *control;
	struct fg_debug_switch *debug; /* control_debug.c; NULL: never asked for */
	struct fg_stored_answer *stored_answers; /* control_stored.c */
	struct fg_reload *reload; /* under way */
	bool reload_again;
	bool stopping, stopped;
	int exit_code;
	int64_t stop_deadline_us;
};

/* What the inbox holds: a kind, then the event. */
enum { FG_INBOX_STORE = 1, FG_INBOX_SESSION = 2, FG_INBOX_HEARD = 3 };

/* What follows the kind of FG_INBOX_HEARD; then the topic with its NUL, then claims (claims.h). */
struct fg_claims_head {
	uint32_t destination, topic_len;
};
#define FG_INBOX_MAX (FG_HEARD_MAX + FG_TOPIC_MAX + 64u)

/* daemon.c */
void fg_daemon_turn(struct fg_daemon *d);
void fg_daemon_stop(struct fg_daemon *d);
/* Any thread. Not urgent: the loop is woken only where it would sleep for long by itself. */
void fg_daemon_wake(struct fg_daemon *d, bool urgent);
extern const struct fg_core_ports fg_daemon_ports;

/* links.c: polls and workers */
int fg_links_start(struct fg_daemon *d);
void fg_links_poll(
	void *arg, const struct fg_group *group, unsigned attempts, int64_t timeout_us);
bool fg_links_asleep(void *arg, const struct fg_group *group);
/* Gives finished polls to the core. */
void fg_links_drain(struct fg_daemon *d);
int fg_links_reload(struct fg_daemon *d, struct fg_config *prev);
void fg_links_stop(struct fg_daemon *d);
/* The worker of a link; NULL where there is none. */
struct fg_worker *fg_links_worker(struct fg_daemon *d, const struct fg_link *link);

/* reports.c: readings that nobody polled, on their way from a driver to the core and back */
void fg_reports_delivered(void *arg, struct fg_delivery *delivery); /* worker's thread */
void fg_reports_drain(struct fg_daemon *d, struct fg_delivery *first);
/* Port of the core: what has become of a delivery. */
void fg_reports_done(void *arg, void *token, int status, unsigned known);
/* Opens the links that wait for others to speak, or tells them of a new configuration. */
int fg_reports_listen(struct fg_daemon *d);
bool fg_reports_counts(void *arg, const struct fg_link *link, uint64_t *ret);
void fg_reports_listened(struct fg_job *job);

/* sessions.c: MQTT */
int fg_sessions_start(struct fg_daemon *d);
void fg_sessions_event(struct fg_daemon *d, const struct fg_session_event *event);
bool fg_sessions_post(void *arg, const struct fg_session_event *event); /* session's thread */
void fg_sessions_stop(struct fg_daemon *d);
/* Before `next` is in force: tells sessions whose name at the broker it has no more. */
void fg_sessions_part(struct fg_daemon *d, const struct fg_config *next);
/* Ends the session of a destination that has gone or changed. */
void fg_sessions_drop(struct fg_daemon *d, const char *name);
void fg_sessions_connect(
	void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch);
void fg_sessions_look(
	void *arg, const struct fg_destination *dest, size_t server, uint32_t epoch);
void fg_sessions_disconnect(void *arg, const struct fg_destination *dest);
int fg_sessions_subscribe(void *arg, const struct fg_destination *dest, const char *filter);
void fg_sessions_heard(struct fg_daemon *d, const void *bytes, size_t len);
int fg_sessions_publish(
	void *arg, const struct fg_destination *dest, const struct fg_message *m, size_t n);

/* daemon_store.c: what goes to the store and comes back */
void fg_daemon_store_post(void *arg, const struct fg_store_event *event); /* storage thread */
void fg_daemon_store_event(struct fg_daemon *d, const struct fg_store_event *event);
int fg_daemon_open_store(struct fg_daemon *d);
void fg_daemon_read_page(void *arg, const struct fg_destination *dest, struct fg_page *page);
int fg_daemon_read_hours(void *arg, struct fg_hours_work *work);
/* Tells the store which destinations are configured. */
void fg_daemon_tell_destinations(struct fg_daemon *d);
void fg_daemon_save_deliveries(struct fg_daemon *d);
void fg_daemon_end_recheck(struct fg_daemon *d);
/* What the reader came back with: a damaged file is set aside. */
void fg_daemon_read_damage(struct fg_daemon *d, long status);

/* reload.c */
void fg_daemon_reload(struct fg_daemon *d);
void fg_reload_called(struct fg_daemon *d, struct fg_store_call *call);
void fg_reload_free(struct fg_daemon *d);

/* trust.c: how good the evidence is that wall time is right, by clock.trust. newest_ms: of the
 * newest stored reading. doubted: the clock has stepped, so what was there before the step says
 * nothing. */
enum fg_clock_level fg_trust_level(struct fg_trust_file *t, const struct fg_clock_conf *conf,
	int64_t newest_ms, bool doubted);

/* control.c: the socket of fjordctl */
int fg_control_start(struct fg_daemon *d, struct fg_control **ret);
void fg_control_stop(struct fg_control *c);
/* Who may use it has perhaps changed. */
void fg_control_reloaded(struct fg_control *c);
/* Now and then: clients that never ask are sent away. NULL: nothing. */
void fg_control_turn(struct fg_control *c);
/* control_debug.c: what is on since the start, for the status. */
void fg_debug_show(struct fg_daemon *d);
void fg_control_watch(
	struct fg_control *c, const struct fg_item *item, const struct fg_point_desc *desc);

/* control_stored.c: answers that wait for the disk, and what the store tells. Whether the call was
 * of one; writing fails; a note was refused for ever; nobody will be answered any more; the store
 * has ended. */
bool fg_stored_called(struct fg_daemon *d, const struct fg_store_call *call);
void fg_stored_failed(struct fg_daemon *d, const char *why);
void fg_stored_refused(struct fg_daemon *d);
void fg_stored_stop(struct fg_daemon *d);
void fg_stored_free(struct fg_daemon *d);

/* http_daemon.c: starts and stops the web server as the configuration says, and tells it how things
 * are; once a second. */
void fg_http_turn(struct fg_daemon *d);
bool fg_http_stop(struct fg_daemon *d); /* false: its thread hangs */
/* The store's file was set aside. */
void fg_http_store_changed(struct fg_daemon *d);

/* watchdog.c: begins to tell the service manager that all goes on, where it wants to know. */
void fg_watchdog_start(struct fg_daemon *d);

/* notify.c: systemd's readiness protocol; does nothing without NOTIFY_SOCKET. */
void fg_notify(const char *state);

/* Runs until SIGTERM or SIGINT; returns the exit code. */
int fg_daemon_run(
	struct fg_config *config, const char *config_path, const struct fg_load_options *options);

#endif
