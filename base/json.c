/* SPDX-License-Identifier: EUPL-1.2 */
/* A JSON writer without a tree: documents whose members are known are written straight out. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/timefmt.h"

void fg_json_init(struct fg_json *j, struct fg_buf *out)
{
	*j = (struct fg_json){.out = out};
}

static void member(struct fg_json *j, const char *key)
{
	if (j->comma)
		fg_buf_putc(j->out, ',');
	j->comma = true;
	if (key) {
		fg_buf_putc(j->out, '"');
		fg_buf_puts(j->out, key);
		fg_buf_puts(j->out, "\":");
	}
}

void fg_json_object(struct fg_json *j, const char *key)
{
	member(j, key);
	fg_buf_putc(j->out, '{');
	j->comma = false;
}

void fg_json_end_object(struct fg_json *j)
{
	fg_buf_putc(j->out, '}');
	j->comma = true;
}

void fg_json_array(struct fg_json *j, const char *key)
{
	member(j, key);
	fg_buf_putc(j->out, '[');
	j->comma = false;
}

void fg_json_end_array(struct fg_json *j)
{
	fg_buf_putc(j->out, ']');
	j->comma = true;
}

size_t fg_utf8_char(const unsigned char *s, size_t len)
{
	size_t need;
	uint32_t c;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	need = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (len < need)
		return 0;
	c = s[0] & (0xFFu >> (need + 1));
	for (size_t i = 1; i < need; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3Fu);
	}
	if ((need == 3 && c < 0x800) || (need == 4 && (c < 0x10000 || c > 0x10FFFF)) ||
	    (c >= 0xD800 && c < 0xE000))
		return 0;
	return need;
}

static void quote_control(struct fg_buf *out, unsigned char c)
{
	static const char *const names = "btn\0fr"; /* 8 9 10 - 12 13 */

	if (c >= 8 && c <= 13 && c != 11)
		fg_buf_printf(out, "\\%c", names[c - 8]);
	else
		fg_buf_printf(out, "\\u%04x", c);
}

void fg_json_quote(struct fg_buf *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	fg_buf_putc(out, '"');
	for (size_t i = 0; i < len;) {
		size_t n = fg_utf8_char(s + i, len - i);

		if (n == 0) {
			fg_buf_puts(out, "\xEF\xBF\xBD");
			n = 1;
		} else if (s[i] == '"' || s[i] == '\\') {
			fg_buf_putc(out, '\\');
			fg_buf_putc(out, text[i]);
		} else if (s[i] < 0x20 || s[i] == 0x7F) {
			quote_control(out, s[i]);
		} else {
			fg_buf_put(out, text + i, n);
		}
		i += n;
	}
	fg_buf_putc(out, '"');
}

void fg_json_text(struct fg_json *j, const char *key, const char *text)
{
	member(j, key);
	if (text)
		fg_json_quote(j->out, text, strlen(text));
	else
		fg_buf_puts(j->out, "null");
}

void fg_json_int(struct fg_json *j, const char *key, int64_t v)
{
	member(j, key);
	fg_buf_put_int(j->out, v);
}

void fg_json_uint(struct fg_json *j, const char *key, uint64_t v)
{
	member(j, key);
	fg_buf_put_uint(j->out, v);
}

void fg_json_bool(struct fg_json *j, const char *key, bool v)
{
	member(j, key);
	fg_buf_puts(j->out, v ? "true" : "false");
}

void fg_json_null(struct fg_json *j, const char *key)
{
	member(j, key);
	fg_buf_puts(j->out, "null");
}

void fg_json_seconds(struct fg_json *j, const char *key, int64_t us)
{
	member(j, key);
	fg_number_put_fixed(j->out, (double)us / 1e6, 3);
}

void fg_json_double(struct fg_json *j, const char *key, double v)
{
	member(j, key);
	fg_number_put_double(j->out, v);
}

void fg_json_time(struct fg_json *j, const char *key, int64_t wall_ms)
{
	char text[FG_RFC3339_SIZE];

	fg_rfc3339(wall_ms, text);
	fg_json_text(j, key, text);
}

void fg_json_raw(struct fg_json *j, const char *key, const char *json, size_t len)
{
	member(j, key);
	fg_buf_put(j->out, json, len);
}
