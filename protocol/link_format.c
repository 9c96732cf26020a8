/* SPDX-License-Identifier: EUPL-1.2 */
/* CoRE Link Format, RFC 6690, section 2: `<target>;name=value;name="value",<target>…` */
#include "protocol/link_format.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"

/* Where a text goes that may be longer than its room. */
struct sink {
	char *text;
	size_t size, len;
	bool full;
};

static void put(struct sink *s, const char *bytes, size_t n)
{
	s->full |= s->len + n >= s->size;
	if (s->full)
		return;
	memcpy(s->text + s->len, bytes, n);
	s->len += n;
	s->text[s->len] = '\0';
}

/* One character of UTF-8, or '?' in the place of what is none, or a control. */
static size_t put_char(struct sink *s, const char *at, const char *end)
{
	size_t n = fg_utf8_char((const unsigned char *)at, (size_t)(end - at));

	if (n == 0 || (unsigned char)*at < ' ' || *at == 0x7f)
		put(s, "?", 1);
	else
		put(s, at, n);
	return FG_MAX(n, (size_t)1);
}

static void skip_blanks(const char **at, const char *end)
{
	while (*at < end && strchr(" \t\r\n", **at))
		(*at)++;
}

static bool take(const char **at, const char *end, char c)
{
	skip_blanks(at, end);
	if (*at == end || **at != c)
		return false;
	(*at)++;
	return true;
}

static bool take_target(const char **at, const char *end, struct sink *s)
{
	if (!take(at, end, '<'))
		return false;
	while (*at < end && **at != '>')
		*at += put_char(s, *at, end);
	return take(at, end, '>');
}

static bool take_quoted(const char **at, const char *end, struct sink *s)
{
	while (*at < end && **at != '"') {
		if (**at == '\\' && ++*at == end)
			return false;
		*at += put_char(s, *at, end);
	}
	return take(at, end, '"');
}

static bool take_value(const char **at, const char *end, struct sink *s)
{
	if (take(at, end, '"'))
		return take_quoted(at, end, s);
	while (*at < end && !strchr(";, \t\r\n\"<>", **at))
		*at += put_char(s, *at, end);
	return true;
}

static void take_formats(const char *text, struct fg_resource *r)
{
	while (*text && r->format_count < FG_COUNT(r->formats)) {
		unsigned v;
		size_t n = strspn(text, "0123456789");

		if (n && n <= 5 && sscanf(text, "%u", &v) == 1)
			r->formats[r->format_count++] = v;
		text += n;
		text += strcspn(text, "0123456789");
	}
}

/* One `name` or `name=value`. */
static bool take_parameter(const char **at, const char *end, struct fg_resource *r)
{
	char name[32] = "", other[64] = "";
	struct sink key = {.text = name, .size = sizeof(name)};
	struct sink value = {.text = other, .size = sizeof(other)};

	skip_blanks(at, end);
	while (*at < end && !strchr("=;, \t\r\n\"<>", **at))
		*at += put_char(&key, *at, end);
	if (!key.len)
		return false;
	if (strcmp(name, "rt") == 0)
		value = (struct sink){.text = r->rt, .size = sizeof(r->rt)};
	else if (strcmp(name, "if") == 0)
		value = (struct sink){.text = r->iface, .size = sizeof(r->iface)};
	else if (strcmp(name, "title") == 0)
		value = (struct sink){.text = r->title, .size = sizeof(r->title)};
	else if (strcmp(name, "obs") == 0)
		r->observable = true;
	if (take(at, end, '=') && !take_value(at, end, &value))
		return false;
	if (strcmp(name, "ct") == 0 && !r->format_count)
		take_formats(other, r);
	return true;
}

int fg_link_format_next(const char **at, const char *end, struct fg_resource *ret)
{
	struct fg_resource r = {.format_count = 0};
	struct sink path = {.text = r.path, .size = sizeof(r.path)};

	skip_blanks(at, end);
	if (*at == end)
		return FG_ENOENT;
	if (!take_target(at, end, &path))
		return FG_EDECODE;
	while (take(at, end, ';'))
		if (!take_parameter(at, end, &r))
			return FG_EDECODE;
	skip_blanks(at, end);
	if (*at < end && (!take(at, end, ',') || *at == end))
		return FG_EDECODE;
	*ret = r;
	return FG_OK;
}
