/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_BINARY_H
#define FG_PROTOCOL_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"

/* Payloads of fixed binary layout, and series in protocol buffers, by declaration: a device model
 * is a table, not code. Pure functions over hostile bytes. */

enum fg_binary_type {
	FG_BINARY_UNSIGNED,
	FG_BINARY_SIGNED, /* two's complement */
	FG_BINARY_FLOAT,  /* IEEE 754, 4 or 8 bytes */
	FG_BINARY_HEX,	  /* up to 32 bytes that are told as a text of hexadecimal digits */
	FG_BINARY_BOOL,	  /* anything but 0 */
	FG_BINARY_TEXT,	  /* UTF-8 of fixed room, up to 250 bytes; filled up with NULs or blanks */
};

enum fg_binary_role {
	FG_BINARY_READING,
	FG_BINARY_TIME, /* seconds since 1970, of all readings of the same part; 0: not known */
};

struct fg_binary_field {
	const char *name;
	enum fg_binary_type type;
	enum fg_binary_role role;
	uint16_t offset;       /* of its first byte in the part */
	uint8_t size;	       /* in bytes; 1 to 8, where its type says nothing else */
	bool little;	       /* the least significant byte comes first */
	uint8_t low_bit, bits; /* a part of the number; bits 0: all of it */
	double scale, bias;    /* told = number * scale + bias; scale 0 is 1 */
	bool has_missing;
	uint64_t missing; /* the bits that mean "no reading" */
	/* A byte of the part that takes the reading away: where (byte & mask) == equals. */
	uint16_t invalid_offset;
	uint8_t invalid_mask, invalid_equals; /* mask 0: never */
};

/* A stretch of bytes and the fields in it. */
struct fg_binary_part {
	uint16_t size;
	const struct fg_binary_field *fields;
	size_t count;
};

struct fg_binary_layout {
	struct fg_binary_part head;
	struct fg_binary_part record; /* behind the head, repeated to the end; size 0: none */
	/* Without a time of its own a record is `step_s` seconds from the one before it, the first
	 * one from the head. */
	int32_t step_s;
	bool loose; /* bytes behind the last whole record, or the head, are no fault */
	/* Which payloads have this layout: where (byte & mask) == equals. */
	uint16_t selector_offset;
	uint8_t selector_mask, selector_equals; /* mask 0: all */
};

struct fg_binary_value {
	const struct fg_binary_field *field;
	size_t record;	       /* 0: of the head; from 1: of a record */
	struct fg_value value; /* NONE: the sensor says that it has no reading, or it is no text */
	uint64_t raw;	       /* the number's bits; 0 of texts */
	bool has_time;
	int64_t time_s;
};

/* Takes one value; negative ends the decoding with that code. Text is lent for the call. */
typedef int (*fg_binary_sink)(void *arg, const struct fg_binary_value *v);

/* Whether the payload is one of this layout, by its length and selector. */
bool fg_binary_fits(const struct fg_binary_layout *layout, const void *payload, size_t len);

/* Gives all readings of a payload, at most 64 KiB, in the order of the table. FG_EDECODE, before
 * the first is given, where it does not fit the layout. */
int fg_binary_decode(const struct fg_binary_layout *layout, const void *payload, size_t len,
	fg_binary_sink sink, void *arg);

/* A payload that was sent as hexadecimal text: its bytes, and their number; FG_EDECODE where it is
 * no such text, FG_EFULL where there is no room. */
int64_t fg_binary_unhex(const void *text, size_t len, void *out, size_t cap);

/* ---- series in protocol buffers ---- */

/* A message with a repeated message in it, one for each channel: its type, the time of its first
 * sample, a start value, and packed offsets from that value, one for each sample. */
struct fg_series_layout {
	uint32_t period, period_factor;	     /* field numbers; seconds; absent factor: 1 */
	uint32_t channel;		     /* the repeated message */
	uint32_t type, time, start, offsets; /* in it */
	int32_t error_first, error_last;     /* offsets that mean "no reading" */
	/* Channels of two states: an offset's sign is the state (above 0: on), and one less than
	 * its amount is how many seconds after `time` it began. */
	const uint8_t *switches;
	size_t switch_count;
};

struct fg_series_value {
	uint32_t type;	/* of the channel */
	size_t channel; /* which one in the message, from 0 */
	size_t sample;
	struct fg_value value; /* INT before scaling, BOOL, or NONE */
	int64_t time_s;
};

typedef int (*fg_series_sink)(void *arg, const struct fg_series_value *v);

/* Gives all samples of a message, at most 64 KiB. FG_EDECODE, before the first is given, where it
 * is none: fields of another wire type, cut short, a channel without type or time. */
int fg_series_decode(const struct fg_series_layout *layout, const void *payload, size_t len,
	fg_series_sink sink, void *arg);

/* ---- single fields of protocol buffers ---- */

/* The types of .proto files, by how they stand on the wire. */
enum fg_protobuf_type {
	FG_PROTOBUF_UINT, /* uint32, uint64, enum */
	FG_PROTOBUF_INT,  /* int32, int64 */
	FG_PROTOBUF_SINT, /* sint32, sint64 */
	FG_PROTOBUF_BOOL,
	FG_PROTOBUF_FIXED, /* fixed32, fixed64 */
	FG_PROTOBUF_SFIXED,
	FG_PROTOBUF_FLOAT,  /* float, double */
	FG_PROTOBUF_STRING, /* at most 250 bytes of UTF-8, lent */
	FG_PROTOBUF_BYTES,  /* at most 32, told as hexadecimal digits in `text` */
};

#define FG_PROTOBUF_DEPTH 8

/* The last of the fields that `path` leads to: field numbers from the message inwards, 1 to
 * FG_PROTOBUF_DEPTH of them, through the last message of a number each. FG_ENOENT where it is not
 * there, FG_EDECODE where the message is none (at most 64 KiB), or the field is of another type. */
int fg_protobuf_value(const void *payload, size_t len, const uint32_t *path, size_t depth,
	enum fg_protobuf_type type, char text[65], struct fg_value *ret_value);

/* Whether the bytes can be a message: its fields one behind another, at most 64 KiB. */
int fg_protobuf_check(const void *payload, size_t len);

#endif
