/* SPDX-License-Identifier: EUPL-1.2 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/number.h"
#include "base/timefmt.h"
#include "model/unit.h"
#include "web/page_private.h"

void fg_html_text(struct fg_buf *out, const char *text)
{
	size_t len = strlen(text), n;

	for (size_t i = 0; i < len; i += n ? n : 1) {
		n = fg_utf8_char((const unsigned char *)text + i, len - i);
		if (n == 0 || ((unsigned char)text[i] < 0x20 && text[i] != '\n'))
			fg_buf_puts(out, "\xef\xbf\xbd");
		else if (n == 1 && strchr("&<>\"'", text[i]))
			fg_buf_printf(out, "&#%d;", text[i]);
		else
			fg_buf_put(out, text + i, n);
	}
}

void fg_put_word(const struct fg_page_put *p, enum fg_text what)
{
	fg_html_text(p->out, fg_text(what, p->ask->language));
}

/* ---- marks ---- */

void fg_put_shapes(struct fg_buf *out)
{
	fg_buf_puts(out,
		"<svg class=\"shapes\" aria-hidden=\"true\">"
		"<symbol id=\"q1\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"6\"/>"
		"</symbol>"
		"<symbol id=\"q2\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" "
		"d=\"M8 2a6 6 0 100 12A6 6 0 108 2zm0 2.5a3.5 3.5 0 110 7 3.5 3.5 0 110-7z\"/>"
		"</symbol>"
		"<symbol id=\"q3\" viewBox=\"0 0 16 16\"><path d=\"M8 1.5 15 14H1z\"/></symbol>"
		"<symbol id=\"q4\" viewBox=\"0 0 16 16\"><path "
		"d=\"M4 2l4 4 4-4 2 2-4 4 4 4-2 2-4-4-4 4-2-2 4-4-4-4z\"/></symbol>"
		"<symbol id=\"q9\" viewBox=\"0 0 16 16\"><path d=\"M2 6.5h12v3H2z\"/></symbol>"
		"</svg>");
}

void fg_put_mark(const struct fg_page_put *p, const char *mark, const char *word)
{
	fg_buf_printf(p->out,
		"<span class=\"mark %s\"><svg aria-hidden=\"true\"><use href=\"#%s\"/></svg> ",
		mark, mark);
	fg_html_text(p->out, word);
	fg_buf_puts(p->out, "</span>");
}

const char *fg_mark_of_quality(enum fg_qc qc)
{
	switch (qc) {
	case FG_QC_PASS:
		return "q1";
	case FG_QC_SUSPECT:
		return "q3";
	case FG_QC_FAIL:
		return "q4";
	case FG_QC_MISSING:
		return "q9";
	case FG_QC_NOT_EVALUATED:
		break;
	}
	return "q2";
}

const char *fg_mark_of_state(const char *state)
{
	if (strcmp(state, "ok") == 0 || strcmp(state, "connected") == 0)
		return "q1";
	if (strcmp(state, "failing") == 0)
		return "q3";
	if (strcmp(state, "quarantined") == 0 || strcmp(state, "waiting") == 0)
		return "q4";
	return "q2";
}

/* ---- times and numbers ---- */

/* "2026-07-01 12:00 UTC"; the script makes local time of it. */
static void put_time(struct fg_buf *out, int64_t ms, bool quietly)
{
	char text[FG_RFC3339_SIZE];

	fg_rfc3339(ms, text);
	fg_buf_printf(out, "<time datetime=\"%s\"", text);
	fg_buf_printf(out, quietly ? " title=\"%.10s %.5s UTC\">" : ">%.10s %.5s UTC</time>", text,
		text + 11);
}

void fg_put_moment(const struct fg_page_put *p, int64_t ms)
{
	put_time(p->out, ms, false);
}

void fg_put_age(const struct fg_page_put *p, int64_t ms)
{
	static const char *const hours[FG_VIEW_LANGUAGES] = {"t", "t", "h"};
	int64_t s = (p->v->wall_ms - ms) / 1000;
	const char *unit = "s";
	int l = p->ask->language;

	if (ms == 0) {
		fg_buf_puts(p->out, "–");
		return;
	}
	s = FG_MAX(s, 0);
	if (s >= 2 * 86400) {
		s /= 86400;
		unit = "d";
	} else if (s >= 2 * 3600) {
		s /= 3600;
		unit = hours[l];
	} else if (s >= 120) {
		s /= 60;
		unit = "min";
	}
	put_time(p->out, ms, true);
	fg_buf_printf(p->out, "%s%lld %s ", l == 2 ? "" : "for ", (long long)s, unit);
	fg_put_word(p, FG_TEXT_AGO);
	fg_buf_puts(p->out, "</time>");
}

void fg_put_number(const struct fg_page_put *p, double v, int decimals)
{
	char mem[64];
	struct fg_buf text;
	char *point;

	fg_buf_wrap(&text, mem, sizeof(mem));
	if (decimals < 0 || decimals > 9 || fabs(v) >= 1e15)
		fg_number_put_decimal(&text, v);
	else
		fg_buf_printf(&text, "%.*f", decimals, v);
	point = strchr(mem, '.');
	if (point && p->ask->language != 2)
		*point = ',';
	if (mem[0] == '-') { /* a minus sign, no hyphen */
		fg_buf_puts(p->out, "\xe2\x88\x92");
		fg_buf_puts(p->out, mem + 1);
	} else {
		fg_buf_puts(p->out, mem);
	}
}

void fg_put_unit(struct fg_buf *out, const char *ucum)
{
	fg_html_text(out, fg_unit_words(ucum));
}

/* ---- sections and tables ---- */

void fg_open_section(const struct fg_page_put *p, const char *id, enum fg_text title)
{
	fg_buf_printf(p->out, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">", id, id);
	fg_put_word(p, title);
	fg_buf_puts(p->out, "</h2>");
}

void fg_close_section(const struct fg_page_put *p)
{
	fg_buf_puts(p->out, "</section>\n");
}

void fg_open_table(const struct fg_page_put *p, const char *label, const enum fg_text *heads,
	size_t n)
{
	fg_buf_puts(p->out, "<table aria-label=\"");
	fg_html_text(p->out, label);
	fg_buf_puts(p->out, "\"><thead><tr>");
	for (size_t i = 0; i < n; i++) {
		fg_buf_puts(p->out, "<th scope=\"col\">");
		fg_put_word(p, heads[i]);
		fg_buf_puts(p->out, "</th>");
	}
	fg_buf_puts(p->out, "</tr></thead><tbody>\n");
}

void fg_close_table(const struct fg_page_put *p)
{
	fg_buf_puts(p->out, "</tbody></table>\n");
}
