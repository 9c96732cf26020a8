/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_PROPERTY_H
#define FG_MODEL_PROPERTY_H

#include <stddef.h>
#include <stdint.h>

/* Of texts that people read. */
enum fg_language { FG_LANG_NB, FG_LANG_NN, FG_LANG_EN, FG_LANG_COUNT };

/* What is measured. The table is property.def; names outside it start with x_. */
struct fg_property {
	const char *name; /* water_temperature */
	const char *unit; /* UCUM, in which readings are published */
	int decimals;	  /* how many a person wants to see; published values are not cut to it */
	const char *title[FG_LANG_COUNT];
	const char *note;
};

/* All properties, in the order of the table. */
extern const struct fg_property fg_properties[];
extern const size_t fg_property_count;

/* NULL where the table has no such name. */
const struct fg_property *fg_property_find(const char *name);

/* Where a point belongs in the topics. */
enum fg_domain {
	FG_DOMAIN_AIR,
	FG_DOMAIN_WATER,
	FG_DOMAIN_BATHING,
	FG_DOMAIN_WEATHER,
	FG_DOMAIN_COUNT
};

const char *fg_domain_name(enum fg_domain domain);

#endif
