/* SPDX-License-Identifier: EUPL-1.2 */
/* Link workers. */
#include "gateway/worker.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/thread.h"

#define REOPEN_MIN_US 1000000
#define REOPEN_MAX_US 30000000
#define SLACK_US      1000000
#define ROOMS_MAX     4 /* drivers that share a thread */

/* A driver in the thread, and what its links have in common. */
struct room {
	struct room *next;
	const struct fg_driver *driver;
	struct fg_host host;
	bool open; /* of shared drivers */
};

/* A link as its worker knows it. */
struct line {
	struct line *next;
	struct room *room;
	struct fg_link_state ls;
	bool listening; /* to be open all the time */
	struct fg_config *config; /* of ls.link; held */
	char name[64];
	uint64_t fingerprint; /* of the keys it is open with */
	int64_t reopen_at_us, reopen_us;
	bool down_logged;
	int open_status; /* why it did not open, also in words */
	char why[160];
};

struct gone {
	char name[64];
	uint64_t fingerprint;
};

struct fg_worker {
	fg_worker_done_fn done;
	fg_worker_delivered_fn delivered;
	void *arg;
	pthread_t thread;
	int wake_fd;
	_Atomic bool stop;
	struct fg_pulse pulse;
	_Atomic int64_t poll_until_us; /* the poll that began last may take so long */

	pthread_mutex_t lock; /* of the queue, the links to forget, and the end */
	pthread_cond_t end;
	bool ended;
	struct fg_job *first, **last;
	bool after_raw;	      /* the last one taken was a person's exchange */
	unsigned polls_first; /* so many polls go before the next such */
	struct gone *forget;
	size_t forget_count;
	struct fg_delivery *returned; /* the newest first */

	/* the thread's own */
	struct room *rooms;
	uint64_t serial;     /* of all workers there were: an address may be had again */
	unsigned deliveries; /* under way */
	struct line *lines;
	/* Jobs that gave the link back for a while, the next one first. No more than the groups of
	 * the link: each has one job at a time. */
	struct fg_job *asleep;
};

/* ---- core's side ---- */

static void wake(struct fg_worker *w)
{
	const uint64_t one = 1;

	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		return; /* full counter: it is awake */
}

void fg_worker_submit(struct fg_worker *w, struct fg_config *config, struct fg_job *job)
{
	bool was_empty;

	job->next = NULL;
	job->config = fg_config_ref(config);
	pthread_mutex_lock(&w->lock);
	was_empty = w->first == NULL;
	*w->last = job;
	w->last = &job->next;
	pthread_mutex_unlock(&w->lock);
	if (was_empty)
		wake(w);
}

void fg_worker_forget_link(struct fg_worker *w, const struct fg_link *link)
{
	struct gone gone = {.fingerprint = link->fingerprint};
	void *more;

	memcpy(gone.name, link->name, FG_MIN(strlen(link->name), sizeof(gone.name) - 1));
	pthread_mutex_lock(&w->lock);
	more = realloc(w->forget, (w->forget_count + 1) * sizeof(*w->forget));
	if (more) {
		w->forget = more;
		w->forget[w->forget_count++] = gone;
	}
	pthread_mutex_unlock(&w->lock);
	wake(w);
}

void fg_worker_return(struct fg_worker *w, struct fg_delivery *d)
{
	pthread_mutex_lock(&w->lock);
	d->next = w->returned;
	w->returned = d;
	pthread_mutex_unlock(&w->lock);
	wake(w);
}

/* ---- drivers ---- */

static void open_room(struct room *room)
{
	if (!room->open && room->driver->flags & FG_DRIVER_SHARED)
		room->open = room->driver->host_open(&room->host) == FG_OK;
}

static struct room *room_of(struct fg_worker *w, const struct fg_driver *driver)
{
	struct room *room;

	for (room = w->rooms; room; room = room->next)
		if (room->driver == driver)
			return room;
	room = calloc(1, sizeof(*room));
	if (!room)
		return NULL;
	room->driver = room->host.driver = driver;
	room->host.state = calloc(1, driver->host_size + 1);
	if (!room->host.state) {
		free(room);
		return NULL;
	}
	open_room(room);
	room->next = w->rooms;
	w->rooms = room;
	return room;
}

static void close_rooms(struct fg_worker *w)
{
	struct room *room;

	while ((room = w->rooms)) {
		w->rooms = room->next;
		if (room->open)
			room->driver->host_close(&room->host);
		free(room->host.state);
		free(room);
	}
}

/* Gives each driver its turn; returns how long (µs) it may be until the next; -1: for ever. */
static int64_t process_rooms(struct fg_worker *w)
{
	int64_t wait_us = -1, room_us;

	for (struct room *room = w->rooms; room; room = room->next) {
		if (!room->open)
			continue;
		room_us = room->driver->host_process(&room->host);
		if (wait_us < 0 || (room_us >= 0 && room_us < wait_us))
			wait_us = room_us;
	}
	return wait_us;
}

/* ---- lines ---- */

static int deliver(struct fg_link_state *ls, struct fg_delivery *d);

static struct line *find_line(struct fg_worker *w, const char *name)
{
	for (struct line *l = w->lines; l; l = l->next)
		if (strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

static struct line *add_line(
	struct fg_worker *w, const struct fg_link *link, struct fg_config *config)
{
	struct line *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->room = room_of(w, link->driver);
	l->ls.state = calloc(1, link->driver->state_size + 1);
	if (!l->ls.state || !l->room) {
		free(l->ls.state);
		free(l);
		return NULL;
	}
	l->ls.link = link;
	l->ls.host = &l->room->host;
	l->ls.deliver = deliver;
	l->ls.owner = w;
	l->config = fg_config_ref(config);
	memcpy(l->name, link->name, FG_MIN(strlen(link->name), sizeof(l->name) - 1));
	l->fingerprint = link->fingerprint;
	l->reopen_us = REOPEN_MIN_US;
	pthread_mutex_lock(&w->lock); /* others look at what it counts */
	l->next = w->lines;
	w->lines = l;
	pthread_mutex_unlock(&w->lock);
	return l;
}

static void close_line(struct line *l)
{
	bool was_open = l->ls.open;

	l->ls.open = false; /* first: close() gives jobs back, which looks at it */
	if (was_open)
		l->room->driver->close(&l->ls);
}

static void free_line(struct line *l)
{
	close_line(l);
	free(l->ls.state);
	fg_config_unref(l->config);
	free(l);
}

/* Takes the line out before it is closed: the pending jobs that come back belong to none. */
static void forget_line(struct fg_worker *w, const char *name)
{
	for (struct line **at = &w->lines; *at; at = &(*at)->next) {
		struct line *l = *at;

		if (strcmp(l->name, name) != 0)
			continue;
		pthread_mutex_lock(&w->lock);
		*at = l->next;
		pthread_mutex_unlock(&w->lock);
		free_line(l);
		return;
	}
}

static const struct fg_link *link_of(const struct fg_job *job)
{
	if (job->listen)
		return job->listen;
	return job->raw ? job->raw->link : job->group->device->link;
}

/* A reload gave the link a new object: where it is equal, it is used from the first job that comes
 * with it; where it has other keys, the link is opened anew. */
static struct line *line_of(struct fg_worker *w, struct fg_job *job)
{
	const struct fg_link *link = link_of(job);
	struct line *l = find_line(w, link->name);

	if (l && l->fingerprint != link->fingerprint) {
		forget_line(w, link->name);
		l = NULL;
	}
	if (!l)
		return add_line(w, link, job->config);
	if (l->config != job->config) {
		fg_config_unref(l->config);
		l->config = fg_config_ref(job->config);
		l->ls.link = link;
	}
	return l;
}

static void link_failed(struct line *l, int64_t now_us, int status)
{
	if (!l->down_logged)
		fg_warning_of(LINK_DOWN, "link '%s': down: %s; trying again", l->name,
			l->ls.why[0] ? l->ls.why : fg_strerror(status));
	memcpy(l->why, l->ls.why, sizeof(l->why));
	l->ls.why[0] = '\0';
	l->down_logged = true;
	l->reopen_at_us = now_us + l->reopen_us;
	l->reopen_us = FG_MIN(l->reopen_us * 2, REOPEN_MAX_US);
}

static bool open_line(struct line *l)
{
	const struct fg_driver *driver = l->room->driver;
	int64_t now_us = fg_clock_mono_us();
	int r;

	if (l->ls.open)
		return true;
	if (now_us < l->reopen_at_us)
		return false;
	open_room(l->room);
	r = driver->flags & FG_DRIVER_SHARED && !l->room->open ? FG_ENOMEM : driver->open(&l->ls);
	if (r < 0) {
		driver->close(&l->ls);
		l->open_status = r;
		link_failed(l, fg_clock_mono_us(), r);
		return false;
	}
	l->ls.open = true;
	fg_thread_release_stack();
	return true;
}

/* ---- jobs ---- */

static void finish(struct fg_worker *w, struct fg_job *job)
{
	job->done_mono_us = fg_clock_mono_us();
	w->done(w->arg, job);
}

static void all_missing(struct fg_job *job, enum fg_reason reason)
{
	int64_t now_us = fg_clock_mono_us();

	job->batch->count = 0;
	if (job->raw)
		job->raw->status = job->raw->status < 0 ? job->raw->status : -EIO;
	for (size_t i = 0; job->group && i < job->group->count; i++)
		fg_job_missing(job, job->group->points[i], reason, 0, now_us);
}

static void settle(struct fg_worker *w, struct line *l, struct fg_job *job)
{
	if (job->status < 0 && l->ls.open) { /* else another job's failure has ended this one */
		fg_job_explain(job, "! link failed: %s", fg_strerror(job->status));
		close_line(l);
		link_failed(l, fg_clock_mono_us(), job->status);
	} else if (job->status >= 0 && job->answers) {
		if (l->down_logged)
			fg_notice_of(LINK_UP, "link '%s': up again", l->name);
		l->down_logged = false;
		l->reopen_us = REOPEN_MIN_US;
	}
	finish(w, job);
}

/* A shared driver calls this from process() or cancel(). */
static void shared_done(struct fg_job *job)
{
	struct fg_worker *w = job->owner;
	struct line *l = find_line(w, link_of(job)->name);

	if (l)
		settle(w, l, job);
	else
		finish(w, job);
}

static void put_to_sleep(struct fg_worker *w, struct fg_job *job)
{
	struct fg_job **at = &w->asleep;

	job->slept_mono_us = fg_clock_mono_us();
	job->asleep = true;
	while (*at && (*at)->resume_mono_us <= job->resume_mono_us)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
}

static void run_job(struct fg_worker *w, struct line *l, struct fg_job *job)
{
	int r;

	w->poll_until_us = job->deadline_mono_us;
	r = l->room->driver->poll(job);
	if (r == FG_PENDING)
		return;
	if (r == FG_AGAIN) {
		put_to_sleep(w, job);
		return;
	}
	job->status = r;
	settle(w, l, job);
}

static void link_is_down(struct fg_worker *w, struct fg_job *job)
{
	fg_job_explain(job, "! link '%s' is down", link_of(job)->name);
	all_missing(job, FG_REASON_LINK_DOWN);
	finish(w, job);
}

/* A person's exchange. A person also waits for no pause before the link is tried again. */
static void run_raw(struct fg_worker *w, struct line *l, struct fg_job *job)
{
	struct fg_raw *x = job->raw;
	int64_t pause_us = l->reopen_us;

	l->reopen_at_us = 0;
	if (!open_line(l)) {
		l->reopen_us = pause_us; /* no longer for the polls than it was */
		x->status = l->open_status;
		memcpy(x->why, l->why, sizeof(x->why));
		finish(w, job);
		return;
	}
	job->link = &l->ls;
	job->status = l->room->driver->raw ? l->room->driver->raw(&l->ls, x) : FG_OK;
	job->answers = x->status == FG_OK;
	if (job->status < 0) {
		x->status = job->status;
		memcpy(x->why, l->ls.why, sizeof(x->why));
	}
	settle(w, l, job);
}

/* A link that waits for others to speak. One that cannot be opened now is tried again. */
static void listen(struct fg_worker *w, struct line *l, struct fg_job *job)
{
	if (l) {
		l->listening = true;
		if (!l->ls.open)
			open_line(l);
		else if (l->room->driver->reload)
			l->room->driver->reload(&l->ls);
	}
	finish(w, job);
}

/* Opens those again that are down and whose time has come; returns when to look next (µs from
 * now); -1: no need. */
static int64_t reopen_listening(struct fg_worker *w)
{
	int64_t wait_us = -1, left_us;

	for (struct line *l = w->lines; l; l = l->next) {
		if (!l->listening || l->ls.open || w->stop)
			continue;
		if (open_line(l)) {
			fg_notice_of(LINK_UP, "link '%s': up again", l->name);
			l->down_logged = false;
			l->reopen_us = REOPEN_MIN_US;
			continue;
		}
		left_us = FG_MAX(l->reopen_at_us - fg_clock_mono_us(), INT64_C(0));
		wait_us = wait_us < 0 ? left_us : FG_MIN(wait_us, left_us);
	}
	return wait_us;
}

static int64_t timeout_of(const struct fg_job *job)
{
	if (job->timeout_us > 0 || job->raw || job->listen)
		return job->timeout_us;
	return job->group->device->timeout_us;
}

static void start_job(struct fg_worker *w, struct fg_job *job)
{
	struct line *l = line_of(w, job);
	int64_t timeout_us = timeout_of(job);

	job->started_mono_us = fg_clock_mono_us();
	job->batch->count = job->batch->text_len = 0;
	job->requests = job->answers = job->splits = 0;
	job->answer_us = job->slept_us = 0;
	job->asleep = job->observing = false;
	job->driver_data = NULL;
	job->status = FG_OK;
	job->owner = w;
	job->done = shared_done;
	if (job->listen) {
		listen(w, l, job);
		return;
	}
	if (l && job->raw) {
		run_raw(w, l, job);
		return;
	}
	if (!l || !open_line(l)) {
		link_is_down(w, job);
		return;
	}
	job->link = &l->ls;
	job->deadline_mono_us =
		job->started_mono_us + SLACK_US +
		(int64_t)job->group->request_count * FG_MAX(job->attempts, 1u) * timeout_us;
	run_job(w, l, job);
}

/* Goes on with jobs whose time has come. The link may have failed while they slept. */
static void wake_jobs(struct fg_worker *w)
{
	int64_t now_us = fg_clock_mono_us();

	while (!w->stop && w->asleep && w->asleep->resume_mono_us <= now_us) {
		struct fg_job *job = w->asleep;
		struct line *l = find_line(w, job->group->device->link->name);

		w->asleep = job->next;
		now_us = fg_clock_mono_us();
		job->deadline_mono_us += now_us - job->slept_mono_us;
		job->slept_us += now_us - job->slept_mono_us;
		job->asleep = false;
		if (!l || &l->ls != job->link || !l->ls.open)
			link_is_down(w, job);
		else
			run_job(w, l, job);
	}
}

/* ---- readings that nobody polled ---- */

static int deliver(struct fg_link_state *ls, struct fg_delivery *d)
{
	struct fg_worker *w = ls->owner;
	struct line *l = find_line(w, ls->link->name);

	if (!l || w->deliveries >= FG_DELIVERIES_MAX)
		return FG_EFULL;
	w->deliveries++;
	d->owner = w;
	d->owner_serial = w->serial;
	d->config = fg_config_ref(l->config);
	w->delivered(w->arg, d);
	return FG_PENDING;
}

/* Those that came back, in the order in which they did. */
static void take_returned(struct fg_worker *w)
{
	struct fg_delivery *d, *next, *first = NULL;

	pthread_mutex_lock(&w->lock);
	d = w->returned;
	w->returned = NULL;
	pthread_mutex_unlock(&w->lock);
	for (; d; d = next) {
		next = d->next;
		d->next = first;
		first = d;
	}
	for (d = first; d; d = next) {
		struct fg_config *config = FG_TAKE(d->config); /* done() still looks into it */

		next = d->next;
		w->deliveries--;
		if (d->done)
			d->done(d);
		else
			fg_delivery_free(d);
		fg_config_unref(config);
	}
}

/* ---- the thread ---- */

/* The polls that wait when a person's exchange is over go before the next one: however many people
 * look at a link, its polls wait for one of them at a time. */
static struct fg_job **next_job(struct fg_worker *w)
{
	struct fg_job **at = &w->first;

	if (w->after_raw) {
		w->polls_first = 0;
		for (const struct fg_job *job = w->first; job; job = job->next)
			w->polls_first += !job->raw;
	}
	w->after_raw = false;
	while (w->polls_first && (*at)->raw)
		at = &(*at)->next;
	if (w->polls_first)
		w->polls_first--;
	return at;
}

static struct fg_job *take(struct fg_worker *w)
{
	struct fg_job *job, **at;

	pthread_mutex_lock(&w->lock);
	at = next_job(w);
	job = *at;
	if (job) {
		*at = job->next;
		if (!job->next)
			w->last = at;
		w->after_raw = job->raw != NULL;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void forget_lines(struct fg_worker *w)
{
	struct gone *gone;
	size_t count;

	pthread_mutex_lock(&w->lock);
	gone = w->forget;
	count = w->forget_count;
	w->forget = NULL;
	w->forget_count = 0;
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < count; i++) {
		const struct line *l = find_line(w, gone[i].name);

		if (l && l->fingerprint == gone[i].fingerprint) /* else opened anew already */
			forget_line(w, gone[i].name);
	}
	free(gone);
}

static void wait_for_work(struct fg_worker *w, int64_t wait_us)
{
	struct pollfd fds[1 + ROOMS_MAX] = {{.fd = w->wake_fd, .events = POLLIN}};
	nfds_t n = 1;
	uint64_t count;

	for (struct room *room = w->rooms; room && n < FG_COUNT(fds); room = room->next)
		if (room->open)
			fds[n++] = (struct pollfd){
				.fd = room->driver->host_fd(&room->host), .events = POLLIN};
	poll(fds, n, wait_us < 0 ? -1 : (int)FG_MIN((wait_us + 999) / 1000, 60000));
	if (fds[0].revents && read(w->wake_fd, &count, sizeof(count)) < 0)
		return;
}

static int64_t sooner(int64_t a_us, int64_t b_us)
{
	if (a_us < 0 || b_us < 0)
		return FG_MAX(a_us, b_us);
	return FG_MIN(a_us, b_us);
}

/* What is left when the end has come: nothing stays behind without an answer. */
static void end_all(struct fg_worker *w)
{
	struct fg_job *job;

	while ((job = w->asleep)) {
		w->asleep = job->next;
		link_is_down(w, job);
	}
	take_returned(w);
	while (w->lines)
		forget_line(w, w->lines->name);
	while ((job = take(w))) {
		all_missing(job, FG_REASON_LINK_DOWN);
		finish(w, job);
	}
	close_rooms(w);
}

bool fg_worker_is_owner(const struct fg_worker *w, const struct fg_delivery *d)
{
	return d->owner == w && d->owner_serial == w->serial;
}

bool fg_worker_counts(struct fg_worker *w, const char *link, uint64_t ret[FG_LINK_COUNTS])
{
	const struct line *l;

	pthread_mutex_lock(&w->lock);
	l = find_line(w, link);
	for (size_t i = 0; l && i < FG_LINK_COUNTS; i++)
		ret[i] = l->ls.counts[i];
	pthread_mutex_unlock(&w->lock);
	return l != NULL;
}

/* A poll of many requests may take long: until its deadline it is no standstill. */
unsigned fg_worker_look(struct fg_worker *w, struct fg_pulse_seen *seen)
{
	unsigned looks;
	bool asked;

	pthread_mutex_lock(&w->lock);
	asked = w->first != NULL;
	pthread_mutex_unlock(&w->lock);
	looks = fg_pulse_look(&w->pulse, seen, asked);
	if (looks && fg_clock_mono_us() < w->poll_until_us)
		looks = seen->looks = 0;
	return looks;
}

static void *run(void *arg)
{
	struct fg_worker *w = arg;
	struct fg_job *job;

	while (!w->stop) {
		int64_t wait_us;

		wake_jobs(w);
		while (!w->stop && (job = take(w))) {
			fg_pulse_work(&w->pulse);
			start_job(w, job);
			wake_jobs(w);
		}
		forget_lines(w);
		take_returned(w);
		wait_us = reopen_listening(w);
		wait_us = sooner(wait_us, process_rooms(w));
		if (w->asleep)
			wait_us = sooner(wait_us, FG_MAX(w->asleep->resume_mono_us -
								 fg_clock_mono_us(),
							  INT64_C(0)));
		fg_pulse_wait(&w->pulse);
		if (!w->stop)
			wait_for_work(w, wait_us);
		fg_pulse_work(&w->pulse);
		process_rooms(w);
	}
	end_all(w);
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_signal(&w->end);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int fg_worker_start(const char *name, fg_worker_done_fn done, fg_worker_delivered_fn delivered,
	void *arg, struct fg_worker **ret)
{
	static _Atomic uint64_t serial;
	struct fg_worker *w = calloc(1, sizeof(*w));
	char short_name[16] = "";
	int r = FG_ENOMEM;

	if (!w)
		return FG_ENOMEM;
	w->done = done;
	w->delivered = delivered;
	w->arg = arg;
	w->serial = ++serial;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	fg_cond_init(&w->end);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	memcpy(short_name, name, FG_MIN(strlen(name), sizeof(short_name) - 1));
	if (w->wake_fd >= 0)
		r = fg_thread_start(&w->thread, short_name, run, w);
	if (r < 0) {
		if (w->wake_fd >= 0)
			close(w->wake_fd);
		free(w);
		return r;
	}
	*ret = w;
	return FG_OK;
}

void fg_worker_ask_stop(struct fg_worker *w)
{
	w->stop = true;
	wake(w);
}

bool fg_worker_join(struct fg_worker *w, int64_t wait_us)
{
	struct fg_delivery *d;
	struct timespec ts;
	bool ended;

	fg_clock_deadline(wait_us, &ts);
	pthread_mutex_lock(&w->lock);
	while (!w->ended && pthread_cond_timedwait(&w->end, &w->lock, &ts) == 0)
		;
	ended = w->ended;
	pthread_mutex_unlock(&w->lock);
	if (!ended)
		return false;
	pthread_join(w->thread, NULL); /* it is past its last line */
	pthread_cond_destroy(&w->end);
	close(w->wake_fd);
	pthread_mutex_destroy(&w->lock);
	while ((d = w->returned)) { /* after its end: nobody waits for them any more */
		w->returned = d->next;
		fg_config_unref(d->config);
		fg_delivery_free(d);
	}
	free(w->forget);
	free(w);
	return true;
}
