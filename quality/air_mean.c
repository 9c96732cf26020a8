/* SPDX-License-Identifier: EUPL-1.2 */
/* Means over hours and days, with what they need to be valid. */
#include "quality/air.h"

#include <math.h>

/* Neumaier's sum: the order in which readings come does not show in the mean. */
static void add(struct fg_mean *m, double v)
{
	double sum = m->sum + v;

	m->rest += fabs(m->sum) >= fabs(v) ? m->sum - sum + v : v - sum + m->sum;
	m->sum = sum;
}

void fg_mean_add(struct fg_mean *m, double value, enum fg_qc flag, unsigned accept)
{
	if (!isfinite(value) || !(accept & FG_ACCEPT(flag))) {
		m->excluded++;
		return;
	}
	m->low = m->count ? fmin(m->low, value) : value;
	m->high = m->count ? fmax(m->high, value) : value;
	m->count++;
	add(m, value);
}

/* Sums beyond what a double holds have no mean. */
static double mean(const struct fg_mean *m)
{
	double v = (m->sum + m->rest) / m->count;

	return isfinite(v) ? v : (double)NAN;
}

double fg_mean_of(const struct fg_mean *m, double expected, double capture)
{
	return m->count && m->count / expected >= capture ? mean(m) : (double)NAN;
}

static double hour(const double *hourly, size_t count, int64_t i)
{
	return i >= 0 && (uint64_t)i < count ? hourly[i] : (double)NAN;
}

static struct fg_day mean_from(
	const double *hourly, size_t count, int64_t first, unsigned hours, unsigned least)
{
	struct fg_mean m = {0};

	for (unsigned i = 0; i < hours; i++)
		fg_mean_add(&m, hour(hourly, count, first + i), FG_QC_PASS, FG_ACCEPT(FG_QC_PASS));
	return (struct fg_day){m.count, m.count && m.count >= least ? mean(&m) : (double)NAN};
}

void fg_running_mean(
	const double *hourly, size_t count, unsigned hours, unsigned least, double *ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] = mean_from(hourly, count, (int64_t)i + 1 - hours, hours, least).value;
}

struct fg_day fg_day_mean(
	const double *hourly, size_t count, int64_t first, unsigned hours, unsigned least)
{
	return mean_from(hourly, count, first, hours, least);
}

struct fg_day fg_day_max_8h(const double *hourly, size_t count, int64_t first, unsigned hours,
	unsigned least_windows, unsigned least_hours)
{
	struct fg_day day = {0, NAN};

	for (unsigned i = 0; i < hours; i++) {
		double v = mean_from(hourly, count, first + i - 7, 8, least_hours).value;

		day.valid += isnan(v) ? 0 : 1;
		day.value = fmax(day.value, v);
	}
	if (day.valid < least_windows)
		day.value = NAN;
	return day;
}
