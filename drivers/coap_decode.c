/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings out of the answers that CoAP resources give, by content format. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"

int fg_coap_accept(enum fg_coap_wants wants, unsigned choice)
{
	static const int document[] = {FG_COAP_FORMAT_JSON, FG_COAP_FORMAT_CBOR};
	static const int pack[] = {
		FG_COAP_FORMAT_SENML_CBOR, FG_COAP_FORMAT_SENML_JSON, FG_COAP_FORMAT_TLV};

	if (wants == FG_COAP_WANTS_DOCUMENT && choice < FG_COUNT(document))
		return document[choice];
	if (wants == FG_COAP_WANTS_PACK && choice < FG_COUNT(pack))
		return pack[choice];
	return FG_COAP_FORMAT_NONE;
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

struct polled {
	struct fg_job *job;
	struct fg_payload_notes *notes;
};

static int put_reading(void *arg, const struct fg_payload_reading *r)
{
	struct polled *p = arg;
	struct fg_reading *to =
		fg_batch_add(p->job->batch, r->reading.point, r->reading.taken_mono_us);

	if (!to)
		return FG_EFULL;
	*to = r->reading;
	if (to->value.kind == FG_KIND_TEXT)
		fg_batch_set_text(p->job->batch, to, r->reading.value.text, r->reading.value.len);
	if (*r->why)
		fg_job_explain(p->job, "  %s: %s", r->point->name, r->why);
	else if (*r->unit)
		fg_job_explain(p->job, "  %s: converted from '%s', as the device tells it",
			r->point->name, r->unit);
	if (p->notes)
		fg_payload_note(p->notes, r);
	return FG_OK;
}

void fg_coap_decode(struct fg_job *job, const struct fg_coap_request *req, int content_format,
	const char *data, size_t len, int64_t taken_mono_us)
{
	const struct fg_payload payload = {.format = content_format,
		.data = data,
		.len = len,
		.path = req->path,
		.taken_mono_us = taken_mono_us};
	struct fg_coap_host *host = job->link && job->link->host ? job->link->host->state : NULL;
	struct polled polled = {job, host ? &host->notes : NULL};
	const struct fg_device *dev = req->count ? req->points[0]->device : NULL;
	const struct fg_coap_device *conf = dev ? dev->conf : NULL;

	explain_answer(job, content_format, data, len);
	fg_payload_newest(conf ? &conf->payload : NULL, req->points, req->count, &payload,
		put_reading, &polled);
}
