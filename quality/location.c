/* SPDX-License-Identifier: EUPL-1.2 */
/* QARTOD test 3, location: a place that cannot be, or that is too far from the one before. */
#include "quality/qartod.h"

#include <math.h>

#define WGS84_A	    6378137.0
#define WGS84_F	    (1 / 298.257223563)
#define MEAN_RADIUS 6371008.8 /* of the Earth, IUGG */
#define PI	    3.14159265358979323846
#define RADIANS(d)  ((d) / 180 * PI)

/* By the sphere: for places so nearly opposite that Vincenty's steps do not settle. */
static double haversine(double lon, double lat1, double lat2)
{
	double a = sin((lat2 - lat1) / 2), b = sin(lon / 2);
	double h = a * a + cos(lat1) * cos(lat2) * b * b;

	return 2 * MEAN_RADIUS * asin(fmin(1, sqrt(h)));
}

/* The angles of one step of Vincenty's inverse solution; names as in the paper. */
struct arc {
	double sin_u1, cos_u1, sin_u2, cos_u2;
	double sin_sigma, cos_sigma, sigma, cos2_alpha, cos_2sigma_m;
};

/* Survey Review XXIII, 176 (1975), equations 14..18 and 10, 11: the next lambda. */
static double next_lambda(struct arc *s, double lon, double lambda)
{
	double x = s->cos_u2 * sin(lambda);
	double y = s->cos_u1 * s->sin_u2 - s->sin_u1 * s->cos_u2 * cos(lambda);
	double sin_alpha, c;

	s->sin_sigma = sqrt(x * x + y * y);
	s->cos_sigma = s->sin_u1 * s->sin_u2 + s->cos_u1 * s->cos_u2 * cos(lambda);
	s->sigma = atan2(s->sin_sigma, s->cos_sigma);
	if (s->sin_sigma == 0) /* one place: an arc of nothing */
		return lambda;
	sin_alpha = s->cos_u1 * s->cos_u2 * sin(lambda) / s->sin_sigma;
	s->cos2_alpha = 1 - sin_alpha * sin_alpha;
	s->cos_2sigma_m =
		s->cos2_alpha > 0 ? s->cos_sigma - 2 * s->sin_u1 * s->sin_u2 / s->cos2_alpha : 0;
	c = WGS84_F / 16 * s->cos2_alpha * (4 + WGS84_F * (4 - 3 * s->cos2_alpha));
	return lon +
	       (1 - c) * WGS84_F * sin_alpha *
		       (s->sigma + c * s->sin_sigma *
					   (s->cos_2sigma_m +
						   c * s->cos_sigma *
							   (2 * s->cos_2sigma_m * s->cos_2sigma_m -
								   1)));
}

/* Equations 3, 4, 6 and 19. */
static double arc_length(const struct arc *s)
{
	double b = WGS84_A * (1 - WGS84_F);
	double u2 = s->cos2_alpha * (WGS84_A * WGS84_A - b * b) / (b * b);
	double a_ = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)));
	double b_ = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)));
	double m = s->cos_2sigma_m, m2 = m * m;
	double delta = b_ * s->sin_sigma *
		       (m + b_ / 4 *
				       (s->cos_sigma * (2 * m2 - 1) -
					       b_ / 6 * m * (4 * s->sin_sigma * s->sin_sigma - 3) *
						       (4 * m2 - 3)));

	return b * a_ * (s->sigma - delta);
}

double fg_geo_distance(double longitude1, double latitude1, double longitude2, double latitude2)
{
	double lon = RADIANS(remainder(longitude2 - longitude1, 360)), lambda = lon;
	double lat1 = RADIANS(latitude1), lat2 = RADIANS(latitude2);
	double u1 = atan((1 - WGS84_F) * tan(lat1)), u2 = atan((1 - WGS84_F) * tan(lat2));
	struct arc s = {
		.sin_u1 = sin(u1), .cos_u1 = cos(u1), .sin_u2 = sin(u2), .cos_u2 = cos(u2)};

	if (!(fabs(latitude1) <= 90 && fabs(latitude2) <= 90) || !isfinite(lon))
		return NAN;
	for (int i = 0; i < 100; i++) {
		double next = next_lambda(&s, lon, lambda);

		if (fabs(next) > PI)
			break;
		if (fabs(next - lambda) < 1e-13)
			return arc_length(&s);
		lambda = next;
	}
	return haversine(lon, lat1, lat2);
}

const char *fg_qc_location_fault(const struct fg_location *conf)
{
	if (!(conf->west <= conf->east) || !isfinite(conf->west) || !isfinite(conf->east))
		return "the western bound is a number, and not east of the eastern";
	if (!(conf->south <= conf->north) || !isfinite(conf->south) || !isfinite(conf->north))
		return "the southern bound is a number, and not north of the northern";
	if (conf->range_max < 0 || isinf(conf->range_max))
		return "the range is a number of metres, 0 or more";
	return NULL;
}

enum fg_qc fg_qc_location_step(const struct fg_location *conf, struct fg_location_state *state,
	double longitude, double latitude)
{
	struct fg_location_state before = *state;

	*state = (struct fg_location_state){
		isfinite(longitude) && isfinite(latitude), longitude, latitude};
	if (!isfinite(longitude) && !isfinite(latitude))
		return FG_QC_MISSING;
	if (!state->known || longitude < conf->west || longitude > conf->east ||
		latitude < conf->south || latitude > conf->north)
		return FG_QC_FAIL;
	if (before.known && fg_geo_distance(before.longitude, before.latitude, longitude,
				    latitude) > conf->range_max)
		return FG_QC_SUSPECT;
	return FG_QC_PASS;
}

void fg_qc_location(const struct fg_location *conf, const double *longitudes,
	const double *latitudes, size_t count, enum fg_qc *ret_flags)
{
	struct fg_location_state state = {0};

	for (size_t i = 0; i < count; i++)
		ret_flags[i] = fg_qc_location_step(conf, &state, longitudes[i], latitudes[i]);
}
