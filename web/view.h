/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_VIEW_H
#define FG_WEB_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/alarm.h"
#include "model/property.h"
#include "model/qc.h"

/* What the gateway knows of itself at one moment, as values: the core makes one, after that nobody
 * changes it, so that any thread may read it for as long as it likes. Whoever keeps one holds a
 * reference; the last one frees it and lets go of the configuration that names point into. */

/* nb, nn, en: in the order of enum fg_language of the configuration. */
#define FG_VIEW_LANGUAGES 3

struct fg_view_station {
	const char *name, *title;
	bool has_position;
	double latitude, longitude, elevation; /* elevation NaN where it is not known */
};

struct fg_view_link {
	const char *name, *driver;
	const char *state; /* up, down, unknown */
	unsigned devices, devices_ok;
	double vain_s; /* bus time that probes took in vain */
	const char *const *count_names; /* of the driver; NULL-terminated, or NULL */
	const uint64_t *counts;
};

struct fg_view_device {
	const char *name, *title;
	uint32_t station, link; /* indexes */
	const char *state;	/* ok, failing, quarantined, unknown, maintenance */
	const char *reason;	/* no_response …; NULL: none */
	const char *work;	/* why there is maintenance; NULL: nobody has said */
	int64_t since_ms, last_ok_ms, last_error_ms; /* 0: not known */
	uint64_t polls, failures, overruns, requests, answers, missing;
	double answer_s;
};

struct fg_view_point {
	const char *name, *property, *unit, *domain;
	const char *title[FG_VIEW_LANGUAGES];
	const struct fg_property *known; /* NULL: not in the table */
	uint32_t station, device;
	double interval_s;
	int64_t max_age_ms; /* of a reading that is older nobody knows why */
	/* the newest reading that is stored */
	bool has_reading, timed, maintenance;
	int64_t time_ms;
	enum fg_qc qc;
	enum fg_alarm alarm; /* that holds */
	const char *reason;  /* NULL: none */
	const char *value;   /* as JSON: "19.4", "null" */
	const char *text;    /* a value that is a text, not escaped; NULL */
	double number;	     /* NaN where it is none */
	const char *json;    /* the reading, as consumers get it */
	int64_t calibrated_ms, calibration_due_ms; /* 0: not known */
};

#define FG_VIEW_CERTIFICATES 3
struct fg_view_destination {
	const char *name;
	const char *state; /* waiting, connecting, connected, stopped */
	const char *error; /* NULL: none */
	bool connected, conflict;
	int64_t since_ms, oldest_ms; /* oldest: of what is not acknowledged; 0: not known */
	uint64_t backlog, in_flight, published, acknowledged, refused, connections;
	struct {
		const char *of;	 /* broker, authority, client; NULL: there is none */
		int64_t ends_ms;
	} certificates[FG_VIEW_CERTIFICATES];
};

struct fg_view_notice {
	const char *kind; /* fault, repair, planned */
	int64_t from_ms, to_ms; /* to 0: open */
	const char *text[FG_VIEW_LANGUAGES];
};

struct fg_view {
	int64_t mono_us, wall_ms; /* when it was made */
	const char *gateway, *title, *operator, *contact, *licence, *version, *timezone;
	int language; /* of the gateway */
	int64_t started_ms;
	bool clock_trusted, clock_holding;
	const char *clock_level;
	int64_t clock_since_ms;
	uint64_t clock_waiting; /* readings that wait for their time */

	bool store_writable;
	const char *store_error; /* NULL: none */
	int64_t store_bytes, store_max;
	uint64_t store_rows, next_seq, committed_next, dropped_size, dropped_full;

	uint64_t polled, derived, suppressed, overruns;
	uint64_t told[10]; /* readings since the start, by enum fg_qc */
	uint64_t corrected, not_told;

	struct fg_view_station *stations;
	struct fg_view_link *links;
	struct fg_view_device *devices;
	struct fg_view_point *points;
	struct fg_view_destination *destinations;
	struct fg_view_notice *notices;
	size_t station_count, link_count, device_count, point_count, destination_count;
	size_t notice_count;

	/* the document of `fjordctl status --json` */
	const char *status;
	size_t status_len;
};

/* NULL: out of memory. owner: what names point into; release(owner) is called by the last one. */
struct fg_view *fg_view_new(void *owner, void (*release)(void *owner));
struct fg_view *fg_view_ref(struct fg_view *v); /* any thread, like the next */
void fg_view_unref(struct fg_view *v);

/* For the one who fills it: zeroed memory that lives as long as the view, and copies of texts. Out
 * of memory, or beyond FG_VIEW_MAX bytes, they give NULL, and fg_view_whole() says no. */
#define FG_VIEW_MAX (16u << 20)
void *fg_view_alloc(struct fg_view *v, size_t count, size_t size);
const char *fg_view_text(struct fg_view *v, const char *text);
const char *fg_view_bytes(struct fg_view *v, const char *bytes, size_t len);
bool fg_view_whole(const struct fg_view *v);

#endif
