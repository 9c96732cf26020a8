/* SPDX-License-Identifier: EUPL-1.2 */
/* SenML packs (RFC 8428), in JSON or CBOR. Values are those of `json`: where SenML knows no such
 * unit, a secondary one is used, which makes the pack one of version 26 (RFC 8798, RFC 9100), or
 * the value is converted. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "base/status.h"
#include "protocol/cbor_write.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

#define SECONDARY_UNITS 26 /* bver: version 10 and the feature of bit 4 */
#define PI		3.14159265358979323846

enum form { FORM_JSON, FORM_CBOR };

struct options {
	int form;
};

/* ---- units ---- */

struct unit {
	const char *ucum, *property; /* property NULL: of any */
	const char *senml;
	bool secondary;
	double scale, offset; /* senml = ucum * scale + offset; scale 0: as it is */
};

/* By the IANA registries of SenML. What is marked there as not recommended for those who send is
 * not used. A unit that is in neither registry is left out, as RFC 8428 allows. */
static const struct unit units[] = {
	{"%", "relative_humidity", "%RH", false, 0, 0},
	{"%", "battery_level", "%EL", false, 0, 0},
	{"%", NULL, "/100", true, 0, 0},
	{"1", "salinity", "/1000", true, 0, 0},
	{"Cel", NULL, "Cel", false, 0, 0},
	{"m", NULL, "m", false, 0, 0},
	{"m/s", NULL, "m/s", false, 0, 0},
	{"V", NULL, "V", false, 0, 0},
	{"A", NULL, "A", false, 0, 0},
	{"W", NULL, "W", false, 0, 0},
	{"J", NULL, "J", false, 0, 0},
	{"Hz", NULL, "Hz", false, 0, 0},
	{"K", NULL, "K", false, 0, 0},
	{"Pa", NULL, "Pa", false, 0, 0},
	{"s", NULL, "s", false, 0, 0},
	{"kg", NULL, "kg", false, 0, 0},
	{"lx", NULL, "lx", false, 0, 0},
	{"rad", NULL, "rad", false, 0, 0},
	{"m3", NULL, "m3", false, 0, 0},
	{"m3/s", NULL, "m3/s", false, 0, 0},
	{"W/m2", NULL, "W/m2", false, 0, 0},
	{"[pH]", NULL, "pH", false, 0, 0},
	{"{NTU}", NULL, "NTU", false, 0, 0},
	{"dB[SPL]", NULL, "dB", false, 0, 0},
	{"deg", NULL, "rad", false, PI / 180, 0},
	{"mg/m3", NULL, "kg/m3", false, 1e-6, 0},
	{"g/m3", NULL, "kg/m3", false, 1e-3, 0},
	{"uS/cm", NULL, "S/m", false, 1e-4, 0},
	{"L/s", NULL, "m3/s", false, 1e-3, 0},
	{"ug/m3", NULL, "ug/m3", true, 0, 0},
	{"[ppm]", NULL, "ppm", true, 0, 0},
	{"hPa", NULL, "hPa", true, 0, 0},
	{"mm/h", NULL, "mm/h", true, 0, 0},
	{"mm", NULL, "mm", true, 0, 0},
	{"cm", NULL, "cm", true, 0, 0},
	{"km", NULL, "km", true, 0, 0},
	{"km/h", NULL, "km/h", true, 0, 0},
	{"mg/L", NULL, "mg/l", true, 0, 0},
	{"ug/L", NULL, "ug/l", true, 0, 0},
	{"mV", NULL, "mV", true, 0, 0},
	{"mA", NULL, "mA", true, 0, 0},
	{"kW", NULL, "kW", true, 0, 0},
	{"{dBm}", NULL, "dBm", true, 0, 0},
	{"ms", NULL, "ms", true, 0, 0},
	{"min", NULL, "min", true, 0, 0},
	{"h", NULL, "h", true, 0, 0},
};

static const struct unit *unit_of(const struct fg_point_desc *desc)
{
	for (size_t i = 0; i < FG_COUNT(units); i++)
		if (strcmp(units[i].ucum, desc->unit) == 0 &&
			(!units[i].property || strcmp(units[i].property, desc->property) == 0))
			return &units[i];
	return NULL;
}

/* ---- values ---- */

static bool is_number(const struct fg_value *v)
{
	return v->kind != FG_KIND_NONE && v->kind != FG_KIND_TEXT && v->kind != FG_KIND_BOOL;
}

/* SenML has no record without a value. */
static bool is_told(const struct fg_item *item)
{
	return item->qc != FG_QC_MISSING && item->value.kind != FG_KIND_NONE &&
	       (!is_number(&item->value) || isfinite(fg_value_number(&item->value)));
}

/* The number as text: that of `json`, or converted. */
static void put_number(struct fg_buf *out, const struct fg_entry *e, const struct unit *unit)
{
	struct fg_value v = e->item.value;

	if (!unit || unit->scale == 0) {
		fg_encode_value(out, &v, e->desc->decimals);
		return;
	}
	v = (struct fg_value){.kind = FG_KIND_DECIMAL,
		.f = fg_value_number(&e->item.value) * unit->scale + unit->offset};
	fg_encode_value(out, &v, -1);
}

/* ---- what both forms say ---- */

struct record {
	const struct fg_entry *entry;
	const struct unit *unit;
	bool first, secondary; /* of the pack */
	int64_t base_ms;
};

/* The point, and of what is told of a period also which: "pm25/hourly". */
static void put_name(struct fg_buf *out, const struct fg_point_desc *desc)
{
	fg_buf_puts(out, desc->point);
	if (desc->period == FG_TOLD_NONE)
		return;
	fg_buf_putc(out, '/');
	fg_buf_puts(out, fg_aggregate_root(desc->period, desc->stat));
}

static bool is_doubtful(const struct fg_item *item)
{
	return item->qc == FG_QC_SUSPECT || item->qc == FG_QC_FAIL;
}

/* Milliseconds as seconds. */
static void put_seconds(struct fg_buf *out, int64_t ms)
{
	const struct fg_value v = {.kind = FG_KIND_DECIMAL, .f = (double)ms / 1000};

	fg_encode_value(out, &v, 3);
}

/* ---- JSON ---- */

static void put_json(struct fg_buf *out, const struct record *r)
{
	const struct fg_entry *e = r->entry;
	const struct fg_value *v = &e->item.value;

	fg_buf_puts(out, r->first ? "[{\"bn\":\"" : ",{");
	if (r->first) {
		fg_buf_puts(out, e->desc->station);
		fg_buf_puts(out, "/\",\"bt\":");
		put_seconds(out, r->base_ms);
		if (r->secondary)
			fg_buf_printf(out, ",\"bver\":%d", SECONDARY_UNITS);
		fg_buf_putc(out, ',');
	}
	fg_buf_puts(out, "\"n\":\"");
	put_name(out, e->desc);
	fg_buf_putc(out, '"');
	if (r->unit)
		fg_buf_printf(out, ",\"u\":\"%s\"", r->unit->senml);
	if (e->item.wall_ms != r->base_ms) {
		fg_buf_puts(out, ",\"t\":");
		put_seconds(out, e->item.wall_ms - r->base_ms);
	}
	if (v->kind == FG_KIND_TEXT) {
		fg_buf_puts(out, ",\"vs\":");
		fg_json_quote(out, v->text, v->len);
	} else if (v->kind == FG_KIND_BOOL) {
		fg_buf_puts(out, v->b ? ",\"vb\":true" : ",\"vb\":false");
	} else {
		fg_buf_puts(out, ",\"v\":");
		put_number(out, e, r->unit);
	}
	if (is_doubtful(&e->item))
		fg_buf_printf(out, ",\"qc\":%d", (int)e->item.qc);
	fg_buf_putc(out, '}');
}

/* ---- CBOR ---- */

enum label { BVER = -1, BN = -2, BT = -3, N = 0, U = 1, V = 2, VS = 3, VB = 4, T = 6 };

/* The double that a reader of the JSON form gets. */
static void put_cbor_number(struct fg_buf *out, const struct fg_entry *e, const struct unit *unit)
{
	const struct fg_value *v = &e->item.value;
	char mem[64];
	struct fg_buf text;
	double d = 0;

	if (v->kind == FG_KIND_UINT && (!unit || unit->scale == 0)) {
		fg_cbor_put_uint(out, v->u);
		return;
	}
	if (v->kind == FG_KIND_INT && (!unit || unit->scale == 0)) {
		fg_cbor_put_int(out, v->i);
		return;
	}
	fg_buf_wrap(&text, mem, sizeof(mem));
	put_number(&text, e, unit);
	if (text.overflow || fg_number_parse(mem, &d) < 0)
		d = fg_value_number(v);
	fg_cbor_put_double(out, d);
}

static void put_cbor_seconds(struct fg_buf *out, int64_t ms)
{
	if (ms % 1000 == 0)
		fg_cbor_put_int(out, ms / 1000);
	else
		fg_cbor_put_double(out, (double)ms / 1000);
}

static void put_cbor_head(struct fg_buf *out, const struct record *r)
{
	char mem[128];
	struct fg_buf name;

	fg_buf_wrap(&name, mem, sizeof(mem));
	fg_buf_puts(&name, r->entry->desc->station);
	fg_buf_putc(&name, '/');
	if (r->secondary) {
		fg_cbor_put_int(out, BVER);
		fg_cbor_put_int(out, SECONDARY_UNITS);
	}
	fg_cbor_put_int(out, BN);
	fg_cbor_put_text(out, mem, name.len);
	fg_cbor_put_int(out, BT);
	put_cbor_seconds(out, r->base_ms);
	out->overflow |= name.overflow;
}

static void put_cbor_value(struct fg_buf *out, const struct record *r)
{
	const struct fg_value *v = &r->entry->item.value;

	if (v->kind == FG_KIND_TEXT) {
		fg_cbor_put_int(out, VS);
		fg_cbor_put_utf8(out, v->text, v->len);
	} else if (v->kind == FG_KIND_BOOL) {
		fg_cbor_put_int(out, VB);
		fg_cbor_put_bool(out, v->b);
	} else {
		fg_cbor_put_int(out, V);
		put_cbor_number(out, r->entry, r->unit);
	}
}

static void put_cbor(struct fg_buf *out, const struct record *r)
{
	const struct fg_item *item = &r->entry->item;
	const bool timed = item->wall_ms != r->base_ms;
	char mem[192];
	struct fg_buf name;

	fg_cbor_put_map(out, (r->first ? 2u + r->secondary : 0u) + 2u + (r->unit != NULL) + timed +
				     is_doubtful(item));
	if (r->first)
		put_cbor_head(out, r);
	fg_buf_wrap(&name, mem, sizeof(mem));
	put_name(&name, r->entry->desc);
	out->overflow |= name.overflow;
	fg_cbor_put_int(out, N);
	fg_cbor_put_text(out, mem, name.len);
	if (r->unit) {
		fg_cbor_put_int(out, U);
		fg_cbor_put_text(out, r->unit->senml, strlen(r->unit->senml));
	}
	if (timed) {
		fg_cbor_put_int(out, T);
		put_cbor_seconds(out, item->wall_ms - r->base_ms);
	}
	put_cbor_value(out, r);
	if (is_doubtful(item)) {
		fg_cbor_put_text(out, "qc", 2);
		fg_cbor_put_uint(out, item->qc);
	}
}

/* ---- the pack ---- */

static void put_topic(struct fg_buf *topic, const char *prefix, const struct fg_point_desc *desc)
{
	fg_buf_printf(topic, "%s/senml/%s/%s/%s", prefix, desc->domain, desc->station,
		desc->device);
	if (desc->period != FG_TOLD_NONE)
		fg_buf_printf(topic, "/%s", fg_aggregate_root(desc->period, desc->stat));
}

static int encode(const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
	struct fg_buf *topic, struct fg_buf *payload)
{
	const struct options *options = e->options;
	struct record r = {.first = true};
	size_t told = 0;

	for (size_t i = 0; i < n; i++) {
		const struct unit *unit = unit_of(entries[i].desc);

		if (!is_told(&entries[i].item))
			continue;
		if (told++ == 0)
			r.base_ms = entries[i].item.wall_ms;
		r.secondary |= unit && unit->secondary &&
			       is_number(&entries[i].item.value);
	}
	if (!told)
		return FG_ENOENT;
	put_topic(topic, e->prefix, entries->desc);
	if (options->form == FORM_CBOR)
		fg_cbor_put_array(payload, told);
	for (size_t i = 0; i < n; i++) {
		if (!is_told(&entries[i].item))
			continue;
		r.entry = &entries[i];
		r.unit = is_number(&entries[i].item.value) ? unit_of(entries[i].desc)
								    : NULL;
		if (options->form == FORM_CBOR)
			put_cbor(payload, &r);
		else
			put_json(payload, &r);
		r.first = false;
	}
	if (options->form == FORM_JSON)
		fg_buf_putc(payload, ']');
	return topic->overflow || payload->overflow ? FG_EFULL : FG_OK;
}

static const char *content_type(const void *options, bool *ret_text)
{
	const struct options *o = options;

	*ret_text = o->form == FORM_JSON;
	return o->form == FORM_JSON ? "application/senml+json" : "application/senml+cbor";
}

static const struct fg_choice forms[] = {
	{"json", FORM_JSON, false, "RFC 8428, section 5"},
	{"cbor", FORM_CBOR, false, "section 6: about half as long"},
	{0},
};

const struct fg_key fg_encoder_keys_senml[] = {
	{"form", FG_KEY_CHOICE, .offset = offsetof(struct options, form), .choices = forms,
		.dflt = "json", .help = "How packs are written."},
	{0},
};

/* The resolved name: the domain is in the topic alone. */
static void identity(struct fg_buf *out, const struct fg_point *p)
{
	fg_buf_printf(out, "%s/%s", p->device->station->name, p->name);
}

const struct fg_encoder fg_encoder_senml = {
	.form = FG_ENCODER_PACK,
	.batches = true,
	.retained = true,
	.content_type = content_type,
	.encode = encode,
	.identity = identity,
	.identity_hint = "only the topics tell them apart; give one of them another name",
	.identity_in_topic = true,
};
