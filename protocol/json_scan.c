/* SPDX-License-Identifier: EUPL-1.2 */
/* JSON (RFC 8259) as hostile bytes: one pass that checks a whole document and remembers where the
 * value stands that a pointer (RFC 6901) leads to, and steps through a document so checked.
 *
 * A scanner of its own instead of a library's tree: it needs no heap on the polling path, keeps all
 * digits of a 64-bit counter, and can be as strict as hostile bytes deserve. */
#include "protocol/json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "base/status.h"
#include "protocol/payload.h"

#define MAX_BYTES     (64u << 10)
#define MAX_DEPTH     32
#define MAX_OPEN_KEYS 1024 /* of all objects open at once: bounds the search for duplicates */
#define MAX_NUMBER    63

struct scan {
	const unsigned char *at, *end;
	unsigned depth;
	size_t key_count;
	const unsigned char *keys[MAX_OPEN_KEYS]; /* behind the opening quotes, still escaped */
	const unsigned char *found, *found_end;	  /* the value that the pointer leads to */
};

static unsigned significant_digits(const char *text)
{
	unsigned n = 0;

	for (; *text && *text != 'e' && *text != 'E'; text++)
		if (*text >= '0' && *text <= '9' && (n || *text != '0'))
			n++;
	return n;
}

/* A number in decimal notation. Whole numbers keep all their digits; 15 significant digits say a
 * decimal exactly, with more it was printed from a double. */
int fg_decimal_parse(const char *text, struct fg_value *ret)
{
	double v;

	if (!strpbrk(text, ".eE")) {
		char *end;

		if (fg_integer_parse(text, &ret->i) == FG_OK) {
			ret->kind = FG_KIND_INT;
			return FG_OK;
		}
		errno = 0;
		ret->u = strtoull(text, &end, 10);
		if (!errno && !*end && *text != '-') {
			ret->kind = FG_KIND_UINT;
			return FG_OK;
		}
	}
	if (fg_number_parse(text, &v) < 0)
		return FG_EDECODE;
	ret->kind = significant_digits(text) > 15 ? FG_KIND_DOUBLE : FG_KIND_DECIMAL;
	ret->f = v;
	return FG_OK;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- JSON: strings ---- */

/* Four hexadecimal digits. */
static bool hex4(const unsigned char *p, const unsigned char *end, unsigned *ret)
{
	unsigned v = 0;

	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 32u) >= 'a' && (c | 32u) <= 'f')
			v = v << 4 | ((c | 32u) - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

static size_t put_utf8(unsigned cp, unsigned char out[4])
{
	if (cp < 0x80) {
		out[0] = (unsigned char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (unsigned char)(0xC0 | cp >> 6);
		out[1] = (unsigned char)(0x80 | (cp & 63));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (unsigned char)(0xE0 | cp >> 12);
		out[1] = (unsigned char)(0x80 | (cp >> 6 & 63));
		out[2] = (unsigned char)(0x80 | (cp & 63));
		return 3;
	}
	out[0] = (unsigned char)(0xF0 | cp >> 18);
	out[1] = (unsigned char)(0x80 | (cp >> 12 & 63));
	out[2] = (unsigned char)(0x80 | (cp >> 6 & 63));
	out[3] = (unsigned char)(0x80 | (cp & 63));
	return 4;
}

/* The character of an escape at *p (behind the backslash), with surrogate pairs joined. NUL is
 * refused: no text of a sensor holds one on purpose. */
static size_t unescape(const unsigned char **p, const unsigned char *end, unsigned char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *simple;
	unsigned cp, low;

	if (*p == end)
		return 0;
	simple = **p ? strchr(from, **p) : NULL;
	if (simple) {
		out[0] = (unsigned char)to[simple - from];
		*p += 1;
		return 1;
	}
	if (**p != 'u' || !hex4(*p + 1, end, &cp) || !cp || (cp >= 0xDC00 && cp <= 0xDFFF))
		return 0;
	*p += 5;
	if (cp >= 0xD800 && cp <= 0xDBFF) {
		if (end - *p < 2 || (*p)[0] != '\\' || (*p)[1] != 'u' || !hex4(*p + 2, end, &low) ||
			low < 0xDC00 || low > 0xDFFF)
			return 0;
		cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
		*p += 6;
	}
	return put_utf8(cp, out);
}

size_t fg_json_char(const unsigned char **p, const unsigned char *end, unsigned char out[4])
{
	size_t n;

	if (*p == end || **p == '"' || **p < 0x20)
		return 0;
	if (**p == '\\') {
		const unsigned char *q = *p + 1;

		n = unescape(&q, end, out);
		if (n)
			*p = q;
		return n;
	}
	n = fg_utf8_char(*p, (size_t)(end - *p));
	memcpy(out, *p, n);
	*p += n;
	return n;
}

static int skip_string(struct scan *s)
{
	unsigned char c[4];

	if (s->at == s->end || *s->at != '"')
		return FG_EDECODE;
	s->at++;
	while (fg_json_char(&s->at, s->end, c))
		;
	if (s->at == s->end || *s->at != '"')
		return FG_EDECODE;
	s->at++;
	return FG_OK;
}

/* Whether two valid strings say the same, however they are escaped. */
static bool same_key(const struct scan *s, const unsigned char *a, const unsigned char *b)
{
	unsigned char ca[4], cb[4];
	size_t na, nb;

	do {
		na = fg_json_char(&a, s->end, ca);
		nb = fg_json_char(&b, s->end, cb);
		if (na != nb || memcmp(ca, cb, na) != 0)
			return false;
	} while (na);
	return true;
}

/* ---- JSON: the pointer ---- */

/* The next byte of a reference token; -1 at its end. */
static int token_byte(const char **p)
{
	char c = **p;

	if (c == '\0' || c == '/')
		return -1;
	*p += 1;
	if (c != '~')
		return (unsigned char)c;
	*p += 1;
	return (*p)[-1] == '0' ? '~' : '/';
}

/* The pointer behind its first token where that token is this key, else NULL. */
static const char *match_key(const struct scan *s, const char *pointer, const unsigned char *key)
{
	unsigned char c[4];
	size_t n;

	if (!pointer || *pointer != '/')
		return NULL;
	pointer++;
	while ((n = fg_json_char(&key, s->end, c)))
		for (size_t i = 0; i < n; i++)
			if (token_byte(&pointer) != c[i])
				return NULL;
	return token_byte(&pointer) < 0 ? pointer : NULL;
}

/* The same for the index of an array's element: digits without leading zeros. */
static const char *match_index(const char *pointer, unsigned long index)
{
	const char *digits;
	char *end;

	if (!pointer || *pointer != '/')
		return NULL;
	digits = pointer + 1;
	if (*digits < '0' || *digits > '9' || (*digits == '0' && digits[1] != '/' && digits[1]))
		return NULL;
	errno = 0;
	if (strtoul(digits, &end, 10) != index || errno || (*end && *end != '/'))
		return NULL;
	return end;
}

bool fg_json_pointer_valid(const char *pointer)
{
	if (*pointer && *pointer != '/')
		return false;
	for (; *pointer; pointer++)
		if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1')
			return false;
	return true;
}

/* ---- JSON: the document ---- */

static int scan_value(struct scan *s, const char *pointer);

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end && is_blank(*s->at))
		s->at++;
}

/* Takes one character of punctuation with the blanks before it. */
static bool take(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->at == s->end || *s->at != (unsigned char)c)
		return false;
	s->at++;
	return true;
}

static bool skip_digits(struct scan *s)
{
	const unsigned char *start = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > start;
}

static int skip_number(struct scan *s)
{
	const unsigned char *first;

	if (*s->at == '-')
		s->at++;
	first = s->at;
	if (!skip_digits(s) || (*first == '0' && s->at - first > 1))
		return FG_EDECODE;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!skip_digits(s))
			return FG_EDECODE;
	}
	if (s->at < s->end && (*s->at | 32) == 'e') {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		if (!skip_digits(s))
			return FG_EDECODE;
	}
	return FG_OK;
}

static int skip_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return FG_EDECODE;
	s->at += n;
	return FG_OK;
}

/* One `"key": value`; first_key is where this object's keys begin in s->keys. */
static int scan_member(struct scan *s, const char *pointer, size_t first_key)
{
	const unsigned char *key;

	skip_blanks(s);
	key = s->at + 1;
	if (skip_string(s) < 0 || s->key_count == MAX_OPEN_KEYS)
		return FG_EDECODE;
	for (size_t i = first_key; i < s->key_count; i++)
		if (same_key(s, s->keys[i], key))
			return FG_EDECODE;
	s->keys[s->key_count++] = key;
	if (!take(s, ':'))
		return FG_EDECODE;
	return scan_value(s, match_key(s, pointer, key));
}

static int scan_object(struct scan *s, const char *pointer)
{
	size_t first_key = s->key_count;

	s->at++;
	if (take(s, '}'))
		return FG_OK;
	do {
		if (scan_member(s, pointer, first_key) < 0)
			return FG_EDECODE;
	} while (take(s, ','));
	s->key_count = first_key;
	return take(s, '}') ? FG_OK : FG_EDECODE;
}

static int scan_array(struct scan *s, const char *pointer)
{
	unsigned long index = 0;

	s->at++;
	if (take(s, ']'))
		return FG_OK;
	do {
		if (scan_value(s, match_index(pointer, index++)) < 0)
			return FG_EDECODE;
	} while (take(s, ','));
	return take(s, ']') ? FG_OK : FG_EDECODE;
}

static int scan_any(struct scan *s, const char *pointer)
{
	switch (*s->at) {
	case '{':
	case '[':
		if (s->depth == MAX_DEPTH)
			return FG_EDECODE;
		s->depth++;
		if ((*s->at == '{' ? scan_object : scan_array)(s, pointer) < 0)
			return FG_EDECODE;
		s->depth--;
		return FG_OK;
	case '"':
		return skip_string(s);
	case 't':
		return skip_word(s, "true");
	case 'f':
		return skip_word(s, "false");
	case 'n':
		return skip_word(s, "null");
	default:
		return skip_number(s);
	}
}

/* Checks one value. `pointer` is what is left of it here; NULL beside its way. */
static int scan_value(struct scan *s, const char *pointer)
{
	const unsigned char *start;

	skip_blanks(s);
	start = s->at;
	if (s->at == s->end || scan_any(s, pointer) < 0)
		return FG_EDECODE;
	if (pointer && !*pointer) {
		s->found = start;
		s->found_end = s->at;
	}
	return FG_OK;
}

int fg_json_find(
	const char *payload, size_t len, const char *pointer, struct fg_json_span *ret_value)
{
	return fg_json_find_within(payload, len, MAX_BYTES, pointer, ret_value);
}

int fg_json_find_within(const char *payload, size_t len, size_t max, const char *pointer,
	struct fg_json_span *ret_value)
{
	struct scan s;

	s.at = (const unsigned char *)payload;
	s.end = s.at + len;
	s.depth = 0;
	s.key_count = 0;
	s.found = NULL;
	if (len > max || scan_value(&s, pointer) < 0)
		return FG_EDECODE;
	skip_blanks(&s);
	if (s.at != s.end)
		return FG_EDECODE;
	if (!s.found)
		return FG_ENOENT;
	ret_value->at = s.found;
	ret_value->end = s.found_end;
	return FG_OK;
}

/* ---- a document that was checked ---- */

bool fg_json_take(struct fg_json_span *rest, char c)
{
	while (rest->at < rest->end && is_blank(*rest->at))
		rest->at++;
	if (rest->at == rest->end || *rest->at != (unsigned char)c)
		return false;
	rest->at++;
	return true;
}

static void step_over_string(struct fg_json_span *rest)
{
	for (rest->at++; *rest->at != '"'; rest->at++)
		if (*rest->at == '\\')
			rest->at++;
	rest->at++;
}

static void step_over_nested(struct fg_json_span *rest)
{
	unsigned depth = 0;

	do {
		if (*rest->at == '"') {
			step_over_string(rest);
			continue;
		}
		depth += *rest->at == '{' || *rest->at == '[';
		depth -= *rest->at == '}' || *rest->at == ']';
		rest->at++;
	} while (depth);
}

struct fg_json_span fg_json_step(struct fg_json_span *rest)
{
	struct fg_json_span value;

	while (rest->at < rest->end && is_blank(*rest->at))
		rest->at++;
	value.at = rest->at;
	if (*rest->at == '"')
		step_over_string(rest);
	else if (*rest->at == '{' || *rest->at == '[')
		step_over_nested(rest);
	else
		while (rest->at < rest->end && !is_blank(*rest->at) && !strchr(",]}:", *rest->at))
			rest->at++;
	value.end = rest->at;
	return value;
}

size_t fg_json_copy(struct fg_json_span string, char *text, size_t text_cap, bool *ret_cut)
{
	const unsigned char *p = string.at + 1;
	unsigned char c[4];
	size_t n, len = 0;

	while ((n = fg_json_char(&p, string.end, c)) && len + n < text_cap) {
		memcpy(text + len, c, n);
		len += n;
	}
	if (text_cap)
		text[len] = '\0';
	*ret_cut = n > 0;
	return len;
}

int fg_json_number(struct fg_json_span value, struct fg_value *ret)
{
	size_t len = (size_t)(value.end - value.at);
	char number[MAX_NUMBER + 1];

	if (len > MAX_NUMBER)
		return FG_EDECODE;
	memcpy(number, value.at, len);
	number[len] = '\0';
	return fg_decimal_parse(number, ret);
}
