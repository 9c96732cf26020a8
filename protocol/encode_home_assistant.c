/* SPDX-License-Identifier: EUPL-1.2 */
/* `home-assistant`: one device discovery message of the gateway, retained, with a sensor for each
 * point. States are the topics of `json`, availability is the gateway's status; so it makes no
 * messages of readings. */
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "protocol/encode.h"
#include "protocol/encode_home_assistant.h"
#include "protocol/encoder.h"

_Static_assert(
	sizeof(struct fg_home_assistant_options) <= FG_ENCODER_OPTIONS_MAX, "options have room");

const struct fg_key fg_encoder_keys_home_assistant[] = {
	{"prefix", FG_KEY_TEXT, .offset = offsetof(struct fg_home_assistant_options, prefix),
		.max = 120, .dflt = "homeassistant",
		.help = "Home Assistant's own discovery prefix, as set in its MQTT integration."},
	{0},
};

struct class {
	const char *property, *name, *unit;
};

static const struct class classes[] = {
#define CLASS(property, name, unit) {#property, name, unit},
#include "protocol/home_assistant.def"
#undef CLASS
};

static const struct class *class_of(const char *property)
{
	for (size_t i = 0; i < FG_COUNT(classes); i++)
		if (strcmp(classes[i].property, property) == 0)
			return &classes[i];
	return NULL;
}

/* ---- one sensor ---- */

/* Texts that a person reads: "Bragernes strand Vanntemperatur". */
static void put_name(struct fg_json *j, const struct fg_encoding *e, const struct fg_point *point,
	bool hourly)
{
	const struct fg_station *station = point->device->station;
	const char *title = point->title;
	char mem[512];
	struct fg_buf text;

	if (!title && point->known)
		title = point->known->title[e->site->language];
	fg_buf_wrap(&text, mem, sizeof(mem));
	fg_buf_puts(&text, station->title ? station->title : station->name);
	fg_buf_putc(&text, ' ');
	fg_buf_puts(&text, title ? title : point->name);
	if (hourly)
		fg_buf_puts(&text, e->site->language == FG_LANG_EN ? " (hourly)" : " (time)");
	fg_json_text(j, "name", mem);
}

static void put_class(struct fg_json *j, const struct fg_point *point)
{
	const struct class *class = class_of(point->property);
	const char *unit = class ? class->unit : strcmp(point->unit, "1") == 0 ? "" : point->unit;

	if (class && *class->name)
		fg_json_text(j, "device_class", class->name);
	if (*unit)
		fg_json_text(j, "unit_of_measurement", unit);
	/* of a property that is not in the table nothing says that it is a number */
	if (class && strcmp(class->name, "wind_direction") == 0)
		fg_json_text(j, "state_class", "measurement_angle");
	else if (class)
		fg_json_text(j, "state_class", "measurement");
	if (point->known)
		fg_json_int(j, "suggested_display_precision",
			point->decimals >= 0 ? point->decimals : point->known->decimals);
}

static void put_sensor(struct fg_json *j, const struct fg_encoding *e, const struct fg_point *point,
	bool hourly)
{
	struct fg_point_desc desc = {.station = point->device->station->name,
		.point = point->name,
		.domain = fg_domain_name(point->device->domain),
		.period = hourly ? FG_TOLD_HOUR : FG_TOLD_NONE,
		.stat = hourly ? point->hourly.stat : FG_STAT_NONE};
	char id_mem[320], topic_mem[512];
	struct fg_buf id, topic;

	fg_buf_wrap(&id, id_mem, sizeof(id_mem));
	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_printf(&id, "%s_%s_%s_%s%s", e->site->gateway, desc.domain, desc.station, desc.point,
		hourly ? "_hourly" : "");
	fg_topic_reading(&topic, e->prefix, &desc);
	fg_json_object(j, id_mem);
	fg_json_text(j, "platform", "sensor");
	fg_json_text(j, "unique_id", id_mem);
	put_name(j, e, point, hourly);
	fg_json_text(j, "state_topic", topic_mem);
	fg_json_text(j, "value_template", "{{ value_json.value }}");
	put_class(j, point);
	fg_json_end_object(j);
}

/* ---- the message ---- */

static void put_device(struct fg_json *j, const struct fg_site *site)
{
	fg_json_object(j, "device");
	fg_json_array(j, "identifiers");
	fg_json_text(j, NULL, site->gateway);
	fg_json_end_array(j);
	fg_json_text(j, "name", site->title ? site->title : site->gateway);
	if (site->operator)
		fg_json_text(j, "manufacturer", site->operator);
	fg_json_text(j, "model", "fjordgate");
	fg_json_text(j, "sw_version", FG_VERSION);
	if (site->contact)
		fg_json_text(j, "configuration_url", site->contact);
	fg_json_end_object(j);
	fg_json_object(j, "origin");
	fg_json_text(j, "name", "fjordgate");
	fg_json_text(j, "sw_version", FG_VERSION);
	fg_json_end_object(j);
}

static void put_availability(struct fg_json *j, const struct fg_encoding *e)
{
	char mem[512];
	struct fg_buf topic;

	fg_buf_wrap(&topic, mem, sizeof(mem));
	fg_topic_gateway(&topic, e->prefix, e->site->gateway, "status");
	fg_json_array(j, "availability");
	fg_json_object(j, NULL);
	fg_json_text(j, "topic", mem);
	fg_json_text(j, "value_template", "{{ value_json.state }}");
	fg_json_text(j, "payload_available", "online");
	fg_json_text(j, "payload_not_available", "offline");
	fg_json_end_object(j);
	fg_json_end_array(j);
}

static size_t documents(const struct fg_encoding *e)
{
	(void)e;
	return 1;
}

static int document(const struct fg_encoding *e, size_t number, struct fg_buf *topic,
	struct fg_buf *payload, bool *ret_retain)
{
	const struct fg_home_assistant_options *options = e->options;
	struct fg_json j;

	if (number != 0)
		return FG_ENOENT;
	*ret_retain = true;
	fg_buf_puts(topic, options->prefix);
	fg_buf_puts(topic, "/device/");
	fg_buf_puts(topic, e->site->gateway);
	fg_buf_puts(topic, "/config");
	fg_json_init(&j, payload);
	fg_json_object(&j, NULL);
	put_device(&j, e->site);
	put_availability(&j, e);
	fg_json_object(&j, "components");
	for (size_t i = 0; i < e->site->device_count; i++) {
		const struct fg_device *device = e->site->devices[i];

		for (size_t k = 0; k < device->point_count; k++) {
			const struct fg_point *point = &device->points[k];

			if (!fg_encoding_selects(e, point))
				continue;
			put_sensor(&j, e, point, false);
			if (point->hourly.on)
				put_sensor(&j, e, point, true);
		}
	}
	fg_json_end_object(&j);
	fg_json_int(&j, "qos", 1);
	fg_json_end_object(&j);
	return topic->overflow || payload->overflow ? FG_EFULL : FG_OK;
}

static const char *content_type(const void *options, bool *ret_text)
{
	(void)options;
	*ret_text = true;
	return "application/json";
}

const struct fg_encoder fg_encoder_home_assistant = {
	.form = FG_ENCODER_EACH,
	.content_type = content_type,
	.documents = documents,
	.document = document,
};
