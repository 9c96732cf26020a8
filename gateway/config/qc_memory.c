/* SPDX-License-Identifier: EUPL-1.2 */
/* What flat_line and attenuated_signal keep of each point in memory: told, warned of and bounded,
 * so that a window which is longer than was meant is not found out on the board. */
#include <math.h>

#include "base/timefmt.h"
#include "gateway/config/keys.h"
#include "gateway/config/loader.h"
#include "quality/tests.h"

#define MINUTE INT64_C(60000000)
#define HOUR   (60 * MINUTE)

/* Readings that all windows together may hold, and how many are worth a word. */
#define ALL_MAX	 1000000u
#define ALL_MANY 200000u
/* More than a day of readings each ten seconds: more than any sensor's silence needs. */
#define POINT_MANY 10000u

static uint32_t room_of(const struct fg_point *p)
{
	return p->interval_us > 0 ?
		fg_qc_tests_room(p->qc.tests, (double)p->interval_us / 1e6) : 0;
}

static double kib_of(size_t readings)
{
	return (double)(readings * sizeof(struct fg_sample)) / 1024;
}

static double kib(const struct fg_point *p)
{
	return kib_of(fg_qc_history_memory(p->qc.tests, (double)p->interval_us / 1e6));
}

/* The key that asks for the longest window. */
static const char *longest(const struct fg_qc_tests *t, const char **ret_test)
{
	const struct fg_flat_line *flat = &t->flat_line;
	double flat_s = 0;

	if (fg_qc_is_on(t, FG_TEST_FLAT_LINE))
		flat_s = flat->fail_s > flat->suspect_s || isnan(flat->suspect_s) ? flat->fail_s :
										    flat->suspect_s;
	*ret_test = "flat_line";
	if (fg_qc_is_on(t, FG_TEST_ATTENUATED_SIGNAL) && !(flat_s > t->attenuated.period_s)) {
		*ret_test = "attenuated_signal";
		return "period";
	}
	return isnan(flat->fail_s) ? "suspect" : "fail";
}

static struct fg_place place_of(const struct fg_point *p, const char *test, const char *key)
{
	const struct fg_node *qc = fg_node_get(p->node, "qc");
	const struct fg_node *at = qc ? fg_node_get(qc, test) : NULL;
	const struct fg_node *value = at ? fg_node_get(at, key) : NULL;

	return value ? value->at : at ? at->at : qc ? qc->at : p->node->at;
}

/* The longest time that `readings` hold, as a person would write it. */
static const char *time_of(const struct fg_point *p, uint32_t readings, char text[32])
{
	int64_t us = (readings - 2) * p->interval_us; /* as attenuated_signal counts them */

	us -= us % (us > 2 * HOUR ? HOUR : us > 2 * MINUTE ? MINUTE : 1);
	return fg_duration_text(us, text, 32);
}

static void check_point(struct fg_loader *l, const struct fg_point *p, uint32_t room)
{
	const char *test, *key = longest(p->qc.tests, &test);
	const struct fg_place at = place_of(p, test, key);
	char text[32];

	if (room > FG_QC_WINDOW_MAX)
		fg_report_error(l->rep, at,
			"devices.%s.points.%s.qc.%s.%s: looks back over %u readings at this "
			"interval, %.0f KiB of memory; at most %u, so up to %s, or a longer "
			"interval", p->device->name, p->name, test, key, room,
			kib(p), FG_QC_WINDOW_MAX, time_of(p, FG_QC_WINDOW_MAX, text));
	else if (room > POINT_MANY)
		fg_report_warning(l->rep, at,
			"devices.%s.points.%s.qc.%s.%s: looks back over %u readings at this "
			"interval, %.0f KiB of memory; usual are up to %u: up to %s, or a longer "
			"interval", p->device->name, p->name, test, key, room,
			kib(p), POINT_MANY, time_of(p, POINT_MANY, text));
}

/* Of all points that may look back so far. */
struct sum {
	size_t points;
	uint64_t readings;
	double kib;
	const struct fg_point *most;
	uint32_t most_room;
};

static void add(struct sum *s, const struct fg_point *p, uint32_t room)
{
	s->points++;
	s->readings += room;
	s->kib += kib(p);
	if (room > s->most_room) {
		s->most = p;
		s->most_room = room;
	}
}

#define TOGETHER                                                                                   \
	"flat_line and attenuated_signal of all points together look back over %.0f readings, "    \
	"%.1f MiB of memory; "

static void check_sum(struct fg_loader *l, const struct sum *s)
{
	const char *test, *key;
	struct fg_place at;

	if (s->readings <= ALL_MANY)
		return;
	key = longest(s->most->qc.tests, &test);
	at = place_of(s->most, test, key);
	if (s->readings > ALL_MAX)
		fg_report_error(l->rep, at,
			TOGETHER "at most %u: shorter times, or longer intervals; the most are "
			"here, %u", (double)s->readings, s->kib / 1024, ALL_MAX, s->most_room);
	else
		fg_report_warning(l->rep, at,
			TOGETHER "usual are up to %u: see that the board has it; the most are "
			"here, %u", (double)s->readings, s->kib / 1024, ALL_MANY, s->most_room);
}

void fg_check_qc_memory(struct fg_loader *l)
{
	struct sum sum = {0};

	for (size_t i = 0; i < l->config->point_count; i++) {
		const struct fg_point *p = l->config->points[i];
		uint32_t room = room_of(p);

		if (!room)
			continue;
		check_point(l, p, room);
		if (room <= FG_QC_WINDOW_MAX)
			add(&sum, p, room);
	}
	check_sum(l, &sum);
}

void fg_put_qc_memory(const struct fg_config *c, struct fg_buf *out)
{
	struct sum sum = {0};

	for (size_t i = 0; i < c->point_count; i++) {
		uint32_t room = room_of(c->points[i]);

		if (room)
			add(&sum, c->points[i], room);
	}
	if (sum.points)
		fg_buf_printf(out,
			"quality tests: windows of %zu point%s hold up to %.0f readings, %.0f KiB; "
			"the longest: %s/%s %u\n", sum.points, sum.points == 1 ? "" : "s",
			(double)sum.readings, sum.kib, sum.most->device->name, sum.most->name,
			sum.most_room);
}
