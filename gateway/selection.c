/* SPDX-License-Identifier: EUPL-1.2 */
/* What goes to a destination (`select`). See selection.h. */
#include "gateway/selection.h"

#include <string.h>

#include "model/property.h"

static bool among(const struct fg_texts *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return list->count == 0;
}

static bool domain_selected(const struct fg_destination *d, const char *domain)
{
	for (int i = 0; i < FG_DOMAIN_COUNT; i++)
		if (strcmp(fg_domain_name((enum fg_domain)i), domain) == 0)
			return d->domains >> i & 1;
	return true; /* one of another version: rather too much than too little */
}

bool fg_selects_point(const struct fg_destination *d, const struct fg_point_desc *desc)
{
	return domain_selected(d, desc->domain) && among(&d->stations, desc->station) &&
	       among(&d->properties, desc->property);
}

bool fg_selects_quality(const struct fg_destination *d, const struct fg_item *item)
{
	return !d->quality || item->replaces || !fg_item_is_state(item) ||
	       (d->quality >> item->qc & 1);
}
