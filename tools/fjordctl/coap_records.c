/* SPDX-License-Identifier: EUPL-1.2 */
/* What a CoAP payload says, value by value: text, JSON, CBOR, SenML and LwM2M TLV. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "drivers/payload.h"
#include "probe_coap.h"
#include "protocol/cbor.h"
#include "protocol/coap_message.h"
#include "protocol/encode.h"
#include "protocol/payload.h"
#include "protocol/senml.h"
#include "protocol/tlv.h"

#define MAX_DEPTH   32
#define POINTER_MAX 250
#define INSTANCES   10
#define RESOURCES   32768u

/* ---- one record ---- */

static struct coap_record *add(struct coap_records *r, enum coap_selector how, const char *where)
{
	struct coap_record *record;

	if (r->count == COAP_RECORDS) {
		r->cut = true;
		return NULL;
	}
	record = &r->items[r->count++];
	memset(record, 0, sizeof(*record));
	record->how = how;
	snprintf(record->where, sizeof(record->where), "%s", where);
	snprintf(record->name, sizeof(record->name), "%s", where);
	return record;
}

static void set_value(struct coap_record *record, const struct fg_value *value)
{
	struct fg_buf out;

	fg_buf_wrap(&out, record->text, sizeof(record->text));
	if (value->kind == FG_KIND_NONE)
		fg_buf_puts(&out, "null");
	else
		fg_encode_value(&out, value, -1);
	record->is_bool = value->kind == FG_KIND_BOOL;
	record->is_number = value->kind != FG_KIND_NONE && value->kind != FG_KIND_TEXT &&
			    !record->is_bool;
	record->number = record->is_number ? fg_value_number(value) : 0;
}

static void set_own(struct coap_record *record, const char *own)
{
	snprintf(record->own, sizeof(record->own), "%s", own);
	ctl_plain(record->own);
}

/* ---- text ---- */

static void take_text(struct coap_records *r, const char *data, size_t len)
{
	struct fg_value value;
	struct coap_record *record;

	if (fg_payload_text(data, len, &value) < 0) {
		snprintf(r->why, sizeof(r->why), "the text is neither a number nor a short text");
		return;
	}
	record = add(r, COAP_WHOLE, "");
	if (record)
		set_value(record, &value);
}

/* ---- JSON and CBOR: every value with its pointer ---- */

struct walk {
	struct coap_records *records;
	const char *data;
	size_t len;
	bool cbor;
	char pointer[POINTER_MAX + 1];
	size_t pointer_len;
};

/* Appends a token with its escapes (RFC 6901); false where there is no room. */
static bool enter(struct walk *w, const char *token)
{
	size_t n = w->pointer_len;

	if (n + 1 + 2 * strlen(token) > POINTER_MAX)
		return false;
	w->pointer[n++] = '/';
	for (; *token; token++) {
		if (*token == '~' || *token == '/') {
			w->pointer[n++] = '~';
			w->pointer[n++] = *token == '~' ? '0' : '1';
		} else {
			w->pointer[n++] = *token;
		}
	}
	w->pointer[n] = '\0';
	w->pointer_len = n;
	return true;
}

static void leave(struct walk *w, size_t mark)
{
	w->pointer_len = mark;
	w->pointer[mark] = '\0';
}

/* The value is read as the gateway reads it. */
static void take_leaf(struct walk *w)
{
	struct coap_record *record;
	struct fg_value value;
	char text[256];
	int r = w->cbor ? fg_payload_cbor(w->data, w->len, w->pointer, text, sizeof(text), &value)
			: fg_payload_json(w->data, w->len, w->pointer, text, sizeof(text), &value);

	if (r < 0)
		return;
	record = add(w->records, *w->pointer ? COAP_JSON : COAP_WHOLE, w->pointer);
	if (!record)
		return;
	set_value(record, &value);
	set_own(record, w->pointer);
}

static void walk_json(struct walk *w, const cJSON *item, int depth)
{
	size_t mark = w->pointer_len;
	const cJSON *child;
	char index[16];
	int i = 0;

	if (depth > MAX_DEPTH)
		return;
	if (!cJSON_IsObject(item) && !cJSON_IsArray(item)) {
		take_leaf(w);
		return;
	}
	cJSON_ArrayForEach(child, item)
	{
		snprintf(index, sizeof(index), "%d", i++);
		if (enter(w, child->string ? child->string : index))
			walk_json(w, child, depth + 1);
		leave(w, mark);
	}
}

static bool key_text(struct fg_cbor_span item, char *out, size_t size)
{
	struct fg_value value;
	struct fg_cbor_span rest = item;
	struct fg_cbor_head head = fg_cbor_head(&rest);
	bool cut;

	if (head.major == FG_CBOR_TEXT) {
		fg_cbor_copy(item, out, size, &cut);
		return !cut;
	}
	if (fg_cbor_number(item, &value) < 0 || value.kind != FG_KIND_INT)
		return false;
	snprintf(out, size, "%lld", (long long)value.i);
	return true;
}

static void walk_cbor(struct walk *w, struct fg_cbor_span item, int depth)
{
	struct fg_cbor_span rest = item;
	struct fg_cbor_head head = fg_cbor_head(&rest);
	size_t mark = w->pointer_len;
	uint64_t left = head.arg;
	unsigned i = 0;
	char token[128];

	if (depth > MAX_DEPTH)
		return;
	if (head.major == FG_CBOR_TAG && head.arg != 4) {
		walk_cbor(w, rest, depth + 1);
		return;
	}
	if (head.major != FG_CBOR_MAP && head.major != FG_CBOR_ARRAY) {
		take_leaf(w);
		return;
	}
	while (fg_cbor_more(&rest, &head, &left)) {
		bool named = true;

		if (head.major == FG_CBOR_MAP)
			named = key_text(fg_cbor_step(&rest), token, sizeof(token));
		else
			snprintf(token, sizeof(token), "%u", i++);
		item = fg_cbor_step(&rest);
		if (named && enter(w, token))
			walk_cbor(w, item, depth + 1);
		leave(w, mark);
	}
}

static void take_document(struct coap_records *r, bool cbor, const char *data, size_t len)
{
	struct walk w = {.records = r, .data = data, .len = len, .cbor = cbor};
	cJSON *doc;

	if (cbor) {
		if (fg_cbor_check(data, len) == FG_OK)
			walk_cbor(&w,
				(struct fg_cbor_span){(const unsigned char *)data,
					(const unsigned char *)data + len},
				0);
		else
			snprintf(r->why, sizeof(r->why), "it is not well-formed CBOR");
		return;
	}
	doc = cJSON_ParseWithLength(data, len);
	if (doc)
		walk_json(&w, doc, 0);
	cJSON_Delete(doc);
	if (!doc || !r->count)
		snprintf(r->why, sizeof(r->why), doc ? "no value can be read from this JSON: a key "
						       "twice, or too deep"
						     : "it is not JSON");
}

/* ---- SenML ---- */

static void take_senml(
	struct coap_records *r, bool cbor, const char *data, size_t len, double now_s)
{
	enum fg_senml_form form = cbor ? FG_SENML_CBOR : FG_SENML_JSON;
	struct fg_senml_record one;
	struct fg_senml s;
	char text[256];

	if (fg_senml_open(&s, form, FG_SENML_OBJECT_NAMES, data, len, now_s, text, sizeof(text)) <
		0) {
		snprintf(r->why, sizeof(r->why), "SenML: %s", s.why);
		return;
	}
	while (fg_senml_next(&s, &one) == FG_OK) {
		struct coap_record *record = add(r, COAP_SENML, one.name);

		if (!record)
			return;
		set_value(record, &one.value);
		if (one.is_data)
			snprintf(record->text, sizeof(record->text), "(bytes)");
		set_own(record, *one.own ? one.own : one.name);
		snprintf(record->unit, sizeof(record->unit), "%s", one.unit);
		record->has_time = !one.relative || one.time < now_s - 0.001;
		record->time = one.time;
	}
}

/* What a configuration needs to say: the record's own part of the name, where no other has it. */
static void shorten_names(struct coap_records *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct coap_record *record = &r->items[i];
		bool alone = *record->own != '\0';

		for (size_t k = 0; k < r->count && alone; k++)
			alone = strcmp(record->own, r->items[k].own) != 0 ||
				strcmp(record->name, r->items[k].name) == 0;
		if (alone)
			snprintf(record->where, sizeof(record->where), "%s", record->own);
	}
}

/* ---- LwM2M ---- */

static void take_resource(struct coap_records *r, const struct fg_object_path *asked,
	const struct fg_object_path *path, const char *data, size_t len)
{
	struct coap_record *record;
	struct fg_value value;
	char name[40];

	if (fg_tlv_value(data, len, asked, path, &value) < 0)
		return;
	snprintf(name, sizeof(name), "%u/%u/%u", path->object, path->instance, path->resource);
	record = add(r, COAP_SENML, name);
	if (!record)
		return;
	set_value(record, &value);
	set_own(record, name);
}

/* Gives each value the unit that its object tells in resource 5701. */
static void spread_units(struct coap_records *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const char *last = strrchr(r->items[i].name, '/');
		size_t stem = last ? (size_t)(last - r->items[i].name) : 0;

		if (!last || strcmp(last, "/5701") != 0)
			continue;
		for (size_t k = 0; k < r->count; k++)
			if (r->items[k].is_number &&
				strncmp(r->items[k].name, r->items[i].name, stem + 1) == 0) {
				snprintf(r->items[k].unit, sizeof(r->items[k].unit), "%.*s",
					(int)strcspn(r->items[i].text + 1, "\""),
					r->items[i].text + 1);
				ctl_plain(r->items[k].unit);
			}
	}
}

static void take_tlv(struct coap_records *r, const char *asked_path, const char *data, size_t len)
{
	struct fg_object_path asked, path;
	unsigned first, last;

	if (!fg_object_path_parse(asked_path, &asked)) {
		snprintf(r->why, sizeof(r->why), "TLV, but the path is no object such as /3303/0");
		return;
	}
	first = asked.depth > 1 ? asked.instance : 0;
	last = asked.depth > 1 ? asked.instance : INSTANCES - 1;
	path = asked;
	path.depth = 3;
	for (unsigned i = first; i <= last; i++) {
		path.instance = (uint16_t)i;
		for (unsigned id = asked.depth > 2 ? asked.resource : 0;
			id < (asked.depth > 2 ? asked.resource + 1u : RESOURCES); id++) {
			path.resource = (uint16_t)id;
			take_resource(r, &asked, &path, data, len);
		}
	}
	spread_units(r);
	if (!r->count)
		snprintf(r->why, sizeof(r->why), "no resource of a known type is in this TLV");
}

/* ---- any ---- */

void coap_records_take(struct coap_records *r, int format, const char *path, const char *data,
	size_t len, double now_s)
{
	const char *name = format >= 0 ? fg_coap_format_name((unsigned)format) : NULL;

	free(r->items);
	*r = (struct coap_records){.items = calloc(COAP_RECORDS, sizeof(*r->items))};
	if (!r->items)
		return;
	switch (format) {
	case FG_COAP_FORMAT_NONE:
	case FG_COAP_FORMAT_TEXT:
		take_text(r, data, len);
		break;
	case FG_COAP_FORMAT_JSON:
	case FG_COAP_FORMAT_CBOR:
		take_document(r, format == FG_COAP_FORMAT_CBOR, data, len);
		break;
	case FG_COAP_FORMAT_SENML_JSON:
	case FG_COAP_FORMAT_SENML_CBOR:
		take_senml(r, format == FG_COAP_FORMAT_SENML_CBOR, data, len, now_s);
		shorten_names(r);
		break;
	case FG_COAP_FORMAT_TLV:
		take_tlv(r, path, data, len);
		break;
	case FG_COAP_FORMAT_BYTES:
		snprintf(r->why, sizeof(r->why),
			"bytes (application/octet-stream) mean what the maker's manual says: a "
			"profile must lay them out");
		break;
	default:
		snprintf(r->why, sizeof(r->why),
			"content format %d%s%s%s is none that the gateway reads: text/plain, JSON, "
			"CBOR, SenML (JSON, CBOR), LwM2M TLV; --accept asks for another",
			format, name ? " (" : "", name ? name : "", name ? ")" : "");
	}
}

void coap_records_free(struct coap_records *r)
{
	free(r->items);
	*r = (struct coap_records){.count = 0};
}
