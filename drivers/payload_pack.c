/* SPDX-License-Identifier: EUPL-1.2 */
/* The records of a SenML pack, or the resource of an LwM2M object, that a point is about. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "drivers/payload_internal.h"
#include "protocol/senml.h"
#include "protocol/tlv.h"

#define UNIT_RESOURCE 5701 /* of the sensors of IPSO: the unit, and when it was measured */
#define TIME_RESOURCE 5518

/* How well a record fits what the point names. */
enum fit { NOT_AT_ALL, BY_OWN_NAME, BY_NAME };

static const char *without_slash(const char *name)
{
	return *name == '/' ? name + 1 : name;
}

static enum fit fit_of(const char *wanted, const struct fg_senml_record *record)
{
	if (!wanted || strcmp(without_slash(wanted), without_slash(record->name)) == 0)
		return BY_NAME;
	return strcmp(wanted, record->own) == 0 ? BY_OWN_NAME : NOT_AT_ALL;
}

struct choice {
	const char *wanted; /* NULL: all records are of one name */
	enum fit fit;
	bool several; /* as good ones with different names */
	char name[FG_SENML_NAME];
};

static void consider(struct choice *c, const struct fg_senml_record *record)
{
	enum fit fit = fit_of(c->wanted, record);

	if (fit == NOT_AT_ALL || fit < c->fit)
		return;
	c->several = fit == c->fit && (c->several || strcmp(c->name, record->name) != 0);
	if (fit > c->fit)
		memcpy(c->name, record->name, sizeof(c->name));
	c->fit = fit;
}

/* ---- SenML ---- */

static int open_pack(struct fg_payload_search *s, struct fg_senml *pack, char *text, size_t cap)
{
	const struct fg_payload *p = s->payload;
	enum fg_senml_form form =
		s->format == FG_COAP_FORMAT_SENML_CBOR ? FG_SENML_CBOR : FG_SENML_JSON;

	if (fg_senml_open(pack, form, FG_SENML_OBJECT_NAMES, p->data, p->len, 0, text, cap) < 0)
		return fg_payload_fail(s, FG_EDECODE, "SenML: %s", pack->why);
	return FG_OK;
}

static void consider_all(struct fg_senml pack, const char *wanted, struct choice *c)
{
	struct fg_senml_record record;

	*c = (struct choice){.wanted = wanted, .fit = NOT_AT_ALL};
	while (fg_senml_next(&pack, &record) == FG_OK)
		consider(c, &record);
}

/* A point without a name is about the resource that was asked for, where a record is called so;
 * else about the only name that there is. */
static int choose(struct fg_payload_search *s, const struct fg_senml *pack, struct choice *ret)
{
	const char *wanted = s->at->senml, *path = s->payload->path;
	struct fg_object_path object;

	if (!wanted && path && fg_object_path_parse(path, &object) && object.depth > 2)
		consider_all(*pack, path, ret);
	else
		consider_all(*pack, wanted, ret);
	if (ret->fit == NOT_AT_ALL && !wanted)
		consider_all(*pack, NULL, ret);
	if (ret->several)
		return fg_payload_fail(s, FG_EDECODE,
			"several records fit: say which with its whole name (`senml:`)");
	if (ret->fit == NOT_AT_ALL)
		return fg_payload_fail(
			s, FG_ENOENT, "no record '%.80s' in this pack", wanted ? wanted : "");
	return FG_OK;
}

static void put_text(const struct fg_value *v, char *out, size_t cap)
{
	snprintf(out, cap, "%.*s", (int)FG_MIN(v->len, cap - 1), v->text);
}

/* Whether resource 5701 tells the unit of this one: the value, and its least and most. */
static bool has_unit(const struct fg_object_path *path)
{
	return path->depth >= 3 &&
	       (path->resource == 5700 || (path->resource >= 5601 && path->resource <= 5604));
}

/* Of an object's resource without a unit of its own: what resource 5701 beside it says. */
static void find_unit(struct fg_senml pack, const char *name, char unit[FG_PAYLOAD_UNIT])
{
	const char *last = strrchr(name, '/');
	struct fg_senml_record record;
	struct fg_object_path path;

	if (!last || !fg_object_path_parse(name, &path) || path.depth != 3 || !has_unit(&path))
		return;
	while (fg_senml_next(&pack, &record) == FG_OK)
		if (record.value.kind == FG_KIND_TEXT && !record.is_data &&
			strncmp(record.name, name, (size_t)(last + 1 - name)) == 0 &&
			strcmp(record.name + (last + 1 - name), "5701") == 0)
			put_text(&record.value, unit, FG_PAYLOAD_UNIT);
}

static void set_time(struct fg_payload_found *f, const struct fg_senml_record *record)
{
	double us = record->time * 1e6;

	if (!(fabs(us) < 9e15)) /* the year 2255; also before it */
		f->bad = true;
	else if (!record->relative)
		f->clock = FG_PAYLOAD_WALL;
	else if (us < 0 || us > 0)
		f->clock = FG_PAYLOAD_RELATIVE;
	f->time_us = f->bad ? 0 : (int64_t)llround(us);
}

static bool wants_bytes(const struct fg_payload_point *at)
{
	return at->type.given && at->type.protobuf && at->type.kind == FG_PROTOBUF_BYTES;
}

/* Data as hexadecimal digits, as much as a text of a point holds. */
static void put_digits(const struct fg_senml_record *record, struct fg_payload_found *f)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = FG_MIN((size_t)record->value.len, (sizeof(f->text) - 1) / 2);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)record->value.text[i];

		f->text[2 * i] = digits[c >> 4];
		f->text[2 * i + 1] = digits[c & 15];
	}
	f->value.text = f->text;
	f->value.len = (uint32_t)(2 * len);
}

static int give_record(
	struct fg_payload_search *s, const struct fg_senml_record *record, const char *unit)
{
	struct fg_payload_found f = {.value = record->value};

	set_time(&f, record);
	if (f.bad) {
		fg_payload_fail(s, FG_OK, "'%.80s' has a time beyond all bounds", record->name);
	} else if (s->at->sum) {
		f.value = record->sum;
		f.bad = f.value.kind == FG_KIND_NONE;
		fg_payload_fail(s, FG_OK, "'%.80s' has no sum (s)", record->name);
	} else if (record->is_data && wants_bytes(s->at)) {
		put_digits(record, &f);
	} else if (record->is_data || record->value.kind == FG_KIND_NONE) {
		f.bad = true;
		fg_payload_fail(s, FG_OK, "'%.80s' has %s, which is no reading", record->name,
			record->is_data ? "bytes (vd)" : "only a sum (s)");
	}
	if (!s->at->sum) /* its unit would be that times seconds */
		snprintf(f.unit, sizeof(f.unit), "%s", *record->unit ? record->unit : unit);
	return s->sink(s->arg, &f);
}

int fg_payload_search_pack(struct fg_payload_search *s)
{
	char text[FG_PAYLOAD_TEXT], unit[FG_PAYLOAD_UNIT] = "";
	struct fg_senml_record record;
	struct choice choice;
	struct fg_senml pack;
	int r = open_pack(s, &pack, text, sizeof(text));

	if (r == FG_OK)
		r = choose(s, &pack, &choice);
	if (r == FG_OK)
		find_unit(pack, choice.name, unit);
	while (r == FG_OK && fg_senml_next(&pack, &record) == FG_OK)
		if (fit_of(choice.wanted, &record) == choice.fit &&
			strcmp(record.name, choice.name) == 0)
			r = give_record(s, &record, unit);
	return r < 0 ? r : FG_OK;
}

int fg_payload_check_pack(struct fg_payload_search *s)
{
	char text[FG_PAYLOAD_TEXT];
	struct fg_senml pack;

	return open_pack(s, &pack, text, sizeof(text));
}

int fg_payload_base_name(struct fg_payload_search *s, char *out, size_t cap)
{
	char text[FG_PAYLOAD_TEXT];
	struct fg_senml_record record;
	struct fg_senml pack;
	int r = open_pack(s, &pack, text, sizeof(text));

	if (r == FG_OK)
		r = fg_senml_next(&pack, &record);
	if (r < 0)
		return FG_EDECODE;
	if (!*pack.base_name)
		return FG_ENOENT;
	if (strlen(pack.base_name) >= cap)
		return FG_EDECODE;
	memcpy(out, pack.base_name, strlen(pack.base_name) + 1);
	return FG_OK;
}

/* ---- LwM2M TLV ---- */

/* Into the room of a point's text, cut between two characters. */
static void copy_text(struct fg_payload_found *f)
{
	const unsigned char *from = (const unsigned char *)f->value.text;
	size_t used = 0, n;

	while (used < f->value.len && (n = fg_utf8_char(from + used, f->value.len - used)) &&
		used + n < sizeof(f->text))
		used += n;
	memcpy(f->text, from, used);
	f->value.text = f->text;
	f->value.len = (uint32_t)used;
}

/* The unit and the time that stand beside a resource of an IPSO sensor. */
static void take_neighbours(const struct fg_payload *p, const struct fg_object_path *base,
	struct fg_object_path path, struct fg_payload_found *f)
{
	bool unit = has_unit(&path);
	struct fg_value v;

	path.depth = 3;
	path.resource = UNIT_RESOURCE;
	if (unit && fg_tlv_value(p->data, p->len, base, &path, &v) == FG_OK)
		put_text(&v, f->unit, sizeof(f->unit));
	path.resource = TIME_RESOURCE;
	if (fg_tlv_value(p->data, p->len, base, &path, &v) == FG_OK && v.i > 0 &&
		v.i < INT64_C(9000000000)) {
		f->clock = FG_PAYLOAD_WALL;
		f->time_us = v.i * 1000000;
	}
}

int fg_payload_check_objects(struct fg_payload_search *s)
{
	if (fg_tlv_check(s->payload->data, s->payload->len) < 0)
		return fg_payload_fail(s, FG_EDECODE, "TLV: not well-formed");
	return FG_OK;
}

int fg_payload_search_objects(struct fg_payload_search *s)
{
	const struct fg_payload *p = s->payload;
	const char *asked = p->path ? p->path : "", *wanted = s->at->senml ? s->at->senml : asked;
	struct fg_payload_found f = {.clock = FG_PAYLOAD_NOW};
	struct fg_object_path base, path;
	int r;

	if (!fg_object_path_parse(wanted, &path) || path.depth < 3)
		return fg_payload_fail(s, FG_EDECODE,
			"TLV, but '%.80s' names no resource, such as 3303/0/5700", wanted);
	if (!fg_object_path_parse(asked, &base)) { /* posted to where no object is */
		base = path;
		base.depth = 1;
	}
	r = fg_tlv_value(p->data, p->len, &base, &path, &f.value);
	if (r < 0)
		return fg_payload_fail(s, r, "TLV: %s",
			r == FG_ENOENT ? "the resource is not there"
				       : "not well-formed, or not a value of the resource's type");
	if (f.value.kind == FG_KIND_TEXT)
		copy_text(&f);
	take_neighbours(p, &base, path, &f);
	return s->sink(s->arg, &f);
}
