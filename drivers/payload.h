/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_PAYLOAD_H
#define FG_DRIVERS_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"
#include "model/device.h"
#include "model/point.h"
#include "model/reading.h"
#include "protocol/binary.h"

/* Payloads of CoAP (or whatever carries bytes with a content format) to readings: what a device
 * answers to a poll, and what it sends by itself. Pure functions over hostile bytes: no heap, no
 * clock, at most 64 KiB. */

/* IANA's CoRE parameters, CoAP content formats. */
enum {
	FG_COAP_FORMAT_NONE = -1,
	FG_COAP_FORMAT_TEXT = 0,
	FG_COAP_FORMAT_BYTES = 42, /* application/octet-stream */
	FG_COAP_FORMAT_JSON = 50,
	FG_COAP_FORMAT_CBOR = 60,
	FG_COAP_FORMAT_SENML_JSON = 110,
	FG_COAP_FORMAT_SENML_CBOR = 112,
	FG_COAP_FORMAT_TLV = 11542, /* application/vnd.oma.lwm2m+tlv */
};

/* What `payload: {format: …}` says; AUTO: the content format does. */
enum fg_payload_format {
	FG_PAYLOAD_AUTO,
	FG_PAYLOAD_TEXT_PLAIN,
	FG_PAYLOAD_JSON,
	FG_PAYLOAD_CBOR,
	FG_PAYLOAD_SENML,
	FG_PAYLOAD_TLV,
	FG_PAYLOAD_BINARY,
	FG_PAYLOAD_PROTOBUF,
};

/* A number that may be left out. */
struct fg_payload_number {
	bool given;
	int64_t v;
};

struct fg_payload_numbers {
	const int64_t *items;
	size_t count;
};

/* The bytes that a value takes: of a layout (`u16`), or of a .proto file (`sint32`). */
struct fg_payload_type {
	bool given, protobuf;
	int kind;     /* enum fg_binary_type or enum fg_protobuf_type */
	uint8_t size; /* of a layout's */
};

/* Something that a payload must say: a byte, or a number in a document. */
struct fg_payload_condition {
	struct fg_payload_number at, mask;
	const char *json;
	struct fg_payload_numbers equals;
};

/* Where the payload tells a time or who sent it. */
struct fg_payload_place {
	const char *json;
	struct fg_payload_number at;
	struct fg_payload_type type;
	struct fg_payload_numbers field;
};

/* Where a point's value stands. The conf area of a point (fg_point.conf) begins with it in every
 * driver whose points are decoded here. */
struct fg_payload_point {
	const char *path;     /* the resource, "/sensors/pm25?unit=ug"; NULL: any */
	const char *json;     /* RFC 6901 pointer, or NULL */
	const char *senml;    /* name of a record, or path of an LwM2M resource; or NULL */
	bool sum;	      /* of the record: its sum */
	const char *exponent; /* pointer to a power of ten */
	struct fg_payload_number column;
	struct fg_payload_number at, block, logged; /* of a binary layout */
	struct fg_payload_type type;
	int byte_order;
	struct fg_payload_numbers bits;
	struct fg_payload_condition when, invalid;
	struct fg_payload_numbers field; /* of protocol buffers */
	struct fg_payload_number channel, nth, divide;

	/* made of these by fg_payload_check_point() */
	struct fg_binary_field head[2], record[2];
	struct fg_binary_layout layout;
};

/* What the payloads of a device are, as its configuration says (`payload:`). All zero: what their
 * content format says. */
struct fg_payload_conf {
	int format, byte_order;
	struct fg_payload_number length;
	bool longer;
	struct fg_payload_condition select;
	struct fg_payload_place identity, time;
	struct fg_payload_logged {
		struct fg_payload_number length;
		struct fg_payload_number time;
		int64_t step_us;
	} logged;
	struct fg_payload_blocks {
		struct fg_payload_number flags;
		struct fg_payload_numbers lengths;
	} blocks;
	struct fg_payload_series {
		struct fg_payload_number message, kind, time, start, offsets, period, factor;
		struct fg_payload_numbers errors, switches;
	} series;
};

struct fg_payload {
	int format; /* FG_COAP_FORMAT_… or any other number; NONE where it was not told */
	const char *data;
	size_t len;
	const char *path; /* that was asked, or posted to */
	int64_t taken_mono_us;
};

enum fg_payload_clock {
	FG_PAYLOAD_NOW,	     /* the payload tells no time: when it arrived */
	FG_PAYLOAD_RELATIVE, /* to the arrival; mostly below 0 */
	FG_PAYLOAD_WALL,     /* since 1970 */
};

#define FG_PAYLOAD_WHY	240
#define FG_PAYLOAD_UNIT 64

struct fg_payload_reading {
	const struct fg_point *point;
	/* As fg_batch_add() would have it: point, taken_mono_us (the arrival), qc, reason, value.
	 * Text is lent for the call. */
	struct fg_reading reading;
	enum fg_payload_clock clock;
	int64_t time_us;
	/* The payload's unit, where it is not the one that was configured and the value was
	 * converted (or could not be); "" otherwise. */
	const char *unit;
	const char *why; /* MISSING by a fault: which; "" otherwise */
};

/* Negative ends the decoding with that code. */
typedef int (*fg_payload_sink)(void *arg, const struct fg_payload_reading *r);

/* The answer to a poll: gives exactly one reading for every point, in their order; the newest
 * where the payload has several. */
void fg_payload_newest(const struct fg_payload_conf *conf, const struct fg_point *const *points,
	size_t count, const struct fg_payload *p, fg_payload_sink sink, void *arg);

/* What a device sends by itself: gives all readings of these points, point by point, those of one
 * point in the order of the payload. A point that it does not speak of has none; a value of a point
 * that cannot be taken (a unit of another dimension, a text for a number) is MISSING, with why.
 * Returns FG_OK, or before the first reading is given: FG_EDECODE, the payload is not what its
 * format says; FG_EINVAL, its content format is none that one of the points can be read from;
 * FG_ENOENT, nothing in it is for these points; with why. */
int fg_payload_all(const struct fg_payload_conf *conf, const struct fg_point *const *points,
	size_t count, const struct fg_payload *p, fg_payload_sink sink, void *arg,
	char why[FG_PAYLOAD_WHY]);

/* What the payload says of itself which device sent it: the field that the configuration names, or
 * of a SenML pack its first base name. FG_ENOENT where it says nothing, FG_EDECODE where it is not
 * what its format says, or longer than cap - 1. */
int fg_payload_identity(
	const struct fg_payload_conf *conf, const struct fg_payload *p, char *out, size_t cap);

/* For the loader's thread: faults that the tables of keys cannot express, and the tables that
 * decode the point. `conf` is that of the point's device. */
void fg_payload_check_conf(
	const struct fg_device *dev, const struct fg_payload_conf *conf, struct fg_report *rep);
void fg_payload_check_point(const struct fg_point *point, struct fg_payload_point *at,
	const struct fg_payload_conf *conf, struct fg_report *rep);

/* Points whose units were converted, or could not be, so that each is told once. */
struct fg_payload_notes {
	uint32_t hashes[512];
};

/* Logs it once for each point and its unit, whatever a device sends: no more lines than there is
 * room for. */
void fg_payload_note(struct fg_payload_notes *notes, const struct fg_payload_reading *r);

#endif
