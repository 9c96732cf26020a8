/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings out of payloads: which format holds for a point, and what is made of what stands there.
 * How it stands there is the business of payload_*.c. */
#include "drivers/payload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/driver.h"
#include "drivers/payload_internal.h"
#include "model/device.h"

int fg_payload_fail(struct fg_payload_search *s, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	for (char *p = s->why; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return status;
}

/* ---- formats ---- */

/* An array in CBOR is no ASCII. */
static int pack_format(const struct fg_payload *p)
{
	return p->len && (unsigned char)*p->data >= 0x80 ? FG_COAP_FORMAT_SENML_CBOR
							 : FG_COAP_FORMAT_SENML_JSON;
}

/* What is declared holds where the device says nothing, or no more than that it is text or bytes;
 * many say either of anything. */
static int declared_format(const struct fg_payload_conf *conf, const struct fg_payload *p)
{
	static const int formats[] = {
		[FG_PAYLOAD_TEXT_PLAIN] = FG_COAP_FORMAT_TEXT,
		[FG_PAYLOAD_JSON] = FG_COAP_FORMAT_JSON,
		[FG_PAYLOAD_CBOR] = FG_COAP_FORMAT_CBOR,
		[FG_PAYLOAD_TLV] = FG_COAP_FORMAT_TLV,
		[FG_PAYLOAD_BINARY] = FG_FORMAT_BINARY,
		[FG_PAYLOAD_PROTOBUF] = FG_FORMAT_PROTOBUF,
	};

	if (p->format != FG_COAP_FORMAT_NONE && p->format != FG_COAP_FORMAT_TEXT &&
		p->format != FG_COAP_FORMAT_BYTES)
		return p->format;
	return conf->format == FG_PAYLOAD_SENML ? pack_format(p) : formats[conf->format];
}

/* Where the device leaves the format out, the configuration decides. Packs that are called plain
 * JSON or CBOR are packs all the same to a point that wants a record. */
static int format_for(const struct fg_payload_conf *conf, const struct fg_payload_point *at,
	const struct fg_payload *p)
{
	int format = p->format;

	if (conf && conf->format)
		format = declared_format(conf, p);
	if (at->senml && format == FG_COAP_FORMAT_NONE)
		return pack_format(p);
	if (at->senml && format == FG_COAP_FORMAT_JSON)
		return FG_COAP_FORMAT_SENML_JSON;
	if (at->senml && format == FG_COAP_FORMAT_CBOR)
		return FG_COAP_FORMAT_SENML_CBOR;
	if (format == FG_COAP_FORMAT_NONE)
		return at->json ? FG_COAP_FORMAT_JSON : FG_COAP_FORMAT_TEXT;
	return format;
}

/* Where the device names a format, it must be one that the configuration can mean. */
static bool format_fits(const struct fg_payload_point *at, int format)
{
	bool in_bytes = at->at.given || at->logged.given;

	switch (format) {
	case FG_COAP_FORMAT_TEXT:
		return !at->json && !at->senml && !in_bytes;
	case FG_COAP_FORMAT_JSON:
	case FG_COAP_FORMAT_CBOR:
		return !in_bytes && !at->column.given;
	case FG_COAP_FORMAT_SENML_JSON:
	case FG_COAP_FORMAT_SENML_CBOR:
	case FG_COAP_FORMAT_TLV:
		return !at->json && !in_bytes && !at->column.given;
	case FG_FORMAT_BINARY:
		return in_bytes;
	case FG_FORMAT_PROTOBUF:
		return at->field.count || at->channel.given;
	default:
		return false;
	}
}

static struct fg_payload_search search_for(const struct fg_payload_conf *conf,
	const struct fg_payload_point *at, const struct fg_payload *p)
{
	struct fg_payload_search s = {.conf = conf, .at = at, .payload = p};

	s.format = format_for(conf, at, p);
	return s;
}

static int search(struct fg_payload_search *s)
{
	switch (s->format) {
	case FG_COAP_FORMAT_SENML_JSON:
	case FG_COAP_FORMAT_SENML_CBOR:
		return fg_payload_search_pack(s);
	case FG_COAP_FORMAT_TLV:
		return fg_payload_search_objects(s);
	case FG_FORMAT_BINARY:
		return fg_payload_search_binary(s);
	case FG_FORMAT_PROTOBUF:
		return fg_payload_search_protobuf(s);
	default:
		return fg_payload_search_document(s);
	}
}

static int check(struct fg_payload_search *s)
{
	switch (s->format) {
	case FG_COAP_FORMAT_SENML_JSON:
	case FG_COAP_FORMAT_SENML_CBOR:
		return fg_payload_check_pack(s);
	case FG_COAP_FORMAT_TLV:
		return fg_payload_check_objects(s);
	case FG_FORMAT_BINARY:
		return fg_payload_check_binary(s);
	case FG_FORMAT_PROTOBUF:
		return fg_payload_check_protobuf(s);
	default:
		return fg_payload_check_document(s);
	}
}

/* ---- values ---- */

static struct fg_payload_reading reading_of(
	const struct fg_point *point, const struct fg_payload *p)
{
	struct fg_payload_reading r = {.point = point, .unit = "", .why = ""};

	r.reading.point = point->index;
	r.reading.taken_mono_us = p->taken_mono_us;
	r.reading.qc = FG_QC_MISSING;
	return r;
}

/* A number with its unit; texts and switches have none. */
static void set_value(const struct fg_point *point, const struct fg_payload_found *f,
	struct fg_payload_search *s, struct fg_payload_reading *r)
{
	bool number = f->value.kind != FG_KIND_TEXT && f->value.kind != FG_KIND_BOOL, other;
	double scale = point->scale, offset = point->offset;

	r->reading.qc = FG_QC_MISSING;
	r->reading.reason = FG_REASON_DECODE;
	if (f->bad) {
		r->why = s->why;
	} else if (f->value.kind == FG_KIND_NONE) { /* null: the sensor has no reading */
		r->reading.reason = FG_REASON_SENTINEL;
	} else if (number && !fg_payload_scale(point, f->unit, &scale, &offset, &other)) {
		fg_payload_fail(s, FG_OK,
			"the device tells its value in '%s', which cannot be converted to '%s'",
			f->unit, fg_payload_unit_of(point));
		r->unit = f->unit;
		r->why = s->why;
	} else {
		if (number && other)
			r->unit = f->unit;
		fg_reading_set(&r->reading, point, f->value, f->has_raw, f->raw, scale, offset);
		if (r->reading.reason == FG_REASON_DECODE)
			r->why = "not a number";
	}
}

/* ---- polls ---- */

/* The newest so far. */
struct newest {
	const struct fg_point *point;
	struct fg_payload_search *search;
	struct fg_payload_reading reading;
	bool have;
	char unit[FG_PAYLOAD_UNIT], text[FG_PAYLOAD_TEXT], why[FG_PAYLOAD_WHY];
};

static bool is_older(const struct fg_payload_found *f, const struct fg_payload_reading *than)
{
	if ((f->clock == FG_PAYLOAD_WALL) != (than->clock == FG_PAYLOAD_WALL))
		return f->clock == FG_PAYLOAD_WALL; /* what is relative begins with now */
	return f->time_us < than->time_us;
}

static int keep_newest(void *arg, const struct fg_payload_found *f)
{
	struct newest *n = arg;
	struct fg_value *v = &n->reading.reading.value;

	if (n->have && is_older(f, &n->reading))
		return FG_OK;
	n->have = true;
	n->reading = reading_of(n->point, n->search->payload);
	n->reading.clock = f->clock;
	n->reading.time_us = f->time_us;
	set_value(n->point, f, n->search, &n->reading);
	if (v->kind == FG_KIND_TEXT) {
		v->len = FG_MIN(v->len, (uint32_t)sizeof(n->text));
		memcpy(n->text, v->text, v->len);
		v->text = n->text;
	}
	snprintf(n->unit, sizeof(n->unit), "%s", n->reading.unit);
	snprintf(n->why, sizeof(n->why), "%s", n->reading.why);
	n->reading.unit = n->unit;
	n->reading.why = n->why;
	return FG_OK;
}

static int give_newest(const struct fg_payload_conf *conf, const struct fg_point *point,
	const struct fg_payload *p, fg_payload_sink sink, void *arg)
{
	struct fg_payload_search s = search_for(conf, point->conf, p);
	struct newest n = {.point = point, .search = &s, .reading = reading_of(point, p)};

	s.sink = keep_newest;
	s.arg = &n;
	if (!format_fits(s.at, s.format)) {
		n.reading.reading.reason = FG_REASON_CONTENT_FORMAT;
		n.reading.why = "this content format is not the configured one";
	} else if (search(&s) < 0) {
		n.reading = reading_of(point, p);
		n.reading.reading.reason = FG_REASON_DECODE;
		n.reading.why = s.why;
	}
	return sink(arg, &n.reading);
}

void fg_payload_newest(const struct fg_payload_conf *conf, const struct fg_point *const *points,
	size_t count, const struct fg_payload *p, fg_payload_sink sink, void *arg)
{
	for (size_t i = 0; i < count; i++)
		if (give_newest(conf, points[i], p, sink, arg) < 0)
			return;
}

/* ---- what a device sends ---- */

struct each {
	const struct fg_point *point;
	struct fg_payload_search *search;
	fg_payload_sink sink;
	void *arg;
	bool given;
	int stopped; /* what the sink said */
};

static int give(struct each *e, const struct fg_payload_reading *r)
{
	int status = e->sink(e->arg, r);

	e->given = true;
	e->stopped = status < 0 ? status : FG_OK;
	return e->stopped;
}

static int give_each(void *arg, const struct fg_payload_found *f)
{
	struct each *e = arg;
	struct fg_payload_reading r = reading_of(e->point, e->search->payload);

	r.clock = f->clock;
	r.time_us = f->time_us;
	set_value(e->point, f, e->search, &r);
	return give(e, &r);
}

/* What cannot be taken though it is there. */
static int give_fault(struct each *e)
{
	struct fg_payload_reading r = reading_of(e->point, e->search->payload);

	r.reading.reason = FG_REASON_DECODE;
	r.why = e->search->why;
	return give(e, &r);
}

static int give_point(
	const struct fg_payload_conf *conf, const struct fg_payload *p, struct each *e)
{
	struct fg_payload_search s = search_for(conf, e->point->conf, p);
	int r;

	e->search = &s;
	s.sink = give_each;
	s.arg = e;
	if (!format_fits(s.at, s.format))
		return FG_OK;
	r = search(&s);
	if (e->stopped < 0)
		return e->stopped;
	return r == FG_EDECODE ? give_fault(e) : FG_OK;
}

/* Before anything is given: whether the payload is what its format says, for every way in which
 * one of the points takes it. */
static int check_all(const struct fg_payload_conf *conf, const struct fg_point *const *points,
	size_t count, const struct fg_payload *p, char why[FG_PAYLOAD_WHY])
{
	int done[8], formats = 0;

	for (size_t i = 0; i < count; i++) {
		struct fg_payload_search s = search_for(conf, points[i]->conf, p);
		bool known = !format_fits(s.at, s.format);

		for (int k = 0; k < formats; k++)
			known = known || done[k] == s.format;
		if (known || formats == (int)FG_COUNT(done))
			continue;
		if (check(&s) < 0) {
			snprintf(why, FG_PAYLOAD_WHY, "%s", s.why);
			return FG_EDECODE;
		}
		done[formats++] = s.format;
	}
	if (formats)
		return FG_OK;
	snprintf(why, FG_PAYLOAD_WHY,
		"content format %d, which none of the points can be read from", p->format);
	return FG_EINVAL;
}

int fg_payload_all(const struct fg_payload_conf *conf, const struct fg_point *const *points,
	size_t count, const struct fg_payload *p, fg_payload_sink sink, void *arg,
	char why[FG_PAYLOAD_WHY])
{
	int r = check_all(conf, points, count, p, why);
	bool given = false;

	for (size_t i = 0; r == FG_OK && i < count; i++) {
		struct each e = {.point = points[i], .sink = sink, .arg = arg};

		r = give_point(conf, p, &e);
		given = given || e.given;
	}
	if (r < 0 || given)
		return r;
	snprintf(why, FG_PAYLOAD_WHY, "nothing in it is for one of the points");
	return FG_ENOENT;
}

/* ---- who sent it ---- */

static int identity_text(const struct fg_value *v, char *out, size_t cap)
{
	struct fg_buf text;

	if (v->kind == FG_KIND_NONE)
		return FG_ENOENT;
	if (v->kind == FG_KIND_TEXT) {
		if (v->len >= cap || memchr(v->text, '\0', v->len))
			return FG_EDECODE;
		snprintf(out, cap, "%.*s", (int)v->len, v->text);
		return *out ? FG_OK : FG_ENOENT;
	}
	if (v->kind != FG_KIND_INT && v->kind != FG_KIND_UINT)
		return FG_EDECODE;
	fg_buf_wrap(&text, out, cap);
	if (v->kind == FG_KIND_INT)
		fg_buf_printf(&text, "%lld", (long long)v->i);
	else
		fg_buf_printf(&text, "%llu", (unsigned long long)v->u);
	return FG_OK;
}

static int copy_identity(void *arg, const struct fg_payload_found *f)
{
	struct fg_payload_found *out = arg;

	*out = *f;
	if (f->value.kind == FG_KIND_TEXT && f->value.text == f->text)
		out->value.text = out->text;
	return FG_OK;
}

/* A layout or a message of the configuration. */
static int declared_identity(struct fg_payload_search *s, struct fg_payload_found *f)
{
	const struct fg_payload_place *place = &s->conf->identity;

	if (s->format == FG_FORMAT_BINARY)
		return place->at.given ? fg_payload_find_binary(s, place, f) : FG_ENOENT;
	return place->field.count ? fg_payload_find_protobuf(s, place, f) : FG_ENOENT;
}

int fg_payload_identity(
	const struct fg_payload_conf *conf, const struct fg_payload *p, char *out, size_t cap)
{
	struct fg_payload_point at = {.json = conf ? conf->identity.json : NULL};
	struct fg_payload_found found = {.clock = FG_PAYLOAD_NOW};
	struct fg_payload_search s;
	int r;

	if (!at.json)
		at.senml = "";
	s = search_for(NULL, &at, p);
	if (conf && conf->format)
		s.format = declared_format(conf, p);
	s.conf = conf;
	s.sink = copy_identity;
	s.arg = &found;
	if (s.format == FG_COAP_FORMAT_SENML_JSON || s.format == FG_COAP_FORMAT_SENML_CBOR) {
		r = fg_payload_base_name(&s, out, cap);
		return r == FG_EDECODE && s.format != p->format ? FG_ENOENT : r; /* a guess */
	}
	if (s.format == FG_FORMAT_BINARY || s.format == FG_FORMAT_PROTOBUF)
		r = declared_identity(&s, &found);
	else if (!at.json || !format_fits(&at, s.format))
		return FG_ENOENT;
	else
		r = search(&s);
	return r < 0 ? r : identity_text(&found.value, out, cap);
}

/* ---- told once ---- */

static uint32_t hash_of(const struct fg_payload_reading *r)
{
	const char *const texts[] = {r->point->device ? r->point->device->name : "", "/",
		r->point->name, "/", r->point->unit ? r->point->unit : "", *r->why ? "!" : ""};
	uint32_t hash = 5381;

	for (size_t i = 0; i < FG_COUNT(texts); i++)
		for (const char *p = texts[i]; *p; p++)
			hash = hash * 33 + (unsigned char)*p;
	return hash ? hash : 1;
}

/* Whether it is told for the first time, and there is room to remember it. */
static bool note_first(struct fg_payload_notes *notes, uint32_t hash)
{
	for (size_t i = 0; i < FG_COUNT(notes->hashes); i++) {
		uint32_t *at = &notes->hashes[(hash + i) % FG_COUNT(notes->hashes)];

		if (*at == hash)
			return false;
		if (*at)
			continue;
		*at = hash;
		return true;
	}
	return false;
}

void fg_payload_note(struct fg_payload_notes *notes, const struct fg_payload_reading *r)
{
	const char *device = r->point->device ? r->point->device->name : "";

	if (!*r->unit || !note_first(notes, hash_of(r)))
		return;
	if (*r->why)
		fg_warning("device '%s', point '%s': %s", device, r->point->name, r->why);
	else
		fg_info("device '%s', point '%s': the device tells its value in '%s'; it is "
			"converted to '%s'",
			device, r->point->name, r->unit, r->point->unit);
}
