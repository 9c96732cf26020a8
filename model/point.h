/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_POINT_H
#define FG_MODEL_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/aggregate.h"
#include "model/calibration.h"
#include "model/property.h"
#include "model/value.h"

struct fg_derivation;
struct fg_device;
struct fg_node;
struct fg_rule;

/* A pattern that means "no reading": raw bits before conversion (written 0x…), or the decoded
 * value before scaling. */
struct fg_missing {
	bool raw;
	uint64_t bits;
	double value;
};

/* QARTOD gross range; NaN bounds are absent. Limits themselves are good. */
struct fg_gross_range {
	bool on;
	double fail[2], suspect[2];
};

struct fg_qc_tests;

struct fg_qc_conf {
	bool off; /* `qc: off` */
	struct fg_gross_range gross_range;
	const struct fg_qc_tests *tests; /* the others (quality/tests.h); NULL: none */
	unsigned given; /* bits 1 << enum fg_test that the configuration speaks of, be it `off` */
};

/* A bound that is watched closely; NaN: not set. */
struct fg_alarm_conf {
	bool on;
	double above, below;
	double rate;	     /* units per second, up or down */
	double hysteresis;   /* how far a value must come back */
	int64_t interval_us; /* polled this often while it holds; 0: as always */
};

/* Longer periods that are told of a point beside its hours. */
enum fg_also { FG_ALSO_RUNNING_8H, FG_ALSO_RUNNING_24H, FG_ALSO_DAY, FG_ALSO_DAY_MAX_8H };

enum fg_scheme { FG_SCHEME_NO, FG_SCHEME_EAQI_2024, FG_SCHEME_EAQI_2017, FG_SCHEME_NONE };

/* What is told of a point by the hour. */
struct fg_hourly_conf {
	bool on;
	enum fg_stat stat;
	const struct fg_point *speed; /* beside directions; NULL: none */
	unsigned also;		      /* bits of enum fg_also */
	int scheme;		      /* enum fg_scheme */
	/* the first point of its station with a class of the scheme: the station's is told too */
	bool leads;
};

/* One quantity of a device: where it is, how it decodes, its unit and scale. Immutable. */
struct fg_point {
	const char *name;
	const struct fg_node *node; /* where it stands in the configuration */
	uint32_t index;		    /* position among all points of the configuration */
	const struct fg_device *device;
	const char *title;
	const char *datastream; /* its id at a SensorThings service; NULL: the default */
	const char *property;		 /* name; x_… where `known` is NULL */
	const struct fg_property *known; /* of the table */
	const char *unit;		 /* published, UCUM */
	const char *source_unit;	 /* as configured; NULL: same */
	double scale, offset; /* published = decoded * scale + offset, conversion included */
	int decimals;	      /* rounding asked for by the configuration; -1: none */
	int64_t interval_us;  /* its own, or the device's */
	const struct fg_missing *missing;
	size_t missing_count;
	bool has_valid;
	double valid[2]; /* decoded values outside mean "no reading"; NaN: open */
	uint32_t repeat_index; /* of a repeated point: which it is, from 0 */
	int64_t repeat_stride; /* how far its addresses are from its neighbours'; 0: not repeated */
	struct fg_qc_conf qc;
	struct fg_hourly_conf hourly;
	int64_t at_least_every_us; /* a failed point is announced again this often */
	/* report by exception: what differs less from what was told last is not told, but at least
	 * every at_least_every_us */
	bool by_change;
	double on_change;
	struct fg_alarm_conf alarm;
	const struct fg_calibration *calibrations; /* in order of time */
	size_t calibration_count;
	const void *conf;	   /* of the driver's point keys */
	/* Not NULL: it is worked out of others (quality/derivation.h), so no driver reads it: it is
	 * in no group's points and has no conf. */
	const struct fg_derivation *derived;
	/* Rules of its station that judge it, by their place in its descriptor. */
	const struct fg_rule *const *rules;
	size_t rule_count;
};

/* Applies scale and offset to a decoded number; whole numbers stay whole where both are neutral,
 * become DECIMAL otherwise. Sets *v. */
void fg_point_scale(const struct fg_point *point, struct fg_value *v);
void fg_value_scale(struct fg_value *v, double scale, double offset);

/* Whether a decoded value (before scaling) means "no reading": one of `missing`, or outside
 * `valid`. `raw` is the value's bits where has_raw. */
bool fg_point_is_sentinel(
	const struct fg_point *point, const struct fg_value *decoded, bool has_raw, uint64_t raw);

/* Whether a decoded value (before scaling) is one of the point's `missing` numbers. A float32 is
 * compared as one. */
bool fg_point_is_missing_value(const struct fg_point *point, const struct fg_value *decoded);
/* Whether raw bits are one of its raw patterns. */
bool fg_point_is_missing_raw(const struct fg_point *point, uint64_t bits);

#endif
