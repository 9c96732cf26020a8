/* SPDX-License-Identifier: EUPL-1.2 */
/* What a value of a CoAP sensor may be, by its name, unit and size: points to paste. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/key.h"
#include "model/plausible.h"
#include "model/property.h"
#include "model/unit.h"
#include "probe_coap.h"

/* Words that sensors use, the more telling first; objects of IPSO by their number. */
static const struct {
	const char *word, *property;
} words[] = {
	{"watertemp", "water_temperature"},
	{"watertemperature", "water_temperature"},
	{"airtemp", "air_temperature"},
	{"pm2p5", "pm25"},
	{"pm02", "pm25"},
	{"hum", "relative_humidity"},
	{"humidity", "relative_humidity"},
	{"rh", "relative_humidity"},
	{"3304", "relative_humidity"},
	{"pressure", "air_pressure"},
	{"baro", "air_pressure"},
	{"barometer", "air_pressure"},
	{"3315", "air_pressure"},
	{"windspeed", "wind_speed"},
	{"winddir", "wind_from_direction"},
	{"winddirection", "wind_from_direction"},
	{"rain", "rainfall_rate"},
	{"noise", "sound_level"},
	{"laeq", "sound_level"},
	{"sound", "sound_level"},
	{"3326", "ph"},
	{"acidity", "ph"},
	{"ec", "conductivity"},
	{"cond", "conductivity"},
	{"3327", "conductivity"},
	{"turb", "turbidity"},
	{"do", "dissolved_oxygen"},
	{"oxygen", "dissolved_oxygen"},
	{"redox", "orp"},
	{"chl", "chlorophyll_a"},
	{"chla", "chlorophyll_a"},
	{"level", "water_level"},
	{"waterlevel", "water_level"},
	{"discharge", "flow"},
	{"bat", "battery_voltage"},
	{"batt", "battery_voltage"},
	{"battery", "battery_voltage"},
	{"vbat", "battery_voltage"},
	{"battery", "battery_level"},
	{"soc", "battery_level"},
	{"signal", "rssi"},
	{"temp", "air_temperature"},
	{"temperature", "air_temperature"},
	{"t", "air_temperature"},
	{"3303", "air_temperature"},
};

static const char *const wet[] = {
	"water", "bath", "bathing", "pool", "river", "lake", "sea", "fjord"};

/* The next run of letters and digits, in lower case. False behind the last. */
static bool next_word(const char **at, char *word, size_t size)
{
	size_t n = 0;

	while (**at && !isalnum((unsigned char)**at))
		(*at)++;
	for (; **at && isalnum((unsigned char)**at); (*at)++)
		if (n + 1 < size)
			word[n++] = (char)tolower((unsigned char)**at);
	word[n] = '\0';
	return n > 0;
}

static void squeeze(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		if (isalnum((unsigned char)*text))
			out[n++] = (char)tolower((unsigned char)*text);
	out[n] = '\0';
}

static bool has_word(const char *text, const char *const *list, size_t count)
{
	char word[64];

	while (next_word(&text, word, sizeof(word)))
		for (size_t i = 0; i < count; i++)
			if (strcmp(word, list[i]) == 0)
				return true;
	return false;
}

/* What a value would be in the property's unit; false where its unit is of another dimension. */
static bool convert(const struct coap_record *r, const struct fg_property *property, double *ret)
{
	const struct fg_unit *from = *r->unit ? fg_unit_find(r->unit) : NULL;
	const struct fg_unit *to = fg_unit_find(property->unit);
	double factor, offset;

	*ret = r->number;
	if (!*r->unit)
		return true;
	if (!from || !to || !fg_unit_convert(from, to, &factor, &offset))
		return false;
	*ret = r->number * factor + offset;
	return true;
}

/* 2: it fits; 1: its unit does, its size does not; 0: it cannot be. */
static int fit_of(const struct coap_record *r, const char *name)
{
	const struct fg_property *property = fg_property_find(name);
	double range[2], v;

	if (!property || !r->is_number || !convert(r, property, &v))
		return 0;
	if (!fg_plausible_range(name, range) || v == 0 || fg_plausible(range, v))
		return 2;
	return 1;
}

static void consider(const struct coap_record *r, const char *name, int *best, char ret[64])
{
	int fit = fit_of(r, name);

	if (fit <= *best)
		return;
	*best = fit;
	snprintf(ret, 64, "%s", name);
}

/* By one word: the property of that name, or what sensors mean by it. */
static void consider_word(const struct coap_record *r, const char *word, int *best, char ret[64])
{
	char name[64];

	for (size_t i = 0; i < fg_property_count; i++) {
		squeeze(fg_properties[i].name, name, sizeof(name));
		if (strcmp(name, word) == 0)
			consider(r, fg_properties[i].name, best, ret);
	}
	for (size_t i = 0; i < FG_COUNT(words); i++)
		if (strcmp(words[i].word, word) == 0)
			consider(r, words[i].property, best, ret);
}

static int guess_from(const struct coap_record *r, const char *text, int best, char ret[64])
{
	char word[64];

	squeeze(text, word, sizeof(word));
	consider_word(r, word, &best, ret);
	while (next_word(&text, word, sizeof(word)))
		consider_word(r, word, &best, ret);
	return best;
}

static const char *last_part(const char *text)
{
	const char *end = text + strlen(text), *at = end;

	while (at > text && !strchr("/:;?", at[-1]))
		at--;
	return *at ? at : text;
}

static void guess_property(struct coap_record *r, const char *path, const char *rt)
{
	const struct fg_unit *unit = *r->unit ? fg_unit_find(r->unit) : NULL;
	char name[64] = "";
	int best = guess_from(r, last_part(r->own), 0, name);

	if (best < 2)
		best = guess_from(r, r->own, best, name);
	if (best < 2)
		best = guess_from(r, path, best, name);
	if (best < 2)
		best = guess_from(r, rt, best, name);
	if (best < 2 && unit && strcmp(unit->dimension, "temperature") == 0)
		consider(r, "air_temperature", &best, name);
	if (strcmp(name, "air_temperature") == 0 &&
		(has_word(r->own, wet, FG_COUNT(wet)) || has_word(path, wet, FG_COUNT(wet)) ||
			has_word(rt, wet, FG_COUNT(wet))))
		consider(r, "water_temperature", &(int){0}, name);
	snprintf(r->property, sizeof(r->property), "%s", name);
	if (best == 1)
		snprintf(r->note, sizeof(r->note), "no plausible value: is it this, in this unit?");
	else if (best == 2 && !*r->unit)
		snprintf(r->note, sizeof(r->note), "the unit is not told; %s is assumed",
			fg_property_find(name)->unit);
}

/* ---- names ---- */

/* A name of the configuration from what the sensor calls it. */
static void make_name(const char *from, char *out, size_t size)
{
	size_t n = 0;

	for (; *from && n + 1 < size; from++) {
		char c = (char)tolower((unsigned char)*from);

		if (isalnum((unsigned char)c))
			out[n++] = c;
		else if (n && out[n - 1] != '_')
			out[n++] = '_';
	}
	while (n && out[n - 1] == '_')
		n--;
	out[n] = '\0';
}

static bool is_taken(const struct coap_records *r, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++)
		if (strcmp(r->items[i].point, name) == 0)
			return true;
	return false;
}

static void name_point(struct coap_records *r, size_t i, const char *path)
{
	struct coap_record *record = &r->items[i];
	const char *told = *record->own ? last_part(record->own) : last_part(path);
	char stem[56], name[64];

	make_name(*record->property ? record->property : told, stem, sizeof(stem) - 8);
	if (!*stem)
		snprintf(stem, sizeof(stem), "value");
	snprintf(name, sizeof(name), "%s", stem);
	for (unsigned n = 2; is_taken(r, i, name); n++)
		snprintf(name, sizeof(name), "%s_%u", stem, n);
	snprintf(record->point, sizeof(record->point), "%s", name);
	if (!*record->property)
		snprintf(record->property, sizeof(record->property), "x_%.50s", stem);
}

/* Whether an older or newer record of the same name was seen before. */
static bool is_repeated(const struct coap_records *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(r->items[k].name, r->items[i].name) == 0)
			return true;
	return false;
}

/* Resources of IPSO objects that are not readings: extremes, ranges, units, resets. */
static bool is_side_resource(const struct coap_record *r)
{
	unsigned object, instance, id;

	return sscanf(r->name, "%u/%u/%u", &object, &instance, &id) == 3 && object >= 3000 &&
	       id != 5700 && id < 5750;
}

/* When it was measured, in seconds or milliseconds since 1970. */
static bool is_time(const struct coap_record *r)
{
	static const char *const names[] = {
		"t", "ts", "time", "timestamp", "date", "datetime", "epoch", "utc"};

	return r->number >= 1e9 && has_word(r->own, names, FG_COUNT(names));
}

void coap_records_guess(struct coap_records *r, const char *path, const char *rt)
{
	for (size_t i = 0; i < r->count; i++) {
		struct coap_record *record = &r->items[i];

		if ((!record->is_number && !record->is_bool) || is_repeated(r, i) ||
			is_side_resource(record) || is_time(record))
			continue;
		guess_property(record, path, rt);
		name_point(r, i, path);
	}
}

static void put_point(const struct coap_record *r, const char *path, struct fg_buf *out)
{
	bool own_unit = strncmp(r->property, "x_", 2) == 0;
	bool usable = *r->unit && fg_unit_plausible(r->unit);

	fg_buf_printf(out, "  %s: {path: ", r->point);
	fg_json_quote(out, path, strlen(path));
	if (r->how != COAP_WHOLE) {
		fg_buf_puts(out, r->how == COAP_JSON ? ", json: " : ", senml: ");
		fg_json_quote(out, r->where, strlen(r->where));
	}
	if (strcmp(r->point, r->property) != 0)
		fg_buf_printf(out, ", property: %s", r->property);
	if (own_unit) {
		fg_buf_puts(out, ", unit: ");
		fg_json_quote(out, usable ? r->unit : "1", usable ? strlen(r->unit) : 1);
	}
	fg_buf_printf(out, "}  # %.60s%s%s%s%s\n", r->text, *r->unit ? " " : "", r->unit,
		*r->note ? "; " : own_unit ? "; unknown quantity" : "", r->note);
}

void coap_records_yaml(const struct coap_records *r, const char *path, struct fg_buf *out)
{
	bool any = false;

	for (size_t i = 0; i < r->count; i++) {
		if (!*r->items[i].point)
			continue;
		if (!any)
			fg_buf_puts(out, "points:\n");
		any = true;
		put_point(&r->items[i], path, out);
	}
}
