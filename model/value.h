/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_VALUE_H
#define FG_MODEL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* What a value came from decides how it is written: an integer keeps all its digits, a float the
 * shortest text that gives back the float. Numbers are stored: add at the end. */
enum fg_kind {
	FG_KIND_NONE = 0, /* no value */
	FG_KIND_BOOL,
	FG_KIND_INT,	 /* int64_t */
	FG_KIND_UINT,	 /* uint64_t, for counters above INT64_MAX; else INT */
	FG_KIND_FLOAT,	 /* came from an IEEE 754 single (scaled or not) */
	FG_KIND_DOUBLE,	 /* came from a double */
	FG_KIND_DECIMAL, /* a whole number times a decimal scale: 15 digits say it exactly */
	FG_KIND_TEXT,
};

struct fg_value {
	enum fg_kind kind;
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double f; /* FLOAT, DOUBLE, DECIMAL */
		struct {
			const char
				*text; /* UTF-8, not NUL-terminated; who lends it says how long */
			uint32_t len;
		};
	};
};

/* The value as a double, for tests and arithmetic; NaN for text and none. */
double fg_value_number(const struct fg_value *v);

#endif
