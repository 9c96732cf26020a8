/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys of planned work on a device, and what cannot be meant by them. */
#include "gateway/config/loader.h"

#define AT(field) .offset = offsetof(struct fg_raw_maintenance, field)

const struct fg_key fg_keys_maintenance[] = {
	{"from", FG_KEY_CUSTOM, FG_KEY_REQUIRED, AT(from_ms), .parse = fg_parse_time,
		.form = "a time", .schema = "{\"type\":\"string\"}",
		.help = "When it begins. A date alone is its midnight, UTC."},
	{"until", FG_KEY_CUSTOM, FG_KEY_REQUIRED, AT(until_ms), .parse = fg_parse_time,
		.form = "a time", .schema = "{\"type\":\"string\"}", .help = "When it ends."},
	{"reason", FG_KEY_TEXT, AT(reason), .max = FG_MAINTENANCE_REASON - 1,
		.help = "For people; told with the device's state."},
	{0},
};

void fg_take_maintenance(struct fg_loader *l, struct fg_device *dev, const struct fg_items *items)
{
	const struct fg_raw_maintenance *raw = items->items;
	struct fg_planned_maintenance *planned;

	if (items->count == 0)
		return;
	planned = fg_arena_array(l->arena, items->count, sizeof(*planned));
	for (size_t i = 0; i < items->count; i++) {
		planned[i] = (struct fg_planned_maintenance){
			raw[i].from_ms, raw[i].until_ms, raw[i].reason};
		if (raw[i].until_ms <= raw[i].from_ms)
			fg_report_error(l->rep, fg_place_of(raw[i].named.node, "until"),
				"devices.%s.maintenance.until: it ends before it begins",
				dev->name);
		for (size_t k = 0; k < i; k++)
			if (raw[k].from_ms == raw[i].from_ms)
				fg_report_error(l->rep, fg_place_of(raw[i].named.node, "from"),
					"devices.%s.maintenance.from: another begins at this time",
					dev->name);
	}
	dev->planned = planned;
	dev->planned_count = items->count;
}
