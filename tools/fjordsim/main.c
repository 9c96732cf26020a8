/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordsim [-c FILE] [--check]: simulated sensors. Start, loop, signals, end. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/options.h"
#include "base/status.h"
#include "sim.h"

#define DEFAULT_FILE "/etc/fjordgate/fjordsim.yaml"

struct sim_loop sim_loop = {.epoll = -1};

int sim_watch(struct sim_source *source)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(sim_loop.epoll, EPOLL_CTL_ADD, source->fd, &ev) < 0 ? -errno : FG_OK;
}

void sim_unwatch(struct sim_source *source)
{
	close(source->fd); /* which takes it out of the epoll set */
	source->fd = -1;
}

static void print_fault(void *arg, bool error, const char *text)
{
	(void)arg;
	(void)error;
	fprintf(stderr, "%s\n", text);
}

static struct sim_model *load(const char *path)
{
	struct fg_report *rep = fg_report_new();
	struct sim_model *m = NULL;

	sim_model_load(path, rep, fg_clock_mono_us(), &m);
	fg_report_each(rep, print_fault, NULL);
	fg_report_free(rep);
	return m;
}

static void signal_ready(struct sim_source *source)
{
	struct signalfd_siginfo info;

	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			sim_loop.reload = true;
		else
			sim_loop.stop = true;
	}
}

static int watch_signals(struct sim_source *source)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	source->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	source->ready = signal_ready;
	return source->fd < 0 ? -errno : sim_watch(source);
}

static int sooner(int a_ms, int b_ms)
{
	return a_ms < 0 ? b_ms : b_ms < 0 ? a_ms : FG_MIN(a_ms, b_ms);
}

/* What is due by itself; returns as epoll_wait() takes it when something is again. */
static int run_timers(void)
{
	struct fg_now now = fg_clock_now();
	int wait_ms = sooner(sim_pending_run(now.mono_us), sim_push_run(now));

	for (struct sim_port *p = sim_loop.ports; p; p = p->next)
		if (p->transport == SIM_COAP)
			wait_ms = sooner(wait_ms, sim_coap_run(p, now));
	return wait_ms;
}

/* A bad file leaves the running model as it is. */
static void reload(const char *path)
{
	struct sim_model *m = load(path), *old = sim_loop.model;

	sim_loop.reload = false;
	if (!m) {
		fg_error("reload refused; going on as before");
		return;
	}
	sim_loop.model = m;
	sim_ports_apply(m);
	sim_push_apply(m);
	sim_model_free(old);
	fg_notice("reloaded %s", path);
}

static void run(const char *path)
{
	struct epoll_event events[64];

	while (!sim_loop.stop) {
		int wait_ms = run_timers();
		int n = epoll_wait(sim_loop.epoll, events, FG_COUNT(events), wait_ms);

		for (int i = 0; i < n; i++) {
			struct sim_source *source = events[i].data.ptr;

			if (source->fd >= 0)
				source->ready(source);
		}
		if (sim_loop.reload)
			reload(path);
		sim_free_dead();
	}
}

static int start(const char *path, struct sim_source *signals)
{
	int r;

	sim_loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sim_loop.epoll < 0 || watch_signals(signals) < 0)
		return EX_OSERR;
	sim_loop.model = load(path);
	if (!sim_loop.model)
		return EX_CONFIG;
	if (sim_ports_apply(sim_loop.model) < 0 || sim_push_apply(sim_loop.model) < 0)
		return EX_UNAVAILABLE;
	if (sim_loop.model->conf.control) {
		r = sim_control_open(sim_loop.model->conf.control);
		if (r < 0) {
			fg_error("control socket %s: %s", sim_loop.model->conf.control,
				fg_strerror(r));
			return EX_UNAVAILABLE;
		}
	}
	puts("ready");
	fflush(stdout);
	return EX_OK;
}

enum {
#define OPTION(id, letter, name, argument, help) OPT_##id,
#include "options.def"
#undef OPTION
};

static const struct fg_option options[] = {
#define OPTION(id, letter, name, argument, help) {letter, name, argument, help},
#include "options.def"
#undef OPTION
};

static void usage(FILE *out)
{
	fputs("usage: fjordsim [OPTION …]\n\n", out);
	fg_option_usage(out, options, FG_COUNT(options));
	fputs("\nSIGHUP reads the file again, SIGTERM and Ctrl-C end it.\n", out);
}

int main(int argc, char **argv)
{
	const char *path = DEFAULT_FILE;
	struct sim_source signals = {.fd = -1};
	bool check = false;
	int opt, r;

	while ((opt = fg_option_next(argc, argv, options, FG_COUNT(options))) != -1) {
		switch (opt) {
		case OPT_CONFIG:
			path = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case OPT_HELP:
			usage(stdout);
			return EX_OK;
		case OPT_VERSION:
			puts("fjordsim " FG_VERSION);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EX_USAGE;
	}
	if (check) {
		sim_loop.model = load(path);
		r = sim_loop.model ? EX_OK : EX_CONFIG;
	} else {
		r = start(path, &signals);
		if (r == EX_OK)
			run(path);
		sim_control_close();
		sim_push_close();
		sim_ports_close();
		sim_free_dead();
		if (signals.fd >= 0)
			sim_unwatch(&signals);
		if (sim_loop.epoll >= 0)
			close(sim_loop.epoll);
	}
	sim_model_free(sim_loop.model);
	return r;
}
