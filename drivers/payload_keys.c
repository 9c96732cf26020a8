/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of payloads: what the tables hold, and how their values are read. */
#include "drivers/payload_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"

#define MAX_NUMBERS 64

/* ---- numbers ---- */

int fg_payload_parse_number(struct fg_bind *b, const struct fg_node *node, void *field)
{
	static const struct fg_key key = {.name = "", .type = FG_KEY_INT, .max = 65535};
	struct fg_payload_number *out = field;

	if (fg_bind_value(b, &key, node, &out->v))
		return FG_ECONFIG;
	out->given = true;
	return FG_OK;
}

int fg_payload_parse_numbers(struct fg_bind *b, const struct fg_node *node, void *field)
{
	static const struct fg_key key = {.name = "", .type = FG_KEY_INT};
	bool list = node->kind == FG_NODE_SEQUENCE;
	size_t n = list ? node->count : 1, faults = 0;
	int64_t *items;

	if (!n || n > MAX_NUMBERS) {
		fg_bind_error(b, node, "it takes one number or a list of 1 to %d", MAX_NUMBERS);
		return FG_ECONFIG;
	}
	items = fg_arena_array(b->arena, n, sizeof(*items));
	for (size_t i = 0; i < n; i++)
		faults += fg_bind_value(b, &key, list ? node->items[i] : node, &items[i]);
	*(struct fg_payload_numbers *)field = (struct fg_payload_numbers){items, n};
	return faults ? FG_ECONFIG : FG_OK;
}

/* "4" or "4.2" */
int fg_payload_parse_field(struct fg_bind *b, const struct fg_node *node, void *field)
{
	int64_t *items = fg_arena_array(b->arena, FG_PROTOBUF_DEPTH, sizeof(*items));
	const char *p = node->kind == FG_NODE_SCALAR ? node->text : "";
	size_t n = 0, digits;

	while (n < FG_PROTOBUF_DEPTH) {
		digits = strspn(p, "0123456789");
		if (!digits || digits > 9 || *p == '0')
			break;
		for (size_t i = 0; i < digits; i++)
			items[n] = items[n] * 10 + (p[i] - '0');
		n++;
		p += digits;
		if (*p != '.')
			break;
		p++;
	}
	if (!n || *p || items[n - 1] > (1 << 29) - 1) {
		fg_bind_error(
			b, node, "takes a field number, or several from the message inwards: 4.2");
		return FG_ECONFIG;
	}
	*(struct fg_payload_numbers *)field = (struct fg_payload_numbers){items, n};
	return FG_OK;
}

/* ---- types ---- */

static const struct {
	const char *name;
	bool protobuf;
	int kind;
	uint8_t size;
} names[] = {
	{"f32", false, FG_BINARY_FLOAT, 4},
	{"float32", false, FG_BINARY_FLOAT, 4},
	{"f64", false, FG_BINARY_FLOAT, 8},
	{"float64", false, FG_BINARY_FLOAT, 8},
	{"bool", false, FG_BINARY_BOOL, 1},
	{"uint32", true, FG_PROTOBUF_UINT, 0},
	{"uint64", true, FG_PROTOBUF_UINT, 0},
	{"enum", true, FG_PROTOBUF_UINT, 0},
	{"int32", true, FG_PROTOBUF_INT, 0},
	{"int64", true, FG_PROTOBUF_INT, 0},
	{"sint32", true, FG_PROTOBUF_SINT, 0},
	{"sint64", true, FG_PROTOBUF_SINT, 0},
	{"fixed32", true, FG_PROTOBUF_FIXED, 0},
	{"fixed64", true, FG_PROTOBUF_FIXED, 0},
	{"sfixed32", true, FG_PROTOBUF_SFIXED, 0},
	{"sfixed64", true, FG_PROTOBUF_SFIXED, 0},
	{"float", true, FG_PROTOBUF_FLOAT, 0},
	{"double", true, FG_PROTOBUF_FLOAT, 0},
	{"string", true, FG_PROTOBUF_STRING, 0},
	{"bytes", true, FG_PROTOBUF_BYTES, 0},
};

/* "u24": up to 64 bits in whole bytes. */
static bool parse_integer_type(const char *text, struct fg_payload_type *ret)
{
	int64_t bits;

	if ((*text != 'u' && *text != 'i') || fg_integer_parse(text + 1, &bits) < 0 || bits < 8 ||
		bits > 64 || bits % 8 || text[1] == '0')
		return false;
	ret->kind = *text == 'u' ? FG_BINARY_UNSIGNED : FG_BINARY_SIGNED;
	ret->size = (uint8_t)(bits / 8);
	return true;
}

/* "hex(8)" */
static bool parse_sized_type(const char *text, struct fg_payload_type *ret)
{
	bool hex = strncmp(text, "hex(", 4) == 0;
	int size = 0, end = 0;

	if (hex)
		text += 4;
	else if (strncmp(text, "string(", 7) == 0)
		text += 7;
	else
		return false;
	if (sscanf(text, "%3d)%n", &size, &end) != 1 || !end || text[end] || size < 1 ||
		size > (hex ? 32 : 250))
		return false;
	ret->kind = hex ? FG_BINARY_HEX : FG_BINARY_TEXT;
	ret->size = (uint8_t)size;
	return true;
}

int fg_payload_parse_type(struct fg_bind *b, const struct fg_node *node, void *field)
{
	const char *text = node->kind == FG_NODE_SCALAR ? node->text : "a list";
	struct fg_payload_type *out = field, type = {.given = true};
	const char *all[FG_COUNT(names)];
	const char *near;

	for (size_t i = 0; i < FG_COUNT(names); i++) {
		all[i] = names[i].name;
		if (strcmp(text, names[i].name) != 0)
			continue;
		*out = (struct fg_payload_type){
			true, names[i].protobuf, names[i].kind, names[i].size};
		return FG_OK;
	}
	if (parse_integer_type(text, &type) || parse_sized_type(text, &type)) {
		*out = type;
		return FG_OK;
	}
	near = fg_suggest(text, all, FG_COUNT(all));
	if (near)
		fg_bind_error(b, node, "unknown type '%.40s'; did you mean '%s'?", text, near);
	else
		fg_bind_error(b, node, "unknown type '%.40s'; types are " FG_PAYLOAD_TYPES, text);
	return FG_ECONFIG;
}

/* ---- the tables ---- */

const struct fg_choice fg_payload_byte_orders[] = {
	{.name = "big", .value = 1, .help = "the highest first (network order)"},
	{.name = "little", .value = 2, .help = "the lowest first"},
	{.name = NULL},
};

#define CONDITION(member) offsetof(struct fg_payload_condition, member)
const struct fg_key fg_keys_payload_condition[] = {
	FG_PAYLOAD_NUMBER(
		"at", struct fg_payload_condition, at, "A byte of a binary payload, from 0."),
	FG_PAYLOAD_NUMBER("mask", struct fg_payload_condition, mask,
		"The bits of it that count: 0x80. Default: all."),
	{.name = "json",
		.type = FG_KEY_TEXT,
		.offset = CONDITION(json),
		.help = "Or a number of a document: an RFC 6901 pointer."},
	FG_PAYLOAD_NUMBERS("equals", struct fg_payload_condition, equals,
		"What it has to be: a number, or one of several."),
	{0},
};

#define PLACE(member) offsetof(struct fg_payload_place, member)
static const struct fg_key place_keys[] = {
	{.name = "json",
		.type = FG_KEY_TEXT,
		.offset = PLACE(json),
		.help = "In a JSON or CBOR document: an RFC 6901 pointer."},
	FG_PAYLOAD_NUMBER(
		"at", struct fg_payload_place, at, "In a binary payload: its first byte, from 0."),
	{.name = "type",
		.type = FG_KEY_CUSTOM,
		.offset = PLACE(type),
		.parse = fg_payload_parse_type,
		.form = FG_PAYLOAD_TYPES,
		.schema = "{\"type\":\"string\"}",
		.help = "How its bytes are read. Default: u32 of a time; bytes in hexadecimal of "
			"who sent it, in protocol buffers."},
	FG_PAYLOAD_FIELD(
		"field", struct fg_payload_place, field, "In protocol buffers: the field."),
	{0},
};

static const struct fg_key logged_keys[] = {
	FG_PAYLOAD_NUMBER("length", struct fg_payload_logged, length, "Bytes of one record."),
	FG_PAYLOAD_NUMBER("time", struct fg_payload_logged, time,
		"Where in it its time stands: seconds since 1970 in 4 bytes, 0 for not known."),
	{.name = "step",
		.type = FG_KEY_DURATION,
		.offset = offsetof(struct fg_payload_logged, step_us),
		.min = 1000000,
		.max = INT64_C(86400000000),
		.help = "Or how much older each is than the one before it; the first than the "
			"values in front."},
	{0},
};

static const struct fg_key blocks_keys[] = {
	FG_PAYLOAD_NUMBER("flags", struct fg_payload_blocks, flags,
		"Where two bytes stand whose bits say which blocks follow."),
	FG_PAYLOAD_NUMBERS("lengths", struct fg_payload_blocks, lengths,
		"Bytes of the blocks, that of bit 0 first."),
	{0},
};

#define SERIES(key, member, text) FG_PAYLOAD_NUMBER(key, struct fg_payload_series, member, text)
static const struct fg_key series_keys[] = {
	SERIES("message", message, "Field number of the repeated message: one for each channel."),
	SERIES("kind", kind, "In it: what is measured, a number."),
	SERIES("time", time, "In it: when the first sample was taken, seconds since 1970."),
	SERIES("start", start, "In it: what is added to all samples (sint32)."),
	SERIES("offsets", offsets, "In it: the samples (packed sint32)."),
	SERIES("period", period, "Of the whole: seconds from one sample to the next."),
	SERIES("period_factor", factor, "Of the whole: what the period is times of."),
	FG_PAYLOAD_NUMBERS("errors", struct fg_payload_series, errors,
		"The first and the last sample that means \"no reading\"."),
	FG_PAYLOAD_NUMBERS("switches", struct fg_payload_series, switches,
		"Kinds with two states: the sign of a sample is the state, and one less than its "
		"amount how many seconds after `time` it began."),
	{0},
};

static const struct fg_choice formats[] = {
	{.name = "auto", .value = FG_PAYLOAD_AUTO, .help = "as the content format says"},
	{.name = "text", .value = FG_PAYLOAD_TEXT_PLAIN, .help = "text/plain"},
	{.name = "json", .value = FG_PAYLOAD_JSON, .help = "application/json"},
	{.name = "cbor", .value = FG_PAYLOAD_CBOR, .help = "application/cbor"},
	{.name = "senml", .value = FG_PAYLOAD_SENML, .help = "SenML in JSON or CBOR"},
	{.name = "tlv", .value = FG_PAYLOAD_TLV, .help = "LwM2M TLV"},
	{.name = "binary", .value = FG_PAYLOAD_BINARY, .help = "bytes at fixed places"},
	{.name = "protobuf", .value = FG_PAYLOAD_PROTOBUF, .help = "protocol buffers"},
	{.name = NULL},
};

#define CONF(member) offsetof(struct fg_payload_conf, member)
const struct fg_key fg_keys_payload[] = {
	{.name = "format",
		.type = FG_KEY_CHOICE,
		.offset = CONF(format),
		.choices = formats,
		.dflt = "auto",
		.help = "What they are. All but `auto` hold also where the device tells no content "
			"format, text/plain or application/octet-stream."},
	{.name = "byte_order",
		.type = FG_KEY_CHOICE,
		.offset = CONF(byte_order),
		.choices = fg_payload_byte_orders,
		.dflt = "big",
		.help = "Of binary ones: which byte of a number comes first."},
	FG_PAYLOAD_NUMBER("length", struct fg_payload_conf, length,
		"Of binary ones: how many bytes there are before logged records or blocks."),
	{.name = "longer",
		.type = FG_KEY_BOOL,
		.offset = CONF(longer),
		.dflt = "false",
		.help = "More bytes may follow that are not looked at."},
	{.name = "select",
		.type = FG_KEY_STRUCT,
		.offset = CONF(select),
		.sub = fg_keys_payload_condition,
		.help = "What a binary one must say to be of this layout."},
	{.name = "time",
		.type = FG_KEY_STRUCT,
		.offset = CONF(time),
		.sub = place_keys,
		.help = "When it was measured: seconds since 1970, 0 for not known; in JSON also "
			"milliseconds and RFC 3339. SenML tells it by itself."},
	{.name = "identity",
		.type = FG_KEY_STRUCT,
		.offset = CONF(identity),
		.sub = place_keys,
		.help = "Who sent it. Of SenML the base name, where nothing is given."},
	{.name = "logged",
		.type = FG_KEY_STRUCT,
		.offset = CONF(logged),
		.sub = logged_keys,
		.help = "Of binary ones: older records, one behind another to the end."},
	{.name = "blocks",
		.type = FG_KEY_STRUCT,
		.offset = CONF(blocks),
		.sub = blocks_keys,
		.help = "Of binary ones: blocks of which not all are there."},
	{.name = "series",
		.type = FG_KEY_STRUCT,
		.offset = CONF(series),
		.sub = series_keys,
		.help = "Of protocol buffers: series of samples by channel."},
	{0},
};
