/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_DERIVE_H
#define FG_QUALITY_DERIVE_H

#include <stddef.h>
#include <stdint.h>

/* Quantities that are worked out from others. Pure; any thread. NaN where the formula says nothing:
 * each function tells its range. Not finite where an input is not. "valid" is what a formula was
 * made for and is not enforced: a limit of the quality tests is the place for that. */

/* --- Calibration and electrical signals (derive_signal.c) --- */

/* The line through (raw1, ref1) and (raw2, ref2). raw1 = raw2: NaN. */
double fg_derive_two_point(double raw1, double ref1, double raw2, double ref2, double raw);
/* c0 + c1 x + c2 x^2 …; count 1 or more. */
double fg_derive_polynomial(const double *coefficients, size_t count, double x);

/* The slope of an ideal pH electrode in mV per pH, ln(10) R T / F by Nernst with the constants of
 * CODATA 2018; temp_c above -273.15. */
double fg_derive_nernst_slope(double temp_c);
/* pH of an electrode that is at pH 7 where it gives offset_mv, and whose slope is slope_pct percent
 * (over 0) of Nernst's; mV fall as pH rises. */
double fg_derive_ph(double mv, double temp_c, double offset_mv, double slope_pct);

/* Platinum resistance thermometers by IEC 60751: -200..850 degC; r0 in ohms at 0 degC (PT100: 100),
 * over 0. */
double fg_derive_rtd_resistance(double temp_c, double r0);
double fg_derive_rtd_temperature(double ohms, double r0);

/* One row of a rating table. */
struct fg_rating {
	double level, flow;
};

/* What is wrong with a table; NULL: nothing. Two rows or more, levels that rise, flows that do not
 * fall. */
const char *fg_derive_rating_fault(const struct fg_rating *table, size_t count);
/* The flow at a level, in a straight line between two rows; NaN outside the table: a rating is not
 * drawn on beyond what was gauged (ISO 18320). The table has no fault. */
double fg_derive_flow(const struct fg_rating *table, size_t count, double level);

/* --- Water (derive_water.c) --- */

/* Conductivity at 25 degC from that at temp_c, any unit: ec / (1 + alpha (t - 25)); alpha per K:
 * 0.0191 natural fresh water, 0.0194 the KCl standard of 1413 uS/cm, 0.02 what instruments assume.
 * The divisor must be over 0. */
double fg_derive_ec25(double ec, double temp_c, double alpha);
/* The same for natural fresh water by the table of EN 27888 (ISO 7888): 0..35 degC; valid for
 * 60..1000 uS/cm. */
double fg_derive_ec25_en27888(double ec, double temp_c);
/* At 20 degC, from the same table. */
double fg_derive_ec20_en27888(double ec, double temp_c);

/* Practical salinity, PSS-78 (UNESCO Technical Papers in Marine Science 44, 1983). ratio: to
 * C(35,15,0) = 42.914 mS/cm; temperature IPTS-68, or ITS-90 where the name says t90; p in dbar from
 * the surface. Ratio 0 or more; valid 2..42, -2..35 degC. */
double fg_derive_salinity(double ratio, double t68_c, double p_dbar);
double fg_derive_salinity_c(double c_ms_cm, double t90_c, double p_dbar);
/* From the ratio of a salinometer, to standard sea water of the same temperature. */
double fg_derive_salinity_rt(double rt, double t90_c);
/* Fresh and brackish water too: with the correction of Hill, Dauphinee and Woods (1986; APHA 2520
 * B); valid 0..42. */
double fg_derive_salinity_low(double c_ms_cm, double t90_c, double p_dbar);

/* Oxygen in water that is in equilibrium with moist air, mg/L: Benson and Krause (1984), APHA
 * 4500-O; salinity 0 or more, pressure in atm above the vapour pressure of water; valid 0..40 degC,
 * salinity 0..40, 0.5..1.1 atm. */
double fg_derive_oxygen_saturation(double temp_c, double salinity, double pressure_atm);
/* ml(STP)/L at 1 atm: Weiss (1970), equation 4; times 1.42905: mg/L. */
double fg_derive_oxygen_saturation_weiss(double temp_c, double salinity);
/* umol/kg at 1 atm: Garcia and Gordon (1992), their fit to Benson and Krause, as in TEOS-10's
 * gsw_O2sol_SP_pt; the temperature is the potential one; valid -2..40 degC. */
double fg_derive_oxygen_solubility(double salinity, double potential_temp_c);
/* Percent of the saturation by Benson and Krause. */
double fg_derive_oxygen_percent(double mg_l, double temp_c, double salinity, double pressure_atm);

/* --- Air (derive_air.c) --- */

/* PM2.5 of a PurpleAir (mean of both channels, CF=1, ug/m3) with its own relative humidity (%):
 * Barkjohn et al. (2021), the EPA's correction for the United States. Not clipped at 0. */
double fg_derive_pm25_epa(double pa, double rh);
/* The same for smoke: the correction of AirNow's Fire and Smoke Map, in five pieces. */
double fg_derive_pm25_epa_smoke(double pa, double rh);
/* Dry PM from what an optical sensor sees in moist air, by kappa-Koehler theory (Crilley et al.
 * 2018, AMT 11, 709; density 1.65 g/cm3). kappa 0 or more (0.1..0.61; 0.4 is a common choice); the
 * humidity counts up to aw_max (over 0, below 1; 0.95 our choice: beyond it the formula runs away).
 */
double fg_derive_pm_dry(double pm, double rh, double kappa, double aw_max);

/* g/mol of "NO2" "O3" "SO2" "CO" "NO"; NaN: not known. */
double fg_derive_molar_mass(const char *gas);
/* ug/m3 of a gas from ppb: ideal gas. For limits of the EU at 293 K and 101.3 kPa (2008/50/EC,
 * annex VI C); both over 0. */
double fg_derive_gas(double ppb, double molar_mass, double temp_k, double p_kpa);
#define FG_EU_TEMP_K 293.0
#define FG_EU_P_KPA  101.3

/* Water vapour over water by Magnus with the coefficients of WMO-No. 8 (CIMO Guide), annex 4.B:
 * 6.112 hPa exp(17.62 t / (243.12 + t)), -45..60 degC. Relative humidity over 0 %, at most 110. */
double fg_derive_dew_point(double temp_c, double rh);	      /* degC */
double fg_derive_absolute_humidity(double temp_c, double rh); /* g/m3 */

/* Pressure at mean sea level from that at a station, hPa: WMO-No. 8, 3.7.2 (standard gradient 6.5
 * K/km, 0.12 K/hPa of vapour); valid for stations below 750 m. height_m within -500..9000. */
double fg_derive_sea_level_pressure(double p_hpa, double temp_c, double rh, double height_m);

/* --- Directions (derive_direction.c) --- */

/* Sums of winds, or of directions alone (speed 1). Zeroed: none. No pointers. */
struct fg_wind {
	uint32_t count;
	double east, north, speed;
};

/* speed 0 or more, any unit; direction in degrees, clockwise from north, from where it blows. Calm
 * (speed 0) needs no direction. Anything else is not counted. */
void fg_wind_add(struct fg_wind *w, double speed, double direction);
/* Of the vectors: NaN where they cancel out (less than 1e-6 of the mean speed remains), or none. */
double fg_wind_direction(const struct fg_wind *w); /* 0 <= d < 360 */
double fg_wind_vector_speed(const struct fg_wind *w);
/* The mean of the speeds, whatever the direction. */
double fg_wind_scalar_speed(const struct fg_wind *w);

#endif
