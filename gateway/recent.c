/* SPDX-License-Identifier: EUPL-1.2 */
/* The ring of recent readings. */
#include "gateway/recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"

int fg_recent_init(struct fg_recent *r, size_t cap, uint64_t next_seq)
{
	size_t n = FG_MAX(cap, (size_t)64);

	*r = (struct fg_recent){.cap = n, .first = next_seq, .next = next_seq};
	r->entries = calloc(n, sizeof(*r->entries));
	return r->entries ? FG_OK : FG_ENOMEM;
}

void fg_recent_grow(struct fg_recent *r, size_t cap)
{
	struct fg_recent_entry *entries = cap > r->cap ? calloc(cap, sizeof(*entries)) : NULL;

	if (!entries)
		return;
	for (uint64_t seq = r->first; seq < r->next; seq++)
		entries[seq % cap] = r->entries[seq % r->cap];
	free(r->entries);
	r->entries = entries;
	r->cap = cap;
}

static void drop_lent(struct fg_recent_entry *e)
{
	free((void *)e->item.gap);
	free((void *)e->item.account);
	free((void *)e->item.aggregate);
	e->item.gap = NULL;
	e->item.account = NULL;
	e->item.aggregate = NULL;
	if (e->item.value.kind == FG_KIND_TEXT)
		free((char *)e->item.value.text);
	e->item.value.kind = FG_KIND_NONE;
}

void fg_recent_fini(struct fg_recent *r)
{
	for (size_t i = 0; r->entries && i < r->cap; i++)
		drop_lent(&r->entries[i]);
	free(r->entries);
	*r = (struct fg_recent){0};
}

/* Text behind what it belongs to, in one block. */
static const char *put_text(char *at, const char *text)
{
	return text ? memcpy(at, text, strlen(text) + 1) : NULL;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const struct fg_gap *copy_gap(const struct fg_gap *gap)
{
	struct fg_gap *copy = malloc(sizeof(*copy) + text_size(gap->destination));

	if (!copy)
		return NULL;
	*copy = *gap;
	copy->destination = put_text((char *)(copy + 1), gap->destination);
	return copy;
}

static const struct fg_account *copy_account(const struct fg_account *account)
{
	size_t lines_size = account->count * sizeof(*account->lines);
	struct fg_account *copy =
		malloc(sizeof(*copy) + lines_size + text_size(account->destination));
	char *after = (char *)(copy + 1);

	if (!copy)
		return NULL;
	*copy = *account;
	copy->lines = memcpy(after, account->lines, lines_size);
	copy->destination = put_text(after + lines_size, account->destination);
	return copy;
}

static const struct fg_aggregate *copy_aggregate(const struct fg_aggregate *aggregate)
{
	struct fg_aggregate *copy = malloc(sizeof(*copy));

	if (copy)
		*copy = *aggregate;
	return copy;
}

void fg_recent_add(struct fg_recent *r, const struct fg_recent_entry *entry)
{
	struct fg_recent_entry *e = &r->entries[r->next % r->cap];

	drop_lent(e);
	*e = *entry;
	e->item.seq = r->next;
	if (e->item.value.kind == FG_KIND_TEXT) {
		char *copy = malloc(e->item.value.len + 1);

		if (copy)
			memcpy(copy, entry->item.value.text, entry->item.value.len);
		else
			e->item.value.len = 0;
		e->item.value.text = copy;
	}
	if (e->item.gap)
		e->item.gap = copy_gap(entry->item.gap);
	if (e->item.account)
		e->item.account = copy_account(entry->item.account);
	if (e->item.aggregate)
		e->item.aggregate = copy_aggregate(entry->item.aggregate);
	r->next++;
	if (r->next - r->first > r->cap)
		r->first = r->next - r->cap;
}

void fg_recent_skip(struct fg_recent *r, size_t n)
{
	const struct fg_recent_entry none = {.absent = true};

	while (n--)
		fg_recent_add(r, &none);
}

void fg_recent_take_back(struct fg_recent *r, uint64_t n)
{
	r->next -= n; /* what lies there is dropped with the next that takes the place */
	r->first = FG_MIN(r->first, r->next);
}

const struct fg_recent_entry *fg_recent_get(const struct fg_recent *r, uint64_t seq)
{
	if (seq < r->first || seq >= r->next)
		return NULL;
	return r->entries[seq % r->cap].absent ? NULL : &r->entries[seq % r->cap];
}

struct fg_recent_entry *fg_recent_edit(struct fg_recent *r, uint64_t seq)
{
	return fg_recent_get(r, seq) ? &r->entries[seq % r->cap] : NULL;
}
