/* SPDX-License-Identifier: EUPL-1.2 */
/* Derived points: formulas by name, and a reading out of what is known of the inputs. */
#include "quality/derivation.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

#define HPA_ATM	   1013.25
#define NEEDED	   NAN

/* ---- formulas ---- */

static double ec25_linear(const double *in)
{
	return fg_derive_ec25(in[0], in[1], in[2]);
}

static double ec25_en27888(const double *in)
{
	return fg_derive_ec25_en27888(in[0], in[1]);
}

/* Pressure in bar, in the formula in dbar. */
static double salinity(const double *in)
{
	return fg_derive_salinity_c(in[0], in[1], in[2] * 10);
}

static double salinity_hill(const double *in)
{
	return fg_derive_salinity_low(in[0], in[1], in[2] * 10);
}

static double oxygen_solubility(const double *in)
{
	return fg_derive_oxygen_saturation(in[0], in[1], in[2] / HPA_ATM);
}

static double oxygen_percent(const double *in)
{
	return fg_derive_oxygen_percent(in[0], in[1], in[2], in[3] / HPA_ATM);
}

static double oxygen_from_percent(const double *in)
{
	return in[0] / 100 * fg_derive_oxygen_saturation(in[1], in[2], in[3] / HPA_ATM);
}

static double ph(const double *in)
{
	return fg_derive_ph(in[0], in[1], in[2], in[3]);
}

static double rtd(const double *in)
{
	return fg_derive_rtd_temperature(in[0], in[1]);
}

static double dew_point(const double *in)
{
	return fg_derive_dew_point(in[0], in[1]);
}

static double absolute_humidity(const double *in)
{
	return fg_derive_absolute_humidity(in[0], in[1]);
}

static double gas(const double *in)
{
	return fg_derive_gas(in[0], in[1], FG_EU_TEMP_K, FG_EU_P_KPA);
}

static double pm_kappa(const double *in)
{
	return fg_derive_pm_dry(in[0], in[1], in[2], in[3] / 100);
}

static double pm_epa(const double *in)
{
	return fg_derive_pm25_epa(in[0], in[1]);
}

static double pm_epa_smoke(const double *in)
{
	return fg_derive_pm25_epa_smoke(in[0], in[1]);
}

static double sea_level(const double *in)
{
	return fg_derive_sea_level_pressure(in[0], in[1], in[2], in[3]);
}

#define TEMPERATURE {"temperature", "Cel", .dflt = NEEDED}
#define HUMIDITY    {"humidity", "%", .dflt = NEEDED}
#define EC	    {"conductivity", "uS/cm", .dflt = NEEDED}
#define EC_MS	    {"conductivity", "mS/cm", .dflt = NEEDED}
#define DEPTH	    {"pressure", "bar", .dflt = 0}
#define SALINITY    {"salinity", "1", .dflt = 0}
#define AIR	    {"pressure", "hPa", .dflt = HPA_ATM}
#define PM	    {"pm", "ug/m3", .dflt = NEEDED}
#define RESISTANCE  {"resistance", "Ohm", .dflt = NEEDED}

const struct fg_formula fg_formulas[] = {
	{"specific_conductance_25", "linear", "uS/cm",
		{EC, TEMPERATURE, {"alpha", "1/K", .dflt = 0.02, .fixed = true}}, ec25_linear},
	{"specific_conductance_25", "en-27888", "uS/cm", {EC, TEMPERATURE}, ec25_en27888},
	{"salinity", "pss-78", "1", {EC_MS, TEMPERATURE, DEPTH}, salinity},
	{"salinity", "hill", "1", {EC_MS, TEMPERATURE, DEPTH}, salinity_hill},
	{"oxygen_solubility", NULL, "mg/L", {TEMPERATURE, SALINITY, AIR}, oxygen_solubility},
	{"oxygen_saturation", NULL, "%",
		{{"oxygen", "mg/L", .dflt = NEEDED}, TEMPERATURE, SALINITY, AIR}, oxygen_percent},
	{"dissolved_oxygen", NULL, "mg/L",
		{{"saturation", "%", .dflt = NEEDED}, TEMPERATURE, SALINITY, AIR},
		oxygen_from_percent},
	{"ph", NULL, "[pH]",
		{{"voltage", "mV", .dflt = NEEDED}, TEMPERATURE,
			{"offset", "mV", .dflt = 0, .fixed = true},
			{"slope", "%", .dflt = 100, .fixed = true}},
		ph},
	{"pt100", NULL, "Cel", {RESISTANCE, {"r0", "Ohm", .dflt = 100, .fixed = true}}, rtd},
	{"pt1000", NULL, "Cel", {RESISTANCE, {"r0", "Ohm", .dflt = 1000, .fixed = true}}, rtd},
	{"dew_point", NULL, "Cel", {TEMPERATURE, HUMIDITY}, dew_point},
	{"absolute_humidity", NULL, "g/m3", {TEMPERATURE, HUMIDITY}, absolute_humidity},
	{"gas_concentration", NULL, "ug/m3",
		{{"fraction", "[ppb]", .dflt = NEEDED},
			{"molar_mass", "g/mol", .dflt = NEEDED, .fixed = true,
				.molar_mass = true}},
		gas},
	{"pm_dry", "kappa", "ug/m3",
		{PM, HUMIDITY, {"kappa", "1", .dflt = 0.4, .fixed = true},
			{"humidity_max", "%", .dflt = 95, .fixed = true}},
		pm_kappa},
	{"pm_dry", "epa-2021", "ug/m3", {PM, HUMIDITY}, pm_epa},
	{"pm_dry", "epa-smoke", "ug/m3", {PM, HUMIDITY}, pm_epa_smoke},
	{"sea_level_pressure", NULL, "hPa",
		{{"pressure", "hPa", .dflt = NEEDED}, TEMPERATURE, HUMIDITY,
			{"altitude", "m", .dflt = NEEDED, .fixed = true, .elevation = true}},
		sea_level},
};
const size_t fg_formula_count = FG_COUNT(fg_formulas);

const struct fg_formula *fg_formula_find(const char *name, const char *method)
{
	for (size_t i = 0; i < fg_formula_count; i++) {
		const struct fg_formula *f = &fg_formulas[i];

		if (strcmp(f->name, name) == 0 &&
			(!method || (f->method && strcmp(f->method, method) == 0)))
			return f;
	}
	return NULL;
}

/* ---- values ---- */

static double work_out(const struct fg_derivation *d, const double *in)
{
	if (d->formula)
		return d->formula->value(in);
	if (d->expression)
		return fg_expression_value(d->expression, in);
	return fg_derive_flow(d->rating, d->rating_count, in[0]);
}

/* A sum of decimal numbers is a decimal number of 15 digits; what a formula gives is told as a
 * float: no sensor is better than its seven digits. */
struct fg_value fg_derivation_value(const struct fg_point *point, const double *values)
{
	const struct fg_derivation *d = point->derived;
	double in[FG_DERIVATION_INPUTS], v;

	for (size_t i = 0; i < d->input_count; i++) {
		const struct fg_derivation_input *from = &d->inputs[i];

		in[i] = from->point ? values[i] * from->scale + from->offset : from->fixed;
		if (!isfinite(in[i]))
			return (struct fg_value){.kind = FG_KIND_NONE};
	}
	v = work_out(d, in) * point->scale + point->offset;
	if (!d->expression)
		v = (double)(float)v;
	if (!isfinite(v))
		return (struct fg_value){.kind = FG_KIND_NONE};
	return (struct fg_value){
		.kind = d->expression ? FG_KIND_DECIMAL : FG_KIND_FLOAT, .f = v};
}

/* ---- readings ---- */

static int rank(enum fg_qc qc)
{
	return qc == FG_QC_MISSING ? 5 : (int)qc; /* 1 < 2 < 3 < 4 < 9 */
}

/* What an input is at a time: as it is known, or missing. */
static struct fg_known at_time(
	const struct fg_derivation_input *from, const struct fg_known *known, int64_t at_us)
{
	struct fg_known k = *known;
	int64_t away_us = at_us - k.taken_mono_us;

	if (k.seen && (k.qc == FG_QC_MISSING ||
			      (away_us <= from->max_age_us && -away_us <= from->max_age_us)))
		return k;
	k.value = NAN;
	k.qc = FG_QC_MISSING;
	k.reason = FG_REASON_NO_INPUT;
	k.detail = 0;
	return k;
}

struct fg_reading fg_derivation_reading(
	const struct fg_point *point, const struct fg_known *inputs, int64_t taken_mono_us)
{
	const struct fg_derivation *d = point->derived;
	struct fg_reading r = {
		.point = point->index, .taken_mono_us = taken_mono_us, .qc = FG_QC_PASS};
	double values[FG_DERIVATION_INPUTS] = {0};

	for (size_t i = 0; i < d->input_count; i++) {
		struct fg_known k;

		if (!d->inputs[i].point)
			continue;
		k = at_time(&d->inputs[i], &inputs[i], taken_mono_us);
		values[i] = k.value;
		if (rank(k.qc) <= rank(r.qc))
			continue;
		r.qc = k.qc;
		r.reason = k.reason;
		r.detail = k.detail;
	}
	if (r.qc == FG_QC_MISSING)
		return r;
	r.value = fg_derivation_value(point, values);
	if (r.value.kind != FG_KIND_NONE)
		return r;
	if (r.qc != FG_QC_FAIL || r.reason == FG_REASON_NONE)
		r.reason = d->expression ? FG_REASON_NOT_A_NUMBER : FG_REASON_OUT_OF_RANGE;
	r.qc = FG_QC_FAIL;
	return r;
}
