/* SPDX-License-Identifier: EUPL-1.2 */
/* One value out of a text or out of a JSON or CBOR document. */
#include <string.h>

#include "base/status.h"
#include "drivers/payload_internal.h"
#include "protocol/cbor.h"
#include "protocol/json_scan.h"
#include "protocol/payload.h"

static int take_value(struct fg_payload_search *s, const char *pointer, struct fg_payload_found *f)
{
	const struct fg_payload *p = s->payload;

	switch (s->format) {
	case FG_COAP_FORMAT_JSON:
		return fg_payload_json(
			p->data, p->len, pointer, f->text, sizeof(f->text), &f->value);
	case FG_COAP_FORMAT_CBOR:
		return fg_payload_cbor(
			p->data, p->len, pointer, f->text, sizeof(f->text), &f->value);
	default:
		return fg_payload_text(p->data, p->len, &f->value);
	}
}

int fg_payload_search_document(struct fg_payload_search *s)
{
	struct fg_payload_found f = {.clock = FG_PAYLOAD_NOW};
	int r = take_value(s, s->at->json ? s->at->json : "", &f);

	if (r == FG_ENOENT)
		return fg_payload_fail(s, r, "the pointer leads nowhere in this document");
	if (r < 0)
		return fg_payload_fail(s, r, "not a value that can be read");
	return s->sink(s->arg, &f);
}

int fg_payload_check_document(struct fg_payload_search *s)
{
	const struct fg_payload *p = s->payload;
	struct fg_json_span all;
	struct fg_value v;

	if (s->format == FG_COAP_FORMAT_JSON && fg_json_find(p->data, p->len, "", &all) < 0)
		return fg_payload_fail(s, FG_EDECODE, "not JSON (RFC 8259) that can be read");
	if (s->format == FG_COAP_FORMAT_CBOR && fg_cbor_check(p->data, p->len) < 0)
		return fg_payload_fail(s, FG_EDECODE, "not CBOR (RFC 8949) that can be read");
	if (s->format == FG_COAP_FORMAT_TEXT && fg_payload_text(p->data, p->len, &v) < 0)
		return fg_payload_fail(s, FG_EDECODE, "not a text that can be read");
	return FG_OK;
}
