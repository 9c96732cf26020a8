/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings that nobody polled, on their way from a driver's thread to the core and back. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/daemon.h"

void fg_reports_delivered(void *arg, struct fg_delivery *delivery)
{
	struct fg_daemon *d = arg;

	delivery->next = NULL;
	pthread_mutex_lock(&d->done_lock);
	*d->delivered_last = delivery;
	d->delivered_last = &delivery->next;
	pthread_mutex_unlock(&d->done_lock);
	fg_daemon_wake(d, true); /* somebody waits for the answer */
}

/* Its worker may have gone meanwhile: then nobody waits any more. */
static bool has_owner(const struct fg_daemon *d, const struct fg_delivery *delivery)
{
	for (size_t i = 0; i < d->worker_count; i++)
		if (fg_worker_is_owner(d->workers[i].worker, delivery))
			return true;
	for (size_t i = 0; i < d->ending_worker_count; i++)
		if (fg_worker_is_owner(d->ending_workers[i], delivery))
			return true;
	return false;
}

static void give_back(struct fg_daemon *d, struct fg_delivery *delivery, int status, unsigned known)
{
	delivery->status = status;
	delivery->known = known;
	if (has_owner(d, delivery)) {
		fg_worker_return(delivery->owner, delivery);
		return;
	}
	fg_config_unref(delivery->config);
	fg_delivery_free(delivery);
}

void fg_reports_done(void *arg, void *token, int status, unsigned known)
{
	give_back(arg, token, status, known);
}

/* ---- into the core ---- */

static const struct fg_device *find_device(const struct fg_config *c, const char *name)
{
	for (size_t i = 0; i < c->device_count; i++)
		if (strcmp(c->devices[i]->name, name) == 0)
			return c->devices[i];
	return NULL;
}

/* The link may not have heard of the newest configuration yet. The same device of today, its
 * points under today's indexes; NULL where it is gone or has changed. */
static const struct fg_device *today(struct fg_daemon *d, struct fg_delivery *delivery)
{
	const struct fg_device *was = delivery->device, *is;

	if (delivery->config == d->config)
		return was;
	is = find_device(d->config, was->name);
	if (!fg_device_same(was, is))
		return NULL;
	for (size_t i = 0; i < delivery->batch.count; i++) {
		struct fg_reading *r = &delivery->batch.readings[i];

		for (size_t k = 0; k < was->point_count; k++)
			if (was->points[k].index == r->point) {
				r->point = is->points[k].index;
				break;
			}
	}
	return is;
}

static const struct fg_group *over_of(
	const struct fg_delivery *delivery, const struct fg_device *is)
{
	const struct fg_device *was = delivery->device;

	if (!delivery->over || !delivery->group || delivery->group->device != was)
		return NULL;
	return &is->groups[delivery->group - was->groups];
}

static void into_core(struct fg_daemon *d, struct fg_delivery *delivery)
{
	const struct fg_device *device = today(d, delivery);
	unsigned known = 0;
	int r = FG_ECANCELED;

	if (device && !d->stopped) {
		const struct fg_arrival arrival = {.device = device,
			.batch = &delivery->batch,
			.arrived_mono_us = delivery->arrived_mono_us,
			.message = delivery->message,
			.kept = delivery->kept,
			.late = delivery->late,
			.over = over_of(delivery, device),
			.token = delivery};

		r = fg_core_reported(d->core, fg_clock_now(), &arrival, &known);
	}
	if (r != FG_PENDING)
		give_back(d, delivery, r, known);
}

void fg_reports_drain(struct fg_daemon *d, struct fg_delivery *first)
{
	struct fg_delivery *next;

	for (; first; first = next) {
		next = first->next;
		into_core(d, first);
	}
}

/* ---- links that wait for others to speak ---- */

int fg_reports_listen(struct fg_daemon *d)
{
	for (size_t i = 0; i < d->config->link_count; i++) {
		const struct fg_link *link = &d->config->links[i];
		struct fg_poll *poll;

		if (!(link->driver->flags & FG_DRIVER_LISTENS))
			continue;
		poll = calloc(1, sizeof(*poll));
		if (!poll)
			return FG_ENOMEM;
		poll->job.batch = &poll->batch;
		poll->job.listen = link;
		fg_worker_submit(fg_links_worker(d, link), d->config, &poll->job);
	}
	return FG_OK;
}

bool fg_reports_counts(void *arg, const struct fg_link *link, uint64_t *ret)
{
	struct fg_worker *w = fg_links_worker(arg, link);

	return w && fg_worker_counts(w, link->name, ret);
}

void fg_reports_listened(struct fg_job *job)
{
	fg_config_unref(job->config);
	fg_poll_free((struct fg_poll *)job);
}
