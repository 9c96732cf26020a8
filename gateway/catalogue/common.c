/* SPDX-License-Identifier: EUPL-1.2 */
/* What the documents of the catalogue share. */
#include <string.h>

#include "base/cleanup.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/selection.h"
#include "gateway/series.h"
#include "protocol/encode.h"
#include "protocol/encoder.h"

bool fg_catalogue_has(const struct fg_destination *dest, const struct fg_point *point)
{
	const struct fg_point_desc desc = fg_series_desc(point);

	return fg_selects_point(dest, &desc);
}

bool fg_catalogue_batches(const struct fg_destination *dest)
{
	return dest->batch_us && dest->payload >> FG_ENCODER_json & 1;
}

bool fg_catalogue_topic(struct fg_buf *out, const struct fg_destination *dest,
	const struct fg_point_desc *desc)
{
	return fg_catalogue_batches(dest) && desc->period == FG_TOLD_NONE
		       ? fg_topic_batch(out, dest->prefix, desc)
		       : fg_topic_reading(out, dest->prefix, desc);
}

bool fg_catalogue_has_station(const struct fg_config *config, const struct fg_destination *dest,
	const struct fg_station *station)
{
	for (size_t i = 0; i < config->point_count; i++)
		if (config->points[i]->device->station == station &&
			fg_catalogue_has(dest, config->points[i]))
			return true;
	return false;
}

const char *fg_catalogue_title(const struct fg_point *point, int language)
{
	if (point->title)
		return point->title;
	if (!point->known)
		return point->name;
	return language == FG_LANG_EN ? point->known->title_en : point->known->title_nb;
}

int64_t fg_catalogue_max_age_s(const struct fg_config *config, const struct fg_point *point)
{
	const int64_t second = 1000000;
	int64_t step_us = point->interval_us;

	if (point->by_change)
		step_us = FG_MAX(step_us, point->at_least_every_us);
	/* a poll may be late by another one, and wait for its commit */
	return (step_us + point->interval_us + point->device->timeout_us +
		       config->storage.max_delay_us + second - 1) /
	       second;
}

/* ---- licences ---- */

#define AUTHORITY "http://publications.europa.eu/resource/authority/licence/"

void fg_catalogue_put_licence(struct fg_buf *out, const char *spdx)
{
	const char *code = fg_licence_code(spdx);

	if (code)
		fg_buf_printf(out, AUTHORITY "%s", code);
	else /* its letters are those of an SPDX identifier */
		fg_buf_printf(out, "https://spdx.org/licenses/%s", spdx);
}

/* ---- people ---- */

bool fg_catalogue_put_contact(struct fg_buf *out, const char *contact)
{
	bool mail = contact && !strstr(contact, ":") && strchr(contact, '@');

	if (!contact || (!mail && !strchr(contact, ':')))
		return false;
	fg_buf_puts(out, mail ? "mailto:" : "");
	fg_buf_puts(out, contact);
	return true;
}

const char *fg_catalogue_language(int language)
{
	static const char *const names[] = {
		[FG_LANG_NB] = "nb", [FG_LANG_NN] = "nn", [FG_LANG_EN] = "en"};

	return names[language];
}

/* ---- servers ---- */

const struct fg_server *fg_catalogue_servers(const struct fg_destination *dest, size_t *ret_count)
{
	bool own = dest->public_count == 0;

	*ret_count = own ? dest->server_count : dest->public_count;
	return own ? dest->servers : dest->public_servers;
}

void fg_catalogue_put_address(struct fg_buf *out, const struct fg_server *s)
{
	/* a name has no colon, an IPv6 address always has */
	if (strchr(s->host, ':'))
		fg_buf_printf(out, "[%s]:%d", s->host, s->port);
	else
		fg_buf_printf(out, "%s:%d", s->host, s->port);
}
