/* SPDX-License-Identifier: EUPL-1.2 */
/* bench_rate CONFIG SECONDS: polls every device of a configuration again and again, through the
 * real driver and worker but without core, store and brokers, and prints as JSON how many registers
 * were read in how long. One link. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "gateway/config/config.h"
#include "gateway/worker.h"

#define WARM_UP_US 2000000

struct bench {
	struct fg_config *config;
	struct fg_worker *worker;
	int64_t from_us, until_us;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t running;
	/* since from_us */
	int64_t first_us, last_us, longest_answer_us;
	size_t requests, answers, readings, missing;
};

/* Worker's thread. */
static void on_done(void *arg, struct fg_job *job)
{
	struct bench *b = arg;
	struct fg_config *config = job->config;

	if (job->started_mono_us >= b->from_us) {
		if (!b->first_us)
			b->first_us = job->started_mono_us;
		b->last_us = job->done_mono_us;
		b->requests += job->requests;
		b->answers += job->answers;
		if (job->answer_us > b->longest_answer_us)
			b->longest_answer_us = job->answer_us;
		for (size_t i = 0; i < job->batch->count; i++) {
			b->readings++;
			b->missing += job->batch->readings[i].qc == FG_QC_MISSING;
		}
	}
	if (fg_clock_mono_us() < b->until_us) {
		fg_worker_submit(b->worker, b->config, job);
	} else {
		pthread_mutex_lock(&b->lock);
		b->running--;
		pthread_cond_signal(&b->changed);
		pthread_mutex_unlock(&b->lock);
	}
	fg_config_unref(config);
}

static struct fg_job *new_job(const struct fg_group *group)
{
	struct fg_job *job = calloc(1, sizeof(*job));
	struct fg_batch *batch = calloc(1, sizeof(*batch));

	if (!job || !batch)
		exit(1);
	batch->readings = calloc(group->count, sizeof(*batch->readings));
	batch->cap = group->count;
	job->group = group;
	job->attempts = 1;
	job->batch = batch;
	return job;
}

static void run(struct bench *b, int64_t seconds)
{
	b->from_us = fg_clock_mono_us() + WARM_UP_US;
	b->until_us = b->from_us + seconds * 1000000;
	b->running = b->config->group_count;
	for (size_t i = 0; i < b->config->group_count; i++)
		fg_worker_submit(b->worker, b->config, new_job(b->config->groups[i]));
	pthread_mutex_lock(&b->lock);
	while (b->running)
		pthread_cond_wait(&b->changed, &b->lock);
	pthread_mutex_unlock(&b->lock);
	fg_worker_ask_stop(b->worker);
	fg_worker_join(b->worker, 5000000);
}

int main(int argc, char **argv)
{
	static struct bench b = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct fg_report *rep = fg_report_new();
	struct fg_load_options options = {.no_files = true};
	struct fg_buf out;

	if (argc != 3)
		return 2;
	if (fg_config_load(argv[1], &options, rep, &b.config) < 0 || !b.config->link_count) {
		fg_buf_init(&out, 1 << 16);
		fg_report_print(rep, &out);
		fprintf(stderr, "%.*s", (int)out.len, out.data);
		return 2;
	}
	if (fg_worker_start(b.config->links[0].driver, "bench", on_done, &b, &b.worker) < 0)
		return 1;
	run(&b, strtol(argv[2], NULL, 10));
	printf("{\"us\": %lld, \"requests\": %zu, \"answers\": %zu, \"readings\": %zu, "
	       "\"missing\": %zu, \"longest_answer_us\": %lld}\n",
		(long long)(b.last_us - b.first_us), b.requests, b.answers, b.readings, b.missing,
		(long long)b.longest_answer_us);
	return 0;
}
