/* SPDX-License-Identifier: EUPL-1.2 */
/* The status page: head, stations, instruments, destinations, the gateway itself. */
#include "web/page.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/page_private.h"

#define ROWS	     40
#define NOTICES	     20
#define DUE_SOON_MS  (30 * INT64_C(86400000))
#define PATIENCE_MS  INT64_C(15000) /* a view is a little old itself */
#define LANGUAGE(p)  ((p)->ask->language)

/* ---- head and foot ---- */

static void put_languages(const struct fg_page_put *p)
{
	const char *station = p->ask->station == FG_PAGE_ALL
				      ? NULL
				      : p->v->stations[p->ask->station].name;

	fg_buf_puts(p->out, "<nav aria-label=\"");
	fg_put_word(p, FG_TEXT_LANGUAGE);
	fg_buf_puts(p->out, "\"><ul>");
	for (int l = 0; l < FG_VIEW_LANGUAGES; l++) {
		const char *code = fg_text_code(l);

		fg_buf_printf(p->out, "<li><a href=\"?lang=%s", code);
		if (station)
			fg_buf_printf(p->out, "&amp;station=%s", station);
		fg_buf_printf(p->out, "\" lang=\"%s\" hreflang=\"%s\"%s>%s</a></li>", code, code,
			l == LANGUAGE(p) ? " aria-current=\"true\"" : "", fg_text_language(l));
	}
	fg_buf_puts(p->out, "</ul></nav>");
}

static void put_head(const struct fg_page_put *p)
{
	const struct fg_view *v = p->v;

	fg_buf_printf(p->out,
		"<!DOCTYPE html>\n<html lang=\"%s\">\n<head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
		fg_text_code(LANGUAGE(p)));
	fg_html_text(p->out, v->title);
	fg_buf_puts(p->out, "</title><link rel=\"stylesheet\" href=\"/page.css\">"
			    "<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">"
			    "<script src=\"/page.js\" defer></script></head>\n<body>");
	fg_put_shapes(p->out);
	fg_buf_puts(p->out, "<header><a class=\"skip\" href=\"#main\">");
	fg_put_word(p, FG_TEXT_SKIP);
	fg_buf_puts(p->out, "</a><h1>");
	fg_html_text(p->out, v->title);
	fg_buf_puts(p->out, "</h1>");
	if (v->operator) {
		fg_buf_puts(p->out, "<p>");
		fg_html_text(p->out, v->operator);
		fg_buf_puts(p->out, "</p>");
	}
	put_languages(p);
	fg_buf_puts(p->out, "</header>\n");
}

static void put_item(const struct fg_page_put *p, enum fg_text name, const char *text)
{
	if (!text)
		return;
	fg_buf_puts(p->out, "<dt>");
	fg_put_word(p, name);
	fg_buf_puts(p->out, "</dt><dd>");
	fg_html_text(p->out, text);
	fg_buf_puts(p->out, "</dd>");
}

static void put_foot(const struct fg_page_put *p)
{
	fg_buf_puts(p->out, "<footer><dl>");
	put_item(p, FG_TEXT_CONTACT, p->v->contact);
	put_item(p, FG_TEXT_LICENCE, p->v->licence);
	fg_buf_puts(p->out, "<dt>");
	fg_put_word(p, FG_TEXT_DATA);
	fg_buf_puts(p->out, "</dt><dd><a href=\"/api/stations\">GeoJSON</a></dd></dl></footer>"
			    "\n</body>\n</html>\n");
}

static void put_updated(const struct fg_page_put *p)
{
	fg_buf_printf(p->out, "<p class=\"box bad\" id=\"stale\"%s>",
		p->ask->stale ? "" : " hidden");
	fg_put_word(p, FG_TEXT_OLD);
	fg_buf_puts(p->out, "</p><p class=\"small\">");
	fg_put_word(p, FG_TEXT_UPDATED);
	fg_buf_putc(p->out, ' ');
	fg_put_moment(p, p->v->wall_ms);
	fg_buf_puts(p->out, "</p>\n");
}

static void put_more(const struct fg_page_put *p, size_t more)
{
	if (!more)
		return;
	fg_buf_printf(p->out, "<p class=\"small\">+ %zu ", more);
	fg_put_word(p, FG_TEXT_MORE);
	fg_buf_puts(p->out, "</p>");
}

/* ---- notices ---- */

static void put_period(const struct fg_page_put *p, const struct fg_view_notice *n)
{
	fg_buf_puts(p->out, "<span class=\"small\">");
	fg_put_word(p, FG_TEXT_FROM);
	fg_buf_putc(p->out, ' ');
	fg_put_moment(p, n->from_ms);
	if (n->to_ms) {
		fg_buf_putc(p->out, ' ');
		fg_put_word(p, FG_TEXT_UNTIL);
		fg_buf_putc(p->out, ' ');
		fg_put_moment(p, n->to_ms);
	}
	fg_buf_puts(p->out, "</span>");
}

static void put_notices(const struct fg_page_put *p)
{
	size_t n = FG_MIN(p->v->notice_count, (size_t)NOTICES);

	if (n == 0)
		return;
	fg_open_section(p, "notices", FG_TEXT_NOTICES);
	for (size_t i = 0; i < n; i++) {
		const struct fg_view_notice *notice = &p->v->notices[i];

		fg_buf_puts(p->out, "<div class=\"box\"><p><strong>");
		fg_html_text(p->out, fg_text_notice(notice->kind, LANGUAGE(p)));
		fg_buf_puts(p->out, "</strong> ");
		put_period(p, notice);
		fg_buf_puts(p->out, "</p><p>");
		fg_html_text(p->out, notice->text[LANGUAGE(p)]);
		fg_buf_puts(p->out, "</p></div>\n");
	}
	put_more(p, p->v->notice_count - n);
	fg_close_section(p);
}

/* ---- points ---- */

static void put_value(const struct fg_page_put *p, const struct fg_view_point *point)
{
	int decimals = point->known ? point->known->decimals : -1;

	fg_buf_puts(p->out, point->text ? "<td class=\"value text\">" : "<td class=\"value\">");
	if (point->text) {
		fg_html_text(p->out, point->text);
	} else if (isfinite(point->number)) {
		fg_put_number(p, point->number, decimals);
		fg_buf_puts(p->out, "&nbsp;");
		fg_put_unit(p->out, point->unit);
	} else {
		fg_buf_puts(p->out, "–");
	}
	fg_buf_puts(p->out, "</td>");
}

/* Also where no newer one has come in time: then nobody knows how it is now. */
static bool is_late(const struct fg_page_put *p, const struct fg_view_point *point)
{
	return point->has_reading && point->timed && point->qc != FG_QC_MISSING &&
	       p->v->wall_ms - point->time_ms > point->max_age_ms + PATIENCE_MS;
}

static void put_remark(const struct fg_page_put *p, const char *mark, enum fg_text what)
{
	fg_buf_puts(p->out, "<br>");
	fg_put_mark(p, mark, fg_text(what, LANGUAGE(p)));
}

static void put_quality(const struct fg_page_put *p, const struct fg_view_point *point)
{
	const char *why = point->reason ? fg_text_reason(point->reason, LANGUAGE(p)) : NULL;

	fg_buf_puts(p->out, "<td>");
	if (!point->has_reading) {
		fg_put_mark(p, "q2", fg_text(FG_TEXT_NO_READING, LANGUAGE(p)));
		fg_buf_puts(p->out, "</td>");
		return;
	}
	fg_put_mark(p, fg_mark_of_quality(point->qc), fg_text_quality(point->qc, LANGUAGE(p)));
	if (why) {
		fg_buf_puts(p->out, "<br><span class=\"small\">");
		fg_html_text(p->out, why);
		fg_buf_puts(p->out, "</span>");
	}
	if (point->alarm)
		put_remark(p, "q3", FG_TEXT_ALARM);
	if (point->maintenance)
		put_remark(p, "q2", FG_TEXT_MAINTENANCE);
	if (is_late(p, point))
		put_remark(p, "q9", FG_TEXT_LATE);
	fg_buf_puts(p->out, "<br><span class=\"small\">");
	if (point->timed)
		fg_put_age(p, point->time_ms);
	else
		fg_put_word(p, FG_TEXT_TIME_UNKNOWN);
	fg_buf_puts(p->out, "</span></td>");
}

static void put_spark(const struct fg_page_put *p, size_t index)
{
	const struct fg_view_point *point = &p->v->points[index];
	const struct fg_spark *s = p->ask->spark ? p->ask->spark(p->ask->arg, index) : NULL;
	int decimals = point->known ? point->known->decimals : -1;
	double low, high;

	fg_buf_puts(p->out, "<td>");
	if (s && fg_spark_range(s, p->v->wall_ms, &low, &high)) {
		fg_buf_printf(p->out, "<img class=\"spark\" src=\"/spark/%s/%s.svg\" width=\"192\" "
				      "height=\"64\" loading=\"lazy\" alt=\"",
			p->v->stations[point->station].name, point->name);
		fg_put_word(p, FG_TEXT_LAST_DAY_OF);
		fg_buf_putc(p->out, ' ');
		fg_put_number(p, low, decimals);
		fg_buf_putc(p->out, ' ');
		fg_put_word(p, FG_TEXT_TO);
		fg_buf_putc(p->out, ' ');
		fg_put_number(p, high, decimals);
		fg_buf_puts(p->out, "\">");
	} else {
		fg_buf_puts(p->out, "–");
	}
	fg_buf_puts(p->out, "</td>");
}

static void put_point(const struct fg_page_put *p, size_t index)
{
	const struct fg_view_point *point = &p->v->points[index];

	fg_buf_puts(p->out, "<tr><th scope=\"row\">");
	fg_html_text(p->out, point->title[LANGUAGE(p)]);
	fg_buf_puts(p->out, "</th>");
	put_value(p, point);
	put_quality(p, point);
	put_spark(p, index);
	fg_buf_puts(p->out, "</tr>\n");
}

/* ---- stations ---- */

static size_t points_of(const struct fg_view *v, uint32_t station)
{
	size_t n = 0;

	for (size_t i = 0; i < v->point_count; i++)
		n += v->points[i].station == station;
	return n;
}

static void put_station(const struct fg_page_put *p, uint32_t station, size_t max)
{
	static const enum fg_text heads[] = {
		FG_TEXT_QUANTITY, FG_TEXT_VALUE, FG_TEXT_QUALITY, FG_TEXT_LAST_DAY};
	const struct fg_view_station *s = &p->v->stations[station];
	size_t n = 0, all = points_of(p->v, station);

	if (all == 0)
		return;
	fg_buf_puts(p->out, "<h3>");
	fg_html_text(p->out, s->title);
	fg_buf_puts(p->out, "</h3>\n");
	fg_open_table(p, s->title, heads, FG_COUNT(heads));
	for (size_t i = 0; i < p->v->point_count && n < max; i++) {
		if (p->v->points[i].station != station)
			continue;
		n++;
		put_point(p, i);
	}
	fg_close_table(p);
	put_more(p, all - n);
}

/* How bad: what a list of stations says of one. */
static enum fg_qc worst_of(const struct fg_page_put *p, uint32_t station)
{
	static const enum fg_qc order[] = {FG_QC_MISSING, FG_QC_FAIL, FG_QC_SUSPECT};

	for (size_t k = 0; k < FG_COUNT(order); k++)
		for (size_t i = 0; i < p->v->point_count; i++) {
			const struct fg_view_point *point = &p->v->points[i];

			if (point->station == station && point->has_reading &&
				(point->qc == order[k] || (k == 0 && is_late(p, point))))
				return order[k];
		}
	return FG_QC_PASS;
}

/* Where there are too many points for one page: a station a line, each with a page of its own. */
static void put_list(const struct fg_page_put *p)
{
	static const enum fg_text heads[] = {
		FG_TEXT_STATIONS, FG_TEXT_QUANTITY, FG_TEXT_QUALITY};
	size_t n = FG_MIN(p->v->station_count, (size_t)FG_PAGE_STATIONS);

	fg_open_table(p, fg_text(FG_TEXT_STATIONS, LANGUAGE(p)), heads, FG_COUNT(heads));
	for (uint32_t i = 0; i < n; i++) {
		enum fg_qc worst = worst_of(p, i);

		fg_buf_printf(p->out,
			"<tr><th scope=\"row\"><a href=\"?lang=%s&amp;station=%s\">",
			fg_text_code(LANGUAGE(p)), p->v->stations[i].name);
		fg_html_text(p->out, p->v->stations[i].title);
		fg_buf_printf(p->out, "</a></th><td>%zu</td><td>", points_of(p->v, i));
		fg_put_mark(p, fg_mark_of_quality(worst), fg_text_quality(worst, LANGUAGE(p)));
		fg_buf_puts(p->out, "</td></tr>\n");
	}
	fg_close_table(p);
	put_more(p, p->v->station_count - n);
}

static void put_stations(const struct fg_page_put *p)
{
	fg_open_section(p, "stations", FG_TEXT_STATIONS);
	if (p->ask->station != FG_PAGE_ALL) {
		fg_buf_printf(p->out, "<p><a href=\"?lang=%s\">", fg_text_code(LANGUAGE(p)));
		fg_put_word(p, FG_TEXT_ALL_STATIONS);
		fg_buf_puts(p->out, "</a></p>");
		put_station(p, p->ask->station, FG_PAGE_POINTS);
	} else if (p->v->point_count > FG_PAGE_POINTS) {
		put_list(p);
	} else {
		for (uint32_t i = 0; i < p->v->station_count; i++)
			put_station(p, i, FG_PAGE_POINTS);
	}
	fg_close_section(p);
}

/* ---- instruments ---- */

static bool is_well(const struct fg_view_device *d)
{
	return strcmp(d->state, "ok") == 0;
}

static void put_device(const struct fg_page_put *p, const struct fg_view_device *d)
{
	const char *why = d->reason ? fg_text_reason(d->reason, LANGUAGE(p)) : d->work;

	fg_buf_puts(p->out, "<tr><th scope=\"row\">");
	fg_html_text(p->out, d->title);
	fg_buf_puts(p->out, "<br><span class=\"small\">");
	fg_html_text(p->out, p->v->stations[d->station].title);
	fg_buf_puts(p->out, "</span></th><td>");
	fg_put_mark(p, fg_mark_of_state(d->state), fg_text_state(d->state, LANGUAGE(p)));
	if (d->work && d->reason) {
		fg_buf_puts(p->out, "<br>");
		fg_html_text(p->out, d->work);
	}
	fg_buf_puts(p->out, "</td><td>");
	if (why || d->reason)
		fg_html_text(p->out, why ? why : d->reason);
	else
		fg_buf_puts(p->out, "–");
	fg_buf_puts(p->out, "</td><td>");
	fg_put_age(p, d->last_ok_ms);
	fg_buf_puts(p->out, "</td></tr>\n");
}

/* Those that are not well come first; the others where there is room. */
static void put_devices(const struct fg_page_put *p)
{
	static const enum fg_text heads[] = {
		FG_TEXT_DEVICE, FG_TEXT_STATE, FG_TEXT_REASON, FG_TEXT_LAST_ANSWER};
	size_t n = 0, ill = 0, max = ROWS;

	for (size_t i = 0; i < p->v->device_count; i++)
		ill += !is_well(&p->v->devices[i]);
	fg_open_section(p, "devices", FG_TEXT_DEVICES);
	if (ill == 0) {
		fg_buf_puts(p->out, "<p>");
		fg_put_mark(p, "q1", fg_text(FG_TEXT_ALL_WELL, LANGUAGE(p)));
		fg_buf_puts(p->out, "</p>");
	}
	fg_open_table(p, fg_text(FG_TEXT_DEVICES, LANGUAGE(p)), heads, FG_COUNT(heads));
	for (int well = 0; well < 2; well++)
		for (size_t i = 0; i < p->v->device_count && n < max; i++) {
			if (is_well(&p->v->devices[i]) != (bool)well)
				continue;
			n++;
			put_device(p, &p->v->devices[i]);
		}
	fg_close_table(p);
	put_more(p, p->v->device_count - n);
	fg_close_section(p);
}

/* ---- destinations ---- */

static void put_destinations(const struct fg_page_put *p)
{
	static const enum fg_text heads[] = {
		FG_TEXT_DESTINATION, FG_TEXT_STATE, FG_TEXT_WAITING, FG_TEXT_OLDEST};
	size_t n = FG_MIN(p->v->destination_count, (size_t)ROWS);

	if (n == 0)
		return;
	fg_open_section(p, "destinations", FG_TEXT_DESTINATIONS);
	fg_open_table(p, fg_text(FG_TEXT_DESTINATIONS, LANGUAGE(p)), heads, FG_COUNT(heads));
	for (size_t i = 0; i < n; i++) {
		const struct fg_view_destination *d = &p->v->destinations[i];

		fg_buf_puts(p->out, "<tr><th scope=\"row\">");
		fg_html_text(p->out, d->name);
		fg_buf_puts(p->out, "</th><td>");
		fg_put_mark(p, fg_mark_of_state(d->state), fg_text_state(d->state, LANGUAGE(p)));
		fg_buf_printf(p->out, "</td><td>%llu</td><td>", (unsigned long long)d->backlog);
		fg_put_age(p, d->oldest_ms);
		fg_buf_puts(p->out, "</td></tr>\n");
	}
	fg_close_table(p);
	put_more(p, p->v->destination_count - n);
	fg_close_section(p);
}

/* ---- calibration ---- */

static bool is_due(const struct fg_page_put *p, const struct fg_view_point *point)
{
	return point->calibration_due_ms &&
	       point->calibration_due_ms - p->v->wall_ms < DUE_SOON_MS;
}

static void put_calibration(const struct fg_page_put *p, const struct fg_view_point *point)
{
	fg_buf_puts(p->out, "<tr><th scope=\"row\">");
	fg_html_text(p->out, p->v->stations[point->station].title);
	fg_buf_puts(p->out, ": ");
	fg_html_text(p->out, point->title[LANGUAGE(p)]);
	fg_buf_puts(p->out, "</th><td>");
	fg_put_moment(p, point->calibration_due_ms);
	if (point->calibration_due_ms <= p->v->wall_ms) {
		fg_buf_puts(p->out, "<br>");
		fg_put_mark(p, "q3", fg_text(FG_TEXT_OVERDUE, LANGUAGE(p)));
	}
	fg_buf_puts(p->out, "</td></tr>\n");
}

static void put_calibrations(const struct fg_page_put *p)
{
	static const enum fg_text heads[] = {FG_TEXT_QUANTITY, FG_TEXT_DUE};
	size_t n = 0, all = 0;

	for (size_t i = 0; i < p->v->point_count; i++)
		all += is_due(p, &p->v->points[i]);
	if (all == 0)
		return;
	fg_open_section(p, "calibration", FG_TEXT_CALIBRATION);
	fg_open_table(p, fg_text(FG_TEXT_CALIBRATION, LANGUAGE(p)), heads, FG_COUNT(heads));
	for (size_t i = 0; i < p->v->point_count && n < ROWS; i++) {
		if (!is_due(p, &p->v->points[i]))
			continue;
		n++;
		put_calibration(p, &p->v->points[i]);
	}
	fg_close_table(p);
	put_more(p, all - n);
	fg_close_section(p);
}

/* ---- the gateway ---- */

static void put_term(const struct fg_page_put *p, enum fg_text name)
{
	fg_buf_puts(p->out, "<dt>");
	fg_put_word(p, name);
	fg_buf_puts(p->out, "</dt><dd>");
}

static void put_gateway(const struct fg_page_put *p)
{
	const struct fg_view *v = p->v;
	enum fg_text clock = v->clock_trusted ? FG_TEXT_CLOCK_RIGHT : FG_TEXT_CLOCK_WRONG;

	fg_open_section(p, "gateway", FG_TEXT_GATEWAY);
	fg_buf_puts(p->out, "<dl>");
	put_term(p, FG_TEXT_CLOCK);
	fg_put_mark(p, v->clock_trusted ? "q1" : "q3", fg_text(clock, LANGUAGE(p)));
	fg_buf_puts(p->out, "</dd>");
	put_term(p, FG_TEXT_STORE);
	if (v->store_writable) {
		fg_put_number(p, (double)v->store_bytes / 1048576, 1);
		fg_buf_putc(p->out, ' ');
		fg_put_word(p, FG_TEXT_STORE_OF);
		fg_buf_putc(p->out, ' ');
		fg_put_number(p, (double)v->store_max / 1048576, 0);
		fg_buf_puts(p->out, " MiB");
	} else {
		fg_put_mark(p, "q4", fg_text(FG_TEXT_STORE_FAILS, LANGUAGE(p)));
	}
	fg_buf_puts(p->out, "</dd>");
	put_term(p, FG_TEXT_STARTED);
	fg_put_age(p, v->started_ms);
	fg_buf_puts(p->out, "</dd>");
	put_item(p, FG_TEXT_VERSION, v->version);
	fg_buf_puts(p->out, "</dl>");
	fg_close_section(p);
}

void fg_page_put(struct fg_buf *out, const struct fg_view *v, const struct fg_page_ask *ask)
{
	const struct fg_page_put p = {.out = out, .v = v, .ask = ask};

	put_head(&p);
	fg_buf_puts(out, "<main id=\"main\">");
	put_updated(&p);
	put_notices(&p);
	put_stations(&p);
	put_devices(&p);
	put_destinations(&p);
	put_calibrations(&p);
	put_gateway(&p);
	fg_buf_puts(out, "</main>\n");
	put_foot(&p);
}
