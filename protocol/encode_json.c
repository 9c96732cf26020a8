/* SPDX-License-Identifier: EUPL-1.2 */
/* The reading as JSON, v 1 (docs/consumers.md). Every reading passes here, so it is one pass over
 * constant text with the members between. */
#include "protocol/encode.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "protocol/encoder.h"

#define PUT(out, literal) fg_buf_put(out, literal, sizeof(literal) - 1)

/* What cannot stand in a JSON string as it is, the closing NUL included. */
static const bool special[256] = {
	[0 ... 0x1F] = true,
	['"'] = true,
	['\\'] = true,
	[0x7F ... 0xFF] = true,
};

/* Nearly all texts need no escape: those go out in one piece. */
static void put_text(struct fg_buf *out, const char *text)
{
	size_t len = 0;

	while (!special[(unsigned char)text[len]])
		len++;
	if (text[len]) {
		fg_json_quote(out, text, strlen(text));
		return;
	}
	fg_buf_putc(out, '"');
	fg_buf_put(out, text, len);
	fg_buf_putc(out, '"');
}

/* `"gateway:seq"`; a gateway's name needs no escape. */
static void put_id(struct fg_buf *out, const char *gateway, uint64_t seq)
{
	PUT(out, "{\"v\":1,\"id\":\"");
	fg_buf_puts(out, gateway);
	fg_buf_putc(out, ':');
	fg_buf_put_uint(out, seq);
	fg_buf_putc(out, '"');
}

static void put_time(struct fg_buf *out, int64_t wall_ms)
{
	char text[FG_RFC3339_SIZE];

	fg_rfc3339(wall_ms, text);
	PUT(out, ",\"time\":\"");
	fg_buf_put(out, text, FG_RFC3339_SIZE - 1);
	fg_buf_putc(out, '"');
}

/* Of a test, or of a declared rule; NULL where the point has none there. */
static const char *test_name(const struct fg_point_desc *desc, unsigned t)
{
	if (t < FG_TEST_COUNT)
		return fg_test_name((enum fg_test)t);
	return t - FG_TEST_COUNT < FG_RULES ? desc->rules[t - FG_TEST_COUNT] : NULL;
}

/* The tests and rules that speak against the reading. */
static void put_tests(struct fg_buf *out, const struct fg_point_desc *desc, fg_tests tests)
{
	bool any = false;

	for (unsigned t = 0; t < FG_TEST_COUNT + FG_RULES; t++) {
		enum fg_qc flag = fg_tests_get(tests, (enum fg_test)t);
		const char *name = test_name(desc, t);

		if ((flag != FG_QC_SUSPECT && flag != FG_QC_FAIL) || !name)
			continue;
		if (any)
			PUT(out, ",");
		else
			PUT(out, ",\"qc_tests\":{");
		any = true;
		put_text(out, name);
		PUT(out, ":");
		fg_buf_put_uint(out, flag);
	}
	if (any)
		fg_buf_putc(out, '}');
}

/* What only a reading that is not simply good carries. */
static void put_blemishes(struct fg_buf *out, const struct fg_point_desc *desc,
	const struct fg_item *item)
{
	char reason[FG_REASON_SIZE];

	put_tests(out, desc, item->tests);
	if (item->reason != FG_REASON_NONE &&
		(item->qc == FG_QC_FAIL || item->qc == FG_QC_MISSING)) {
		PUT(out, ",\"reason\":\"");
		fg_buf_puts(out, fg_reason_text(item->reason, item->detail, reason));
		fg_buf_putc(out, '"');
	}
}

static void put_number(struct fg_buf *out, const struct fg_point_desc *desc, double v)
{
	const struct fg_value value = {.kind = FG_KIND_DECIMAL, .f = v};

	fg_encode_value(out, &value, desc->decimals);
}

static void put_count(struct fg_buf *out, const char *name, uint32_t count, bool *any)
{
	if (!count)
		return;
	fg_buf_puts(out, *any ? ",\"" : ",\"excluded\":{\"");
	*any = true;
	fg_buf_puts(out, name);
	PUT(out, "\":");
	fg_buf_put_uint(out, count);
}

static void put_excluded(struct fg_buf *out, const struct fg_aggregate *a)
{
	bool any = false;

	put_count(out, "suspect", a->suspect, &any);
	put_count(out, "fail", a->fail, &any);
	put_count(out, "missing", a->missing, &any);
	put_count(out, "maintenance", a->maintenance, &any);
	if (any)
		fg_buf_putc(out, '}');
}

/* A share with as many digits as are needed to tell it from 1 and from the next. */
static void put_share(struct fg_buf *out, double share)
{
	const struct fg_value value = {.kind = FG_KIND_DECIMAL, .f = floor(share * 1e4) / 1e4};

	fg_encode_value(out, &value, 4);
}

/* Blanks are between the names. */
static void put_names(struct fg_buf *out, const char *names)
{
	const char *between = "[\"";

	for (const char *at = names; *at; at++) {
		size_t len = strcspn(at, " ");

		fg_buf_puts(out, between);
		fg_buf_put(out, at, len);
		between = "\",\"";
		at += len - (at[len] == '\0');
	}
	fg_buf_puts(out, "\"]");
}

static void put_class(struct fg_buf *out, const struct fg_aggregate *a)
{
	PUT(out, ",\"class\":{\"scheme\":");
	put_text(out, a->scheme);
	PUT(out, ",\"version\":");
	put_text(out, a->version);
	PUT(out, ",\"index\":");
	fg_buf_put_uint(out, a->index);
	PUT(out, ",\"key\":");
	put_text(out, a->key);
	if (a->by[0]) {
		PUT(out, ",\"by\":");
		put_names(out, a->by);
	}
	fg_buf_putc(out, '}');
}

static void put_aggregate(struct fg_buf *out, const struct fg_point_desc *desc,
	const struct fg_aggregate *a)
{
	PUT(out, ",\"period\":");
	put_text(out, fg_told_period_text(desc->period));
	PUT(out, ",\"stat\":");
	put_text(out, fg_stat_text(desc->stat));
	PUT(out, ",\"coverage\":");
	put_share(out, fg_aggregate_coverage(a));
	PUT(out, ",\"count\":");
	fg_buf_put_uint(out, a->count);
	if (a->has_range) {
		PUT(out, ",\"min\":");
		put_number(out, desc, a->low);
		PUT(out, ",\"max\":");
		put_number(out, desc, a->high);
	}
	put_excluded(out, a);
	if (a->index)
		put_class(out, a);
}

void fg_encode_notice_id(struct fg_buf *out, const char *gateway, uint32_t notice)
{
	fg_buf_puts(out, gateway);
	PUT(out, ":n");
	fg_buf_put_uint(out, notice);
}

/* How the reading came about, where that is not as usual. */
static void put_circumstances(
	struct fg_buf *out, const char *gateway, const struct fg_item *item)
{
	if (item->maintenance)
		PUT(out, ",\"maintenance\":true");
	if (item->alarm != FG_ALARM_NONE) {
		PUT(out, ",\"alarm\":\"");
		fg_buf_puts(out, fg_alarm_text(item->alarm));
		fg_buf_putc(out, '"');
	}
	if (item->notice) {
		PUT(out, ",\"notice\":\"");
		fg_encode_notice_id(out, gateway, item->notice);
		fg_buf_putc(out, '"');
	}
	if (item->not_stored)
		PUT(out, ",\"stored\":false");
	if (item->uncertainty_s) {
		PUT(out, ",\"time_uncertainty\":");
		fg_buf_put_uint(out, item->uncertainty_s);
	}
}

static void put_replaces(struct fg_buf *out, const char *gateway, uint64_t seq)
{
	PUT(out, ",\"replaces\":\"");
	fg_buf_puts(out, gateway);
	fg_buf_putc(out, ':');
	fg_buf_put_uint(out, seq);
	fg_buf_putc(out, '"');
}

static bool encode(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item, bool raw)
{
	size_t start = out->len;

	put_id(out, gateway, item->seq);
	PUT(out, ",\"station\":");
	put_text(out, desc->station);
	if (desc->device[0]) { /* a station's class is of no device */
		PUT(out, ",\"device\":");
		put_text(out, desc->device);
	}
	PUT(out, ",\"point\":");
	put_text(out, desc->point);
	PUT(out, ",\"property\":");
	put_text(out, desc->property);
	put_time(out, item->wall_ms);
	PUT(out, ",\"value\":");
	if (item->qc == FG_QC_MISSING)
		PUT(out, "null");
	else
		fg_encode_value(out, &item->value, desc->decimals);
	PUT(out, ",\"unit\":");
	put_text(out, desc->unit);
	PUT(out, ",\"qc\":");
	fg_buf_put_uint(out, item->qc);
	if (item->qc != FG_QC_PASS && item->qc != FG_QC_NOT_EVALUATED)
		put_blemishes(out, desc, item);
	if (item->aggregate)
		put_aggregate(out, desc, item->aggregate);
	put_circumstances(out, gateway, item);
	if (raw && item->has_raw) {
		const struct fg_value value = {.kind = FG_KIND_DECIMAL, .f = item->raw};

		PUT(out, ",\"raw\":");
		fg_encode_value(out, &value, -1);
	}
	if (item->replaces)
		put_replaces(out, gateway, item->replaces);
	fg_buf_putc(out, '}');
	if (!out->overflow)
		return true;
	out->len = start; /* no half object is left behind */
	if (out->cap > start)
		out->data[start] = '\0';
	return false;
}

bool fg_encode_json(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item)
{
	return encode(out, gateway, desc, item, false);
}

bool fg_encode_json_raw(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item)
{
	return encode(out, gateway, desc, item, true);
}

static const char *content_type(const void *options, bool *ret_text)
{
	(void)options;
	*ret_text = true;
	return "application/json";
}

static int encode_entry(const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
	struct fg_buf *topic, struct fg_buf *payload)
{
	(void)n;
	if (!fg_topic_reading(topic, e->prefix, entries->desc) ||
		!fg_encode_json(payload, e->site->gateway, entries->desc, &entries->item))
		return FG_EFULL;
	return FG_OK;
}

static int encode_batch(const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
	struct fg_buf *topic, struct fg_buf *payload)
{
	if (!fg_topic_batch(topic, e->prefix, entries->desc))
		return FG_EFULL;
	for (size_t i = 0; i < n; i++) {
		fg_buf_putc(payload, i ? ',' : '[');
		if (!fg_encode_json(
			    payload, e->site->gateway, entries[i].desc, &entries[i].item))
			return FG_EFULL;
	}
	fg_buf_putc(payload, ']');
	return payload->overflow ? FG_EFULL : FG_OK;
}

const struct fg_encoder fg_encoder_json = {
	.form = FG_ENCODER_EACH,
	.retained = true,
	.schema = "schema/reading",
	.content_type = content_type,
	.encode = encode_entry,
	.batches = true,
	.encode_batch = encode_batch,
};
