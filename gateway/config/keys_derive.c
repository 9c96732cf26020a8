/* SPDX-License-Identifier: EUPL-1.2 */
/* What the keys of derived points may say. */
#include "base/status.h"
#include "gateway/config/keys.h"

const struct fg_choice fg_formula_choices[] = {
	{"specific_conductance_25", 1, false, "conductivity at 25 °C"},
	{"salinity", 2, false, "practical salinity from conductivity"},
	{"oxygen_solubility", 3, false, "oxygen in water at saturation"},
	{"oxygen_saturation", 4, false, "percent of saturation from mg/L"},
	{"dissolved_oxygen", 5, false, "mg/L from percent of saturation"},
	{"ph", 6, false, "from an electrode's mV"},
	{"pt100", 7, false, "temperature from ohms"},
	{"pt1000", 8, false, "temperature from ohms"},
	{"dew_point", 9, false, ""},
	{"absolute_humidity", 10, false, ""},
	{"gas_concentration", 11, false, "µg/m³ from ppb at 293 K and 101.3 kPa"},
	{"pm_dry", 12, false, "particles without the water that they hold"},
	{"sea_level_pressure", 13, false, "from the station's pressure"},
	{0},
};

const struct fg_choice fg_method_choices[] = {
	{"linear", 1, false, "specific conductance by a fixed coefficient"},
	{"en-27888", 2, false, "specific conductance of natural fresh water"},
	{"pss-78", 3, false, "salinity of the sea"},
	{"hill", 4, false, "salinity of fresh and brackish water too"},
	{"kappa", 5, false, "particles by κ-Köhler theory"},
	{"epa-2021", 6, false, "PM2.5 of PurpleAir"},
	{"epa-smoke", 7, false, "PM2.5 of PurpleAir with smoke"},
	{0},
};

static bool given(const struct fg_node *point, const char *key)
{
	const struct fg_node *value = fg_node_get(point, key);

	return value && !fg_node_is_null(value);
}

bool fg_raw_is_derived(const struct fg_node *point)
{
	return given(point, "derive") || given(point, "expression") || given(point, "rating") ||
	       given(point, "rating_file");
}

/* Read once the points of all devices are known. */
int fg_parse_node(struct fg_bind *b, const struct fg_node *node, void *field)
{
	(void)b;
	*(const struct fg_node **)field = node;
	return FG_OK;
}
