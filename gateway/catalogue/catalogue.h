/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CATALOGUE_CATALOGUE_H
#define FG_GATEWAY_CATALOGUE_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "gateway/config/config.h"
#include "gateway/hours.h"
#include "model/item.h"

/* What is published so that the data explain themselves (docs/catalogue.md): pure functions of a
 * configuration and of what the running gateway knows beyond it. The same state gives the same
 * bytes. Each appends one JSON document; where `out` is too small its overflow says so. */

/* What the gateway knows of a point now. */
struct fg_catalogue_now {
	const struct fg_calibration *calibration; /* in force; NULL: none */
	bool overdue;				  /* its next one was due */
	bool maintenance;			  /* of its device */
};

struct fg_catalogue {
	const struct fg_config *config;
	const struct fg_destination *dest;
	void (*now)(void *arg, const struct fg_point *point, struct fg_catalogue_now *ret);
	void *arg;
};

/* A GeoJSON Feature with all that the destination gets of the station. */
void fg_catalogue_station(
	struct fg_buf *out, const struct fg_catalogue *c, const struct fg_station *station);
/* A W3C WoT Thing Description 1.1 of the same. */
void fg_catalogue_thing(
	struct fg_buf *out, const struct fg_catalogue *c, const struct fg_station *station);
/* The dataset for DCAT-AP-NO, as JSON-LD. */
void fg_catalogue_dataset(struct fg_buf *out, const struct fg_catalogue *c);
/* AsyncAPI 3.0 of this gateway's own topics. */
void fg_catalogue_asyncapi(struct fg_buf *out, const struct fg_catalogue *c);
/* These two are the same for all gateways of a version. */
void fg_catalogue_schema(struct fg_buf *out);
void fg_catalogue_classes(struct fg_buf *out);

/* ---- what they share ---- */

/* Whether the destination gets the point; whether it gets any of a station. */
bool fg_catalogue_has(const struct fg_destination *dest, const struct fg_point *point);
/* Whether readings go out as arrays of a device (`batch`). */
bool fg_catalogue_batches(const struct fg_destination *dest);

/* told.c: in which form the destination gets the readings of a point: as `json` where it has that,
 * or else as the first of its payloads that has anything to say of them. */
struct fg_catalogue_told {
	const char *form; /* of the payload: "senml" */
	const char *content_type;
	bool retained;
};
bool fg_catalogue_told(const struct fg_catalogue *c, const struct fg_point_desc *desc,
	struct fg_buf *topic, struct fg_catalogue_told *ret);
/* The same of one payload, by its number; false: the destination lacks it, or it tells nothing. */
bool fg_catalogue_told_as(const struct fg_catalogue *c, size_t number,
	const struct fg_point_desc *desc, struct fg_buf *topic, struct fg_catalogue_told *ret);
bool fg_catalogue_is_json(const struct fg_destination *dest);
bool fg_catalogue_has_station(const struct fg_config *config, const struct fg_destination *dest,
	const struct fg_station *station);

/* The classes of a station that the destination gets, one after the other: *at begins with 0.
 * False: there are no more. */
bool fg_catalogue_next_class(const struct fg_config *config, const struct fg_destination *dest,
	const struct fg_station *station, size_t *at, struct fg_hours_series *ret);

/* The name of a point for people, in a language. */
const char *fg_catalogue_title(const struct fg_point *point, int language);
const char *fg_catalogue_class_title(int language);
/* A reading that is older says that gateway or device are gone: the longest time between two. */
int64_t fg_catalogue_max_age_s(const struct fg_config *config, const struct fg_point *point);

/* The EU authority's URI of an SPDX licence, or else its page at spdx.org. */
void fg_catalogue_put_licence(struct fg_buf *out, const char *spdx);

/* A web address as it is, a mail address with its scheme; false where it is neither. */
bool fg_catalogue_put_contact(struct fg_buf *out, const char *contact);
const char *fg_catalogue_language(int language); /* "nb" */

/* The addresses that consumers use: those that are said to be, or the gateway's own. */
const struct fg_server *fg_catalogue_servers(const struct fg_destination *dest, size_t *ret_count);
/* HOST:PORT, with brackets around an IPv6 address. */
void fg_catalogue_put_address(struct fg_buf *out, const struct fg_server *s);

/* The definitions of payloads, as members of an open object: "reading", "mean", "gap",
 * "account" and "notices". */
void fg_catalogue_put_definitions(struct fg_json *j);

#endif
