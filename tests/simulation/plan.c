/* SPDX-License-Identifier: EUPL-1.2 */
/* From a seed to a configuration and a list of misfortunes. */
#include "plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define MINUTE (60 * US_PER_S)
#define HOUR   (3600 * US_PER_S)

static int64_t between(struct fg_rng *rng, int64_t low, int64_t high)
{
	return low + (int64_t)fg_rng_below(rng, (uint64_t)(high - low) + 1);
}

/* Short ones are common, long ones happen. */
static int64_t span(struct fg_rng *rng, int64_t low, int64_t high)
{
	int64_t most = high;

	for (int i = 0; i < 3; i++)
		most = between(rng, low, most);
	return fg_rng_below(rng, 6) == 0 ? between(rng, low, high) : most;
}

void plan_add(struct plan *p, struct plan_event e)
{
	if (p->event_count == p->event_cap) {
		p->event_cap = FG_MAX(p->event_cap * 2, (size_t)64);
		p->events = realloc(p->events, p->event_cap * sizeof(*p->events));
		if (!p->events)
			abort();
	}
	if (e.a) /* all is over before the last day */
		e.a = FG_MAX(FG_MIN(e.a, p->end_us - e.at_us), US_PER_S);
	p->events[p->event_count++] = e;
}

static int by_time(const void *a, const void *b)
{
	const struct plan_event *x = a, *y = b;

	return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

/* Each kind: how often in a day (in a hundredth), how long. */
struct kind {
	enum plan_what what;
	unsigned percent_a_day;
	int64_t shortest_us, longest_us;
};

static const struct kind kinds[] = {
	{PLAN_KILL, 8, US_PER_S, 5 * MINUTE},
	{PLAN_RESTART, 10, US_PER_S, 2 * HOUR},
	{PLAN_SUSPEND, 3, MINUTE, 3 * HOUR},
	{PLAN_RELOAD, 10, 0, 0},
	{PLAN_BROKER_DOWN, 30, 5 * US_PER_S, 6 * US_PER_DAY},
	{PLAN_BROKER_HANG, 20, 5 * US_PER_S, 2 * HOUR},
	{PLAN_BROKER_SLOW, 15, MINUTE, 5 * HOUR},
	{PLAN_BROKER_DROP, 200, 0, 0},
	{PLAN_BROKER_REFUSE, 10, 5 * US_PER_S, HOUR},
	{PLAN_BROKER_DOUBLE, 15, MINUTE, 5 * HOUR},
	{PLAN_CLOCK_NTP, 8, MINUTE, 12 * HOUR},
	{PLAN_CLOCK_HAND, 15, MINUTE, US_PER_DAY},
	{PLAN_CLOCK_LOST, 10, MINUTE, 3 * US_PER_DAY},
	{PLAN_DAMAGE, 20, 0, 0},
	{PLAN_DEVICE, 60, MINUTE, 3 * US_PER_DAY},
	{PLAN_DISK_FULL, 6, 5 * US_PER_S, 10 * HOUR},
	{PLAN_DISK_EIO, 6, US_PER_S, HOUR},
	{PLAN_DISK_SYNC, 6, US_PER_S, HOUR},
	{PLAN_DISK_READ_ONLY, 4, 5 * US_PER_S, 5 * HOUR},
	{PLAN_DISK_SLOW, 10, MINUTE, 5 * HOUR},
};

static int64_t detail(struct fg_rng *rng, enum plan_what what)
{
	switch (what) {
	case PLAN_BROKER_DOWN:
		return between(rng, BROKER_KEEPS_ALL, BROKER_FORGETS_ALL);
	case PLAN_BROKER_SLOW:
		return span(rng, US_PER_S / 2, 20 * US_PER_S);
	case PLAN_BROKER_REFUSE:
		/* quota: passes; not authorized: for good, for some topics */
		return fg_rng_below(rng, 2) ? 0x97 : 0x87;
	case PLAN_CLOCK_NTP:
	case PLAN_CLOCK_HAND:
		return (fg_rng_below(rng, 2) ? 1 : -1) * span(rng, US_PER_S, 2 * HOUR);
	case PLAN_DEVICE:
		return between(rng, DEVICE_SILENT, DEVICE_SLOW);
	case PLAN_DISK_SLOW:
		return span(rng, US_PER_S / 10, 10 * US_PER_S);
	case PLAN_DAMAGE:
		return between(rng, 0, 8);
	case PLAN_RELOAD:
		return between(rng, 0, VARIANTS - 1);
	default:
		return 0;
	}
}

static void plan_kind(struct plan *p, struct fg_rng *rng, const struct kind *k)
{
	int64_t length = p->end_us - PLAN_START_US;
	bool clock = k->what >= PLAN_CLOCK_NTP && k->what <= PLAN_CLOCK_LOST;
	uint64_t percent = (uint64_t)(length / (US_PER_DAY / 1000)) * k->percent_a_day / 1000;
	uint64_t n = percent / 100 + (fg_rng_below(rng, 100) < percent % 100);

	if ((clock && p->clocks < CLOCKS_TROUBLED) || (k->what == PLAN_DAMAGE && !p->damaged))
		return;
	for (uint64_t i = 0; i < n; i++) {
		struct plan_event e = {
			.what = k->what, .at_us = PLAN_START_US + between(rng, MINUTE, length)};

		e.a = k->longest_us ? span(rng, k->shortest_us, k->longest_us) : 0;
		e.b = detail(rng, k->what);
		if (k->what == PLAN_BROKER_DOWN && p->tight)
			e.a = span(rng, length / 10, length);
		e.busy = fg_rng_below(rng, 10) < 7;
		if (k->what == PLAN_DEVICE)
			e.who = (unsigned)fg_rng_below(rng, p->devices);
		else
			e.who = (unsigned)fg_rng_below(rng, p->dests);
		plan_add(p, e);
		if (k->what != PLAN_RELOAD || !(e.b & VARIANT_NO_DEST1))
			continue;
		/* a destination that is gone for longer than its grace begins anew */
		e.at_us = FG_MIN(e.at_us + between(rng, 1, 16) * HOUR, p->end_us - 1);
		e.b &= ~VARIANT_NO_DEST1;
		e.busy = false;
		plan_add(p, e);
	}
}

/* Power cuts keep some distance, so that each has something to take; now and then a row of them. */
static void plan_cuts(struct plan *p, struct fg_rng *rng)
{
	int64_t at = PLAN_START_US;

	for (;;) {
		at += span(rng, 2 * HOUR, 8 * US_PER_DAY);
		if (at >= p->end_us)
			return;
		plan_add(p, (struct plan_event){.at_us = at,
			       .what = PLAN_POWER_CUT,
			       .a = span(rng, US_PER_S, 8 * HOUR)});
	}
}

/* ---- towns of one misfortune ---- */

static void suspend_often(struct plan *p, struct fg_rng *rng)
{
	for (int64_t at = PLAN_START_US + 5 * HOUR; at < p->end_us; at += US_PER_DAY)
		plan_add(p, (struct plan_event){.at_us = at + between(rng, 0, HOUR),
			       .what = PLAN_SUSPEND,
			       .a = between(rng, 2 * HOUR, 12 * HOUR)});
}

static void end_in_pairs(struct plan *p, struct fg_rng *rng)
{
	for (int64_t at = PLAN_START_US + 5 * HOUR; at < p->end_us; at += US_PER_DAY) {
		int64_t cut = at + between(rng, 0, 8 * HOUR), off = between(rng, HOUR, 8 * HOUR);

		plan_add(p, (struct plan_event){.at_us = cut, .what = PLAN_KILL, .a = off});
		/* the gaps of the first one are told by then */
		plan_add(p, (struct plan_event){
			       .at_us = cut + off + between(rng, 2 * MINUTE, 50 * MINUTE),
			       .what = PLAN_KILL,
			       .a = US_PER_S});
	}
}

static void cut_at_full_hours(struct plan *p, struct fg_rng *rng)
{
	for (int64_t at = PLAN_START_US + 5 * HOUR; at < p->end_us; at += 6 * HOUR) {
		int64_t hour = (at / HOUR + 2) * HOUR;

		plan_add(p, (struct plan_event){
			       .at_us = at, .what = PLAN_DISK_FULL, .a = 4 * HOUR});
		plan_add(p, (struct plan_event){.at_us = hour + between(rng, 6, 40) * US_PER_S,
			       .what = PLAN_KILL,
			       .a = between(rng, US_PER_S, MINUTE)});
	}
}

static void lose_disk_for_hours(struct plan *p, struct fg_rng *rng)
{
	for (int64_t at = PLAN_START_US + HOUR; at < p->end_us; at += 12 * HOUR)
		plan_add(p, (struct plan_event){.at_us = at,
			       .what = fg_rng_below(rng, 2) ? PLAN_DISK_EIO : PLAN_DISK_READ_ONLY,
			       .a = between(rng, 6 * HOUR, 10 * HOUR)});
}

static void drop_while_draining(struct plan *p, struct fg_rng *rng)
{
	for (int64_t at = PLAN_START_US + HOUR; at < p->end_us; at += 12 * HOUR) {
		unsigned who = (unsigned)fg_rng_below(rng, p->dests);
		int64_t back = at + 8 * HOUR;

		plan_add(p, (struct plan_event){.at_us = at,
			       .what = PLAN_BROKER_DOWN, .who = who, .a = 8 * HOUR});
		for (unsigned i = 0; i < 200; i++) {
			plan_add(p, (struct plan_event){
				       .at_us = back, .what = PLAN_BROKER_DROP, .who = who});
			back += between(rng, US_PER_S / 10, 10 * US_PER_S);
		}
	}
}

/* A store that is too small for what brokers leave in it, and no run is long. */
static void cut_a_full_store(struct plan *p, struct fg_rng *rng)
{
	for (int64_t at = PLAN_START_US + HOUR; at < p->end_us;) {
		unsigned who = (unsigned)fg_rng_below(rng, p->dests);
		int64_t away = between(rng, HOUR, 40 * HOUR);

		plan_add(p, (struct plan_event){
			       .at_us = at, .what = PLAN_BROKER_DOWN, .who = who, .a = away});
		at += away / (int64_t)p->dests + between(rng, MINUTE, 2 * HOUR);
	}
	for (int64_t at = PLAN_START_US + HOUR; at < p->end_us;) {
		plan_add(p, (struct plan_event){.at_us = at,
			       .what = PLAN_KILL, .a = between(rng, US_PER_S, MINUTE)});
		at += between(rng, HOUR / 2, 2 * HOUR);
	}
}

static void plan_special(struct plan *p, struct fg_rng *rng)
{
	static void (*const towns[])(struct plan *, struct fg_rng *) = {
		[SPECIAL_SUSPEND] = suspend_often,
		[SPECIAL_PAIRS] = end_in_pairs,
		[SPECIAL_FULL_CUT] = cut_at_full_hours,
		[SPECIAL_NO_DISK] = lose_disk_for_hours,
		[SPECIAL_DROPS] = drop_while_draining,
		[SPECIAL_FULL_STORE] = cut_a_full_store,
	};

	towns[p->special](p, rng);
}

static void plan_devices(struct plan *p, struct fg_rng *rng, bool dense)
{
	bool often = dense || p->tight;

	p->devices = dense ? 20 : 4;
	p->links = dense ? 8 : 1 + (unsigned)fg_rng_below(rng, 4);
	for (unsigned i = 0; i < p->devices; i++) {
		struct plan_device_conf *d = &p->device[i];

		d->read = often ? PLAN_POINTS : 3;
		d->points = d->read + (p->derived ? 2 : 0);
		d->link = (unsigned)fg_rng_below(rng, p->links);
		d->interval_us = often ? 60 * US_PER_S : 600 * US_PER_S;
		d->bathing = fg_rng_below(rng, 3) == 0;
		d->align = fg_rng_below(rng, 4) == 0;
		d->by_change = i == 1;
		d->alarms = i == 2;
	}
}

void plan_make(struct plan *p, uint64_t seed, double days)
{
	struct fg_rng mix = {seed}, rng = {fg_rng_next(&mix)}; /* no seed is another one shifted */
	static const int64_t commits_s[] = {1, 1, 1, 0, 5, 30};
	const bool batches = seed >= PLAN_BATCHES;
	enum plan_special special =
		batches ? SPECIAL_NONE : (enum plan_special)(seed / 1000 % SPECIAL_COUNT);
	bool dense = special ? special == SPECIAL_NO_DISK : seed % 50 == 7;

	*p = (struct plan){.seed = seed, .timeout_us = US_PER_S, .max_delay_us = 5 * US_PER_S,
		.special = special, .batch_us = batches ? 20 * US_PER_S : 0};
	p->tight = (!special && seed % 5 == 2 && !dense) || special == SPECIAL_FULL_STORE;
	p->damaged = !special && seed % 10 == 4;
	p->derived = !special && !p->tight && !dense && (seed % 5 == 3 || seed % 5 == 1);
	p->tested = !special && !p->derived && !dense;
	p->when_full = (enum plan_full)(seed / 5 % 3);
	/* those with many readings have them in less time */
	p->end_us = PLAN_START_US + (int64_t)(days *
					      (dense		 ? 0.05
						      : p->tight ? 0.1
								 : 1) *
					      (double)US_PER_DAY);
	p->drain_us = dense ? US_PER_DAY / 8 : p->tight ? US_PER_DAY / 4 : US_PER_DAY;
	plan_devices(p, &rng, dense);
	p->dests = 1 + (fg_rng_below(&rng, 3) > 0);
	for (unsigned i = 0; i < p->dests; i++) {
		p->bathing_only[i] = i == 1 && fg_rng_below(&rng, 3) == 0;
		p->inflight[i] = (int)between(&rng, 1, 100);
		p->backlog_rate[i] = (double)between(&rng, p->tight ? 20 : 2, 500);
	}
	p->commit_us = commits_s[fg_rng_below(&rng, FG_COUNT(commits_s))] * US_PER_S;
	p->keep_us = span(&rng, US_PER_DAY, 60 * US_PER_DAY);
	p->keep_us = FG_MAX(p->keep_us, 26 * 3600 * US_PER_S); /* what a daily mean needs */
	p->max_size = p->tight			       ? (1 + (int64_t)fg_rng_below(&rng, 2)) << 20
		      : dense || fg_rng_below(&rng, 3) ? PLAN_ROOMY
						       : 2 << 20;
	p->clocks = (enum plan_clocks)fg_rng_below(&rng, 3);
	if (special) {
		p->clocks = CLOCKS_RIGHT;
		plan_special(p, &rng);
		p->tight |= special == SPECIAL_NO_DISK; /* memory is */
	}
	for (size_t i = 0; i < FG_COUNT(kinds) && !special; i++)
		plan_kind(p, &rng, &kinds[i]);
	if (!special)
		plan_cuts(p, &rng);
	if (!special)
		plan_work(p);
	plan_add(p, (struct plan_event){.at_us = p->end_us - 1, .what = PLAN_RELOAD});
	qsort(p->events, p->event_count, sizeof(*p->events), by_time);
}

void plan_fini(struct plan *p)
{
	free(p->events);
	p->events = NULL;
}

/* ---- the configuration ---- */

static void yaml_destination(const struct plan *p, unsigned i, unsigned variant, struct fg_buf *out)
{
	double rate = p->backlog_rate[i] + (variant & VARIANT_RATE ? 1 : 0);

	if (i == 1 && variant & VARIANT_NO_DEST1)
		return;
	fg_buf_printf(out,
		"  dest%u: {servers: [\"mqtt://127.0.0.1:%u\"], prefix: t%u, inflight: %d,"
		" backlog_rate: %g/s",
		i, i + 1, i, p->inflight[i], rate);
	if (p->bathing_only[i])
		fg_buf_puts(out, ", select: {domains: [bathing]}");
	if (i == 0 && p->batch_us)
		fg_buf_printf(out, ", batch: %ds", (int)(p->batch_us / US_PER_S));
	fg_buf_puts(out, "}\n");
}

static bool is_gone(const struct plan *p, unsigned device, unsigned variant)
{
	return device == p->devices - 1 && variant & VARIANT_FEWER;
}

static void yaml_device(const struct plan *p, unsigned i, unsigned variant, struct fg_buf *out)
{
	const struct plan_device_conf *d = &p->device[i];
	int64_t timeout_us = p->timeout_us;

	if (is_gone(p, i, variant))
		return;
	if (i == 0 && variant & VARIANT_CHANGED)
		timeout_us += US_PER_S;
	fg_buf_printf(out,
		"  d%u:\n    station: s%u\n    domain: %s\n    link: l%u\n    unit_id: %u\n"
		"    interval: %" PRId64 "s\n    timeout: %" PRId64 "s\n    align: %s\n"
		"    points:\n",
		i, i, d->bathing ? "bathing" : "water", d->link, i + 1, d->interval_us / US_PER_S,
		timeout_us / US_PER_S, d->align ? "true" : "false");
	if (p->derived)
		fg_buf_printf(out,
			"      x_p%d: {expression: x_p0 - x_p1}\n"
			"      x_p%d: {expression: x_p2 + 1}\n",
			PLAN_DIFFERENCE, PLAN_MORE);
	for (unsigned k = 0; k < d->read; k++) {
		fg_buf_printf(out,
			"      x_p%u: {table: input, address: %u, type: u32, unit: \"1\", ",
			k, 2 * k);
		if (plan_tested(p, i * PLAN_POINTS + k)) {
			plan_series_yaml(p, i * PLAN_POINTS + k, out);
			continue;
		}
		fg_buf_printf(out, "qc: {gross_range: {fail: [%d, %lld], suspect: [%d, %lld]}}",
			PLAN_FAIL_LOW, (long long)PLAN_FAIL_HIGH, PLAN_SUSPECT_LOW,
			(long long)PLAN_SUSPECT_HIGH);
		if (d->by_change)
			fg_buf_printf(out, ", report: {on_change: %lld, at_least_every: %" PRId64
				"s}", (long long)PLAN_CHANGE,
				PLAN_AT_LEAST * d->interval_us / US_PER_S);
		if (d->alarms)
			fg_buf_printf(out, ", alarm: {above: %lld, interval: %" PRId64 "s}",
				(long long)PLAN_ALARM, d->interval_us / US_PER_S / 6);
		fg_buf_puts(out, "}\n");
	}
	fg_buf_puts(out, "    hourly: {x_p0: {also: [running-8h, daily]}}\n");
	plan_work_yaml(p, i, out);
}

void plan_yaml(const struct plan *p, unsigned variant, struct fg_buf *out)
{
	static const char *const full[] = {"drop-oldest", "thin", "drop-newest"};

	fg_buf_puts(out, "gateway: {id: gw, title: T, operator: O, licence: CC0-1.0}\nstations:\n");
	for (unsigned i = 0; i < p->devices; i++)
		fg_buf_printf(out, p->derived && !is_gone(p, i, variant) ?
			"  s%u: {rules: {pair: {test: order, points: [x_p0, x_p1], "
			"tolerance: %d}}}\n" : "  s%u: {title: S}\n",
			i, PLAN_ORDER);
	fg_buf_printf(out,
		"storage: {file: %s, commit_interval: %" PRId64 "s, keep: %" PRId64 "s,"
		" max_size: %" PRId64 "KiB, when_full: %s}\nclock: {trust: kernel}\nmqtt:\n",
		PLAN_DB, p->commit_us / US_PER_S, p->keep_us / US_PER_S, p->max_size >> 10,
		full[p->when_full]);
	for (unsigned i = 0; i < p->dests; i++)
		yaml_destination(p, i, variant, out);
	fg_buf_puts(out, "links:\n");
	for (unsigned i = 0; i < p->links; i++)
		fg_buf_printf(out, "  l%u: {driver: modbus-tcp, host: 127.0.0.%u}\n", i, i + 1);
	fg_buf_puts(out, "devices:\n");
	for (unsigned i = 0; i < p->devices; i++)
		yaml_device(p, i, variant, out);
}

static int64_t shown(const struct plan *p, unsigned point, int64_t true_us)
{
	struct fg_rng rng = {p->seed ^ (uint64_t)point << 56 ^ (uint64_t)true_us};

	fg_rng_next(&rng);
	return (int64_t)(fg_rng_next(&rng) >> 32);
}

unsigned plan_inputs(const struct plan *p, unsigned point, unsigned inputs[2])
{
	unsigned number = point % PLAN_POINTS, first = point - number;

	if (!p->derived || number < PLAN_DIFFERENCE)
		return 0;
	inputs[0] = number == PLAN_DIFFERENCE ? first : first + 2;
	inputs[1] = first + 1;
	return number == PLAN_DIFFERENCE ? 2 : 1;
}

int64_t plan_value(const struct plan *p, unsigned point, int64_t true_us)
{
	unsigned inputs[2], n = plan_inputs(p, point, inputs);
	int64_t value;

	if (plan_tested(p, point))
		return plan_series_value(p, point, true_us);
	if (n == 0)
		return shown(p, point, true_us);
	value = shown(p, inputs[0], true_us);
	return n == 2 ? value - shown(p, inputs[1], true_us) : value + 1;
}

/* What waits while nothing can be stored is bounded by itself (store_engine.c). */
int64_t plan_memory(const struct plan *p)
{
	const int64_t base = 768 << 10, waits = 832 << 10, destination = 128 << 10, point = 1 << 10,
		      hours = 192 << 10;
	int64_t bytes = base + hours + waits + p->dests * destination;

	for (unsigned i = 0; i < p->devices; i++)
		bytes += p->device[i].points * point;
	return bytes;
}

const char *plan_what_name(enum plan_what what)
{
	static const char *const names[PLAN_WHAT_COUNT] = {"power cut", "kill", "restart",
		"suspend", "reload", "work", "broker down", "broker hangs", "broker slow",
		"connection drops", "broker refuses", "broker acknowledges twice",
		"time service wrong", "clock set by hand", "no time service", "damage", "device",
		"disk full", "disk: writes fail", "disk: syncs fail", "disk read-only",
		"disk slow"};

	return names[what];
}
