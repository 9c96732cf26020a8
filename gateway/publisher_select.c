/* SPDX-License-Identifier: EUPL-1.2 */
/* What goes to a destination (`select`), so that its accounts still add up: of a point that is not
 * selected nothing goes there at all; a reading that its quality keeps back is told as a gap. */
#include <string.h>

#include "gateway/publisher_private.h"
#include "gateway/selection.h"

/* ---- accounts ---- */

static const struct fg_point_desc *desc_of(
	const struct fg_publisher *p, const struct fg_account_line *line)
{
	const struct fg_series *s = line->desc ? NULL : fg_series_by_id(p->series, line->point);

	return s ? &s->desc : line->desc;
}

static size_t lines_selected(const struct fg_publisher *p, const struct fg_account *account,
	struct fg_account_line *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < account->count && n < FG_ACCOUNT_LINES; i++) {
		const struct fg_point_desc *desc = desc_of(p, &account->lines[i]);

		if (!desc || !fg_selects_point(p->conf, desc))
			continue;
		if (ret)
			ret[n] = account->lines[i];
		n++;
	}
	return n;
}

struct fg_item fg_pub_selected_part(struct fg_publisher *p, const struct fg_item *item)
{
	struct fg_item ret = *item;

	if (item->kind != FG_ITEM_ACCOUNT || !p->conf->properties.count)
		return ret;
	p->part = *item->account;
	p->part.lines = p->part_lines;
	p->part.count = lines_selected(p, item->account, p->part_lines);
	ret.account = &p->part;
	return ret;
}

/* ---- the choice ---- */

enum fg_pub_choice fg_pub_choose(const struct fg_publisher *p, const struct fg_item *item,
	const struct fg_point_desc *desc)
{
	const char *only = item->kind == FG_ITEM_GAP	   ? item->gap->destination
			   : item->kind == FG_ITEM_ACCOUNT ? item->account->destination
							   : NULL;

	if (only && strcmp(only, p->conf->name) != 0)
		return FG_PUB_NOT_FOR_IT;
	if (item->kind == FG_ITEM_ACCOUNT && p->conf->properties.count)
		return lines_selected(p, item->account, NULL) ? FG_PUB_CHOSEN : FG_PUB_NOT_FOR_IT;
	if (!fg_selects_point(p->conf, desc))
		return FG_PUB_NOT_FOR_IT;
	if (fg_selects_quality(p->conf, item))
		return FG_PUB_CHOSEN;
	/* announcements and means count nowhere, and what was asked for again was counted before */
	return item->kind == FG_ITEM_READING && item->qc != FG_QC_MISSING &&
			       !fg_ranges_has(&p->again, item->seq)
		       ? FG_PUB_KEPT_BACK
		       : FG_PUB_NOT_FOR_IT;
}
