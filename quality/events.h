/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_QUALITY_EVENTS_H
#define FG_QUALITY_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/alarm.h"
#include "model/point.h"
#include "model/value.h"

/* What makes a reading worth telling, as pure functions: change, and alarms. Any thread. */

/* A value that was told, without what it lent. */
struct fg_told_value {
	struct fg_value value; /* of texts only the kind */
	uint64_t hash;	       /* of a text */
};

struct fg_told_value fg_told_value(const struct fg_value *v);

/* Whether a value differs from one that was told by at least `by`; texts, booleans and kinds that
 * are not alike: at all. What a number lost when it became binary is no difference: 19.4 and 19.3
 * differ by 0.1. */
bool fg_value_changed(const struct fg_told_value *told, const struct fg_value *v, double by);

/* One point's alarm between two readings. Zero: nothing is known. */
struct fg_alarm_state {
	enum fg_alarm holds;
	bool has_last;
	double last;
	int64_t last_us;     /* on the clock of the calls */
	int64_t exceeded_us; /* when its rate was exceeded last */
};

/* Takes a reading's value into account and returns what holds now. Above and below go before rate.
 * calm_us: a rate alarm ends when it was not exceeded for so long. Readings that are not later than
 * the one before say nothing of a rate. */
enum fg_alarm fg_alarm_judge(const struct fg_alarm_conf *conf, struct fg_alarm_state *s, double v,
	int64_t at_us, int64_t calm_us);

#endif
