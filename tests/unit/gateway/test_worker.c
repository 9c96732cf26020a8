/* SPDX-License-Identifier: EUPL-1.2 */
/* Link workers with drivers of this file: order, links that do not open, asynchronous drivers,
 * links that go or change, and the end. */
#include "fake.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "gateway/worker.h"

#define PATIENCE_US 20000000
#define JOBS_MAX 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* Under the lock: what the drivers are to do, and what they did. */
static struct {
	int open_fails, poll_status, poll_fails;
	bool block; /* poll() waits */
	bool open_blocks;
	int64_t opened_us[4]; /* when each open() came */
	unsigned fails_from; /* the first of the polls that poll_fails is of; 0: all are */
	unsigned sleeps; /* each job of device a gives the link back so often, for sleep_us */
	int64_t sleep_us;
	bool first_asleep; /* the first job, when device b was polled last */
	int raw_status;
	unsigned opens, closes, closing, nested, polls, cancels, raws;
	char open_host[32];
	struct fg_job *pending[JOBS_MAX];
	size_t pending_count;
	int finish; /* so many pending jobs end in the next process() */
	int finish_status;
	int fd;
} drv;

static struct fg_job *done[JOBS_MAX];
static size_t done_count;

static struct fake f;
static struct fg_worker *worker;
static struct fg_job jobs[JOBS_MAX];
static struct fg_batch batches[JOBS_MAX];
static struct fg_reading readings[JOBS_MAX];
static size_t job_count;

#define LOCKED(...)                                                                                \
	pthread_mutex_lock(&lock);                                                                 \
	__VA_ARGS__;                                                                               \
	pthread_cond_broadcast(&changed);                                                          \
	pthread_mutex_unlock(&lock)

#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		struct timespec until;                                                             \
		int late = 0;                                                                      \
                                                                                                   \
		fg_clock_deadline(PATIENCE_US, &until);                                            \
		pthread_mutex_lock(&lock);                                                         \
		while (!(condition) && !late)                                                      \
			late = pthread_cond_timedwait(&changed, &lock, &until);                    \
		pthread_mutex_unlock(&lock);                                                       \
		if (late)                                                                          \
			fail_msg("in vain: %s", #condition);                                       \
	} while (0)

/* ---- the drivers ---- */

static int drv_open(struct fg_link_state *ls)
{
	int r;

	pthread_mutex_lock(&lock);
	while (drv.open_blocks)
		pthread_cond_wait(&changed, &lock);
	if (drv.opens < FG_COUNT(drv.opened_us))
		drv.opened_us[drv.opens] = fg_clock_mono_us();
	drv.opens++;
	r = drv.open_fails > 0 ? -ECONNREFUSED : FG_OK;
	drv.open_fails -= r < 0;
	snprintf(drv.open_host, sizeof(drv.open_host), "%llx",
		(unsigned long long)ls->link->fingerprint);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return r;
}

static void fill(struct fg_job *job)
{
	job->requests = job->answers = 1;
	for (size_t i = 0; i < job->group->count; i++)
		fg_job_value(job, job->group->points[i],
			(struct fg_value){.kind = FG_KIND_INT, .i = 7}, false, 0,
			fg_clock_mono_us());
}

static void drv_close(struct fg_link_state *ls)
{
	(void)ls;
	LOCKED(drv.closes++);
}

/* Sleeps as often as asked for, and counts in driver_data as a driver would. */
static bool wants_sleep(struct fg_job *job)
{
	uintptr_t slept = (uintptr_t)job->driver_data;

	if (!drv.sleeps || job->group->device->name[0] != 'a' || slept == drv.sleeps)
		return false;
	assert_true(fg_clock_mono_us() >= job->resume_mono_us);
	job->driver_data = (void *)(slept + 1);
	job->resume_mono_us = fg_clock_mono_us() + drv.sleep_us;
	return true;
}

static int drv_poll(struct fg_job *job)
{
	unsigned number;
	int r;

	assert_true(job->link->open);
	assert_true(job->deadline_mono_us > fg_clock_mono_us());
	pthread_mutex_lock(&lock);
	number = ++drv.polls;
	if (job->group->device->name[0] == 'b')
		drv.first_asleep = jobs[0].asleep;
	pthread_cond_broadcast(&changed);
	while (drv.block)
		pthread_cond_wait(&changed, &lock);
	r = drv.poll_fails > 0 && number >= drv.fails_from ? drv.poll_status : FG_OK;
	drv.poll_fails -= r < 0;
	if (r == FG_OK && wants_sleep(job))
		r = FG_AGAIN;
	pthread_mutex_unlock(&lock);
	if (r == FG_AGAIN)
		return r;
	if (r == FG_OK)
		fill(job);
	else
		fg_job_missing(job, job->group->points[0], FG_REASON_LINK_DOWN, 0, 0);
	return r;
}

static int drv_raw(struct fg_link_state *ls, struct fg_raw *x)
{
	int r;

	assert_true(ls->open);
	LOCKED(drv.raws++; r = drv.raw_status);
	x->status = FG_OK;
	x->answer_len = 1;
	if (r < 0)
		snprintf(ls->why, sizeof(ls->why), "the far end hung up");
	return r;
}

static const struct fg_driver blocking = {.name = "blocking", .open = drv_open, .close = drv_close,
	.poll = drv_poll, .raw = drv_raw, .state_size = 16};

static int host_open(struct fg_host *host)
{
	(void)host;
	LOCKED(drv.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	return FG_OK;
}

static void host_close(struct fg_host *host)
{
	(void)host;
	LOCKED(close(drv.fd); drv.fd = -1);
}

static int host_fd(struct fg_host *host)
{
	(void)host;
	return drv.fd;
}

static struct fg_job *take_pending(const struct fg_link_state *ls)
{
	struct fg_job *job = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < drv.pending_count && !job; i++) {
		if (ls && drv.pending[i]->link != ls)
			continue;
		job = drv.pending[i];
		memmove(&drv.pending[i], &drv.pending[i + 1],
			(--drv.pending_count - i) * sizeof(drv.pending[0]));
	}
	pthread_mutex_unlock(&lock);
	return job;
}

static int64_t host_process(struct fg_host *host)
{
	struct fg_job *job;
	uint64_t count;

	(void)host;
	if (read(drv.fd, &count, sizeof(count)) < 0)
		assert_int_equal(errno, EAGAIN);
	for (;;) {
		int status;
		bool some;

		LOCKED(some = drv.finish > 0; drv.finish -= some; status = drv.finish_status);
		job = some ? take_pending(NULL) : NULL;
		if (!job)
			return 1000000;
		if (status == FG_OK)
			fill(job);
		job->status = status;
		job->done(job);
	}
}

static int shared_poll(struct fg_job *job)
{
	LOCKED(drv.polls++; drv.pending[drv.pending_count++] = job);
	return FG_PENDING;
}

/* Gives all pending jobs of the link back, as the contract says; never runs within itself. */
static void shared_close(struct fg_link_state *ls)
{
	struct fg_job *job;

	LOCKED(drv.closes++; drv.nested += drv.closing; drv.closing++);
	while ((job = take_pending(ls))) {
		fg_job_missing(job, job->group->points[0], FG_REASON_NO_RESPONSE, 0, 0);
		job->status = FG_ECANCELED;
		LOCKED(drv.cancels++);
		job->done(job);
	}
	LOCKED(drv.closing--);
}

static const struct fg_driver shared = {.name = "shared", .flags = FG_DRIVER_SHARED,
	.open = drv_open, .close = shared_close, .poll = shared_poll, .host_open = host_open,
	.host_close = host_close, .host_fd = host_fd, .host_process = host_process,
	.state_size = 16, .host_size = 8};

static const struct fg_driver *used; /* by all links */

static void use_driver(const struct fg_config *config)
{
	for (size_t i = 0; i < config->link_count; i++)
		if (config->links[i].driver != used) /* a worker may read it already */
			((struct fg_link *)(uintptr_t)&config->links[i])->driver = used;
}

static void finish_pending(int n, int status)
{
	const uint64_t one = 1;

	LOCKED(drv.finish = n; drv.finish_status = status);
	assert_int_equal(write(drv.fd, &one, sizeof(one)), sizeof(one));
}

/* ---- the core's side ---- */

static void on_done(void *arg, struct fg_job *job)
{
	(void)arg;
	fg_config_unref(job->config);
	LOCKED(done[done_count++] = job);
}

static struct fg_job *submit(struct fg_config *config, size_t group)
{
	struct fg_job *job = &jobs[job_count];

	batches[job_count] =
		(struct fg_batch){.readings = &readings[job_count], .cap = 1};
	*job = (struct fg_job){.group = config->groups[group], .attempts = 1,
		.batch = &batches[job_count]};
	job_count++;
	use_driver(config);
	fg_worker_submit(worker, config, job);
	return job;
}

static struct fg_raw raws[JOBS_MAX];

/* A person's exchange on the link of the first group. */
static struct fg_raw *submit_raw(void)
{
	struct fg_job *job = &jobs[job_count];
	struct fg_raw *x = &raws[job_count];

	batches[job_count] = (struct fg_batch){.cap = 0};
	*x = (struct fg_raw){.link = f.config->groups[0]->device->link};
	*job = (struct fg_job){.batch = &batches[job_count], .raw = x};
	job_count++;
	use_driver(f.config);
	fg_worker_submit(worker, f.config, job);
	return x;
}

static enum fg_reason reason(const struct fg_job *job)
{
	assert_int_equal(job->batch->count, 1); /* one reading a point, always */
	return job->batch->readings[0].reason;
}

static const char two_links[] = FAKE_HEAD FAKE_TOWN
	"links:\n"
	"  one: {driver: modbus-tcp, host: 127.0.0.1}\n"
	"  two: {driver: modbus-tcp, host: 127.0.0.2}\n"
	"devices:\n"
	"  a: {station: pier, domain: water, link: one, unit_id: 1, interval: 10s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n"
	"  b: {station: pier, domain: air, link: two, unit_id: 1, interval: 10s,\n"
	"    points: {pm25: {table: input, address: 0, type: u16}}}\n";

static const char one_changed[] = FAKE_HEAD FAKE_TOWN
	"links:\n"
	"  one: {driver: modbus-tcp, host: 127.0.0.9}\n"
	"  two: {driver: modbus-tcp, host: 127.0.0.2}\n"
	"devices:\n"
	"  a: {station: pier, domain: water, link: one, unit_id: 1, interval: 10s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n"
	"  b: {station: pier, domain: air, link: two, unit_id: 1, interval: 10s,\n"
	"    points: {pm25: {table: input, address: 0, type: u16}}}\n";

static int begin(void **state)
{
	(void)state;
	memset(&drv, 0, sizeof(drv));
	drv.fd = -1;
	done_count = job_count = 0;
	fake_init(&f, two_links);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void start(const struct fg_driver *driver)
{
	used = driver;
	assert_int_equal(fg_worker_start(driver->name, on_done, NULL, NULL, &worker), FG_OK);
}

/* Every job that went in has come back, once, and every link is closed. */
static void stop(void)
{
	fg_worker_ask_stop(worker);
	assert_true(fg_worker_join(worker, PATIENCE_US));
	assert_int_equal(done_count, job_count);
	for (size_t i = 0; i < job_count; i++) {
		size_t n = 0;

		for (size_t k = 0; k < done_count; k++)
			n += done[k] == &jobs[i];
		assert_int_equal(n, 1);
		assert_true(jobs[i].done_mono_us > 0);
	}
	assert_int_equal(drv.nested, 0);
	assert_int_equal(drv.fd, -1);
}

static void test_jobs_in_order(void **state)
{
	(void)state;
	start(&blocking);
	for (size_t i = 0; i < 20; i++)
		submit(f.config, 0);
	WAIT_FOR(done_count == 20);
	for (size_t i = 0; i < 20; i++) {
		assert_ptr_equal(done[i], &jobs[i]);
		assert_int_equal(reason(done[i]), FG_REASON_NONE);
		assert_int_equal(jobs[i].answers, 1);
	}
	assert_int_equal(drv.opens, 1);
	stop();
	assert_int_equal(drv.closes, 1);
}

/* A job that gives the link back lets others pass, and goes on with its deadline moved. */
static void test_job_that_sleeps(void **state)
{
	int64_t deadline_us;

	(void)state;
	drv.sleeps = 3;
	drv.sleep_us = 1200000 / 3;
	drv.block = true; /* until the other is there */
	start(&blocking);
	submit(f.config, 0);
	WAIT_FOR(drv.polls == 1);
	deadline_us = jobs[0].deadline_mono_us;
	submit(f.config, 1);
	LOCKED(drv.block = false);
	WAIT_FOR(done_count == 2);
	assert_ptr_equal(done[0], &jobs[1]);
	assert_ptr_equal(done[1], &jobs[0]);
	assert_int_equal(drv.polls, 5);
	assert_int_equal(reason(&jobs[0]), FG_REASON_NONE);
	assert_true(jobs[0].deadline_mono_us >= deadline_us + 1200000);
	assert_true(drv.first_asleep); /* while the other was polled */
	assert_false(jobs[0].asleep);
	assert_true(jobs[0].slept_us >= 1200000);
	assert_true(jobs[0].done_mono_us - jobs[0].started_mono_us >= jobs[0].slept_us);
	assert_int_equal(jobs[1].slept_us, 0);
	stop();
}

/* The link fails while a job sleeps: it comes back as any other does. */
static void test_link_fails_while_a_job_sleeps(void **state)
{
	(void)state;
	drv.sleeps = 1;
	drv.sleep_us = 300000;
	drv.block = true; /* until the other is there */
	drv.poll_fails = 1;
	drv.fails_from = 2;
	drv.poll_status = -EIO;
	start(&blocking);
	submit(f.config, 0);
	WAIT_FOR(drv.polls == 1);
	submit(f.config, 0);
	LOCKED(drv.block = false);
	WAIT_FOR(done_count == 2);
	assert_ptr_equal(done[1], &jobs[0]);
	assert_int_equal(reason(&jobs[0]), FG_REASON_LINK_DOWN);
	assert_int_equal(drv.polls, 2);
	stop();
}

/* The worker ends while a job sleeps. */
static void test_end_while_a_job_sleeps(void **state)
{
	(void)state;
	drv.sleeps = 1;
	drv.sleep_us = INT64_C(3600000000);
	start(&blocking);
	submit(f.config, 0);
	WAIT_FOR(drv.polls == 1);
	stop();
	assert_int_equal(reason(&jobs[0]), FG_REASON_LINK_DOWN);
}

static void test_link_that_does_not_open(void **state)
{
	(void)state;
	drv.open_blocks = true; /* until all are there */
	start(&blocking);
	LOCKED(drv.open_fails = 2);
	for (size_t i = 0; i < 10; i++)
		submit(f.config, 0);
	LOCKED(drv.open_blocks = false);
	WAIT_FOR(done_count == 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(reason(done[i]), FG_REASON_LINK_DOWN);
	assert_int_equal(drv.opens, 1); /* before the pause until the next was over */
	assert_int_equal(drv.closes, 1); /* what was half open */
	assert_int_equal(drv.polls, 0);
	stop();
}

/* The pause grows until the link answers, and begins small again after that. */
static void test_reopening_backs_off(void **state)
{
	static const int64_t most_us[] = {0, 1900000, 3000000};

	(void)state;
	start(&blocking);
	LOCKED(drv.open_fails = 2);
	while (drv.opens < 3) {
		struct timespec pause;
		int64_t submitted_us = fg_clock_mono_us();
		unsigned opens = drv.opens;

		submit(f.config, 0);
		WAIT_FOR(done_count == job_count);
		/* however late the machine is: what comes after the pause is not refused */
		if (opens > 0 && drv.opens == opens)
			assert_true(submitted_us - drv.opened_us[opens - 1] < most_us[opens]);
		assert_true(job_count < JOBS_MAX - 2);
		fg_clock_deadline(100000, &pause);
		pthread_mutex_lock(&lock);
		pthread_cond_timedwait(&changed, &lock, &pause);
		pthread_mutex_unlock(&lock);
	}
	assert_true(drv.opened_us[1] - drv.opened_us[0] >= 900000);
	assert_true(drv.opened_us[2] - drv.opened_us[1] >= 1900000);
	assert_int_equal(reason(done[done_count - 1]), FG_REASON_NONE);
	stop();
}

static void test_link_that_fails_in_a_poll(void **state)
{
	struct fg_job *job;

	(void)state;
	start(&blocking);
	LOCKED(drv.poll_fails = 1; drv.poll_status = -EPIPE);
	job = submit(f.config, 0);
	WAIT_FOR(done_count == 1);
	assert_int_equal(job->status, -EPIPE);
	assert_int_equal(drv.closes, 1);
	job = submit(f.config, 0);
	WAIT_FOR(done_count == 2);
	assert_int_equal(reason(job), FG_REASON_LINK_DOWN);
	assert_int_equal(drv.opens, 1);
	stop();
}

static void test_stop_with_jobs_queued(void **state)
{
	(void)state;
	start(&blocking);
	LOCKED(drv.block = true);
	for (size_t i = 0; i < 10; i++)
		submit(f.config, 0);
	WAIT_FOR(drv.polls == 1);
	fg_worker_ask_stop(worker);
	assert_false(fg_worker_join(worker, 10000)); /* it hangs in the driver */
	LOCKED(drv.block = false);
	stop();
	assert_int_equal(drv.polls, 1);
	assert_int_equal(reason(&jobs[0]), FG_REASON_NONE);
	for (size_t i = 1; i < 10; i++)
		assert_int_equal(reason(&jobs[i]), FG_REASON_LINK_DOWN);
	assert_int_equal(drv.closes, 1);
}

/* A poll that takes its time is no standstill before its deadline. */
static void test_long_poll_is_no_standstill(void **state)
{
	struct fg_pulse_seen seen = {0};
	int64_t until_us;

	(void)state;
	start(&blocking);
	LOCKED(drv.block = true);
	submit(f.config, 0);
	WAIT_FOR(drv.polls == 1);
	until_us = jobs[0].deadline_mono_us;
	for (int i = 0; i < 100; i++) {
		struct fg_pulse_seen before = seen;
		unsigned still = fg_worker_look(worker, &seen);

		if (fg_clock_mono_us() > until_us) {
			seen = before;
			break;
		}
		assert_int_equal(still, 0);
	}
	while (fg_clock_mono_us() <= until_us)
		poll(NULL, 0, 10);
	for (unsigned i = 1; i < 100; i++)
		assert_int_equal(fg_worker_look(worker, &seen), i);
	LOCKED(drv.block = false);
	WAIT_FOR(done_count == 1);
	stop();
}

static void test_shared_driver(void **state)
{
	(void)state;
	start(&shared);
	submit(f.config, 0);
	submit(f.config, 1);
	submit(f.config, 1);
	WAIT_FOR(drv.pending_count == 3);
	assert_int_equal(drv.opens, 2);
	finish_pending(2, FG_OK);
	WAIT_FOR(done_count == 2);
	assert_int_equal(reason(done[0]), FG_REASON_NONE);
	finish_pending(1, FG_OK);
	WAIT_FOR(done_count == 3);
	stop();
	assert_int_equal(drv.closes, 2);
}

/* One job says that the link is down: the others of it come back, those of other links go on, and
 * closing does not run into itself. */
static void test_shared_link_fails(void **state)
{
	(void)state;
	start(&shared);
	for (size_t i = 0; i < 4; i++)
		submit(f.config, 0);
	submit(f.config, 1);
	WAIT_FOR(drv.pending_count == 5);
	finish_pending(1, -ENETUNREACH);
	WAIT_FOR(done_count == 4);
	assert_int_equal(drv.closes, 1);
	assert_int_equal(drv.cancels, 3);
	assert_int_equal(drv.pending_count, 1);
	finish_pending(1, FG_OK);
	WAIT_FOR(done_count == 5);
	assert_int_equal(reason(done[4]), FG_REASON_NONE);
	stop();
}

static void test_stop_with_jobs_pending(void **state)
{
	(void)state;
	start(&shared);
	for (size_t i = 0; i < 6; i++)
		submit(f.config, i % 2);
	WAIT_FOR(drv.pending_count == 6);
	stop();
	assert_int_equal(drv.cancels, 6);
	assert_int_equal(drv.closes, 2);
}

static void test_forgotten_link(void **state)
{
	(void)state;
	start(&shared);
	submit(f.config, 0);
	submit(f.config, 1);
	WAIT_FOR(drv.pending_count == 2);
	fg_worker_forget_link(worker, &f.config->links[0]);
	WAIT_FOR(done_count == 1);
	assert_ptr_equal(done[0], &jobs[0]);
	assert_int_equal(drv.closes, 1);
	fg_worker_forget_link(worker, &f.config->links[0]); /* gone already */
	finish_pending(1, FG_OK);
	WAIT_FOR(done_count == 2);
	stop();
	assert_int_equal(drv.closes, 2);
}

/* A reload: the first job with the link's other keys opens it anew, whether the news that the old
 * one has gone comes before or after it; an equal link is used on. */
static void test_changed_link(void **state)
{
	struct fg_config *next = fake_load(&f, one_changed);

	(void)state;
	for (int forget_first = 0; forget_first < 2; forget_first++) {
		char old_host[32];
		unsigned opens;

		drv.opens = drv.closes = drv.cancels = 0;
		done_count = job_count = 0;
		start(&shared);
		submit(f.config, 0);
		submit(f.config, 1);
		WAIT_FOR(drv.pending_count == 2);
		memcpy(old_host, drv.open_host, sizeof(old_host));
		if (forget_first)
			fg_worker_forget_link(worker, &f.config->links[0]);
		submit(next, 0);
		submit(next, 1);
		if (!forget_first)
			fg_worker_forget_link(worker, &f.config->links[0]);
		WAIT_FOR(done_count == 1 && drv.pending_count == 3);
		assert_ptr_equal(done[0], &jobs[0]); /* of the old link */
		LOCKED(opens = drv.opens);
		assert_int_equal(opens, 3); /* one, two, and one anew */
		assert_string_not_equal(drv.open_host, old_host);
		finish_pending(3, FG_OK);
		WAIT_FOR(done_count == 4);
		for (size_t i = 1; i < 4; i++)
			assert_int_equal(reason(done[i]), FG_REASON_NONE);
		stop();
		assert_int_equal(drv.closes, 3);
	}
	fg_config_unref(next);
}

static void test_a_persons_exchange(void **state)
{
	const struct fg_raw *x;

	(void)state;
	start(&blocking);
	submit(f.config, 0);
	x = submit_raw();
	submit(f.config, 0);
	WAIT_FOR(done_count == 3);
	assert_ptr_equal(done[1], &jobs[1]); /* between the polls */
	assert_int_equal(x->status, FG_OK);
	assert_int_equal(drv.raws, 1);
	assert_int_equal(drv.opens, 1);

	LOCKED(drv.raw_status = -EPIPE);
	x = submit_raw();
	WAIT_FOR(done_count == 4);
	assert_int_equal(x->status, -EPIPE);
	assert_string_equal(x->why, "the far end hung up");
	assert_int_equal(drv.closes, 1);
	LOCKED(drv.raw_status = FG_OK);
	x = submit_raw(); /* opened anew, without the pause that a poll would wait for */
	WAIT_FOR(done_count == 5);
	assert_int_equal(x->status, FG_OK);
	assert_int_equal(drv.opens, 2);
	stop();
}

static void test_a_persons_exchange_on_a_link_that_does_not_open(void **state)
{
	const struct fg_raw *x;

	(void)state;
	start(&blocking);
	LOCKED(drv.open_fails = 1);
	x = submit_raw();
	WAIT_FOR(done_count == 1);
	assert_int_equal(x->status, -ECONNREFUSED);
	assert_int_equal(drv.raws, 0);
	LOCKED(drv.block = true);
	submit(f.config, 1);
	WAIT_FOR(drv.polls == 1);
	fg_worker_ask_stop(worker);
	x = submit_raw();
	LOCKED(drv.block = false);
	stop();
	assert_true(x->status < 0); /* never left without an end */
}

/* However many exchanges people have asked for, polls that are due wait for one of them. */
static void test_people_take_turns_with_polls(void **state)
{
	static const size_t order[] = {0, 1, 4, 5, 2, 3};

	(void)state;
	LOCKED(drv.block = true);
	start(&blocking);
	submit(f.config, 0);
	WAIT_FOR(drv.polls == 1);
	for (int i = 0; i < 3; i++)
		submit_raw();
	submit(f.config, 0);
	submit(f.config, 1);
	LOCKED(drv.block = false; pthread_cond_broadcast(&changed));
	WAIT_FOR(done_count == FG_COUNT(order));
	for (size_t i = 0; i < FG_COUNT(order); i++)
		assert_ptr_equal(done[i], &jobs[order[i]]);
	stop();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_jobs_in_order), TEST(test_job_that_sleeps),
		TEST(test_link_fails_while_a_job_sleeps), TEST(test_end_while_a_job_sleeps),
		TEST(test_link_that_does_not_open),
		TEST(test_reopening_backs_off),
		TEST(test_link_that_fails_in_a_poll),
		TEST(test_stop_with_jobs_queued),
		TEST(test_a_persons_exchange),
		TEST(test_people_take_turns_with_polls),
		TEST(test_a_persons_exchange_on_a_link_that_does_not_open),
		TEST(test_long_poll_is_no_standstill),
		TEST(test_shared_driver),
		TEST(test_shared_link_fails),
		TEST(test_stop_with_jobs_pending),
		TEST(test_forgotten_link),
		TEST(test_changed_link),
	};

	fg_cond_init(&changed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
