/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_HTML_H
#define FG_WEB_HTML_H

#include "base/buf.h"

/* Text into HTML, for content and for attributes in double quotes: what could be markup, and bytes
 * that are not UTF-8, never come through. */
void fg_html_text(struct fg_buf *out, const char *text);

#endif
