/* SPDX-License-Identifier: EUPL-1.2 */
/* The stored form of one device poll and of corrections; the head of all records. README.md has the
 * layout. */
#include "storage/record_private.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "storage/checksum.h"

#define VERSION 1
#define VERSION_BOUND 2 /* the checksum covers the number too */
#define SEAL_SIZE 4

/* The byte before each value. */
#define KIND_MASK 0x07
#define QC_SHIFT 3
#define QC_MASK 0x07
#define HAS_TIME 0x40  /* not the time of the item before */
#define HAS_CAUSE 0x80 /* not the reason, circumstances, detail and tests of the item before */

/* Above the reason, in one number with it: the circumstances. */
#define REASON_MASK 0xFFu
#define MAINTENANCE 0x100u
#define ALARM_SHIFT 9
#define ALARM_MASK 0x0Fu
#define HAS_RAW 0x2000u /* the value before calibration follows each value */
#define HAS_NOTICE 0x4000u /* the number of the service notice comes behind the tests */
#define CAUSE_MASK 0x7FFFu

/* How a number is written. Decimal forms are whole numbers divided by 10^k, or multiplied with
 * 10^-k, which gives other last bits: 194 * 0.1 is not 19.4. */
#define FORM_SINGLE 0
#define FORM_DOUBLE 1
#define FORM_DIVIDED 2 /* + k */
#define DECIMALS_MAX 6
#define FORM_MULTIPLIED (FORM_DIVIDED + DECIMALS_MAX) /* + k, k from 1 */
#define FORM_COUNT (FORM_MULTIPLIED + DECIMALS_MAX + 1)

/* Times within these bounds add without overflow; in microseconds, 18,000 years. */
#define TIME_LIMIT (INT64_C(1) << 59)

static const enum fg_qc qc_codes[] = {
	FG_QC_PASS, FG_QC_NOT_EVALUATED, FG_QC_SUSPECT, FG_QC_FAIL, FG_QC_MISSING,
};

static const double up[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
static const double down[] = {1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};

/* What one item inherits from the item before it. */
struct state {
	uint32_t point;
	int64_t mono_us;
	int64_t skew_ms; /* wall time less the head's wall time and the monotonic time since it */
	unsigned cause; /* reason and circumstances */
	uint8_t detail;
	fg_tests tests;
	uint32_t notice;
};

static uint64_t double_bits(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static bool same(double a, double b)
{
	return double_bits(a) == double_bits(b); /* tells -0 from 0, and NaN from NaN */
}

static double decimal(unsigned form, int64_t whole)
{
	if (form <= FORM_DIVIDED + DECIMALS_MAX)
		return (double)whole / up[form - FORM_DIVIDED];
	return (double)whole * down[form - FORM_MULTIPLIED];
}

/* Looks for a whole number below `limit` and a decimal form that give exactly v. */
static bool find_decimal(double v, unsigned k_max, double limit, unsigned *ret_form, int64_t *ret)
{
	for (unsigned k = 0; k <= k_max && fabs(v * up[k]) < limit; k++) {
		int64_t whole = llround(v * up[k]);

		*ret = whole;
		*ret_form = FORM_DIVIDED + k;
		if (same(decimal(*ret_form, whole), v))
			return true;
		*ret_form = FORM_MULTIPLIED + k;
		if (k && same(decimal(*ret_form, whole), v))
			return true;
	}
	return false;
}

static void put_le(struct fg_buf *out, uint64_t bits, unsigned size)
{
	unsigned char bytes[8];

	for (unsigned i = 0; i < size; i++)
		bytes[i] = (unsigned char)(bits >> 8 * i);
	fg_buf_put(out, bytes, size);
}

/* The shortest form that gives the same bits back. */
void fg_record_put_number(struct fg_buf *out, double v)
{
	bool single = fabs(v) <= (double)FLT_MAX && same((double)(float)v, v);
	unsigned form;
	int64_t whole;

	/* a whole number below 2^20 takes three bytes, below 2^48 seven */
	if (find_decimal(v, single ? 0 : DECIMALS_MAX, single ? 0x1p20 : 0x1p48, &form, &whole)) {
		fg_buf_putc(out, (char)form);
		fg_put_svarint(out, whole);
	} else if (single) {
		float f = (float)v;
		uint32_t bits;

		memcpy(&bits, &f, sizeof(bits));
		fg_buf_putc(out, FORM_SINGLE);
		put_le(out, bits, 4);
	} else {
		fg_buf_putc(out, FORM_DOUBLE);
		put_le(out, double_bits(v), 8);
	}
}

static uint64_t get_le(struct fg_bytes *in, unsigned size)
{
	const unsigned char *p = fg_get_bytes(in, size);
	uint64_t bits = 0;

	for (unsigned i = 0; p && i < size; i++)
		bits |= (uint64_t)p[i] << 8 * i;
	return bits;
}

double fg_record_get_number(struct fg_bytes *in)
{
	unsigned form = fg_get_byte(in);
	uint64_t bits;
	uint32_t low;
	double v;
	float f;

	if (form == FORM_SINGLE) {
		low = (uint32_t)get_le(in, 4);
		memcpy(&f, &low, sizeof(f));
		return (double)f;
	}
	if (form == FORM_DOUBLE) {
		bits = get_le(in, 8);
		memcpy(&v, &bits, sizeof(v));
		return v;
	}
	if (form >= FORM_COUNT) {
		in->bad = true;
		return 0;
	}
	return decimal(form, fg_get_svarint(in));
}

void fg_record_put_value(struct fg_buf *out, const struct fg_value *v)
{
	switch (v->kind) {
	case FG_KIND_NONE:
		break;
	case FG_KIND_BOOL:
		fg_buf_putc(out, v->b);
		break;
	case FG_KIND_INT:
		fg_put_svarint(out, v->i);
		break;
	case FG_KIND_UINT:
		fg_put_varint(out, v->u);
		break;
	case FG_KIND_FLOAT:
	case FG_KIND_DOUBLE:
	case FG_KIND_DECIMAL:
		fg_record_put_number(out, v->f);
		break;
	case FG_KIND_TEXT:
		fg_put_varint(out, v->len);
		fg_buf_put(out, v->text, v->len);
		break;
	}
}

static void get_text(struct fg_bytes *in, struct fg_value *ret)
{
	uint64_t len = fg_get_varint(in);

	if (len > UINT32_MAX) {
		in->bad = true;
		return;
	}
	ret->len = (uint32_t)len;
	ret->text = fg_get_bytes(in, (size_t)len);
}

void fg_record_get_value(struct fg_bytes *in, enum fg_kind kind, struct fg_value *ret)
{
	unsigned b;

	*ret = (struct fg_value){.kind = kind};
	switch (kind) {
	case FG_KIND_NONE:
		break;
	case FG_KIND_BOOL:
		b = fg_get_byte(in);
		in->bad |= b > 1;
		ret->b = b == 1;
		break;
	case FG_KIND_INT:
		ret->i = fg_get_svarint(in);
		break;
	case FG_KIND_UINT:
		ret->u = fg_get_varint(in);
		break;
	case FG_KIND_FLOAT:
	case FG_KIND_DOUBLE:
	case FG_KIND_DECIMAL:
		ret->f = fg_record_get_number(in);
		break;
	case FG_KIND_TEXT:
		get_text(in, ret);
		break;
	}
}

static int64_t floor_ms(int64_t us)
{
	return us / 1000 - (us % 1000 < 0);
}

unsigned fg_record_qc_code(enum fg_qc qc)
{
	unsigned i = 0;

	while (i < FG_COUNT(qc_codes) - 1 && qc_codes[i] != qc)
		i++;
	assert(qc_codes[i] == qc);
	return i;
}

bool fg_record_qc_of(unsigned code, enum fg_qc *ret)
{
	if (code >= FG_COUNT(qc_codes))
		return false;
	*ret = qc_codes[code];
	return true;
}

static unsigned cause_of(const struct fg_item *item)
{
	return ((unsigned)item->reason & REASON_MASK) | (item->maintenance ? MAINTENANCE : 0u) |
	       ((unsigned)item->alarm & ALARM_MASK) << ALARM_SHIFT |
	       (item->has_raw ? HAS_RAW : 0u) | (item->notice ? HAS_NOTICE : 0u);
}

static int64_t skew(const struct fg_record_head *head, int64_t wall_ms, int64_t mono_us)
{
	return wall_ms - head->wall_ms - floor_ms(mono_us - head->mono_us);
}

static void put_item(struct fg_buf *out, const struct fg_record_head *head, struct state *last,
	const struct fg_item *item, int64_t mono_us)
{
	int64_t skew_ms = head->has_wall ? skew(head, item->wall_ms, mono_us) : 0;
	bool time = mono_us != last->mono_us || skew_ms != last->skew_ms;
	unsigned why = cause_of(item);
	bool cause = why != last->cause || item->detail != last->detail ||
		     item->tests != last->tests || item->notice != last->notice;

	fg_put_svarint(out, (int64_t)item->point - last->point);
	fg_buf_putc(out, (char)((unsigned)item->value.kind |
				 fg_record_qc_code(item->qc) << QC_SHIFT |
				 (time ? HAS_TIME : 0u) | (cause ? HAS_CAUSE : 0u)));
	if (time) {
		fg_put_svarint(out, mono_us - last->mono_us);
		if (head->has_wall)
			fg_put_svarint(out, skew_ms - last->skew_ms);
	}
	if (cause) {
		fg_put_varint(out, why);
		fg_buf_putc(out, (char)item->detail);
		fg_put_varint(out, item->tests);
		if (item->notice)
			fg_put_varint(out, item->notice);
	}
	fg_record_put_value(out, &item->value);
	if (item->has_raw)
		fg_record_put_number(out, item->raw);
	*last = (struct state){item->point, mono_us, skew_ms, why, item->detail, item->tests,
		item->notice};
}

void fg_record_put_head(struct fg_buf *out, enum fg_record_type type,
	const struct fg_record_head *head)
{
	fg_buf_putc(out, VERSION);
	fg_buf_putc(out, (char)type);
	fg_put_varint(out, (uint64_t)head->era << 1 | head->has_wall);
	fg_put_svarint(out, head->mono_us);
	if (head->has_wall)
		fg_put_svarint(out, head->wall_ms);
	fg_put_varint(out, head->count);
	if (type == FG_RECORD_CORRECTIONS)
		fg_put_varint(out, head->replaces);
}

void fg_record_encode(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_item *items, const int64_t *mono_us)
{
	struct state last = {.mono_us = head->mono_us};
	size_t start = out->len;

	fg_record_put_head(out, head->replaces ? FG_RECORD_CORRECTIONS : FG_RECORD_READINGS, head);
	for (unsigned i = 0; i < head->count; i++)
		put_item(out, head, &last, &items[i], mono_us[i]);
	fg_seal(out, start);
}

/* What a number does to the checksum: numbers that differ in few bits never do the same. */
static uint32_t salt_of(uint64_t first_seq)
{
	unsigned char bytes[8];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(first_seq >> 8 * i);
	return fg_crc32(bytes, sizeof(bytes));
}

void fg_record_bind(struct fg_buf *out, const void *bytes, size_t len, uint64_t first_seq)
{
	size_t start = out->len;

	assert(len > 1 + SEAL_SIZE);
	fg_buf_putc(out, VERSION_BOUND);
	fg_buf_put(out, (const char *)bytes + 1, len - 1 - SEAL_SIZE);
	fg_seal_with(out, start, salt_of(first_seq));
}

static bool within(int64_t t)
{
	return t > -TIME_LIMIT && t < TIME_LIMIT;
}

int64_t fg_record_add_time(struct fg_bytes *in, int64_t t)
{
	int64_t d = fg_get_svarint(in);

	if (!within(d) || !within(t + d)) {
		in->bad = true;
		return t;
	}
	return t + d;
}

static unsigned get_head(struct fg_bytes *in, struct fg_record_head *ret)
{
	uint64_t era, count;
	unsigned type, version = fg_get_byte(in);

	*ret = (struct fg_record_head){0};
	in->bad |= version != VERSION && version != VERSION_BOUND;
	type = fg_get_byte(in);
	in->bad |= type < FG_RECORD_READINGS || type > FG_RECORD_AGGREGATES;
	era = fg_get_varint(in);
	ret->era = (uint32_t)(era >> 1);
	ret->has_wall = era & 1;
	ret->mono_us = fg_record_add_time(in, 0);
	if (ret->has_wall)
		ret->wall_ms = fg_record_add_time(in, 0);
	count = fg_get_varint(in);
	if (type == FG_RECORD_CORRECTIONS) {
		ret->replaces = fg_get_varint(in);
		in->bad |= ret->replaces == 0 || ret->replaces > UINT64_MAX - count;
	} else if (type != FG_RECORD_READINGS) {
		in->bad |= !ret->has_wall;
	}
	/* an item takes two bytes at least: the count is bounded by the bytes there are */
	if (era >> 1 > UINT32_MAX || count == 0 || count > (size_t)(in->end - in->at) / 2)
		in->bad = true;
	ret->count = (unsigned)count;
	return type;
}

static void get_cause(struct fg_bytes *in, struct state *s)
{
	uint64_t cause = fg_get_varint(in), notice;

	in->bad |= cause > CAUSE_MASK;
	s->cause = (unsigned)(cause & CAUSE_MASK);
	s->detail = (uint8_t)fg_get_byte(in);
	s->tests = fg_get_varint(in);
	notice = s->cause & HAS_NOTICE ? fg_get_varint(in) : 0;
	in->bad |= notice > UINT32_MAX;
	s->notice = (uint32_t)notice;
}

static void get_item(struct fg_bytes *in, const struct fg_record_head *head, struct state *s,
	struct fg_item *ret)
{
	int64_t step = fg_get_svarint(in);
	unsigned flags = fg_get_byte(in), qc = flags >> QC_SHIFT & QC_MASK;

	if (step < -(int64_t)s->point || step > (int64_t)UINT32_MAX - (int64_t)s->point ||
		!fg_record_qc_of(qc, &ret->qc)) {
		in->bad = true;
		return;
	}
	s->point = (uint32_t)(s->point + step);
	if (flags & HAS_TIME) {
		s->mono_us = fg_record_add_time(in, s->mono_us);
		if (head->has_wall)
			s->skew_ms = fg_record_add_time(in, s->skew_ms);
	}
	if (flags & HAS_CAUSE)
		get_cause(in, s);
	ret->point = s->point;
	ret->wall_ms = head->wall_ms + floor_ms(s->mono_us - head->mono_us) + s->skew_ms;
	ret->reason = (enum fg_reason)(s->cause & REASON_MASK);
	ret->maintenance = s->cause & MAINTENANCE;
	ret->alarm = (enum fg_alarm)(s->cause >> ALARM_SHIFT & ALARM_MASK);
	ret->has_raw = s->cause & HAS_RAW;
	ret->detail = s->detail;
	ret->tests = s->tests;
	ret->notice = s->notice;
	fg_record_get_value(in, (enum fg_kind)(flags & KIND_MASK), &ret->value);
	ret->raw = ret->has_raw ? fg_record_get_number(in) : 0;
}

static void decode_readings(struct fg_bytes *in, const struct fg_record_head *head,
	uint64_t first_seq, fg_record_fn fn, void *arg, bool *ret_stopped)
{
	struct state s = {.mono_us = head->mono_us};
	struct fg_item item = {.kind = FG_ITEM_READING};

	for (unsigned i = 0; i < head->count; i++) {
		item.seq = first_seq + i;
		item.replaces = head->replaces ? head->replaces + i : 0;
		item.own_time = head->era == 0 && head->has_wall && !head->replaces;
		get_item(in, head, &s, &item);
		if (in->bad)
			return;
		if (fn(arg, head, &item, s.mono_us) != 0) {
			*ret_stopped = true;
			return;
		}
	}
}

int fg_record_decode(const void *bytes, size_t len, uint64_t first_seq, fg_record_fn fn, void *arg)
{
	struct fg_bytes in = {.at = bytes};
	struct fg_record_head head;
	bool stopped = false, bound = len && *in.at == VERSION_BOUND;
	unsigned type;

	if (!fg_seal_check_with(bytes, len, bound ? salt_of(first_seq) : 0, &len))
		return FG_ECORRUPT;
	in.end = in.at + len;
	type = get_head(&in, &head);
	if (in.bad)
		return FG_ECORRUPT;
	if (type == FG_RECORD_GAPS)
		fg_record_decode_gaps(&in, &head, first_seq, fn, arg, &stopped);
	else if (type == FG_RECORD_ACCOUNT)
		fg_record_decode_account(&in, &head, first_seq, fn, arg, &stopped);
	else if (type == FG_RECORD_AGGREGATES)
		fg_record_decode_aggregates(&in, &head, first_seq, fn, arg, &stopped);
	else
		decode_readings(&in, &head, first_seq, fn, arg, &stopped);
	if (stopped)
		return FG_OK;
	return in.bad || in.at != in.end ? FG_ECORRUPT : FG_OK;
}

int fg_record_head(const void *bytes, size_t len, struct fg_record_head *ret)
{
	struct fg_bytes in = {.at = bytes};
	struct fg_record_head head;

	if (!len)
		return FG_ECORRUPT;
	in.end = in.at + len;
	get_head(&in, &head);
	if (in.bad)
		return FG_ECORRUPT;
	*ret = head;
	return FG_OK;
}
