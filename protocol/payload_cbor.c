/* SPDX-License-Identifier: EUPL-1.2 */
/* One value out of a CBOR payload, by a path like a JSON pointer. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/status.h"
#include "protocol/cbor.h"
#include "protocol/payload.h"

#define TAG_DECIMAL_FRACTION 4
#define MAX_TOKEN	     128

/* Tags that make another number of what they stand before; all others only comment. */
static bool tag_changes_value(uint64_t tag)
{
	return tag == 2 || tag == 3 || tag == 5 || tag == 30;
}

/* Steps over tags that only comment (a time, "this is CBOR" …). */
static int skip_tags(struct fg_cbor_span *item)
{
	for (;;) {
		struct fg_cbor_span rest = *item;
		struct fg_cbor_head head = fg_cbor_head(&rest);

		if (head.major != FG_CBOR_TAG || head.arg == TAG_DECIMAL_FRACTION)
			return FG_OK;
		if (tag_changes_value(head.arg))
			return FG_EDECODE;
		*item = rest;
	}
}

/* Copies the pointer's first token without its escapes; returns what follows it, or NULL where it
 * is too long for any key. */
static const char *take_token(const char *pointer, char token[MAX_TOKEN])
{
	size_t len = 0;

	for (pointer++; *pointer && *pointer != '/'; pointer++) {
		if (len == MAX_TOKEN - 1)
			return NULL;
		if (*pointer == '~')
			token[len++] = *++pointer == '0' ? '~' : '/';
		else
			token[len++] = *pointer;
	}
	token[len] = '\0';
	return pointer;
}

static bool is_key(struct fg_cbor_span key, const char *token)
{
	struct fg_cbor_span rest = key;
	struct fg_cbor_head head = fg_cbor_head(&rest);
	struct fg_value number;
	char text[MAX_TOKEN];
	int64_t wanted;
	bool cut;

	if (head.major == FG_CBOR_TEXT)
		return fg_cbor_copy(key, text, sizeof(text), &cut) == strlen(token) && !cut &&
		       memcmp(text, token, strlen(token)) == 0;
	if (head.major != FG_CBOR_UINT && head.major != FG_CBOR_NEGATIVE)
		return false;
	return fg_integer_parse(token, &wanted) == FG_OK && !strpbrk(token, "xX+") &&
	       fg_cbor_number(key, &number) == FG_OK && number.kind == FG_KIND_INT &&
	       number.i == wanted;
}

/* The value of a key; a key that stands twice leaves open which is meant. */
static int find_in_map(struct fg_cbor_span *item, const char *token)
{
	struct fg_cbor_head head = fg_cbor_head(item);
	struct fg_cbor_span found = {NULL, NULL};
	uint64_t left = head.arg;

	while (fg_cbor_more(item, &head, &left)) {
		struct fg_cbor_span key = fg_cbor_step(item), value = fg_cbor_step(item);

		if (!is_key(key, token))
			continue;
		if (found.at)
			return FG_EDECODE;
		found = value;
	}
	*item = found;
	return found.at ? FG_OK : FG_ENOENT;
}

static int find_in_array(struct fg_cbor_span *item, const char *token)
{
	struct fg_cbor_head head = fg_cbor_head(item);
	uint64_t left = head.arg;
	size_t digits = strspn(token, "0123456789");
	unsigned long index;

	if (!digits || token[digits] || digits > 6 || (*token == '0' && digits > 1))
		return FG_ENOENT;
	index = strtoul(token, NULL, 10);
	while (fg_cbor_more(item, &head, &left)) {
		struct fg_cbor_span value = fg_cbor_step(item);

		if (!index--) {
			*item = value;
			return FG_OK;
		}
	}
	return FG_ENOENT;
}

static int follow(struct fg_cbor_span *item, const char *pointer)
{
	char token[MAX_TOKEN];
	int r = skip_tags(item);

	while (r == FG_OK && *pointer) {
		struct fg_cbor_span rest = *item;
		enum fg_cbor_major major = fg_cbor_head(&rest).major;

		pointer = take_token(pointer, token);
		if (!pointer)
			return FG_ENOENT;
		if (major == FG_CBOR_MAP)
			r = find_in_map(item, token);
		else if (major == FG_CBOR_ARRAY)
			r = find_in_array(item, token);
		else
			r = FG_ENOENT;
		if (r == FG_OK)
			r = skip_tags(item);
	}
	return r;
}

static int take_value(struct fg_cbor_span item, char *text, size_t text_cap, struct fg_value *ret)
{
	struct fg_cbor_span rest = item;
	struct fg_cbor_head head = fg_cbor_head(&rest);
	bool cut;

	if (head.major == FG_CBOR_TEXT) {
		ret->kind = FG_KIND_TEXT;
		ret->len = (uint32_t)fg_cbor_copy(item, text, text_cap, &cut);
		ret->text = text;
		return memchr(text, '\0', ret->len) ? FG_EDECODE : FG_OK;
	}
	if (head.major == FG_CBOR_SIMPLE && (head.info == 20 || head.info == 21)) {
		ret->kind = FG_KIND_BOOL;
		ret->b = head.info == 21;
		return FG_OK;
	}
	if (head.major == FG_CBOR_SIMPLE && (head.info == 22 || head.info == 23)) {
		ret->kind = FG_KIND_NONE; /* null, undefined */
		return FG_OK;
	}
	return fg_cbor_number(item, ret);
}

int fg_payload_cbor(const char *payload, size_t len, const char *pointer, char *text,
	size_t text_cap, struct fg_value *ret_value)
{
	struct fg_cbor_span item = {
		(const unsigned char *)payload, (const unsigned char *)payload + len};
	struct fg_value v;
	int r = fg_cbor_check(payload, len);

	if (r == FG_OK)
		r = follow(&item, pointer);
	if (r == FG_OK)
		r = take_value(item, text, text_cap, &v);
	if (r == FG_OK)
		*ret_value = v;
	return r;
}
