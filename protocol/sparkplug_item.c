/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings as Sparkplug metrics. A number is the one that `json` tells: a float32 of 19.4 is 19.4
 * for both. */
#include <string.h>

#include "base/number.h"
#include "base/status.h"
#include "protocol/encode.h"
#include "protocol/sparkplug.h"

/* Longer texts of sensors are cut; no driver gives any. */
#define TEXT_MAX 1024

bool fg_spb_metric_name(struct fg_buf *out, const struct fg_point_desc *desc)
{
	fg_buf_puts(out, desc->point);
	if (desc->period != FG_TOLD_NONE) {
		fg_buf_putc(out, '/');
		fg_buf_puts(out, fg_aggregate_root(desc->period, desc->stat));
	}
	return !out->overflow;
}

static bool has_value(const struct fg_item *item)
{
	return item && item->qc != FG_QC_MISSING && item->value.kind != FG_KIND_NONE;
}

static enum fg_spb_type plain_type(const struct fg_value *v)
{
	switch (v->kind) {
	case FG_KIND_BOOL:
		return FG_SPB_BOOLEAN;
	case FG_KIND_INT:
		return FG_SPB_INT64;
	case FG_KIND_UINT:
		return FG_SPB_UINT64;
	case FG_KIND_TEXT:
		return FG_SPB_STRING;
	case FG_KIND_FLOAT:
	case FG_KIND_DOUBLE:
	case FG_KIND_DECIMAL:
	case FG_KIND_NONE:
		break;
	}
	return FG_SPB_DOUBLE;
}

static bool is_number(enum fg_spb_type type)
{
	return type == FG_SPB_INT64 || type == FG_SPB_UINT64 || type == FG_SPB_DOUBLE;
}

static bool is_whole(enum fg_spb_type type)
{
	return type == FG_SPB_INT64 || type == FG_SPB_UINT64;
}

enum fg_spb_type fg_spb_type_for(enum fg_spb_type known, const struct fg_item *item)
{
	enum fg_spb_type own;

	if (!has_value(item))
		return known ? known : FG_SPB_DOUBLE;
	own = plain_type(&item->value);
	if (known == FG_SPB_UNKNOWN || known == own)
		return own;
	/* counters that INT64 cannot hold come as either, by how far they are */
	if (is_whole(known) && is_whole(own) &&
		(item->value.kind == FG_KIND_UINT || item->value.i >= 0))
		return FG_SPB_UINT64;
	return is_number(known) && is_number(own) ? FG_SPB_DOUBLE : own;
}

/* As the double that a reader of the JSON text gets. */
static double told_number(const struct fg_point_desc *desc, const struct fg_value *v)
{
	char mem[64];
	struct fg_buf text;
	double d = 0;

	fg_buf_wrap(&text, mem, sizeof(mem));
	fg_encode_value(&text, v, desc->decimals);
	return text.overflow || fg_number_parse(mem, &d) < 0 ? fg_value_number(v) : d;
}

/* Cut at its room, and never inside a character. */
static const char *copy_text(const struct fg_value *v, char text[TEXT_MAX])
{
	size_t len = v->len;

	if (len >= TEXT_MAX) {
		len = TEXT_MAX - 1;
		while (len && ((unsigned char)v->text[len] & 0xC0) == 0x80)
			len--;
	}
	memcpy(text, v->text, len);
	text[len] = '\0';
	return text;
}

static void set_value(struct fg_spb_metric *m, const struct fg_point_desc *desc,
	const struct fg_value *v, char text[TEXT_MAX])
{
	switch (m->type) {
	case FG_SPB_BOOLEAN:
		m->b = v->b;
		break;
	case FG_SPB_STRING:
		m->text = copy_text(v, text);
		break;
	case FG_SPB_INT64:
	case FG_SPB_UINT64:
		m->u = v->u; /* the bits of either */
		break;
	case FG_SPB_DOUBLE:
	case FG_SPB_INT32:
	case FG_SPB_UNKNOWN:
		m->f = told_number(desc, v);
		break;
	}
}

/* Whether the device said nothing at all, so that what was known before is merely old. */
static bool unheard(const struct fg_item *item)
{
	switch (item->reason) {
	case FG_REASON_NO_RESPONSE:
	case FG_REASON_LINK_DOWN:
	case FG_REASON_NOT_REPORTED:
		return true;
	default:
		return false;
	}
}

static enum fg_spb_quality quality(const struct fg_item *item, bool stale)
{
	if (!item)
		return FG_SPB_STALE;
	switch (item->qc) {
	case FG_QC_FAIL:
		return FG_SPB_BAD;
	case FG_QC_MISSING:
		return unheard(item) ? FG_SPB_STALE : FG_SPB_BAD;
	case FG_QC_PASS:
	case FG_QC_NOT_EVALUATED:
	case FG_QC_SUSPECT:
		break;
	}
	return stale ? FG_SPB_STALE : FG_SPB_GOOD;
}

void fg_spb_put_item(struct fg_buf *out, const char *name, uint64_t alias, enum fg_spb_type type,
	const struct fg_point_desc *desc, const struct fg_item *item, int64_t birth_ms, bool stale,
	bool historical)
{
	struct fg_spb_property p[FG_SPB_PROPERTIES_MAX];
	char text[TEXT_MAX], reason[FG_REASON_SIZE];
	struct fg_spb_metric m = {.name = name,
		.alias = alias,
		.time_ms = item ? item->wall_ms : birth_ms,
		.type = type,
		.historical = historical,
		.null = !has_value(item),
		.properties = p};

	if (name) {
		p[m.property_count++] = (struct fg_spb_property){"engUnit", desc->unit, 0};
		p[m.property_count++] = (struct fg_spb_property){"property", desc->property, 0};
	}
	p[m.property_count++] = (struct fg_spb_property){
		"Quality", NULL, (int32_t)quality(item, stale)};
	if (item)
		p[m.property_count++] = (struct fg_spb_property){"qc", NULL, (int32_t)item->qc};
	if (item && item->reason != FG_REASON_NONE &&
		(item->qc == FG_QC_FAIL || item->qc == FG_QC_MISSING))
		p[m.property_count++] = (struct fg_spb_property){
			"reason", fg_reason_text(item->reason, item->detail, reason), 0};
	if (!m.null)
		set_value(&m, desc, &item->value, text);
	fg_spb_put(out, &m);
}
