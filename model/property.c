/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of properties. */
#include "model/property.h"

#include <string.h>

#include "base/cleanup.h"

const struct fg_property fg_properties[] = {
#define PROPERTY(name, unit, decimals, en, nb, nn, note)                                           \
	{#name, unit, decimals, {[FG_LANG_NB] = nb, [FG_LANG_NN] = nn, [FG_LANG_EN] = en}, note},
#include "model/property.def"
#undef PROPERTY
};

const size_t fg_property_count = FG_COUNT(fg_properties);

const struct fg_property *fg_property_find(const char *name)
{
	for (size_t i = 0; i < fg_property_count; i++)
		if (strcmp(fg_properties[i].name, name) == 0)
			return &fg_properties[i];
	return NULL;
}

const char *fg_domain_name(enum fg_domain domain)
{
	static const char *const names[FG_DOMAIN_COUNT] = {"air", "water", "bathing", "weather"};

	return domain < FG_DOMAIN_COUNT ? names[domain] : "unknown";
}
