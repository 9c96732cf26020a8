/* SPDX-License-Identifier: EUPL-1.2 */
/* Times that people give while nobody knows the time. */
#include "base/cleanup.h"
#include "gateway/core_reckon.h"
#include "gateway/core_state.h"

int64_t fg_reckon_now_ms(const struct fg_core *core)
{
	int64_t up_us = core->now.mono_us - core->started_mono_us;

	if (fg_core_timed(core))
		return core->now.wall_us / 1000;
	return FG_MAX(core->now.wall_us, core->time.newest_ms * 1000 + up_us) / 1000;
}

int64_t fg_reckon_given_ms(const struct fg_core *core, int64_t ms)
{
	return ms > 0 && ms < FG_CLOCK_OLDEST_MS ?
		       ms + fg_reckon_now_ms(core) - core->now.wall_us / 1000 : ms;
}

struct fg_reckoned fg_reckon_from_now(const struct fg_core *core)
{
	return (struct fg_reckoned){.open = !core->trusted,
		.mono_us = core->now.mono_us,
		.at_ms = fg_reckon_now_ms(core)};
}

int64_t fg_reckoned_by_ms(const struct fg_core *core, struct fg_reckoned *r)
{
	int64_t by_ms;

	if (!r->open || !fg_core_timed(core))
		return 0;
	by_ms = fg_core_wall_us(core, r->mono_us) / 1000 - r->at_ms;
	r->at_ms += by_ms;
	r->open = !core->trusted; /* an estimate may yet be corrected */
	return by_ms;
}
