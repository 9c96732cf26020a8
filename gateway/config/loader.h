/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONFIG_LOADER_H
#define FG_GATEWAY_CONFIG_LOADER_H

#include "base/key.h"
#include "gateway/config/config.h"
#include "gateway/config/keys.h"
#include "gateway/config/profiles.h"
#include "quality/derivation.h"

/* One load of a configuration: the steps of config.c share it. */

struct fg_profile_file {
	const char *name;
	const struct fg_node *root; /* NULL: could not be read; told once */
	struct fg_profile_meta *meta;
	bool reading; /* so a profile that extends itself is seen */
	struct fg_profile_file *next;
};

/* A point that `repeat` made. */
struct fg_repeated {
	const char *name; /* "t3" */
	const char *base; /* what the name is without the number: "t" */
	uint32_t index;
	int64_t stride;
	const struct fg_repeated *next;
};

/* A point that is worked out of others, until what it names is found. */
struct fg_derived_point {
	struct fg_point *point;
	struct fg_raw_derive raw;
	char path[256]; /* "devices.d.points.p", for messages */
	struct fg_derivation *derivation;
	enum { FG_DERIVED_NEW, FG_DERIVED_BEGUN, FG_DERIVED_DONE, FG_DERIVED_BAD } state;
	struct fg_derived_point *next;
};

/* A point that a device does not have after all. */
struct fg_left_out {
	const char *name;
	const struct fg_left_out *next;
};

struct fg_loader {
	struct fg_arena *arena; /* what the configuration keeps */
	struct fg_arena *tree;  /* nodes and their texts: freed after the load unless asked for */
	struct fg_report *rep;
	struct fg_bind bind;
	const char *path; /* of the main file, as the user named it */
	const char *profile_dir;
	struct fg_profile_file *profiles;
	struct fg_node *root;
	struct fg_raw_root raw;
	struct fg_config *config;
	struct fg_link *links; /* config->links, while they are built */
	struct fg_device *devices;
	const struct fg_repeated *repeated; /* points of the device that is being built */
	const struct fg_left_out *left_out; /* of it, too */
	struct fg_derived_point *derived, **derived_end;
};

/* Bounds that keep every check quick; far above what a board can poll. */
#define FG_MAX_STATIONS	     1000
#define FG_MAX_DESTINATIONS  32
#define FG_MAX_LINKS	     512
#define FG_MAX_DEVICES	     4096
#define FG_MAX_DEVICE_POINTS 2000

/* Reads the main file and its drop-ins into one tree. FG_ECONFIG where there is none. */
int fg_files_load(struct fg_loader *l);

#define FG_MAX_LISTED 1000 /* files of one folder */
struct fg_listing {
	const char *names[FG_MAX_LISTED];
	size_t count;
};
/* The folder's files NAME.yaml in name order. A folder that is not there has none. */
int fg_files_list(struct fg_loader *l, const char *dir, bool warn, struct fg_listing *ret);
/* A neighbour of the main file, named as the main file is. */
const char *fg_files_beside(struct fg_loader *l, const char *name);
/* False and a fault where a file is something else. */
bool fg_files_is_mapping(struct fg_loader *l, const struct fg_node *root);

/* The profile's tree, laid over that of the profile it extends; NULL where there is none (told at
 * the name). ret_meta: what it says of itself; may be NULL. */
const struct fg_node *fg_profile_load(
	struct fg_loader *l, const struct fg_node *name, const struct fg_profile_meta **ret_meta);

/* keys_maintenance.c */
void fg_take_maintenance(struct fg_loader *l, struct fg_device *dev, const struct fg_items *items);

/* keys_calibration.c */
void fg_take_calibration(struct fg_loader *l, struct fg_point *p, const struct fg_items *items);

/* events.c: what is told of a point, and when. `clean`: its keys have no faults. */
void fg_take_events(
	struct fg_loader *l, struct fg_point *p, const struct fg_raw_point *raw, bool clean);

/* The steps, in this order; faults go to the report. */
void fg_build_destinations(struct fg_loader *l);
void fg_build_links(struct fg_loader *l);
void fg_build_devices(struct fg_loader *l);
void fg_check_config(struct fg_loader *l);
void fg_check_catalogue(struct fg_loader *l); /* check_catalogue.c */
void fg_check_identities(struct fg_loader *l); /* check_identity.c; of a config without faults */
/* A name or address of this board itself. */
bool fg_is_loopback(const char *host);
/* Finds what derived points are worked out of: derive.c. */
void fg_build_derived(struct fg_loader *l);
/* The rules of stations: rules.c. */
void fg_build_rules(struct fg_loader *l);
/* Only without faults so far: groups, plans and the forecast. */
void fg_build_groups(struct fg_loader *l);
/* Likewise: which points stand for the class of their station: air_class.c. */
void fg_build_air_classes(struct fg_loader *l);

/* qc_defaults.c: the tests that a point gets without being told, and whether all have the memory
 * that they need. */
void fg_qc_complete(struct fg_loader *l, struct fg_point *p);
/* qc_memory.c: faults and warnings of windows that are too long for a board, and the line of the
 * forecast. */
void fg_check_qc_memory(struct fg_loader *l);
void fg_put_qc_memory(const struct fg_config *c, struct fg_buf *out);
/* What a test of a point does by default, as YAML's flow style writes it; false: nothing. */
bool fg_qc_put_default(const struct fg_point *p, enum fg_test test, struct fg_buf *out);

/* A device's keys over those of its profile (NULL: it has none), with repeated points written
 * out: new nodes, neither tree is changed. l->repeated then tells which they are. */
const struct fg_node *fg_lay_device(
	struct fg_loader *l, const struct fg_node *profile, const struct fg_node *own);

/* Reads the points of a device into dev->points; conf areas included. */
/* `hourly`: once the device's points are built. */
void fg_build_hourly(struct fg_loader *l, struct fg_device *dev, struct fg_point *points);
/* Tests whose times are shorter than the interval: qc_short.c. */
void fg_check_qc_short(struct fg_loader *l);
/* Whether the store keeps readings as long as hours and longer periods need them. */
void fg_check_hourly(struct fg_loader *l);
void fg_build_points(
	struct fg_loader *l, struct fg_device *dev, const struct fg_key *const *driver_keys);

/* A point by name: of the device (may be NULL), of the station, or DEVICE/POINT. NULL, and why. */
struct fg_point_ref {
	const struct fg_station *station;
	const struct fg_device *device;
};
const struct fg_point *fg_find_point(struct fg_loader *l, const struct fg_point_ref *ref,
	const char *text, struct fg_buf *why);
/* Notes a point as derived; false where the device lacks what it is worked out of. */
bool fg_take_derived(struct fg_loader *l, struct fg_point *p, const struct fg_raw_derive *raw);
/* The table of `rating` or `rating_file`; NULL and faults where it is none. */
const struct fg_rating *fg_rating_load(
	struct fg_loader *l, const struct fg_derived_point *d, size_t *ret_count);

/* Tables of driver keys that stand beside `sub`: of one driver, or of all where it is NULL.
 * `ret` has room for FG_MAX_DRIVERS and ends with NULL. */
#define FG_MAX_DRIVERS 16
void fg_driver_tables(const struct fg_key *sub, const struct fg_driver *driver,
	const struct fg_key *ret[FG_MAX_DRIVERS]);

/* What the polls of a link take. */
struct fg_forecast {
	bool known; /* its rate is, or what devices take; otherwise the rest means little */
	bool told;  /* the configuration says how long devices take */
	unsigned polls;
	size_t requests;
	double wire_share, share; /* of its time; share: with what devices take to answer */
	int64_t cycle_us;	  /* each poll once */
	int64_t shortest_us;	  /* interval */
	bool same;		  /* all have that one */
	int64_t longest_us;	  /* of one poll */
	const struct fg_group *longest;
	int64_t dead_us; /* the last full poll of a device that dies, at most */
};
struct fg_forecast fg_link_forecast(const struct fg_config *c, const struct fg_link *link);
/* Bus time of one poll, and the time that the device takes in it. */
int64_t fg_group_wire_us(const struct fg_group *g, int64_t *ret_turn_us);
struct fg_beside fg_group_beside(const struct fg_group *g);
/* A fault where the line cannot carry its polls, a warning where it is tight. */
void fg_check_forecast(struct fg_loader *l, const struct fg_link *link);
void fg_put_forecast(const struct fg_config *c, const struct fg_link *link, struct fg_buf *out);

/* The place of a key's value in a mapping, or of the mapping where it is absent. */
struct fg_place fg_place_of(const struct fg_node *mapping, const char *key);

/* False and a fault where there are more than `max`. */
bool fg_within(struct fg_loader *l, const struct fg_node *mapping, const char *what, size_t max);

#endif
