/* SPDX-License-Identifier: EUPL-1.2 */
/* A JSON Schema for editors, from the tables of keys. What is not built is left out, so that an
 * editor marks it as the loader would. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/key.h"
#include "gateway/config/keys.h"

static void put_object(struct fg_json *j, const char *name, const struct fg_key *keys);

static void put_raw(struct fg_json *j, const char *key, const char *json)
{
	fg_json_raw(j, key, json, strlen(json));
}

static void put_choices(struct fg_json *j, const struct fg_choice *choices)
{
	fg_json_array(j, "enum");
	for (; choices->name; choices++) {
		int64_t number = 0;
		bool digits = choices->name[strspn(choices->name, "0123456789")] == '\0';

		if (choices->unsupported)
			continue;
		for (const char *p = choices->name; digits && *p; p++)
			number = number * 10 + (*p - '0');
		if (digits) /* an editor reads 9600 as a number */
			fg_json_int(j, NULL, number);
		fg_json_text(j, NULL, choices->name);
	}
	fg_json_end_array(j);
}

static void put_ref(struct fg_json *j, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "#/$defs/%s", name);
	fg_json_text(j, "$ref", text);
}

static void put_bounds(struct fg_json *j, const struct fg_key *key)
{
	if (key->type == FG_KEY_INT && key->min < key->max) {
		fg_json_int(j, "minimum", key->min);
		fg_json_int(j, "maximum", key->max);
	}
	if (key->type == FG_KEY_NUMBER && key->fmin < key->fmax) {
		fg_json_double(j, "minimum", key->fmin);
		fg_json_double(j, "maximum", key->fmax);
	}
}

static void put_list(struct fg_json *j, const struct fg_key *key)
{
	fg_json_array(j, "anyOf");
	for (int list = 0; list < 2; list++) {
		fg_json_object(j, NULL);
		if (list) {
			fg_json_text(j, "type", "array");
			fg_json_object(j, "items");
		}
		if (key->choices)
			put_choices(j, key->choices);
		else
			put_ref(j, key->type == FG_KEY_NAMES ? "name" : "text");
		if (list)
			fg_json_end_object(j);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

static void put_type(struct fg_json *j, const struct fg_key *key)
{
	switch (key->type) {
	case FG_KEY_BOOL:
	case FG_KEY_DURATION:
	case FG_KEY_SIZE:
	case FG_KEY_RATE:
	case FG_KEY_TEXT:
	case FG_KEY_NAME:
	case FG_KEY_PAIR:
	case FG_KEY_PATH: {
		static const char *const names[] = {
			[FG_KEY_BOOL] = "switch",
			[FG_KEY_DURATION] = "duration",
			[FG_KEY_SIZE] = "size",
			[FG_KEY_RATE] = "rate",
			[FG_KEY_TEXT] = "text",
			[FG_KEY_NAME] = "name",
			[FG_KEY_PAIR] = "pair",
			[FG_KEY_PATH] = "text",
		};

		put_ref(j, names[key->type]);
		break;
	}
	case FG_KEY_INT:
		fg_json_text(j, "type", "integer");
		break;
	case FG_KEY_NUMBER:
		fg_json_text(j, "type", "number");
		break;
	case FG_KEY_CHOICE:
		put_choices(j, key->choices);
		break;
	case FG_KEY_CHOICES:
	case FG_KEY_NAMES:
	case FG_KEY_TEXTS:
		put_list(j, key);
		break;
	case FG_KEY_STRUCT:
	case FG_KEY_MAP:
	case FG_KEY_LIST:
	case FG_KEY_CUSTOM:
		break;
	}
	put_bounds(j, key);
}

/* One property each; where several drivers have a key of one name, the first that has it. */
static void put_keys(
	struct fg_json *j, const struct fg_key *keys, const struct fg_key *const *before);

static void put_driver_names(struct fg_json *j)
{
	fg_json_object(j, "driver");
	fg_json_array(j, "enum");
	for (size_t i = 0; fg_drivers[i]; i++)
		fg_json_text(j, NULL, fg_drivers[i]->name);
	fg_json_end_array(j);
	fg_json_end_object(j);
}

static void put_required(struct fg_json *j, const struct fg_key *keys)
{
	fg_json_array(j, "required");
	for (; keys && keys->name; keys++)
		if (keys->flags & FG_KEY_REQUIRED && !(keys->flags & FG_KEY_UNSUPPORTED))
			fg_json_text(j, NULL, keys->name);
	fg_json_end_array(j);
}

/* A link's further keys depend on its driver. */
static void put_link(struct fg_json *j)
{
	fg_json_text(j, "type", "object");
	fg_json_object(j, "properties");
	put_driver_names(j);
	fg_json_end_object(j);
	put_required(j, fg_keys_link);
	fg_json_array(j, "allOf");
	for (size_t i = 0; fg_drivers[i]; i++) {
		fg_json_object(j, NULL);
		fg_json_object(j, "if");
		fg_json_object(j, "properties");
		fg_json_object(j, "driver");
		fg_json_text(j, "const", fg_drivers[i]->name);
		fg_json_end_object(j);
		fg_json_end_object(j);
		fg_json_end_object(j);
		fg_json_object(j, "then");
		fg_json_object(j, "properties");
		put_keys(j, fg_drivers[i]->link_keys, NULL);
		fg_json_end_object(j);
		put_required(j, fg_drivers[i]->link_keys);
		fg_json_end_object(j);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
	fg_json_bool(j, "unevaluatedProperties", false);
}

/* A device does not name its driver, so the keys of all are allowed; nothing is required either,
 * because a profile may give it. */
static void put_device_or_point(struct fg_json *j, const struct fg_key *keys)
{
	const struct fg_key *before[18] = {keys, NULL};
	size_t n = 1;

	fg_json_text(j, "type", "object");
	fg_json_object(j, "properties");
	put_keys(j, keys, NULL);
	for (size_t i = 0; fg_drivers[i] && n < 17; i++) {
		const struct fg_key *more = fg_key_driver_part(keys, fg_drivers[i]);

		put_keys(j, more, before);
		if (more)
			before[n++] = more;
	}
	fg_json_end_object(j);
	fg_json_bool(j, "additionalProperties", false);
}

static void put_item(struct fg_json *j, const struct fg_key *sub)
{
	if (sub == fg_keys_link)
		put_link(j);
	else if (sub == fg_keys_device || sub == fg_keys_point)
		put_device_or_point(j, sub);
	else
		put_object(j, NULL, sub);
}

/* `~` removes what another file says. */
static void put_map(struct fg_json *j, const struct fg_key *key)
{
	put_raw(j, "type", "[\"object\",\"null\"]");
	fg_json_object(j, "propertyNames");
	put_ref(j, "name");
	fg_json_end_object(j);
	fg_json_object(j, "additionalProperties");
	fg_json_array(j, "anyOf");
	put_raw(j, NULL, "{\"type\":\"null\"}");
	fg_json_object(j, NULL);
	put_item(j, key->sub);
	fg_json_end_object(j);
	fg_json_end_array(j);
	fg_json_end_object(j);
}

/* Names of points to a switch or to options. */
static void put_hourly(struct fg_json *j)
{
	fg_json_text(j, "type", "object");
	fg_json_object(j, "additionalProperties");
	fg_json_array(j, "anyOf");
	fg_json_object(j, NULL);
	put_ref(j, "switch");
	fg_json_end_object(j);
	put_raw(j, NULL, "{\"type\":\"null\"}");
	put_object(j, "", fg_keys_hourly);
	fg_json_end_array(j);
	fg_json_end_object(j);
}

static void put_key(struct fg_json *j, const struct fg_key *key)
{
	fg_json_object(j, key->name);
	if (key->help)
		fg_json_text(j, "description", key->help);
	if (key->dflt)
		fg_json_text(j, "default", key->dflt);
	if (fg_key_is_map(key)) {
		put_map(j, key);
	} else if (key->type == FG_KEY_STRUCT) {
		put_object(j, NULL, key->sub);
	} else if (key->type == FG_KEY_LIST) {
		fg_json_array(j, "anyOf");
		put_object(j, "", key->sub);
		fg_json_object(j, NULL);
		fg_json_text(j, "type", "array");
		fg_json_object(j, "items");
		put_object(j, NULL, key->sub);
		fg_json_end_object(j);
		fg_json_end_object(j);
		fg_json_end_array(j);
	} else if (key->sub == fg_keys_hourly) {
		put_hourly(j);
	} else if (key->type == FG_KEY_CUSTOM && key->sub) { /* qc: off */
		fg_json_array(j, "anyOf");
		put_raw(j, NULL, "{\"enum\":[\"off\",false]}");
		put_object(j, "", key->sub);
		if (key->max > 1) { /* or a list of such */
			fg_json_object(j, NULL);
			fg_json_text(j, "type", "array");
			fg_json_object(j, "items");
			put_object(j, NULL, key->sub);
			fg_json_end_object(j);
			fg_json_end_object(j);
		}
		fg_json_end_array(j);
	} else if (key->schema) {
		fg_json_array(j, "allOf");
		put_raw(j, NULL, key->schema);
		fg_json_end_array(j);
	} else {
		put_type(j, key);
	}
	fg_json_end_object(j);
}

static bool in_tables(const struct fg_key *const *tables, const char *name)
{
	for (; tables && *tables; tables++)
		for (const struct fg_key *k = *tables; k->name; k++)
			if (strcmp(k->name, name) == 0)
				return true;
	return false;
}

static void put_keys(
	struct fg_json *j, const struct fg_key *keys, const struct fg_key *const *before)
{
	for (; keys && keys->name; keys++)
		if (!(keys->flags & FG_KEY_UNSUPPORTED) && !in_tables(before, keys->name))
			put_key(j, keys);
}

/* name: NULL writes the members into the object that is open, "" opens an element. */
static void put_object(struct fg_json *j, const char *name, const struct fg_key *keys)
{
	if (name)
		fg_json_object(j, NULL);
	fg_json_text(j, "type", "object");
	fg_json_object(j, "properties");
	put_keys(j, keys, NULL);
	fg_json_end_object(j);
	put_required(j, keys);
	fg_json_bool(j, "additionalProperties", false);
	if (name)
		fg_json_end_object(j);
}

static const char defs[] =
	"{\"name\":{\"type\":[\"string\",\"integer\"],\"pattern\":\"^[a-z0-9][a-z0-9_-]{0,62}$\"},"
	"\"text\":{\"type\":[\"string\",\"number\",\"boolean\"]},"
	"\"switch\":{\"enum\":[true,false,\"yes\",\"no\",\"on\",\"off\"]},"
	"\"duration\":{\"anyOf\":[{\"const\":0},{\"type\":\"string\",\"pattern\":"
	"\"^[0-9]+([.][0-9]+)?(us|ms|s|m|h|d)$\"}]},"
	"\"size\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},{\"type\":\"string\","
	"\"pattern\":"
	"\"^[0-9]+(KiB|MiB|GiB|TiB)?$\"}]},"
	"\"rate\":{\"type\":\"string\",\"pattern\":\"^[0-9.]+/(s|m|min|h|d)$\"},"
	"\"pair\":{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,"
	"\"items\":{\"type\":[\"number\",\"null\"]}},"
	"\"pattern\":{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"string\",\"pattern\":"
	"\"^(0[xX][0-9a-fA-F]+|[-+]?[0-9.]+)$\"}]},"
	"\"server\":{\"type\":\"string\",\"pattern\":\"^mqtts?://[^/@]+/?$\"}}";

void fg_config_print_schema(struct fg_buf *out)
{
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	fg_json_text(&j, "title", "fjordgate.yaml");
	put_object(&j, NULL, fg_keys_root);
	put_raw(&j, "$defs", defs);
	fg_json_end_object(&j);
	fg_buf_putc(out, '\n');
}
