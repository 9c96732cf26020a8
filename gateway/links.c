/* SPDX-License-Identifier: EUPL-1.2 */
/* Polls and the workers that run them. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/daemon.h"

/* ---- polls ---- */

struct fg_poll *fg_poll_new(struct fg_daemon *d, const struct fg_group *group)
{
	const struct fg_driver *driver = group->device->link->driver;
	struct fg_poll *poll = calloc(1, sizeof(*poll));
	size_t text = driver->text_room ? driver->text_room(group) : 0;

	if (!poll)
		return NULL;
	poll->daemon = d;
	poll->index = group->index;
	poll->batch.cap = group->count;
	poll->batch.text_cap = text;
	poll->batch.readings = calloc(group->count + 1, sizeof(*poll->batch.readings));
	poll->batch.text = malloc(text + 1);
	if (!poll->batch.readings || !poll->batch.text) {
		fg_poll_free(poll);
		return NULL;
	}
	poll->job.batch = &poll->batch;
	return poll;
}

void fg_poll_free(struct fg_poll *poll)
{
	if (!poll)
		return;
	free(poll->batch.readings);
	free(poll->batch.text);
	free(poll);
}

/* Worker's thread: the job joins the list of finished ones. */
static void on_done(void *arg, struct fg_job *job)
{
	struct fg_daemon *d = arg;
	bool person_waits = ((struct fg_poll *)job)->finished != NULL;

	job->next = NULL;
	pthread_mutex_lock(&d->done_lock);
	*d->done_last = job;
	d->done_last = &job->next;
	pthread_mutex_unlock(&d->done_lock);
	fg_daemon_wake(d, person_waits);
}

void fg_links_poll(
	void *arg, const struct fg_group *group, unsigned attempts, int64_t timeout_us)
{
	struct fg_daemon *d = arg;
	struct fg_poll *poll = d->polls[group->index];
	struct fg_worker *worker = fg_links_worker(d, group->device->link);

	poll->busy = true;
	poll->job.group = group;
	poll->job.attempts = FG_MAX(attempts, 1u);
	poll->job.probe = attempts == 0;
	poll->job.timeout_us = timeout_us;
	poll->job.explain = NULL;
	fg_worker_submit(worker, d->config, &poll->job);
}

bool fg_links_asleep(void *arg, const struct fg_group *group)
{
	const struct fg_daemon *d = arg;

	return d->polls[group->index]->job.asleep;
}

/* A poll that began under an older configuration: its readings get the indexes of the same points
 * today. */
static void translate(struct fg_poll *poll, const struct fg_group *group)
{
	const struct fg_group *then = poll->job.group;

	for (size_t i = 0; i < poll->batch.count; i++)
		for (size_t k = 0; k < then->count; k++)
			if (then->points[k]->index == poll->batch.readings[i].point) {
				poll->batch.readings[i].point = group->points[k]->index;
				break;
			}
}

static void finished(struct fg_daemon *d, struct fg_poll *poll)
{
	const struct fg_group *group;
	struct fg_poll_result result = {
		.batch = &poll->batch,
		.requests = poll->job.requests,
		.answers = poll->job.answers,
		.splits = poll->job.splits,
		.answer_us = poll->job.answer_us,
		.started_mono_us = poll->job.started_mono_us,
		.done_mono_us = poll->job.done_mono_us,
		.slept_us = poll->job.slept_us,
		.observing = poll->job.observing,
	};

	poll->busy = false;
	if (poll->index == FG_POLL_ORPHAN) { /* its device is gone or has changed */
		fg_config_unref(poll->job.config);
		fg_poll_free(poll);
		return;
	}
	group = d->config->groups[poll->index];
	if (group != poll->job.group)
		translate(poll, group);
	result.group = group;
	if (!d->stopped)
		fg_core_polled(d->core, fg_clock_now(), &result);
	fg_config_unref(poll->job.config);
}

void fg_links_drain(struct fg_daemon *d)
{
	struct fg_job *job, *next;
	struct fg_delivery *delivered;

	pthread_mutex_lock(&d->done_lock);
	job = d->done_first;
	d->done_first = NULL;
	d->done_last = &d->done_first;
	delivered = d->delivered_first;
	d->delivered_first = NULL;
	d->delivered_last = &d->delivered_first;
	pthread_mutex_unlock(&d->done_lock);
	for (; job; job = next) {
		struct fg_poll *poll = (struct fg_poll *)job;

		next = job->next;
		if (job->listen)
			fg_reports_listened(job);
		else if (poll->finished)
			poll->finished(d, poll);
		else
			finished(d, poll);
	}
	fg_reports_drain(d, delivered); /* which may speak of a poll that came before */
}

/* ---- workers ---- */

static struct fg_worker_slot *find_slot(struct fg_daemon *d, const char *name, bool shared)
{
	for (size_t i = 0; i < d->worker_count; i++)
		if (d->workers[i].shared == shared && strcmp(d->workers[i].name, name) == 0)
			return &d->workers[i];
	return NULL;
}

static bool is_shared(const struct fg_link *link)
{
	return link->driver->flags & FG_DRIVER_SHARED;
}

/* Of the thread that a link runs in. */
static const char *thread_name(const struct fg_link *link)
{
	if (!is_shared(link))
		return link->name;
	return link->driver->thread ? link->driver->thread : link->driver->name;
}

struct fg_worker *fg_links_worker(struct fg_daemon *d, const struct fg_link *link)
{
	struct fg_worker_slot *slot = find_slot(d, thread_name(link), is_shared(link));

	return slot ? slot->worker : NULL;
}

static int add_worker(struct fg_daemon *d, const struct fg_link *link)
{
	const char *name = thread_name(link);
	struct fg_worker_slot *slots = realloc(d->workers, (d->worker_count + 1) * sizeof(*slots));
	struct fg_worker_slot *slot;
	int r;

	if (!slots)
		return FG_ENOMEM;
	d->workers = slots;
	slot = &slots[d->worker_count];
	*slot = (struct fg_worker_slot){
		.shared = is_shared(link), .fingerprint = link->fingerprint};
	memcpy(slot->name, name, FG_MIN(strlen(name), sizeof(slot->name) - 1));
	r = fg_worker_start(name, on_done, fg_reports_delivered, d, &slot->worker);
	if (r == FG_OK)
		d->worker_count++;
	return r;
}

static int make_polls(struct fg_daemon *d)
{
	d->polls = calloc(d->config->group_count + 1, sizeof(struct fg_poll *));
	d->poll_count = d->config->group_count;
	if (!d->polls)
		return FG_ENOMEM;
	return FG_OK;
}

static int fill_polls(struct fg_daemon *d)
{
	for (size_t i = 0; i < d->poll_count; i++) {
		if (!d->polls[i])
			d->polls[i] = fg_poll_new(d, d->config->groups[i]);
		if (!d->polls[i])
			return FG_ENOMEM;
	}
	return FG_OK;
}

static int fill_workers(struct fg_daemon *d)
{
	int r = FG_OK;

	for (size_t i = 0; i < d->config->link_count && r == FG_OK; i++)
		if (!fg_links_worker(d, &d->config->links[i]))
			r = add_worker(d, &d->config->links[i]);
	if (r == FG_OK)
		r = fg_reports_listen(d);
	return r;
}

int fg_links_start(struct fg_daemon *d)
{
	int r = make_polls(d);

	if (r == FG_OK)
		r = fill_polls(d);
	if (r == FG_OK)
		r = fill_workers(d);
	return r;
}

static void end_worker(struct fg_daemon *d, size_t i)
{
	struct fg_worker **list = realloc(
		d->ending_workers, (d->ending_worker_count + 1) * sizeof(struct fg_worker *));

	fg_worker_ask_stop(d->workers[i].worker);
	if (list) {
		d->ending_workers = list;
		list[d->ending_worker_count++] = d->workers[i].worker;
	}
	d->workers[i] = d->workers[--d->worker_count];
}

static const struct fg_link *find_link(const struct fg_config *c, const char *name)
{
	for (size_t i = 0; i < c->link_count; i++)
		if (strcmp(c->links[i].name, name) == 0)
			return &c->links[i];
	return NULL;
}

/* Workers whose link has gone or has other keys end; a shared one closes that link only. */
static void drop_workers(struct fg_daemon *d, struct fg_config *prev)
{
	for (size_t i = 0; i < prev->link_count; i++) {
		const struct fg_link *was = &prev->links[i], *is = find_link(d->config, was->name);
		struct fg_worker_slot *slot;

		if (is && is->driver == was->driver && is->fingerprint == was->fingerprint)
			continue;
		fg_notice("link '%s': %s", was->name, is ? "changed, opening anew" : "removed");
		slot = find_slot(d, thread_name(was), is_shared(was));
		if (!slot)
			continue;
		if (slot->shared)
			fg_worker_forget_link(slot->worker, was);
		else
			end_worker(d, (size_t)(slot - d->workers));
	}
}

static const struct fg_device *find_device(const struct fg_config *c, const char *name)
{
	for (size_t i = 0; i < c->device_count; i++)
		if (strcmp(c->devices[i]->name, name) == 0)
			return c->devices[i];
	return NULL;
}

/* Polls of unchanged devices move to their new index, in flight or not. */
static void carry_polls(struct fg_daemon *d, struct fg_config *prev, struct fg_poll **old)
{
	for (size_t i = 0; i < prev->group_count; i++) {
		const struct fg_group *was = prev->groups[i];
		const struct fg_device *dev = find_device(d->config, was->device->name);
		struct fg_poll *poll = old[i];

		if (fg_device_same(was->device, dev)) {
			poll->index = dev->groups[was - was->device->groups].index;
			d->polls[poll->index] = poll;
		} else if (poll->busy) {
			poll->index = FG_POLL_ORPHAN;
		} else {
			fg_poll_free(poll);
		}
	}
}

int fg_links_reload(struct fg_daemon *d, struct fg_config *prev)
{
	struct fg_poll **old = d->polls;
	int r = make_polls(d);

	if (r < 0)
		return r;
	carry_polls(d, prev, old);
	free(old);
	r = fill_polls(d);
	drop_workers(d, prev);
	if (r == FG_OK)
		r = fill_workers(d);
	return r;
}

void fg_links_stop(struct fg_daemon *d)
{
	while (d->worker_count)
		end_worker(d, 0);
}
