/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_ENCODER_H
#define FG_PROTOCOL_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/key.h"
#include "model/device.h"
#include "model/item.h"

/* An encoder makes the messages of one `payload` out of readings. One is one file, a line in
 * encoders.def and one in CMakeLists.txt; adding one touches nothing else. Encoders keep no
 * file-scope state, know no clock and allocate nothing: what they need comes as an argument. Gaps,
 * accounts, the gateway's status and the catalogue are JSON documents of every destination
 * (encode.h), whatever its payloads. */

/* What an encoder may know of the gateway; lent by the configuration in force. */
struct fg_site {
	const char *gateway, *title, *operator, *contact, *licence; /* NULL: not said */
	const struct fg_station *stations;
	size_t station_count;
	const struct fg_device *const *devices; /* by fg_device.index */
	size_t device_count;
	enum fg_language language; /* of titles for people */
};

/* NULL where the configuration has it no more: a reading of the backlog may be of a point that is
 * gone, or of one that is now told otherwise. */
const struct fg_station *fg_site_station(const struct fg_site *site, const char *name);
const struct fg_point *fg_site_point(const struct fg_site *site, const struct fg_point_desc *desc);

/* One reading, or what is told of a period. */
struct fg_entry {
	struct fg_item item;
	const struct fg_point_desc *desc;
	/* It is the newest of its point, and goes out as the state of things; else it is told
	 * late, of the past. */
	bool newest;
};

/* What an encoder works with: one destination's. */
struct fg_encoding {
	const struct fg_site *site;
	const char *prefix;
	const void *options; /* what the encoder's keys filled; NULL: it has none */
	void *state;	     /* of state_size; zero at first, kept over connections */
	int64_t now_ms;	     /* wall time */
	/* Whether a device answers now (quarantined and failing ones do not). */
	bool (*device_up)(void *arg, const struct fg_device *device);
	/* Whether the destination gets readings of a point (`select`). NULL: of each. */
	bool (*selects)(void *arg, const struct fg_point *point);
	void *arg;
};

/* Whether the destination gets readings of a point. */
static inline bool fg_encoding_selects(const struct fg_encoding *e, const struct fg_point *point)
{
	return !e->selects || e->selects(e->arg, point);
}

enum fg_encoder_form {
	FG_ENCODER_EACH, /* a message for each reading */
	FG_ENCODER_PACK, /* one for all readings that a device gave together */
};

/* The most readings of one message. */
#define FG_PACK_MAX 64
/* The most bytes of the options of one encoder. */
#define FG_ENCODER_OPTIONS_MAX 64

struct fg_encoder {
	enum fg_encoder_form form;
	bool retained; /* messages of nothing but newest readings are */
	/* Where readings wait for others of their device (`batch`), one message tells readings of
	 * several moments. False: `batch` is a fault with it. */
	bool batches;
	bool needs_position; /* stations without one are not told */
	/* What its consumers know a point by, where that is not the topic of `json`: two points of
	 * a destination that have the same are a fault, or only warned of where the topic still
	 * tells them apart. The hint says what would be right. */
	void (*identity)(struct fg_buf *out, const struct fg_point *p);
	const char *identity_hint;
	bool identity_in_topic;
	/* Last part of the topic of the payload's schema: "schema/reading"; NULL: none. */
	const char *schema;
	/* MQTT 5's content type; text: its payload format indicator. */
	const char *(*content_type)(const void *options, bool *ret_text);
	size_t state_size;

	/* Appends topic and payload of one message of the entries (one of them where form is EACH),
	 * which are of one device, in the order they were taken. FG_ENOENT: this payload has
	 * nothing to say of them; FG_EFULL: they do not fit, fewer are tried. NULL: it makes no
	 * messages of readings. */
	int (*encode)(const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
		struct fg_buf *topic, struct fg_buf *payload);

	/* The same for readings that waited; NULL where encode() does it. */
	int (*encode_batch)(const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
		struct fg_buf *topic, struct fg_buf *payload);

	/* Messages beside the readings, as of births and discovery. They go out in their order
	 * before any reading of a connection, again when the configuration changed, and number
	 * i + 1 when the state of device i changed.
	 * document(): FG_ENOENT, there is none of that number now. Both NULL: there are none. */
	size_t (*documents)(const struct fg_encoding *e);
	int (*document)(const struct fg_encoding *e, size_t number, struct fg_buf *topic,
		struct fg_buf *payload, bool *ret_retain);
};

/* Encoders and their names, as in `payload:`, by the bits of a destination's payloads. */
extern const struct fg_encoder *const fg_encoders[];
extern const char *const fg_encoder_names[];
extern const size_t fg_encoder_count;

/* The numbers of encoders, FG_ENCODER_json and so on. */
enum {
#define FG_ENCODER(symbol, name, help) FG_ENCODER_##symbol,
#define FG_ENCODER_KEYS FG_ENCODER
#include "protocol/encoders.def"
#undef FG_ENCODER
#undef FG_ENCODER_KEYS
	FG_ENCODER_COUNT
};

/* The keys of those that have any: of a mapping in the destination, with the encoder's name. */
#define FG_ENCODER(symbol, name, help)
#define FG_ENCODER_KEYS(symbol, name, help) extern const struct fg_key fg_encoder_keys_##symbol[];
#include "protocol/encoders.def"
#undef FG_ENCODER
#undef FG_ENCODER_KEYS

#endif
