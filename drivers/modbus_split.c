/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests that a device refuses for the registers in their gaps: split, remembered, and tried
 * whole again when the device was gone or a day has passed. Works in the memory of the plan. */
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

#define LEARN_AGAIN_US INT64_C(86400000000)
/* An answer may get lost; twice in a row is no accident where other requests are answered, and a
 * reason to try the parts where nothing was. */
#define SILENT_TIMES   2
#define NEVER	       UINT32_MAX /* the parts were not answered either */

static struct fg_modbus_read read_of_pieces(const struct fg_modbus_plan *plan, uint32_t first,
	uint32_t count, uint8_t space)
{
	const struct fg_modbus_piece *a = &plan->pieces[first], *z = a + count - 1;
	unsigned end = (unsigned)z->hull.address + z->hull.count;

	return (struct fg_modbus_read){
		.request = {a->hull.table, a->hull.address, (uint16_t)(end - a->hull.address)},
		.space = space,
		.first_piece = first,
		.piece_count = count,
		.cell = a->cell,
		.outcome = {.status = FG_ETIMEOUT},
	};
}

static void number_reads(const struct fg_modbus_plan *plan)
{
	struct fg_modbus_scratch *s = plan->scratch;

	for (size_t i = 0; i < s->read_count; i++)
		for (uint32_t p = 0; p < s->reads[i].piece_count; p++)
			s->read_of[s->reads[i].first_piece + p] = (uint32_t)i;
}

void fg_modbus_split_forget(const struct fg_modbus_plan *plan)
{
	struct fg_modbus_scratch *s = plan->scratch;

	for (size_t i = 0; i < plan->request_count; i++) {
		uint32_t first = plan->first_piece[i];

		s->reads[i] = read_of_pieces(
			plan, first, plan->first_piece[i + 1] - first, plan->spaces[i]);
	}
	s->read_count = plan->request_count;
	s->split_us = 0;
	number_reads(plan);
}

void fg_modbus_split_begin(const struct fg_modbus_plan *plan, int64_t now_us)
{
	struct fg_modbus_scratch *s = plan->scratch;

	if (s->split_us && (s->gone || now_us - s->split_us >= LEARN_AGAIN_US))
		fg_modbus_split_forget(plan);
}

/* Puts `n` reads in the place of the i-th, each of so many of its pieces (NULL: of one each). */
static void replace(const struct fg_modbus_plan *plan, size_t i, const uint32_t *counts, uint32_t n)
{
	struct fg_modbus_scratch *s = plan->scratch;
	struct fg_modbus_read whole = s->reads[i];
	uint32_t first = whole.first_piece;

	memmove(&s->reads[i + n], &s->reads[i + 1],
		(s->read_count - i - 1) * sizeof(*s->reads));
	s->read_count += n - 1;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t count = counts ? counts[k] : 1;

		s->reads[i + k] = read_of_pieces(plan, first, count, whole.space);
		first += count;
	}
	number_reads(plan);
}

/* Whether a gap of the read is one that was refused before. */
static bool known(const struct fg_modbus_plan *plan, const struct fg_modbus_read *read)
{
	for (uint32_t p = 0; p + 1 < read->piece_count; p++)
		if (plan->scratch->known[read->first_piece + p])
			return true;
	return false;
}

static bool gaps_refused(const struct fg_modbus_read *read)
{
	const struct fg_modbus_outcome *o = &read->outcome;

	return o->status == FG_EREFUSED && o->exception >= 2 && o->exception <= 4;
}

static void tell(struct fg_job *job, const struct fg_modbus_plan *plan,
	const struct fg_modbus_read *read, const char *what)
{
	const struct fg_device *d = job->group->device;
	char text[96];

	if (plan->scratch->told)
		return;
	plan->scratch->told = true;
	fg_modbus_request_text(&read->request, text, sizeof(text));
	fg_notice("device '%s' (link '%s'): %s %s in one request; such requests are sent in parts "
		  "from now on",
		d->name, d->link->name, what, text);
}

/* A refusal costs little time: halves, and halves of these. */
static bool split_refused(struct fg_job *job, const struct fg_modbus_plan *plan, size_t i)
{
	const struct fg_modbus_read *read = &plan->scratch->reads[i];
	uint32_t halves[2] = {read->piece_count / 2, read->piece_count - read->piece_count / 2};

	if (read->piece_count < 2 || !gaps_refused(read))
		return false;
	fg_job_explain(job, "  refused, so read in parts without its gaps");
	tell(job, plan, read, "refuses");
	plan->scratch->split_us = FG_MAX(read->outcome.taken_us, 1);
	replace(plan, i, halves, 2);
	return true;
}

/* A time-out costs much, and may well be the device's end: one part tells. */
static bool try_parts(struct fg_job *job, const struct fg_modbus_plan *plan, size_t i)
{
	struct fg_modbus_scratch *s = plan->scratch;
	struct fg_modbus_read *read = &s->reads[i];

	if (read->silent < NEVER)
		read->silent++;
	if (read->piece_count < 2 || read->silent == NEVER)
		return false;
	if (read->silent != SILENT_TIMES && !known(plan, read) &&
		!(read->silent > SILENT_TIMES && job->answers))
		return false;
	fg_job_explain(job, "  not answered, so tried in parts without its gaps");
	s->trial = *read;
	s->split_us = FG_MAX(read->outcome.taken_us, 1);
	replace(plan, i, NULL, read->piece_count);
	return true;
}

/* The first part of a trial was answered, or it was not: then all is as before. */
static void end_trial(struct fg_job *job, const struct fg_modbus_plan *plan, size_t i)
{
	struct fg_modbus_scratch *s = plan->scratch;
	struct fg_modbus_outcome o = s->reads[i].outcome;
	struct fg_modbus_read whole = s->trial;
	uint32_t n = whole.piece_count;

	s->trial.piece_count = 0;
	if (o.status == FG_OK || o.status == FG_EREFUSED) {
		tell(job, plan, &whole, "does not answer for");
		for (uint32_t p = 0; p + 1 < n; p++)
			s->known[whole.first_piece + p] = true;
		return;
	}
	memmove(&s->reads[i + 1], &s->reads[i + n], (s->read_count - i - n) * sizeof(*s->reads));
	s->read_count -= n - 1;
	whole.silent = NEVER;
	whole.outcome = o;
	s->reads[i] = whole;
	number_reads(plan);
}

bool fg_modbus_split(struct fg_job *job, const struct fg_modbus_plan *plan, size_t i)
{
	struct fg_modbus_read *read = &plan->scratch->reads[i];

	if (plan->scratch->trial.piece_count) {
		end_trial(job, plan, i);
		return false;
	}
	if (read->outcome.status == FG_ETIMEOUT)
		return try_parts(job, plan, i);
	if (read->silent < NEVER)
		read->silent = 0;
	return split_refused(job, plan, i);
}

void fg_modbus_split_end(struct fg_job *job, const struct fg_modbus_plan *plan)
{
	struct fg_modbus_scratch *s = plan->scratch;

	s->gone = job->answers == 0;
	job->splits = (unsigned)(s->read_count - plan->request_count);
}

void fg_modbus_probe_read(const struct fg_modbus_plan *plan, struct fg_modbus_read *ret)
{
	const struct fg_modbus_scratch *s = plan->scratch;

	*ret = read_of_pieces(plan, s->probe, 1, s->reads[s->read_of[s->probe]].space);
}

void fg_modbus_probe_refused(const struct fg_modbus_plan *plan)
{
	struct fg_modbus_scratch *s = plan->scratch;

	s->probe = (s->probe + 1) % plan->first_piece[plan->request_count];
}
