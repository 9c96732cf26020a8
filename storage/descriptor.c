/* SPDX-License-Identifier: EUPL-1.2 */
/* Point descriptors as bytes. */
#include "storage/descriptor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/varint.h"
#include "storage/checksum.h"

#define VERSION 1
#define VERSION_MORE 2 /* with what version 1 does not have: rules, period, stat */

static void put_text(struct fg_buf *out, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	fg_put_varint(out, text ? len + 1 : 0);
	fg_buf_put(out, text, len);
}

static bool has_more(const struct fg_point_desc *desc)
{
	for (size_t i = 0; i < FG_RULES; i++)
		if (desc->rules[i])
			return true;
	return desc->period != FG_TOLD_NONE || desc->stat != FG_STAT_NONE;
}

static void put_more(struct fg_buf *out, const struct fg_point_desc *desc)
{
	for (size_t i = 0; i < FG_RULES; i++)
		put_text(out, desc->rules[i]);
	fg_buf_putc(out, (char)desc->period);
	fg_buf_putc(out, (char)desc->stat);
}

void fg_descriptor_encode(const struct fg_point_desc *desc, struct fg_buf *out)
{
	const char *const texts[] = {desc->station, desc->device, desc->point, desc->property,
		desc->unit, desc->domain};
	size_t start = out->len;

	fg_buf_putc(out, has_more(desc) ? VERSION_MORE : VERSION);
	for (size_t i = 0; i < FG_COUNT(texts); i++)
		put_text(out, texts[i]);
	fg_put_svarint(out, desc->decimals);
	if (has_more(desc))
		put_more(out, desc);
	fg_seal(out, start);
}

/* Copies a string to *at, which moves on. */
static const char *get_text(struct fg_bytes *in, char **at)
{
	uint64_t size = fg_get_varint(in);
	const char *bytes, *text = *at;
	size_t len;

	if (size == 0)
		return NULL;
	if (size > (uint64_t)(in->end - in->at) + 1) {
		in->bad = true;
		return NULL;
	}
	len = (size_t)size - 1;
	bytes = fg_get_bytes(in, len);
	if (memchr(bytes, '\0', len)) {
		in->bad = true;
		return NULL;
	}
	memcpy(*at, bytes, len);
	(*at)[len] = '\0';
	*at += len + 1;
	return text;
}

static void get_more(struct fg_bytes *in, char **at, struct fg_point_desc *d)
{
	unsigned period, stat;

	for (size_t i = 0; i < FG_RULES; i++)
		d->rules[i] = get_text(in, at);
	period = fg_get_byte(in);
	stat = fg_get_byte(in);
	in->bad |= period >= FG_TOLD_COUNT || stat >= FG_STAT_COUNT ||
		   (period == FG_TOLD_NONE) != (stat == FG_STAT_NONE);
	d->period = (enum fg_told_period)period;
	d->stat = (enum fg_stat)stat;
	in->bad |= !has_more(d); /* equal bytes for equal content */
}

int fg_descriptor_decode(const void *bytes, size_t len, struct fg_point_desc **ret)
{
	struct fg_bytes in = {.at = bytes};
	struct fg_point_desc *d;
	int64_t decimals;
	unsigned version;
	char *at;

	if (!fg_seal_check(bytes, len, &len))
		return FG_ECORRUPT;
	in.end = in.at + len;
	/* each string brings the byte of its length, which makes room for its NUL */
	d = malloc(sizeof(*d) + len + 1);
	if (!d)
		return FG_ENOMEM;
	at = (char *)(d + 1);
	*d = (struct fg_point_desc){0};
	version = fg_get_byte(&in);
	in.bad = version != VERSION && version != VERSION_MORE;
	d->station = get_text(&in, &at);
	d->device = get_text(&in, &at);
	d->point = get_text(&in, &at);
	d->property = get_text(&in, &at);
	d->unit = get_text(&in, &at);
	d->domain = get_text(&in, &at);
	decimals = fg_get_svarint(&in);
	if (version == VERSION_MORE)
		get_more(&in, &at, d);
	if (in.bad || in.at != in.end || !d->station || !d->point || decimals < -1 ||
		decimals > 99) {
		free(d);
		return FG_ECORRUPT;
	}
	d->decimals = (int)decimals;
	*ret = d;
	return FG_OK;
}
