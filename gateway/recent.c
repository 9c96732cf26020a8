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

static void drop_text(struct fg_recent_entry *e)
{
	if (e->item.value.kind == FG_KIND_TEXT)
		free((char *)e->item.value.text);
	e->item.value.kind = FG_KIND_NONE;
}

void fg_recent_fini(struct fg_recent *r)
{
	for (size_t i = 0; r->entries && i < r->cap; i++)
		drop_text(&r->entries[i]);
	free(r->entries);
	*r = (struct fg_recent){0};
}

void fg_recent_add(struct fg_recent *r, const struct fg_recent_entry *entry)
{
	struct fg_recent_entry *e = &r->entries[r->next % r->cap];

	drop_text(e);
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
	r->next++;
	if (r->next - r->first > r->cap)
		r->first = r->next - r->cap;
}

const struct fg_recent_entry *fg_recent_get(const struct fg_recent *r, uint64_t seq)
{
	if (seq < r->first || seq >= r->next)
		return NULL;
	return &r->entries[seq % r->cap];
}

struct fg_recent_entry *fg_recent_edit(struct fg_recent *r, uint64_t seq)
{
	return fg_recent_get(r, seq) ? &r->entries[seq % r->cap] : NULL;
}
