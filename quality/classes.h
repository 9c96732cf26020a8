/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_CLASSES_H
#define FG_QUALITY_CLASSES_H

#include "model/item.h"
#include "quality/period.h"

/* The air-quality class of a station: the worst of its pollutants'. Any thread. */

/* What was told last of one series of a pollutant. */
struct fg_classed {
	uint32_t series; /* the store's id */
	uint64_t seq;
	enum fg_qc qc;
	unsigned index; /* 0: it has no class */
	char pollutant[FG_CLASS_TEXT];
};

struct fg_classes {
	struct fg_classed *items; /* the caller's */
	size_t count, cap;
};

/* Notes an aggregate of a pollutant, instead of what was told of its series before: the larger
 * number counts. A class of another index is none. FG_EFULL: no room for another series. */
int fg_classes_add(struct fg_classes *c, const struct fg_air_index *index,
	const struct fg_item *item, const char *pollutant);

/* The answer for a station that has so many pollutants: its value is the number of the worst class,
 * a.by says whose that is. It counts pollutants: the indices take the worst of those that are
 * there, so one is enough; without any there is no class. ask: times and index. */
void fg_classes_worst(const struct fg_classes *c, const struct fg_period_ask *ask,
	unsigned pollutants, struct fg_period_answer *ret);

#endif
