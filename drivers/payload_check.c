/* SPDX-License-Identifier: EUPL-1.2 */
/* Faults of declared payloads that the tables of keys cannot express, and the tables that decode a
 * point of a binary layout. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/node.h"
#include "drivers/payload.h"
#include "protocol/payload.h"
#include "protocol/senml.h"

#define LITTLE 2

/* What is being checked: a point, or the device's `payload`. */
struct subject {
	struct fg_report *rep;
	const struct fg_node *node;
	char path[300];
	size_t faults;
};

static void FG_PRINTF(3, 4) fault(struct subject *s, const char *key, const char *fmt, ...)
{
	const struct fg_node *value = s->node && key ? fg_node_get(s->node, key) : NULL;
	struct fg_place at = {0};
	char text[300];
	va_list ap;

	if (s->node)
		at = value ? value->at : s->node->at;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(s->rep, at, "%s%s%s: %s", s->path, key ? "." : "", key ? key : "", text);
	s->faults++;
}

static void check_pointer(struct subject *s, const char *key, const char *pointer)
{
	if (pointer && !fg_json_pointer_valid(pointer))
		fault(s, key, "'%s' is not an RFC 6901 pointer, such as /gas/no2", pointer);
}

static bool is_binary(const struct fg_payload_conf *conf)
{
	return conf->format == FG_PAYLOAD_BINARY;
}

static bool is_protobuf(const struct fg_payload_conf *conf)
{
	return conf->format == FG_PAYLOAD_PROTOBUF;
}

/* ---- conditions and places ---- */

static void check_condition(struct subject *s, const char *key,
	const struct fg_payload_condition *c, const struct fg_payload_conf *conf)
{
	if (!c->at.given && !c->json && !c->equals.count && !c->mask.given)
		return;
	check_pointer(s, key, c->json);
	if (!c->equals.count)
		fault(s, key, "lacks `equals`: what it has to be");
	if (c->at.given == !!c->json)
		fault(s, key,
			"takes either `at`, a byte of a binary payload, or `json`, a place "
			"in a document");
	else if (c->at.given && !is_binary(conf))
		fault(s, key, "a byte is of binary payloads: `payload: {format: binary}`");
	else if (c->json && (is_binary(conf) || is_protobuf(conf)))
		fault(s, key, "a pointer is of documents; of a binary payload name a byte (`at`)");
	if (c->mask.given && (c->mask.v < 1 || c->mask.v > 255))
		fault(s, key, "`mask` is of one byte: 0x01 to 0xFF");
}

static void check_place(struct subject *s, const char *key, const struct fg_payload_place *p,
	const struct fg_payload_conf *conf)
{
	if (!p->json && !p->at.given && !p->field.count && !p->type.given)
		return;
	check_pointer(s, key, p->json);
	if (is_binary(conf) && !p->at.given)
		fault(s, key, "in a binary payload it stands somewhere: give `at`");
	else if (is_protobuf(conf) && !p->field.count)
		fault(s, key, "in protocol buffers it is a field: give `field`");
	else if (!is_binary(conf) && !is_protobuf(conf) && !p->json)
		fault(s, key, "in a document it is found by `json`, a pointer");
	if (is_binary(conf) && p->at.given && (!p->type.given || p->type.protobuf))
		fault(s, key, "lacks `type`, such as u32 or hex(8)");
	else if (is_binary(conf) && p->at.given && p->at.v + p->type.size > conf->length.v)
		fault(s, key, "reaches beyond the payload's length of %lld bytes",
			(long long)conf->length.v);
}

/* ---- the payload ---- */

static void check_logged(struct subject *s, const struct fg_payload_conf *conf)
{
	const struct fg_payload_logged *l = &conf->logged;

	if (!l->length.given && !l->time.given && !l->step_us)
		return;
	if (!is_binary(conf))
		fault(s, "logged", "is for `format: binary`");
	if (!l->length.given || l->length.v < 1)
		fault(s, "logged", "lacks `length`: the bytes of one record");
	if (l->time.given == (l->step_us != 0))
		fault(s, "logged", "takes either `time`, where each tells it, or `step`");
	else if (l->time.given && l->time.v + 4 > l->length.v)
		fault(s, "logged", "its time reaches beyond its length");
	if (conf->blocks.flags.given)
		fault(s, "logged", "cannot be together with `blocks`");
}

static void check_blocks(struct subject *s, const struct fg_payload_conf *conf)
{
	const struct fg_payload_blocks *b = &conf->blocks;

	if (!b->flags.given && !b->lengths.count)
		return;
	if (!is_binary(conf))
		fault(s, "blocks", "is for `format: binary`");
	if (!b->flags.given || !b->lengths.count)
		fault(s, "blocks", "takes `flags` and `lengths`");
	else if (b->flags.v + 2 > conf->length.v)
		fault(s, "blocks", "its flags are not within the first %lld bytes (`length`)",
			(long long)conf->length.v);
	if (b->lengths.count > 16)
		fault(s, "blocks", "%zu lengths; the flags have 16 bits", b->lengths.count);
	for (size_t i = 0; i < b->lengths.count; i++)
		if (b->lengths.items[i] < 1 || b->lengths.items[i] > 1024)
			fault(s, "blocks", "a block has 1 to 1024 bytes");
	if (conf->time.at.given)
		fault(s, "time", "cannot be together with `blocks`");
}

static void check_series(struct subject *s, const struct fg_payload_conf *conf)
{
	const struct fg_payload_series *c = &conf->series;
	const struct fg_payload_number *const needed[] = {
		&c->message, &c->kind, &c->time, &c->offsets, &c->period};
	size_t given = 0;

	for (size_t i = 0; i < FG_COUNT(needed); i++)
		given += needed[i]->given && needed[i]->v > 0;
	if (!given)
		return;
	if (!is_protobuf(conf))
		fault(s, "series", "is for `format: protobuf`");
	if (given < FG_COUNT(needed))
		fault(s, "series",
			"takes the field numbers message, kind, time, offsets and period");
	if (c->errors.count && (c->errors.count != 2 || c->errors.items[0] > c->errors.items[1]))
		fault(s, "series", "`errors` takes two numbers: the first and the last");
	if (c->switches.count > 16)
		fault(s, "series", "at most 16 kinds can be switches");
}

void fg_payload_check_conf(
	const struct fg_device *dev, const struct fg_payload_conf *conf, struct fg_report *rep)
{
	struct subject s = {.rep = rep, .node = fg_node_get(dev->node, "payload")};

	if (!s.node)
		return;
	snprintf(s.path, sizeof(s.path), "devices.%s.payload", dev->name);
	if (is_binary(conf) && (!conf->length.given || conf->length.v < 1))
		fault(&s, "length", "a binary payload needs `length`: how many bytes it has");
	if (!is_binary(conf) && conf->length.given)
		fault(&s, "length", "is for `format: binary`");
	check_condition(&s, "select", &conf->select, conf);
	check_place(&s, "time", &conf->time, conf);
	if (is_binary(conf) && conf->time.type.given && conf->time.type.kind != FG_BINARY_UNSIGNED)
		fault(&s, "time", "is a number of seconds: u32");
	check_place(&s, "identity", &conf->identity, conf);
	check_logged(&s, conf);
	check_blocks(&s, conf);
	check_series(&s, conf);
}

/* ---- points ---- */

/* A record's name, whole or in part: no more than its characters are known. */
static bool senml_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len < FG_SENML_NAME &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			    "-:./_") == len;
}

static void check_document(struct subject *s, const struct fg_payload_point *at)
{
	check_pointer(s, "json", at->json);
	check_pointer(s, "exponent", at->exponent);
	if (at->senml && at->json)
		fault(s, NULL, "json and senml exclude each other");
	if (at->senml && !senml_name_valid(at->senml))
		fault(s, "senml", "'%s' is not a name: letters, digits and - : . / _", at->senml);
	if (at->sum && !at->senml)
		fault(s, "sum", "is of a SenML record: give `senml`");
	if (at->senml && at->type.given &&
		!(at->type.protobuf && at->type.kind == FG_PROTOBUF_BYTES))
		fault(s, "type",
			"a SenML record tells its own; only its data are asked for: bytes");
	if (at->exponent && !at->json)
		fault(s, "exponent", "is of a document: give `json`");
	if (at->column.given && (at->json || at->senml || at->column.v < 1))
		fault(s, "column", "is of a plain text, from 1 on");
}

static bool check_bits(struct subject *s, const struct fg_payload_point *at)
{
	const struct fg_payload_numbers *b = &at->bits;
	int64_t low = b->count ? b->items[0] : 0, high = b->count == 2 ? b->items[1] : low;

	if (!b->count)
		return true;
	if (at->type.size > 8 || b->count > 2 || low < 0 || high < low || high >= at->type.size * 8)
		fault(s, "bits", "are the lowest and the highest of the %d of its type, from 0",
			at->type.size * 8);
	return !s->faults;
}

static struct fg_binary_field field_of(const struct fg_payload_point *at,
	const struct fg_payload_conf *conf, const struct fg_payload_number *offset)
{
	int order = at->byte_order ? at->byte_order : conf->byte_order;
	const struct fg_payload_numbers *b = &at->bits;
	struct fg_binary_field f = {.name = "",
		.type = (enum fg_binary_type)at->type.kind,
		.offset = (uint16_t)offset->v,
		.size = at->type.size,
		.little = order == LITTLE};

	if (b->count) {
		f.low_bit = (uint8_t)b->items[0];
		f.bits = (uint8_t)(b->items[b->count - 1] - b->items[0] + 1);
	}
	return f;
}

static struct fg_binary_field time_of(const struct fg_payload_conf *conf, int64_t at, uint8_t size)
{
	return (struct fg_binary_field){.name = "",
		.role = FG_BINARY_TIME,
		.offset = (uint16_t)at,
		.size = size,
		.little = conf->byte_order == LITTLE};
}

/* The tables that fg_binary_decode() takes: the point and the time. */
static void make_layout(struct fg_payload_point *at, const struct fg_payload_conf *conf)
{
	struct fg_binary_layout *l = &at->layout;

	*l = (struct fg_binary_layout){.loose = conf->longer};
	l->head.fields = at->head;
	l->head.size = (uint16_t)conf->length.v;
	if (at->block.given) {
		l->head.size = (uint16_t)conf->blocks.lengths.items[at->block.v];
		l->loose = true;
	}
	if (at->at.given)
		at->head[l->head.count++] = field_of(at, conf, &at->at);
	if (conf->time.at.given && !at->block.given)
		at->head[l->head.count++] = time_of(conf, conf->time.at.v, conf->time.type.size);
	if (conf->blocks.flags.given)
		l->loose = true;
	if (!conf->logged.length.given)
		return;
	l->record.size = (uint16_t)conf->logged.length.v;
	l->record.fields = at->record;
	if (at->logged.given)
		at->record[l->record.count++] = field_of(at, conf, &at->logged);
	if (conf->logged.time.given)
		at->record[l->record.count++] = time_of(conf, conf->logged.time.v, 4);
	l->step_s = (int32_t)(-conf->logged.step_us / 1000000);
}

static void check_binary(
	struct subject *s, struct fg_payload_point *at, const struct fg_payload_conf *conf)
{
	int64_t room = conf->length.v;

	if (!conf->length.given || conf->length.v < 1)
		return; /* told with the payload */
	if (!at->at.given && !at->logged.given) {
		fault(s, NULL, "where does it stand in the binary payload? give `at`");
		return;
	}
	if (!at->type.given || at->type.protobuf) {
		fault(s, "type",
			"a binary value needs a type: "
			"u16, i16, f32, hex(8) …");
		return;
	}
	if (at->block.given && at->block.v >= (int64_t)conf->blocks.lengths.count) {
		fault(s, "block", "no such block; the payload has %zu, counted from 0",
			conf->blocks.lengths.count);
		return;
	}
	if (at->block.given)
		room = conf->blocks.lengths.items[at->block.v];
	if (at->at.given && at->at.v + at->type.size > room)
		fault(s, "at", "bytes %lld to %lld are not within the %lld of the %s",
			(long long)at->at.v, (long long)at->at.v + at->type.size - 1,
			(long long)room, at->block.given ? "block" : "payload (`length`)");
	if (at->logged.given && at->logged.v + at->type.size > conf->logged.length.v)
		fault(s, "logged", "bytes %lld to %lld are not within a logged record",
			(long long)at->logged.v, (long long)at->logged.v + at->type.size - 1);
	if (check_bits(s, at) && !s->faults && conf->blocks.lengths.count <= 16)
		make_layout(at, conf);
}

static void check_protobuf(
	struct subject *s, const struct fg_payload_point *at, const struct fg_payload_conf *conf)
{
	if (!at->field.count == !at->channel.given)
		fault(s, NULL, "in protocol buffers a point is either a `field` or a `channel`");
	if (at->channel.given && !conf->series.message.given)
		fault(s, "channel", "the payload declares no `series`");
	if (at->type.given && !at->type.protobuf && at->type.kind != FG_BINARY_BOOL)
		fault(s, "type", "is not one of a .proto file, such as uint32 or sint32");
	if ((at->divide.given && at->divide.v < 1) || (at->nth.given && at->nth.v < 1))
		fault(s, at->nth.given ? "nth" : "divide", "is 1 or more");
}

/* Keys of another format than the payload's would say nothing. */
static void check_foreign(
	struct subject *s, const struct fg_payload_point *at, const struct fg_payload_conf *conf)
{
	if (!is_binary(conf) && (at->at.given || at->logged.given || at->block.given))
		fault(s,
			at->at.given	   ? "at"
			: at->logged.given ? "logged"
					   : "block",
			"is of binary payloads: say `payload: {format: binary, length: …}`");
	if (!is_protobuf(conf) && (at->field.count || at->channel.given))
		fault(s, at->channel.given ? "channel" : "field",
			"is of protocol buffers: say `payload: {format: protobuf}`");
	if ((is_binary(conf) || is_protobuf(conf)) && (at->json || at->senml || at->column.given))
		fault(s,
			at->json    ? "json"
			: at->senml ? "senml"
				    : "column",
			"the payload is declared as %s",
			is_binary(conf) ? "binary: give `at`" : "protobuf: give `field`");
}

void fg_payload_check_point(const struct fg_point *point, struct fg_payload_point *at,
	const struct fg_payload_conf *conf, struct fg_report *rep)
{
	struct subject s = {.rep = rep, .node = point->node};

	snprintf(s.path, sizeof(s.path), "devices.%s.points.%s", point->device->name, point->name);
	check_document(&s, at);
	check_foreign(&s, at, conf);
	check_condition(&s, "when", &at->when, conf);
	check_condition(&s, "invalid", &at->invalid, conf);
	if (at->invalid.json)
		fault(&s, "invalid", "is of binary payloads");
	if (is_binary(conf))
		check_binary(&s, at, conf);
	else if (is_protobuf(conf))
		check_protobuf(&s, at, conf);
	for (size_t i = 0; i < point->missing_count && !is_binary(conf); i++)
		if (point->missing[i].raw)
			fault(&s, "missing",
				"0x%llX is a pattern of bits; here write the number that means "
				"\"no reading\"",
				(unsigned long long)point->missing[i].bits);
}
