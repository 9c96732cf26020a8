/* SPDX-License-Identifier: EUPL-1.2 */
/* What quantities can be. */
#include "model/plausible.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

#define SMALLEST 1e-6

static const struct {
	const char *property;
	double range[2];
} ranges[] = {
	{"pm25", {0, 1000}},
	{"pm10", {0, 2000}},
	{"pm1", {0, 1000}},
	{"no2", {-20, 1000}},
	{"no", {-20, 2000}},
	{"nox", {-20, 3000}},
	{"o3", {-20, 600}},
	{"so2", {-20, 2000}},
	{"co", {-1, 100}},
	{"co2", {300, 5000}},
	{"air_temperature", {-55, 45}},
	{"relative_humidity", {1, 105}},
	{"air_pressure", {800, 1100}},
	{"wind_speed", {0, 75}},
	{"wind_from_direction", {0, 360}},
	{"rainfall_rate", {0, 400}},
	{"sound_level", {15, 140}},
	{"water_temperature", {-3, 40}},
	{"ph", {2, 13}},
	{"turbidity", {0, 4000}},
	{"conductivity", {1, 70000}},
	{"salinity", {0, 42}},
	{"dissolved_oxygen", {0, 25}},
	{"oxygen_saturation", {0, 250}},
	{"orp", {-1000, 1000}},
	{"chlorophyll_a", {0, 500}},
	{"water_level", {-20, 200}},
	{"flow", {0, 10000000}},
	{"battery_voltage", {1, 60}},
	{"battery_level", {0, 100}},
	{"rssi", {-150, -10}},
};

bool fg_plausible_range(const char *property, double ret[2])
{
	for (size_t i = 0; i < FG_COUNT(ranges); i++) {
		if (strcmp(ranges[i].property, property) != 0)
			continue;
		memcpy(ret, ranges[i].range, sizeof(ranges[i].range));
		return true;
	}
	return false;
}

bool fg_plausible(const double range[2], double value)
{
	return isfinite(value) && fabs(value) >= SMALLEST && value >= range[0] && value <= range[1];
}

int fg_plausible_decimals(const double range[2], double value)
{
	double divided = value;

	for (int i = 0; i <= 3; i++, divided /= 10)
		if (fg_plausible(range, divided))
			return i;
	return -1;
}
