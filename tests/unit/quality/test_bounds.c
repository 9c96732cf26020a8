/* SPDX-License-Identifier: EUPL-1.2 */
/* What is just inside and just outside: limits that are good themselves, ranges with their ends,
 * the first and the last of a series. tests/mutation found that nothing else looked here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "quality/air.h"
#include "quality/derive.h"
#include "quality/qartod.h"
#include "quality/quality.h"

#define BEYOND ((enum fg_qc)77)

static void near(double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%.17g, not %.17g", got, want);
}

/* ---- derived quantities ---- */

static void smoke_pieces_begin_where_they_should(void **arg)
{
	(void)arg;
	near(fg_derive_pm25_epa_smoke(30.5, 50), 17.621775, 1e-9);
	near(fg_derive_pm25_epa_smoke(50.5, 50), 41.133, 1e-9);
	near(fg_derive_pm25_epa_smoke(210.5, 50), 167.09788261, 1e-9);
	near(fg_derive_pm25_epa_smoke(260.5, 50), 242.69946100, 1e-9);
}

static void air_ranges_hold_their_ends(void **arg)
{
	(void)arg;
	assert_true(isfinite(fg_derive_gas(1, 0.5, 0.5, 0.5)));
	assert_true(isnan(fg_derive_gas(1, 46, 293, 0)));
	assert_true(isfinite(fg_derive_dew_point(-45, 50)));
	assert_true(isfinite(fg_derive_dew_point(60, 50)));
	assert_true(isfinite(fg_derive_dew_point(20, 110)));
	assert_true(isnan(fg_derive_absolute_humidity(20, 0)));
	assert_true(isfinite(fg_derive_sea_level_pressure(1000, 10, 50, -500)));
	assert_true(isfinite(fg_derive_sea_level_pressure(300, 10, 50, 9000)));
	assert_true(isfinite(fg_derive_sea_level_pressure(0.5, 10, 50, 0)));
	near(fg_derive_sea_level_pressure(950, 10, 60, 500), 1008.54103881, 1e-6);
}

static void directions_near_nothing_and_north(void **arg)
{
	struct fg_wind almost = {0}, enough = {0}, north = {0};

	(void)arg;
	fg_wind_add(&almost, 1000, 90);
	fg_wind_add(&almost, 999.9995, 270);
	assert_true(isnan(fg_wind_direction(&almost)));
	/* 1.005 millionths remain */
	fg_wind_add(&enough, 1000, 90);
	fg_wind_add(&enough, 1000 - 2.01e-3, 270);
	near(fg_wind_direction(&enough), 90, 1e-6);
	fg_wind_add(&north, 1, -1e-18);
	assert_true(fg_wind_direction(&north) == 0);
}

static void signals_at_their_bounds(void **arg)
{
	static const struct fg_rating two[] = {{0, 0}, {1, 5}};
	static const struct fg_rating no_flow[] = {{0, NAN}, {1, 5}};

	(void)arg;
	assert_true(isnan(fg_derive_two_point(-1, 0, -1, 5, 1)));
	near(fg_derive_rtd_resistance(0, 0.5), 0.5, 0);
	near(fg_derive_rtd_temperature(0.5, 0.5), 0, 1e-9);
	near(fg_derive_rtd_temperature(fg_derive_rtd_resistance(-200, 100), 100), -200, 1e-9);
	assert_true(isfinite(fg_derive_nernst_slope(-272.65)));
	assert_true(isfinite(fg_derive_ph(1, 25, 0, 1)));
	assert_null(fg_derive_rating_fault(two, 2));
	assert_non_null(fg_derive_rating_fault(no_flow, 2));
}

static void fresh_water_has_values(void **arg)
{
	(void)arg;
	assert_true(isfinite(fg_derive_salinity(0, 15, 0)));
	assert_true(isfinite(fg_derive_salinity_rt(0, 15)));
	assert_true(isfinite(fg_derive_oxygen_solubility(0, 10)));
	assert_true(isnan(fg_derive_oxygen_saturation(-273.15, 1, 1)));
	assert_true(isfinite(fg_derive_oxygen_saturation(-272.65, 0, 1)));
	assert_true(isfinite(fg_derive_oxygen_saturation_weiss(-223.15, 0)));
	/* no air is left where all the pressure is that of water vapour, by APHA's formula */
	assert_true(isnan(fg_derive_oxygen_saturation(
		20, 0, exp(11.8571 - 3840.70 / 293.15 - 216961 / (293.15 * 293.15)))));
	assert_true(isfinite(fg_derive_oxygen_solubility(0.5, 10)));
}

/* ---- tests of a series ---- */

static void half_a_gross_range_is_one(void **arg)
{
	static const struct fg_gross_range low = {true, {5, NAN}, {NAN, NAN}};

	(void)arg;
	assert_int_equal(fg_qc_gross_range(&low, 3), FG_QC_FAIL);
	assert_int_equal(fg_qc_gross_range(&low, 5), FG_QC_PASS);
}

static void limits_of_limits(void **arg)
{
	struct fg_spike spike = {FG_SPIKE_AVERAGE, 1, 1e300};
	struct fg_time_gap gap = {1e9};
	struct fg_flat_line flat = {1, 1, 1};

	(void)arg;
	assert_null(fg_qc_spike_fault(&spike));
	spike.fail = 1.005e300;
	assert_non_null(fg_qc_spike_fault(&spike));
	assert_null(fg_qc_time_gap_fault(&gap));
	gap.span_s = 1.005e9;
	assert_non_null(fg_qc_time_gap_fault(&gap));
	flat.fail_s = 1e9;
	assert_null(fg_qc_flat_line_fault(&flat));
	flat.fail_s = 1.005e9;
	assert_non_null(fg_qc_flat_line_fault(&flat));
}

/* Two more than the period has, and no more than can be counted. */
static void rooms_for_billions(void **arg)
{
	struct fg_attenuated conf = {.period_s = 536870911.5};

	(void)arg;
	assert_int_equal(fg_qc_attenuated_room(&conf, 0.125), UINT32_MAX - 1);
	conf.period_s += 0.125;
	assert_int_equal(fg_qc_attenuated_room(&conf, 0.125), UINT32_MAX);
	conf.period_s += 1;
	assert_int_equal(fg_qc_attenuated_room(&conf, 0.125), UINT32_MAX);
}

/* Pushes and judges the newest. */
static enum fg_qc weak(const struct fg_attenuated *conf, const struct fg_sample *in, size_t count)
{
	struct fg_sample ring[4];
	struct fg_window w;

	fg_window_init(&w, ring, FG_COUNT(ring));
	for (size_t i = 0; i < count; i++)
		fg_window_push(&w, in[i]);
	return fg_qc_attenuated_step(conf, 1, &w);
}

/* The short way that a lively signal is found by finds no other. */
static void signals_that_are_not_lively(void **arg)
{
	struct fg_attenuated conf = {
		.suspect = 1, .fail = NAN, .period_s = 10, .min_period_s = NAN};
	static const struct fg_sample far_from_zero[] = {
		{0, 10}, {1000, 10.1}, {2000, 10}, {3000, 10.1}};
	/* a deviation of 1 - 2.5e-7 */
	static const struct fg_sample nearly[] = {{0, 0}, {1000, 2 - 5e-7}};
	/* 4.784: a wrong mean on the way would make it 4.899 */
	static const struct fg_sample either_side[] = {{0, -10}, {1000, -1}, {2000, 1}};
	static const struct fg_sample pause[] = {{0, 1}, {100000, 50}, {101000, 1}, {102000, 50}};

	(void)arg;
	assert_int_equal(weak(&conf, far_from_zero, 4), FG_QC_SUSPECT);
	assert_int_equal(weak(&conf, nearly, 2), FG_QC_SUSPECT);
	assert_int_equal(weak(&conf, pause, 4), FG_QC_PASS);
	conf.suspect = 4.8;
	assert_int_equal(weak(&conf, either_side, 3), FG_QC_SUSPECT);
	conf.min_obs = 4; /* of which one is too old */
	assert_int_equal(weak(&conf, pause, 4), FG_QC_NOT_EVALUATED);
}

static void states_count_to_two(void **arg)
{
	static const struct fg_spike spike = {FG_SPIKE_AVERAGE, 1, 2};
	static const struct fg_density density = {-1, -2};
	struct fg_spike_state s = {0};
	struct fg_density_state d = {0};
	enum fg_qc previous;

	(void)arg;
	for (uint32_t i = 1; i <= 4; i++) {
		fg_qc_spike_step(&spike, &s, i, &previous);
		fg_qc_density_step(&density, &d, 1000, i, &previous);
		assert_int_equal(s.count, FG_MIN(i, 2u));
		assert_int_equal(d.count, FG_MIN(i, 2u));
	}
}

static void the_first_has_nothing_before_it(void **arg)
{
	static const struct fg_rate rate = {1e-9, 1e-8};
	static const struct fg_density density = {-0.5, -1};
	static const struct fg_sample far = {1000, 1e6};
	static const double light[] = {-5, 1}, depths[] = {1, 2};
	enum fg_qc flags[3] = {BEYOND, BEYOND, BEYOND};

	(void)arg;
	fg_qc_rate(&rate, &far, 1, flags);
	assert_int_equal(flags[0], FG_QC_PASS);
	assert_int_equal(flags[1], BEYOND);
	fg_qc_density(&density, light, depths, 2, flags);
	assert_int_equal(flags[0], FG_QC_PASS);
	assert_int_equal(flags[1], FG_QC_PASS);
	assert_int_equal(flags[2], BEYOND);
}

static void density_at_its_thresholds(void **arg)
{
	static const double depths[] = {1, 2}, same[] = {1, 1};
	static const struct {
		struct fg_density conf;
		double densities[2];
		const double *depths;
		enum fg_qc want;
	} rows[] = {
		{{0, -1}, {5, 4}, depths, FG_QC_SUSPECT},
		{{-1, -2}, {5, 4}, depths, FG_QC_PASS},
		{{0.5, NAN}, {5, 4}, same, FG_QC_SUSPECT},
	};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		enum fg_qc flags[2];

		fg_qc_density(&rows[i].conf, rows[i].densities, rows[i].depths, 2, flags);
		assert_int_equal(flags[1], rows[i].want);
	}
}

static void one_time_and_two(void **arg)
{
	static const struct fg_time_gap conf = {10};
	static const int64_t times[] = {0, 1000, 2000};
	enum fg_qc flags[3] = {BEYOND, BEYOND, BEYOND};

	(void)arg;
	fg_qc_time_gap(&conf, times, 1, flags);
	assert_int_equal(flags[0], FG_QC_NOT_EVALUATED);
	assert_int_equal(flags[1], BEYOND);
	fg_qc_time_gap(&conf, times, 2, flags);
	assert_int_equal(flags[0], FG_QC_PASS);
	assert_int_equal(flags[2], BEYOND);
}

static void flat_is_below_the_tolerance(void **arg)
{
	static const struct fg_flat_line conf = {2, NAN, 1};
	static const struct fg_sample moving[] = {{0, 1}, {1000, 2}, {2000, 1}};
	static const struct fg_sample still[] = {{0, 1}, {1000, 1}, {2000, 1.5}};
	enum fg_qc flags[4] = {BEYOND, BEYOND, BEYOND, BEYOND};

	(void)arg;
	assert_int_equal(fg_qc_flat_line(&conf, moving, 3, flags), FG_OK);
	assert_int_equal(flags[2], FG_QC_PASS);
	assert_int_equal(flags[3], BEYOND);
	assert_int_equal(fg_qc_flat_line(&conf, still, 3, flags), FG_OK);
	assert_int_equal(flags[2], FG_QC_SUSPECT);
}

static void intervals_of_a_second_are_enough(void **arg)
{
	static const struct fg_flat_line conf = {2, NAN, 1};
	static const struct {
		int64_t first, second;
		int want;
	} rows[] = {{1000, 1000, FG_OK}, {999, 999, FG_EINVAL}, {100, 1800, FG_EINVAL},
		{100, 1900, FG_OK}};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++) {
		const struct fg_sample s[] = {{0, 1}, {rows[i].first, 2},
			{rows[i].first + rows[i].second, 3}};
		enum fg_qc flags[3];

		assert_int_equal(fg_qc_flat_line(&conf, s, 3, flags), rows[i].want);
	}
}

/* The middle one of three intervals, to the millisecond. */
static void the_median_is_exact(void **arg)
{
	static const struct fg_flat_line conf = {2, NAN, 1};
	static const struct fg_sample below[] = {{0, 1}, {999, 2}, {1998, 3}, {6998, 4}};
	static const struct fg_sample enough[] = {{0, 1}, {1, 2}, {1001, 3}, {6001, 4}};
	enum fg_qc flags[4];

	(void)arg;
	assert_int_equal(fg_qc_flat_line(&conf, below, 4, flags), FG_EINVAL);
	assert_int_equal(fg_qc_flat_line(&conf, enough, 4, flags), FG_OK);
}

static void periods_of_attenuation(void **arg)
{
	struct fg_attenuated conf = {
		.range = true, .suspect = 2, .fail = NAN, .min_period_s = NAN};
	static const struct fg_sample s[] = {{0, 1}, {400, 1}, {1000, 5}};
	static const struct fg_sample back[] = {{1000, 1}, {0, 1}};
	enum fg_qc flags[4] = {BEYOND, BEYOND, BEYOND, BEYOND};

	(void)arg;
	assert_int_equal(fg_qc_attenuated(&conf, s, 3, flags), FG_OK);
	assert_int_equal(flags[0], FG_QC_PASS); /* no period: by the whole series */
	conf.period_s = 0.5;
	assert_int_equal(fg_qc_attenuated(&conf, s, 3, flags), FG_OK);
	assert_int_equal(flags[2], FG_QC_SUSPECT); /* alone in its window */
	assert_int_equal(flags[3], BEYOND);
	assert_int_equal(fg_qc_attenuated(&conf, back, 2, flags), FG_EINVAL);
}

static void least_values_of_attenuation(void **arg)
{
	struct fg_attenuated conf = {.range = true, .suspect = 4, .fail = NAN, .period_s = 100,
		.min_obs = 1, .min_period_s = 100};
	static const struct fg_sample s[] = {{0, 1}, {1000, 5}};
	enum fg_qc flags[2];

	(void)arg;
	assert_int_equal(fg_qc_attenuated(&conf, s, 2, flags), FG_OK);
	assert_int_equal(flags[1], FG_QC_PASS); /* what equals its limit is good */
	conf.min_obs = 0;
	assert_int_equal(fg_qc_attenuated(&conf, s, 2, flags), FG_OK);
	assert_int_equal(flags[1], FG_QC_NOT_EVALUATED);
}

static void climates_of_half_a_span(void **arg)
{
	struct fg_climate m = {FG_CALENDAR_WEEK, {2, 2}, {NAN, 5}, {NAN, NAN}, {NAN, NAN}};
	/* 8 January of a year that begins on a Thursday is in its second week */
	static const struct fg_sample thursday = {INT64_C(1767830400000), 3};

	(void)arg;
	assert_non_null(fg_qc_climatology_fault(&m, 1));
	m.suspect[0] = 0;
	assert_null(fg_qc_climatology_fault(&m, 1));
	assert_int_equal(fg_qc_climatology(&m, 1, thursday, NAN), FG_QC_PASS);
}

/* ---- places ---- */

/* Distances by Karney's geodesics (GeographicLib), which Vincenty's series meet to 0.1 mm. */
static void distances_far_away(void **arg)
{
	static const struct {
		double lon1, lat1, lon2, lat2, metres;
	} rows[] = {
		{0, 10, 90, 0, 10018251.01602},
		{10.2, 59.7, 10.2, -60, 13274722.71905},
		{10, 60, 11, 61, 124233.13141},
		{-70, -33, 140, 36, 17261672.98274},
		{0, 0, 90, 45, 10010386.36104},
		{0, 0, 90, 0, 10018754.17139},
		{10.75, 59.91, 5.32, 60.39, 306233.31496},
		{20, -80, -140, 85, 19382228.04481},
		{0, 0, 90, 90, 10001965.72931},
		{5, 0, 5, 1, 110574.38856},
		{0, 45, 120, 10, 11468976.64033},
		{0, 89.9, 0, -89, 19881068.19587},
	};

	(void)arg;
	for (size_t i = 0; i < FG_COUNT(rows); i++)
		near(fg_geo_distance(rows[i].lon1, rows[i].lat1, rows[i].lon2, rows[i].lat2),
			rows[i].metres, 2e-4);
	/* Along meridians, by the integral of their curvature; the second over the pole. */
	near(fg_geo_distance(5, -10, 5, 80), 9990994.705171245, 5e-7);
	near(fg_geo_distance(0, 60, 180, 60), 6695785.819644422, 1e-4);
	assert_true(isfinite(fg_geo_distance(0, 90, 0, 0)));
	assert_true(isnan(fg_geo_distance(0, 0, 0, 90.5)));
}

static void boxes_and_ranges(void **arg)
{
	struct fg_location point = {10, 60, 10, 60, 0};
	struct fg_location far_east = {10, 60, INFINITY, 61, NAN};
	struct fg_location far_north = {10, 60, 11, INFINITY, NAN};
	static const double lon[] = {10, 10}, lat[] = {60, 60};
	enum fg_qc flags[3] = {BEYOND, BEYOND, BEYOND};

	(void)arg;
	assert_null(fg_qc_location_fault(&point));
	point.range_max = 0.5;
	assert_null(fg_qc_location_fault(&point));
	point.range_max = 0;
	assert_non_null(fg_qc_location_fault(&far_east));
	assert_non_null(fg_qc_location_fault(&far_north));
	fg_qc_location(&point, lon, lat, 2, flags);
	assert_int_equal(flags[0], FG_QC_PASS);
	assert_int_equal(flags[1], FG_QC_PASS);
	assert_int_equal(flags[2], BEYOND);
}

/* ---- means ---- */

static void a_day_with_just_enough_windows(void **arg)
{
	double hourly[24];

	(void)arg;
	for (size_t i = 0; i < 24; i++)
		hourly[i] = i < 8 ? (double)NAN : 10;
	/* the first window with 6 values ends with hour 13 */
	assert_true(fg_day_max_8h(hourly, 24, 0, 24, 11, 6).value == 10);
	assert_true(isnan(fg_day_max_8h(hourly, 24, 0, 24, 12, 6).value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smoke_pieces_begin_where_they_should),
		cmocka_unit_test(air_ranges_hold_their_ends),
		cmocka_unit_test(directions_near_nothing_and_north),
		cmocka_unit_test(signals_at_their_bounds),
		cmocka_unit_test(fresh_water_has_values),
		cmocka_unit_test(half_a_gross_range_is_one),
		cmocka_unit_test(limits_of_limits),
		cmocka_unit_test(rooms_for_billions),
		cmocka_unit_test(signals_that_are_not_lively),
		cmocka_unit_test(states_count_to_two),
		cmocka_unit_test(the_first_has_nothing_before_it),
		cmocka_unit_test(density_at_its_thresholds),
		cmocka_unit_test(one_time_and_two),
		cmocka_unit_test(flat_is_below_the_tolerance),
		cmocka_unit_test(intervals_of_a_second_are_enough),
		cmocka_unit_test(the_median_is_exact),
		cmocka_unit_test(periods_of_attenuation),
		cmocka_unit_test(least_values_of_attenuation),
		cmocka_unit_test(climates_of_half_a_span),
		cmocka_unit_test(distances_far_away),
		cmocka_unit_test(boxes_and_ranges),
		cmocka_unit_test(a_day_with_just_enough_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
