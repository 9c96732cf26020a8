/* SPDX-License-Identifier: EUPL-1.2 */
/* One value out of a text or out of a JSON or CBOR document. */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "drivers/payload_internal.h"
#include "protocol/cbor.h"
#include "protocol/json_scan.h"
#include "protocol/payload.h"

#define SEPARATORS ";,\t "

static const char *skip(const char *at, const char *end, const char *what)
{
	while (at < end && memchr(what, *at, strlen(what)))
		at++;
	return at;
}

/* The part of a text between separators; blanks around one are no more of them. */
static bool take_column(const struct fg_payload *p, int64_t column, struct fg_payload *ret)
{
	const char *at = skip(p->data, p->data + p->len, " "), *end = p->data + p->len;

	*ret = *p;
	for (;;) {
		ret->data = at;
		while (at < end && !memchr(SEPARATORS, *at, strlen(SEPARATORS)))
			at++;
		ret->len = (size_t)(at - ret->data);
		if (!--column)
			return true;
		at = skip(at, end, " ");
		if (at == end)
			return false;
		at = skip(at + (memchr(";,\t", *at, 3) != NULL), end, " ");
	}
}

static int take_text(struct fg_payload_search *s, struct fg_payload_found *f)
{
	struct fg_payload part = *s->payload;

	if (s->at->column.given && !take_column(s->payload, s->at->column.v, &part))
		return FG_ENOENT;
	return fg_payload_text(part.data, part.len, &f->value);
}

static int take_at(const struct fg_payload_search *s, const char *pointer, char *text, size_t cap,
	struct fg_value *ret)
{
	const struct fg_payload *p = s->payload;

	if (s->format == FG_COAP_FORMAT_CBOR)
		return fg_payload_cbor(p->data, p->len, pointer, text, cap, ret);
	return fg_payload_json(p->data, p->len, pointer, text, cap, ret);
}

static bool holds(const struct fg_payload_search *s)
{
	const struct fg_payload_condition *c = &s->at->when;
	char text[FG_PAYLOAD_TEXT];
	struct fg_value v;

	if (!c->json)
		return true;
	if (take_at(s, c->json, text, sizeof(text), &v) < 0 || v.kind == FG_KIND_TEXT)
		return false;
	for (size_t i = 0; i < c->equals.count; i++)
		if (fg_value_number(&v) == (double)c->equals.items[i])
			return true;
	return false;
}

/* value × 10^n, as near as its decimal text comes. */
static int apply_exponent(const struct fg_payload_search *s, struct fg_value *v)
{
	char text[FG_PAYLOAD_TEXT], digits[48];
	struct fg_value n;
	struct fg_buf buf;

	if (take_at(s, s->at->exponent, text, sizeof(text), &n) < 0 || n.kind != FG_KIND_INT ||
		n.i < -30 || n.i > 30)
		return FG_EDECODE;
	if (v->kind != FG_KIND_INT) {
		fg_value_scale(v, pow(10, (double)n.i), 0);
		return FG_OK;
	}
	fg_buf_wrap(&buf, digits, sizeof(digits));
	fg_buf_printf(&buf, "%llde%d", (long long)v->i, (int)n.i);
	return fg_decimal_parse(digits, v);
}

/* Seconds or milliseconds since 1970, or a text of RFC 3339. */
static void take_time(const struct fg_payload_search *s, struct fg_payload_found *f)
{
	const char *pointer = s->conf ? s->conf->time.json : NULL;
	char text[FG_PAYLOAD_TEXT];
	struct fg_value v;
	int64_t ms;
	double t;

	if (!pointer || take_at(s, pointer, text, sizeof(text), &v) < 0)
		return;
	if (v.kind == FG_KIND_TEXT) {
		if (fg_rfc3339_parse(text, &ms) < 0)
			return;
	} else {
		t = fg_value_number(&v);
		if (!(t > 0 && t < 9e12))
			return;
		ms = llround(t < 1e11 ? t * 1000 : t); /* 1e11: the year 5138, or 1973 */
	}
	f->clock = FG_PAYLOAD_WALL;
	f->time_us = ms * 1000;
}

int fg_payload_search_document(struct fg_payload_search *s)
{
	struct fg_payload_found f = {.clock = FG_PAYLOAD_NOW};
	bool text = s->format == FG_COAP_FORMAT_TEXT;
	int r;

	if (!text && !holds(s))
		return fg_payload_fail(s, FG_ENOENT, "not in a document of this kind (`when:`)");
	r = text ? take_text(s, &f)
		 : take_at(s, s->at->json ? s->at->json : "", f.text, sizeof(f.text), &f.value);
	if (r == FG_ENOENT)
		return fg_payload_fail(s, r,
			text ? "the text has not so many values"
			     : "the pointer leads nowhere in this document");
	if (r == FG_OK && s->at->exponent && !text)
		r = apply_exponent(s, &f.value);
	if (r < 0)
		return fg_payload_fail(s, r, "not a value that can be read");
	if (!text)
		take_time(s, &f);
	return s->sink(s->arg, &f);
}

/* Of several values each is read by itself. */
static bool is_text(const struct fg_payload_search *s)
{
	const struct fg_payload *p = s->payload;
	struct fg_payload part;
	struct fg_value v;

	for (int64_t i = 1; s->at->column.given && i <= s->at->column.v; i++)
		if (!take_column(p, i, &part))
			return true; /* shorter; told as nothing there */
	if (s->at->column.given)
		p = &part;
	return fg_payload_text(p->data, p->len, &v) == FG_OK;
}

int fg_payload_check_document(struct fg_payload_search *s)
{
	const struct fg_payload *p = s->payload;
	struct fg_json_span all;

	if (s->format == FG_COAP_FORMAT_JSON && fg_json_find(p->data, p->len, "", &all) < 0)
		return fg_payload_fail(s, FG_EDECODE, "not JSON (RFC 8259) that can be read");
	if (s->format == FG_COAP_FORMAT_CBOR && fg_cbor_check(p->data, p->len) < 0)
		return fg_payload_fail(s, FG_EDECODE, "not CBOR (RFC 8949) that can be read");
	if (s->format == FG_COAP_FORMAT_TEXT && !is_text(s))
		return fg_payload_fail(s, FG_EDECODE, "not a text that can be read");
	return FG_OK;
}
