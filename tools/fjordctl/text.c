/* SPDX-License-Identifier: EUPL-1.2 */
/* Members of JSON documents, aligned tables, ages. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/number.h"
#include "ctl.h"

const char *ctl_text(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

double ctl_number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

bool ctl_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool ctl_parse_int(const char *option, const char *text, unsigned min, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long v = strtoul(text, &end, 0);

	if (text[0] >= '0' && text[0] <= '9' && !*end && v >= min && v <= max) {
		*ret = (unsigned)v;
		return true;
	}
	fprintf(stderr, "fjordctl: %s: '%s' is not a whole number, %u to %u\n", option, text, min,
		max);
	return false;
}

char *ctl_plain(char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return text;
}

const char *ctl_value(const cJSON *value, char *mem, size_t size)
{
	struct fg_buf out;

	fg_buf_wrap(&out, mem, size);
	if (cJSON_IsNumber(value))
		fg_number_put_double(&out, value->valuedouble);
	else if (cJSON_IsString(value))
		fg_buf_puts(&out, value->valuestring);
	else if (cJSON_IsBool(value))
		fg_buf_puts(&out, cJSON_IsTrue(value) ? "true" : "false");
	else
		fg_buf_puts(&out, "-");
	return ctl_plain(mem);
}

#define CELL_MAX 160

struct ctl_table {
	size_t columns, cells, cap;
	char (*text)[CELL_MAX];
};

struct ctl_table *ctl_table_new(const char *const *heads, size_t columns)
{
	struct ctl_table *t = calloc(1, sizeof(*t));

	if (!t)
		abort(); /* a few bytes at the start of a command */
	t->columns = columns;
	for (size_t i = 0; i < columns; i++)
		ctl_table_cell(t, "%s", heads[i]);
	return t;
}

void ctl_table_cell(struct ctl_table *t, const char *fmt, ...)
{
	va_list ap;

	if (t->cells == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		void *text = realloc(t->text, cap * sizeof(*t->text));

		if (!text)
			abort();
		t->text = text;
		t->cap = cap;
	}
	va_start(ap, fmt);
	vsnprintf(t->text[t->cells], CELL_MAX, fmt, ap);
	va_end(ap);
	ctl_plain(t->text[t->cells++]);
}

/* Columns on the screen: UTF-8 continuation bytes take none. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xC0) != 0x80;
	return n;
}

static const char *color_of(const char *cell)
{
	static const struct {
		const char *word, *code;
	} colors[] = {{"ok", "\033[32m"}, {"up", "\033[32m"}, {"connected", "\033[32m"},
		{"failing", "\033[33m"}, {"suspect", "\033[33m"}, {"waiting", "\033[33m"},
		{"quarantined", "\033[31m"}, {"down", "\033[31m"}, {"fail", "\033[31m"},
		{"missing", "\033[31m"}};

	for (size_t i = 0; i < FG_COUNT(colors); i++)
		if (strcmp(colors[i].word, cell) == 0)
			return colors[i].code;
	return NULL;
}

/* Bytes of the text that take at most so many columns. */
static size_t fitting(const char *text, size_t columns)
{
	size_t n = 0, used = 0;

	for (; text[n]; n++) {
		used += ((unsigned char)text[n] & 0xC0) != 0x80;
		if (used > columns)
			break;
	}
	return n;
}

static void print_row(
	const struct ctl_table *t, size_t row, const size_t *widths, bool color, size_t columns)
{
	size_t left = columns;

	for (size_t i = 0; i < t->columns && left; i++) {
		const char *cell = t->text[row * t->columns + i];
		const char *code = color ? row == 0 ? "\033[1m" : color_of(cell) : NULL;
		size_t used = FG_MIN(width(cell), left), gap;

		printf("%s%.*s%s", code ? code : "", (int)fitting(cell, left), cell,
			code ? "\033[0m" : "");
		left -= used;
		if (i + 1 == t->columns || !left)
			break;
		gap = FG_MIN(widths[i] - used + 2, left);
		printf("%*s", (int)gap, "");
		left -= gap;
	}
	putchar('\n');
}

void ctl_table_print_cut(struct ctl_table *t, bool color, unsigned columns)
{
	size_t widths[16] = {0};

	for (size_t i = 0; i < t->cells; i++)
		widths[i % t->columns] = FG_MAX(widths[i % t->columns], width(t->text[i]));
	for (size_t row = 0; row < t->cells / t->columns; row++)
		print_row(t, row, widths, color, columns ? columns : SIZE_MAX);
}

void ctl_table_print(struct ctl_table *t, bool color)
{
	ctl_table_print_cut(t, color, 0);
}

void ctl_print_cut(const char *text, unsigned indent, unsigned columns)
{
	size_t room = columns == 0 ? SIZE_MAX : columns > indent ? columns - indent : 1;

	printf("%*s%.*s\n", (int)indent, "", (int)fitting(text, room), text);
}

void ctl_table_free(struct ctl_table *t)
{
	if (!t)
		return;
	free(t->text);
	free(t);
}

const char *ctl_age(double seconds, char *mem, size_t size)
{
	if (seconds < 120)
		snprintf(mem, size, "%.0f s", seconds);
	else if (seconds < 7200)
		snprintf(mem, size, "%.0f min", seconds / 60);
	else if (seconds < 172800)
		snprintf(mem, size, "%.0f h", seconds / 3600);
	else
		snprintf(mem, size, "%.0f d", seconds / 86400);
	return mem;
}
