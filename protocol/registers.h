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
	FG_REG_BITS,   /* bits lo..hi of one register, from the least significant, 0 */
};

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
	uint8_t lo, hi;     /* bits(lo..hi) */
	uint16_t string_registers;
};

/* Registers that a value takes: 1, 2, 4 or the string's. */
unsigned fg_regspec_width(const struct fg_regspec *spec);

/* Reads "u16", "float32", "string(8)", "bits(4..7)". FG_EINVAL where it is none. */
int fg_regtype_parse(const char *text, struct fg_regspec *spec);
/* All plain type names, for suggestions. */
extern const char *const fg_regtype_names[];
extern const size_t fg_regtype_count;
/* Reads "AB BA ABCD CDAB BADC DCBA". FG_EINVAL where it is none or of another width. */
int fg_order_parse(const char *text, const struct fg_regspec *spec, enum fg_order *ret_order);

/* Decodes regs[0..width). *ret_raw is the value's bits in natural order, for raw sentinels (0 for
 * strings). Text is written to `text` (at least 2 * width + 1 bytes), trailing NULs and blanks
 * cut, bytes that are not UTF-8 replaced by '?'. Returns FG_EDECODE for BCD digits above 9. A NaN
 * or an infinity decodes as it is. */
int fg_reg_decode(const struct fg_regspec *spec, const uint16_t *regs, struct fg_value *ret_value,
	uint64_t *ret_raw, char *text);

/* One value's registers, for the planner (plan_reads.h). */
struct fg_span {
	enum fg_table table;
	uint16_t address, width;
	uint8_t space; /* 0: the plain addresses; else those that count from a base found later */
};

/* One read request. */
struct fg_request {
	enum fg_table table;
	uint16_t address, count;
};

#endif
