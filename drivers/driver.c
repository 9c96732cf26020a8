/* SPDX-License-Identifier: EUPL-1.2 */
/* What every driver does alike with what it read: sentinels, scaling, and words for a person. */
#include "drivers/driver.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void fg_job_missing(struct fg_job *job, const struct fg_point *point, enum fg_reason reason,
	unsigned detail, int64_t taken_mono_us)
{
	struct fg_reading *r = fg_batch_add(job->batch, point->index, taken_mono_us);

	if (!r)
		return;
	r->qc = FG_QC_MISSING;
	r->reason = reason;
	r->detail = (uint8_t)detail;
}

static bool is_finite(const struct fg_value *v)
{
	return v->kind == FG_KIND_NONE || v->kind == FG_KIND_TEXT || isfinite(fg_value_number(v));
}

/* All properties of the table are numbers; a sensor's "error" must not pass for one. */
static bool is_other_kind(const struct fg_point *point, const struct fg_value *v)
{
	return point->known && (v->kind == FG_KIND_TEXT || v->kind == FG_KIND_BOOL);
}

void fg_job_value(struct fg_job *job, const struct fg_point *point, struct fg_value value,
	bool has_raw, uint64_t raw, int64_t taken_mono_us)
{
	fg_job_scaled_value(
		job, point, value, has_raw, raw, point->scale, point->offset, taken_mono_us);
}

void fg_reading_set(struct fg_reading *r, const struct fg_point *point, struct fg_value value,
	bool has_raw, uint64_t raw, double scale, double offset)
{
	r->qc = FG_QC_MISSING;
	if (fg_point_is_sentinel(point, &value, has_raw, raw)) {
		r->reason = FG_REASON_SENTINEL;
		return;
	}
	if (is_other_kind(point, &value)) {
		r->reason = FG_REASON_DECODE;
		return;
	}
	r->qc = FG_QC_NOT_EVALUATED;
	r->reason = FG_REASON_NONE;
	fg_value_scale(&value, scale, offset); /* may overflow to infinity */
	if (is_finite(&value)) {
		r->value = value;
	} else {
		r->qc = FG_QC_FAIL;
		r->reason = FG_REASON_NOT_A_NUMBER;
	}
}

void fg_job_scaled_value(struct fg_job *job, const struct fg_point *point, struct fg_value value,
	bool has_raw, uint64_t raw, double scale, double offset, int64_t taken_mono_us)
{
	struct fg_reading *r = fg_batch_add(job->batch, point->index, taken_mono_us);

	if (!r)
		return;
	fg_reading_set(r, point, value, has_raw, raw, scale, offset);
	if (r->reason == FG_REASON_DECODE)
		fg_job_explain(job, "  %s: not a number", point->name);
	if (r->value.kind == FG_KIND_TEXT)
		fg_batch_set_text(job->batch, r, r->value.text, r->value.len);
}

void fg_job_explain(struct fg_job *job, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (!job->explain)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fg_buf_puts(job->explain, line);
	fg_buf_putc(job->explain, '\n');
}
