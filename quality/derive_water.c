/* SPDX-License-Identifier: EUPL-1.2 */
/* Conductivity, salinity and oxygen of water. */
#include "quality/derive.h"

#include <math.h>

#include "base/cleanup.h"

#define ZERO_C 273.15

double fg_derive_ec25(double ec, double temp_c, double alpha)
{
	double divisor = 1 + alpha * (temp_c - 25);

	return divisor > 0 && isfinite(divisor) ? ec / divisor : (double)NAN;
}

/* Natural water, from temperature to 25 degC: EN 27888 (ISO 7888), for 0, 1 … 35 degC; as printed
 * in the manual of Chauvin Arnoux C.A 10141, page 35. */
static const double to_25[] = {1.918, 1.857, 1.800, 1.745, 1.693, 1.643, 1.596, 1.551, 1.508, 1.467,
	1.428, 1.390, 1.354, 1.320, 1.287, 1.256, 1.225, 1.196, 1.168, 1.141, 1.116, 1.091, 1.067,
	1.044, 1.021, 1.000, 0.979, 0.959, 0.940, 0.921, 0.903, 0.886, 0.869, 0.853, 0.837, 0.822};

double fg_derive_ec25_en27888(double ec, double temp_c)
{
	size_t last = FG_COUNT(to_25) - 1, i;

	if (!(temp_c >= 0 && temp_c <= (double)last))
		return NAN;
	i = temp_c < (double)last ? (size_t)temp_c : last - 1;
	return ec * (to_25[i] + (to_25[i + 1] - to_25[i]) * (temp_c - (double)i));
}

double fg_derive_ec20_en27888(double ec, double temp_c)
{
	return fg_derive_ec25_en27888(ec, temp_c) / to_25[20];
}

/* PSS-78: names as in UNESCO 44. */
static const double pss_a[] = {0.0080, -0.1692, 25.3851, 14.0941, -7.0261, 2.7081};
static const double pss_b[] = {0.0005, -0.0056, -0.0066, -0.0375, 0.0636, -0.0144};
static const double pss_c[] = {0.6766097, 2.00564e-2, 1.104259e-4, -6.9698e-7, 1.0031e-9};
static const double pss_d[] = {3.426e-2, 4.464e-4, 4.215e-1, -3.107e-3};
static const double pss_e[] = {2.070e-5, -6.370e-10, 3.989e-15};

#define C_35_15_0 42.914  /* mS/cm */
#define T68	  1.00024 /* IPTS-68 by ITS-90 */

/* The temperature in the second sum of PSS-78. */
static double pss_f(double t)
{
	return (t - 15) / (1 + 0.0162 * (t - 15));
}

/* NaN below 0. */
static double pss_of_rt(double rt, double t)
{
	double root = sqrt(rt);

	return fg_derive_polynomial(pss_a, FG_COUNT(pss_a), root) +
	       pss_f(t) * fg_derive_polynomial(pss_b, FG_COUNT(pss_b), root);
}

/* The ratio freed of the effects of pressure and temperature. */
static double pss_rt(double ratio, double t, double p)
{
	double rp =
		1 + p * fg_derive_polynomial(pss_e, FG_COUNT(pss_e), p) /
			    (1 + t * (pss_d[0] + pss_d[1] * t) + (pss_d[2] + pss_d[3] * t) * ratio);

	if (!isfinite(rp))
		return NAN;
	return ratio / (rp * fg_derive_polynomial(pss_c, FG_COUNT(pss_c), t));
}

double fg_derive_salinity(double ratio, double t68_c, double p_dbar)
{
	return pss_of_rt(pss_rt(ratio, t68_c, p_dbar), t68_c);
}

double fg_derive_salinity_c(double c_ms_cm, double t90_c, double p_dbar)
{
	return fg_derive_salinity(c_ms_cm / C_35_15_0, T68 * t90_c, p_dbar);
}

double fg_derive_salinity_rt(double rt, double t90_c)
{
	return pss_of_rt(rt, T68 * t90_c);
}

double fg_derive_salinity_low(double c_ms_cm, double t90_c, double p_dbar)
{
	double t = T68 * t90_c, rt = pss_rt(c_ms_cm / C_35_15_0, t, p_dbar);
	double x = 400 * rt, y = 100 * rt;

	return pss_of_rt(rt, t) - pss_a[0] / (1 + 1.5 * x + x * x) -
	       pss_b[0] * pss_f(t) / (1 + sqrt(y) + y + y * sqrt(y));
}

/* Benson and Krause: how saturation changes with pressure p (atm). u: of water vapour. */
static double at_pressure(double t, double p)
{
	double kelvin = t + ZERO_C;
	double u = exp(11.8571 - 3840.70 / kelvin - 216961 / (kelvin * kelvin));
	double theta = 9.75e-4 - 1.426e-5 * t + 6.436e-8 * t * t;

	if (!(p > u) || isinf(p))
		return NAN;
	return p * ((1 - u / p) * (1 - theta * p)) / ((1 - u) * (1 - theta));
}

double fg_derive_oxygen_saturation(double temp_c, double salinity, double pressure_atm)
{
	double t = temp_c + ZERO_C, r = 1 / t;
	double fresh = -139.34411 +
		       r * (1.575701e5 + r * (-6.642308e7 + r * (1.243800e10 - r * 8.621949e11)));
	double salt = salinity * (1.7674e-2 + r * (-10.754 + r * 2140.7));

	if (!(t > 0) || !(salinity >= 0) || isinf(t) || isinf(salinity))
		return NAN;
	return exp(fresh - salt) * at_pressure(temp_c, pressure_atm);
}

double fg_derive_oxygen_saturation_weiss(double temp_c, double salinity)
{
	double t = (temp_c + ZERO_C) / 100;

	if (!(t > 0) || !(salinity >= 0) || isinf(t) || isinf(salinity))
		return NAN;
	return exp(-173.4292 + 249.6339 / t + 143.3483 * log(t) - 21.8492 * t +
		   salinity * (-0.033096 + 0.014259 * t - 0.0017000 * t * t));
}

double fg_derive_oxygen_solubility(double salinity, double potential_temp_c)
{
	static const double a[] = {5.80871, 3.20291, 4.17887, 5.10006, -9.86643e-2, 3.80369};
	static const double b[] = {-7.01577e-3, -7.70028e-3, -1.13864e-2, -9.51519e-3};
	double t = T68 * potential_temp_c;
	double scaled = (298.15 - t) / (ZERO_C + t);

	if (!(salinity >= 0) || isinf(salinity))
		return NAN;
	scaled = log(scaled); /* from 25 degC on there is none */
	return exp(
		fg_derive_polynomial(a, FG_COUNT(a), scaled) +
		salinity * (fg_derive_polynomial(b, FG_COUNT(b), scaled) - 2.75915e-7 * salinity));
}

double fg_derive_oxygen_percent(double mg_l, double temp_c, double salinity, double pressure_atm)
{
	return 100 * mg_l / fg_derive_oxygen_saturation(temp_c, salinity, pressure_atm);
}
