/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_MODEL_DEVICE_H
#define FG_MODEL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/point.h"
#include "model/property.h"

struct fg_driver;
struct fg_group;
struct fg_node;

/* A place; what consumers know. */
struct fg_station {
	const char *name;
	const struct fg_node *node;
	const char *title;
	bool has_position;
	double latitude, longitude, elevation; /* WGS 84 degrees, metres; elevation NaN if absent */
};

/* A transport that devices share. Immutable; what changes at run time is the driver's. */
struct fg_link {
	const char *name;
	const struct fg_node *node;
	uint32_t index;
	const struct fg_driver *driver;
	const char *driver_name;
	const void *conf; /* of the driver's link keys */
	const struct fg_device *const *devices;
	size_t device_count;
	uint64_t fingerprint; /* of its own keys, without its devices */
};

/* Something with an address on a link. */
/* Work that is planned: [from, until). */
#define FG_MAINTENANCE_REASON 128 /* with its NUL */
struct fg_planned_maintenance {
	int64_t from_ms, until_ms;
	const char *reason; /* NULL: nobody has said */
};

struct fg_device {
	const char *name;
	const struct fg_node *node;
	uint32_t index;
	const char *title;
	const char *vendor, *model; /* of the instrument, by its profile; NULL: not known */
	const struct fg_station *station;
	enum fg_domain domain;
	const struct fg_link *link;
	int64_t interval_us;
	int64_t timeout_us; /* for one answer */
	int retries;	    /* further attempts after the first */
	bool align;	    /* polls on the wall clock */
	bool allow_commands; /* anything but reading may be sent to it */
	const struct fg_point *points; /* first those that are read, then those that are derived */
	size_t point_count, read_count; /* read_count: drivers look at no more */
	const struct fg_group *groups;
	size_t group_count;
	/* of its points those that are worked out, each after those that it is worked out of */
	const struct fg_point *const *derived;
	size_t derived_count;
	const void *conf;     /* of the driver's device keys */
	const struct fg_planned_maintenance *planned;
	size_t planned_count;
	uint64_t fingerprint; /* of its effective keys, points and link */
};

/* The points of a device that are read at one interval, and the plan for reading them. */
struct fg_group {
	uint32_t index; /* position among all groups of the configuration */
	const struct fg_device *device;
	int64_t interval_us;
	const struct fg_point *const *points;
	size_t count;
	/* of the device's derived points those that are worked out with its polls, in that order */
	const struct fg_point *const *derived;
	size_t derived_count;
	size_t request_count; /* set by the driver's plan() */
	const void *plan;     /* the driver's */
	/* Set by the driver's plan(). pushed: readings come by themselves and are never polled.
	 * observed: they do where a poll has said so (fg_job.observing). */
	bool pushed, observed;
};

#endif
