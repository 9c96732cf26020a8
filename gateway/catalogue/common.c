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

bool fg_catalogue_next_class(const struct fg_config *config, const struct fg_destination *dest,
	const struct fg_station *station, size_t *at, struct fg_hours_series *ret)
{
	while (*at < config->point_count) {
		const struct fg_point *p = config->points[(*at)++];

		if (!p->hourly.leads || p->device->station != station)
			continue;
		*ret = fg_hours_station_class(config, p);
		if (fg_selects_point(dest, &ret->desc))
			return true;
	}
	return false;
}

bool fg_catalogue_has_station(const struct fg_config *config, const struct fg_destination *dest,
	const struct fg_station *station)
{
	struct fg_hours_series class;
	size_t at = 0;

	for (size_t i = 0; i < config->point_count; i++)
		if (config->points[i]->device->station == station &&
			fg_catalogue_has(dest, config->points[i]))
			return true;
	return fg_catalogue_next_class(config, dest, station, &at, &class);
}

const char *fg_catalogue_title(const struct fg_point *point, int language)
{
	if (point->title)
		return point->title;
	if (!point->known)
		return point->name;
	return point->known->title[language];
}

const char *fg_catalogue_class_title(int language)
{
	return language == FG_LANG_EN ? "Air quality class" : "Luftkvalitetsklasse";
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
