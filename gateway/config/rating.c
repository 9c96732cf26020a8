/* SPDX-License-Identifier: EUPL-1.2 */
/* Rating tables: pairs of numbers in the configuration or in a file of their own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/config/loader.h"

#define MAX_ROWS 1000
#define MAX_LINE 200

static struct fg_rating *new_table(struct fg_loader *l)
{
	return fg_arena_array(l->arena, MAX_ROWS, sizeof(struct fg_rating));
}

static bool parse_pair(const struct fg_node *node, struct fg_rating *row)
{
	return node->kind == FG_NODE_SEQUENCE && node->count == 2 &&
	       node->items[0]->kind == FG_NODE_SCALAR && node->items[1]->kind == FG_NODE_SCALAR &&
	       fg_number_parse(node->items[0]->text, &row->level) == FG_OK &&
	       fg_number_parse(node->items[1]->text, &row->flow) == FG_OK;
}

/* What makes row i no continuation of the rows before it; NULL: nothing. */
static const char *row_fault(const struct fg_rating *rows, size_t i)
{
	if (i == 0)
		return NULL;
	if (rows[i].level <= rows[i - 1].level)
		return "its first number is not above that of the row before";
	return rows[i].flow < rows[i - 1].flow ? "its second number falls" : NULL;
}

static struct fg_rating *from_list(
	struct fg_loader *l, const struct fg_derived_point *d, size_t *ret_count)
{
	const struct fg_node *list = d->raw.rating;
	struct fg_rating *rows;

	if (list->kind != FG_NODE_SEQUENCE || list->count < 2 || list->count > MAX_ROWS) {
		fg_report_error(l->rep, list->at,
			"%s.rating: takes a list of 2 to %d pairs, such as [[0.1, 20], [0.2, 65]]",
			d->path, MAX_ROWS);
		return NULL;
	}
	rows = new_table(l);
	for (size_t i = 0; i < list->count; i++) {
		const struct fg_node *item = list->items[i];
		const char *why = parse_pair(item, &rows[i])
					  ? row_fault(rows, i)
					  : "a row takes two numbers, such as [0.1, 20]";

		if (why) {
			fg_report_error(l->rep, item->at, "%s.rating: row %zu: %s", d->path, i + 1,
				why);
			return NULL;
		}
	}
	*ret_count = list->count;
	return rows;
}

/* Two numbers of a line, which is cut up. False: they are none. */
static bool parse_line(char *line, struct fg_rating *row)
{
	static const char *const between = " \t,;\r\n";
	char *save, *first = strtok_r(line, between, &save);
	char *second = first ? strtok_r(NULL, between, &save) : NULL;

	return second && !strtok_r(NULL, between, &save) &&
	       fg_number_parse(first, &row->level) == FG_OK &&
	       fg_number_parse(second, &row->flow) == FG_OK;
}

static const char *read_rows(FILE *f, struct fg_rating *rows, size_t *count, int *line)
{
	char text[MAX_LINE];

	for (*line = 1; fgets(text, sizeof(text), f); ++*line) {
		const char *why;

		if (!strchr(text, '\n') && !feof(f))
			return "the line is too long";
		text[strcspn(text, "#")] = '\0';
		if (text[strspn(text, " \t\r\n")] == '\0')
			continue;
		if (*count == MAX_ROWS)
			return "more than 1000 rows";
		if (!parse_line(text, &rows[*count]))
			return "takes two numbers with a comma, semicolon or blank between";
		why = row_fault(rows, *count);
		if (why)
			return why;
		++*count;
	}
	return ferror(f) ? "cannot be read" : *count < 2 ? "fewer than two rows" : NULL;
}

static struct fg_rating *from_file(
	struct fg_loader *l, const struct fg_derived_point *d, size_t *ret_count)
{
	const char *path = d->raw.rating_file, *why;
	struct fg_rating *rows = new_table(l);
	FILE *f = fopen(path, "re");
	int line = 0;

	if (!f && l->bind.no_files) /* two rows, so that the checks go on */
		return *ret_count = 2, rows[1].level = 1, rows;
	if (!f) {
		fg_report_error(l->rep, fg_place_of(d->point->node, "rating_file"),
			"%s.rating_file: '%s': %s", d->path, path, fg_strerror(-errno));
		return NULL;
	}
	why = read_rows(f, rows, ret_count, &line);
	fclose(f);
	if (!why)
		return rows;
	fg_report_error(l->rep,
		(struct fg_place){.file = fg_arena_strdup(l->arena, path), .line = line,
			.column = 1},
		"%s.rating_file: %s", d->path, why);
	return NULL;
}

const struct fg_rating *fg_rating_load(
	struct fg_loader *l, const struct fg_derived_point *d, size_t *ret_count)
{
	*ret_count = 0;
	return d->raw.rating ? from_list(l, d, ret_count) : from_file(l, d, ret_count);
}
