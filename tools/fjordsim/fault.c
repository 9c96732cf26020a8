/* SPDX-License-Identifier: EUPL-1.2 */
/* Faults: when they hold, and the orders that switch them at run time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "sim.h"

const struct fg_choice sim_fault_names[] = {
	{.name = "mute", .value = SIM_MUTE, .help = "no answer"},
	{.name = "slow", .value = SIM_SLOW, .help = "the answer comes after `delay`"},
	{.name = "exception",
		.value = SIM_EXCEPTION,
		.help = "Modbus exception `code`; CoAP: 404 for 4.04, other codes below 100 are "
			"5.03"},
	{.name = "garbage", .value = SIM_GARBAGE, .help = "random bytes instead of the answer"},
	{.name = "wrong_unit", .value = SIM_WRONG_UNIT, .help = "the answer of another unit id"},
	{.name = "short", .value = SIM_SHORT, .help = "half the answer, then silence"},
	{.name = "stuck", .value = SIM_STUCK, .help = "the value stays where it is, or at `value`"},
	{.name = "spike",
		.value = SIM_SPIKE,
		.help = "`amount` is added to every `every`-th reading"},
	{.name = "clock", .value = SIM_CLOCK, .help = "its clock is wrong by `amount` seconds"},
	{.name = "duplicate",
		.value = SIM_DUPLICATE,
		.help = "every `every`-th message is sent twice, under the same id"},
	{.name = "again",
		.value = SIM_AGAIN,
		.help = "every `every`-th batch is sent once more, as if its 2.04 had been lost"},
	{0},
};

static bool holds(const struct sim_fault *f, int64_t now_us)
{
	int64_t t = now_us - f->start_us - f->conf.after_us;

	if (t < 0)
		return false;
	if (f->conf.repeat_us > 0)
		t %= f->conf.repeat_us;
	return !f->conf.for_us || t < f->conf.for_us;
}

const struct sim_fault *sim_fault_at(
	const struct sim_unit *unit, enum sim_fault_kind kind, size_t point, int64_t now_mono_us)
{
	for (size_t i = 0; i < unit->fault_count; i++) {
		const struct sim_fault *f = &unit->faults[i];

		if (f->conf.kind != (int)kind || !holds(f, now_mono_us))
			continue;
		if (!*f->point ||
			(point != SIZE_MAX && strcmp(f->point, sim_points(unit)[point].name) == 0))
			return f;
	}
	return NULL;
}

/* ---- orders ---- */

static int take_option(const char *word, struct sim_fault *f)
{
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : 0;

	if (!value++)
		return FG_EINVAL;
#define IS(name) (len == strlen(name) && memcmp(word, name, len) == 0)
	if (IS("after"))
		return fg_duration_parse(value, &f->conf.after_us);
	if (IS("for"))
		return fg_duration_parse(value, &f->conf.for_us);
	if (IS("repeat"))
		return fg_duration_parse(value, &f->conf.repeat_us);
	if (IS("delay"))
		return fg_duration_parse(value, &f->conf.delay_us);
	if (IS("code"))
		return fg_integer_parse(value, &f->conf.code);
	if (IS("max_age"))
		return fg_duration_parse(value, &f->conf.max_age_us);
	if (IS("every"))
		return fg_integer_parse(value, &f->conf.every);
	if (IS("amount"))
		return fg_number_parse(value, &f->conf.amount);
	if (!IS("value"))
		return FG_EINVAL;
#undef IS
	return snprintf(f->value, sizeof(f->value), "%s", value) < (int)sizeof(f->value)
		       ? FG_OK
		       : FG_EINVAL;
}

/* Cuts the next word off the line. */
static char *next_word(char **line)
{
	char *word = *line + strspn(*line, " \t\r\n");
	size_t len = strcspn(word, " \t\r\n");

	*line = word + len;
	if (**line)
		*(*line)++ = '\0';
	return len ? word : NULL;
}

static const struct fg_choice *find_kind(const char *word)
{
	for (const struct fg_choice *c = sim_fault_names; c->name; c++)
		if (strcmp(c->name, word) == 0)
			return c;
	return NULL;
}

/* DEVICE or DEVICE/POINT. A device of many copies is named as a whole or one by one. */
static size_t find_units(struct sim_model *m, const char *name, struct sim_unit **ret_first)
{
	size_t n = 0;

	for (size_t i = 0; i < m->unit_count; i++) {
		struct sim_unit *u = &m->units[i];

		if (strcmp(u->name, name) && strcmp(u->device->name, name))
			continue;
		if (!n)
			*ret_first = u;
		n++;
	}
	return n; /* copies stand side by side */
}

static bool has_point(const struct sim_unit *unit, const char *name)
{
	for (size_t i = 0; i < sim_point_count(unit); i++)
		if (strcmp(sim_points(unit)[i].name, name) == 0)
			return true;
	return false;
}

/* kind < 0: all faults. Also those of the file: an order has the last word until a reload. */
static void remove_faults(struct sim_unit *unit, int kind, const char *point)
{
	size_t kept = 0;

	for (size_t i = 0; i < unit->fault_count; i++) {
		const struct sim_fault *f = &unit->faults[i];

		if ((kind < 0 || f->conf.kind == kind) && (!*point || strcmp(f->point, point) == 0))
			continue;
		unit->faults[kept++] = *f;
	}
	unit->fault_count = kept;
}

static void switch_fault(struct sim_model *m, const struct fg_choice *kind, char *rest,
	int64_t now_us, struct fg_buf *out)
{
	struct sim_fault f = {.conf = {.kind = kind->value,
				      .delay_us = 2000000,
				      .code = 2,
				      .every = 10,
				      .amount = 10},
		.start_us = now_us,
		.ordered = true};
	char *target = next_word(&rest), *state = next_word(&rest), *word, *slash;
	struct sim_unit *unit = NULL;
	size_t n;

	if (!target || !state || (strcmp(state, "on") && strcmp(state, "off"))) {
		fg_buf_printf(out, "error: %s DEVICE[/POINT] on|off [key=value…]\n", kind->name);
		return;
	}
	slash = strchr(target, '/');
	if (slash) {
		*slash = '\0';
		snprintf(f.point, sizeof(f.point), "%s", slash + 1);
	}
	n = find_units(m, target, &unit);
	if (!n || (slash && !has_point(unit, f.point))) {
		fg_buf_printf(out, "error: no such %s\n", n ? "point" : "device");
		return;
	}
	while ((word = next_word(&rest))) {
		if (take_option(word, &f) < 0) {
			fg_buf_printf(out,
				"error: '%.60s' is not one of after= for= repeat= delay= "
				"code= max_age= every= amount= value=\n",
				word);
			return;
		}
	}
	for (size_t i = 0; i < n; i++) {
		remove_faults(&unit[i], kind->value, f.point);
		if (strcmp(state, "on") == 0 && unit[i].fault_count < SIM_MAX_FAULTS)
			unit[i].faults[unit[i].fault_count++] = f;
	}
	fg_buf_puts(out, "ok\n");
}

static void clear_faults(struct sim_model *m, const char *target, struct fg_buf *out)
{
	struct sim_unit *unit = m->units;
	size_t n = target ? find_units(m, target, &unit) : m->unit_count;

	if (!n) {
		fg_buf_puts(out, "error: no such device\n");
		return;
	}
	for (size_t i = 0; i < n; i++)
		unit[i].fault_count = 0;
	fg_buf_puts(out, "ok\n");
}

static void list_faults(const struct sim_model *m, int64_t now_us, struct fg_buf *out)
{
	for (size_t i = 0; i < m->unit_count; i++) {
		const struct sim_unit *u = &m->units[i];

		fg_buf_printf(out, "%s", u->name);
		for (size_t k = 0; k < u->fault_count; k++)
			fg_buf_printf(out, " %s%s%s%s",
				sim_fault_names[u->faults[k].conf.kind].name,
				*u->faults[k].point ? "/" : "", u->faults[k].point,
				holds(&u->faults[k], now_us) ? "" : "(not now)");
		fg_buf_putc(out, '\n');
	}
	fg_buf_puts(out, "ok\n");
}

static void list_counts(const struct sim_model *m, struct fg_buf *out)
{
	for (size_t i = 0; i < m->unit_count; i++) {
		const struct sim_counts *c = &m->units[i].counts;

		fg_buf_printf(out,
			"%s answered=%" PRIu64 " notified=%" PRIu64 " pushed=%" PRIu64
			" acked=%" PRIu64 " waiting=%" PRIu64 " refused=%" PRIu64
			" forgotten=%" PRIu64 "\n",
			m->units[i].name, c->answered, c->notified, c->pushed, c->acked, c->waiting,
			c->refused, c->forgotten);
	}
	fg_buf_puts(out, "ok\n");
}

void sim_order(struct sim_model *m, const char *line, int64_t now_mono_us, struct fg_buf *out)
{
	char copy[512], *rest = copy, *verb;
	const struct fg_choice *kind;

	if (snprintf(copy, sizeof(copy), "%s", line) >= (int)sizeof(copy)) {
		fg_buf_puts(out, "error: the line is too long\n");
		return;
	}
	verb = next_word(&rest);
	if (!verb)
		return;
	kind = find_kind(verb);
	if (kind)
		switch_fault(m, kind, rest, now_mono_us, out);
	else if (strcmp(verb, "clear") == 0)
		clear_faults(m, next_word(&rest), out);
	else if (strcmp(verb, "list") == 0)
		list_faults(m, now_mono_us, out);
	else if (strcmp(verb, "counts") == 0)
		list_counts(m, out);
	else
		fg_buf_puts(out, "error: unknown order; there are mute slow exception garbage "
				 "wrong_unit short stuck spike clock duplicate again clear "
				 "list counts\n");
}
