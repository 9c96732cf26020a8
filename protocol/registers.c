/* SPDX-License-Identifier: EUPL-1.2 */
/* What Modbus registers hold: type names, word and byte orders, decoding. No I/O. */
#include "protocol/registers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"

#define MAX_REGISTERS 125

static const struct {
	const char *name;
	enum fg_regtype type;
} plain[] = {
	{"bool", FG_REG_BOOL},
	{"u8", FG_REG_U8},
	{"i8", FG_REG_I8},
	{"u16", FG_REG_U16},
	{"i16", FG_REG_I16},
	{"u32", FG_REG_U32},
	{"i32", FG_REG_I32},
	{"u64", FG_REG_U64},
	{"i64", FG_REG_I64},
	{"f16", FG_REG_F16},
	{"float16", FG_REG_F16},
	{"f32", FG_REG_F32},
	{"float32", FG_REG_F32},
	{"f64", FG_REG_F64},
	{"float64", FG_REG_F64},
	{"bcd16", FG_REG_BCD16},
	{"bcd32", FG_REG_BCD32},
	{"bcd64", FG_REG_BCD64},
};

const char *const fg_regtype_names[] = {
	"bool",
	"u8",
	"i8",
	"u16",
	"i16",
	"u32",
	"i32",
	"u64",
	"i64",
	"f16",
	"float16",
	"f32",
	"float32",
	"f64",
	"float64",
	"bcd16",
	"bcd32",
	"bcd64",
};
const size_t fg_regtype_count = FG_COUNT(fg_regtype_names);

bool fg_regtype_is_text(enum fg_regtype type)
{
	return type == FG_REG_STRING || type == FG_REG_CHARS;
}

bool fg_regtype_is_float(enum fg_regtype type)
{
	return type == FG_REG_F16 || type == FG_REG_F32 || type == FG_REG_F64;
}

unsigned fg_regspec_width(const struct fg_regspec *spec)
{
	switch (spec->type) {
	case FG_REG_U32:
	case FG_REG_I32:
	case FG_REG_F32:
	case FG_REG_BCD32:
		return 2;
	case FG_REG_U64:
	case FG_REG_I64:
	case FG_REG_F64:
	case FG_REG_BCD64:
		return 4;
	case FG_REG_STRING:
	case FG_REG_CHARS:
		return spec->string_registers;
	case FG_REG_BITS:
		return spec->hi < 16 ? 1 : spec->hi < 32 ? 2 : 4;
	case FG_REG_BOOL:
	case FG_REG_U8:
	case FG_REG_I8:
	case FG_REG_U16:
	case FG_REG_I16:
	case FG_REG_F16:
	case FG_REG_BCD16:
		break;
	}
	return 1;
}

static unsigned lowest_bit(uint64_t mask)
{
	unsigned n = 0;

	while (!(mask >> n & 1))
		n++;
	return n;
}

static unsigned length_of(uint64_t bits)
{
	unsigned n = 0;

	for (; bits; bits >>= 1)
		n++;
	return n;
}

unsigned fg_regspec_bits(const struct fg_regspec *spec)
{
	if (fg_regtype_is_text(spec->type))
		return 0;
	if (spec->mask)
		return length_of(spec->mask) - lowest_bit(spec->mask);
	if (spec->type == FG_REG_U8 || spec->type == FG_REG_I8)
		return 8;
	if (spec->type == FG_REG_BITS)
		return spec->hi - spec->lo + 1u;
	return 16 * fg_regspec_width(spec);
}

const char *fg_regtype_text(const struct fg_regspec *spec, char text[FG_REGTYPE_TEXT])
{
	snprintf(text, FG_REGTYPE_TEXT, "?");
	if (spec->type == FG_REG_STRING)
		snprintf(text, FG_REGTYPE_TEXT, "string(%u)", spec->string_registers);
	else if (spec->type == FG_REG_CHARS)
		snprintf(text, FG_REGTYPE_TEXT, "chars(%u)", spec->string_registers);
	else if (spec->type == FG_REG_BITS)
		snprintf(text, FG_REGTYPE_TEXT, "bits(%u..%u)", spec->lo, spec->hi);
	for (size_t i = FG_COUNT(plain); i-- > 0;)
		if (plain[i].type == spec->type)
			snprintf(text, FG_REGTYPE_TEXT, "%s", plain[i].name);
	return text;
}

/* Reads digits at *p, at most `max`; moves *p behind them. */
static bool get_number(const char **p, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		v = v * 10 + (unsigned)(**p - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

static bool skip(const char **p, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

static int parse_text(const char *p, enum fg_regtype type, struct fg_regspec *spec)
{
	unsigned n;

	if (!get_number(&p, MAX_REGISTERS, &n) || n == 0 || strcmp(p, ")") != 0)
		return FG_EINVAL;
	spec->type = type;
	spec->string_registers = (uint16_t)n;
	return FG_OK;
}

static int parse_bits(const char *p, struct fg_regspec *spec)
{
	unsigned lo, hi;

	if (!get_number(&p, 63, &lo) || !skip(&p, "..") || !get_number(&p, 63, &hi) || lo > hi ||
		strcmp(p, ")") != 0)
		return FG_EINVAL;
	spec->type = FG_REG_BITS;
	spec->lo = (uint8_t)lo;
	spec->hi = (uint8_t)hi;
	return FG_OK;
}

int fg_regtype_parse(const char *text, struct fg_regspec *spec)
{
	for (size_t i = 0; i < FG_COUNT(plain); i++) {
		if (strcmp(plain[i].name, text) == 0) {
			spec->type = plain[i].type;
			return FG_OK;
		}
	}
	if (skip(&text, "string("))
		return parse_text(text, FG_REG_STRING, spec);
	if (skip(&text, "chars("))
		return parse_text(text, FG_REG_CHARS, spec);
	if (skip(&text, "bits("))
		return parse_bits(text, spec);
	return FG_EINVAL;
}

int fg_order_parse(const char *text, const struct fg_regspec *spec, enum fg_order *ret_order)
{
	static const struct {
		const char *name;
		enum fg_order order;
		bool one, more; /* for one register; for more */
	} orders[] = {
		{"AB", FG_ORDER_ABCD, true, false},
		{"BA", FG_ORDER_BADC, true, false},
		{"ABCD", FG_ORDER_ABCD, true, true},
		{"BADC", FG_ORDER_BADC, true, true},
		{"CDAB", FG_ORDER_CDAB, false, true},
		{"DCBA", FG_ORDER_DCBA, false, true},
	};
	/* A text's order is that of the two bytes in each register. */
	bool single = fg_regtype_is_text(spec->type) || fg_regspec_width(spec) == 1;

	for (size_t i = 0; i < FG_COUNT(orders); i++) {
		if (strcmp(orders[i].name, text) == 0 &&
			(single ? orders[i].one : orders[i].more)) {
			*ret_order = orders[i].order;
			return FG_OK;
		}
	}
	return FG_EINVAL;
}

static uint16_t swap16(uint16_t r)
{
	return (uint16_t)(r << 8 | r >> 8);
}

static bool swaps_bytes(enum fg_order order)
{
	return order == FG_ORDER_BADC || order == FG_ORDER_DCBA;
}

/* The value's bits in natural order, most significant register first. */
static uint64_t gather(const struct fg_regspec *spec, const uint16_t *regs)
{
	unsigned n = fg_regspec_width(spec);
	bool reversed = spec->order == FG_ORDER_CDAB || spec->order == FG_ORDER_DCBA;
	uint64_t bits = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t r = regs[reversed ? n - 1 - i : i];

		bits = bits << 16 | (swaps_bytes(spec->order) ? swap16(r) : r);
	}
	return bits;
}

static int decode_bcd(uint64_t bits, unsigned digits, int64_t *ret)
{
	int64_t v = 0;

	while (digits-- > 0) {
		unsigned d = bits >> (4 * digits) & 15;

		if (d > 9)
			return FG_EDECODE;
		v = v * 10 + d;
	}
	*ret = v;
	return FG_OK;
}

/* IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits. */
static double bits_to_half(uint64_t bits)
{
	int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
	double v;

	if (exponent == 31)
		v = fraction ? (double)NAN : (double)INFINITY;
	else if (exponent == 0)
		v = ldexp(fraction, -24);
	else
		v = ldexp(fraction + 1024, exponent - 25);
	return bits & 0x8000 ? -v : v;
}

static double bits_to_float(uint64_t bits)
{
	uint32_t b = (uint32_t)bits;
	float f;

	memcpy(&f, &b, sizeof(f));
	return (double)f;
}

static double bits_to_double(uint64_t bits)
{
	double f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

/* Replaces what is no UTF-8 byte by byte, so the length stays. */
static void clean_utf8(char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = fg_utf8_char((const unsigned char *)text + i, len - i);

		if (n == 0)
			text[i] = '?';
		i += n ? n : 1;
	}
}

static size_t copy_characters(const struct fg_regspec *spec, const uint16_t *regs, char *text)
{
	size_t len = 0;

	for (size_t i = 0; i < spec->string_registers; i++) {
		uint16_t r = swaps_bytes(spec->order) ? swap16(regs[i]) : regs[i];

		if (spec->type == FG_REG_STRING)
			text[len++] = (char)(r >> 8);
		text[len++] = (char)(r & 0xFF);
	}
	return len;
}

static void decode_text(
	const struct fg_regspec *spec, const uint16_t *regs, char *text, struct fg_value *ret)
{
	size_t len = copy_characters(spec, regs, text);

	while (len > 0 && (text[len - 1] == '\0' || text[len - 1] == ' '))
		len--;
	clean_utf8(text, len);
	text[len] = '\0';
	*ret = (struct fg_value){.kind = FG_KIND_TEXT, .text = text, .len = (uint32_t)len};
}

static struct fg_value from_signed(uint64_t bits, unsigned width)
{
	uint64_t sign = UINT64_C(1) << (width - 1);

	return (struct fg_value){.kind = FG_KIND_INT, .i = (int64_t)((bits ^ sign) - sign)};
}

static struct fg_value from_unsigned(uint64_t bits)
{
	if (bits > INT64_MAX)
		return (struct fg_value){.kind = FG_KIND_UINT, .u = bits};
	return (struct fg_value){.kind = FG_KIND_INT, .i = (int64_t)bits};
}

static int from_bcd(uint64_t bits, unsigned digits, struct fg_value *ret)
{
	int64_t v;

	if (decode_bcd(bits, digits, &v) < 0)
		return FG_EDECODE;
	*ret = (struct fg_value){.kind = FG_KIND_INT, .i = v};
	return FG_OK;
}

/* The part of the registers that an 8-bit or bit-field type means, and of that the mask's. */
static uint64_t narrow(const struct fg_regspec *spec, uint64_t bits)
{
	if (spec->type == FG_REG_U8 || spec->type == FG_REG_I8)
		bits = (spec->high_byte ? bits >> 8 : bits) & 0xFF;
	if (spec->type == FG_REG_BITS)
		bits = bits >> spec->lo & UINT64_MAX >> (63 - (spec->hi - spec->lo));
	if (spec->mask)
		bits = (bits & spec->mask) >> lowest_bit(spec->mask);
	return bits;
}

int fg_reg_decode(const struct fg_regspec *spec, const uint16_t *regs, struct fg_value *ret_value,
	uint64_t *ret_raw, char *text)
{
	uint64_t bits;

	*ret_raw = 0;
	if (fg_regtype_is_text(spec->type)) {
		decode_text(spec, regs, text, ret_value);
		return FG_OK;
	}
	bits = *ret_raw = narrow(spec, gather(spec, regs));
	switch (spec->type) {
	case FG_REG_BOOL:
		*ret_value = (struct fg_value){.kind = FG_KIND_BOOL, .b = bits != 0};
		break;
	case FG_REG_I8:
	case FG_REG_I16:
	case FG_REG_I32:
	case FG_REG_I64:
		*ret_value = from_signed(bits, fg_regspec_bits(spec));
		break;
	case FG_REG_F16:
		*ret_value = (struct fg_value){.kind = FG_KIND_FLOAT, .f = bits_to_half(bits)};
		break;
	case FG_REG_F32:
		*ret_value = (struct fg_value){.kind = FG_KIND_FLOAT, .f = bits_to_float(bits)};
		break;
	case FG_REG_F64:
		*ret_value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = bits_to_double(bits)};
		break;
	case FG_REG_BCD16:
	case FG_REG_BCD32:
	case FG_REG_BCD64:
		return from_bcd(bits, 4 * fg_regspec_width(spec), ret_value);
	case FG_REG_U8:
	case FG_REG_U16:
	case FG_REG_U32:
	case FG_REG_U64:
	case FG_REG_BITS:
	case FG_REG_STRING:
	case FG_REG_CHARS:
		*ret_value = from_unsigned(bits);
		break;
	}
	return FG_OK;
}
