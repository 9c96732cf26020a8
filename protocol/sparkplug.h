/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_SPARKPLUG_H
#define FG_PROTOCOL_SPARKPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/item.h"

/* Payloads of Sparkplug B 3.0 as bytes, through protobuf-c. Pure; who says what and when is
 * gateway/sparkplug.c. */

/* Data types of the specification that this gateway uses. */
enum fg_spb_type {
	FG_SPB_UNKNOWN = 0,
	FG_SPB_INT32 = 3,
	FG_SPB_INT64 = 4,
	FG_SPB_UINT64 = 8,
	FG_SPB_DOUBLE = 10,
	FG_SPB_BOOLEAN = 11,
	FG_SPB_STRING = 12,
};

/* The only values that the property `Quality` may have. */
enum fg_spb_quality { FG_SPB_BAD = 0, FG_SPB_GOOD = 192, FG_SPB_STALE = 500 };

struct fg_spb_property {
	const char *key;
	const char *text; /* NULL: a number */
	int32_t number;
};

#define FG_SPB_PROPERTIES_MAX 6

struct fg_spb_metric {
	const char *name; /* NULL: it is known by its alias */
	uint64_t alias;	  /* 0: it has none */
	int64_t time_ms;
	enum fg_spb_type type;
	bool untold_type; /* the data type is left out, as DATA messages may */
	bool historical, null;
	union { /* by type */
		int64_t i;
		uint64_t u;
		double f;
		bool b;
		const char *text;
	};
	const struct fg_spb_property *properties;
	size_t property_count; /* at most FG_SPB_PROPERTIES_MAX */
};

/* A payload is written piece by piece: begin, metrics, end. False where it does not fit. A negative
 * seq: it has none (NDEATH). */
void fg_spb_begin(struct fg_buf *out, int64_t time_ms);
void fg_spb_put(struct fg_buf *out, const struct fg_spb_metric *metric);
bool fg_spb_end(struct fg_buf *out, int seq);

/* The names that the specification gives. */
#define FG_SPB_BD_SEQ  "bdSeq"
#define FG_SPB_REBIRTH "Node Control/Rebirth"

/* The whole NDEATH. */
bool fg_spb_node_death(struct fg_buf *out, int64_t time_ms, uint8_t bd_seq);
/* The metrics that each NBIRTH begins with. */
void fg_spb_node_birth(struct fg_buf *out, int64_t time_ms, uint8_t bd_seq);

/* spBv1.0/{group}/{kind}/{node}, with /{device} where it is not NULL. */
bool fg_spb_topic(struct fg_buf *out, const char *group, const char *kind, const char *node,
	const char *device);
/* spBv1.0/STATE/{host} */
bool fg_spb_state_topic(struct fg_buf *out, const char *host);

/* The longest command that is looked at: what one of a few metrics needs, and no more memory. */
#define FG_SPB_COMMAND_MAX 2048
/* Whether an NCMD asks for a rebirth: 1 or 0; FG_EDECODE where it is no payload. */
int fg_spb_rebirth_asked(const void *payload, size_t len);
/* The STATE of a host application; FG_EDECODE where it is none. */
int fg_spb_host_state(const void *payload, size_t len, bool *ret_online, int64_t *ret_time_ms);

/* ---- readings as metrics (sparkplug_item.c) ---- */

/* Aliases of the gateway's own metrics, and of a point by its number in the store. */
enum { FG_SPB_ALIAS_GAP = 1, FG_SPB_ALIAS_ACCOUNT = 2, FG_SPB_ALIAS_POINTS = 16 };

/* "pm25"; of what is told of periods "pm25/hourly". */
bool fg_spb_metric_name(struct fg_buf *out, const struct fg_point_desc *desc);

/* The data type of a metric that had `known` and has to say this: `known` itself where that does.
 * Whole numbers and fractions of one point meet in Double. */
enum fg_spb_type fg_spb_type_for(enum fg_spb_type known, const struct fg_item *item);

/* What a metric of `type` says of an item; the type must be one that can (fg_spb_type_for). With a
 * name it is a birth's, with its unit. item NULL: nothing is known yet; stale: nor is it certain
 * that what is told still holds. */
void fg_spb_put_item(struct fg_buf *out, const char *name, uint64_t alias, enum fg_spb_type type,
	const struct fg_point_desc *desc, const struct fg_item *item, int64_t birth_ms, bool stale,
	bool historical);

#endif
