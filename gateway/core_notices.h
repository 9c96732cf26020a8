/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_NOTICES_H
#define FG_GATEWAY_CORE_NOTICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "gateway/core.h"
#include "gateway/core_reckon.h"
#include "gateway/documents.h"
#include "model/item.h"

/* Service notices: what consumers of the data are told of faults, repairs and planned downtime.
 * Part of core_state.h. The set is bounded, kept in the store, and published retained; a notice
 * ends by itself at its time, when it is cleared, or when what a rule saw is over. */

enum fg_notice_cause {
	FG_NOTICE_BY_HAND,
	FG_NOTICE_FAILING,     /* key: DEVICE */
	FG_NOTICE_MAINTENANCE, /* key: DEVICE@since */
	FG_NOTICE_CALIBRATION, /* key: DEVICE/POINT */
	FG_NOTICE_CERTIFICATE, /* key: DESTINATION/WHOSE@end, and ! when it has come */
	FG_NOTICE_ALARM_HOLDS, /* key: DEVICE/POINT/ALARM@limit */
	FG_NOTICE_CAUSES
};

#define FG_NOTICE_KEY 160

struct fg_service_notice {
	struct fg_service_notice *next;
	uint32_t id;
	enum fg_notice_cause cause;
	char key[FG_NOTICE_KEY]; /* of which thing a rule speaks */
	struct fg_notice_given is;
	int64_t created_ms;
	struct fg_reckoned reckoned; /* what follows from when it was made */
	bool begins_now, ends_after; /* its beginning, its end */
	int64_t ended_ms;	/* 0: it is in the list that is published */
	int64_t forget_mono_us; /* of one that has ended: gaps of its time are told until then */
	bool wanted;		/* what the rule saw is still there */
	bool due;		/* the store is yet to be told */
};

struct fg_notices {
	struct fg_service_notice *list; /* in order of id */
	uint32_t last_id;
	bool last_due;
	bool changed;	      /* points and topics are yet to learn of it */
	int64_t marked_ms;    /* when points were marked, */
	int64_t next_edge_ms; /* and when another notice comes into force, or ends */
	int64_t look_mono_us;
	uint64_t not_told; /* rules asked for more than there is room for */
};

/* core_notices.c */
/* Looks what begins, ends and is due; returns when to look again. */
int64_t fg_notices_run(struct fg_core *core, struct fg_now now);
/* Another configuration: its points are marked anew. */
void fg_notices_reloaded(struct fg_core *core);
int fg_notices_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len);
void fg_notices_free(struct fg_core *core);
/* The number of the newest notice that speaks of the series and was in force at a time from <=
 * t <= to; 0: none. */
uint32_t fg_notices_of(const struct fg_core *core, const struct fg_point_desc *desc,
	int64_t from_ms, int64_t to_ms);
/* A rule sees that this is so: it is told from now on, or goes on. NULL: there is no room. Texts
 * are made where it is new. why: for people; may be NULL. */
struct fg_service_notice *fg_notices_want(struct fg_core *core, enum fg_notice_cause cause,
	const char *key, const struct fg_notice_given *given, const char *why);
/* What a rule sees is not known now: what it told before goes on. */
void fg_notices_keep(struct fg_core *core, enum fg_notice_cause cause, const char *key);

/* core_notice_rules.c: wants what the configuration's rules ask for */
void fg_notice_rules(struct fg_core *core, int64_t now_ms);
bool fg_notice_rules_on(const struct fg_core *core);
/* core_notice_words.c: those of certificates and alarms, with texts of their own */
void fg_notice_certificates(struct fg_core *core, int64_t now_ms);
void fg_notice_alarms(struct fg_core *core);

/* core_notice_tell.c */
/* Fills in the languages that are not given. */
void fg_notice_write_texts(const struct fg_config *config, enum fg_notice_cause cause,
	const char *why, struct fg_notice_given *notice);
/* The titles of what is affected, with ; between. */
void fg_notice_put_affected(
	struct fg_buf *out, const struct fg_config *config, const char *affected);
/* A text that is too long ends between two characters. */
void fg_notice_take_text(char ret[FG_NOTICE_TEXT], const struct fg_buf *text);
extern const struct fg_document_kind fg_document_notices;
void fg_notices_status(const struct fg_core *core, struct fg_json *j);

#endif
