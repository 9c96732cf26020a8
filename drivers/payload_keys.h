/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_PAYLOAD_KEYS_H
#define FG_DRIVERS_PAYLOAD_KEYS_H

#include "base/key.h"
#include "drivers/payload.h"

/* The keys of payloads, for the tables of the drivers that decode them. */

extern const struct fg_key fg_keys_payload[];		/* of struct fg_payload_conf */
extern const struct fg_key fg_keys_payload_condition[]; /* of struct fg_payload_condition */
extern const struct fg_choice fg_payload_byte_orders[];

#define FG_PAYLOAD_TYPES                                                                           \
	"u8 u16 u24 u32 u40 u48 u56 u64 i8 … i64 f32 f64 bool hex(n) string(n), or a type of a " \
	".proto file"

int fg_payload_parse_type(struct fg_bind *b, const struct fg_node *node, void *field);
int fg_payload_parse_number(struct fg_bind *b, const struct fg_node *node, void *field);
int fg_payload_parse_numbers(struct fg_bind *b, const struct fg_node *node, void *field);
int fg_payload_parse_field(struct fg_bind *b, const struct fg_node *node, void *field);

#define FG_PAYLOAD_NUMBER(key, object, member, text)                                               \
	{                                                                                          \
		.name = key, .type = FG_KEY_CUSTOM, .offset = offsetof(object, member),            \
		.parse = fg_payload_parse_number, .form = "a whole number, 0 to 65535",            \
		.schema = "{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535}", .help = text   \
	}

#define FG_PAYLOAD_NUMBERS(key, object, member, text)                                              \
	{                                                                                          \
		.name = key, .type = FG_KEY_CUSTOM, .offset = offsetof(object, member),            \
		.parse = fg_payload_parse_numbers, .form = "one or a list of whole numbers",       \
		.schema = "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{"     \
			  "\"type\":\"integer\"}}]}",                                              \
		.help = text                                                                       \
	}

#define FG_PAYLOAD_FIELD(key, object, member, text)                                                \
	{                                                                                          \
		.name = key, .type = FG_KEY_CUSTOM, .offset = offsetof(object, member),            \
		.parse = fg_payload_parse_field,                                                   \
		.form = "a number of a .proto file, or several "                                   \
			"from the message inwards: 4.2",                                           \
		.schema = "{\"type\":[\"integer\",\"number\",\"string\"]}", .help = text           \
	}

/* All of a point but `path`; `member` is its struct fg_payload_point. */
#define FG_PAYLOAD_POINT_KEYS(object, member)                                                      \
	{.name = "json",                                                                           \
		.type = FG_KEY_TEXT,                                                               \
		.offset = offsetof(object, member.json),                                           \
		.help = "Where the value stands in a JSON or CBOR document: an RFC 6901 pointer, " \
			"/gas/no2."},                                                              \
		{.name = "senml",                                                                  \
			.type = FG_KEY_TEXT,                                                       \
			.offset = offsetof(object, member.senml),                                  \
			.help = "The record in a SenML pack: its resolved name or its own `n`; "   \
				"or the resource of an LwM2M object, 3303/0/5700."},               \
		{.name = "sum",                                                                    \
			.type = FG_KEY_BOOL,                                                       \
			.dflt = "false",                                                           \
			.offset = offsetof(object, member.sum),                                    \
			.help = "Of the SenML record not its value but its sum (`s`)."},           \
		{.name = "exponent",                                                               \
			.type = FG_KEY_TEXT,                                                       \
			.offset = offsetof(object, member.exponent),                               \
			.help = "Where the document tells a power of ten that the value is times " \
				"of: an RFC 6901 pointer."},                                       \
		FG_PAYLOAD_NUMBER("column", object, member.column,                                 \
			"Of a text with several values (\"21;54\"): which, from 1. They are "      \
			"separated by semicolons, commas, tabs or blanks."),                       \
		FG_PAYLOAD_NUMBER("at", object, member.at,                                         \
			"In a binary payload: its first byte, from 0; with `block`, from the "     \
			"beginning of that."),                                                     \
		FG_PAYLOAD_NUMBER("block", object, member.block,                                   \
			"In a binary payload with `blocks`: the one it stands in, from 0."),       \
		FG_PAYLOAD_NUMBER("logged", object, member.logged,                                 \
			"In a binary payload with `logged`: its first byte in each of those "      \
			"records."),                                                               \
		{.name = "type",                                                                   \
			.type = FG_KEY_CUSTOM,                                                     \
			.offset = offsetof(object, member.type),                                   \
			.parse = fg_payload_parse_type,                                            \
			.form = FG_PAYLOAD_TYPES,                                                  \
			.schema = "{\"type\":\"string\"}",                                         \
			.help = "How its bytes are read."},                                        \
		{.name = "byte_order",                                                             \
			.type = FG_KEY_CHOICE,                                                     \
			.offset = offsetof(object, member.byte_order),                             \
			.choices = fg_payload_byte_orders,                                         \
			.help = "Which of its bytes comes first. Default: the payload's."},        \
		FG_PAYLOAD_NUMBERS("bits", object, member.bits,                                    \
			"A part of the number: the bit, or the lowest and the highest "            \
			"([0, 3]); bit 0 is the least."),                                          \
		{.name = "when",                                                                   \
			.type = FG_KEY_STRUCT,                                                     \
			.offset = offsetof(object, member.when),                                   \
			.sub = fg_keys_payload_condition,                                          \
			.help = "Only in payloads that say this is it there."},                    \
		{.name = "invalid",                                                                \
			.type = FG_KEY_STRUCT,                                                     \
			.offset = offsetof(object, member.invalid),                                \
			.sub = fg_keys_payload_condition,                                          \
			.help = "Where a binary payload says this, the sensor has no reading."},   \
		FG_PAYLOAD_FIELD(                                                                  \
			"field", object, member.field, "In protocol buffers: the field."),         \
		FG_PAYLOAD_NUMBER("channel", object, member.channel,                               \
			"In protocol buffers with `series`: the kind of the channel."),            \
		FG_PAYLOAD_NUMBER("nth", object, member.nth,                                       \
			"Which of several channels of that kind, from 1. Default: 1."),            \
		FG_PAYLOAD_NUMBER("divide", object, member.divide,                                 \
			"The number holds the value times this and something else: it is divided " \
			"and the rest left out.")

#define FG_PAYLOAD_DEVICE_KEYS(object, member)                                                     \
	{                                                                                          \
		.name = "payload", .type = FG_KEY_STRUCT, .offset = offsetof(object, member),      \
		.sub = fg_keys_payload,                                                            \
		.help = "What its payloads are, where their content format does not say all: the " \
			"layout of binary ones, where they tell the time, and who sent them."      \
	}

#endif
