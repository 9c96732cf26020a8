/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of encoders, and what several of them share. */
#include "protocol/encoder.h"

#include <string.h>

#define FG_ENCODER(symbol, name, help) extern const struct fg_encoder fg_encoder_##symbol;
#define FG_ENCODER_KEYS FG_ENCODER
#include "protocol/encoders.def"
#undef FG_ENCODER
#undef FG_ENCODER_KEYS

const struct fg_encoder *const fg_encoders[] = {
#define FG_ENCODER(symbol, name, help) &fg_encoder_##symbol,
#define FG_ENCODER_KEYS FG_ENCODER
#include "protocol/encoders.def"
#undef FG_ENCODER
#undef FG_ENCODER_KEYS
};

const char *const fg_encoder_names[] = {
#define FG_ENCODER(symbol, name, help) name,
#define FG_ENCODER_KEYS FG_ENCODER
#include "protocol/encoders.def"
#undef FG_ENCODER
#undef FG_ENCODER_KEYS
};

const size_t fg_encoder_count = FG_ENCODER_COUNT;

const struct fg_station *fg_site_station(const struct fg_site *site, const char *name)
{
	for (size_t i = 0; i < site->station_count; i++)
		if (strcmp(site->stations[i].name, name) == 0)
			return &site->stations[i];
	return NULL;
}

static const struct fg_point *point_of(const struct fg_device *device, const char *name)
{
	for (size_t i = 0; i < device->point_count; i++)
		if (strcmp(device->points[i].name, name) == 0)
			return &device->points[i];
	return NULL;
}

const struct fg_point *fg_site_point(const struct fg_site *site, const struct fg_point_desc *desc)
{
	for (size_t i = 0; i < site->device_count; i++) {
		const struct fg_device *device = site->devices[i];
		const struct fg_point *p;

		if (strcmp(device->name, desc->device) != 0 ||
			strcmp(device->station->name, desc->station) != 0)
			continue;
		p = point_of(device, desc->point);
		return p && strcmp(p->property, desc->property) == 0 ? p : NULL;
	}
	return NULL;
}
