/* SPDX-License-Identifier: EUPL-1.2 */
/* From registers to readings: decoding, sentinels, scale, unit and quality as the device itself
 * tells them, each step in words for `fjordctl read`. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"
#include "drivers/modbus_common.h"
#include "protocol/encode.h"

#define TEXT_SIZE (2 * 125 + 1)

/* One point of one pass. */
struct view {
	struct fg_job *job;
	const struct fg_modbus_plan *plan;
	size_t index;
	const struct fg_point *point;
	const struct fg_modbus_point *mp;
	const uint16_t *cells; /* the value's own */
	const struct fg_modbus_outcome *outcome;
};

/* What the device says of the number: published = decoded * scale + offset. */
struct scaling {
	bool known;
	enum fg_reason reason; /* where it is not */
	unsigned detail;
	double scale, offset;
};

enum verdict { VERDICT_GOOD, VERDICT_SUSPECT, VERDICT_FAIL };

enum fg_reason fg_modbus_reason(int status)
{
	switch (status) {
	case FG_EREFUSED:
		return FG_REASON_EXCEPTION;
	case FG_ETIMEOUT:
		return FG_REASON_NO_RESPONSE;
	case FG_EFRAME:
		return FG_REASON_FRAME;
	case FG_EDECODE:
		return FG_REASON_DECODE; /* its address is not known */
	default:
		return FG_REASON_LINK_DOWN;
	}
}

/* ---- sources ---- */

/* The registers of a source, and how the request ended that brought them. */
static const uint16_t *source_cells(const struct view *v, const struct fg_modbus_source *src,
	const struct fg_modbus_outcome **ret_outcome)
{
	const struct fg_modbus_source *sources[FG_MODBUS_SOURCES];
	size_t n = fg_modbus_sources(v->mp, sources);
	uint32_t span = v->plan->source_span[v->index];

	if (src->inside) {
		*ret_outcome = v->outcome;
		return v->cells + ((int)src->span.address - (int)v->mp->span.address);
	}
	for (size_t i = 0; i < n && sources[i] != src; i++)
		span += !sources[i]->inside;
	*ret_outcome = fg_modbus_outcome_of(v->plan, span);
	return fg_modbus_cells_of(v->plan, span);
}

/* The number in a source. False where it could not be read, with the cause in *ret, or is none. */
static bool read_source(const struct view *v, const struct fg_modbus_source *src,
	struct fg_value *ret_value, struct scaling *ret)
{
	const struct fg_modbus_outcome *o;
	const uint16_t *cells = source_cells(v, src, &o);
	char none[1];
	uint64_t raw;

	*ret = (struct scaling){.reason = FG_REASON_DECODE};
	if (o->status != FG_OK) {
		ret->reason = fg_modbus_reason(o->status);
		ret->detail = o->exception;
		return false;
	}
	return fg_reg_decode(&src->spec, cells, ret_value, &raw, none) == FG_OK;
}

static bool code_of(const struct fg_value *value, int64_t *ret)
{
	if (value->kind == FG_KIND_BOOL)
		*ret = value->b;
	else if (value->kind == FG_KIND_INT)
		*ret = value->i;
	else
		return false;
	return true;
}

static bool read_code(const struct view *v, const struct fg_modbus_source *src, int64_t *ret_code,
	struct scaling *ret)
{
	struct fg_value value;

	return read_source(v, src, &value, ret) && code_of(&value, ret_code);
}

static bool has_code(const struct fg_modbus_codes *codes, int64_t code)
{
	for (size_t i = 0; i < codes->count; i++)
		if (codes->items[i] == code)
			return true;
	return false;
}

static const struct fg_modbus_meaning *find_meaning(const struct fg_modbus_map *map, int64_t code)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->items[i].code == code)
			return &map->items[i];
	return NULL;
}

/* ---- words ---- */

/* "holding 40", "rdo + 3", "40" beside the table's name. */
static const char *where(const struct view *v, const struct fg_span *span, char *text, size_t size)
{
	const struct fg_modbus_device *dev = fg_modbus_device_of(v->job);
	const struct fg_modbus_base *bases = dev->bases.items;

	snprintf(text, size, "%s %s%s%u", fg_modbus_table_name(span->table),
		span->space ? bases[span->space - 1].named.name : "", span->space ? " + " : "",
		span->address);
	return text;
}

/* "unit code (holding 40): 118" without an end of line; nothing where nobody asked. */
static void tell(const struct view *v, const char *what, const struct fg_modbus_source *src,
	const char *number, const char *meaning)
{
	char place[100];

	if (v->job->explain)
		fg_job_explain(v->job, "  %s (%s): %s%s%s", what,
			where(v, &src->span, place, sizeof(place)), number, number[0] ? ", " : "",
			meaning);
}

static const char *code_text(int64_t code, char text[48])
{
	if (code > 9)
		snprintf(text, 48, "%lld (0x%llX)", (long long)code, (unsigned long long)code);
	else
		snprintf(text, 48, "%lld", (long long)code);
	return text;
}

static const char *unread_text(const struct scaling *s)
{
	return s->reason == FG_REASON_DECODE ? "holds no number" : "could not be read";
}

static void explain_registers(const struct view *v, const struct fg_value *value, uint64_t raw)
{
	static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA"};
	const struct fg_regspec *spec = &v->mp->spec;
	bool single = v->mp->span.width == 1 || fg_regtype_is_text(spec->type);
	char mem[900], type[FG_REGTYPE_TEXT], place[100];
	struct fg_buf b;

	if (!v->job->explain)
		return;
	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_buf_printf(&b, "%s: %s =", v->point->name, where(v, &v->mp->span, place, sizeof(place)));
	for (unsigned i = 0; i < v->mp->span.width; i++)
		fg_buf_printf(&b, " %04x", v->cells[i]);
	fg_buf_printf(&b, ", %s", fg_regtype_text(spec, type));
	if (spec->type == FG_REG_U8 || spec->type == FG_REG_I8)
		fg_buf_printf(&b, " %s byte", spec->high_byte ? "high" : "low");
	else if (spec->type != FG_REG_BOOL)
		fg_buf_printf(&b, " %.*s", single ? 2 : 4, orders[spec->order]);
	if (spec->mask)
		fg_buf_printf(&b, ", mask 0x%llX leaves 0x%llX", (unsigned long long)spec->mask,
			(unsigned long long)raw);
	fg_buf_puts(&b, " = ");
	if (value)
		fg_encode_value(&b, value, -1);
	else
		fg_buf_puts(&b, "not decodable");
	fg_job_explain(v->job, "%s", mem);
}

static void explain_sentinel(const struct view *v, const struct fg_value *value, uint64_t raw)
{
	const struct fg_point *p = v->point;
	double number = fg_value_number(value);

	if (p->has_valid && (number < p->valid[0] || number > p->valid[1]))
		fg_job_explain(v->job, "  outside `valid`: the sensor says that it has no reading");
	else if (fg_point_is_missing_raw(p, raw))
		fg_job_explain(v->job, "  raw 0x%llX is one of `missing`: no reading",
			(unsigned long long)raw);
	else
		fg_job_explain(v->job, "  %.15g is one of `missing`: no reading", number);
}

static void explain_result(const struct view *v, const struct fg_reading *r)
{
	char reason[FG_REASON_SIZE], mem[700];
	struct fg_buf b;

	if (!v->job->explain)
		return;
	fg_buf_wrap(&b, mem, sizeof(mem));
	fg_buf_printf(&b, "= %s ", v->point->name);
	if (r->value.kind == FG_KIND_NONE)
		fg_buf_putc(&b, '-');
	else
		fg_encode_value(&b, &r->value, v->point->decimals);
	fg_buf_printf(&b, " %s qc=%u", v->point->unit ? v->point->unit : "1", (unsigned)r->qc);
	if (r->reason != FG_REASON_NONE)
		fg_buf_printf(&b, " %s", fg_reason_text(r->reason, r->detail, reason));
	fg_job_explain(v->job, "%s", mem);
}

/* ---- scale and unit ---- */

static double factor_of(const struct fg_modbus_scale *scale, const struct fg_value *value)
{
	double n = fg_value_number(value);

	switch (scale->as) {
	case FG_MODBUS_AS_EXPONENT:
		return n < 0 ? 1 / pow(10, -n) : pow(10, n); /* 1 / 10 is nearer to 0.1 */
	case FG_MODBUS_AS_DECIMALS:
		return n < 0 ? pow(10, -n) : 1 / pow(10, n);
	default:
		return n;
	}
}

/* The factor that the device tells. False (told) where it tells none. */
static bool find_factor(const struct view *v, double *ret_factor, struct scaling *ret)
{
	const struct fg_modbus_scale *scale = &v->mp->scale;
	const struct fg_modbus_meaning *m = NULL;
	char number[48], meaning[64];
	struct fg_value value = {.kind = FG_KIND_NONE};
	int64_t code = 0;
	bool read = read_source(v, &scale->source, &value, ret);

	if (read && scale->map.count && code_of(&value, &code))
		m = find_meaning(&scale->map, code);
	*ret_factor = m ? m->factor : factor_of(scale, &value);
	if (!read) {
		tell(v, "scale", &scale->source, "", unread_text(ret));
		return false;
	}
	if (scale->map.count)
		code_text(code, number);
	else
		snprintf(number, sizeof(number), "%.15g", fg_value_number(&value));
	if ((scale->map.count && !m) || !isfinite(*ret_factor) || *ret_factor == 0) {
		tell(v, "scale", &scale->source, number, m ? "no factor" : "which means no factor");
		return false;
	}
	snprintf(meaning, sizeof(meaning), "so * %.15g", *ret_factor);
	tell(v, "scale", &scale->source, number, meaning);
	return true;
}

/* The unit that the device tells. False (told) where the map does not know its code. */
static bool find_unit(
	const struct view *v, const struct fg_modbus_meaning **ret_unit, struct scaling *ret)
{
	const struct fg_modbus_unit *unit = &v->mp->unit;
	char number[48], meaning[160];
	int64_t code;

	if (!read_code(v, &unit->source, &code, ret)) {
		tell(v, "unit code", &unit->source, "", unread_text(ret));
		return false;
	}
	code_text(code, number);
	*ret_unit = find_meaning(&unit->map, code);
	if (!*ret_unit) {
		tell(v, "unit code", &unit->source, number,
			"which the map of unit_from does not know");
		return false;
	}
	snprintf(meaning, sizeof(meaning), "that is %.40s; * %.15g + %.15g is %.40s",
		(*ret_unit)->text, (*ret_unit)->scale, (*ret_unit)->offset, v->point->unit);
	tell(v, "unit code", &unit->source, number, meaning);
	return true;
}

/* Whether the registers are of the quantity that the point means. */
static bool is_expected(const struct view *v, struct scaling *ret)
{
	const struct fg_modbus_expect *e = &v->mp->expect;
	char number[48];
	int64_t code;
	bool good;

	if (!read_code(v, &e->source, &code, ret)) {
		tell(v, "parameter", &e->source, "", unread_text(ret));
		return false;
	}
	good = has_code(&e->values, code);
	tell(v, "parameter", &e->source, code_text(code, number),
		good ? "as expected" : "which is not what `expect` has: another quantity");
	if (!good && v->mp->read.space) /* the base may have moved */
		v->plan->scratch->base[v->mp->read.space - 1] = -1;
	return good;
}

static struct scaling find_scaling(const struct view *v)
{
	const struct fg_point *p = v->point;
	struct scaling s = {.known = true, .scale = p->scale, .offset = p->offset}, why;
	const struct fg_modbus_meaning *unit = NULL;
	double factor = 1;

	if (v->mp->expect.source.given && !is_expected(v, &why))
		return why;
	if (v->mp->scale.source.given && !find_factor(v, &factor, &why))
		return why;
	s.scale *= factor;
	if (p->source_unit)
		fg_job_explain(v->job, "  * %.15g + %.15g, from %s to %s", p->scale, p->offset,
			p->source_unit, p->unit);
	else if (p->scale != 1 || p->offset != 0)
		fg_job_explain(v->job, "  * %.15g + %.15g", p->scale, p->offset);
	if (v->mp->unit.source.given && !find_unit(v, &unit, &why))
		return why;
	if (unit) {
		s.scale *= unit->scale;
		s.offset = s.offset * unit->scale + unit->offset;
	}
	return s;
}

/* ---- quality ---- */

static enum verdict verdict_of(const struct fg_modbus_quality *q, int64_t code)
{
	if (q->suspect_bits || q->fail_bits) {
		if ((uint64_t)code & q->fail_bits)
			return VERDICT_FAIL;
		return (uint64_t)code & q->suspect_bits ? VERDICT_SUSPECT : VERDICT_GOOD;
	}
	if (has_code(&q->good, code))
		return VERDICT_GOOD;
	return has_code(&q->suspect, code) ? VERDICT_SUSPECT : VERDICT_FAIL;
}

static int64_t digit_of(int64_t code, int64_t digit)
{
	uint64_t digits = code < 0 ? -(uint64_t)code : (uint64_t)code;

	while (digit-- > 1)
		digits /= 10;
	return (int64_t)(digits % 10);
}

/* A quality that could not be read vouches for nothing. */
static enum verdict judge(const struct view *v, const struct fg_modbus_quality *q)
{
	static const char *const words[] = {"good", "suspect", "bad"};
	char number[48], meaning[64];
	struct scaling why;
	enum verdict verdict;
	int64_t code;

	if (!read_code(v, &q->source, &code, &why)) {
		tell(v, "quality", &q->source, "", unread_text(&why));
		return VERDICT_FAIL;
	}
	code_text(code, number);
	if (q->digit)
		code = digit_of(code, q->digit);
	verdict = verdict_of(q, code);
	if (q->digit)
		snprintf(meaning, sizeof(meaning), "digit %lld: %s", (long long)code,
			words[verdict]);
	else
		snprintf(meaning, sizeof(meaning), "%s", words[verdict]);
	tell(v, "quality", &q->source, number, meaning);
	return verdict;
}

/* What the sensor itself says of the value goes before what the value looks like. */
static void apply_quality(const struct view *v, struct fg_reading *r)
{
	const struct fg_modbus_quality *q = v->mp->qualities.items;
	enum verdict worst = VERDICT_GOOD;

	for (size_t i = 0; i < v->mp->qualities.count; i++) {
		enum verdict verdict = judge(v, &q[i]);

		worst = FG_MAX(worst, verdict);
	}
	if (worst == VERDICT_SUSPECT && r->qc == FG_QC_NOT_EVALUATED)
		r->qc = FG_QC_SUSPECT;
	if (worst == VERDICT_FAIL) {
		r->qc = FG_QC_FAIL;
		r->reason = FG_REASON_SENSOR_QUALITY;
		r->detail = 0;
	}
}

/* ---- readings ---- */

static void add_value(const struct view *v)
{
	int64_t taken_us = v->outcome->taken_us;
	struct fg_value value;
	char text[TEXT_SIZE];
	struct scaling s;
	uint64_t raw;
	bool has_raw = !fg_regtype_is_text(v->mp->spec.type);

	if (fg_reg_decode(&v->mp->spec, v->cells, &value, &raw, text) < 0) {
		explain_registers(v, NULL, raw);
		fg_job_missing(v->job, v->point, FG_REASON_DECODE, 0, taken_us);
		return;
	}
	explain_registers(v, &value, raw);
	s = find_scaling(v);
	if (fg_point_is_sentinel(v->point, &value, has_raw, raw)) {
		explain_sentinel(v, &value, raw);
		fg_job_missing(v->job, v->point, FG_REASON_SENTINEL, 0, taken_us);
	} else if (!s.known) {
		fg_job_missing(v->job, v->point, s.reason, s.detail, taken_us);
	} else {
		fg_job_scaled_value(
			v->job, v->point, value, has_raw, raw, s.scale, s.offset, taken_us);
	}
}

void fg_modbus_add_reading(struct fg_job *job, const struct fg_modbus_plan *plan, size_t i)
{
	const struct fg_point *point = job->group->points[i];
	const struct fg_modbus_point *mp = point->conf;
	struct view v = {
		.job = job, .plan = plan, .index = i, .point = point, .mp = mp};
	size_t count = job->batch->count;

	v.cells = fg_modbus_cells_of(plan, i) + (mp->span.address - mp->read.address);
	v.outcome = fg_modbus_outcome_of(plan, i);
	if (v.outcome->status != FG_OK)
		fg_job_missing(job, point, fg_modbus_reason(v.outcome->status),
			v.outcome->exception, v.outcome->taken_us);
	else
		add_value(&v);
	if (job->batch->count == count)
		return; /* the batch is too small: our own bug, told by the missing reading */
	if (mp->qualities.count && v.outcome->status == FG_OK)
		apply_quality(&v, &job->batch->readings[count]);
	explain_result(&v, &job->batch->readings[count]);
}
