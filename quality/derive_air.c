/* SPDX-License-Identifier: EUPL-1.2 */
/* Particles, gases, humidity and pressure of air. */
#include "quality/derive.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

#define GAS_CONSTANT 8.314462618 /* J/(mol K), CODATA 2018 */
#define ZERO_C	     273.15

double fg_derive_pm25_epa(double pa, double rh)
{
	return 0.524 * pa - 0.0862 * rh + 5.75;
}

/* From one piece to the next the weight w goes from 0 to 1. */
double fg_derive_pm25_epa_smoke(double pa, double rh)
{
	double w;

	if (!isfinite(rh))
		return NAN;
	if (pa < 30)
		return fg_derive_pm25_epa(pa, rh);
	if (pa < 50) {
		w = pa / 20 - 1.5;
		return (0.786 * w + 0.524 * (1 - w)) * pa - 0.0862 * rh + 5.75;
	}
	if (pa < 210)
		return 0.786 * pa - 0.0862 * rh + 5.75;
	if (pa < 260) {
		w = pa / 50 - 4.2;
		return (0.69 * w + 0.786 * (1 - w)) * pa - 0.0862 * rh * (1 - w) + 2.966 * w +
		       5.75 * (1 - w) + 8.84e-4 * pa * pa * w;
	}
	return 2.966 + 0.69 * pa + 8.84e-4 * pa * pa;
}

double fg_derive_pm_dry(double pm, double rh, double kappa, double aw_max)
{
	double aw = fmin(rh / 100, aw_max);

	if (!isfinite(rh) || isinf(kappa) || !(kappa >= 0) || !(aw_max > 0 && aw_max < 1))
		return NAN;
	return aw > 0 ? pm / (1 + kappa / 1.65 / (1 / aw - 1)) : pm;
}

double fg_derive_molar_mass(const char *gas)
{
	static const struct {
		const char *gas;
		double mass;
	} masses[] = {
		{"NO2", 46.0055},
		{"O3", 47.9982},
		{"SO2", 64.066},
		{"CO", 28.010},
		{"NO", 30.006},
	};

	for (size_t i = 0; i < FG_COUNT(masses); i++)
		if (strcmp(masses[i].gas, gas) == 0)
			return masses[i].mass;
	return NAN;
}

double fg_derive_gas(double ppb, double molar_mass, double temp_k, double p_kpa)
{
	if (!(molar_mass > 0 && temp_k > 0 && p_kpa > 0) || isinf(temp_k))
		return NAN;
	return ppb * molar_mass * p_kpa / (GAS_CONSTANT * temp_k);
}

/* Magnus over water, WMO-No. 8 annex 4.B. */
#define MAGNUS_HPA 6.112
#define MAGNUS_B   17.62
#define MAGNUS_C   243.12

/* The pressure of vapour in hPa; NaN outside the range of the formula. */
static double vapour(double temp_c, double rh)
{
	if (!(temp_c >= -45 && temp_c <= 60) || !(rh > 0 && rh <= 110))
		return NAN;
	return rh / 100 * MAGNUS_HPA * exp(MAGNUS_B * temp_c / (MAGNUS_C + temp_c));
}

double fg_derive_dew_point(double temp_c, double rh)
{
	double x = log(vapour(temp_c, rh) / MAGNUS_HPA);

	return MAGNUS_C * x / (MAGNUS_B - x);
}

/* Vapour as an ideal gas: 461.52 J/(kg K); hPa and g make the factor. */
double fg_derive_absolute_humidity(double temp_c, double rh)
{
	return 1e5 / 461.52 * vapour(temp_c, rh) / (temp_c + ZERO_C);
}

double fg_derive_sea_level_pressure(double p_hpa, double temp_c, double rh, double height_m)
{
	double virtual_k = temp_c + ZERO_C + 0.0065 * height_m / 2 + 0.12 * vapour(temp_c, rh);

	if (!(height_m >= -500 && height_m <= 9000) || !(p_hpa > 0))
		return NAN;
	return p_hpa * exp(9.80665 / 287.05 * height_m / virtual_k);
}
