/* SPDX-License-Identifier: EUPL-1.2 */
/* Faults of a configuration: collected, put in order, printed one a line. */
#include "base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"

#define MAX_FAULTS 500
#define MAX_TEXT   600 /* bytes; what a hostile file puts into names may be longer */

struct fault {
	const char *file;
	unsigned rank; /* of the file: in the order in which files first had a fault */
	unsigned seq;
	int line, column;
	bool error;
	const char *text;
};

struct fg_report {
	struct fg_arena *arena;
	struct fault faults[MAX_FAULTS];
	size_t count;
	size_t errors, warnings;
};

struct fg_report *fg_report_new(void)
{
	struct fg_arena *arena = fg_arena_new();
	struct fg_report *rep = fg_arena_alloc(arena, sizeof(*rep));

	rep->arena = arena;
	return rep;
}

void fg_report_free(struct fg_report *rep)
{
	if (rep)
		fg_arena_free(rep->arena);
}

/* One line stays one line of UTF-8, whatever the file says. Returns the new length. */
static size_t clean(char *text, size_t len)
{
	unsigned char *s = (unsigned char *)text;

	for (size_t i = 0; i < len;) {
		size_t n = fg_utf8_char(s + i, len - i);

		if (n == 0 && len - i < 4 && s[i] >= 0xC0) /* cut in the middle of a character */
			return i;
		if (n == 0 || s[i] < 0x20 || s[i] == 0x7F)
			s[i] = '?';
		i += n ? n : 1;
	}
	return len;
}

static void set_file(struct fg_report *rep, struct fault *f, const char *file)
{
	unsigned rank = 0;

	for (size_t i = 0; i < rep->count; i++) {
		if (strcmp(rep->faults[i].file, file) == 0) {
			f->file = rep->faults[i].file;
			f->rank = rep->faults[i].rank;
			return;
		}
		rank = FG_MAX(rank, rep->faults[i].rank + 1);
	}
	f->file = fg_arena_strdup(rep->arena, file);
	f->rank = rank;
}

FG_PRINTF(4, 0)
static void add(struct fg_report *rep, bool error, struct fg_place at, const char *fmt, va_list ap)
{
	char text[MAX_TEXT];
	struct fault *f;
	int n;

	if (error)
		rep->errors++;
	else
		rep->warnings++;
	if (rep->count == MAX_FAULTS)
		return;
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		n = 0;
	f = &rep->faults[rep->count];
	f->line = at.line;
	f->column = at.column;
	f->error = error;
	f->seq = (unsigned)rep->count;
	f->text = fg_arena_strndup(
		rep->arena, text, clean(text, FG_MIN((size_t)n, sizeof(text) - 1)));
	set_file(rep, f, at.file ? at.file : "configuration");
	rep->count++;
}

void fg_report_error(struct fg_report *rep, struct fg_place at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(rep, true, at, fmt, ap);
	va_end(ap);
}

void fg_report_warning(struct fg_report *rep, struct fg_place at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(rep, false, at, fmt, ap);
	va_end(ap);
}

size_t fg_report_errors(const struct fg_report *rep)
{
	return rep->errors;
}

size_t fg_report_warnings(const struct fg_report *rep)
{
	return rep->warnings;
}

static int by_place(const void *va, const void *vb)
{
	const struct fault *a = va, *b = vb;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void fg_report_each(
	struct fg_report *rep, void (*line)(void *arg, bool error, const char *text), void *arg)
{
	qsort(rep->faults, rep->count, sizeof(rep->faults[0]), by_place);
	for (size_t i = 0; i < rep->count; i++) {
		const struct fault *f = &rep->faults[i];
		const char *kind = f->error ? "error" : "warning";
		char text[MAX_TEXT + 600];

		if (f->line > 0)
			snprintf(text, sizeof(text), "%.500s:%d:%d: %s: %s", f->file, f->line,
				f->column, kind, f->text);
		else
			snprintf(text, sizeof(text), "%.500s: %s: %s", f->file, kind, f->text);
		line(arg, f->error, text);
	}
	if (rep->errors + rep->warnings > rep->count) {
		char text[64];

		snprintf(text, sizeof(text), "and %zu more",
			rep->errors + rep->warnings - rep->count);
		line(arg, true, text);
	}
}

static void put_line(void *arg, bool error, const char *text)
{
	(void)error;
	fg_buf_puts(arg, text);
	fg_buf_putc(arg, '\n');
}

void fg_report_print(struct fg_report *rep, struct fg_buf *out)
{
	fg_report_each(rep, put_line, out);
}
