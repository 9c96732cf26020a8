/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONFIG_QC_TEXT_H
#define FG_GATEWAY_CONFIG_QC_TEXT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/report.h"
#include "model/point.h"

/* The quality tests of a point as a text: what `fjordctl qc` asks the daemon for, and what it lays
 * other thresholds over. */

/* What is in force, defaults and all, as a member of an open object: JSON in the words of `qc:`, so
 * that fg_qc_read makes the same tests of it. */
void fg_qc_put(struct fg_json *j, const char *key, const struct fg_qc_conf *qc);

/* Lays "TEST.KEY=VALUE" or "TEST=VALUE" (VALUE as in a configuration: `off`, a mapping; `~` takes
 * away) over a text of fg_qc_put, with the checks and messages of the configuration; the places
 * of faults name the setting. What it returns lives in the arena. FG_ECONFIG with a fault. */
int fg_qc_read(struct fg_arena *arena, const char *text, const char *const *sets, size_t count,
	double interval_s, struct fg_report *rep, struct fg_qc_conf *ret);

#endif
