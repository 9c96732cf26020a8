/* SPDX-License-Identifier: EUPL-1.2 */
/* What will be sent, how long it takes and how long the store lasts: the forecast of `check`. */
#include "base/timefmt.h"
#include "gateway/config/loader.h"

/* What a reading takes in the database, about: rows hold the values of one poll. */
#define POLL_BYTES    40.0
#define READING_BYTES 12.0
#define DAY_US	      86400e6

static void print_request(const struct fg_request_info *info, struct fg_buf *out)
{
	fg_buf_printf(out, "    %s", info->text);
	if (info->unasked)
		fg_buf_printf(out, ", %u of them unasked", info->unasked);
	if (info->wire_us > 0)
		fg_buf_printf(out, ", %.1f ms and %.1f ms until it answers",
			(double)info->wire_us / 1e3, (double)info->turn_us / 1e3);
	fg_buf_putc(out, '\n');
}

void fg_put_derivation(const struct fg_point *point, struct fg_buf *out)
{
	const struct fg_derivation *d = point->derived;
	const char *before = " of ";

	fg_buf_printf(out, "%s: worked out", point->name);
	for (size_t i = 0; i < d->input_count; i++) {
		const struct fg_point *in = d->inputs[i].point;

		if (!in)
			continue;
		fg_buf_printf(out, "%s%s%s%s", before,
			in->device != point->device ? in->device->name : "",
			in->device != point->device ? "/" : "", in->name);
		before = ", ";
	}
	fg_buf_printf(out, ", with each %s\n", d->trigger->name);
}

static void print_group(const struct fg_group *g, struct fg_buf *out)
{
	const struct fg_driver *driver = g->device->link->driver;
	int64_t turn_us, wire_us = fg_group_wire_us(g, &turn_us);
	const struct fg_beside beside = fg_group_beside(g);
	char interval[32];

	fg_duration_text(g->interval_us, interval, sizeof(interval));
	fg_buf_printf(out, "  %s every %s: %zu point%s in %zu request%s", g->device->name, interval,
		g->count, g->count == 1 ? "" : "s", g->request_count,
		g->request_count == 1 ? "" : "s");
	if (wire_us > 0 || beside.told)
		fg_buf_printf(out, ", %.1f ms", (double)(wire_us + turn_us + beside.busy_us) / 1e3);
	if (beside.wait_us > 0)
		fg_buf_printf(out, " and %.1f s in which the bus serves others",
			(double)beside.wait_us / 1e6);
	fg_buf_putc(out, '\n');
	if (beside.busy_us > 0)
		fg_buf_printf(out, "    %.1f ms of them for silences, wake-up and commands\n",
			(double)beside.busy_us / 1e3);
	for (size_t i = 0; driver->describe && i < g->request_count; i++) {
		struct fg_request_info info = {.wire_us = 0};

		driver->describe(g, i, &info);
		print_request(&info, out);
	}
	for (size_t i = 0; i < g->derived_count; i++) {
		fg_buf_puts(out, "    ");
		fg_put_derivation(g->derived[i], out);
	}
}

static void print_link(const struct fg_config *c, const struct fg_link *link, struct fg_buf *out)
{
	struct fg_forecast f = fg_link_forecast(c, link);

	fg_buf_printf(out, "link %s (%s): %zu device%s", link->name, link->driver_name,
		link->device_count, link->device_count == 1 ? "" : "s");
	if (f.known)
		fg_buf_printf(out, ", %.1f %% of the bus's time%s", f.share * 100,
			f.share > 1 ? ": intervals cannot be kept" : "");
	fg_buf_putc(out, '\n');
	for (size_t i = 0; i < c->group_count; i++)
		if (c->groups[i]->device->link == link)
			print_group(c->groups[i], out);
}

static void print_store(const struct fg_config *c, struct fg_buf *out)
{
	double readings = 0, bytes = 0, days;

	for (size_t i = 0; i < c->group_count; i++) {
		double polls = DAY_US / (double)c->groups[i]->interval_us;
		double count = (double)(c->groups[i]->count + c->groups[i]->derived_count);

		readings += polls * count;
		bytes += polls * (POLL_BYTES + READING_BYTES * count);
	}
	if (bytes <= 0)
		return;
	days = (double)c->storage.max_size / bytes;
	fg_buf_printf(out, "store: about %.0f readings and %.1f MiB a day; ", readings,
		bytes / (1 << 20));
	fg_buf_printf(out, "an outage of about %.*f days fits\n", days < 10 ? 1 : 0, days);
}

void fg_config_print_plan(const struct fg_config *c, struct fg_buf *out)
{
	for (size_t i = 0; i < c->link_count; i++)
		print_link(c, &c->links[i], out);
	fg_put_qc_memory(c, out);
	print_store(c, out);
}

void fg_config_print_forecast(const struct fg_config *c, struct fg_buf *out)
{
	for (size_t i = 0; i < c->link_count; i++)
		fg_put_forecast(c, &c->links[i], out);
	fg_put_qc_memory(c, out);
	print_store(c, out);
}
