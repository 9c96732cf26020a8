/* SPDX-License-Identifier: EUPL-1.2 */
/* Derived quantities against printed values and check values other than the conformance cases,
 * where their ranges end, and with numbers that no sensor should send. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "quality/derive.h"

#define MAX_IN 5

/* One way to call all formulas. */
static double two_point(const double *v)
{
	return fg_derive_two_point(v[0], v[1], v[2], v[3], v[4]);
}
static double ph(const double *v)
{
	return fg_derive_ph(v[0], v[1], v[2], v[3]);
}
static double slope(const double *v)
{
	return fg_derive_nernst_slope(v[0]);
}
static double rtd_r(const double *v)
{
	return fg_derive_rtd_resistance(v[0], v[1]);
}
static double rtd_t(const double *v)
{
	return fg_derive_rtd_temperature(v[0], v[1]);
}
static double ec25(const double *v)
{
	return fg_derive_ec25(v[0], v[1], v[2]);
}
static double ec25_en(const double *v)
{
	return fg_derive_ec25_en27888(v[0], v[1]);
}
static double ec20_en(const double *v)
{
	return fg_derive_ec20_en27888(v[0], v[1]);
}
static double pss78(const double *v)
{
	return fg_derive_salinity(v[0], v[1], v[2]);
}
static double pss78_c(const double *v)
{
	return fg_derive_salinity_c(v[0], v[1], v[2]);
}
static double pss78_rt(const double *v)
{
	return fg_derive_salinity_rt(v[0], v[1]);
}
static double salinity_low(const double *v)
{
	return fg_derive_salinity_low(v[0], v[1], v[2]);
}
static double oxygen(const double *v)
{
	return fg_derive_oxygen_saturation(v[0], v[1], v[2]);
}
static double weiss(const double *v)
{
	return fg_derive_oxygen_saturation_weiss(v[0], v[1]);
}
static double garcia(const double *v)
{
	return fg_derive_oxygen_solubility(v[0], v[1]);
}
static double percent(const double *v)
{
	return fg_derive_oxygen_percent(v[0], v[1], v[2], v[3]);
}
static double epa(const double *v)
{
	return fg_derive_pm25_epa(v[0], v[1]);
}
static double smoke(const double *v)
{
	return fg_derive_pm25_epa_smoke(v[0], v[1]);
}
static double dry(const double *v)
{
	return fg_derive_pm_dry(v[0], v[1], v[2], v[3]);
}
static double gas(const double *v)
{
	return fg_derive_gas(v[0], v[1], v[2], v[3]);
}
static double dew(const double *v)
{
	return fg_derive_dew_point(v[0], v[1]);
}
static double absolute(const double *v)
{
	return fg_derive_absolute_humidity(v[0], v[1]);
}
static double sea_level(const double *v)
{
	return fg_derive_sea_level_pressure(v[0], v[1], v[2], v[3]);
}

/* want NaN: the formula says nothing. */
static const struct {
	double (*run)(const double *in);
	size_t count;
	double in[MAX_IN], want, within;
} rows[] = {
	{two_point, 5, {4, 0, 20, 100, 12}, 50, 1e-12},
	{two_point, 5, {4, 0, 20, 100, 22}, 112.5, 1e-12}, /* beyond its ends */
	{two_point, 5, {4, 0, 4, 100, 4}, NAN, 0},
	{slope, 1, {0}, 54.20, 2e-3},
	{slope, 1, {25}, 59.159, 1e-3},
	{slope, 1, {-273.15}, NAN, 0},
	{ph, 4, {0, 25, 0, 100}, 7, 0},
	{ph, 4, {-59.16, 25, 0, 100}, 8, 2e-5},
	{ph, 4, {-56.202, 25, 0, 95}, 8, 2e-5},
	{ph, 4, {-49.16, 25, 10, 100}, 8, 2e-5},
	{ph, 4, {1, 25, 0, 0}, NAN, 0},
	{ph, 4, {1, 25, 0, -5}, NAN, 0},
	/* The tables of IEC 60751. */
	{rtd_r, 2, {-200, 100}, 18.52, 5e-3},
	{rtd_r, 2, {-100, 100}, 60.26, 5e-3},
	{rtd_r, 2, {100, 100}, 138.51, 5e-3},
	{rtd_r, 2, {100, 1000}, 1385.06, 6e-3},
	{rtd_r, 2, {850, 100}, 390.48, 5e-3},
	{rtd_r, 2, {850.01, 100}, NAN, 0},
	{rtd_r, 2, {-200.01, 100}, NAN, 0},
	{rtd_r, 2, {20, 0}, NAN, 0},
	{rtd_t, 2, {18.53, 100}, -199.977, 0.011},
	{rtd_t, 2, {60.26, 100}, -100, 0.013},
	{rtd_t, 2, {100, 100}, 0, 1e-12},
	{rtd_t, 2, {390.48, 100}, 850, 0.017},
	{rtd_t, 2, {18.4, 100}, NAN, 0},
	{rtd_t, 2, {391, 100}, NAN, 0},
	{rtd_t, 2, {0, 100}, NAN, 0},
	{rtd_t, 2, {100, 0}, NAN, 0},
	{rtd_t, 2, {-100, -100}, NAN, 0},
	{ec25, 3, {1000, 25, 0.0191}, 1000, 0},
	{ec25, 3, {1000, 15, 0.02}, 1250, 1e-9},
	{ec25, 3, {1000, -25, 0.02}, NAN, 0},
	{ec25_en, 2, {1000, 25}, 1000, 0},
	{ec25_en, 2, {1000, 0}, 1918, 1e-9},
	{ec25_en, 2, {1000, 35}, 822, 1e-9},
	{ec25_en, 2, {1000, 34.5}, 829.5, 1e-9},
	{ec25_en, 2, {1000, 9.75}, 1437.75, 1e-9},
	{ec25_en, 2, {1000, 35.001}, NAN, 0},
	{ec25_en, 2, {1000, -0.001}, NAN, 0},
	{ec20_en, 2, {1000, 20}, 1000, 1e-9},
	{ec20_en, 2, {1116, 25}, 1000, 1e-9},
	/* UNESCO 44, page 9. */
	{pss78, 3, {1, 15, 0}, 35, 1e-6},
	{pss78, 3, {1.2, 20, 2000}, 37.245628, 1e-6},
	{pss78, 3, {0.65, 5, 1500}, 27.995347, 1e-6},
	{pss78, 3, {-0.1, 15, 0}, NAN, 0},
	{pss78_c, 3, {42.914, 15 / 1.00024, 0}, 35, 1e-6},
	{pss78_rt, 2, {1, 3}, 35, 1e-9},
	{pss78_rt, 2, {-1e-9, 3}, NAN, 0},
	{salinity_low, 3, {0, 8, 0}, 0, 1e-12},
	{salinity_low, 3, {42.914, 15 / 1.00024, 0}, 35, 1e-4}, /* goes over into PSS-78 */
	{salinity_low, 3, {-0.1, 8, 0}, NAN, 0},
	/* APHA 4500-O, table I; Weiss and Garcia and Gordon agree with it. */
	{oxygen, 3, {10, 0, 1}, 11.288, 5e-4},
	{oxygen, 3, {20, 0, 1}, 9.092, 5e-4},
	{oxygen, 3, {20, 0, 0.5}, 4.4406, 1e-3},
	{oxygen, 3, {20, 35, 1}, 7.38, 0.03},	   /* as Garcia and Gordon's, by density */
	{oxygen, 3, {20, 35, 1}, 7.3960596, 1e-6}, /* the formula, worked out apart */
	{oxygen, 3, {20, -0.1, 1}, NAN, 0},
	{oxygen, 3, {20, 0, 0.02}, NAN, 0}, /* below the pressure of water vapour */
	{oxygen, 3, {-273.15, 0, 1}, NAN, 0},
	{weiss, 2, {10, 0}, 11.288 / 1.42905, 0.02},
	{weiss, 2, {20, -1}, NAN, 0},
	{weiss, 2, {-300, 1}, NAN, 0},
	{garcia, 2, {35, 10}, 274.610, 0.03},
	{garcia, 2, {-1, 10}, NAN, 0},
	{garcia, 2, {35, 300}, NAN, 0},
	{garcia, 2, {35, -280}, NAN, 0},
	{percent, 4, {9.092, 20, 0, 1}, 100, 6e-3},
	{percent, 4, {4.546, 20, 0, 1}, 50, 3e-3},
	{percent, 4, {9, 20, 0, 0}, NAN, 0},
	{epa, 2, {0, 100}, -2.87, 1e-12},
	{epa, 2, {100, 0}, 58.15, 1e-12},
	{smoke, 2, {29, 50}, 16.636, 1e-9},
	{smoke, 2, {40, 50}, 0.655 * 40 + 1.44, 1e-9},
	{smoke, 2, {100, 50}, 80.04, 1e-9},
	{smoke, 2, {235, 50}, 0.738 * 235 - 2.155 + 4.358 + 24.40945, 1e-9},
	{smoke, 2, {300, 50}, 289.526, 1e-9},
	{dry, 4, {20, 50, 0.4, 0.95}, 20 / (1 + 0.4 / 1.65), 1e-12},
	{dry, 4, {20, 0, 0.4, 0.95}, 20, 0},
	{dry, 4, {20, -3, 0.4, 0.95}, 20, 0},
	{dry, 4, {20, 99, 0.4, 0.9}, 20 / (1 + 9 * 0.4 / 1.65), 1e-9},
	{dry, 4, {20, 99, 0, 0.9}, 20, 1e-12},
	{dry, 4, {20, 50, -0.1, 0.95}, NAN, 0},
	{dry, 4, {20, 50, 0.4, 1}, NAN, 0},
	{dry, 4, {20, 50, 0.4, 0}, NAN, 0},
	/* The factors that the EU's members use, at 20 degC and 1013.25 hPa. */
	{gas, 4, {1, 46.0055, 293.15, 101.325}, 1.9125, 5e-4},
	{gas, 4, {1, 47.9982, 293.15, 101.325}, 1.9954, 5e-4},
	{gas, 4, {1, 64.066, 293.15, 101.325}, 2.6609, 3e-3},
	{gas, 4, {1, 46, 0, 101.3}, NAN, 0},
	{gas, 4, {1, 46, 293, -1}, NAN, 0},
	{gas, 4, {1, 0, 293, 101.3}, NAN, 0},
	/* Tables of the state of moist air. */
	{dew, 2, {20, 100}, 20, 1e-9},
	{dew, 2, {20, 50}, 9.3, 0.05},
	{dew, 2, {25, 60}, 16.7, 0.05},
	{dew, 2, {0, 80}, -3.0, 0.05},
	{dew, 2, {20, 0}, NAN, 0},
	{dew, 2, {20, 111}, NAN, 0},
	{dew, 2, {61, 50}, NAN, 0},
	{dew, 2, {-46, 50}, NAN, 0},
	{absolute, 2, {0, 100}, 4.84832, 1e-5}, /* 611.2 / (461.52 * 273.15) */
	{absolute, 2, {20, 100}, 17.3, 0.1},
	{absolute, 2, {30, 50}, 15.2, 0.1},
	/* The standard atmosphere of ISO 2533. */
	{sea_level, 4, {1013.25, 15, 1e-3, 0}, 1013.25, 1e-9},
	{sea_level, 4, {898.746, 8.5, 1e-3, 1000}, 1013.25, 0.05},
	{sea_level, 4, {954.608, 11.75, 1e-3, 500}, 1013.25, 0.02},
	{sea_level, 4, {1000, 15, 50, 100}, 1011.87, 0.01},
	{sea_level, 4, {1000, 15, 50, 9001}, NAN, 0},
	{sea_level, 4, {1000, 15, 50, -501}, NAN, 0},
	{sea_level, 4, {0, 15, 50, 10}, NAN, 0},
};

static void printed_values_and_ends_of_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		double got = rows[i].run(rows[i].in);
		bool fits = isnan(rows[i].want) ? isnan(got)
						: fabs(got - rows[i].want) <= rows[i].within;

		if (!fits)
			fail_msg("row %zu: %.9g, not %.9g", i, got, rows[i].want);
	}
}

/* Each input of each formula in turn, from a row that has a value. */
static void what_is_not_finite_stays_so(void **state)
{
	static const double wrong[] = {NAN, INFINITY, -INFINITY};
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		if (isnan(rows[i].want))
			continue;
		for (size_t k = 0; k < rows[i].count * FG_COUNT(wrong); k++, tried++) {
			double in[MAX_IN];

			for (size_t n = 0; n < MAX_IN; n++)
				in[n] = rows[i].in[n];
			in[k / FG_COUNT(wrong)] = wrong[k % FG_COUNT(wrong)];
			if (isfinite(rows[i].run(in)))
				fail_msg("row %zu, input %zu as %g: %g", i, k / FG_COUNT(wrong),
					wrong[k % FG_COUNT(wrong)], rows[i].run(in));
		}
	}
	assert_true(tried > 400);
}

static void resistance_and_back(void **state)
{
	(void)state;
	for (int i = -2000; i <= 8500; i += 7) {
		double t = i / 10.0;
		double back = fg_derive_rtd_temperature(fg_derive_rtd_resistance(t, 1000), 1000);

		if (!(fabs(back - t) < 1e-9))
			fail_msg("%.1f degC: %.12f", t, back);
	}
}

/* The table of EN 27888 as it is printed, a row for each degree. */
static void natural_water(void **state)
{
	static const int printed[] = {1918, 1857, 1800, 1745, 1693, 1643, 1596, 1551, 1508, 1467,
		1428, 1390, 1354, 1320, 1287, 1256, 1225, 1196, 1168, 1141, 1116, 1091, 1067, 1044,
		1021, 1000, 979, 959, 940, 921, 903, 886, 869, 853, 837, 822};

	(void)state;
	for (size_t t = 0; t < FG_COUNT(printed); t++)
		assert_true(fabs(fg_derive_ec25_en27888(1000, (double)t) - printed[t]) < 1e-9);
}

/* The pieces of the correction for smoke meet. */
static void no_steps_in_smoke(void **state)
{
	static const double ends[] = {30, 50, 210, 260};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(ends); i++)
		assert_true(fabs(fg_derive_pm25_epa_smoke(nextafter(ends[i], 0), 40) -
				    fg_derive_pm25_epa_smoke(ends[i], 40)) < 1e-9);
}

static void polynomials(void **state)
{
	static const double c[] = {1, -2, 3};

	(void)state;
	assert_true(fg_derive_polynomial(c, 1, 9) == 1);
	assert_true(fg_derive_polynomial(c, 3, 2) == 9);
	assert_true(fg_derive_polynomial(c, 3, -1) == 6);
	assert_true(isnan(fg_derive_polynomial(c, 3, NAN)));
}

static void molar_masses(void **state)
{
	static const struct {
		const char *gas;
		double mass;
	} gases[] = {
		{"NO2", 46.0055}, {"O3", 47.9982}, {"SO2", 64.066}, {"CO", 28.01}, {"NO", 30.006}};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(gases); i++)
		assert_true(fg_derive_molar_mass(gases[i].gas) == gases[i].mass);
	assert_true(isnan(fg_derive_molar_mass("o3")));
	assert_true(isnan(fg_derive_molar_mass("")));
}

static void ratings(void **state)
{
	static const struct fg_rating t[] = {{0.2, 0}, {0.5, 3}, {0.7, 3}, {1.5, 43}};
	static const double at[][2] = {{0.2, 0}, {0.35, 1.5}, {0.5, 3}, {0.6, 3}, {0.7, 3},
		{1.1, 23}, {1.5, 43}, {0.19, NAN}, {1.51, NAN}, {NAN, NAN}, {INFINITY, NAN}};

	(void)state;
	assert_null(fg_derive_rating_fault(t, FG_COUNT(t)));
	for (size_t i = 0; i < FG_COUNT(at); i++) {
		double q = fg_derive_flow(t, FG_COUNT(t), at[i][0]);

		if (isnan(at[i][1]) ? !isnan(q) : !(fabs(q - at[i][1]) < 1e-12))
			fail_msg("row %zu: %g", i, q);
	}
	assert_non_null(fg_derive_rating_fault(t, 1));
	assert_non_null(fg_derive_rating_fault((struct fg_rating[]){{1, 1}, {1, 2}}, 2));
	assert_non_null(fg_derive_rating_fault((struct fg_rating[]){{1, 2}, {2, 1}}, 2));
	assert_non_null(fg_derive_rating_fault((struct fg_rating[]){{1, 2}, {NAN, 3}}, 2));
	assert_non_null(fg_derive_rating_fault((struct fg_rating[]){{1, 1}, {2, 3}, {3, 2}}, 3));
	assert_non_null(fg_derive_rating_fault((struct fg_rating[]){{1, 2}, {2, INFINITY}}, 2));
}

/* Winds as pairs of speed and direction, and what they come to. */
static void winds(void **state)
{
	static const struct {
		size_t count;
		double in[4][2], direction, vector, scalar;
	} cases[] = {
		{2, {{5, 350}, {5, 10}}, 0, 5 * 0.984807753, 5},
		{2, {{5, 0}, {5, 90}}, 45, 5 * 0.707106781, 5},
		{2, {{3, 90}, {4, 180}}, 143.130102, 2.5, 3.5},
		{2, {{1, 270}, {1, 269}}, 269.5, 0.999961923, 1},
		{2, {{7, 20}, {7, 200}}, NAN, 0, 7},
		{3, {{4, 120}, {0, NAN}, {0, 0}}, 120, 4 / 3.0, 4 / 3.0},
		{1, {{0, NAN}}, NAN, 0, 0},
		{1, {{6, -90}}, 270, 6, 6},
		{1, {{5, 0.5}}, 0.5, 5, 5},
		{1, {{6, 720}}, 0, 6, 6},
		{4, {{2, 60}, {-1, 60}, {NAN, 60}, {3, NAN}}, 60, 2, 2},
		{4, {{2, 60}, {INFINITY, 60}, {1, INFINITY}, {2, 60}}, 60, 2, 2},
		{0, {{0}}, NAN, NAN, NAN},
	};

	(void)state;
	for (size_t i = 0; i < FG_COUNT(cases); i++) {
		struct fg_wind w = {0};

		for (size_t k = 0; k < cases[i].count; k++)
			fg_wind_add(&w, cases[i].in[k][0], cases[i].in[k][1]);
		double got[] = {
			fg_wind_direction(&w), fg_wind_vector_speed(&w), fg_wind_scalar_speed(&w)};
		double want[] = {cases[i].direction, cases[i].vector, cases[i].scalar};

		for (size_t k = 0; k < FG_COUNT(got); k++)
			if (isnan(want[k]) ? !isnan(got[k]) : !(fabs(got[k] - want[k]) < 1e-6))
				fail_msg("case %zu, %zu: %g", i, k, got[k]);
		assert_true(isnan(got[0]) || (got[0] >= 0 && got[0] < 360));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_values_and_ends_of_ranges),
		cmocka_unit_test(what_is_not_finite_stays_so),
		cmocka_unit_test(resistance_and_back),
		cmocka_unit_test(natural_water),
		cmocka_unit_test(no_steps_in_smoke),
		cmocka_unit_test(polynomials),
		cmocka_unit_test(molar_masses),
		cmocka_unit_test(ratings),
		cmocka_unit_test(winds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
