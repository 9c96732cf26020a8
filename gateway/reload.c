/* SPDX-License-Identifier: EUPL-1.2 */
/* SIGHUP: a new configuration beside the running one. Reading it happens here, registering its
 * points happens in the storage thread, and only then, in one step, the new one takes over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/daemon.h"
#include "gateway/startup.h"

struct fg_reload {
	struct fg_config *config;
	struct fg_intern intern;
	struct fg_store_call call;
};

void fg_reload_free(struct fg_daemon *d)
{
	struct fg_reload *r = d->reload;

	if (!r)
		return;
	fg_intern_fini(&r->intern);
	fg_config_unref(r->config);
	free(r);
	d->reload = NULL;
}

static void log_line(void *arg, bool error, const char *text)
{
	(void)arg;
	if (error)
		fg_error("%s", text);
	else
		fg_warning("%s", text);
}

static void set_limits(struct fg_daemon *d, const struct fg_storage_conf *prev)
{
	const struct fg_storage_conf *next = &d->config->storage;
	const struct fg_spool_conf conf = fg_startup_spool_conf(next);

	if (next->max_size < prev->max_size)
		fg_notice("storage.max_size is smaller: the store keeps to it from now on, its "
			  "file shrinks at the next start");
	if (fg_store_set_limits(fg_store_sink(d->store), next->commit_interval_us, &conf) < 0)
		fg_warning("storage: the store is too far behind; its limits are taken with the "
			   "next reload or start");
}

static struct fg_config *load(struct fg_daemon *d)
{
	struct fg_report *rep = fg_report_new();
	struct fg_config *next = NULL;
	const char *obstacle;

	if (!rep)
		return NULL;
	if (fg_config_load(d->config_path, &d->load_options, rep, &next) < 0)
		next = NULL;
	fg_report_each(rep, log_line, NULL);
	fg_report_free(rep);
	if (next)
		fg_debug(FG_DEBUG_config, "config: %s read, fingerprint %016llx (%016llx so far)",
			d->config_path, (unsigned long long)next->fingerprint,
			(unsigned long long)d->config->fingerprint);
	if (next && (obstacle = fg_config_reload_obstacle(d->config, next))) {
		fg_error("%s", obstacle);
		fg_config_unref(next);
		next = NULL;
	}
	return next;
}

static void over(struct fg_daemon *d)
{
	fg_reload_free(d);
	fg_notify("READY=1");
	if (d->reload_again) {
		d->reload_again = false;
		fg_daemon_reload(d);
	}
}

void fg_daemon_reload(struct fg_daemon *d)
{
	char state[64];
	struct fg_reload *r;

	if (d->stopping)
		return;
	if (d->reload) { /* one at a time; the file may have changed since */
		d->reload_again = true;
		return;
	}
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)fg_clock_mono_us());
	fg_notify(state);
	r = d->reload = calloc(1, sizeof(*r));
	if (r)
		r->config = load(d);
	if (!r || !r->config) {
		fg_error_of(RELOAD_REFUSED,
			"reload: the configuration is refused, the running one goes on");
		if (r)
			free(r);
		d->reload = NULL;
		fg_notify("READY=1");
		return;
	}
	r->call = (struct fg_store_call){.run = fg_intern_run, .arg = &r->intern};
	if (fg_intern_init(&r->intern, r->config) < 0 ||
		fg_store_call(fg_store_sink(d->store), &r->call) < 0) {
		fg_error("reload: the store is too far behind; try again later");
		over(d);
	}
}

/* Sessions of destinations that have gone or changed end; what is left starts again. */
static int swap_sessions(struct fg_daemon *d, const struct fg_config *prev)
{
	for (size_t i = 0; i < prev->destination_count; i++) {
		const struct fg_destination *was = &prev->destinations[i];
		bool same = false;

		for (size_t k = 0; k < d->config->destination_count; k++)
			same |= strcmp(d->config->destinations[k].name, was->name) == 0 &&
				d->config->destinations[k].fingerprint == was->fingerprint;
		if (!same)
			fg_sessions_drop(d, was->name);
	}
	return fg_sessions_start(d);
}

static int add_new_destinations(struct fg_daemon *d, struct fg_intern *in)
{
	int r = FG_OK;

	for (size_t i = 0; i < d->config->destination_count && r == FG_OK; i++) {
		const struct fg_destination *dest = &d->config->destinations[i];

		if (fg_core_publisher(d->core, dest->name))
			continue;
		fg_notice("destination '%s': new", dest->name);
		r = fg_core_add_destination(d->core, dest, &in->unacked[i]);
	}
	return r;
}

static int take_over(struct fg_daemon *d, struct fg_reload *reload)
{
	struct fg_config *prev = d->config;
	int r = fg_intern_apply(&reload->intern, &d->series);

	if (r == FG_OK) {
		fg_sessions_part(d, reload->config);
		r = fg_core_reload(d->core, fg_clock_now(), reload->config);
	}
	if (r < 0)
		return r;
	d->config = fg_config_ref(reload->config);
	r = fg_links_reload(d, prev);
	if (r == FG_OK)
		r = swap_sessions(d, prev);
	if (r == FG_OK)
		r = add_new_destinations(d, &reload->intern);
	set_limits(d, &prev->storage);
	fg_daemon_tell_destinations(d);
	fg_control_reloaded(d->control);
	fg_config_unref(prev);
	return r;
}

/* Out of memory half-way: what is in memory fits neither configuration. What was measured is
 * committed, and a fresh start is the safe way on. */
static _Noreturn void give_up(struct fg_daemon *d, int status)
{
	fg_error("reload: %s; stopping", fg_strerror(status));
	fg_ring_close(&d->inbox);
	fg_store_stop(d->store, fg_core_release_from(d->core));
	_exit(EX_TEMPFAIL);
}

void fg_reload_called(struct fg_daemon *d, struct fg_store_call *call)
{
	struct fg_reload *reload = d->reload;
	int r = call->result;

	if (!reload || call != &reload->call)
		return;
	if (r < 0) {
		fg_error("reload: the store cannot register the points: %s; the running "
			 "configuration "
			 "goes on",
			fg_strerror(r));
	} else if (!d->stopping) {
		r = take_over(d, reload);
		if (r < 0)
			give_up(d, r);
		fg_notice_of(RELOADED, "reload: the new configuration is in force");
	}
	over(d);
}
