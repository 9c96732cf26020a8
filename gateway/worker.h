/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_WORKER_H
#define FG_GATEWAY_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pulse.h"
#include "drivers/driver.h"
#include "gateway/config/config.h"

/* Link workers: one thread a blocking link, one thread for all links of a shared driver. Only the
 * worker touches its links; jobs go in and come back whole. A link that does not open is tried
 * again with a growing pause; jobs that come meanwhile fail at once with link_down. */
struct fg_worker;

/* Called in the worker's thread when a job is over. */
typedef void (*fg_worker_done_fn)(void *arg, struct fg_job *job);
/* Called there with readings that nobody polled; they come back with fg_worker_return(). NULL where
 * no driver hands any over. */
typedef void (*fg_worker_delivered_fn)(void *arg, struct fg_delivery *d);

/* One for each link of a blocking driver, one for all links of shared drivers that run in one
 * thread. `name` (of the link or the thread) names it. */
int fg_worker_start(const char *name, fg_worker_done_fn done, fg_worker_delivered_fn delivered,
	void *arg, struct fg_worker **ret);

/* What a link's driver counts; false where the link was not used yet. Any thread. */
bool fg_worker_counts(struct fg_worker *w, const char *link, uint64_t ret[FG_LINK_COUNTS]);

/* In how many looks it has not gone on with a job (base/pulse.h). */
unsigned fg_worker_look(struct fg_worker *w, struct fg_pulse_seen *seen);

/* Gives a delivery back, its status set, so that its driver hears of it. Not after the worker was
 * joined. */
void fg_worker_return(struct fg_worker *w, struct fg_delivery *d);
/* Whether it is this worker's, and not of one that was at the same address before. */
bool fg_worker_is_owner(const struct fg_worker *w, const struct fg_delivery *d);

/* Queues a job; never blocks, allocates nothing (the job is the queue's entry). job->group's
 * configuration is held until the job is back (job->config; whoever gets it back lets go). */
void fg_worker_submit(struct fg_worker *w, struct fg_config *config, struct fg_job *job);

/* For a shared driver: a link has gone or has other keys now; its state is closed and freed by the
 * worker. */
void fg_worker_forget_link(struct fg_worker *w, const struct fg_link *link);

/* Asks the thread to end; jobs still queued come back with link_down. wait_us 0: does not wait. A
 * worker that hangs in a driver is left behind and false returned. */
void fg_worker_ask_stop(struct fg_worker *w);
bool fg_worker_join(struct fg_worker *w, int64_t wait_us);

#endif
