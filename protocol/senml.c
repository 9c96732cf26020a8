/* SPDX-License-Identifier: EUPL-1.2 */
/* The rules of SenML: what base fields do to the records behind them, and what makes a record. */
#include "protocol/senml.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/senml_internal.h"

#define DEFAULT_VERSION 10
#define ABSOLUTE_TIME	268435456.0 /* 2^28: below it a time is relative (4.5.3) */

/* RFC 9100: a version is the sum of 2^code of the features in use, where the codes 0 to 3 make up
 * version 10. Known: 4, secondary units (RFC 8798). */
#define FEATURE_BITS   15u
#define KNOWN_FEATURES (1u << 4)

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

int fg_senml_fail(struct fg_senml *s, const char *fmt, ...)
{
	size_t used = 0;
	va_list ap;

	if (s->index)
		used = (size_t)snprintf(s->why, sizeof(s->why), "record %u: ", s->index);
	va_start(ap, fmt);
	vsnprintf(s->why + used, sizeof(s->why) - used, fmt, ap);
	va_end(ap);
	for (char *p = s->why; *p; p++) /* what the pack says may end on a terminal */
		if (is_control(*p))
			*p = '?';
	return FG_EDECODE;
}

static bool given(const struct fg_senml_fields *f, enum fg_senml_label label)
{
	return f->of[label].type != FG_SENML_ABSENT;
}

static double number_of(const struct fg_senml_fields *f, enum fg_senml_label label)
{
	return given(f, label) ? fg_value_number(&f->of[label].number) : 0;
}

/* ---- base fields ---- */

static bool version_known(double version)
{
	unsigned v;

	if (version <= DEFAULT_VERSION)
		return true;
	if (version > 1e9)
		return false;
	v = (unsigned)version;
	return (v & FEATURE_BITS) == DEFAULT_VERSION && !(v & ~(FEATURE_BITS | KNOWN_FEATURES));
}

static int take_version(struct fg_senml *s, const struct fg_senml_fields *f)
{
	double version = number_of(f, FG_SENML_BVER);

	if (!given(f, FG_SENML_BVER)) {
		if (!s->version)
			s->version = DEFAULT_VERSION;
		return FG_OK;
	}
	if (version < 1 || version > floor(version))
		return fg_senml_fail(s, "bver is not a positive whole number");
	if (!version_known(version))
		return fg_senml_fail(
			s, "unsupported version %.15g; known are 1 to 10 and 26", version);
	if (s->version && s->version != (unsigned)version)
		return fg_senml_fail(
			s, "version %.15g in a pack of version %u", version, s->version);
	s->version = (unsigned)version;
	return FG_OK;
}

static int take_text(struct fg_senml *s, const struct fg_senml_fields *f, enum fg_senml_label label,
	char *out, size_t cap)
{
	int64_t len;
	bool cut;

	if (!given(f, label))
		return FG_OK;
	len = fg_senml_form_copy(s, &f->of[label], out, cap, &cut);
	if (cut)
		return fg_senml_fail(
			s, "%s is longer than %zu characters", fg_senml_rules[label].name, cap - 1);
	for (int64_t i = 0; i < len; i++)
		if (is_control(out[i]))
			return fg_senml_fail(
				s, "%s holds a control character", fg_senml_rules[label].name);
	return FG_OK;
}

static int take_base(struct fg_senml *s, const struct fg_senml_fields *f)
{
	int r = take_version(s, f);

	if (r == FG_OK)
		r = take_text(s, f, FG_SENML_BN, s->base_name, sizeof(s->base_name));
	if (r == FG_OK)
		r = take_text(s, f, FG_SENML_BU, s->base_unit, sizeof(s->base_unit));
	if (given(f, FG_SENML_BT))
		s->base_time = number_of(f, FG_SENML_BT);
	if (given(f, FG_SENML_BV))
		s->base_value = f->of[FG_SENML_BV].number;
	if (given(f, FG_SENML_BS))
		s->base_sum = f->of[FG_SENML_BS].number;
	return r;
}

/* ---- one record ---- */

/* Whole numbers stay whole; a sum of others is as good as 15 digits. */
static struct fg_value add(const struct fg_value *base, const struct fg_value *v)
{
	struct fg_value sum = {.kind = FG_KIND_DECIMAL};

	if (base->kind == FG_KIND_NONE)
		return *v;
	if (v->kind == FG_KIND_NONE)
		return *base;
	if (base->kind == FG_KIND_INT && v->kind == FG_KIND_INT &&
		!__builtin_add_overflow(base->i, v->i, &sum.i)) {
		sum.kind = FG_KIND_INT;
		return sum;
	}
	if (base->kind == FG_KIND_FLOAT || v->kind == FG_KIND_FLOAT)
		sum.kind = FG_KIND_FLOAT;
	sum.f = fg_value_number(base) + fg_value_number(v);
	return sum;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool name_valid(const char *name, unsigned flags)
{
	static const char digits[] = "/0123456789";

	if ((flags & FG_SENML_OBJECT_NAMES) && *name == '/' && name[strspn(name, digits)] == '\0')
		return name[1] != '\0';
	if (!is_letter_or_digit(*name))
		return false;
	for (; *name; name++)
		if (!is_letter_or_digit(*name) && !strchr("-:./_", *name))
			return false;
	return true;
}

static int resolve_name(
	struct fg_senml *s, const struct fg_senml_fields *f, struct fg_senml_record *ret)
{
	size_t base = strlen(s->base_name);
	int r;

	memcpy(ret->name, s->base_name, base + 1);
	ret->own = ret->name + base;
	r = take_text(s, f, FG_SENML_N, ret->name + base, sizeof(ret->name) - base);
	if (r < 0)
		return r;
	if (!name_valid(ret->name, s->flags))
		return fg_senml_fail(s,
			"bad name '%.80s': letters and digits, behind the first also - : . / _",
			ret->name);
	return FG_OK;
}

static int resolve_time(
	struct fg_senml *s, const struct fg_senml_fields *f, struct fg_senml_record *ret)
{
	ret->time = s->base_time + number_of(f, FG_SENML_T);
	ret->relative = ret->time < ABSOLUTE_TIME;
	if (ret->relative)
		ret->time += s->now;
	ret->has_update = given(f, FG_SENML_UT);
	ret->update = number_of(f, FG_SENML_UT);
	if (!isfinite(ret->time))
		return fg_senml_fail(s, "a time that is no number");
	return FG_OK;
}

static int resolve_text(
	struct fg_senml *s, const struct fg_senml_field *field, struct fg_senml_record *ret)
{
	int64_t len = fg_senml_form_copy(s, field, s->text, s->text_cap, &ret->cut);

	if (len < 0)
		return fg_senml_fail(s, "vd is not base64 (URL-safe alphabet, no padding)");
	if (!ret->is_data && memchr(s->text, '\0', (size_t)len))
		return fg_senml_fail(s, "vs holds a NUL");
	ret->value.kind = FG_KIND_TEXT;
	ret->value.text = s->text;
	ret->value.len = (uint32_t)len;
	return FG_OK;
}

static int resolve_value(
	struct fg_senml *s, const struct fg_senml_fields *f, struct fg_senml_record *ret)
{
	ret->value.kind = FG_KIND_NONE;
	ret->is_data = given(f, FG_SENML_VD);
	ret->cut = false;
	ret->sum = f->of[FG_SENML_S].number;
	ret->sum = add(&s->base_sum, &ret->sum);
	if (given(f, FG_SENML_V))
		ret->value = add(&s->base_value, &f->of[FG_SENML_V].number);
	else if (given(f, FG_SENML_VB))
		ret->value = f->of[FG_SENML_VB].number;
	else if (given(f, FG_SENML_VS))
		return resolve_text(s, &f->of[FG_SENML_VS], ret);
	else if (ret->is_data)
		return resolve_text(s, &f->of[FG_SENML_VD], ret);
	return FG_OK;
}

static int resolve(struct fg_senml *s, const struct fg_senml_fields *f, struct fg_senml_record *ret)
{
	unsigned values = 0;
	int r;

	for (int label = FG_SENML_V; label <= FG_SENML_VD; label++)
		values += given(f, (enum fg_senml_label)label);
	if (values > 1)
		return fg_senml_fail(s, "multiple values: one of v, vs, vb and vd");
	if (!values && !given(f, FG_SENML_S))
		return fg_senml_fail(s, "no value: neither v, vs, vb or vd nor a sum (s)");
	ret->version = s->version;
	memcpy(ret->unit, s->base_unit, sizeof(ret->unit));
	r = take_text(s, f, FG_SENML_U, ret->unit, sizeof(ret->unit));
	if (r == FG_OK)
		r = resolve_name(s, f, ret);
	if (r == FG_OK)
		r = resolve_time(s, f, ret);
	if (r == FG_OK)
		r = resolve_value(s, f, ret);
	return r;
}

static bool only_base(const struct fg_senml_fields *f)
{
	for (int label = FG_SENML_N; label < FG_SENML_LABELS; label++)
		if (given(f, (enum fg_senml_label)label))
			return false;
	return true;
}

/* A float of CBOR that is no number may be what a sensor measured, but no time and no sum. */
static int check_finite(struct fg_senml *s, const struct fg_senml_fields *f)
{
	for (int label = 0; label < FG_SENML_LABELS; label++)
		if (label != FG_SENML_V && f->of[label].type == FG_SENML_NUMBER &&
			!isfinite(fg_value_number(&f->of[label].number)))
			return fg_senml_fail(
				s, "%s is not a finite number", fg_senml_rules[label].name);
	return FG_OK;
}

/* ---- the pack ---- */

static int begin(struct fg_senml *s)
{
	s->index = 0;
	s->version = 0;
	s->base_name[0] = s->base_unit[0] = '\0';
	s->base_time = 0;
	s->base_value.kind = s->base_sum.kind = FG_KIND_NONE;
	return fg_senml_form_begin(s);
}

int fg_senml_next(struct fg_senml *s, struct fg_senml_record *ret)
{
	struct fg_senml_fields fields;
	int r;

	do {
		s->index++;
		r = fg_senml_form_next(s, &fields);
		if (r == FG_OK)
			r = check_finite(s, &fields);
		if (r == FG_OK)
			r = take_base(s, &fields);
		if (r < 0)
			return r;
	} while (only_base(&fields));
	return resolve(s, &fields, ret);
}

int fg_senml_open(struct fg_senml *s, enum fg_senml_form form, unsigned flags, const void *payload,
	size_t len, double now, char *text, size_t text_cap)
{
	struct fg_senml_record record;
	int r;

	s->form = form;
	s->flags = flags;
	s->payload = payload;
	s->len = len;
	s->now = now;
	s->text = text;
	s->text_cap = text_cap;
	s->why[0] = '\0';
	r = begin(s);
	while (r == FG_OK)
		r = fg_senml_next(s, &record);
	return r == FG_ENOENT ? begin(s) : r;
}

/* ---- base64url ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void fg_base64url_put(const void *bytes, size_t len, char *out)
{
	const unsigned char *p = bytes;
	uint32_t bits = 0;
	unsigned held = 0;

	while (len--) {
		bits = bits << 8 | *p++;
		for (held += 8; held >= 6; held -= 6)
			*out++ = alphabet[bits >> (held - 6) & 63];
	}
	if (held)
		*out++ = alphabet[bits << (6 - held) & 63];
	*out = '\0';
}

int64_t fg_base64url_take(char *text, size_t len)
{
	unsigned char *out = (unsigned char *)text;
	uint32_t bits = 0;
	unsigned held = 0;

	if (len % 4 == 1)
		return FG_EDECODE;
	for (size_t i = 0; i < len; i++) {
		const char *digit = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!digit)
			return FG_EDECODE;
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			*out++ = (unsigned char)(bits >> held);
		}
	}
	if (bits & ((1u << held) - 1))
		return FG_EDECODE; /* bits that are nobody's */
	return out - (unsigned char *)text;
}
