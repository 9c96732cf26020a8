/* SPDX-License-Identifier: EUPL-1.2 */
/* "Did you mean": the nearest name by edit distance. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/node.h"

#define MAX_WORD 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	return FG_MIN(FG_MIN(a, b), c);
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, replacements and swaps of neighbours that make b of a; case is free. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][MAX_WORD + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				row[j] = FG_MIN(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

const char *fg_suggest(const char *word, const char *const *names, size_t n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	unsigned limit;

	if (len == 0 || len > MAX_WORD)
		return NULL;
	limit = FG_MAX((unsigned)len / 3, 1u);
	for (size_t i = 0; i < n; i++) {
		size_t name_len = strlen(names[i]);
		unsigned d;

		if (name_len == 0 || name_len > MAX_WORD)
			continue;
		d = distance(word, len, names[i], name_len);
		/* A name of which nothing is left is no slip of the finger. */
		if (d <= limit && d < FG_MAX(len, name_len)) {
			best = names[i];
			if (d == 0)
				break;
			limit = d - 1;
		}
	}
	return best;
}
