/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/accept.h"

#include <string.h>
#include <strings.h>

/* One element of a list: its text without blanks and parameters, and its weight in thousandths. */
struct element {
	const char *text;
	size_t len;
	int q;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "1", "0.5", "0.123"; what is no weight counts as nothing asked: 1. */
static int weight(const char *p, const char *end)
{
	int q = 0, step = 100;

	if (p == end || (*p != '0' && *p != '1'))
		return 1000;
	if (*p == '1')
		return 1000;
	if (++p == end || *p != '.')
		return 0;
	for (p++; p < end && *p >= '0' && *p <= '9' && step; p++, step /= 10)
		q += (*p - '0') * step;
	return q;
}

static int find_weight(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p != ';')
			continue;
		for (p++; p < end && is_blank(*p); p++)
			;
		if (end - p >= 2 && (*p == 'q' || *p == 'Q') && p[1] == '=')
			return weight(p + 2, end);
		p--;
	}
	return 1000;
}

/* Takes the next element off the list; false at its end. */
static bool next(const char **at, struct element *ret)
{
	const char *p = *at, *end;

	while (is_blank(*p) || *p == ',')
		p++;
	if (!*p)
		return false;
	end = p + strcspn(p, ",");
	*at = end;
	ret->text = p;
	ret->len = strcspn(p, ",; \t");
	ret->q = find_weight(p, end);
	return true;
}

/* How exactly a range names a type: 3 by name, 2 by its kind, 1 with all others, 0 not. */
static int names_type(const struct element *e, const char *type)
{
	size_t kind = strcspn(type, "/") + 1;

	if (e->len == strlen(type) && strncasecmp(e->text, type, e->len) == 0)
		return 3;
	if (e->len == kind + 1 && strncasecmp(e->text, type, kind) == 0 && e->text[kind] == '*')
		return 2;
	return e->len == 3 && memcmp(e->text, "*/*", 3) == 0;
}

static int names_language(const struct element *e, const char *language)
{
	size_t len = strlen(language);

	if (e->len == 1 && e->text[0] == '*')
		return 1;
	if (e->len >= len && strncasecmp(e->text, language, len) == 0 &&
		(e->len == len || e->text[len] == '-'))
		return 2; /* who asks for en-GB first wants English, whatever en alone weighs */
	return strcmp(language, "nb") == 0 && (e->len == 2 || (e->len > 2 && e->text[2] == '-')) &&
			       strncasecmp(e->text, "no", 2) == 0
		       ? 2
		       : 0;
}

static int weigh(const char *list, const char *name,
	int (*names)(const struct element *e, const char *name))
{
	int best = 0, q = 0;
	struct element e;

	while (next(&list, &e)) {
		int how = names(&e, name);

		if (how > best) {
			best = how;
			q = e.q;
		} else if (how && how == best && e.q > q) {
			q = e.q;
		}
	}
	return q;
}

static int choose(const char *list, const char *const names[], size_t n,
	int (*match)(const struct element *e, const char *name))
{
	int best = -1, best_q = 0;

	for (size_t i = 0; i < n; i++) {
		int q = weigh(list, names[i], match);

		if (q > best_q) {
			best = (int)i;
			best_q = q;
		}
	}
	return best;
}

int fg_accept_type(const char *accept, const char *const types[], size_t n)
{
	return accept && *accept ? choose(accept, types, n, names_type) : 0;
}

int fg_accept_language(const char *accept, const char *const languages[], size_t n)
{
	return accept ? choose(accept, languages, n, names_language) : -1;
}

bool fg_accept_matches(const char *list, const char *etag)
{
	struct element e;

	while (list && next(&list, &e)) {
		if (e.len > 2 && e.text[0] == 'W' && e.text[1] == '/') {
			e.text += 2;
			e.len -= 2;
		}
		if ((e.len == 1 && e.text[0] == '*') ||
			(e.len == strlen(etag) && memcmp(e.text, etag, e.len) == 0))
			return true;
	}
	return false;
}
