/* SPDX-License-Identifier: EUPL-1.2 */
/* The catalogue among the documents: which there are, and what the running gateway knows of points
 * beside the configuration. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/core_state.h"
#include "protocol/encode.h"

/* ---- what is known now ---- */

static void know(void *arg, const struct fg_point *point, struct fg_catalogue_now *ret)
{
	const struct fg_core *core = arg;
	int64_t now_ms = fg_core_wall_us(core, core->now.mono_us) / 1000;
	const struct fg_calibration *k = fg_calibration_of(core, point, now_ms);

	ret->calibration = k;
	ret->overdue = k && k->next_ms && k->next_ms <= now_ms;
	ret->maintenance = core->devices[point->device->index].maintenance;
}

static struct fg_catalogue catalogue_of(
	const struct fg_core *core, const struct fg_destination *dest)
{
	return (struct fg_catalogue){
		.config = core->config, .dest = dest, .now = know, .arg = (void *)(uintptr_t)core};
}

void fg_catalogue_look(struct fg_core *core)
{
	uint64_t h = FG_HASH_START;

	for (size_t i = 0; i < core->config->point_count; i++) {
		struct fg_catalogue_now now;
		int64_t told[3];

		know(core, core->config->points[i], &now);
		told[0] = now.calibration ? now.calibration->at_ms : INT64_MIN;
		told[1] = now.calibration ? now.calibration->next_ms : 0;
		told[2] = now.overdue;
		h = fg_hash(h, told, sizeof(told));
	}
	if (h != core->catalogue_hash)
		fg_documents_touch_all(core, FG_DOC_STATION);
	core->catalogue_hash = h;
}

/* ---- stations and things ---- */

static size_t station_count(const struct fg_config *config)
{
	return config->station_count;
}

static bool station_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i, const char *root)
{
	const struct fg_station *s = &config->stations[i];

	if (!dest->catalogue || !fg_catalogue_has_station(config, dest, s))
		return false;
	fg_buf_printf(out, "%s/%s/%s/%s", dest->prefix, root, s->name, config->gateway.id);
	return !out->overflow;
}

static bool feature_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	return station_topic(out, config, dest, i, "stations");
}

static bool feature_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	const struct fg_catalogue c = catalogue_of(core, dest);

	fg_catalogue_station(out, &c, &core->config->stations[i]);
	return true;
}

const struct fg_document_kind fg_document_station = {.count = station_count,
	.topic = feature_topic, .write = feature_write, .when_changed = true};

static bool thing_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	return station_topic(out, config, dest, i, "things");
}

static bool thing_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	const struct fg_catalogue c = catalogue_of(core, dest);

	fg_catalogue_thing(out, &c, &core->config->stations[i]);
	return true;
}

const struct fg_document_kind fg_document_thing = {.count = station_count,
	.topic = thing_topic, .write = thing_write, .when_changed = true};

/* ---- of the gateway ---- */

static bool dataset_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	(void)i;
	return dest->catalogue &&
	       fg_topic_gateway(out, dest->prefix, config->gateway.id, "catalogue");
}

static bool dataset_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	const struct fg_catalogue c = catalogue_of(core, dest);

	(void)i;
	fg_catalogue_dataset(out, &c);
	return true;
}

const struct fg_document_kind fg_document_dataset = {
	.topic = dataset_topic, .write = dataset_write, .when_changed = true};

static bool asyncapi_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	(void)i;
	return dest->catalogue &&
	       fg_topic_gateway(out, dest->prefix, config->gateway.id, "asyncapi");
}

static bool asyncapi_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	const struct fg_catalogue c = catalogue_of(core, dest);

	(void)i;
	fg_catalogue_asyncapi(out, &c);
	return true;
}

const struct fg_document_kind fg_document_asyncapi = {
	.topic = asyncapi_topic, .write = asyncapi_write, .when_changed = true};

/* ---- shared by all gateways of a prefix ---- */

static bool schema_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	(void)config;
	(void)i;
	fg_buf_printf(out, "%s/schema/reading", dest->prefix);
	return dest->catalogue && !out->overflow;
}

static bool schema_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	(void)core;
	(void)dest;
	(void)i;
	fg_catalogue_schema(out);
	return true;
}

const struct fg_document_kind fg_document_schema = {
	.topic = schema_topic, .write = schema_write, .when_changed = true, .shared = true};

static bool classes_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	(void)config;
	(void)i;
	fg_buf_printf(out, "%s/classes", dest->prefix);
	return dest->catalogue && !out->overflow;
}

static bool classes_write(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	(void)core;
	(void)dest;
	(void)i;
	fg_catalogue_classes(out);
	return true;
}

const struct fg_document_kind fg_document_classes = {
	.topic = classes_topic, .write = classes_write, .when_changed = true, .shared = true};
