/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads case files. */
#include "case.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t"

struct reader {
	struct case_file *file;
	struct fg_case *c; /* the last one; NULL before the first */
	int line;
};

static void __attribute__((noreturn, format(printf, 2, 3)))
die(const struct reader *r, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", r->file->path, r->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(2);
}

/* Room for one more. */
static void *grown(void *items, size_t count, size_t size)
{
	char *more = realloc(items, (count + 1) * size);

	if (!more)
		abort();
	memset(more + count * size, 0, size);
	return more;
}

static char *copy(const char *text)
{
	char *s = strdup(text);

	if (!s)
		abort();
	return s;
}

static unsigned number(const struct reader *r, const char *text, unsigned max)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = text ? strtoul(text, &end, 0) : 0;
	if (!text || !*text || *end || errno || v > max)
		die(r, "'%s' is no number up to %u", text ? text : "", max);
	return (unsigned)v;
}

static int find_table(const char *word)
{
	static const char *const names[TABLES] = {"coil", "discrete", "holding", "input"};

	for (int i = 0; i < TABLES; i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	return -1;
}

static unsigned parse_cell(const struct reader *r, const char *word)
{
	char *end;
	unsigned long v = strtoul(word, &end, 16);

	if (*end || strlen(word) > 4)
		die(r, "'%s' is no register in hexadecimal", word);
	return (unsigned)v;
}

/* "0x2600: 41c8 0000", behind the table's name */
static void parse_area(struct reader *r, int table, char *rest)
{
	char *colon = strchr(rest, ':'), *word, *save;
	uint16_t *cells = NULL;
	struct area *a;

	if (!colon)
		die(r, "an area is TABLE ADDRESS: REGISTERS");
	*colon = '\0';
	r->c->areas = grown(r->c->areas, r->c->area_count, sizeof(*a));
	a = &r->c->areas[r->c->area_count++];
	a->table = table;
	a->address = number(r, strtok_r(rest, SPACE, &save), 65535);
	for (word = strtok_r(colon + 1, SPACE, &save); word; word = strtok_r(NULL, SPACE, &save)) {
		cells = grown(cells, a->count, sizeof(*cells));
		cells[a->count++] = (uint16_t)parse_cell(r, word);
	}
	if (!a->count)
		die(r, "an area without registers");
	a->cells = cells;
}

/* "holding 0x1000 10" */
static void parse_refuse(struct reader *r, char *rest)
{
	char *save, *name = strtok_r(rest, SPACE, &save);
	struct area *a;

	r->c->areas = grown(r->c->areas, r->c->area_count, sizeof(*a));
	a = &r->c->areas[r->c->area_count++];
	a->table = name ? find_table(name) : -1;
	if (a->table < 0)
		die(r, "refuse takes a table, an address and a count");
	a->address = number(r, strtok_r(NULL, SPACE, &save), 65535);
	a->count = number(r, strtok_r(NULL, SPACE, &save), 65536);
}

static size_t parse_bytes(const struct reader *r, char *text, uint8_t *ret)
{
	size_t n = 0;
	char *save;

	for (char *w = strtok_r(text, SPACE, &save); w; w = strtok_r(NULL, SPACE, &save)) {
		unsigned v = parse_cell(r, w);

		if (v > 255 || n == 253)
			die(r, "'%s' is no byte, or one too many", w);
		ret[n++] = (uint8_t)v;
	}
	if (!n)
		die(r, "pdu takes bytes, a colon, and bytes");
	return n;
}

static void parse_talk(struct reader *r, char *rest)
{
	char *colon = strchr(rest, ':');
	struct talk *t;

	if (!colon)
		die(r, "pdu takes bytes, a colon, and bytes");
	*colon = '\0';
	r->c->talks = grown(r->c->talks, r->c->talk_count, sizeof(*t));
	t = &r->c->talks[r->c->talk_count++];
	t->request_len = parse_bytes(r, rest, t->request);
	t->answer_len = parse_bytes(r, colon + 1, t->answer);
}

static void put_byte(const struct reader *r, struct message *m, unsigned byte)
{
	if (m->len == sizeof(m->bytes))
		die(r, "more than %zu bytes", sizeof(m->bytes));
	m->bytes[m->len++] = (uint8_t)byte;
}

static void put_hex(const struct reader *r, struct message *m, const char *text)
{
	unsigned byte;
	int n;

	for (; *text; text += n)
		if (sscanf(text, " %2x%n", &byte, &n) == 1)
			put_byte(r, m, byte);
		else
			die(r, "'%s' is no bytes in hexadecimal", text);
}

/* "11542 /3303/0: e4 16 44", or "0 /t: 'the text'"; "-" for no content format */
static void parse_message(struct reader *r, char *rest)
{
	char *save, *format = strtok_r(rest, SPACE, &save), *path = strtok_r(NULL, ":", &save);
	struct message *m;

	if (!path)
		die(r, "payload takes a content format, a path, a colon, and bytes");
	r->c->messages = grown(r->c->messages, r->c->message_count, sizeof(*m));
	m = &r->c->messages[r->c->message_count++];
	m->line = r->line;
	m->format = strcmp(format, "-") == 0 ? -1 : (int)number(r, format, 65535);
	m->path = copy(path);
	save += strspn(save, SPACE);
	if (*save == '\'' && strlen(save) > 1 && save[strlen(save) - 1] == '\'')
		for (save++; save[1]; save++)
			put_byte(r, m, (unsigned char)*save);
	else
		put_hex(r, m, save);
}

/* "@1667906320000", behind the unit */
static void parse_time(const struct reader *r, const char *word, struct expect *e)
{
	char *end;

	e->has_time = true;
	e->time_ms = strtoll(word + 1, &end, 10);
	if (!word[1] || *end)
		die(r, "'%s' is no time in milliseconds since 1970", word);
}

/* "water_temperature 14.2 Cel qc=3 warming up" */
static void parse_expect(struct reader *r, char *rest)
{
	char *save, *point = strtok_r(rest, SPACE, &save), *value = strtok_r(NULL, SPACE, &save),
		    *unit = strtok_r(NULL, SPACE, &save);
	struct expect *e;

	if (!unit)
		die(r, "expect takes a point, a value and a unit");
	r->c->expects = grown(r->c->expects, r->c->expect_count, sizeof(*e));
	e = &r->c->expects[r->c->expect_count++];
	*e = (struct expect){.line = r->line, .qc = 2};
	e->point = copy(point);
	e->value = copy(value);
	e->unit = copy(unit);
	save += strspn(save, SPACE);
	if (*save == '@') {
		parse_time(r, strtok_r(NULL, SPACE, &save), e);
		save += strspn(save, SPACE);
	}
	if (strncmp(save, "qc=", 3) == 0) {
		char *word = strtok_r(NULL, SPACE, &save);

		e->qc = number(r, word + 3, 9);
		save += strspn(save, SPACE);
	}
	e->reason = copy(save);
}

static void parse_device(struct reader *r, const char *rest)
{
	const char *before = r->c->device ? r->c->device : "";
	size_t size = strlen(before) + strlen(rest) + 8;
	char *text = malloc(size);

	if (!text)
		abort();
	snprintf(text, size, "%s    %s\n", before, rest);
	free(r->c->device);
	r->c->device = text;
}

static void begin_case(struct reader *r, const char *title)
{
	struct case_file *f = r->file;

	f->cases = grown(f->cases, f->count, sizeof(*f->cases));
	r->c = &f->cases[f->count++];
	*r->c = (struct fg_case){.line = r->line, .title = copy(title), .limit = 125, .align = 1};
}

static void parse_word(struct reader *r, const char *word, char *rest)
{
	int table = find_table(word);

	if (table >= 0)
		parse_area(r, table, rest);
	else if (strcmp(word, "refuse") == 0)
		parse_refuse(r, rest);
	else if (strcmp(word, "pdu") == 0)
		parse_talk(r, rest);
	else if (strcmp(word, "expect") == 0)
		parse_expect(r, rest);
	else if (strcmp(word, "payload") == 0)
		parse_message(r, rest);
	else if (strcmp(word, "identity") == 0)
		r->c->identity = copy(rest);
	else if (strcmp(word, "device") == 0)
		parse_device(r, rest);
	else if (strcmp(word, "limit") == 0)
		r->c->limit = number(r, rest, 2000);
	else if (strcmp(word, "asleep") == 0)
		r->c->asleep = number(r, rest, 10);
	else if (strcmp(word, "align") == 0)
		r->c->align = number(r, rest, 4);
	else if (strcmp(word, "exact") == 0)
		r->c->exact = true;
	else
		die(r, "'%s' begins no line of a case", word);
}

static void parse_line(struct reader *r, char *text)
{
	char *rest;

	text[strcspn(text, "#\r\n")] = '\0';
	for (size_t n = strlen(text); n && strchr(SPACE, text[n - 1]); n--)
		text[n - 1] = '\0';
	text += strspn(text, SPACE);
	if (!*text)
		return;
	rest = text + strcspn(text, SPACE);
	if (*rest)
		*rest++ = '\0';
	rest += strspn(rest, SPACE);
	if (strcmp(text, "example") == 0)
		r->file->example = true;
	else if (strcmp(text, "made") == 0)
		r->file->made = true;
	else if (strcmp(text, "case") == 0)
		begin_case(r, rest);
	else if (!r->c)
		die(r, "'%s' before the first case", text);
	else
		parse_word(r, text, rest);
}

struct case_file *case_file_read(const char *path)
{
	struct case_file *f = calloc(1, sizeof(*f));
	struct reader r = {.file = f};
	char line[4096];
	FILE *in;

	if (!f)
		abort();
	f->path = path;
	in = fopen(path, "r");
	if (!in)
		die(&r, "%s", strerror(errno));
	while (fgets(line, sizeof(line), in)) {
		r.line++;
		parse_line(&r, line);
	}
	fclose(in);
	if (!f->count)
		die(&r, "no case");
	if (!f->example && !f->made)
		die(&r, "neither 'example' nor 'made': where do the numbers come from?");
	return f;
}
