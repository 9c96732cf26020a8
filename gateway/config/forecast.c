/* SPDX-License-Identifier: EUPL-1.2 */
/* How much of a bus's time its polls take, reckoned from rate, plan and what is known of the
 * devices; what cannot be kept, and what could. */
#include "base/timefmt.h"
#include "gateway/config/loader.h"

/* What a suggestion leaves free. */
#define FILLED 0.9
/* A bus that is nearly full has no time for retries. */
#define TIGHT 0.9

int64_t fg_group_wire_us(const struct fg_group *g, int64_t *ret_turn_us)
{
	const struct fg_driver *driver = g->device->link->driver;
	int64_t wire_us = 0;

	*ret_turn_us = 0;
	for (size_t i = 0; driver->describe && i < g->request_count; i++) {
		struct fg_request_info info = {.wire_us = 0};

		driver->describe(g, i, &info);
		wire_us += info.wire_us;
		*ret_turn_us += info.turn_us;
	}
	return wire_us;
}

struct fg_beside fg_group_beside(const struct fg_group *g)
{
	const struct fg_driver *driver = g->device->link->driver;
	struct fg_beside beside = {.busy_us = 0};

	if (driver->beside)
		driver->beside(g, &beside);
	return beside;
}

struct fg_forecast fg_link_forecast(const struct fg_config *c, const struct fg_link *link)
{
	struct fg_forecast f = {.shortest_us = INT64_MAX};

	for (size_t i = 0; i < c->group_count; i++) {
		const struct fg_group *g = c->groups[i];
		const struct fg_device *d = g->device;
		int64_t turn_us, wire_us, poll_us;
		struct fg_beside beside;

		if (d->link != link)
			continue;
		wire_us = fg_group_wire_us(g, &turn_us);
		beside = fg_group_beside(g);
		poll_us = wire_us + turn_us + beside.busy_us;
		f.told = f.told || beside.told;
		f.polls++;
		f.requests += g->request_count;
		f.wire_share += (double)wire_us / (double)g->interval_us;
		f.share += (double)poll_us / (double)g->interval_us;
		f.cycle_us += poll_us;
		f.same = f.polls == 1 || (f.same && g->interval_us == f.shortest_us);
		f.shortest_us = FG_MIN(f.shortest_us, g->interval_us);
		f.dead_us = FG_MAX(f.dead_us, (d->retries + 1) * d->timeout_us);
		if (f.polls == 1 || poll_us > f.longest_us) {
			f.longest_us = poll_us;
			f.longest = g;
		}
	}
	f.known = f.wire_share > 0 || f.told;
	return f;
}

/* The share at another rate: what is on the wire shrinks, the devices' own time stays. Above 19200
 * baud the silences do, too. */
static double share_at(const struct fg_forecast *f, unsigned rate, unsigned other)
{
	return f->wire_share * rate / other + (f->share - f->wire_share);
}

/* The least interval that people write which is at least so long. */
static int64_t round_interval(double us)
{
	static const int64_t nice_s[] = {
		1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600};

	for (size_t i = 0; i < FG_COUNT(nice_s); i++)
		if ((double)nice_s[i] * 1e6 >= us)
			return nice_s[i] * 1000000;
	return 86400 * INT64_C(1000000);
}

/* "interval 2s, baud 19200 or fewer points" */
static void put_remedies(
	const struct fg_link *link, const struct fg_forecast *f, struct fg_buf *out)
{
	static const unsigned rates[] = {2400, 4800, 9600, 19200, 38400, 57600, 115200};
	unsigned rate = link->driver->rate ? link->driver->rate(link) : 0;
	char text[32];

	if (f->same)
		fg_buf_printf(out, "interval %s",
			fg_duration_text(round_interval((double)f->shortest_us * f->share / FILLED),
				text, sizeof(text)));
	else
		fg_buf_printf(out, "intervals %.1f times as long", f->share / FILLED + 0.05);
	for (size_t i = 0; rate && i < FG_COUNT(rates); i++) {
		if (rates[i] <= rate || share_at(f, rate, rates[i]) > FILLED)
			continue;
		fg_buf_printf(out, ", baud %u", rates[i]);
		break;
	}
	fg_buf_puts(out, ", fewer points, or a second bus");
}

/* A poll that waits for its device longer than until the next one is due. */
static void check_waits(struct fg_loader *l, const struct fg_link *link)
{
	for (size_t i = 0; i < l->config->group_count; i++) {
		const struct fg_group *g = l->config->groups[i];
		int64_t turn_us, poll_us;
		char each[32], least[32];
		struct fg_beside beside;

		if (g->device->link != link)
			continue;
		beside = fg_group_beside(g);
		poll_us = fg_group_wire_us(g, &turn_us) + turn_us + beside.busy_us + beside.wait_us;
		if (!beside.wait_us || poll_us <= g->interval_us)
			continue;
		fg_duration_text(g->interval_us, each, sizeof(each));
		fg_report_warning(l->rep, fg_place_of(g->device->node, "interval"),
			"devices.%s: one poll takes %.1f s with the waits that it asks for, longer "
			"than its interval of %s; what would fit: interval %s",
			g->device->name, (double)poll_us / 1e6, each,
			fg_duration_text(round_interval((double)poll_us), least, sizeof(least)));
	}
}

/* ---- alarms ---- */

static int64_t shortest(
	const struct fg_point *const *points, size_t count, int64_t interval_us)
{
	for (size_t i = 0; i < count; i++)
		if (points[i]->alarm.on && points[i]->alarm.interval_us)
			interval_us = FG_MIN(interval_us, points[i]->alarm.interval_us);
	return interval_us;
}

/* How often a group is polled while all alarms of its points hold: all of it, as core_alarm.c
 * does. */
static int64_t alarmed_us(const struct fg_group *g)
{
	int64_t interval_us = shortest(g->points, g->count, g->interval_us);

	return shortest(g->derived, g->derived_count, interval_us);
}

static double poll_us_of(const struct fg_group *g)
{
	int64_t turn_us, wire_us = fg_group_wire_us(g, &turn_us);

	return (double)(wire_us + turn_us + fg_group_beside(g).busy_us);
}

/* What the bus has to do more than usual, as a share of its time. */
static double alarm_share(const struct fg_group *g)
{
	return poll_us_of(g) * (1 / (double)alarmed_us(g) - 1 / (double)g->interval_us);
}

static void warn_of_alarm(struct fg_loader *l, const struct fg_group *g, double usual)
{
	double room = (FILLED - usual) / poll_us_of(g) + 1 / (double)g->interval_us;
	char each[32], least[32], what[64] = "fewer points";
	struct fg_buf remedy;

	fg_buf_wrap(&remedy, what, sizeof(what));
	if (usual < FILLED && round_interval(1 / room) < g->interval_us)
		fg_buf_printf(&remedy, "alarm.interval %s",
			fg_duration_text(round_interval(1 / room), least, sizeof(least)));
	else
		fg_buf_puts(&remedy, "no alarm.interval");
	fg_report_warning(l->rep, fg_place_of(g->device->node, "points"),
		"devices.%s: while an alarm of its points holds, its polls each %s and all others "
		"need %.0f %% of the time of the bus '%s', so intervals cannot be kept; what would "
		"fit: %s",
		g->device->name, fg_duration_text(alarmed_us(g), each, sizeof(each)),
		(usual + alarm_share(g)) * 100, g->device->link->name, what);
}

/* A bus that has time for its polls, but not while an alarm holds; or several at once, as in a
 * flood. */
static void check_alarms(
	struct fg_loader *l, const struct fg_link *link, const struct fg_forecast *f)
{
	double all = f->share;
	bool told = false;

	for (size_t i = 0; i < l->config->group_count; i++) {
		const struct fg_group *g = l->config->groups[i];

		if (g->device->link != link || alarmed_us(g) == g->interval_us)
			continue;
		all += alarm_share(g);
		if (f->share + alarm_share(g) > 1) {
			warn_of_alarm(l, g, f->share);
			told = true;
		}
	}
	if (!told && all > 1)
		fg_report_warning(l->rep, link->node->at,
			"links.%s: while the alarms of all its devices hold, its polls need "
			"%.0f %% of the bus's time, so intervals cannot be kept; what would fit: "
			"longer alarm.interval",
			link->name, all * 100);
}

void fg_check_forecast(struct fg_loader *l, const struct fg_link *link)
{
	struct fg_forecast f = fg_link_forecast(l->config, link);
	char mem[200], each[32];
	struct fg_buf remedies;

	check_waits(l, link);
	if (f.known && f.share <= 1)
		check_alarms(l, link, &f);
	if (!f.known || f.share <= TIGHT)
		return;
	fg_buf_wrap(&remedies, mem, sizeof(mem));
	put_remedies(link, &f, &remedies);
	fg_duration_text(f.shortest_us, each, sizeof(each));
	if (f.wire_share > 1)
		fg_report_error(l->rep, link->node->at,
			"links.%s: the line alone needs %.0f ms each %s for its polls (%.0f %% of "
			"the bus's time), so intervals cannot be kept; what would fit: %s",
			link->name, f.wire_share * (double)f.shortest_us / 1e3, each,
			f.wire_share * 100, mem);
	else if (f.share > 1)
		fg_report_warning(l->rep, link->node->at,
			"links.%s: needs %.0f ms each %s for its polls (%.0f %% of the bus's "
			"time), so intervals cannot be kept; what would fit: %s",
			link->name, f.share * (double)f.shortest_us / 1e3, each, f.share * 100,
			mem);
	else
		fg_report_warning(l->rep, link->node->at,
			"links.%s: its polls take %.0f %% of the bus's time; a retry or a dead "
			"device makes them late; what would leave room: %s",
			link->name, f.share * 100, mem);
}

void fg_put_forecast(const struct fg_config *c, const struct fg_link *link, struct fg_buf *out)
{
	struct fg_forecast f = fg_link_forecast(c, link);
	char interval[32];

	if (!f.known)
		return;
	fg_buf_printf(out, "link %s: %.1f %% of the bus's time%s\n", link->name, f.share * 100,
		f.share > 1 ? ": intervals cannot be kept" : "");
	fg_buf_printf(out, "  %u poll%s of %zu request%s, %.0f ms one after another", f.polls,
		f.polls == 1 ? "" : "s", f.requests, f.requests == 1 ? "" : "s",
		(double)f.cycle_us / 1e3);
	fg_duration_text(f.longest->interval_us, interval, sizeof(interval));
	if (f.polls > 1)
		fg_buf_printf(out, "; the longest: %s each %s, %.0f ms", f.longest->device->name,
			interval, (double)f.longest_us / 1e3);
	fg_buf_putc(out, '\n');
	if (link->device_count > 1)
		fg_buf_printf(out,
			"  a device that dies costs up to %.1f s once, then all dead ones together "
			"2 %% of the bus's time%s\n",
			(double)f.dead_us / 1e6,
			f.dead_us > f.shortest_us ? "; a shorter timeout or fewer retries cost less"
						  : "");
}
