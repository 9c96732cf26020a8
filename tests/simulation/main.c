/* SPDX-License-Identifier: EUPL-1.2 */
/* Runs seeds, each in a process of its own, as many at once as there are processors. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"
#include "sim.h"

#define JOBS_MAX 64

struct options {
	uint64_t first, count;
	double days;
	bool verbose, hasty;
	long jobs;
};

/* The exit status of one seed's process. */
static int run_seed(const struct options *o, uint64_t seed)
{
	static struct sim s;
	char text[256];
	unsigned faults;
	int64_t began_us = fg_clock_cpu_us();

	sim_init(&s, seed, o->days, o->verbose);
	s.hasty = o->hasty;
	sim_run(&s);
	faults = checker_faults(s.checker);
	if (faults && !o->verbose)
		printf("%.*s", (int)s.timeline.len, s.timeline.data);
	checker_summary(s.checker, text, sizeof(text));
	if (faults)
		printf("seed %" PRIu64 ": %u faults; again: tests/simulation/run --first %" PRIu64
			" --seeds 1 --days %g --verbose\n", seed, faults, seed, o->days);
	if (faults || o->verbose || o->count <= 10)
		printf("seed %" PRIu64 ": %s; %" PRIu64 " events, %" PRId64
			" KiB of memory, %.1f s\n", seed, text, s.events, s.memory_peak >> 10,
			(double)(fg_clock_cpu_us() - began_us) / 1e6);
	fflush(stdout);
	sim_fini(&s);
	return faults ? 1 : 0;
}

struct job {
	pid_t pid;
	uint64_t seed;
};

/* Waits for one; whether it went well. */
static bool wait_for_one(struct job *jobs, long *running)
{
	int status;
	pid_t pid = wait(&status);
	bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	for (long i = 0; i < *running; i++) {
		if (jobs[i].pid != pid)
			continue;
		if (!WIFEXITED(status))
			printf("seed %" PRIu64 ": died of signal %d\n", jobs[i].seed,
				WTERMSIG(status));
		jobs[i] = jobs[--*running];
		break;
	}
	return well;
}

static uint64_t run_all(const struct options *o)
{
	struct job jobs[JOBS_MAX];
	uint64_t failed = 0;
	long running = 0;

	for (uint64_t seed = o->first; seed < o->first + o->count; seed++) {
		pid_t pid;

		if (running == o->jobs)
			failed += !wait_for_one(jobs, &running);
		fflush(stdout);
		pid = fork();
		if (pid < 0)
			abort();
		if (pid == 0)
			exit(run_seed(o, seed));
		jobs[running++] = (struct job){pid, seed};
	}
	while (running)
		failed += !wait_for_one(jobs, &running);
	return failed;
}

static int usage(void)
{
	fprintf(stderr, "usage: run [--seeds N] [--days D] [--first S] [--jobs N] [--verbose]\n"
			"       [--bug NAME]: with a mistake in it, if built for that;\n"
			"       each seed ends with its first fault. --bugs lists them\n");
	return 64;
}

int main(int argc, char **argv)
{
	struct options o = {.first = 1, .count = 100, .days = 20,
		.jobs = sysconf(_SC_NPROCESSORS_ONLN)};
	uint64_t failed;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--verbose") == 0) {
			o.verbose = true;
			continue;
		}
		if (strcmp(argv[i], "--bugs") == 0) {
			sim_plant_list();
			return 0;
		}
		if (!value)
			return usage();
		if (strcmp(argv[i], "--seeds") == 0)
			o.count = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--days") == 0)
			o.days = strtod(value, NULL);
		else if (strcmp(argv[i], "--first") == 0)
			o.first = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--jobs") == 0)
			o.jobs = strtol(value, NULL, 10);
		else if (strcmp(argv[i], "--bug") == 0 && sim_plant(value))
			o.hasty = true;
		else
			return usage();
		i++;
	}
	if (o.days <= 0 || o.count == 0 || o.jobs < 1)
		return usage();
	o.jobs = FG_MIN(o.jobs, JOBS_MAX);
	disk_vfs_install();
	disk_files_install();
	failed = run_all(&o);
	printf("%" PRIu64 " seeds of %g days, %" PRIu64 " failed\n", o.count, o.days, failed);
	return failed ? 1 : 0;
}
