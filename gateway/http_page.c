/* SPDX-License-Identifier: EUPL-1.2 */
/* The status page, its files and its pictures. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "gateway/http_private.h"
#include "web/accept.h"
#include "web/files.h"
#include "web/page.h"
#include "web/spark.h"
#include "web/stations.h"
#include "web/text.h"

#define SPARK_PATH "/spark/"

/* ---- which page ---- */

static int language_of(const struct fg_http_request *q)
{
	const char *codes[FG_VIEW_LANGUAGES], *asked = fg_http_argument(q, "lang");
	int found;

	for (int l = 0; l < FG_VIEW_LANGUAGES; l++) {
		codes[l] = fg_text_code(l);
		if (asked && strcmp(asked, codes[l]) == 0)
			return l;
	}
	found = fg_accept_language(
		fg_http_header(q, "Accept-Language"), codes, FG_VIEW_LANGUAGES);
	return found >= 0 ? found : q->h->view->language;
}

/* The number of the station that is asked for and one more, 0 for all of them. */
static unsigned station_of(const struct fg_http_request *q)
{
	const struct fg_view *v = q->h->view;
	const char *asked = fg_http_argument(q, "station");

	if (!asked)
		return 0;
	for (unsigned i = 0; i < v->station_count; i++)
		if (strcmp(v->stations[i].name, asked) == 0)
			return i + 1;
	return UINT_MAX;
}

unsigned fg_http_page_variant(const struct fg_http_request *q)
{
	bool stale = fg_clock_mono_us() - q->h->view->mono_us >= FG_HEALTH_STALLED_US;
	unsigned station = station_of(q);

	if (station == UINT_MAX)
		return FG_HTTP_NO_VARIANT;
	return (station * FG_VIEW_LANGUAGES + (unsigned)language_of(q)) * 2 + stale;
}

static const struct fg_spark *spark(void *arg, size_t point)
{
	return fg_http_sparks_ready(arg) ? fg_http_spark(arg, point) : NULL;
}

void fg_http_write_page(struct fg_http *h, unsigned variant, struct fg_buf *out)
{
	unsigned station = variant / 2 / FG_VIEW_LANGUAGES;
	const struct fg_page_ask ask = {.stale = variant % 2,
		.language = (int)(variant / 2 % FG_VIEW_LANGUAGES),
		.station = station ? station - 1 : FG_PAGE_ALL,
		.spark = spark,
		.arg = h};

	fg_page_put(out, h->view, &ask);
}

/* ---- files, stations ---- */

void fg_http_write_style(struct fg_http *h, unsigned variant, struct fg_buf *out)
{
	(void)h;
	(void)variant;
	fg_buf_put(out, fg_web_style, fg_web_style_len);
}

void fg_http_write_script(struct fg_http *h, unsigned variant, struct fg_buf *out)
{
	(void)h;
	(void)variant;
	fg_buf_put(out, fg_web_script, fg_web_script_len);
}

void fg_http_write_icon(struct fg_http *h, unsigned variant, struct fg_buf *out)
{
	(void)h;
	(void)variant;
	fg_buf_puts(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">"
			 "<path fill=\"#1f7fb8\" d=\"M8 1c3 4 5 6.500 5 9a5 5 0 01-10 0c0-2.500 "
			 "2-5 5-9z\"/></svg>\n");
}

void fg_http_write_stations(struct fg_http *h, unsigned variant, struct fg_buf *out)
{
	(void)variant;
	fg_stations_put(out, h->view);
}

/* ---- pictures ---- */

/* The point of /spark/STATION/POINT.svg; the count of points: there is none. */
static size_t point_of(const struct fg_view *v, const char *path)
{
	const char *station = path + sizeof(SPARK_PATH) - 1, *slash = strchr(station, '/');
	const char *end = slash ? strstr(slash, ".svg") : NULL;
	size_t i = 0;

	if (!end || end[4])
		return v->point_count;
	for (; i < v->point_count; i++) {
		const char *name = v->points[i].name;
		const char *of = v->stations[v->points[i].station].name;

		if (strlen(of) == (size_t)(slash - station) &&
			memcmp(of, station, strlen(of)) == 0 &&
			strlen(name) == (size_t)(end - slash - 1) &&
			memcmp(name, slash + 1, strlen(name)) == 0)
			break;
	}
	return i;
}

bool fg_http_is_spark(const char *path)
{
	return strncmp(path, SPARK_PATH, sizeof(SPARK_PATH) - 1) == 0;
}

enum MHD_Result fg_http_give_spark(const struct fg_http_request *q)
{
	struct fg_http *h = q->h;
	struct MHD_Response *r;
	struct fg_buf out;
	size_t point;

	atomic_store(&h->asked_mono_us, fg_clock_mono_us());
	if (!h->view)
		return fg_http_refuse(
			q, MHD_HTTP_SERVICE_UNAVAILABLE, "the gateway has just started");
	point = point_of(h->view, q->path);
	if (point == h->view->point_count)
		return fg_http_refuse(q, MHD_HTTP_NOT_FOUND, "there is no such point");
	fg_buf_init(&out, 16u << 10);
	fg_spark_svg(&out, fg_http_spark(h, point), h->view->wall_ms);
	r = fg_http_body(h, &out);
	if (!r)
		return fg_http_refuse(q, MHD_HTTP_SERVICE_UNAVAILABLE,
			"too many slow clients; try again later");
	fg_http_heads(r, "image/svg+xml", false);
	MHD_add_response_header(r, "Cache-Control",
		fg_http_sparks_ready(h) ? "max-age=120" : "no-store");
	return fg_http_queue(q, MHD_HTTP_OK, r);
}
