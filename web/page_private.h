/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_PAGE_PRIVATE_H
#define FG_WEB_PAGE_PRIVATE_H

#include "web/html.h"
#include "web/page.h"
#include "web/text.h"

/* One page in the making. */
struct fg_page_put {
	struct fg_buf *out;
	const struct fg_view *v;
	const struct fg_page_ask *ask;
};

/* page_parts.c: what several sections are made of */
void fg_put_word(const struct fg_page_put *p, enum fg_text what);
/* A shape and a word; mark: q1 q2 q3 q4 q9, which say by form and colour how good it is. */
void fg_put_mark(const struct fg_page_put *p, const char *mark, const char *word);
const char *fg_mark_of_quality(enum fg_qc qc);
const char *fg_mark_of_state(const char *state);
/* How long ago, with the moment itself; a dash where ms is 0. */
void fg_put_age(const struct fg_page_put *p, int64_t ms);
/* A moment to come, or long past. */
void fg_put_moment(const struct fg_page_put *p, int64_t ms);
/* A number as people of the language write it. */
void fg_put_number(const struct fg_page_put *p, double v, int decimals);
void fg_put_unit(struct fg_buf *out, const char *ucum);
/* The shapes, once in a document. */
void fg_put_shapes(struct fg_buf *out);
/* <section> with a heading, and its table with these column heads (NULL-terminated). */
void fg_open_section(const struct fg_page_put *p, const char *id, enum fg_text title);
void fg_open_table(const struct fg_page_put *p, const char *label, const enum fg_text *heads,
	size_t n);
void fg_close_table(const struct fg_page_put *p);
void fg_close_section(const struct fg_page_put *p);

#endif
