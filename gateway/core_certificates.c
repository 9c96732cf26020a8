/* SPDX-License-Identifier: EUPL-1.2 */
/* Certificates of the connections to brokers: told in good time before they end. */
#include "gateway/core_state.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_MS	INT64_C(86400000)

/* Told at each of these distances once, so that neither the log nor a notice repeats itself. */
static const int64_t stages_ms[] = {FG_CERTIFICATE_WARN_MS, 7 * DAY_MS, 0};

static const char *const whose[FG_CERTIFICATES] = {
	[FG_CERTIFICATE_BROKER] = "broker",
	[FG_CERTIFICATE_AUTHORITY] = "authority",
	[FG_CERTIFICATE_CLIENT] = "client",
};

const char *fg_certificate_of(enum fg_certificate c)
{
	return whose[c];
}

static uint8_t stage(int64_t left_ms)
{
	uint8_t n = 0;

	while (n < FG_COUNT(stages_ms) && left_ms < stages_ms[n])
		n++;
	return n;
}

static void look(struct fg_core *core, struct fg_publisher *p, enum fg_certificate c)
{
	struct fg_certificate_told *told = &p->certificates_told[c];
	const int64_t ends_ms = p->certificates.ends_ms[c];
	const int64_t now_ms = fg_core_wall_us(core, core->now.mono_us) / 1000;
	const struct fg_event event = {.kind = FG_EVENT_CERTIFICATE_ENDS,
		.destination = p->conf->name,
		.why = whose[c],
		.since_wall_ms = now_ms,
		.until_wall_ms = ends_ms};
	uint8_t at = ends_ms ? stage(ends_ms - now_ms) : 0;

	if (told->ends_ms != ends_ms)
		*told = (struct fg_certificate_told){.ends_ms = ends_ms};
	if (at > told->stage)
		fg_event_tell(core, &event);
	told->stage = at;
}

int64_t fg_certificates_run(struct fg_core *core, struct fg_now now)
{
	bool any = false;

	if (now.mono_us < core->certificates_due_mono_us)
		return core->certificates_due_mono_us;
	for (size_t i = 0; i < core->publisher_count; i++)
		for (int c = 0; c < FG_CERTIFICATES; c++) {
			look(core, core->publishers[i], (enum fg_certificate)c);
			any |= core->publishers[i]->certificates.ends_ms[c] != 0;
		}
	core->certificates_due_mono_us = any ? now.mono_us + HOUR_US : INT64_MAX;
	return core->certificates_due_mono_us;
}

void fg_core_certificates(
	struct fg_core *core, struct fg_publisher *p, const struct fg_certificates *certificates)
{
	p->certificates = *certificates;
	p->certificates_known = true;
	core->certificates_due_mono_us = 0;
}
