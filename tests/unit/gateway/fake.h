/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_GATEWAY_FAKE_H
#define TESTS_GATEWAY_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "drivers/driver.h"
#include "gateway/core.h"
#include "gateway/hours.h"
#include "gateway/core_state.h"

/* The world around a core: invented time, a store that commits when told, a broker for each
 * destination, devices that answer when told. Nothing happens by itself. */

#define SEC INT64_C(1000000)
#define FAKE_WALL_US INT64_C(1790000000000000) /* a multiple of 10 s */
#define FAKE_FIRST_SEQ 1000
#define FAKE_STORED_MAX 16384
#define FAKE_SENT_MAX 16384
#define FAKE_POLLS_MAX 65536

/* A message that the broker got. */
struct fake_sent {
	uint64_t seq; /* 0: a document */
	uint64_t token;
	uint32_t epoch;
	int64_t mono_us;
	bool retain, not_stored, uncertain;
	bool empty; /* what is retained is to be cleared */
	uint64_t replaces;
	char topic[80], time[32];
	uint8_t encoder;
	char pack[1024]; /* the payload, or its beginning */
};

struct fake_broker {
	const char *name;
	bool connecting, online, no_room;
	uint32_t epoch;
	size_t server;
	int64_t asked_us; /* when the last attempt came */
	unsigned connects, disconnects;
	struct fake_sent *sent;
	size_t sent_count, acked; /* acked: of sent, in order */
	char document[2048];      /* the last of a status */
	struct fg_page *page;     /* asked for and not filled yet */
	unsigned pages;
	struct fg_ranges saved;
	unsigned saves;
};

struct fake_reading {
	struct fg_item item;
	int64_t mono_us;
	bool has_wall, earlier_boot, gone;
	struct fg_gap gap; /* item.gap and item.account point here */
	struct fg_account account;
	struct fg_account_line *lines;
	struct fg_aggregate aggregate; /* item.aggregate points here */
	uint32_t era;
};

/* Numbers that the core gave to the store. */
struct fake_lot {
	const char *destination;
	uint64_t first;
	unsigned max;
};

#define FAKE_NOTES_MAX 128
struct fake_note {
	char kind[32], key[128];
	void *bytes; /* NULL: none */
	size_t len;
	bool told; /* fg_core_noted() */
};

struct fake_poll {
	const struct fg_group *group;
	unsigned attempts;
	int64_t timeout_us, mono_us, wall_us;
};

struct fake {
	unsigned bundles; /* that came through */
	bool bundle_full; /* they do not, beginning with the next */
	bool bundle_lost; /* the one under way */
	bool save_fails; /* delivery state is not taken */
	char dir[48], file[80];
	struct fg_config *config;
	struct fg_series_set series;
	struct fg_core *core;
	struct fg_now now;
	struct fg_core_start start;

	struct fake_broker brokers[2];

	struct fake_reading *stored; /* by seq - FAKE_FIRST_SEQ; committed below committed_next */
	uint64_t appended_next, committed_next;
	bool store_full, store_silent, reserve_fails, offset_fails, page_fails;
	uint64_t reserve_asked;
	unsigned reserves, offsets, watched;
	bool has_offset;
	int64_t offset_us; /* of the era of this start */
	uint32_t uncertainty_s;
	struct fg_era eras[16], jobs[16]; /* what the store was told: times, corrections */
	size_t era_count, job_count;
	struct fake_lot restamp, losses; /* given away; max 0: none */
	unsigned lots;
	struct fg_ranges owed_unacked, owed_doubt; /* of the first destination */
	uint64_t drop_below;
	unsigned rooms;
	bool room_fails;
	int64_t expire_now_ms;
	uint64_t expire_below;
	unsigned expires;

	struct fake_poll *polls;
	size_t poll_count;

	bool ledger_full;
	struct fg_ledger_row rows[16]; /* by device, as they were set last */
	size_t row_count;
	struct fg_ledger_row durable_rows[16];
	size_t durable_count;

	struct fake_note notes[FAKE_NOTES_MAX], durable_notes[FAKE_NOTES_MAX];
	unsigned notes_set;
	unsigned subscribed;
	char filter[80]; /* the last */
	bool remember; /* it keeps the lists of what is retained */
};

/* fake_notes.c */
int fake_port_set_state(
	void *arg, const char *kind, const char *key, const void *bytes, size_t len);
void fake_notes_commit(struct fake *f);
void fake_notes_restart(struct fake *f);
void fake_notes_fini(struct fake *f);

/* A configuration of its own text, and a core at work on it that knows the time, or not yet. */
/* fake_before_start, where set, changes what the core is told of the store. */
extern void (*fake_before_start)(struct fg_core_start *start);
void fake_init(struct fake *f, const char *yaml);
void fake_init_untimed(struct fake *f, const char *yaml);
/* The store has recorded the boot's time. */
void fake_timed(struct fake *f);
void fake_fini(struct fake *f);
/* The process ended and starts again on what was committed; nobody knows the time yet. The store's
 * rows of the ledger, and what it knows of the time since, are handed over as at a start. */
void fake_restart(struct fake *f);
/* Loads another text and reloads the core, as the daemon does. */
void fake_reload(struct fake *f, const char *yaml);
/* Only the configuration; free with fg_config_unref. */
struct fg_config *fake_load(struct fake *f, const char *yaml);

const struct fg_group *fake_group(const struct fake *f, const char *device, size_t i);
struct fg_device_run *fake_device(const struct fake *f, const char *device);
struct fg_publisher *fake_publisher(const struct fake *f, size_t i);

/* Time passes, then the core has its turn. */
int64_t fake_turn(struct fake *f, int64_t after_us);

/* A poll of the group ends now: every point has the value, or the reason. */
void fake_answer(struct fake *f, const struct fg_group *group, double value);
void fake_fail(struct fake *f, const struct fg_group *group, enum fg_reason reason);
/* The same, and committed: a reading that may go out. Returns its number. */
uint64_t fake_reading(struct fake *f, const struct fg_group *group, double value);

/* How many entries of that kind were appended. */
size_t fake_stored(const struct fake *f, enum fg_item_kind kind);
void fake_commit(struct fake *f);
/* Of the lot that was given away for corrections (destination NULL) or losses `used` are stored. */
void fake_used(struct fake *f, struct fake_lot *lot, unsigned used, bool more);
/* The store corrects n readings, from the index-th on, under numbers from first on. */
void fake_correct(struct fake *f, unsigned n, size_t index, uint64_t first, bool more);
/* Runs the core until its answers to what happened are out. */
void fake_settle(struct fake *f);

void fake_connect(struct fake *f, struct fake_broker *b, bool session_present);
void fake_lose(struct fake *f, struct fake_broker *b);
/* Acknowledges the next n messages with the code. */
void fake_ack(struct fake *f, struct fake_broker *b, size_t n, int code);
void fake_ack_all(struct fake *f, struct fake_broker *b);
/* Fills the page that was asked for and hands it in, if there is one. */
bool fake_page(struct fake *f, struct fake_broker *b);

/* Of what the broker got from index `from` on: the i-th reading; how often the number came; how
 * many documents. */
const struct fake_sent *fake_sent_reading(const struct fake_broker *b, size_t from, size_t i);
static inline size_t fake_count(const struct fake_broker *b, size_t from, uint64_t seq)
{
	size_t n = 0;

	for (; from < b->sent_count; from++)
		n += b->sent[from].seq == seq;
	return n;
}

size_t fake_readings(const struct fake_broker *b, size_t from);
/* The same of readings, gaps and accounts together. */
const struct fake_sent *fake_sent_entry(const struct fake_broker *b, size_t from, size_t i);
size_t fake_entries(const struct fake_broker *b, size_t from);

/* One device `sonde` with one point each minute, one destination `town`. */
extern const char fake_yaml[];
/* Head of a configuration without devices, destinations and links. */
#define FAKE_HEAD                                                                                  \
	"gateway: {id: gw, title: T, operator: O, licence: CC0-1.0}\n"                             \
	"stations: {pier: {title: Pier}, park: {title: Park}}\n"                                   \
	"storage: {file: readings.db}\n"                                                           \
	"clock: {trust: always}\n"
#define FAKE_TOWN                                                                                  \
	"mqtt: {town: {servers: [\"mqtt://127.0.0.1:1\"], prefix: town, inflight: 100}}\n"
#define FAKE_LINK "links: {plc: {driver: modbus-tcp, host: 127.0.0.1}}\n"

#endif
