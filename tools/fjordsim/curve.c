/* SPDX-License-Identifier: EUPL-1.2 */
/* Curves that look like water and air: functions of time and a seed, without state, so that a
 * simulation can be repeated and any moment of it asked for. */
#include <math.h>

#include "base/rng.h"
#include "sim.h"

#define HOUR_US 3600e6
#define PI	3.14159265358979323846

/* Evenly from 0 to 1, decided by two numbers. */
static double even(uint64_t seed, uint64_t step)
{
	struct fg_rng rng = {.state = seed * 0x9E3779B97F4A7C15u ^ step * 0xD1B54A32D192ED03u};

	return (double)(fg_rng_next(&rng) >> 11) / 9007199254740992.0;
}

/* Nearly normal, mean 0, standard deviation 1: the sum of 12 even numbers. One value a second. */
static double noise(uint64_t seed, int64_t wall_us)
{
	uint64_t second = (uint64_t)(wall_us / 1000000);
	double sum = -6;

	for (uint64_t i = 0; i < 12; i++)
		sum += even(seed + i, second);
	return sum;
}

/* Wanders between -1 and 1: three layers of even numbers joined by smooth arcs, from a minute to
 * an hour long. */
static double walk(uint64_t seed, int64_t wall_us)
{
	static const double period_us[] = {HOUR_US, HOUR_US / 8, HOUR_US / 60};
	static const double weight[] = {0.6, 0.3, 0.1};
	double sum = 0;

	for (int i = 0; i < 3; i++) {
		double at = (double)wall_us / period_us[i], base = floor(at), part = at - base;
		double from = even(seed + 77 + (uint64_t)i, (uint64_t)base);
		double to = even(seed + 77 + (uint64_t)i, (uint64_t)base + 1);

		part = part * part * (3 - 2 * part);
		sum += weight[i] * (2 * (from + (to - from) * part) - 1);
	}
	return sum;
}

/* The two largest tides: the moon's (M2) and the sun's (S2); springs and neaps follow. */
static double tide(int64_t wall_us)
{
	double hours = (double)wall_us / HOUR_US;

	return 0.75 * cos(2 * PI * hours / 12.4206012) + 0.25 * cos(2 * PI * hours / 12.0);
}

double sim_curve_at(
	const struct sim_curve *c, uint64_t seed, int64_t wall_us, int64_t local_us, uint64_t reads)
{
	double v = c->mean;

	switch ((enum sim_shape)c->shape) {
	case SIM_CONSTANT:
		break;
	case SIM_DAILY:
		v += c->amplitude * cos(2 * PI * ((double)local_us / HOUR_US - c->peak) / 24);
		break;
	case SIM_TIDAL:
		v += c->amplitude * tide(wall_us);
		break;
	case SIM_WALK:
		v += c->amplitude * walk(seed, wall_us);
		break;
	case SIM_COUNTER:
		return c->mean + (double)reads;
	}
	return c->noise > 0 ? v + c->noise * noise(seed, wall_us) : v;
}
