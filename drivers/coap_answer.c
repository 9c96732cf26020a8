/* SPDX-License-Identifier: EUPL-1.2 */
/* What an answer says to the request at work: content, perhaps in blocks, that what was had before
 * is still valid, or a refusal. Called from libcoap's callback: no session is closed here. */
#include <coap3/coap.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"

#define CHANGES_MAX	  2
#define MAX_AGE_DEFAULT	  60   /* RFC 7252 5.10.5 */
#define MAX_AGE_RESPECTED 3600 /* a mistaken server is asked again at some time */

static int64_t uint_option(const coap_pdu_t *pdu, coap_option_num_t number, int64_t otherwise)
{
	coap_opt_iterator_t it;
	const coap_opt_t *opt = coap_check_option(pdu, number, &it);

	return opt ? (int64_t)coap_decode_var_bytes(coap_opt_value(opt), coap_opt_length(opt))
		   : otherwise;
}

int fg_coap_content_format(const coap_pdu_t *pdu)
{
	return (int)uint_option(pdu, COAP_OPTION_CONTENT_FORMAT, FG_COAP_FORMAT_NONE);
}

unsigned fg_coap_max_age(const coap_pdu_t *pdu)
{
	return (unsigned)uint_option(pdu, COAP_OPTION_MAXAGE, MAX_AGE_DEFAULT);
}

/* All blocks must be of one state of the resource. */
static bool same_etag(struct fg_coap_endpoint *ep, const coap_pdu_t *pdu)
{
	coap_opt_iterator_t it;
	const coap_opt_t *opt = coap_check_option(pdu, COAP_OPTION_ETAG, &it);
	size_t len = opt ? FG_MIN(coap_opt_length(opt), (uint32_t)sizeof(ep->etag)) : 0;

	if (!ep->block) {
		ep->etag_len = len;
		if (len)
			memcpy(ep->etag, coap_opt_value(opt), len);
		return true;
	}
	return len == ep->etag_len && (!len || memcmp(ep->etag, coap_opt_value(opt), len) == 0);
}

bool fg_coap_same_etag(const struct fg_coap_kept *kept, const coap_pdu_t *pdu)
{
	coap_opt_iterator_t it;
	const coap_opt_t *opt = coap_check_option(pdu, COAP_OPTION_ETAG, &it);

	return kept && kept->etag_len &&
	       (!opt || (coap_opt_length(opt) == kept->etag_len &&
				memcmp(kept->etag, coap_opt_value(opt), kept->etag_len) == 0));
}

static enum fg_coap_event changed(struct fg_coap_endpoint *ep)
{
	fg_job_explain(ep->first, "  the resource changed between two blocks");
	return ep->changes++ < CHANGES_MAX ? FG_COAP_CHANGED : FG_COAP_BAD_ANSWER;
}

/* Takes a payload that may be one block of several. */
static enum fg_coap_event take_content(
	struct fg_coap_endpoint *ep, const coap_pdu_t *pdu, const uint8_t *data, size_t len)
{
	const struct fg_coap_request *req = fg_coap_request_of(ep);
	int format = fg_coap_content_format(pdu);
	coap_block_b_t block;
	bool blockwise = coap_get_block_b(ep->session, pdu, COAP_OPTION_BLOCK2, &block);
	bool same = same_etag(ep, pdu);

	if ((!blockwise && ep->block) || len > FG_COAP_BODY_MAX)
		return FG_COAP_BAD_ANSWER;
	if (blockwise && ((size_t)block.num << (block.szx + 4) != ep->body.len ||
				 (block.m && len != (size_t)16 << block.szx)))
		return FG_COAP_BAD_ANSWER;
	if (blockwise && !same)
		return changed(ep);
	if (blockwise && (block.m || block.num)) {
		fg_buf_put(&ep->body, data, len);
		if (ep->body.overflow)
			return FG_COAP_BAD_ANSWER;
		if (block.m) {
			ep->block = block.num + 1;
			ep->szx = block.szx;
			return FG_COAP_MORE;
		}
		data = (const uint8_t *)ep->body.data;
		len = ep->body.len;
	}
	fg_coap_kept_body(ep, req->path, ep->etag, ep->etag_len, format, (const char *)data, len);
	fg_coap_decode(ep->first, req, format, (const char *)data, len, fg_clock_mono_us());
	return FG_COAP_ANSWERED;
}

/* What was kept for the ETag is what the sensor measures now. */
static enum fg_coap_event take_valid(struct fg_coap_endpoint *ep, const coap_pdu_t *pdu)
{
	const struct fg_coap_request *req = fg_coap_request_of(ep);
	struct fg_coap_kept *kept = fg_coap_kept_find(ep, req->path);

	if (!fg_coap_same_etag(kept, pdu) || ep->block) {
		if (kept)
			kept->etag_len = 0; /* the next poll asks for the whole */
		return FG_COAP_BAD_ANSWER;
	}
	fg_coap_count(ep, FG_COAP_COUNT_VALID);
	fg_job_explain(ep->first, "  2.03: unchanged, the value of before is taken again");
	fg_coap_decode(ep->first, req, kept->format, kept->body, kept->len, fg_clock_mono_us());
	return FG_COAP_ANSWERED;
}

/* 5.03 and 4.29 (RFC 8516) say when to come again. */
static void note_pause(
	struct fg_coap_endpoint *ep, const coap_pdu_t *pdu, unsigned code, int64_t now_us)
{
	unsigned pause_s = FG_MIN(fg_coap_max_age(pdu), (unsigned)MAX_AGE_RESPECTED);
	struct fg_coap_kept *kept;

	if (code != COAP_RESPONSE_CODE(503) && code != COAP_RESPONSE_CODE(429))
		return;
	kept = fg_coap_kept_take(ep, fg_coap_request_of(ep)->path);
	if (!kept)
		return;
	kept->code = code;
	kept->not_before_mono_us = now_us + (int64_t)pause_s * 1000000;
	fg_job_explain(ep->first, "  not to be asked again for %us", pause_s);
}

/* A refusal is a valid answer: it holds for the points of this request. */
static void take_refusal(struct fg_coap_endpoint *ep, const coap_pdu_t *pdu, unsigned code)
{
	const struct fg_coap_request *req = fg_coap_request_of(ep);
	int64_t now_us = fg_clock_mono_us();

	fg_job_explain(ep->first, "  refused: %u.%02u", code >> 5, code & 31);
	note_pause(ep, pdu, code, now_us);
	for (size_t i = 0; i < req->count; i++)
		fg_job_missing(ep->first, req->points[i], FG_REASON_COAP, code, now_us);
}

/* Not acceptable, or an Accept option that the device does not know (it is a critical one). With
 * none left to try, the next poll begins with the first again: devices learn, too. */
static bool is_about_accept(struct fg_coap_endpoint *ep, unsigned code)
{
	enum fg_coap_wants wants = fg_coap_request_of(ep)->wants;
	uint8_t *choice = fg_coap_accept_of(ep);

	if (code != COAP_RESPONSE_CODE(406) && code != COAP_RESPONSE_CODE(402))
		return false;
	if (fg_coap_accept(wants, *choice) == FG_COAP_FORMAT_NONE) {
		*choice = 0;
		return false;
	}
	fg_job_explain(ep->first, "  not as content format %d (%u.%02u)",
		fg_coap_accept(wants, *choice), code >> 5, code & 31);
	++*choice;
	return true;
}

enum fg_coap_event fg_coap_take_answer(struct fg_coap_endpoint *ep, const coap_pdu_t *pdu)
{
	unsigned code = coap_pdu_get_code(pdu);
	const uint8_t *data = NULL;
	size_t len = 0;

	if (!coap_get_data(pdu, &len, &data))
		len = 0;
	fg_coap_debug_message(
		ep, '<', pdu, fg_coap_request_of(ep)->path, fg_coap_content_format(pdu), len);
	if (code == COAP_RESPONSE_CODE_CONTENT)
		return take_content(ep, pdu, data ? data : (const uint8_t *)"", len);
	if (code == COAP_RESPONSE_CODE_VALID)
		return take_valid(ep, pdu);
	if (is_about_accept(ep, code))
		return FG_COAP_OTHER_FORMAT;
	if (code >> 5 != 4 && code >> 5 != 5)
		return FG_COAP_BAD_ANSWER;
	take_refusal(ep, pdu, code);
	return FG_COAP_ANSWERED;
}
