/* SPDX-License-Identifier: EUPL-1.2 */
/* Links that wait for others to speak, and readings that nobody polled, through a worker. */
#include "fake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "gateway/worker.h"

#define PATIENCE_US (20 * SEC)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* What the driver does next and has done; under the lock. */
static struct {
	int fd, open_fails, deliver; /* so many in its next turn */
	unsigned opens, closes, reloads, refused, told;
	int told_status;
	bool told_sonde;
	struct fg_link_state *ls;
} drv;

static struct fake f;
static struct fg_worker *worker;
static struct fg_job jobs[4];
static size_t job_count, done_count;
/* Those that came out, for the test to give back. */
static struct fg_delivery *out[2 * FG_DELIVERIES_MAX];
static size_t out_count;

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

/* ---- the driver ---- */

static void on_told(struct fg_delivery *d)
{
	LOCKED(drv.told++; drv.told_status = d->status;
		drv.told_sonde = strcmp(d->device->name, "sonde") == 0);
	fg_delivery_free(d);
}

static void deliver_some(void)
{
	int n;

	LOCKED(n = drv.deliver; drv.deliver = 0);
	while (n-- > 0) {
		struct fg_delivery *d = fg_delivery_new(
			drv.ls->link->devices[0], 1, 0, fg_clock_mono_us());
		int r;

		d->done = on_told;
		r = fg_link_deliver(drv.ls, d);
		if (r == FG_PENDING)
			continue;
		assert_int_equal(r, FG_EFULL);
		LOCKED(drv.refused++);
		fg_delivery_free(d);
	}
}

static int drv_open(struct fg_link_state *ls)
{
	int r;

	LOCKED(drv.opens++; r = drv.open_fails > 0 ? -EADDRINUSE : FG_OK; drv.open_fails -= r < 0;
		drv.ls = ls);
	return r;
}

static void drv_close(struct fg_link_state *ls)
{
	(void)ls;
	LOCKED(drv.closes++);
}

static void drv_reload(struct fg_link_state *ls)
{
	LOCKED(drv.reloads++; drv.ls = ls);
}

static int host_open(struct fg_host *host)
{
	(void)host;
	LOCKED(drv.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	return FG_OK;
}

static void host_close(struct fg_host *host)
{
	(void)host;
	LOCKED(close(drv.fd));
}

static int host_fd(struct fg_host *host)
{
	(void)host;
	return drv.fd;
}

static int64_t host_process(struct fg_host *host)
{
	uint64_t count;

	(void)host;
	if (read(drv.fd, &count, sizeof(count)) < 0)
		assert_int_equal(errno, EAGAIN);
	deliver_some();
	return SEC;
}

static const struct fg_driver listening = {.name = "listening",
	.flags = FG_DRIVER_SHARED | FG_DRIVER_LISTENS, .open = drv_open, .close = drv_close,
	.host_open = host_open, .host_close = host_close, .host_fd = host_fd,
	.host_process = host_process, .reload = drv_reload, .state_size = 16, .host_size = 8};

/* ---- the world ---- */

static void on_done(void *arg, struct fg_job *job)
{
	(void)arg;
	fg_config_unref(job->config);
	LOCKED(done_count++);
}

static void on_delivered(void *arg, struct fg_delivery *d)
{
	(void)arg;
	LOCKED(out[out_count++] = d);
}

static int begin(void **state)
{
	(void)state;
	memset(&drv, 0, sizeof(drv));
	done_count = job_count = out_count = 0;
	fake_init(&f, fake_yaml);
	((struct fg_link *)(uintptr_t)&f.config->links[0])->driver = &listening;
	assert_int_equal(fg_worker_start("listening", on_done, on_delivered, NULL, &worker), FG_OK);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_fini(&f);
	return 0;
}

static void stop(void)
{
	fg_worker_ask_stop(worker);
	assert_true(fg_worker_join(worker, PATIENCE_US));
	assert_int_equal(done_count, job_count);
}

/* The first link is to be open from now on. */
static void listen(void)
{
	static struct fg_batch none;
	struct fg_job *job = &jobs[job_count++];

	*job = (struct fg_job){.batch = &none, .listen = &f.config->links[0]};
	fg_worker_submit(worker, f.config, job);
}

static void deliver(int n)
{
	const uint64_t one = 1;

	LOCKED(drv.deliver = n);
	assert_int_equal(write(drv.fd, &one, sizeof(one)), sizeof(one));
}

/* They go out and come back to their driver; how many are under way is bounded, and those that come
 * back after the end hurt nobody. */
static void test_deliveries(void **state)
{
	(void)state;
	listen();
	WAIT_FOR(done_count == 1);
	deliver(FG_DELIVERIES_MAX + 2);
	WAIT_FOR(drv.refused == 2);
	assert_int_equal(out_count, FG_DELIVERIES_MAX);
	out[0]->status = FG_EFULL;
	fg_worker_return(worker, out[0]);
	WAIT_FOR(drv.told == 1);
	assert_int_equal(drv.told_status, FG_EFULL);
	deliver(1);
	WAIT_FOR(out_count == FG_DELIVERIES_MAX + 1);
	fg_worker_ask_stop(worker);
	WAIT_FOR(drv.closes == 1);
	for (size_t i = 1; i < out_count; i++)
		fg_worker_return(worker, out[i]);
	stop();
}

/* Its configuration is there until the driver has heard of it, and no longer needed meanwhile. */
static void test_a_delivery_outlives_a_reload(void **state)
{
	(void)state;
	listen();
	WAIT_FOR(done_count == 1);
	deliver(1);
	WAIT_FOR(out_count == 1);
	fake_reload(&f, fake_yaml);
	((struct fg_link *)(uintptr_t)&f.config->links[0])->driver = &listening;
	listen();
	WAIT_FOR(drv.reloads == 1);
	assert_true(fg_worker_is_owner(worker, out[0]));
	out[0]->owner_serial--; /* as of another one at the same address before */
	assert_false(fg_worker_is_owner(worker, out[0]));
	fg_worker_return(worker, out[0]);
	WAIT_FOR(drv.told == 1);
	assert_true(drv.told_sonde);
	stop();
}

/* It is opened without a poll, again where it failed, and hears of a reload. */
static void test_a_link_that_listens(void **state)
{
	(void)state;
	LOCKED(drv.open_fails = 1);
	listen();
	WAIT_FOR(drv.opens == 2);
	assert_int_equal(drv.reloads, 0);
	listen();
	WAIT_FOR(drv.reloads == 1);
	stop();
	assert_int_equal(drv.opens, 2);
	assert_int_equal(drv.closes, 2); /* the failed one, too */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deliveries, begin, end),
		cmocka_unit_test_setup_teardown(test_a_delivery_outlives_a_reload, begin, end),
		cmocka_unit_test_setup_teardown(test_a_link_that_listens, begin, end),
	};

	fg_cond_init(&changed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
