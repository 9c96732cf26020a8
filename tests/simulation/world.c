/* SPDX-License-Identifier: EUPL-1.2 */
/* True time, the plan's events, power and clocks. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timefmt.h"
#include "seams.h"
#include "sim.h"

#define TIMELINE_MAX   (4u << 20)
#define MEMORY_LEFT    4096 /* that libraries keep for good */
#define RETRY_START_US (10 * US_PER_S)
/* A power cut waits this long for a write to cut. */
static struct plan_event restart_event = {.what = PLAN_RESTART};
#define CUT_PATIENCE_US (900 * US_PER_S)

/* ---- events ---- */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_at(struct sim *s, int64_t at_us, struct sim_event event)
{
	HEAP_OF(HEAP_WORLD);
	size_t i = s->queue_count++;

	if (s->queue_count > s->queue_cap) {
		s->queue_cap = FG_MAX(s->queue_cap * 2, (size_t)256);
		s->queue = realloc(s->queue, s->queue_cap * sizeof(*s->queue));
		if (!s->queue)
			abort();
	}
	event.at_us = FG_MAX(at_us, s->now_us);
	event.order = s->order++;
	for (; i && earlier(&event, &s->queue[(i - 1) / 2]); i = (i - 1) / 2)
		s->queue[i] = s->queue[(i - 1) / 2];
	s->queue[i] = event;
}

static struct sim_event take(struct sim *s)
{
	struct sim_event first = s->queue[0], last = s->queue[--s->queue_count];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < s->queue_count; i = child) {
		if (child + 1 < s->queue_count && earlier(&s->queue[child + 1], &s->queue[child]))
			child++;
		if (!earlier(&s->queue[child], &last))
			break;
		s->queue[i] = s->queue[child];
	}
	s->queue[i] = last;
	return first;
}

int64_t sim_between(struct sim *s, int64_t low, int64_t high)
{
	return low + (int64_t)fg_rng_below(&s->rng, (uint64_t)(high - low) + 1);
}

void sim_log(struct sim *s, const char *fmt, ...)
{
	HEAP_OF(HEAP_WORLD);
	char line[300], time[FG_RFC3339_SIZE];
	va_list args;

	fg_rfc3339(s->now_us / 1000, time);
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	fg_buf_printf(&s->timeline, "%s  %s\n", time, line);
	if (s->verbose)
		fprintf(stderr, "%s  %s\n", time, line);
}

/* ---- clocks ---- */

static int64_t mono_us(const struct sim *s)
{
	return s->boot_mono_us + s->now_us - s->boot_us;
}

/* One that is kept by a time service is some milliseconds off and wanders; one that nobody ever set
 * began in 1970. */
struct fg_now sim_clock(const struct sim *s)
{
	int64_t phase = s->now_us / US_PER_S % 86400 - 43200;
	struct fg_now now = {.mono_us = mono_us(s), .wall_us = s->now_us + s->clock_off_us};

	now.wall_us += (phase < 0 ? -phase : phase) - 20000;
	return now;
}

enum fg_clock_level sim_clock_level(const struct sim *s, int64_t newest_ms)
{
	if (s->clock_level == FG_CLOCK_RTC && sim_clock(s).wall_us / 1000 < newest_ms)
		return FG_CLOCK_UNKNOWN;
	return s->clock_level;
}

int64_t sim_well_since(const struct sim *s, unsigned dest)
{
	const struct sim_broker *b = &s->brokers[dest];
	int64_t since = FG_MAX(b->well_since_us, s->awake_since_us);

	if (!s->gateway || s->disk_faults || !b->connected || s->clock_since_us == INT64_MAX ||
		s->now_us < b->hangs_until_us || s->now_us < b->refuses_until_us ||
		s->now_us < b->slow_until_us)
		return INT64_MAX;
	since = FG_MAX(since, FG_MAX(s->disk_well_since_us, s->clock_since_us));
	since = FG_MAX(since, FG_MAX(b->hangs_until_us, b->refuses_until_us));
	/* until the last slow acknowledgement is there, the window may be full */
	return FG_MAX(since, FG_MAX(b->slow_until_us, b->slow_ack_us));
}

/* ---- power ---- */

static void set_clock(struct sim *s, enum fg_clock_level level, int64_t off_us)
{
	static const char *const levels[] = {"nobody vouches for", "a weak", "a right"};

	sim_log(s, "%s clock, %.3f s off", levels[level], (double)off_us / 1e6);
	s->clock_level = level;
	s->clock_off_us = off_us;
	if (level == FG_CLOCK_RIGHT && s->clock_since_us == INT64_MAX)
		s->clock_since_us = s->now_us + 3 * US_PER_S;
	checker_clock(s->checker, s->now_us, level, off_us);
	if (s->gateway)
		sim_gateway_clock(s);
}

/* A time service is reached, or is reached again. */
static void clock_right(struct sim *s)
{
	if (s->clock_level != FG_CLOCK_RIGHT || s->clock_off_us != 0)
		set_clock(s, FG_CLOCK_RIGHT, 0);
}

static void right_at(struct sim *s, int64_t at_us)
{
	sim_at(s, at_us, (struct sim_event){.type = SIM_CLOCK, .run = s->boots});
}

/* What a machine knows of the time when it comes up: nothing, or what a hardware clock says; and
 * when a time service says better: soon, late, or never. */
static void boot_clock(struct sim *s, int64_t at_us)
{
	uint64_t kind = s->plan.clocks == CLOCKS_RIGHT ? 0 : fg_rng_below(&s->rng, 6);
	int64_t late_us = fg_rng_below(&s->rng, 3) ? 20 * 60 * US_PER_S : US_PER_DAY;
	int64_t right_us = at_us + sim_between(s, US_PER_S, late_us);

	if (kind == 0 || (s->plan.clocks == CLOCKS_LATE && kind < 3)) {
		set_clock(s, FG_CLOCK_RIGHT, 0);
		s->clock_since_us = at_us;
		return;
	}
	s->clock_since_us = INT64_MAX;
	if (s->plan.clocks == CLOCKS_LATE) {
		right_us = at_us + sim_between(s, US_PER_S, 20 * 60 * US_PER_S);
	} else if (kind < 4) {
		bool right = fg_rng_below(&s->rng, 3) == 0, ahead = fg_rng_below(&s->rng, 2);
		int64_t by_us = sim_between(
			s, 0, fg_rng_below(&s->rng, 2) ? 3600 * US_PER_S : 300 * US_PER_S);

		set_clock(s, FG_CLOCK_RTC, right ? 0 : ahead ? by_us : -by_us);
		right_at(s, fg_rng_below(&s->rng, 3) ? right_us : s->plan.end_us);
		return;
	} else if (kind == 5) {
		right_us = s->plan.end_us;
	}
	set_clock(s, FG_CLOCK_UNKNOWN, s->boot_mono_us - at_us);
	right_at(s, right_us);
}

static void boot(struct sim *s, int64_t at_us)
{
	seams_boot();
	s->boot_us = at_us;
	s->boot_mono_us = sim_between(s, 5 * US_PER_S, 60 * US_PER_S);
	s->suspended_until_us = s->awake_since_us = 0;
	s->boots++;
	checker_booted(s->checker, at_us);
	boot_clock(s, at_us);
}

static void start_in(struct sim *s, int64_t after_us)
{
	s->start_due_us = s->now_us + after_us;
	sim_at(s, s->start_due_us, (struct sim_event){.type = SIM_START, .run = s->runs});
}

static void start(struct sim *s)
{
	if (s->gateway)
		return;
	s->runs++;
	if (!sim_gateway_start(s)) {
		sim_log(s, "the gateway cannot start");
		start_in(s, RETRY_START_US);
		return;
	}
	s->awake_since_us = s->now_us;
	if (s->clock_level == FG_CLOCK_UNKNOWN)
		s->clock_since_us = INT64_MAX;
	sim_log(s, "the gateway runs");
	checker_started(s->checker, s->now_us);
	checker_configured(s->checker, s->now_us, s->variant & VARIANT_NO_DEST1);
	s->running = true;
	sim_gateway_turn(s);
}

/* The gateway is gone; the checker looks at what it left. */
void sim_ended(struct sim *s, bool clean)
{
	HEAP_OF(HEAP_WORLD);

	/* asleep it commits nothing, however old */
	bool asleep = s->now_us < s->suspended_until_us;

	if (s->running)
		checker_ended(s->checker, s->now_us, clean,
			s->disk_faults || asleep ? INT64_MAX : s->disk_well_since_us, s->disk);
	s->running = false;
	checker_memory(s->checker, s->now_us, (int64_t)heap_used(), MEMORY_LEFT);
}

void sim_restart(struct sim *s)
{
	sim_at(s, s->now_us, (struct sim_event){.type = SIM_OVER, .data = &restart_event});
}

static void after_cut(struct sim *s, int64_t off_us)
{
	sim_gateway_die(s);
	disk_power_on(s->disk, fg_rng_next(&s->rng));
	sim_ended(s, false);
	sim_log(s, "no power for %" PRId64 " s", off_us / US_PER_S);
	s->cut = NULL;
	s->runs++;
	start_in(s, off_us);
	boot(s, s->start_due_us);
}

static void kill_gateway(struct sim *s, int64_t off_us)
{
	if (!s->gateway)
		return;
	disk_power_off(s->disk);
	sim_gateway_die(s);
	disk_survive(s->disk);
	sim_ended(s, false);
	start_in(s, off_us);
}

/* ---- the plan ---- */

static void disk_fault(struct sim *s, const struct plan_event *e, bool on)
{
	struct disk *d = s->disk;

	s->disk_faults += on ? 1 : (unsigned)-1;
	s->disk_well_since_us = s->now_us;
	switch (e->what) {
	case PLAN_DISK_FULL:
		d->quota = on ? INT64_C(1) << 40 : 0;
		d->others = on ? d->quota - d->used : 0;
		checker_disk_full(s->checker, s->now_us, on);
		break;
	case PLAN_DISK_EIO:
		d->write_error = on ? 5 : 0;
		break;
	case PLAN_DISK_SYNC:
		d->sync_error = on ? 5 : 0;
		break;
	case PLAN_DISK_READ_ONLY:
		d->read_only = on;
		break;
	default:
		d->sync_us = on ? e->b : 0;
		break;
	}
}

/* Where little happens, misfortune seldom meets anything: most of it waits for the next reading. */
void sim_hurry(struct sim *s)
{
	while (s->hurried_count)
		sim_at(s, s->now_us + sim_between(s, 0, s->plan.commit_us + 2 * US_PER_S),
			(struct sim_event){.type = SIM_BEGIN,
				.who = 1,
				.data = (void *)(uintptr_t)s->hurried[--s->hurried_count]});
}

static bool waits_for_reading(struct sim *s, const struct sim_event *e)
{
	const struct plan_event *p = e->data;

	if (!p->busy || e->who || s->hurried_count == FG_COUNT(s->hurried))
		return false;
	s->hurried[s->hurried_count++] = p;
	return true;
}

static void damage(struct sim *s, const struct plan_event *e)
{
	int64_t size = disk_size(s->disk, PLAN_DB);

	if (size < DISK_SECTOR)
		return;
	if (e->b == 0)
		disk_zero_sector(s->disk, PLAN_DB, sim_between(s, 0, size / DISK_SECTOR - 1));
	for (int64_t i = 0; i < e->b; i++)
		disk_flip(s->disk, PLAN_DB, sim_between(s, 0, size - 1),
			(unsigned char)(1u << sim_between(s, 0, 7)));
}

/* Where nobody knows the time anyway nothing changes. */
static void clock_begins(struct sim *s, const struct plan_event *e)
{
	if (s->clock_level != FG_CLOCK_RIGHT || s->clock_off_us != 0)
		return;
	if (e->what == PLAN_CLOCK_NTP)
		set_clock(s, FG_CLOCK_RIGHT, e->b);
	else
		set_clock(s, FG_CLOCK_UNKNOWN, e->what == PLAN_CLOCK_HAND ? e->b : 0);
	right_at(s, s->now_us + e->a);
}

static void begin(struct sim *s, const struct plan_event *planned)
{
	struct plan_event copy = *planned, *e = &copy;

	if (s->now_us >= s->plan.end_us)
		return;
	e->a = FG_MIN(e->a, FG_MAX(s->plan.end_us - s->now_us, US_PER_S));
	sim_log(s, "%s (%u) for %" PRId64 " s, %" PRId64, plan_what_name(e->what), e->who,
		e->a / US_PER_S, e->b);
	if (e->a)
		sim_at(s, s->now_us + e->a,
			(struct sim_event){.type = SIM_OVER, .data = (void *)(uintptr_t)planned});
	if (e->what >= PLAN_DISK_FULL) {
		disk_fault(s, e, true);
	} else if (e->what >= PLAN_CLOCK_NTP && e->what <= PLAN_CLOCK_LOST) {
		clock_begins(s, e);
	} else if (e->what == PLAN_DAMAGE) {
		damage(s, e);
	} else if (e->what >= PLAN_DEVICE) {
		s->devices[e->who].state = (enum plan_device)e->b;
		s->devices[e->who].until_us = s->now_us + e->a;
	} else if (e->what >= PLAN_BROKER_DOWN) {
		sim_broker_begin(s, e);
	} else if (e->what == PLAN_POWER_CUT) {
		s->cut = planned;
		disk_cut_after(s->disk, 1 + fg_rng_below(&s->rng, 12));
		sim_at(s, s->now_us + sim_between(s, 1, CUT_PATIENCE_US),
			(struct sim_event){.type = SIM_CUT, .data = (void *)(uintptr_t)planned});
	} else if (e->what == PLAN_KILL) {
		kill_gateway(s, e->a);
	} else if (e->what == PLAN_RESTART && s->gateway) {
		sim_gateway_stop(s);
	} else if (e->what == PLAN_RELOAD) {
		s->variant = (unsigned)e->b;
		sim_gateway_reload(s);
	} else if (e->what == PLAN_WORK) {
		sim_gateway_work(s, planned);
	} else if (e->what == PLAN_SUSPEND) {
		s->suspended_until_us = FG_MAX(s->suspended_until_us, s->now_us + e->a);
		s->awake_since_us = s->suspended_until_us;
	}
}

static void over(struct sim *s, const struct plan_event *e)
{
	if (e->what >= PLAN_DISK_FULL)
		disk_fault(s, e, false);
	else if (e->what == PLAN_WORK)
		sim_gateway_work_over(s, e);
	else if (e->what >= PLAN_BROKER_DOWN && e->what < PLAN_CLOCK_NTP)
		sim_broker_over(s, e);
	else if (e == &restart_event && s->gateway && !sim_gateway_stopping(s)) {
		sim_gateway_stop(s);
		sim_at(s, s->now_us + US_PER_S,
			(struct sim_event){.type = SIM_OVER, .data = &restart_event});
	} else if (e->what == PLAN_RESTART && s->gateway && sim_gateway_stopping(s))
		sim_at(s, s->now_us + US_PER_S,
			(struct sim_event){.type = SIM_OVER, .data = (void *)(uintptr_t)e});
	else if (e->what == PLAN_RESTART && !s->gateway && s->start_due_us < s->now_us)
		start_in(s, 0);
}

/* ---- the loop ---- */

static bool of_gateway(enum sim_event_type type)
{
	return type <= SIM_POLLED;
}

static void handle(struct sim *s, struct sim_event *e)
{
	if (of_gateway(e->type)) {
		if (e->type == SIM_POLLED)
			sim_sensors_polled(s, e);
		else if (s->gateway && e->run == s->runs)
			sim_gateway_event(s, e);
		return;
	}
	switch (e->type) {
	case SIM_CLOCK:
		if (e->run == s->boots)
			clock_right(s);
		break;
	case SIM_BEGIN:
		if (!waits_for_reading(s, e))
			begin(s, e->data);
		break;
	case SIM_OVER:
		over(s, e->data);
		break;
	case SIM_START:
		if (s->start_due_us <= s->now_us)
			start(s);
		break;
	case SIM_CUT:
		if (s->cut == e->data)
			disk_power_off(s->disk);
		break;
	case SIM_END:
		if (s->gateway)
			sim_gateway_stop(s);
		s->over = true;
		break;
	default:
		sim_broker_event(s, e);
		break;
	}
}

/* The most that the gateway held since the last event. */
static void watch_memory(struct sim *s)
{
	int64_t peak = (int64_t)heap_peak();

	s->memory_peak = FG_MAX(s->memory_peak, peak);
	checker_memory(s->checker, s->now_us, peak, plan_memory(&s->plan));
	heap_forget_peak();
}

/* While the machine sleeps nothing of it moves; the world does. */
static bool sleeps(const struct sim *s, const struct sim_event *e)
{
	return s->now_us < s->suspended_until_us &&
	       (of_gateway(e->type) || e->type == SIM_ACK || e->type == SIM_CONNECTED ||
		       e->type == SIM_LOST || e->type == SIM_START || e->type == SIM_CLOCK ||
		       e->type == SIM_END ||
		       (e->type == SIM_BEGIN &&
			       ((struct plan_event *)e->data)->what < PLAN_BROKER_DOWN &&
			       ((struct plan_event *)e->data)->what != PLAN_POWER_CUT));
}

void sim_run(struct sim *s)
{
	while (s->queue_count && !(s->over && !s->gateway)) {
		struct sim_event e = take(s);

		s->now_us = e.at_us;
		s->disk->now_ms = s->now_us / 1000;
		s->events++;
		if (sleeps(s, &e))
			sim_at(s, s->suspended_until_us, e);
		else
			handle(s, &e);
		if (s->disk->off)
			after_cut(s, s->cut->a);
		checker_disk(s->checker, s->now_us, s->disk->peak);
		s->disk->peak = s->disk->used;
		watch_memory(s);
		if (s->hasty && checker_faults(s->checker))
			return;
	}
	checker_finish(s->checker, s->now_us, s->disk);
}

void sim_init(struct sim *s, uint64_t seed, double days, bool verbose)
{
	*s = (struct sim){.now_us = PLAN_START_US, .verbose = verbose};
	plan_make(&s->plan, seed, days);
	s->rng.state = ~seed;
	s->rng.state = fg_rng_next(&s->rng);
	fg_buf_init(&s->timeline, TIMELINE_MAX);
	fg_log_set_level(verbose ? FG_LOG_NOTICE : (enum fg_log_level)0);
	snprintf(s->config_path, sizeof(s->config_path), "/tmp/fjordgate-sim-%d.yaml", getpid());
	seams_reset(seed);
	sqlite3_randomness(0, NULL);
	s->disk = disk_new(seed);
	disk_mount(s->disk);
	s->checker = checker_new(&s->plan);
	sim_brokers_init(s);
	for (size_t i = 0; i < s->plan.event_count; i++)
		sim_at(s, s->plan.events[i].at_us,
			(struct sim_event){.type = SIM_BEGIN, .data = &s->plan.events[i]});
	sim_at(s, s->plan.end_us + s->plan.drain_us, (struct sim_event){.type = SIM_END});
	boot(s, s->now_us);
	start_in(s, 0);
}

void sim_fini(struct sim *s)
{
	disk_power_off(s->disk);
	sim_gateway_die(s);
	while (s->queue_count) {
		struct sim_event e = take(s);

		if (e.type == SIM_RECEIVE || e.type == SIM_ACK)
			sim_broker_free_message(e.data);
		else if (e.type == SIM_POLLED)
			free(e.data);
	}
	free(s->queue);
	sim_brokers_fini(s);
	checker_free(s->checker);
	disk_free(s->disk);
	plan_fini(&s->plan);
	fg_buf_fini(&s->timeline);
	unlink(s->config_path);
}
