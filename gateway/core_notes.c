/* SPDX-License-Identifier: EUPL-1.2 */
/* The core's notes in the store: which kinds there are, and who takes them at the start. */
#include <string.h>

#include "base/status.h"
#include "gateway/core_state.h"

/* A kind of note. take() copies what it wants of one that was stored before; bytes may come from an
 * older version, so it checks them: a note that makes no sense is as none. Negative: out of
 * memory. */
static const struct {
	const char *kind;
	int (*take)(struct fg_core *core, const char *key, const void *bytes, size_t len);
} kinds[] = {
	{"alarm", fg_alarm_take_note},
	{"calibration", fg_calibrations_take_note},
	{FG_STATE_LEDGER, fg_ledger_note_take},
	{"maintenance", fg_maintenance_take_note},
	{"heard", fg_heard_take_note},
	{"push", fg_reports_take_note},
	{"hours", fg_hours_take_note},
	{FG_STATE_HOURLY, fg_hours_take_past},
	{FG_STATE_RETAINED, fg_retained_take_note},
	{"notice", fg_notices_take_note},
	{"budget", fg_budget_take_note},
	{"sparkplug", fg_core_sparkplug_take_note},
	{NULL, NULL},
};

int fg_core_set_state(struct fg_core *core, const char *kind, const char *key, const void *bytes,
	size_t len)
{
	if (!core->ports.set_state)
		return FG_OK;
	return core->ports.set_state(core->ports.arg, kind, key, bytes, len);
}

int fg_core_known_state(struct fg_core *core, const char *kind, const char *key, const void *bytes,
	size_t len)
{
	for (size_t i = 0; kinds[i].kind; i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].take(core, key, bytes, len);
	return FG_OK;
}
