/* SPDX-License-Identifier: EUPL-1.2 */
/* Values out of text and JSON payloads. */
#include "protocol/payload.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/status.h"
#include "protocol/json_scan.h"

#define MAX_NUMBER 63
#define MAX_TEXT   250

/* ---- text/plain ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool text_valid(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	while (p < end) {
		size_t n = fg_utf8_char(p, (size_t)(end - p));

		if (!n || *p < 0x20 || *p == 0x7f)
			return false;
		p += n;
	}
	return true;
}

/* What printf makes of a double that is no number. */
static bool parse_not_finite(const char *text, double *ret)
{
	const char *p = text + (*text == '-' || *text == '+');

	if (strcasecmp(p, "nan") == 0)
		*ret = (double)NAN;
	else if (strcasecmp(p, "inf") == 0 || strcasecmp(p, "infinity") == 0)
		*ret = *text == '-' ? -(double)INFINITY : (double)INFINITY;
	else
		return false;
	return true;
}

int fg_payload_text(const char *payload, size_t len, struct fg_value *ret_value)
{
	struct fg_value v = {.kind = FG_KIND_TEXT};
	char text[MAX_NUMBER + 1];

	while (len && is_blank(*payload)) {
		payload++;
		len--;
	}
	while (len && is_blank(payload[len - 1]))
		len--;
	if (!len || len > MAX_TEXT || !text_valid(payload, len))
		return FG_EDECODE;
	v.text = payload;
	v.len = (uint32_t)len;
	if (len <= MAX_NUMBER) {
		memcpy(text, payload, len);
		text[len] = '\0';
		if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
			v.b = *text == 't';
			v.kind = FG_KIND_BOOL;
		} else if (parse_not_finite(text, &v.f)) {
			v.kind = FG_KIND_DOUBLE;
		} else if (strspn(text, "+-.0123456789eE") == len && strpbrk(text, "0123456789")) {
			if (fg_decimal_parse(text, &v) < 0)
				return FG_EDECODE; /* "1e999", "1.2.3": meant as a number */
		}
	}
	*ret_value = v;
	return FG_OK;
}

/* ---- JSON ---- */

int fg_payload_json(const char *payload, size_t len, const char *pointer, char *text,
	size_t text_cap, struct fg_value *ret_value)
{
	struct fg_value v = {.kind = FG_KIND_NONE};
	struct fg_json_span found;
	bool cut;
	int r = fg_json_find(payload, len, pointer, &found);

	if (r < 0)
		return r;
	switch (*found.at) {
	case '{':
	case '[':
		return FG_EDECODE;
	case 'n':
		break;
	case 't':
	case 'f':
		v.kind = FG_KIND_BOOL;
		v.b = *found.at == 't';
		break;
	case '"':
		v.kind = FG_KIND_TEXT;
		v.len = (uint32_t)fg_json_copy(found, text, text_cap, &cut);
		v.text = text;
		break;
	default:
		r = fg_json_number(found, &v);
	}
	if (r == FG_OK)
		*ret_value = v;
	return r;
}
