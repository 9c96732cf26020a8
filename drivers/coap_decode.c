/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings out of the answers that CoAP resources give, by content format. */
#include "base/json.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"
#include "protocol/payload.h"

/* IANA's CoRE parameters, CoAP content formats. */
enum { FORMAT_NONE = -1, FORMAT_TEXT = 0, FORMAT_JSON = 50 };

#define MAX_TEXT 251

/* A point with a JSON pointer reads JSON, one without reads text. Where the device leaves the
 * format out, the configuration decides; where it names one, that must fit. */
static int decode_value(const struct fg_coap_point *conf, int format, const char *data, size_t len,
	char *text, struct fg_value *ret)
{
	if (format == FORMAT_JSON || (format == FORMAT_NONE && conf->json))
		return fg_payload_json(
			data, len, conf->json ? conf->json : "", text, MAX_TEXT, ret);
	return fg_payload_text(data, len, ret);
}

static bool format_fits(const struct fg_coap_point *conf, int format)
{
	return format == FORMAT_NONE || format == FORMAT_JSON ||
	       (format == FORMAT_TEXT && !conf->json);
}

static void explain_answer(struct fg_job *job, int format, const char *data, size_t len)
{
	char shown[400];
	struct fg_buf buf;

	if (!job->explain)
		return;
	fg_buf_wrap(&buf, shown, sizeof(shown));
	fg_json_quote(&buf, data, len < 60 ? len : 60);
	if (format == FORMAT_NONE)
		fg_job_explain(job, "  content format not given, %zu bytes: %s%s", len, shown,
			len > 60 ? "…" : "");
	else
		fg_job_explain(job, "  content format %d, %zu bytes: %s%s", format, len, shown,
			len > 60 ? "…" : "");
}

void fg_coap_decode(struct fg_job *job, const struct fg_coap_request *req, int content_format,
	const char *data, size_t len, int64_t taken_mono_us)
{
	explain_answer(job, content_format, data, len);
	for (size_t i = 0; i < req->count; i++) {
		const struct fg_point *point = req->points[i];
		const struct fg_coap_point *conf = point->conf;
		struct fg_value v;
		char text[MAX_TEXT];
		int r;

		if (!format_fits(conf, content_format)) {
			fg_job_explain(job, "  %s: this content format is not the configured one",
				point->name);
			fg_job_missing(job, point, FG_REASON_CONTENT_FORMAT, 0, taken_mono_us);
			continue;
		}
		r = decode_value(conf, content_format, data, len, text, &v);
		if (r < 0) {
			fg_job_explain(job, "  %s: %s", point->name,
				r == FG_ENOENT ? "the pointer leads nowhere in this document"
					       : "not a value that can be read");
			fg_job_missing(job, point, FG_REASON_DECODE, 0, taken_mono_us);
		} else if (v.kind == FG_KIND_NONE) { /* JSON null: the sensor has no reading */
			fg_job_missing(job, point, FG_REASON_SENTINEL, 0, taken_mono_us);
		} else {
			fg_job_value(job, point, v, false, 0, taken_mono_us);
		}
	}
}
