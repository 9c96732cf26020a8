/* SPDX-License-Identifier: EUPL-1.2 */
/* The air-quality indices whose classes hourly values carry. All that the program knows, so that
 * gateways of one version say the same under the topic that they share. */
#include "gateway/catalogue/catalogue.h"
#include "quality/air.h"

static void put_limits(
	struct fg_json *j, const struct fg_air_index *index, const struct fg_air_limits *l)
{
	fg_json_object(j, l->pollutant);
	fg_json_text(j, "unit", "ug/m3");
	fg_json_uint(j, "mean_hours", l->mean_hours);
	fg_json_array(j, "bounds");
	for (unsigned i = 0; i + 1 < index->classes; i++)
		fg_json_double(j, NULL, l->bounds[i]);
	fg_json_end_array(j);
	fg_json_text(j, "source", l->source);
	fg_json_end_object(j);
}

static void put_index(struct fg_json *j, const struct fg_air_index *index)
{
	fg_json_object(j, NULL);
	fg_json_text(j, "scheme", index->scheme);
	fg_json_text(j, "version", index->version);
	fg_json_text(j, "title", index->title);
	/* what equals a bound is of the worse class, or of the better */
	fg_json_text(j, "bound", index->bound_is_worse ? "worse" : "better");
	fg_json_array(j, "classes");
	for (unsigned i = 0; i < index->classes; i++) {
		fg_json_object(j, NULL);
		fg_json_uint(j, "index", i + 1);
		fg_json_text(j, "key", index->keys[i]);
		fg_json_text(j, "label", index->labels[i]);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
	fg_json_object(j, "pollutants");
	for (size_t i = 0; i < index->limit_count; i++)
		put_limits(j, index, &index->limits[i]);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

void fg_catalogue_classes(struct fg_buf *out)
{
	const struct fg_air_index *index;
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_int(&j, "v", 1);
	fg_json_array(&j, "schemes");
	for (size_t i = 0; (index = fg_air_index_at(i)) != NULL; i++)
		put_index(&j, index);
	fg_json_end_array(&j);
	fg_json_end_object(&j);
}
