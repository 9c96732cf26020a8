/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordctl compute: quantities that are worked out from others. A result that the formula does not
 * have is null, with its reason. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute.h"
#include "quality/derive.h"

#define MAX_INPUTS 5
#define NEEDED	   ((double)NAN)

static double two_point(const double *in)
{
	return fg_derive_two_point(in[0], in[1], in[2], in[3], in[4]);
}

static double ph_from_mv(const double *in)
{
	return fg_derive_ph(in[0], in[1], in[2], in[3]);
}

static double nernst_slope_mv(const double *in)
{
	return fg_derive_nernst_slope(in[0]);
}

static double ec25_linear(const double *in)
{
	return fg_derive_ec25(in[0], in[1], in[2]);
}

static double ec25_nlf(const double *in)
{
	return fg_derive_ec25_en27888(in[0], in[1]);
}

static double ec20_nlf(const double *in)
{
	return fg_derive_ec20_en27888(in[0], in[1]);
}

static double rtd_resistance(const double *in)
{
	return fg_derive_rtd_resistance(in[0], in[1]);
}

static double rtd_temperature(const double *in)
{
	return fg_derive_rtd_temperature(in[0], in[1]);
}

static double do_saturation_bk(const double *in)
{
	return fg_derive_oxygen_saturation(in[0], in[1], in[2]);
}

static double do_saturation_weiss(const double *in)
{
	return fg_derive_oxygen_saturation_weiss(in[0], in[1]);
}

static double do_solubility(const double *in)
{
	return fg_derive_oxygen_solubility(in[0], in[1]);
}

static double do_percent(const double *in)
{
	return fg_derive_oxygen_percent(in[0], in[1], in[2], in[3]);
}

static double salinity_pss78(const double *in)
{
	return fg_derive_salinity(in[0], in[1], in[2]);
}

static double salinity_ms_cm(const double *in)
{
	return fg_derive_salinity_c(in[0], in[1], in[2]);
}

static double salinity_salinometer(const double *in)
{
	return fg_derive_salinity_rt(in[0], in[1]);
}

static double salinity_low(const double *in)
{
	return fg_derive_salinity_low(in[0], in[1], in[2]);
}

static double pm25_epa_2021(const double *in)
{
	return fg_derive_pm25_epa(in[0], in[1]);
}

static double pm25_epa_extended(const double *in)
{
	return fg_derive_pm25_epa_smoke(in[0], in[1]);
}

static double pm_kappa_koehler(const double *in)
{
	return fg_derive_pm_dry(in[0], in[1], in[2], in[3]);
}

static double gas_ppb_to_ugm3(const double *in)
{
	return fg_derive_gas(in[0], in[1], in[2], in[3]);
}

static double dew_point(const double *in)
{
	return fg_derive_dew_point(in[0], in[1]);
}

static double absolute_humidity(const double *in)
{
	return fg_derive_absolute_humidity(in[0], in[1]);
}

static double sea_level_pressure(const double *in)
{
	return fg_derive_sea_level_pressure(in[0], in[1], in[2], in[3]);
}

static const struct formula {
	const char *name;
	struct {
		const char *name;
		double otherwise;
	} in[MAX_INPUTS];
	double (*run)(const double *in);
	const char *range;
} formulas[] = {
	{"two_point",
		{{"raw1", NEEDED}, {"ref1", NEEDED}, {"raw2", NEEDED}, {"ref2", NEEDED},
			{"raw", NEEDED}},
		two_point, "raw1 and raw2 must differ"},
	{"ph_from_mv", {{"mv", NEEDED}, {"temp_c", NEEDED}, {"offset_mv", 0}, {"slope_pct", 100}},
		ph_from_mv, "temp_c above -273.15, slope_pct over 0"},
	{"nernst_slope_mv", {{"temp_c", NEEDED}}, nernst_slope_mv, "temp_c above -273.15"},
	{"ec25_linear", {{"ec", NEEDED}, {"temp_c", NEEDED}, {"alpha", NEEDED}}, ec25_linear,
		"1 + alpha (temp_c - 25) over 0"},
	{"ec25_nlf", {{"ec", NEEDED}, {"temp_c", NEEDED}}, ec25_nlf, "temp_c 0..35"},
	{"ec20_nlf", {{"ec", NEEDED}, {"temp_c", NEEDED}}, ec20_nlf, "temp_c 0..35"},
	{"rtd_resistance", {{"temp_c", NEEDED}, {"r0", NEEDED}}, rtd_resistance,
		"temp_c -200..850, r0 over 0"},
	{"rtd_temperature", {{"r", NEEDED}, {"r0", NEEDED}}, rtd_temperature,
		"the resistance of -200..850 degC, r0 over 0"},
	{"do_saturation_bk", {{"temp_c", NEEDED}, {"salinity", NEEDED}, {"pressure_atm", 1}},
		do_saturation_bk, "salinity 0 or more, pressure above that of water vapour"},
	{"do_saturation_weiss", {{"temp_c", NEEDED}, {"salinity", NEEDED}}, do_saturation_weiss,
		"temp_c above -273.15, salinity 0 or more"},
	{"do_solubility_umol_kg", {{"sp", NEEDED}, {"pt_c", NEEDED}}, do_solubility,
		"sp 0 or more, pt_c of water"},
	{"do_percent",
		{{"do_mgl", NEEDED}, {"temp_c", NEEDED}, {"salinity", NEEDED}, {"pressure_atm", 1}},
		do_percent, "salinity 0 or more, pressure above that of water vapour"},
	{"salinity_pss78", {{"ratio", NEEDED}, {"t68_c", NEEDED}, {"p_dbar", NEEDED}},
		salinity_pss78, "ratio 0 or more"},
	{"salinity_pss78_ms_cm", {{"c_ms_cm", NEEDED}, {"t90_c", NEEDED}, {"p_dbar", NEEDED}},
		salinity_ms_cm, "c_ms_cm 0 or more"},
	{"salinity_salinometer", {{"rt", NEEDED}, {"t90_c", NEEDED}}, salinity_salinometer,
		"rt 0 or more"},
	{"salinity_low", {{"c_ms_cm", NEEDED}, {"t90_c", NEEDED}, {"p_dbar", NEEDED}}, salinity_low,
		"c_ms_cm 0 or more"},
	{"pm25_epa_2021", {{"pa", NEEDED}, {"rh", NEEDED}}, pm25_epa_2021, "numbers"},
	{"pm25_epa_extended", {{"pa", NEEDED}, {"rh", NEEDED}}, pm25_epa_extended, "numbers"},
	{"pm_kappa_koehler", {{"pm", NEEDED}, {"rh", NEEDED}, {"kappa", NEEDED}, {"aw_max", 0.95}},
		pm_kappa_koehler, "kappa 0 or more, aw_max over 0 and below 1"},
	{"gas_ppb_to_ugm3",
		{{"ppb", NEEDED}, {"molar_mass", NEEDED}, {"temp_k", FG_EU_TEMP_K},
			{"p_kpa", FG_EU_P_KPA}},
		gas_ppb_to_ugm3, "molar_mass, temp_k and p_kpa over 0"},
	{"dew_point", {{"temp_c", NEEDED}, {"rh", NEEDED}}, dew_point,
		"temp_c -45..60, rh over 0 and at most 110"},
	{"absolute_humidity", {{"temp_c", NEEDED}, {"rh", NEEDED}}, absolute_humidity,
		"temp_c -45..60, rh over 0 and at most 110"},
	{"sea_level_pressure",
		{{"p_hpa", NEEDED}, {"temp_c", NEEDED}, {"rh", NEEDED}, {"height_m", NEEDED}},
		sea_level_pressure,
		"temp_c -45..60, rh over 0 and at most 110, height_m -500..9000"},
};

/* null with a reason beside it. */
static cJSON *result_json(struct compute *c, double v, const char *range)
{
	if (isfinite(v))
		return cJSON_CreateNumber(v);
	cJSON_AddStringToObject(c->more, "reason", range);
	return cJSON_CreateNull();
}

/* One input: false where it is not a number and not there, or not even null. */
static bool input(
	struct compute *c, const cJSON *inputs, const char *name, double otherwise, double *ret)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(inputs, name);

	if (cJSON_IsNull(m)) {
		*ret = NAN;
		return true;
	}
	if (!m && !isnan(otherwise)) {
		*ret = otherwise;
		return true;
	}
	return compute_needs_number(c, inputs, name, ret);
}

static cJSON *run_formula(struct compute *c, const struct formula *f, const cJSON *inputs)
{
	const char *gas = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(inputs, "gas"));
	double in[MAX_INPUTS] = {0};

	for (size_t i = 0; i < MAX_INPUTS && f->in[i].name; i++) {
		double otherwise = f->in[i].otherwise;

		if (gas && strcmp(f->in[i].name, "molar_mass") == 0)
			otherwise = fg_derive_molar_mass(gas);
		if (!input(c, inputs, f->in[i].name, otherwise, &in[i]))
			return NULL;
		if (isnan(in[i]))
			return result_json(c, NAN, "an input is missing");
	}
	return result_json(c, f->run(in), f->range);
}

static cJSON *polynomial(struct compute *c, const cJSON *inputs)
{
	double *coefficients, x, y = NAN;
	size_t n;

	if (!compute_numbers(c, inputs, "coefficients", &coefficients, &n))
		return NULL;
	if (!n)
		compute_fail(c, "coefficients: an array of one number or more is needed");
	else if (input(c, inputs, "x", NEEDED, &x))
		y = fg_derive_polynomial(coefficients, n, x);
	free(coefficients);
	return c->error[0] ? NULL : result_json(c, y, "numbers");
}

/* Reads [[level, flow], …]; the table is the caller's. */
static struct fg_rating *rating_table(struct compute *c, const cJSON *rows, size_t *ret_count)
{
	struct fg_rating *table = calloc((size_t)cJSON_GetArraySize(rows) + 1, sizeof(*table));
	const cJSON *row;
	size_t n = 0;

	if (!table)
		compute_fail(c, "out of memory");
	for (row = rows ? rows->child : NULL; table && row; row = row->next, n++) {
		table[n].level = cJSON_GetNumberValue(cJSON_GetArrayItem(row, 0));
		table[n].flow = cJSON_GetNumberValue(cJSON_GetArrayItem(row, 1));
	}
	*ret_count = n;
	return table;
}

static cJSON *rating(struct compute *c, const cJSON *inputs)
{
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(inputs, "table");
	struct fg_rating *table;
	const char *fault;
	double level, flow = NAN;
	size_t n;

	if (!input(c, inputs, "level", NEEDED, &level))
		return NULL;
	if (!cJSON_IsArray(rows))
		return compute_fail(c, "table: an array of [level, flow] is needed");
	table = rating_table(c, rows, &n);
	fault = table ? fg_derive_rating_fault(table, n) : "out of memory";
	if (fault)
		compute_fail(c, "table: %s", fault);
	else
		flow = fg_derive_flow(table, n, level);
	free(table);
	return fault ? NULL : result_json(c, flow, "a level within the table");
}

static cJSON *wind_json(const struct fg_wind *w)
{
	const struct {
		const char *name;
		double value;
	} members[] = {
		{"direction", fg_wind_direction(w)},
		{"vector_speed", fg_wind_vector_speed(w)},
		{"speed", fg_wind_scalar_speed(w)},
	};
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < FG_COUNT(members); i++)
		cJSON_AddItemToObject(o, members[i].name,
			isfinite(members[i].value) ? cJSON_CreateNumber(members[i].value)
						   : cJSON_CreateNull());
	return o;
}

static cJSON *wind_mean(struct compute *c, const cJSON *inputs)
{
	double *speeds = NULL, *directions = NULL;
	size_t n = 0, m = 0;
	struct fg_wind w = {0};

	if (compute_numbers(c, inputs, "speeds", &speeds, &n) &&
		compute_numbers(c, inputs, "directions", &directions, &m) &&
		(!speeds || !directions || n != m))
		compute_fail(c, "speeds and directions: two arrays of one length are needed");
	for (size_t i = 0; i < n && !c->error[0]; i++)
		fg_wind_add(&w, speeds[i], directions[i]);
	free(speeds);
	free(directions);
	return c->error[0] ? NULL : wind_json(&w);
}

static cJSON *circular_mean(struct compute *c, const cJSON *inputs)
{
	double *directions;
	size_t n;
	struct fg_wind w = {0};

	if (!compute_numbers(c, inputs, "directions", &directions, &n))
		return NULL;
	if (!directions)
		return compute_fail(c, "directions: an array is needed");
	for (size_t i = 0; i < n; i++)
		fg_wind_add(&w, 1, directions[i]);
	free(directions);
	return result_json(c, fg_wind_direction(&w), "directions that do not cancel out");
}

static const struct {
	const char *name;
	cJSON *(*run)(struct compute *c, const cJSON *inputs);
} operations[] = {
	{"polynomial", polynomial},
	{"rating", rating},
	{"wind_mean", wind_mean},
	{"circular_mean", circular_mean},
};

cJSON *compute_derive(struct compute *c, const char *op)
{
	const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(c->in, "inputs");
	int i;

	if (!cJSON_IsObject(inputs))
		return compute_fail(c, "inputs: an object is needed");
	for (size_t k = 0; k < FG_COUNT(operations); k++)
		if (strcmp(operations[k].name, op) == 0)
			return operations[k].run(c, inputs);
	i = compute_find(c, op, formulas, FG_COUNT(formulas), sizeof(formulas[0]));
	return i < 0 ? NULL : run_formula(c, &formulas[i], inputs);
}
