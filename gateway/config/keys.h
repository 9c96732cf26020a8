/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONFIG_KEYS_H
#define FG_GATEWAY_CONFIG_KEYS_H

#include "base/key.h"
#include "drivers/driver.h"
#include "gateway/config/config.h"
#include "protocol/encoder.h"
#include "quality/rules.h"

/* What the tables of keys fill, before references are resolved. */

struct fg_raw_servers {
	const struct fg_server *items;
	size_t count;
};

struct fg_raw_destination {
	const char *name;
	const struct fg_node *node;
	struct fg_raw_servers servers, public_servers;
	struct fg_destination d;
	int64_t qos, inflight;
	/* of each encoder with keys of its own */
	union {
		char bytes[FG_ENCODER_OPTIONS_MAX];
		int64_t whole;
		double number;
		const void *pointer;
	} options[FG_ENCODER_COUNT];
};

struct fg_raw_root {
	struct fg_gateway_conf gateway;
	struct fg_storage_conf storage;
	struct fg_clock_conf clock;
	struct fg_http_conf http;
	struct fg_control_conf control;
	struct fg_notices_conf notices;
	struct fg_items stations; /* of struct fg_station */
	struct fg_items mqtt;	  /* of struct fg_raw_destination */
};

struct fg_raw_device {
	const char *title, *station, *link;
	int domain;
	int64_t interval_us, timeout_us, retries;
	bool align, allow_commands;
	struct fg_items maintenance; /* keys_maintenance.c */
};

struct fg_raw_missing {
	const struct fg_missing *items;
	size_t count;
};

struct fg_raw_maintenance {
	struct fg_named named;
	int64_t from_ms, until_ms;
	const char *reason;
};

struct fg_raw_calibration {
	struct fg_named named;
	int64_t date_ms, next_ms;
	const char *by, *note;
	double raw[2], reference[2];
	struct fg_raw_polynomial {
		double v[FG_CALIBRATION_TERMS];
		size_t count;
	} polynomial;
};

struct fg_raw_point {
	const char *property, *title, *unit, *datastream;
	double scale, offset;
	struct fg_raw_range {
		double raw[2], value[2];
	} range;
	double valid[2];
	struct fg_raw_repeat {
		int64_t count, stride, from;
	} repeat; /* written out before points are read */
	int64_t decimals, interval_us, at_least_every_us;
	struct fg_raw_missing missing;
	struct fg_qc_conf qc;
	/* worked out of others: keys_derive.c */
	struct fg_raw_derive {
		int formula, method; /* of the choices; 0: none */
		const char *expression;
		const struct fg_node *from, *rating;
		const char *rating_file;
		int64_t max_age_us;
	} derive;
	/* keys_events.c */
	double on_change;
	struct fg_alarm_conf alarm;
	struct fg_items calibration; /* keys_calibration.c */
};
/* Whether a point is worked out of others. */
bool fg_raw_is_derived(const struct fg_node *point);
/* The keys that say so, for messages. */
#define FG_DERIVE_KEYS "derive, expression, rating or rating_file"
struct fg_raw_rule {
	int test; /* enum fg_rule_kind + 1 */
	struct fg_texts points;
	double tolerance, percent, low, high, correlation, ratio, spread;
	int64_t window_us, max_age_us;
};
extern const struct fg_key fg_keys_rule[];

extern const struct fg_choice fg_formula_choices[], fg_method_choices[];
int fg_parse_node(struct fg_bind *b, const struct fg_node *node, void *field);

extern const struct fg_key fg_keys_repeat[];

/* The arrays; each ends with a key without a name. Links, devices and points take the keys of
 * their link's driver besides. */
extern const struct fg_key fg_keys_root[];
extern const struct fg_key fg_keys_station[];
extern const struct fg_key fg_keys_mqtt[];
extern const struct fg_key fg_keys_link[];
extern const struct fg_key fg_keys_device[];
extern const struct fg_key fg_keys_point[];
extern const struct fg_key fg_keys_qc[];
extern const struct fg_key fg_keys_report[];
extern const struct fg_key fg_keys_alarm[];
/* `qc:` of a point, into a struct fg_qc_conf. */
int fg_parse_qc(struct fg_bind *b, const struct fg_node *node, void *field);
/* A fault where gross_range has no bounds, or suspect does not lie within fail: a reading would
 * fail before it is suspect. */
void fg_qc_check_gross_range(
	struct fg_bind *b, const struct fg_node *qc, const struct fg_qc_conf *conf);
/* Readings that the window of a point may hold: 24 bytes each. */
#define FG_QC_WINDOW_MAX 20000u
extern const struct fg_key fg_keys_calibration[];
extern const struct fg_key fg_keys_maintenance[];
#define FG_MAINTENANCE_MAX 16
extern const struct fg_key fg_keys_notices[];
extern const struct fg_key fg_keys_http[];
/* A time, or a date, as milliseconds. */
int fg_parse_time(struct fg_bind *b, const struct fg_node *node, void *field);
#define FG_CALIBRATIONS_MAX 100
extern const struct fg_key fg_keys_hourly[]; /* of a point of `hourly` */
extern const struct fg_key fg_keys_profile_meta[]; /* of struct fg_profile_meta */

/* Drivers that are known but not built. NULL-terminated. */
extern const char *const fg_drivers_unsupported[];

/* Whether a key holds names to mappings with the keys of `sub`. */
bool fg_key_is_map(const struct fg_key *key);
/* What a driver adds to the keys of `sub`, or NULL. */
const struct fg_key *fg_key_driver_part(const struct fg_key *sub, const struct fg_driver *driver);

/* A configuration with most keys, for the reference page; it loads as it is. */
extern const char fg_config_example[];

#endif
