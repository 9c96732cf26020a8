/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_REGISTERS_H
#define FG_PROTOCOL_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/value.h"

/* What Modbus registers hold, as pure functions. Registers are host-order uint16_t, in the order
 * of the wire. */

enum fg_table {
	FG_TABLE_HOLDING,  /* function 3 */
	FG_TABLE_INPUT,    /* function 4 */
	FG_TABLE_COIL,     /* function 1 */
	FG_TABLE_DISCRETE, /* function 2 */
};

enum fg_regtype {
	FG_REG_BOOL, /* a coil or discrete input; of a register: not 0 */
	FG_REG_U8,
	FG_REG_I8,
	FG_REG_U16,
	FG_REG_I16,
	FG_REG_U32,
	FG_REG_I32,
	FG_REG_U64,
	FG_REG_I64,
	FG_REG_F32,
	FG_REG_F64,
	FG_REG_BCD16,
	FG_REG_BCD32,
	FG_REG_STRING, /* n registers, two characters each */
	FG_REG_BITS,   /* bits lo..hi of one, two or four registers, the least significant is 0 */
	FG_REG_F16,
	FG_REG_BCD64,
	FG_REG_CHARS, /* n registers, one character each, in the low byte */
};
#define FG_REG_LAST FG_REG_CHARS

/* Word and byte order, named by where the bytes of the big-endian value go. For 16 bits AB is ABCD
 * and BA is BADC. For 64 bits: big-endian, words reversed, bytes swapped in each word, all
 * reversed. */
enum fg_order {
	FG_ORDER_ABCD,
	FG_ORDER_CDAB,
	FG_ORDER_BADC,
	FG_ORDER_DCBA,
};

struct fg_regspec {
	enum fg_regtype type;
	enum fg_order order;
	bool high_byte;     /* u8, i8: the high byte instead of the low one */
	uint8_t lo, hi;     /* bits(lo..hi), hi up to 63 */
	uint16_t string_registers; /* of string(n) and chars(n) */
	uint64_t mask; /* 0: none; else the bits that count, moved down until the lowest is bit 0 */
};

/* Registers that a value takes: 1, 2, 4 or the text's. */
unsigned fg_regspec_width(const struct fg_regspec *spec);
/* Bits of its raw pattern, what a mask leaves; 0 for texts. */
unsigned fg_regspec_bits(const struct fg_regspec *spec);
bool fg_regtype_is_text(enum fg_regtype type);
bool fg_regtype_is_float(enum fg_regtype type);
/* As a configuration writes it: "bits(4..7)". */
#define FG_REGTYPE_TEXT 16
const char *fg_regtype_text(const struct fg_regspec *spec, char text[FG_REGTYPE_TEXT]);

/* Reads "u16", "float32", "string(8)", "chars(8)", "bits(4..7)". FG_EINVAL where it is none. */
int fg_regtype_parse(const char *text, struct fg_regspec *spec);
/* All plain type names, for suggestions. */
extern const char *const fg_regtype_names[];
extern const size_t fg_regtype_count;
/* Reads "AB BA ABCD CDAB BADC DCBA". FG_EINVAL where it is none or of another width. */
int fg_order_parse(const char *text, const struct fg_regspec *spec, enum fg_order *ret_order);

/* Decodes regs[0..width). *ret_raw is the value's bits in natural order, for raw sentinels (0 for
 * texts). A signed number behind a mask has its sign in the mask's highest bit. Text is written to
 * `text` (at least 2 * width + 1 bytes), trailing NULs and blanks cut, bytes that are not UTF-8
 * replaced by '?'. Returns FG_EDECODE for BCD digits above 9. A NaN or an infinity decodes as it
 * is. */
int fg_reg_decode(const struct fg_regspec *spec, const uint16_t *regs, struct fg_value *ret_value,
	uint64_t *ret_raw, char *text);

/* One value's registers, for the planner (plan_reads.h). */
struct fg_span {
	enum fg_table table;
	uint16_t address, width;
	uint8_t space; /* what addresses count from: 0 plain; else 1 + index of a base */
};

/* One read request. */
struct fg_request {
	enum fg_table table;
	uint16_t address, count;
};

#endif
