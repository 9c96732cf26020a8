/* SPDX-License-Identifier: EUPL-1.2 */
/* What a disk holds after an end, and what of that must be there: S1, S6. */
#include <inttypes.h>
#include <stdio.h>

#include "base/status.h"
#include "checker_private.h"

unsigned checker_point_of(const struct fg_point_desc *desc)
{
	unsigned device, number;

	if (sscanf(desc->device, "d%u", &device) != 1 ||
		sscanf(desc->point, "x_p%u", &number) != 1 || device >= PLAN_DEVICES ||
		number >= PLAN_POINTS)
		return POINTS;
	return device * PLAN_POINTS + number;
}

void checker_row(const struct fg_item *item, unsigned point, struct parsed *m)
{
	static const enum fg_test tests[PARSED_TESTS] = {FG_TEST_GROSS_RANGE, FG_TEST_CLIMATOLOGY,
		FG_TEST_RATE_OF_CHANGE, FG_TEST_FLAT_LINE, FG_TEST_TIME_GAP, FG_TEST_SPIKE};

	*m = (struct parsed){.kind = PARSED_READING,
		.seq = item->seq,
		.point = point,
		.time_ms = item->wall_ms,
		.qc = (int)item->qc,
		.has_value = item->qc != FG_QC_MISSING,
		.maintenance = item->maintenance,
		.alarm = item->alarm != FG_ALARM_NONE,
		.value = fg_value_number(&item->value),
		.uncertainty_s = item->uncertainty_s};
	for (unsigned i = 0; i < PARSED_TESTS; i++) {
		enum fg_qc verdict = fg_tests_get(item->tests, tests[i]);

		if (verdict == FG_QC_SUSPECT || verdict == FG_QC_FAIL)
			m->tests[i] = (uint8_t)verdict;
	}
	if (item->reason != FG_REASON_NONE)
		fg_reason_text(item->reason, item->detail, m->reason);
}

static int on_row(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct checker *c = arg;
	struct parsed m;
	uint32_t i;

	if (item->kind == FG_ITEM_READING && item->replaces)
		checker_series_row(c, item, checker_point_of(desc), NONE, uncertain);
	if (item->kind != FG_ITEM_READING || item->replaces)
		return 0;
	c->stored++;
	if (checker_point_of(desc) == POINTS) {
		if (!c->plan->damaged) /* a file as it is read before it is salvaged */
			checker_found(c, "S2", "the store has a point '%s/%s'", desc->device,
				desc->point);
		return 0;
	}
	checker_row(item, checker_point_of(desc), &m);
	m.untimed = uncertain;
	i = checker_identify(c, &m, "store");
	if (i != NONE) {
		c->given[i].on_disk = true;
		checker_series_told(c, 0, &c->given[i], &m, "store");
		checker_marks_told(c, &c->given[i], &m, "store");
	}
	checker_series_row(c, item, m.point, i, uncertain);
	return 0;
}

long checker_read_store(struct checker *c, const struct disk *disk, fg_reader_fn fn, void *arg)
{
	struct disk *was = disk_mounted(), *copy = disk_copy(disk);
	struct fg_reader *r;
	char text[256];
	struct fg_buf why;
	long n = 0;

	fg_buf_wrap(&why, text, sizeof(text));
	disk_mount(copy);
	/* where there is no store, nothing was committed: what that means is found below */
	if (fg_reader_open(PLAN_DB, &why, &r) == FG_OK) {
		n = fg_reader_range(r, 0, FG_SEQ_END, fn, arg);
		if ((n < 0 || fg_reader_damaged(r)) && !c->plan->damaged)
			checker_found(c, "S1", "the store cannot be read after its end: %s",
				fg_strerror((int)n));
		fg_reader_close(r);
	}
	disk_mount(was);
	disk_free(copy);
	return n;
}

static void look_at(struct checker *c, const struct disk *disk)
{
	for (size_t i = 0; i < c->given_count; i++)
		c->given[i].on_disk = false;
	checker_series_look(c);
	checker_read_store(c, disk, on_row, c);
}

/* What is told whenever it is given; a failure is told only when it begins or changes, and by
 * exception a value is told only when it does. */
bool checker_always_told(const struct checker *c, const struct given *g)
{
	if (c->plan->device[g->point / PLAN_POINTS].by_change)
		return false;
	return g->cause == CHECKER_VALUE ||
	       (g->cause == CHECKER_SENTINEL && c->plan->clocks == CLOCKS_RIGHT);
}

static bool acked_by_all(const struct checker *c, const struct given *g)
{
	for (unsigned d = 0; d < c->plan->dests; d++)
		if (checker_selects(c, d, g->point) && !((g->acked | g->refused) >> d & 1))
			return false;
	return true;
}

int64_t checker_starved_us(const struct checker *c)
{
	return c->disk_full ? c->now_us : FG_MIN(c->now_us, c->full_until_us);
}

/* While a destination is removed, what it lacks gives room too. */
static void note_given_up(struct checker *c)
{
	int64_t starved_us = checker_starved_us(c);

	if (c->removed && starved_us >= c->removed_us)
		c->given_up_us = FG_MAX(c->given_up_us, starved_us);
}

void checker_disk_full(struct checker *c, int64_t true_us, bool full)
{
	c->now_us = true_us;
	note_given_up(c);
	if (c->disk_full && !full)
		c->full_until_us = true_us + STARVED_US;
	if (full && !c->disk_full && c->full_count < CHECKER_FULL_MAX) {
		c->full_from_us[c->full_count] = true_us;
		c->full_to_us[c->full_count++] = INT64_MAX;
	}
	if (!full && c->full_count)
		c->full_to_us[c->full_count - 1] = true_us + STARVED_US;
	c->disk_full = full;
}

void checker_configured(struct checker *c, int64_t true_us, bool removed)
{
	c->now_us = true_us;
	note_given_up(c);
	if (removed && !c->removed)
		c->removed_us = true_us;
	c->removed = removed;
}

static bool given_up(const struct checker *c, const struct given *g)
{
	return g->true_us <= c->given_up_us &&
	       (!checker_selects(c, 0, g->point) || (g->acked | g->refused) & 1);
}

/* S1 at an end: not on the disk and not acknowledged is lost; only what was young may be. */
static void check_stored(struct checker *c, bool clean, int64_t disk_well_since_us)
{
	int64_t young_us = c->now_us - c->plan->commit_us - SLACK_US;
	char name[16];

	if (c->plan->tight || c->plan->damaged)
		return;
	note_given_up(c);
	for (size_t i = 0; i < c->given_count; i++) {
		struct given *g = &c->given[i];

		if (!checker_always_told(c, g) || g->gone || g->on_disk || acked_by_all(c, g))
			continue;
		g->gone = true;
		if (given_up(c, g))
			continue; /* in a gap: their sum is looked at */
		c->lost_in_cuts++;
		if (clean || (g->true_us < young_us && disk_well_since_us < g->true_us - SLACK_US))
			checker_found(c, "S1",
				"a reading of %s, %.1f s before %s, is not in the store (%" PRIu64
				")",
				checker_name(g->point, name),
				(double)(c->now_us - g->true_us) / 1e6,
				clean ? "a clean end" : "the power went", g->seq);
	}
}

static void count_unstored(struct checker *c)
{
	for (size_t i = 0; i < c->given_count; i++) {
		struct given *g = &c->given[i];

		for (unsigned d = 0; d < PLAN_DESTS; d++)
			if (g->early >> d & 1 && !g->on_disk)
				c->points[g->point].unstored[d]++;
		g->early = 0;
	}
}

void checker_started(struct checker *c, int64_t true_us)
{
	c->now_us = true_us;
	c->starts_us = checker_grown(
		c->starts_us, &c->starts_cap, c->starts, sizeof(*c->starts_us));
	c->starts_us[c->starts] = true_us;
	if (c->starts)
		c->boots[c->boot_count - 1].off_us += true_us - c->last_end_us;
	if (c->starts++ == 0)
		c->first_start_us = true_us;
	checker_series_started(c);
}

void checker_ended(struct checker *c, int64_t true_us, bool clean, int64_t disk_well_since_us,
	const struct disk *disk)
{
	int64_t kept_us = true_us - c->plan->commit_us - SAVE_US;

	c->now_us = c->last_end_us = true_us;
	look_at(c, disk);
	count_unstored(c);
	checker_work_ended(c, clean, disk_well_since_us);
	check_stored(c, clean, disk_well_since_us);
	if (clean)
		return;
	/* acknowledgements since then may be unknown to the store */
	if (disk_well_since_us > kept_us)
		kept_us = INT64_MIN;
	c->repeats_from_us = FG_MIN(c->repeats_from_us, kept_us);
}

void checker_memory(struct checker *c, int64_t true_us, int64_t bytes, int64_t bound)
{
	c->now_us = true_us;
	if (bytes > bound)
		checker_found(c, "S6", "the gateway holds %" PRId64 " bytes of memory, more than %"
			PRId64, bytes, bound);
}

void checker_disk(struct checker *c, int64_t true_us, int64_t peak)
{
	c->now_us = true_us;
	/* damaged files are set aside, beside what may be used */
	if (peak > c->plan->max_size && !c->plan->damaged)
		checker_found(c, "S6", "the files take %" PRId64 " bytes", peak);
}
