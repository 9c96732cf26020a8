/* SPDX-License-Identifier: EUPL-1.2 */
/* LwM2M TLV (OMA-TS-LightweightM2M_Core, "TLV"): entries with a kind, an id and a length, nested
 * at most object instance, multiple resource, resource instance. */
#include "protocol/tlv.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"

#define MAX_BYTES (64u << 10)

enum kind { OBJECT_INSTANCE, RESOURCE_INSTANCE, MULTIPLE_RESOURCE, RESOURCE };

struct entry {
	enum kind kind;
	uint16_t id;
	const unsigned char *value;
	size_t len;
};

struct span {
	const unsigned char *at, *end;
};

/* ---- paths ---- */

bool fg_object_path_parse(const char *text, struct fg_object_path *ret)
{
	uint16_t ids[4] = {0};
	unsigned n = 0;

	text += *text == '/';
	for (;;) {
		unsigned long id = 0;
		size_t digits = strspn(text, "0123456789");

		if (!digits || digits > 5 || n == FG_COUNT(ids))
			return false;
		for (size_t i = 0; i < digits; i++)
			id = id * 10 + (unsigned long)(text[i] - '0');
		if (id > UINT16_MAX)
			return false;
		ids[n++] = (uint16_t)id;
		text += digits;
		if (*text == '\0' || *text == '?')
			break;
		if (*text++ != '/')
			return false;
	}
	*ret = (struct fg_object_path){ids[0], ids[1], ids[2], ids[3], n};
	return true;
}

bool fg_object_path_below(const struct fg_object_path *path, const struct fg_object_path *base)
{
	return base->depth <= path->depth && path->object == base->object &&
	       (base->depth < 2 || path->instance == base->instance) &&
	       (base->depth < 3 || path->resource == base->resource) &&
	       (base->depth < 4 || path->resource_instance == base->resource_instance);
}

/* ---- entries ---- */

static size_t take_number(struct span *rest, unsigned bytes)
{
	size_t v = 0;

	while (bytes--)
		v = v << 8 | *rest->at++;
	return v;
}

/* FG_ENOENT at the end. */
static int take_entry(struct span *rest, struct entry *ret)
{
	unsigned type, id_bytes, length_bytes;

	if (rest->at == rest->end)
		return FG_ENOENT;
	type = *rest->at++;
	id_bytes = type & 0x20 ? 2 : 1;
	length_bytes = type >> 3 & 3;
	if ((size_t)(rest->end - rest->at) < id_bytes + length_bytes)
		return FG_EDECODE;
	ret->kind = (enum kind)(type >> 6);
	ret->id = (uint16_t)take_number(rest, id_bytes);
	ret->len = length_bytes ? take_number(rest, length_bytes) : (type & 7);
	if (ret->len > (size_t)(rest->end - rest->at))
		return FG_EDECODE;
	ret->value = rest->at;
	rest->at += ret->len;
	return FG_OK;
}

/* The entry of this kind and id among those of a span, all of which are looked at; twice is
 * nothing to choose from. */
static int find(struct span rest, enum kind kind, uint16_t id, struct entry *ret)
{
	struct entry e;
	bool found = false;
	int r;

	while ((r = take_entry(&rest, &e)) == FG_OK) {
		if (e.kind != kind || e.id != id)
			continue;
		if (found)
			return FG_EDECODE;
		found = true;
		*ret = e;
	}
	if (r == FG_EDECODE)
		return r;
	return found ? FG_OK : FG_ENOENT;
}

static struct span inside(const struct entry *e)
{
	return (struct span){e->value, e->value + e->len};
}

/* What stands in an entry: resources in an instance, their instances in a multiple one. */
static int check_entries(struct span rest, unsigned depth)
{
	struct entry e;
	int r;

	while ((r = take_entry(&rest, &e)) == FG_OK) {
		if (e.kind != OBJECT_INSTANCE && e.kind != MULTIPLE_RESOURCE)
			continue;
		if (depth == 2 || check_entries(inside(&e), depth + 1) < 0)
			return FG_EDECODE;
	}
	return r == FG_ENOENT ? FG_OK : r;
}

int fg_tlv_check(const void *payload, size_t len)
{
	if (!len || len > MAX_BYTES)
		return FG_EDECODE;
	return check_entries((struct span){payload, (const unsigned char *)payload + len}, 0);
}

static int find_resource_instance(
	struct span rest, const struct fg_object_path *path, struct entry *ret)
{
	struct span first = rest;
	struct entry e;
	int r;

	if (path->depth == 4)
		return find(rest, RESOURCE_INSTANCE, path->resource_instance, ret);
	r = take_entry(&first, ret);
	if (r < 0)
		return r;
	return ret->kind == RESOURCE_INSTANCE && take_entry(&first, &e) == FG_ENOENT ? FG_OK
										     : FG_EDECODE;
}

/* Devices may leave the entry of the object instance out where the request named it. */
static int find_resource(struct span all, const struct fg_object_path *asked,
	const struct fg_object_path *path, struct entry *ret)
{
	struct entry outer;
	int r = find(all, OBJECT_INSTANCE, path->instance, &outer);

	if (r == FG_OK)
		all = inside(&outer);
	else if (r != FG_ENOENT || asked->depth < 2)
		return r;
	if (path->depth < 4) {
		r = find(all, RESOURCE, path->resource, ret);
		if (r != FG_ENOENT)
			return r;
	}
	r = find(all, MULTIPLE_RESOURCE, path->resource, &outer);
	if (r == FG_OK)
		r = find_resource_instance(inside(&outer), path, ret);
	return r;
}

/* ---- values ---- */

enum type { UNKNOWN, FLOAT, INTEGER, BOOLEAN, STRING };

/* Types of the OMA registry. Resources from 2048 on mean the same in every object. */
static const struct {
	uint16_t object; /* 0: any */
	uint16_t first, last;
	enum type type;
} types[] = {
	{3, 0, 3, STRING},    /* device: manufacturer, model, serial number, firmware */
	{3, 6, 9, INTEGER},   /* power sources, voltage (mV), current (mA), battery (%) */
	{3, 10, 11, INTEGER}, /* free memory, error code */
	{3, 13, 13, INTEGER}, /* time */
	{3, 17, 19, STRING}, {3, 20, 21, INTEGER}, /* battery status, memory */
	{4, 0, 4, INTEGER},	  /* connectivity: bearer, signal strength, quality */
	{6, 0, 3, FLOAT},	  /* location: latitude, longitude, altitude, radius */
	{6, 5, 5, INTEGER},	  /* time of it */
	{6, 6, 6, FLOAT},	  /* speed */
	{3426, 1, 14, FLOAT},	  /* water quality */
	{3427, 1, 1, FLOAT},	  /* pressure */
	{3428, 1, 24, FLOAT},	  /* air quality */
	{3433, 3, 3, FLOAT},	  /* noise */
	{3435, 2, 2, FLOAT},	  /* filling level */
	{3446, 1, 1, FLOAT},	  /* rain */
	{0, 5500, 5500, BOOLEAN}, /* digital input state */
	{0, 5501, 5501, INTEGER}, /* digital input counter */
	{0, 5502, 5502, BOOLEAN}, /* polarity */
	{0, 5503, 5504, INTEGER}, /* debounce, edge */
	{0, 5506, 5506, INTEGER}, /* time stamp */
	{0, 5513, 5514, STRING},  /* latitude, longitude */
	{0, 5518, 5518, INTEGER}, /* time stamp */
	{0, 5534, 5534, INTEGER}, /* output transitions */
	{0, 5550, 5550, BOOLEAN}, /* digital output state */
	{0, 5600, 5604, FLOAT},	  /* analogue input, least, most, range */
	{0, 5650, 5650, FLOAT},	  /* analogue output */
	{0, 5700, 5700, FLOAT},	  /* sensor value */
	{0, 5701, 5701, STRING},  /* its unit */
	{0, 5702, 5704, FLOAT},	  /* x, y, z */
	{0, 5705, 5705, FLOAT},	  /* compass direction */
	{0, 5750, 5751, STRING},  /* application type, sensor type */
	{0, 5800, 5802, FLOAT},	  /* power: active, measured least, most */
	{0, 5805, 5805, FLOAT},	  /* cumulative active power */
	{0, 5820, 5821, FLOAT},	  /* power factor, calibration */
	{0, 5850, 5850, BOOLEAN}, /* on/off */
	{0, 5851, 5852, INTEGER}, /* dimmer, on time */
	{0, 5900, 5900, FLOAT},	  /* set point */
	{0, 6042, 6042, INTEGER}, /* measurement quality: indicator, level */
	{0, 6043, 6043, FLOAT},	  /* particle size */
	{0, 6049, 6049, INTEGER},
	{0, 6050, 6050, FLOAT}, /* fraction of a time stamp */
};

static enum type type_of(const struct fg_object_path *path)
{
	for (size_t i = 0; i < FG_COUNT(types); i++)
		if ((!types[i].object || types[i].object == path->object) &&
			path->resource >= types[i].first && path->resource <= types[i].last)
			return types[i].type;
	return UNKNOWN;
}

static uint64_t big_endian(const struct entry *e)
{
	uint64_t v = 0;

	for (size_t i = 0; i < e->len; i++)
		v = v << 8 | e->value[i];
	return v;
}

static int take_float(const struct entry *e, struct fg_value *ret)
{
	uint64_t bits = e->len <= 8 ? big_endian(e) : 0;
	uint32_t low = (uint32_t)bits;
	float single;

	if (e->len == 4) {
		memcpy(&single, &low, sizeof(single));
		ret->kind = FG_KIND_FLOAT;
		ret->f = (double)single;
		return FG_OK;
	}
	if (e->len != 8)
		return FG_EDECODE;
	memcpy(&ret->f, &bits, sizeof(ret->f));
	ret->kind = FG_KIND_DOUBLE;
	return FG_OK;
}

static int take_integer(const struct entry *e, struct fg_value *ret)
{
	uint64_t bits;

	if (e->len != 1 && e->len != 2 && e->len != 4 && e->len != 8)
		return FG_EDECODE;
	bits = big_endian(e);
	if (e->len < 8 && bits >> (8 * e->len - 1))
		bits |= UINT64_MAX << (8 * e->len);
	ret->kind = FG_KIND_INT;
	memcpy(&ret->i, &bits, sizeof(ret->i));
	return FG_OK;
}

static int take_text(const struct entry *e, struct fg_value *ret)
{
	for (size_t i = 0, n; i < e->len; i += n) {
		n = fg_utf8_char(e->value + i, e->len - i);
		if (!n || !e->value[i])
			return FG_EDECODE;
	}
	ret->kind = FG_KIND_TEXT;
	ret->text = (const char *)e->value;
	ret->len = (uint32_t)e->len;
	return FG_OK;
}

static int take_value(const struct entry *e, enum type type, struct fg_value *ret)
{
	switch (type) {
	case FLOAT:
		return take_float(e, ret);
	case INTEGER:
		return take_integer(e, ret);
	case STRING:
		return take_text(e, ret);
	case BOOLEAN:
		if (e->len != 1 || *e->value > 1)
			return FG_EDECODE;
		ret->kind = FG_KIND_BOOL;
		ret->b = *e->value == 1;
		return FG_OK;
	case UNKNOWN:
		break;
	}
	return FG_EDECODE;
}

int fg_tlv_value(const void *payload, size_t len, const struct fg_object_path *asked,
	const struct fg_object_path *path, struct fg_value *ret_value)
{
	struct span all = {payload, (const unsigned char *)payload + len};
	struct fg_value v = {.kind = FG_KIND_NONE};
	struct entry e;
	int r;

	if (len > MAX_BYTES || path->depth < 3)
		return FG_EDECODE;
	if (!fg_object_path_below(path, asked))
		return FG_ENOENT;
	r = find_resource(all, asked, path, &e);
	if (r == FG_OK)
		r = take_value(&e, type_of(path), &v);
	if (r == FG_OK)
		*ret_value = v;
	return r;
}
