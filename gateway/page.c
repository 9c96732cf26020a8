/* SPDX-License-Identifier: EUPL-1.2 */
/* A page of the backlog: copies of what the reader lends, with all that they point to. */
#include <stddef.h>
#include <string.h>

#include "gateway/publisher.h"

/* A copy in the page's memory, aligned for anything; NULL where there is no room. */
static void *keep(struct fg_page *page, const void *from, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	size_t at = page->text_len;

	at += (align - (uintptr_t)(page->text + at) % align) % align;
	if (at > sizeof(page->text) || size > sizeof(page->text) - at)
		return NULL;
	memcpy(page->text + at, from, size);
	page->text_len = at + size;
	return page->text + at;
}

static bool keep_name(struct fg_page *page, const char **name)
{
	return !*name || (*name = keep(page, *name, strlen(*name) + 1)) != NULL;
}

static bool keep_gap(struct fg_page *page, struct fg_item *item)
{
	struct fg_gap gap = *item->gap;

	if (!keep_name(page, &gap.destination))
		return false;
	item->gap = keep(page, &gap, sizeof(gap));
	return item->gap != NULL;
}

static bool keep_account(struct fg_page *page, struct fg_item *item)
{
	struct fg_account account = *item->account;

	account.lines = keep(page, account.lines, account.count * sizeof(*account.lines));
	if (!account.lines || !keep_name(page, &account.destination))
		return false;
	item->account = keep(page, &account, sizeof(account));
	return item->account != NULL;
}

static bool keep_rest(struct fg_page *page, struct fg_item *item)
{
	switch (item->kind) {
	case FG_ITEM_GAP:
		return keep_gap(page, item);
	case FG_ITEM_ACCOUNT:
		return keep_account(page, item);
	case FG_ITEM_AGGREGATE:
		item->aggregate = keep(page, item->aggregate, sizeof(*item->aggregate));
		if (!item->aggregate)
			return false;
		break;
	case FG_ITEM_READING:
		break;
	}
	if (item->value.kind != FG_KIND_TEXT)
		return true;
	item->value.text = keep(page, item->value.text, item->value.len);
	return item->value.text != NULL;
}

int fg_page_add(struct fg_page *page, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct fg_item copy = *item;
	size_t text_len = page->text_len;

	if (page->count == FG_PAGE_ITEMS || !keep_rest(page, &copy)) {
		page->text_len = text_len;
		page->scanned_to = item->seq;
		return 1;
	}
	page->items[page->count] = copy;
	page->descs[page->count] = desc;
	page->uncertain[page->count] = uncertain;
	page->count++;
	return 0;
}
