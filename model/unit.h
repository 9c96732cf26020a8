/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_UNIT_H
#define FG_MODEL_UNIT_H

#include <stdbool.h>

/* Units in UCUM notation that sensors give and readings are published in. A value in a unit is
 * value * factor + offset in the base unit of its dimension. */
struct fg_unit {
	const char *ucum;
	const char *dimension; /* "temperature"; units of one dimension convert */
	double factor, offset;
};

/* By UCUM code or one of the spellings that sensors use ("°C", "degC", "µg/m³"); NULL: unknown. */
const struct fg_unit *fg_unit_find(const char *text);

/* UCUM is for programs: as people write it, "°C". Empty where there is nothing to write ("1"); the
 * code itself where nothing better is known. */
const char *fg_unit_words(const char *ucum);

/* The known unit nearest to a misspelt one, or NULL. */
const char *fg_unit_suggest(const char *text);

/* to = from * *ret_factor + *ret_offset. False where the dimensions differ. Equal units give
 * exactly 1 and 0. */
bool fg_unit_convert(const struct fg_unit *from, const struct fg_unit *to, double *ret_factor,
	double *ret_offset);

/* Whether text can be a UCUM code at all (printable ASCII without blanks, balanced brackets). */
bool fg_unit_plausible(const char *text);

#endif
