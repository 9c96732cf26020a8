/* SPDX-License-Identifier: EUPL-1.2 */
/* CBOR (RFC 8949): a check of the whole item, and steps through what was checked.
 *
 * Of our own, as libcbor builds a tree on the heap, whose size the sender chooses, and its reader
 * of single items leaves nesting, chunks and UTF-8 to the caller: what is left is a head. */
#include "protocol/cbor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "protocol/json_scan.h"

#define MAX_BYTES  (64u << 10)
#define MAX_DEPTH  32
#define BREAK	   0xFF
#define INDEFINITE 31

/* ---- heads ---- */

static uint64_t big_endian(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static bool take_head(struct fg_cbor_span *rest, struct fg_cbor_head *ret)
{
	unsigned n;

	if (rest->at == rest->end)
		return false;
	ret->major = (enum fg_cbor_major)(*rest->at >> 5);
	ret->info = *rest->at & 31;
	ret->indefinite = ret->info == INDEFINITE;
	ret->arg = ret->info;
	rest->at++;
	if (ret->info < 24 || ret->indefinite)
		return true;
	n = 1u << (ret->info - 24);
	if (ret->info > 27 || (size_t)(rest->end - rest->at) < n)
		return false;
	ret->arg = big_endian(rest->at, n);
	rest->at += n;
	return true;
}

/* ---- the check ---- */

static int check_item(struct fg_cbor_span *rest, unsigned depth);

static bool utf8_valid(const unsigned char *p, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = fg_utf8_char(p + i, len - i);
		if (!n)
			return false;
	}
	return true;
}

static int check_chunk(struct fg_cbor_span *rest, const struct fg_cbor_head *head)
{
	if (head->arg > (size_t)(rest->end - rest->at))
		return FG_EDECODE;
	if (head->major == FG_CBOR_TEXT && !utf8_valid(rest->at, (size_t)head->arg))
		return FG_EDECODE;
	rest->at += head->arg;
	return FG_OK;
}

static int check_string(struct fg_cbor_span *rest, const struct fg_cbor_head *head)
{
	struct fg_cbor_head chunk;

	if (!head->indefinite)
		return check_chunk(rest, head);
	while (!fg_cbor_break(rest))
		if (!take_head(rest, &chunk) || chunk.major != head->major || chunk.indefinite ||
			check_chunk(rest, &chunk) < 0)
			return FG_EDECODE;
	return FG_OK;
}

static int check_elements(
	struct fg_cbor_span *rest, const struct fg_cbor_head *head, unsigned depth)
{
	uint64_t left = head->arg;

	if (!head->indefinite && left > (size_t)(rest->end - rest->at))
		return FG_EDECODE;
	while (fg_cbor_more(rest, head, &left)) {
		if (check_item(rest, depth) < 0)
			return FG_EDECODE;
		if (head->major == FG_CBOR_MAP && check_item(rest, depth) < 0)
			return FG_EDECODE;
	}
	return FG_OK;
}

static int check_item(struct fg_cbor_span *rest, unsigned depth)
{
	struct fg_cbor_head head;

	if (depth > MAX_DEPTH || !take_head(rest, &head))
		return FG_EDECODE;
	switch (head.major) {
	case FG_CBOR_BYTES:
	case FG_CBOR_TEXT:
		return check_string(rest, &head);
	case FG_CBOR_ARRAY:
	case FG_CBOR_MAP:
		return check_elements(rest, &head, depth + 1);
	case FG_CBOR_TAG:
		return head.indefinite ? FG_EDECODE : check_item(rest, depth + 1);
	case FG_CBOR_SIMPLE: /* a break where none can be; a short one written long */
		return head.indefinite || (head.info == 24 && head.arg < 32) ? FG_EDECODE : FG_OK;
	case FG_CBOR_UINT:
	case FG_CBOR_NEGATIVE:
		break;
	}
	return head.indefinite ? FG_EDECODE : FG_OK;
}

int fg_cbor_check(const void *payload, size_t len)
{
	struct fg_cbor_span rest = {payload, (const unsigned char *)payload + len};

	if (!len || len > MAX_BYTES || check_item(&rest, 0) < 0 || rest.at != rest.end)
		return FG_EDECODE;
	return FG_OK;
}

/* ---- an item that was checked ---- */

struct fg_cbor_head fg_cbor_head(struct fg_cbor_span *rest)
{
	struct fg_cbor_head head = {.major = FG_CBOR_SIMPLE};

	take_head(rest, &head);
	return head;
}

bool fg_cbor_break(struct fg_cbor_span *rest)
{
	if (rest->at == rest->end || *rest->at != BREAK)
		return false;
	rest->at++;
	return true;
}

bool fg_cbor_more(struct fg_cbor_span *rest, const struct fg_cbor_head *head, uint64_t *left)
{
	if (head->indefinite)
		return !fg_cbor_break(rest);
	return (*left)-- > 0;
}

struct fg_cbor_span fg_cbor_step(struct fg_cbor_span *rest)
{
	struct fg_cbor_span item = *rest;

	check_item(rest, 0);
	item.end = rest->at;
	return item;
}

/* ---- numbers ---- */

static double half_to_double(unsigned bits)
{
	int exponent = (int)(bits >> 10 & 31);
	double fraction = bits & 1023, v;

	if (exponent == 0)
		v = ldexp(fraction, -24);
	else if (exponent < 31)
		v = ldexp(fraction + 1024, exponent - 25);
	else
		v = fraction > 0 ? (double)NAN : (double)INFINITY;
	return bits & 0x8000 ? -v : v;
}

static int take_float(const struct fg_cbor_head *head, struct fg_value *ret)
{
	uint32_t bits = (uint32_t)head->arg;
	float single;

	switch (head->info) {
	case 25:
		ret->f = half_to_double(bits);
		ret->kind = FG_KIND_FLOAT;
		return FG_OK;
	case 26:
		memcpy(&single, &bits, sizeof(single));
		ret->f = (double)single;
		ret->kind = FG_KIND_FLOAT;
		return FG_OK;
	case 27:
		memcpy(&ret->f, &head->arg, sizeof(ret->f));
		ret->kind = FG_KIND_DOUBLE;
		return FG_OK;
	default:
		return FG_EDECODE; /* true, null … */
	}
}

static int take_integer(const struct fg_cbor_head *head, struct fg_value *ret)
{
	bool negative = head->major == FG_CBOR_NEGATIVE;

	if (head->major != FG_CBOR_UINT && !negative)
		return FG_EDECODE;
	if (head->arg <= INT64_MAX) {
		ret->kind = FG_KIND_INT;
		ret->i = negative ? -1 - (int64_t)head->arg : (int64_t)head->arg;
	} else if (!negative) {
		ret->kind = FG_KIND_UINT;
		ret->u = head->arg;
	} else {
		ret->kind = FG_KIND_DOUBLE;
		ret->f = -1.0 - (double)head->arg;
	}
	return FG_OK;
}

/* [exponent, mantissa] by way of its decimal text: the nearest double, without steps between. */
static int take_decimal_fraction(struct fg_cbor_span *rest, struct fg_value *ret)
{
	struct fg_cbor_head pair = fg_cbor_head(rest), head;
	struct fg_value exponent, mantissa;
	uint64_t left = pair.arg;
	char text[64];

	if (pair.major != FG_CBOR_ARRAY || !fg_cbor_more(rest, &pair, &left))
		return FG_EDECODE;
	head = fg_cbor_head(rest);
	if (take_integer(&head, &exponent) < 0 || exponent.kind != FG_KIND_INT ||
		exponent.i < -400 || exponent.i > 400 || !fg_cbor_more(rest, &pair, &left))
		return FG_EDECODE;
	head = fg_cbor_head(rest);
	if (take_integer(&head, &mantissa) < 0 || mantissa.kind == FG_KIND_DOUBLE ||
		fg_cbor_more(rest, &pair, &left))
		return FG_EDECODE;
	if (mantissa.kind == FG_KIND_UINT)
		snprintf(text, sizeof(text), "%llue%d", (unsigned long long)mantissa.u,
			(int)exponent.i);
	else
		snprintf(text, sizeof(text), "%llde%d", (long long)mantissa.i, (int)exponent.i);
	return fg_decimal_parse(text, ret);
}

int fg_cbor_number(struct fg_cbor_span item, struct fg_value *ret)
{
	struct fg_cbor_head head = fg_cbor_head(&item);

	if (head.major == FG_CBOR_TAG && head.arg == 4)
		return take_decimal_fraction(&item, ret);
	if (head.major == FG_CBOR_SIMPLE)
		return take_float(&head, ret);
	return take_integer(&head, ret);
}

/* ---- strings ---- */

static size_t whole_characters(const unsigned char *text, size_t len, size_t room)
{
	size_t used = 0, n;

	while (used < len && (n = fg_utf8_char(text + used, len - used)) && used + n <= room)
		used += n;
	return used;
}

size_t fg_cbor_copy(struct fg_cbor_span item, char *out, size_t cap, bool *ret_cut)
{
	struct fg_cbor_head head = fg_cbor_head(&item), chunk = head;
	size_t len = 0, n;

	*ret_cut = false;
	if (!cap)
		return 0;
	while (!*ret_cut) {
		if (head.indefinite) {
			if (fg_cbor_break(&item))
				break;
			chunk = fg_cbor_head(&item);
		}
		n = (size_t)chunk.arg;
		if (n > cap - 1 - len) {
			*ret_cut = true;
			n = head.major == FG_CBOR_TEXT ? whole_characters(item.at, n, cap - 1 - len)
						       : cap - 1 - len;
		}
		memcpy(out + len, item.at, n);
		len += n;
		item.at += n;
		if (!head.indefinite)
			break;
	}
	out[len] = '\0';
	return len;
}
