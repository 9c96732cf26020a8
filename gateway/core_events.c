/* SPDX-License-Identifier: EUPL-1.2 */
/* What happens to devices and points, told once; and the notes that keep it over a restart. */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "gateway/core_state.h"

/* Notes of what was suppressed go to the store this often: what a crash loses of them is told as
 * missing. */
#define NOTES_EVERY_US 60000000
/* After the store took nothing. */
#define RETRY_US 1000000

/* ---- the log ---- */

static void alarm_begins(const struct fg_event *e)
{
	bool rate = e->alarm == FG_ALARM_RATE;

	fg_warning_of(ALARM_BEGINS,
		"device '%s', point '%s': alarm '%s' begins: %g %s (limit %g%s)",
		e->device->name, e->point->name, fg_alarm_text(e->alarm), e->value, e->point->unit,
		e->limit, rate ? " per second" : "");
}

static void alarm_ends(const struct fg_event *e)
{
	char since[FG_RFC3339_SIZE];

	fg_rfc3339(e->since_wall_ms, since);
	if (e->why)
		fg_notice_of(ALARM_ENDS,
			"device '%s', point '%s': alarm '%s' ends: %s; it held since %s",
			e->device->name, e->point->name, fg_alarm_text(e->alarm), e->why, since);
	else
		fg_notice_of(ALARM_ENDS,
			"device '%s', point '%s': alarm '%s' ends: %g %s; it held since %s",
			e->device->name, e->point->name, fg_alarm_text(e->alarm), e->value,
			e->point->unit, since);
}

static void maintenance_begins(const struct fg_event *e)
{
	char until[FG_RFC3339_SIZE] = "";

	if (e->until_wall_ms)
		fg_rfc3339(e->until_wall_ms, until);
	fg_notice("device '%s': maintenance begins%s%s%s%s", e->device->name,
		e->why ? ": " : "", e->why ? e->why : "", *until ? "; until " : "", until);
}

static void maintenance_ends(const struct fg_event *e)
{
	char since[FG_RFC3339_SIZE];

	fg_rfc3339(e->since_wall_ms, since);
	fg_notice("device '%s': maintenance ends; it began %s", e->device->name, since);
}

static void calibration_overdue(const struct fg_event *e)
{
	char since[FG_RFC3339_SIZE];

	fg_rfc3339(e->since_wall_ms, since);
	fg_warning("device '%s', point '%s': calibration was due %s", e->device->name,
		e->point->name, since);
}

static void certificate_ends(const struct fg_event *e)
{
	int64_t days = (e->until_wall_ms - e->since_wall_ms) / 86400000;
	char end[FG_RFC3339_SIZE];

	fg_rfc3339(e->until_wall_ms, end);
	if (e->until_wall_ms > e->since_wall_ms)
		fg_warning("destination '%s': the certificate of the %s ends %s, in %lld days",
			e->destination, e->why, end, (long long)days);
	else
		fg_error("destination '%s': the certificate of the %s has ended, %s",
			e->destination, e->why, end);
}

void fg_event_tell(struct fg_core *core, const struct fg_event *event)
{
	static void (*const tell[])(const struct fg_event *) = {
		[FG_EVENT_ALARM_BEGINS] = alarm_begins,
		[FG_EVENT_ALARM_ENDS] = alarm_ends,
		[FG_EVENT_MAINTENANCE_BEGINS] = maintenance_begins,
		[FG_EVENT_MAINTENANCE_ENDS] = maintenance_ends,
		[FG_EVENT_CALIBRATION_OVERDUE] = calibration_overdue,
		[FG_EVENT_CERTIFICATE_ENDS] = certificate_ends,
	};

	(void)core;
	tell[event->kind](event);
}

/* ---- notes ---- */

/* A note that is too long for ever is none. */
static bool was_taken(int r)
{
	return r >= 0 || r == FG_EINVAL;
}

static bool save_ledger(struct fg_core *core, struct fg_device_run *dev)
{
	const struct fg_ledger_row row = fg_ledger_row_in_force(dev->ledger);

	return was_taken(fg_ledger_note_save(core, dev->ledger, &row, dev->device));
}

void fg_events_save(struct fg_core *core, struct fg_device_run *dev)
{
	if (dev->alarms_due)
		dev->alarms_due = !was_taken(fg_alarm_save_note(core, dev));
	if (dev->ledger_note_due)
		dev->ledger_note_due = !save_ledger(core, dev);
	if (dev->maintenance_due)
		dev->maintenance_due = !was_taken(fg_maintenance_save_note(core, dev));
	if (!dev->alarms_due && !dev->ledger_note_due && !dev->maintenance_due)
		return;
	core->notes_due_mono_us =
		FG_MIN(core->notes_due_mono_us, core->now.mono_us + RETRY_US);
}

const char *fg_core_store_fault(const struct fg_core *core)
{
	return core->store_writable ? NULL : core->store_error;
}

bool fg_core_notes_handed(const struct fg_core *core)
{
	bool due = core->notices.last_due;

	for (const struct fg_service_notice *n = core->notices.list; n; n = n->next)
		due |= n->due;
	for (const struct fg_calibrations *k = core->calibrations; k; k = k->next)
		due |= k->due;
	for (size_t i = 0; i < core->config->device_count; i++)
		due |= core->devices[i].maintenance_due;
	return !due;
}

void fg_events_free(struct fg_core *core)
{
	fg_maintenance_free(core);
	fg_notices_free(core);
	fg_calibrations_free(core);
}

static int64_t run_notes(struct fg_core *core, struct fg_now now)
{
	if (now.mono_us < core->notes_due_mono_us)
		return core->notes_due_mono_us;
	core->notes_due_mono_us = now.mono_us + NOTES_EVERY_US;
	fg_calibrations_save(core);
	for (size_t i = 0; i < core->config->device_count && !core->ledgers_ended; i++) {
		struct fg_device_run *dev = &core->devices[i];

		dev->ledger_note_due |= dev->ledger_note_soon;
		dev->ledger_note_soon = false;
		fg_events_save(core, dev);
	}
	return core->notes_due_mono_us;
}

int64_t fg_events_run(struct fg_core *core, struct fg_now now)
{
	int64_t notices_us = fg_notices_run(core, now), notes_us = run_notes(core, now);

	return FG_MIN(notices_us, notes_us);
}
