/* SPDX-License-Identifier: EUPL-1.2 */
/* The one record of a SenML pack, or resource of an LwM2M object, that a point is about. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "protocol/tlv.h"

#define UNIT_RESOURCE 5701 /* of the sensors of IPSO */

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
	enum fit fit;
	bool several; /* as good ones with different names */
	char name[FG_SENML_NAME];
	double time;
	unsigned index;
};

/* The newest of those that fit best. */
static void consider(
	struct choice *c, enum fit fit, const struct fg_senml_record *record, unsigned index)
{
	if (fit == NOT_AT_ALL || fit < c->fit)
		return;
	if (fit > c->fit)
		c->several = false;
	else if (strcmp(c->name, record->name) != 0)
		c->several = true;
	else if (record->time < c->time)
		return;
	c->fit = fit;
	c->time = record->time;
	c->index = index;
	memcpy(c->name, record->name, sizeof(c->name));
}

static int take_record(const struct fg_senml_record *record, struct fg_coap_decoded *ret)
{
	if (record->is_data || record->value.kind == FG_KIND_NONE) {
		snprintf(ret->why, sizeof(ret->why), "'%.80s' has %s, which is no reading",
			record->name, record->is_data ? "bytes (vd)" : "only a sum (s)");
		return FG_EDECODE;
	}
	ret->value = record->value;
	memcpy(ret->unit, record->unit, sizeof(ret->unit));
	return FG_OK;
}

int fg_coap_decode_senml(enum fg_senml_form form, const char *wanted, const char *data, size_t len,
	struct fg_coap_decoded *ret)
{
	struct choice choice = {.fit = NOT_AT_ALL};
	struct fg_senml_record record;
	struct fg_senml s;
	unsigned index = 0;
	int r = fg_senml_open(
		&s, form, FG_SENML_OBJECT_NAMES, data, len, 0, ret->text, sizeof(ret->text));

	if (r < 0) {
		snprintf(ret->why, sizeof(ret->why), "SenML: %s", s.why);
		return r;
	}
	while (fg_senml_next(&s, &record) == FG_OK)
		consider(&choice, fit_of(wanted, &record), &record, index++);
	if (choice.fit == NOT_AT_ALL || choice.several) {
		snprintf(ret->why, sizeof(ret->why),
			choice.several ? "several records fit: say which with its whole name "
					 "(`senml:`)"
				       : "no record '%.80s' in this pack",
			wanted ? wanted : "");
		return choice.several ? FG_EDECODE : FG_ENOENT;
	}
	/* once more up to it: its text was in the way of the others */
	r = fg_senml_open(
		&s, form, FG_SENML_OBJECT_NAMES, data, len, 0, ret->text, sizeof(ret->text));
	for (index = 0; r == FG_OK && index <= choice.index; index++)
		r = fg_senml_next(&s, &record);
	return r == FG_OK ? take_record(&record, ret) : r;
}

/* Into the room of a point's text, cut between two characters. */
static void copy_text(struct fg_coap_decoded *d)
{
	const unsigned char *from = (const unsigned char *)d->value.text;
	size_t used = 0, n;

	while (used < d->value.len && (n = fg_utf8_char(from + used, d->value.len - used)) &&
		used + n < sizeof(d->text))
		used += n;
	memcpy(d->text, from, used);
	d->value.text = d->text;
	d->value.len = (uint32_t)used;
}

/* It may end on a terminal. */
static void take_unit(const struct fg_value *unit, char ret[FG_SENML_UNIT])
{
	snprintf(
		ret, FG_SENML_UNIT, "%.*s", (int)FG_MIN(unit->len, FG_SENML_UNIT - 1u), unit->text);
	for (; *ret; ret++)
		if ((unsigned char)*ret < ' ' || *ret == 0x7f)
			*ret = '?';
}

int fg_coap_decode_tlv(const char *asked, const char *wanted, const char *data, size_t len,
	struct fg_coap_decoded *ret)
{
	struct fg_object_path base, path;
	struct fg_value unit;
	int r;

	if (!fg_object_path_parse(asked, &base) ||
		!fg_object_path_parse(wanted ? wanted : asked, &path) || path.depth < 3) {
		snprintf(ret->why, sizeof(ret->why),
			"TLV, but '%.80s' names no resource, such as 3303/0/5700",
			wanted ? wanted : asked);
		return FG_EDECODE;
	}
	r = fg_tlv_value(data, len, &base, &path, &ret->value);
	if (r < 0) {
		snprintf(ret->why, sizeof(ret->why), "TLV: %s",
			r == FG_ENOENT ? "the resource is not there"
				       : "not well-formed, or not a value of the resource's type");
		return r;
	}
	if (ret->value.kind == FG_KIND_TEXT)
		copy_text(ret);
	path.resource = UNIT_RESOURCE;
	path.depth = 3;
	if (fg_tlv_value(data, len, &base, &path, &unit) == FG_OK)
		take_unit(&unit, ret->unit);
	return FG_OK;
}
