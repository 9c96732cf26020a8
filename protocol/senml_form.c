/* SPDX-License-Identifier: EUPL-1.2 */
/* The two forms of SenML: records out of JSON and CBOR as fields with labels and types. */
#include <string.h>

#include "base/status.h"
#include "protocol/cbor.h"
#include "protocol/json_scan.h"
#include "protocol/senml_internal.h"

#define MAX_LABEL 48 /* of a label that is not known, for messages */

const struct fg_senml_rule fg_senml_rules[FG_SENML_LABELS] = {
	[FG_SENML_BVER] = {"bver", -1, FG_SENML_NUMBER},
	[FG_SENML_BN] = {"bn", -2, FG_SENML_TEXT},
	[FG_SENML_BT] = {"bt", -3, FG_SENML_NUMBER},
	[FG_SENML_BU] = {"bu", -4, FG_SENML_TEXT},
	[FG_SENML_BV] = {"bv", -5, FG_SENML_NUMBER},
	[FG_SENML_BS] = {"bs", -6, FG_SENML_NUMBER},
	[FG_SENML_N] = {"n", 0, FG_SENML_TEXT},
	[FG_SENML_U] = {"u", 1, FG_SENML_TEXT},
	[FG_SENML_V] = {"v", 2, FG_SENML_NUMBER},
	[FG_SENML_VS] = {"vs", 3, FG_SENML_TEXT},
	[FG_SENML_VB] = {"vb", 4, FG_SENML_BOOL},
	[FG_SENML_VD] = {"vd", 8, FG_SENML_DATA},
	[FG_SENML_S] = {"s", 5, FG_SENML_NUMBER},
	[FG_SENML_T] = {"t", 6, FG_SENML_NUMBER},
	[FG_SENML_UT] = {"ut", 7, FG_SENML_NUMBER},
};

static const char *type_name(int type)
{
	static const char *const names[] = {
		[FG_SENML_NUMBER] = "a number",
		[FG_SENML_TEXT] = "a string",
		[FG_SENML_BOOL] = "true or false",
		[FG_SENML_DATA] = "data",
	};

	return names[type];
}

static int find_label(const char *name)
{
	for (int i = 0; i < FG_SENML_LABELS; i++)
		if (strcmp(fg_senml_rules[i].name, name) == 0)
			return i;
	return FG_SENML_LABELS;
}

/* A label of an extension. One that ends in _ must be understood (4.4), others need not. */
static int pass_over(struct fg_senml *s, const char *label, bool must)
{
	return must ? fg_senml_fail(s, "must-understand label '%s'", label) : FG_OK;
}

static int put_field(struct fg_senml *s, struct fg_senml_fields *fields, int label,
	const struct fg_senml_field *field)
{
	const struct fg_senml_rule *rule = &fg_senml_rules[label];

	if (fields->of[label].type != FG_SENML_ABSENT)
		return fg_senml_fail(s, "%s stands twice", rule->name);
	if ((int)field->type != rule->type)
		return fg_senml_fail(s, "%s is not %s", rule->name, type_name(rule->type));
	fields->of[label] = *field;
	return FG_OK;
}

/* ---- JSON ---- */

static struct fg_json_span json_rest(const struct fg_senml *s)
{
	return (struct fg_json_span){s->at, s->payload + s->len};
}

static int json_begin(struct fg_senml *s)
{
	struct fg_json_span pack, rest;

	if (fg_json_find((const char *)s->payload, s->len, "", &pack) < 0)
		return fg_senml_fail(s, "not JSON (RFC 8259) that can be read");
	rest = pack;
	if (!fg_json_take(&rest, '['))
		return fg_senml_fail(s, "not a pack: an array of records");
	s->at = rest.at;
	if (fg_json_take(&rest, ']'))
		return fg_senml_fail(s, "an empty pack");
	return FG_OK;
}

/* The last character of a label, which its own array may not hold. */
static bool ends_in_underscore(struct fg_json_span label)
{
	const unsigned char *p = label.at + 1;
	unsigned char c[4] = {0}, last = 0;

	while (fg_json_char(&p, label.end, c))
		last = c[0];
	return last == '_';
}

static int json_field(
	struct fg_senml *s, int label, struct fg_json_span value, struct fg_senml_fields *fields)
{
	struct fg_senml_field field = {.at = value.at, .end = value.end};

	switch (*value.at) {
	case '"':
		field.type =
			fg_senml_rules[label].type == FG_SENML_DATA ? FG_SENML_DATA : FG_SENML_TEXT;
		break;
	case 't':
	case 'f':
		field.type = FG_SENML_BOOL;
		field.number.kind = FG_KIND_BOOL;
		field.number.b = *value.at == 't';
		break;
	case 'n':
	case '[':
	case '{':
		break;
	default:
		if (fg_json_number(value, &field.number) < 0)
			return fg_senml_fail(
				s, "%s is a number beyond all bounds", fg_senml_rules[label].name);
		field.type = FG_SENML_NUMBER;
	}
	return put_field(s, fields, label, &field);
}

static int json_record(struct fg_senml *s, struct fg_json_span rest, struct fg_senml_fields *fields)
{
	char name[MAX_LABEL];
	bool cut;
	int r = FG_OK;

	if (!fg_json_take(&rest, '{'))
		return fg_senml_fail(s, "not an object");
	while (r == FG_OK && !fg_json_take(&rest, '}')) {
		struct fg_json_span key = fg_json_step(&rest), value;
		int label;

		fg_json_take(&rest, ':');
		value = fg_json_step(&rest);
		fg_json_take(&rest, ',');
		fg_json_copy(key, name, sizeof(name), &cut);
		label = cut ? FG_SENML_LABELS : find_label(name);
		if (label < FG_SENML_LABELS)
			r = json_field(s, label, value, fields);
		else
			r = pass_over(s, name, ends_in_underscore(key));
	}
	return r;
}

static int json_next(struct fg_senml *s, struct fg_senml_fields *fields)
{
	struct fg_json_span rest = json_rest(s), record;

	if (fg_json_take(&rest, ']'))
		return FG_ENOENT;
	record = fg_json_step(&rest);
	fg_json_take(&rest, ',');
	s->at = rest.at;
	return json_record(s, record, fields);
}

/* ---- CBOR ---- */

static int cbor_begin(struct fg_senml *s)
{
	struct fg_cbor_span rest = {s->payload, s->payload + s->len};
	struct fg_cbor_head head;

	if (fg_cbor_check(s->payload, s->len) < 0)
		return fg_senml_fail(s, "not CBOR (RFC 8949) that can be read");
	head = fg_cbor_head(&rest);
	if (head.major != FG_CBOR_ARRAY)
		return fg_senml_fail(s, "not a pack: an array of records");
	s->at = rest.at;
	s->left = head.arg;
	s->indefinite = head.indefinite;
	if (s->indefinite ? fg_cbor_break(&rest) : !s->left)
		return fg_senml_fail(s, "an empty pack");
	return FG_OK;
}

static int cbor_field(
	struct fg_senml *s, int label, struct fg_cbor_span value, struct fg_senml_fields *fields)
{
	struct fg_senml_field field = {.at = value.at, .end = value.end};
	struct fg_cbor_span rest = value;
	struct fg_cbor_head head = fg_cbor_head(&rest);

	if (head.major == FG_CBOR_TEXT) {
		field.type = FG_SENML_TEXT;
	} else if (head.major == FG_CBOR_BYTES) {
		field.type = FG_SENML_DATA;
	} else if (head.major == FG_CBOR_SIMPLE && (head.info == 20 || head.info == 21)) {
		field.type = FG_SENML_BOOL;
		field.number.kind = FG_KIND_BOOL;
		field.number.b = head.info == 21;
	} else if (fg_cbor_number(value, &field.number) == FG_OK) {
		field.type = FG_SENML_NUMBER;
	}
	return put_field(s, fields, label, &field);
}

/* Labels are integers; that table is closed, and what extensions add are texts (section 6). */
static int cbor_member(struct fg_senml *s, struct fg_cbor_span key, struct fg_cbor_span value,
	struct fg_senml_fields *fields)
{
	struct fg_cbor_span rest = key;
	enum fg_cbor_major major = fg_cbor_head(&rest).major;
	struct fg_value number;
	char name[MAX_LABEL];
	bool cut;
	size_t len;

	if (major == FG_CBOR_TEXT) {
		len = fg_cbor_copy(key, name, sizeof(name), &cut);
		if (!cut && find_label(name) < FG_SENML_LABELS)
			return fg_senml_fail(s, "label '%s' as a text; in CBOR it is %d", name,
				fg_senml_rules[find_label(name)].key);
		/* texts of indefinite length end in a break */
		return pass_over(s, name,
			cut ? key.end[-1] == '_' || key.end[-1] == 0xFF
			    : len && name[len - 1] == '_');
	}
	if ((major != FG_CBOR_UINT && major != FG_CBOR_NEGATIVE) ||
		fg_cbor_number(key, &number) < 0)
		return fg_senml_fail(s, "a label that is neither an integer nor a text");
	for (int i = 0; number.kind == FG_KIND_INT && i < FG_SENML_LABELS; i++)
		if (fg_senml_rules[i].key == number.i)
			return cbor_field(s, i, value, fields);
	return FG_OK;
}

static int cbor_next(struct fg_senml *s, struct fg_senml_fields *fields)
{
	struct fg_cbor_span rest = {s->at, s->payload + s->len};
	struct fg_cbor_head pack = {.indefinite = s->indefinite}, head;
	uint64_t left;
	int r = FG_OK;

	if (!fg_cbor_more(&rest, &pack, &s->left)) {
		s->left = 0;
		return FG_ENOENT;
	}
	head = fg_cbor_head(&rest);
	if (head.major != FG_CBOR_MAP)
		return fg_senml_fail(s, "not a map");
	left = head.arg;
	while (r == FG_OK && fg_cbor_more(&rest, &head, &left)) {
		struct fg_cbor_span key = fg_cbor_step(&rest), value = fg_cbor_step(&rest);

		r = cbor_member(s, key, value, fields);
	}
	s->at = rest.at;
	return r;
}

/* ---- both ---- */

int fg_senml_form_begin(struct fg_senml *s)
{
	return s->form == FG_SENML_JSON ? json_begin(s) : cbor_begin(s);
}

int fg_senml_form_next(struct fg_senml *s, struct fg_senml_fields *ret)
{
	memset(ret, 0, sizeof(*ret));
	return s->form == FG_SENML_JSON ? json_next(s, ret) : cbor_next(s, ret);
}

int64_t fg_senml_form_copy(const struct fg_senml *s, const struct fg_senml_field *field, char *out,
	size_t cap, bool *ret_cut)
{
	size_t len;

	if (s->form == FG_SENML_CBOR)
		return (int64_t)fg_cbor_copy(
			(struct fg_cbor_span){field->at, field->end}, out, cap, ret_cut);
	len = fg_json_copy((struct fg_json_span){field->at, field->end}, out, cap, ret_cut);
	if (field->type != FG_SENML_DATA)
		return (int64_t)len;
	return fg_base64url_take(out, *ret_cut ? len / 4 * 4 : len);
}
