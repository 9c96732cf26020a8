/* SPDX-License-Identifier: EUPL-1.2 */
/* Values out of text and JSON payloads.
 *
 * JSON is read by a scanner of its own instead of a library's tree: it needs no heap on the polling
 * path, keeps all digits of a 64-bit counter, and can be as strict as hostile bytes deserve. It
 * checks the whole document (RFC 8259) and remembers where the value stands that the pointer
 * (RFC 6901) leads to. */
#include "protocol/payload.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/number.h"
#include "base/status.h"

#define MAX_BYTES     (64u << 10)
#define MAX_DEPTH     32
#define MAX_OPEN_KEYS 1024 /* keys of all objects open at once: bounds the search for duplicates   \
			    */
#define MAX_NUMBER 63
#define MAX_TEXT   250

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
static int parse_number(const char *text, struct fg_value *ret)
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
			if (parse_number(text, &v) < 0)
				return FG_EDECODE; /* "1e999", "1.2.3": meant as a number */
		}
	}
	*ret_value = v;
	return FG_OK;
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

/* The next character of a string as UTF-8; 0 at the closing quote (left in place) and at a fault,
 * which is where *p does not point to a quote. */
static size_t next_char(const unsigned char **p, const unsigned char *end, unsigned char out[4])
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
	while (next_char(&s->at, s->end, c))
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
		na = next_char(&a, s->end, ca);
		nb = next_char(&b, s->end, cb);
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
	while ((n = next_char(&key, s->end, c)))
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
	while (s->at < s->end && is_blank((char)*s->at))
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

/* ---- JSON: the value found ---- */

static void copy_string(const struct scan *s, char *text, size_t text_cap, struct fg_value *ret)
{
	const unsigned char *p = s->found + 1;
	unsigned char c[4];
	size_t n, len = 0;

	while ((n = next_char(&p, s->found_end, c)) && len + n < text_cap) {
		memcpy(text + len, c, n);
		len += n;
	}
	if (text_cap)
		text[len] = '\0';
	ret->kind = FG_KIND_TEXT;
	ret->text = text;
	ret->len = (uint32_t)len;
}

static int take_number(const struct scan *s, struct fg_value *ret)
{
	size_t len = (size_t)(s->found_end - s->found);
	char number[MAX_NUMBER + 1];

	if (len > MAX_NUMBER)
		return FG_EDECODE;
	memcpy(number, s->found, len);
	number[len] = '\0';
	return parse_number(number, ret);
}

int fg_payload_json(const char *payload, size_t len, const char *pointer, char *text,
	size_t text_cap, struct fg_value *ret_value)
{
	struct scan s;
	struct fg_value v = {.kind = FG_KIND_NONE};
	int r = FG_OK;

	s.at = (const unsigned char *)payload;
	s.end = s.at + len;
	s.depth = 0;
	s.key_count = 0;
	s.found = NULL;
	if (len > MAX_BYTES || scan_value(&s, pointer) < 0)
		return FG_EDECODE;
	skip_blanks(&s);
	if (s.at != s.end)
		return FG_EDECODE;
	if (!s.found)
		return FG_ENOENT;
	switch (*s.found) {
	case '{':
	case '[':
		return FG_EDECODE;
	case 'n':
		break;
	case 't':
	case 'f':
		v.kind = FG_KIND_BOOL;
		v.b = *s.found == 't';
		break;
	case '"':
		copy_string(&s, text, text_cap, &v);
		break;
	default:
		r = take_number(&s, &v);
	}
	if (r == FG_OK)
		*ret_value = v;
	return r;
}
