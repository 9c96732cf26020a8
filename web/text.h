/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_TEXT_H
#define FG_WEB_TEXT_H

#include "model/qc.h"
#include "web/view.h"

/* The words of the status page, in the order of enum fg_language: nb, nn, en. */

enum fg_text {
	FG_TEXT_SKIP,
	FG_TEXT_LANGUAGE,
	FG_TEXT_UPDATED,
	FG_TEXT_OLD, /* what is shown is old */
	FG_TEXT_NOTICES,
	FG_TEXT_FROM,
	FG_TEXT_UNTIL,
	FG_TEXT_STATIONS,
	FG_TEXT_QUANTITY,
	FG_TEXT_VALUE,
	FG_TEXT_QUALITY,
	FG_TEXT_MEASURED,
	FG_TEXT_LAST_DAY,
	FG_TEXT_LAST_DAY_OF, /* "the last day: from 1 to 2" */
	FG_TEXT_TO,
	FG_TEXT_NO_READING,
	FG_TEXT_TIME_UNKNOWN,
	FG_TEXT_LATE, /* no newer reading has come, though one was due */
	FG_TEXT_ALARM,
	FG_TEXT_MAINTENANCE,
	FG_TEXT_DEVICES,
	FG_TEXT_DEVICE,
	FG_TEXT_STATE,
	FG_TEXT_SINCE,
	FG_TEXT_REASON,
	FG_TEXT_LAST_ANSWER,
	FG_TEXT_ALL_WELL,
	FG_TEXT_MORE,
	FG_TEXT_DESTINATIONS,
	FG_TEXT_DESTINATION,
	FG_TEXT_WAITING, /* readings that wait */
	FG_TEXT_OLDEST,
	FG_TEXT_CALIBRATION,
	FG_TEXT_DUE,
	FG_TEXT_OVERDUE,
	FG_TEXT_GATEWAY,
	FG_TEXT_CLOCK,
	FG_TEXT_CLOCK_RIGHT,
	FG_TEXT_CLOCK_WRONG,
	FG_TEXT_STORE,
	FG_TEXT_STORE_OF, /* "3 of 512 MiB" */
	FG_TEXT_STORE_FAILS,
	FG_TEXT_STARTED,
	FG_TEXT_VERSION,
	FG_TEXT_DATA,
	FG_TEXT_LICENCE,
	FG_TEXT_CONTACT,
	FG_TEXT_AGO,
	FG_TEXT_ALL_STATIONS,
	FG_TEXT_COUNT
};

const char *fg_text(enum fg_text what, int language);
/* "nb"; "Bokmål" */
const char *fg_text_code(int language);
const char *fg_text_language(int language);
/* What a quality flag says, in a word. */
const char *fg_text_quality(enum fg_qc qc, int language);
/* A device's or a destination's state; the state itself where it is not known. */
const char *fg_text_state(const char *state, int language);
/* A reason such as "no_response" or "exception:2" in words; NULL: there are none. */
const char *fg_text_reason(const char *reason, int language);
/* "fault", "repair", "planned" */
const char *fg_text_notice(const char *kind, int language);

#endif
