/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_PAGE_H
#define FG_WEB_PAGE_H

#include "base/buf.h"
#include "web/spark.h"
#include "web/view.h"

/* The status page as HTML: a whole document that needs no script, and nothing from elsewhere. It
 * refers to /page.css, /page.js and /spark/STATION/POINT.svg. */

/* What it shows at most: with styles, script and pictures less than 100 kB. */
#define FG_PAGE_POINTS	 40
#define FG_PAGE_STATIONS 100

#define FG_PAGE_ALL UINT32_MAX
struct fg_page_ask {
	int language;
	uint32_t station; /* this one alone, or FG_PAGE_ALL */
	bool stale; /* the view is old: the core stands still */
	/* The last day of a point; NULL: not known. */
	const struct fg_spark *(*spark)(void *arg, size_t point);
	void *arg;
};

void fg_page_put(struct fg_buf *out, const struct fg_view *v, const struct fg_page_ask *ask);

#endif
