/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings out of the answers that CoAP resources give, by content format. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"
#include "model/unit.h"
#include "protocol/payload.h"

int fg_coap_accept(enum fg_coap_wants wants, unsigned choice)
{
	static const int document[] = {FG_COAP_FORMAT_JSON, FG_COAP_FORMAT_CBOR};
	static const int pack[] = {FG_COAP_FORMAT_SENML_CBOR, FG_COAP_FORMAT_SENML_JSON};

	if (wants == FG_COAP_WANTS_DOCUMENT && choice < FG_COUNT(document))
		return document[choice];
	if (wants == FG_COAP_WANTS_PACK && choice < FG_COUNT(pack))
		return pack[choice];
	return FG_COAP_FORMAT_NONE;
}

/* Where the device leaves the format out, the configuration decides. Packs that are called plain
 * JSON or CBOR are packs all the same to a point that wants a record. */
static int format_for(const struct fg_coap_point *conf, int format, const char *data, size_t len)
{
	if (conf->senml && format == FG_COAP_FORMAT_NONE) /* an array in CBOR is no ASCII */
		return len && (unsigned char)*data >= 0x80 ? FG_COAP_FORMAT_SENML_CBOR
							   : FG_COAP_FORMAT_SENML_JSON;
	if (conf->senml && format == FG_COAP_FORMAT_JSON)
		return FG_COAP_FORMAT_SENML_JSON;
	if (conf->senml && format == FG_COAP_FORMAT_CBOR)
		return FG_COAP_FORMAT_SENML_CBOR;
	if (format == FG_COAP_FORMAT_NONE)
		return conf->json ? FG_COAP_FORMAT_JSON : FG_COAP_FORMAT_TEXT;
	return format;
}

/* Where the device names a format, it must be one that the configuration can mean. */
static bool format_fits(const struct fg_coap_point *conf, int format)
{
	switch (format) {
	case FG_COAP_FORMAT_TEXT:
		return !conf->json && !conf->senml;
	case FG_COAP_FORMAT_JSON:
	case FG_COAP_FORMAT_CBOR:
		return true;
	case FG_COAP_FORMAT_SENML_JSON:
	case FG_COAP_FORMAT_SENML_CBOR:
	case FG_COAP_FORMAT_TLV:
		return !conf->json;
	default:
		return false;
	}
}

static int decode_value(const struct fg_coap_point *conf, int format, const char *data, size_t len,
	struct fg_coap_decoded *ret)
{
	const char *pointer = conf->json ? conf->json : "";
	int r;

	switch (format) {
	case FG_COAP_FORMAT_SENML_JSON:
		return fg_coap_decode_senml(FG_SENML_JSON, conf->senml, data, len, ret);
	case FG_COAP_FORMAT_SENML_CBOR:
		return fg_coap_decode_senml(FG_SENML_CBOR, conf->senml, data, len, ret);
	case FG_COAP_FORMAT_TLV:
		return fg_coap_decode_tlv(conf->path, conf->senml, data, len, ret);
	case FG_COAP_FORMAT_JSON:
		r = fg_payload_json(data, len, pointer, ret->text, sizeof(ret->text), &ret->value);
		break;
	case FG_COAP_FORMAT_CBOR:
		r = fg_payload_cbor(data, len, pointer, ret->text, sizeof(ret->text), &ret->value);
		break;
	default:
		r = fg_payload_text(data, len, &ret->value);
	}
	if (r < 0)
		snprintf(ret->why, sizeof(ret->why), "%s",
			r == FG_ENOENT ? "the pointer leads nowhere in this document"
				       : "not a value that can be read");
	return r;
}

/* From the unit that the payload tells to the one that the point is configured with, and on as
 * the configuration says. False: neither the same nor of one dimension. */
static bool scale_for(
	const struct fg_point *point, const char *told, double *ret_scale, double *ret_offset)
{
	const char *wanted = point->source_unit ? point->source_unit : point->unit;
	const struct fg_unit *from = fg_unit_find(told), *to;
	double factor = 1, offset = 0;

	if (*told && wanted && *wanted && strcmp(told, wanted) != 0) {
		to = fg_unit_find(wanted);
		if (!from || !to || !fg_unit_convert(from, to, &factor, &offset))
			return false;
	}
	*ret_scale = point->scale * factor;
	*ret_offset = point->scale * offset + point->offset;
	return true;
}

/* A number with its unit; texts and switches have none. */
static void put_value(struct fg_job *job, const struct fg_point *point,
	const struct fg_coap_decoded *d, int64_t taken_mono_us)
{
	bool number = d->value.kind != FG_KIND_TEXT && d->value.kind != FG_KIND_BOOL;
	double scale = point->scale, offset = point->offset;

	if (number && !scale_for(point, d->unit, &scale, &offset)) {
		fg_debug(FG_DEBUG_coap, "%s: the device tells '%s', which is no '%s'", point->name,
			d->unit, point->source_unit ? point->source_unit : point->unit);
		fg_job_explain(job,
			"  %s: the device tells its value in '%s', which cannot be "
			"converted to '%s'",
			point->name, d->unit,
			point->source_unit ? point->source_unit : point->unit);
		fg_job_missing(job, point, FG_REASON_DECODE, 0, taken_mono_us);
		return;
	}
	fg_job_scaled_value(job, point, d->value, false, 0, scale, offset, taken_mono_us);
}

static void explain_answer(struct fg_job *job, int format, const char *data, size_t len)
{
	char shown[400];
	struct fg_buf buf;

	if (!job->explain)
		return;
	fg_buf_wrap(&buf, shown, sizeof(shown));
	fg_json_quote(&buf, data, len < 60 ? len : 60);
	if (format == FG_COAP_FORMAT_NONE)
		fg_job_explain(job, "  content format not given, %zu bytes: %s%s", len, shown,
			len > 60 ? "…" : "");
	else
		fg_job_explain(job, "  content format %d, %zu bytes: %s%s", format, len, shown,
			len > 60 ? "…" : "");
}

static void decode_point(struct fg_job *job, const struct fg_point *point, int content_format,
	const char *data, size_t len, int64_t taken_mono_us)
{
	const struct fg_coap_point *conf = point->conf;
	int format = format_for(conf, content_format, data, len);
	struct fg_coap_decoded d = {.value.kind = FG_KIND_NONE};

	if (!format_fits(conf, format)) {
		fg_job_explain(
			job, "  %s: this content format is not the configured one", point->name);
		fg_job_missing(job, point, FG_REASON_CONTENT_FORMAT, 0, taken_mono_us);
	} else if (decode_value(conf, format, data, len, &d) < 0) {
		fg_job_explain(job, "  %s: %s", point->name, d.why);
		fg_job_missing(job, point, FG_REASON_DECODE, 0, taken_mono_us);
	} else if (d.value.kind == FG_KIND_NONE) { /* null: the sensor has no reading */
		fg_job_missing(job, point, FG_REASON_SENTINEL, 0, taken_mono_us);
	} else {
		put_value(job, point, &d, taken_mono_us);
	}
}

void fg_coap_decode(struct fg_job *job, const struct fg_coap_request *req, int content_format,
	const char *data, size_t len, int64_t taken_mono_us)
{
	explain_answer(job, content_format, data, len);
	for (size_t i = 0; i < req->count; i++)
		decode_point(job, req->points[i], content_format, data, len, taken_mono_us);
}
