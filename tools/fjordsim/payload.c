/* SPDX-License-Identifier: EUPL-1.2 */
/* The payloads of simulated CoAP sensors. Written for the simulator alone, so that the gateway's
 * decoders are not tested with themselves. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/number.h"
#include "sim.h"

/* What is written, and where it goes. */
struct work {
	const struct sim_device *device;
	const char *path;
	const struct sim_body *body;
	const struct sim_row *rows;
	size_t count;
	bool timed;
	struct fg_buf *out;
};

static const struct sim_point *points_of(const struct work *w)
{
	return w->device->points.items;
}

static bool belongs(const struct sim_point *p, const char *path)
{
	return !path || (p->path && strcmp(p->path, path) == 0);
}

static const struct sim_row *newest(const struct work *w)
{
	return &w->rows[w->count - 1];
}

static double rounded(const struct sim_point *p, double v)
{
	double unit = pow(10, (double)p->decimals);

	return round(v * unit) / unit;
}

static void put_number(const struct sim_point *p, double v, struct fg_buf *out)
{
	fg_number_put_fixed(out, v, (int)p->decimals);
}

static void put_seconds(int64_t us, struct fg_buf *out)
{
	fg_number_put_fixed(out, (double)(us / 1000) / 1000, 3);
}

/* ---- text, JSON ---- */

static void put_text(const struct work *w)
{
	for (size_t i = 0; i < w->device->points.count; i++) {
		if (!belongs(&points_of(w)[i], w->path))
			continue;
		put_number(&points_of(w)[i], newest(w)->values[i], w->out);
		return;
	}
}

/* Puts JSON where a pointer says, and the objects on the way. */
static void add_at(cJSON *object, const char *pointer, const char *json)
{
	char token[64] = "";

	while (object && *pointer == '/') {
		size_t len = strcspn(++pointer, "/");
		cJSON *child;

		snprintf(token, sizeof(token), "%.*s", (int)FG_MIN(len, sizeof(token) - 1),
			pointer);
		pointer += len;
		if (!*pointer) {
			cJSON_AddRawToObject(object, token, json);
			return;
		}
		child = cJSON_GetObjectItemCaseSensitive(object, token);
		object = child ? child : cJSON_AddObjectToObject(object, token);
	}
}

static char *pad_text(size_t n)
{
	char *pad = calloc(1, n + 1);

	for (size_t i = 0; pad && i < n; i++)
		pad[i] = (char)('a' + i % 26);
	return pad;
}

static void add_pad(cJSON *doc, int64_t n)
{
	char *pad = n ? pad_text((size_t)n) : NULL;

	if (pad)
		cJSON_AddStringToObject(doc, "pad", pad);
	free(pad);
}

/* The document as text; free it with cJSON_free(). */
static char *make_document(const struct work *w)
{
	cJSON *doc = cJSON_CreateObject();
	char number[400], pointer[80], *text;
	struct fg_buf buf;

	for (size_t i = 0; i < w->device->points.count; i++) {
		const struct sim_point *p = &points_of(w)[i];

		if (!belongs(p, w->path))
			continue;
		fg_buf_wrap(&buf, number, sizeof(number));
		put_number(p, newest(w)->values[i], &buf);
		snprintf(pointer, sizeof(pointer), "/%.70s", p->name);
		add_at(doc, p->json ? p->json : pointer, number);
	}
	if (w->body->time && w->timed) {
		fg_buf_wrap(&buf, number, sizeof(number));
		put_seconds(newest(w)->wall_us, &buf);
		add_at(doc, w->body->time, number);
	}
	add_pad(doc, w->body->pad);
	text = cJSON_PrintUnformatted(doc);
	cJSON_Delete(doc);
	return text;
}

/* ---- CBOR (RFC 8949) ---- */

static void put_be(struct fg_buf *out, uint64_t v, unsigned bytes)
{
	while (bytes--)
		fg_buf_putc(out, (char)(v >> (8 * bytes)));
}

static void cbor_head(struct fg_buf *out, unsigned major, uint64_t arg)
{
	static const unsigned infos[] = {0, 24, 25, 0, 26, 0, 0, 0, 27};
	unsigned bytes = arg < 24 ? 0u : arg < 256 ? 1u : arg < 65536 ? 2u : arg >> 32 ? 8u : 4u;
	unsigned info = bytes ? infos[bytes] : (unsigned)arg;

	fg_buf_putc(out, (char)(major << 5 | info));
	put_be(out, arg, bytes);
}

static void cbor_text(struct fg_buf *out, const char *text)
{
	cbor_head(out, 3, strlen(text));
	fg_buf_puts(out, text);
}

static void cbor_key(struct fg_buf *out, int key)
{
	cbor_head(out, key < 0, (uint64_t)(key < 0 ? -1 - key : key));
}

/* Whole numbers as integers, those of a float's precision as floats, all else as doubles. */
static void cbor_number(struct fg_buf *out, double v)
{
	float narrow = (float)v;
	uint64_t wide;
	uint32_t bits;

	if (v == floor(v) && fabs(v) < 9e15) {
		cbor_head(out, v < 0, (uint64_t)(v < 0 ? -1 - v : v));
	} else if ((double)narrow == v) {
		memcpy(&bits, &narrow, sizeof(bits));
		fg_buf_putc(out, (char)0xfa);
		put_be(out, bits, 4);
	} else {
		memcpy(&wide, &v, sizeof(wide));
		fg_buf_putc(out, (char)0xfb);
		put_be(out, wide, 8);
	}
}

static void cbor_from_json(struct fg_buf *out, const cJSON *item)
{
	const cJSON *child;

	if (cJSON_IsObject(item)) {
		cbor_head(out, 5, (uint64_t)cJSON_GetArraySize(item));
		cJSON_ArrayForEach(child, item)
		{
			cbor_text(out, child->string);
			cbor_from_json(out, child);
		}
	} else if (cJSON_IsString(item)) {
		cbor_text(out, item->valuestring);
	} else if (cJSON_IsNumber(item)) {
		cbor_number(out, item->valuedouble);
	} else {
		fg_buf_putc(out, (char)0xf6); /* null: a number that is not finite */
	}
}

static void put_document(const struct work *w, bool cbor)
{
	char *text = make_document(w);
	cJSON *doc = cbor && text ? cJSON_Parse(text) : NULL;

	if (doc)
		cbor_from_json(w->out, doc);
	else if (text && !cbor)
		fg_buf_puts(w->out, text);
	cJSON_Delete(doc);
	cJSON_free(text);
}

/* ---- SenML (RFC 8428) ---- */

/* CBOR keys of the fields. */
enum { BN = -2, BT = -3, N = 0, U = 1, V = 2, VS = 3, T = 6 };

struct record {
	const struct sim_point *point; /* NULL: the padding */
	double v;
	bool first;
	int64_t since_us; /* from the base time */
};

static const char *record_name(const struct record *r)
{
	return !r->point ? "pad" : r->point->senml ? r->point->senml : r->point->name;
}

static void put_record_json(const struct work *w, const struct record *r, const char *pad)
{
	struct fg_json j = {.out = w->out, .comma = false};
	char number[400];
	struct fg_buf buf;

	fg_buf_puts(w->out, r->first ? "[" : ",");
	fg_json_object(&j, NULL);
	if (r->first && w->body->base_name)
		fg_json_text(&j, "bn", w->body->base_name);
	if (r->first && w->timed) {
		fg_buf_wrap(&buf, number, sizeof(number));
		put_seconds(w->rows[0].wall_us, &buf);
		fg_json_raw(&j, "bt", number, buf.len);
	}
	fg_json_text(&j, "n", record_name(r));
	if (r->point && r->point->unit)
		fg_json_text(&j, "u", r->point->unit);
	if (r->since_us) {
		fg_buf_wrap(&buf, number, sizeof(number));
		put_seconds(r->since_us, &buf);
		fg_json_raw(&j, "t", number, buf.len);
	}
	if (r->point) {
		fg_buf_wrap(&buf, number, sizeof(number));
		put_number(r->point, r->v, &buf);
		fg_json_raw(&j, "v", number, buf.len);
	} else {
		fg_json_text(&j, "vs", pad);
	}
	fg_json_end_object(&j);
}

static void put_record_cbor(const struct work *w, const struct record *r, const char *pad)
{
	bool name = r->first && w->body->base_name, base = r->first && w->timed;
	const char *unit = r->point ? r->point->unit : NULL;

	cbor_head(w->out, 5, (uint64_t)(2 + name + base + (unit != NULL) + (r->since_us != 0)));
	if (name) {
		cbor_key(w->out, BN);
		cbor_text(w->out, w->body->base_name);
	}
	if (base) {
		cbor_key(w->out, BT);
		cbor_number(w->out, (double)(w->rows[0].wall_us / 1000) / 1000);
	}
	cbor_key(w->out, N);
	cbor_text(w->out, record_name(r));
	if (unit) {
		cbor_key(w->out, U);
		cbor_text(w->out, unit);
	}
	if (r->since_us) {
		cbor_key(w->out, T);
		cbor_number(w->out, (double)(r->since_us / 1000) / 1000);
	}
	cbor_key(w->out, r->point ? V : VS);
	if (r->point)
		cbor_number(w->out, rounded(r->point, r->v));
	else
		cbor_text(w->out, pad);
}

static size_t count_points(const struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->device->points.count; i++)
		n += belongs(&points_of(w)[i], w->path);
	return n;
}

static void put_senml(const struct work *w, bool cbor)
{
	void (*put)(const struct work *, const struct record *,
		const char *) = cbor ? put_record_cbor : put_record_json;
	char *pad = w->body->pad ? pad_text((size_t)w->body->pad) : NULL;
	struct record r = {.first = true};

	if (cbor)
		cbor_head(w->out, 4, w->count * count_points(w) + (pad != NULL));
	for (size_t row = 0; row < w->count; row++)
		for (size_t i = 0; i < w->device->points.count; i++) {
			if (!belongs(&points_of(w)[i], w->path))
				continue;
			r.point = &points_of(w)[i];
			r.v = w->rows[row].values[i];
			r.since_us = w->timed ? w->rows[row].wall_us / 1000 * 1000 -
							w->rows[0].wall_us / 1000 * 1000
					      : 0;
			put(w, &r, NULL);
			r.first = false;
		}
	r.point = NULL;
	r.since_us = 0;
	if (pad)
		put(w, &r, pad);
	if (!cbor)
		fg_buf_puts(w->out, "]");
	free(pad);
}

/* ---- LwM2M TLV ---- */

static void tlv_head(struct fg_buf *out, unsigned id, size_t len)
{
	unsigned wide = id > 255, size = len < 8 ? 0u : len < 256 ? 1u : 2u;

	fg_buf_putc(out, (char)(0xc0 | wide << 5 | size << 3 | (size ? 0 : len)));
	put_be(out, id, wide + 1u);
	put_be(out, len, size);
}

static void tlv_value(struct fg_buf *out, const struct sim_point *p, double v)
{
	const char *last = p->senml ? strrchr(p->senml, '/') : NULL;
	uint16_t id = (uint16_t)(last ? strtoul(last + 1, NULL, 10) : 5700);
	float narrow = (float)v;
	uint64_t wide;
	uint32_t bits;

	if (p->type == SIM_F32) {
		memcpy(&bits, &narrow, sizeof(bits));
		tlv_head(out, id, 4);
		put_be(out, bits, 4);
	} else {
		memcpy(&wide, &v, sizeof(wide));
		tlv_head(out, id, 8);
		put_be(out, wide, 8);
	}
}

static void put_tlv(const struct work *w)
{
	const char *unit = NULL;

	for (size_t i = 0; i < w->device->points.count; i++) {
		const struct sim_point *p = &points_of(w)[i];

		if (!belongs(p, w->path))
			continue;
		tlv_value(w->out, p, rounded(p, newest(w)->values[i]));
		unit = unit ? unit : p->unit;
	}
	if (!unit)
		return;
	tlv_head(w->out, 5701, strlen(unit));
	fg_buf_puts(w->out, unit);
}

/* ---- bytes of a layout ---- */

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void put_binary(const struct work *w)
{
	size_t start = w->out->len;

	for (const char *p = w->body->bytes; *p; p += 2)
		fg_buf_putc(w->out, (char)(hex_digit(p[0]) << 4 | hex_digit(p[1])));
	for (size_t i = 0; i < w->device->points.count && !w->out->overflow; i++) {
		const struct sim_point *p = &points_of(w)[i];
		bool byte = p->type == SIM_U8 || p->type == SIM_I8;
		uint16_t words[4];
		unsigned width;

		if (!belongs(p, w->path))
			continue;
		width = sim_encode(
			p->type, p->order, (newest(w)->values[i] - p->offset) / p->scale, words);
		for (size_t k = 0; k < (byte ? 1 : 2 * width); k++) {
			size_t at = start + (size_t)p->address + k;
			unsigned shift = byte || k % 2 ? 0 : 8;

			if (at < w->out->len)
				w->out->data[at] = (char)(words[k / 2] >> shift);
		}
	}
}

/* ---- formats ---- */

enum sim_format sim_format_of(
	const struct sim_device *d, const char *path, const struct sim_body *body)
{
	const struct sim_point *points = d->points.items;

	if (body && body->format != SIM_FORMAT_AUTO)
		return (enum sim_format)body->format;
	for (size_t i = 0; i < d->points.count; i++)
		if (belongs(&points[i], path) && points[i].json)
			return SIM_JSON;
	return SIM_TEXT;
}

uint16_t sim_format_code(enum sim_format format)
{
	switch (format) {
	case SIM_JSON:
		return 50;
	case SIM_CBOR:
		return 60;
	case SIM_SENML_JSON:
		return 110;
	case SIM_SENML_CBOR:
		return 112;
	case SIM_TLV:
		return 11542;
	case SIM_BINARY:
		return 42;
	case SIM_TEXT:
	case SIM_FORMAT_AUTO:
		break;
	}
	return 0;
}

enum sim_format sim_format_accepted(enum sim_format own, unsigned accept)
{
	static const enum sim_format pairs[][2] = {
		{SIM_JSON, SIM_CBOR}, {SIM_SENML_JSON, SIM_SENML_CBOR}};

	if (sim_format_code(own) == accept)
		return own;
	for (size_t i = 0; i < FG_COUNT(pairs); i++)
		for (size_t k = 0; k < 2; k++)
			if (own == pairs[i][k] && sim_format_code(pairs[i][1 - k]) == accept)
				return pairs[i][1 - k];
	return SIM_FORMAT_AUTO;
}

bool sim_format_takes_rows(enum sim_format format)
{
	return format == SIM_SENML_JSON || format == SIM_SENML_CBOR;
}

void sim_payload_put(const struct sim_device *d, const char *path, const struct sim_body *body,
	enum sim_format format, const struct sim_row *rows, size_t count, bool timed,
	struct fg_buf *out)
{
	static const struct sim_body plain = {.format = SIM_FORMAT_AUTO};
	struct work w = {d, path, body ? body : &plain, rows, count, timed, out};

	switch (format) {
	case SIM_JSON:
	case SIM_CBOR:
		put_document(&w, format == SIM_CBOR);
		break;
	case SIM_SENML_JSON:
	case SIM_SENML_CBOR:
		put_senml(&w, format == SIM_SENML_CBOR);
		break;
	case SIM_TLV:
		put_tlv(&w);
		break;
	case SIM_BINARY:
		put_binary(&w);
		break;
	case SIM_TEXT:
	case SIM_FORMAT_AUTO:
		put_text(&w);
		break;
	}
}
