/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_PROBE_H
#define FG_TOOLS_PROBE_H

#include "base/json.h"
#include "ctl.h"
#include "protocol/registers.h"

/* What one probe read, and what is thought of it. */

#define PROBE_HINTS 8

struct probe {
	const struct ctl *ctl;
	uint8_t unit;
	struct fg_request req;
	const char *property; /* NULL: none asked for */
	const char *unit_text; /* of the property */
	bool has_range;
	double range[2];
	uint16_t cells[2000];
	char hints[PROBE_HINTS][240];
	size_t hint_count;
};

const char *probe_table_name(enum fg_table table);
/* As printed in manuals: 40001, 30001, 10001, 1; six digits above 9999. */
unsigned probe_reference(enum fg_table table, unsigned address);

void probe_hint(struct probe *p, const char *fmt, ...) FG_PRINTF(2, 3);

/* Whether any type and order makes a plausible value of n cells that begin here. */
bool probe_any_plausible(const struct probe *p, const uint16_t *cells, size_t n);

/* Every type and order of every address, aligned. */
void probe_print(const struct probe *p);
/* The same as members of an open object. */
void probe_put(const struct probe *p, struct fg_json *j);

#endif
