/* SPDX-License-Identifier: EUPL-1.2 */
/* Calibration lines and what sensors give as volts, ohms and levels. */
#include "quality/derive.h"

#include <math.h>

#define GAS_CONSTANT 8.314462618 /* J/(mol K), CODATA 2018 */
#define FARADAY	     96485.33212 /* C/mol, CODATA 2018 */
#define ZERO_C	     273.15

double fg_derive_two_point(double raw1, double ref1, double raw2, double ref2, double raw)
{
	double gain = (ref2 - ref1) / (raw2 - raw1);

	if (raw1 == raw2 || !isfinite(raw1) || !isfinite(raw2))
		return NAN;
	return gain * raw + (ref1 - gain * raw1);
}

double fg_derive_polynomial(const double *coefficients, size_t count, double x)
{
	double y = 0;

	for (size_t i = count; i-- > 0;)
		y = y * x + coefficients[i];
	return y;
}

double fg_derive_nernst_slope(double temp_c)
{
	double kelvin = temp_c + ZERO_C;

	return kelvin > 0 && isfinite(kelvin) ? log(10) * GAS_CONSTANT * kelvin / FARADAY * 1000
					      : (double)NAN;
}

double fg_derive_ph(double mv, double temp_c, double offset_mv, double slope_pct)
{
	double slope = fg_derive_nernst_slope(temp_c) * slope_pct / 100;

	return slope > 0 && isfinite(slope) ? 7 - (mv - offset_mv) / slope : (double)NAN;
}

/* IEC 60751: Callendar and Van Dusen's coefficients for ITS-90. */
#define RTD_A	3.9083e-3
#define RTD_B	-5.775e-7
#define RTD_C	-4.183e-12
#define RTD_MIN -200.0
#define RTD_MAX 850.0

/* Resistance by r0. */
static double rtd_ratio(double t)
{
	double low = t < 0 ? RTD_C * (t - 100) * t * t * t : 0;

	return 1 + RTD_A * t + RTD_B * t * t + low;
}

/* How that grows with temperature, below 0 degC. */
static double rtd_growth(double t)
{
	return RTD_A + 2 * RTD_B * t + RTD_C * (4 * t - 300) * t * t;
}

double fg_derive_rtd_resistance(double temp_c, double r0)
{
	if (!(r0 > 0) || !(temp_c >= RTD_MIN && temp_c <= RTD_MAX))
		return NAN;
	return r0 * rtd_ratio(temp_c);
}

/* The ends of the range are in it, whatever the rounding of a resistance at them. */
#define ROUNDING 1e-12

double fg_derive_rtd_temperature(double ohms, double r0)
{
	double ratio = ohms / r0, t;

	if (!(r0 > 0) || !(ratio >= rtd_ratio(RTD_MIN) * (1 - ROUNDING)) ||
		!(ratio <= rtd_ratio(RTD_MAX) * (1 + ROUNDING)))
		return NAN;
	t = (-RTD_A + sqrt(RTD_A * RTD_A - 4 * RTD_B * (1 - ratio))) / (2 * RTD_B);
	/* The square is 2 K off at -200 degC; Newton's steps settle in four. */
	for (int i = 0; i < 4 && ratio < 1; i++)
		t -= (rtd_ratio(t) - ratio) / rtd_growth(t);
	return fmin(fmax(t, RTD_MIN), RTD_MAX);
}

const char *fg_derive_rating_fault(const struct fg_rating *table, size_t count)
{
	if (count < 2)
		return "a rating table has two rows or more";
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(table[i].level) || !isfinite(table[i].flow))
			return "a row is a level and a flow";
		if (i && !(table[i].level > table[i - 1].level))
			return "levels rise from row to row";
		if (i && table[i].flow < table[i - 1].flow)
			return "flows do not fall from row to row";
	}
	return NULL;
}

double fg_derive_flow(const struct fg_rating *table, size_t count, double level)
{
	size_t above = 1;
	const struct fg_rating *a, *b;

	if (!(level >= table[0].level && level <= table[count - 1].level))
		return NAN;
	while (level > table[above].level)
		above++;
	a = &table[above - 1];
	b = &table[above];
	return a->flow + (b->flow - a->flow) * ((level - a->level) / (b->level - a->level));
}
