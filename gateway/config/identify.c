/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether an instrument is one that a profile is for. */
#include <string.h>

#include "base/cleanup.h"
#include "gateway/config/profiles.h"

#define TEXT_REGISTERS 32

static bool holds(const char *want, const char *have)
{
	return !want || (have && strcasestr(have, want));
}

/* Two characters a register, from the address on. */
static bool text_holds(const struct fg_identify_probe *p, const struct fg_identity *have)
{
	unsigned count = (unsigned)FG_MIN((strlen(p->text) + 1) / 2, (size_t)TEXT_REGISTERS);
	uint16_t cells[TEXT_REGISTERS];
	char text[2 * TEXT_REGISTERS + 1];

	if (!have->read(have->arg, (enum fg_table)p->table, (uint16_t)p->address, count, cells))
		return false;
	for (unsigned i = 0; i < count; i++) {
		text[2 * i] = (char)(cells[i] >> 8);
		text[2 * i + 1] = (char)(cells[i] & 0xFF);
	}
	text[2 * count] = '\0';
	return strncasecmp(text, p->text, FG_MIN(strlen(p->text), 2 * (size_t)count)) == 0;
}

static bool value_holds(const struct fg_identify_probe *p, const struct fg_identity *have)
{
	uint16_t cell;

	if (!have->read(have->arg, (enum fg_table)p->table, (uint16_t)p->address, 1, &cell))
		return false;
	for (size_t i = 0; i < p->value_count; i++)
		if (p->values[i] == cell)
			return true;
	return p->value_count == 0;
}

unsigned fg_identify_match(const struct fg_identify *want, const struct fg_identity *have)
{
	unsigned weight = 0;

	if (!holds(want->vendor, have->vendor) || !holds(want->product, have->product) ||
		!holds(want->server_id, have->server_id))
		return 0;
	weight += want->vendor ? 1 : 0;
	weight += want->product ? 4 : 0;
	weight += want->server_id ? 4 : 0;
	for (size_t i = 0; i < want->registers.count; i++) {
		const struct fg_identify_probe *p = &want->registers.items[i];

		if (!(p->text ? text_holds(p, have) : value_holds(p, have)))
			return 0;
		weight += 2;
	}
	return weight;
}
