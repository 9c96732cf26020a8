/* SPDX-License-Identifier: EUPL-1.2 */
/* The tests of a point that says nothing of them, by its property and domain, with the source of
 * each limit (docs/quality.md has them for people). They are wide on purpose: a default must not
 * flag a good reading anywhere in Norway. There is none for a rate (a limit per second that holds
 * over minutes is passed by one step of a coarse sensor that is read each second), for a flat line
 * (a river under ice keeps its temperature for weeks), for a climatology (it is the place's own)
 * and for quantities whose zero or size is the place's own: level, flow; nor for what tells of the
 * instrument: battery, signal. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "gateway/config/loader.h"
#include "quality/tests.h"

#define NONE {NAN, NAN}
#define DRY (1u << FG_DOMAIN_AIR | 1u << FG_DOMAIN_WEATHER)
#define WET (1u << FG_DOMAIN_WATER | 1u << FG_DOMAIN_BATHING)
#define ANY (DRY | WET)

/* WMO-No. 8, Guide to Instruments and Methods of Observation, volume I, annex 1.A: the ranges in
 * which a quantity is to be measured. ContDataQC: the limits of US EPA's program for loggers in
 * streams (config.ORIG.R, 2023); ours contain them. */
static const struct default_qc {
	const char *property;
	unsigned domains;
	double fail[2], suspect[2];
	double spike[2]; /* suspect, fail; 0: no test */
} defaults[] = {
	/* WMO-No. 8: -80 to 60. Norway: -51.4 (Karasjok 1886) to 35.6 (Nesbyen 1970); a shaded
	 * sensor at a wall shows some degrees more: our choice. */
	{"air_temperature", ANY, {-80, 60}, {-53, 42}, {0}},
	/* WMO-No. 8: 0 to 100; capacitive sensors show a few more in fog: our choice. */
	{"relative_humidity", ANY, {0, 110}, {1, 105}, {0}},
	/* WMO-No. 8: 500 to 1080. */
	{"air_pressure", ANY, {500, 1100}, {600, 1080}, {0}},
	/* WMO-No. 8: 0 to 75. */
	{"wind_speed", ANY, {0, 100}, {0, 75}, {0}},
	/* by definition */
	{"wind_from_direction", ANY, {0, 360}, NONE, {0}},
	/* WMO-No. 8: up to 2000 mm/h. */
	{"rainfall_rate", ANY, {0, 2000}, {0, 500}, {0}},
	/* From below the threshold of hearing (class 1 instruments: about 20 dB) to pain: our
	 * choice. */
	{"sound_level", ANY, {0, 160}, {10, 140}, {0}},
	/* Zero and noise of instruments go below 0, fireworks over 1000: our choice. */
	{"pm1", ANY, {-50, 20000}, {-10, 2000}, {0}},
	{"pm25", ANY, {-50, 20000}, {-10, 2000}, {0}},
	{"pm10", ANY, {-50, 20000}, {-10, 5000}, {0}},
	{"no2", ANY, {-200, 20000}, {-50, 2000}, {0}},
	{"no", ANY, {-200, 20000}, {-50, 3000}, {0}},
	{"nox", ANY, {-200, 40000}, {-50, 6000}, {0}},
	{"o3", ANY, {-200, 20000}, {-50, 1000}, {0}},
	{"so2", ANY, {-200, 20000}, {-50, 3000}, {0}},
	{"co", ANY, {-10, 1500}, {-2, 150}, {0}},
	/* Outdoor air has over 420 ppm; plants in the sun take some away, and cheap sensors drift:
	 * our choice. */
	{"co2", ANY, {0, 40000}, {300, 10000}, {0}},
	/* WMO-No. 8, sea surface: -2 to 40. ContDataQC, streams: suspect -0.5 to 25, fail -1 to 30,
	 * a spike from 1.5 (suspect) and 2 (fail) on, of hourly readings; the shallows of a beach
	 * are warmer and a bathing probe that is lifted out changes faster than water does. Sea
	 * water freezes at -1.9, and sensors are wrong by some tenths. */
	{"water_temperature", 1u << FG_DOMAIN_WATER, {-3, 40}, {-2.3, 32}, {3, 8}},
	{"water_temperature", 1u << FG_DOMAIN_BATHING, {-3, 45}, {-2.3, 35}, {4, 10}},
	{"water_temperature", DRY, {-3, 100}, NONE, {0}},
	/* The scale of the electrode. ContDataQC: suspect 4 to 11, fail 3 to 12; acid lakes and
	 * mine water lie lower: our choice. */
	{"ph", WET, {0, 14}, {3, 11}, {0}},
	/* Optical sensors reach 4000 and noise goes below 0. ContDataQC: suspect from -1 on. */
	{"turbidity", WET, {-5, 10000}, {-1, 4000}, {0}},
	/* Sea water of 35 has 53 mS/cm at 25 Cel; brine and instruments reach more. */
	{"conductivity", WET, {-10, 200000}, {-1, 80000}, {0}},
	/* PSS-78 is defined from 2 to 42; fresh water is near 0. */
	{"salinity", WET, {-1, 50}, {-0.2, 42}, {0}},
	/* Fresh water holds 14.6 mg/L at 0 Cel; blooms reach 200 %. ContDataQC: 2 to 16. */
	{"dissolved_oxygen", WET, {-1, 60}, {-0.3, 30}, {0}},
	{"oxygen_saturation", WET, {-10, 500}, {-3, 250}, {0}},
	/* The range of usual electrodes. */
	{"orp", WET, {-2000, 2000}, {-1000, 1200}, {0}},
	/* Fluorometers reach 500; noise goes below 0. */
	{"chlorophyll_a", WET, {-5, 1000}, {-1, 500}, {0}},
	/* numbers of colonies */
	{"e_coli", ANY, {0, 1e9}, NONE, {0}},
	{"enterococci", ANY, {0, 1e9}, NONE, {0}},
};

static const struct default_qc *find(const struct fg_point *p)
{
	for (size_t i = 0; p->known && i < FG_COUNT(defaults); i++)
		if (strcmp(defaults[i].property, p->property) == 0 &&
			defaults[i].domains >> p->device->domain & 1)
			return &defaults[i];
	return NULL;
}

static bool is_given(const struct fg_point *p, enum fg_test test)
{
	return p->qc.off || p->qc.given >> test & 1;
}

static void add_defaults(struct fg_loader *l, struct fg_point *p, const struct default_qc *d)
{
	struct fg_qc_tests *t;

	if (!is_given(p, FG_TEST_GROSS_RANGE)) {
		p->qc.gross_range.on = true;
		memcpy(p->qc.gross_range.fail, d->fail, sizeof(d->fail));
		memcpy(p->qc.gross_range.suspect, d->suspect, sizeof(d->suspect));
	}
	if (is_given(p, FG_TEST_SPIKE) || d->spike[0] == 0)
		return;
	t = fg_arena_alloc(l->arena, sizeof(*t));
	if (p->qc.tests)
		*t = *p->qc.tests;
	t->on |= 1u << FG_TEST_SPIKE;
	t->spike = (struct fg_spike){FG_SPIKE_AVERAGE, d->spike[0], d->spike[1]};
	p->qc.tests = t;
}

void fg_qc_complete(struct fg_loader *l, struct fg_point *p)
{
	const struct default_qc *d = find(p);

	if (p->qc.off)
		return;
	if (d)
		add_defaults(l, p, d);
}

static void put_pair(struct fg_buf *out, const char *name, const double v[2])
{
	if (isnan(v[0]) && isnan(v[1]))
		return;
	if (out->len > 1)
		fg_buf_puts(out, ", ");
	fg_buf_printf(out, "%s: [%g, %g]", name, v[0], v[1]);
}

bool fg_qc_put_default(const struct fg_point *p, enum fg_test test, struct fg_buf *out)
{
	const struct default_qc *d = find(p);

	if (!d || is_given(p, test))
		return false;
	if (test == FG_TEST_GROSS_RANGE) {
		fg_buf_putc(out, '{');
		put_pair(out, "fail", d->fail);
		put_pair(out, "suspect", d->suspect);
		fg_buf_putc(out, '}');
		return true;
	}
	if (test != FG_TEST_SPIKE || d->spike[0] == 0)
		return false;
	fg_buf_printf(out, "{suspect: %g, fail: %g}", d->spike[0], d->spike[1]);
	return true;
}
