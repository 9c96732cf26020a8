/* SPDX-License-Identifier: EUPL-1.2 */
/* The service manager's watchdog (sd_watchdog_enabled(3)): it hears of us while the loop runs and
 * neither the store nor a link has been at one piece of work for long. Else it is told to start us
 * anew, once the log has said why. Nothing is watched where it does not watch us. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/daemon.h"

#define LOOKS_PER_PERIOD 4
#define PERIODS		 5 /* so long may one piece of work take */

/* Of WATCHDOG_USEC; 0: nobody watches this process. */
static uint64_t period_us(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10);
}

/* Once for each that is stuck; the name is that of a link, or of the drivers of some. */
static bool is_stuck(struct fg_daemon *d, unsigned looks, const char *what, const char *name)
{
	const unsigned bound = LOOKS_PER_PERIOD * PERIODS;

	if (looks == bound)
		fg_error("%s%s: at one piece of work for %.0f s; the service manager is asked to "
			 "start the gateway anew",
			what, name, (double)d->watchdog_us * PERIODS / 1e6);
	return looks >= bound;
}

static void on_watch(uv_timer_t *timer)
{
	struct fg_daemon *d = timer->data;
	bool stuck = is_stuck(d, fg_store_look(d->store, &d->store_seen), "store", "");

	for (size_t i = 0; i < d->worker_count; i++) {
		struct fg_worker_slot *slot = &d->workers[i];

		char name[80] = " of a shared driver";

		if (!slot->shared)
			snprintf(name, sizeof(name), " '%s'", slot->name);
		stuck |= is_stuck(d, fg_worker_look(slot->worker, &slot->seen), "link", name);
	}
	fg_notify(stuck ? "WATCHDOG=trigger" : "WATCHDOG=1");
}

void fg_watchdog_start(struct fg_daemon *d)
{
	d->watchdog_us = period_us();
	if (!d->watchdog_us)
		return;
	uv_timer_start(&d->watch_timer, on_watch, 0,
		FG_MAX(d->watchdog_us / (LOOKS_PER_PERIOD * 1000), (uint64_t)1));
}
