/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_STORAGE_SPOOL_PRIVATE_H
#define FG_STORAGE_SPOOL_PRIVATE_H

#include "storage/span.h"
#include "storage/spool.h"
#include "storage/sql.h"

/* What the files of the writer share. */

#define FG_SEQ_MAX (UINT64_C(1) << 62)
#define FG_POINTS_MAX 1000000

/* Rows of `loss` without any time are told once the store knows some (?2, 0: it knows none). */
#define FG_LOSS_TELLABLE                                                                           \
	" (destination = ?1 OR destination = '') AND (from_ms <= to_ms OR ?2 > 0)"

/* The statements that are kept prepared; their texts are in open.c. */
enum fg_spool_statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_RESERVED,
	ST_RESERVE,
	ST_APPEND,
	ST_SPAN_ADD,
	ST_DELIVERY,
	ST_DELIVERY_SET,
	ST_DELIVERY_FORGET,
	ST_POINT_FIND,
	ST_POINT_ADD,
	ST_ROWS,
	ST_FIRST,
	ST_SPANS,
	ST_DELETE_ROWS,
	ST_DELETE_SPANS,
	ST_DELETE_BOOTS,
	ST_PAGES,
	ST_PAGES_FREE,
	/* eras, corrections, ledger */
	ST_ERA,
	ST_ERA_ADOPT,
	ST_ERA_BEGIN,
	ST_ERA_SET,
	ST_ERA_WEAK,
	ST_ERA_CONFIRM,
	ST_ERA_WEAK_CLEAN,
	ST_ERA_OPEN,
	ST_ERA_BEFORE,
	ST_ROW_BEFORE,
	ST_RESTAMP_ADD,
	ST_RESTAMP_JOB,
	ST_RESTAMP_STEP,
	ST_RESTAMP_SPAN,
	ST_RESTAMP_ROW,
	ST_RESTAMP_CLEAN,
	ST_LEDGER,
	ST_LEDGER_SET,
	ST_LEDGER_FORGET,
	ST_FREED_CLEAN,
	ST_LEDGER_FIRST,
	/* notes */
	ST_STATE,
	ST_STATE_SIZE,
	ST_STATE_SET,
	ST_STATE_FORGET,
	/* losses, removed destinations: asked at each tidying */
	ST_NEWEST,
	ST_LOSS_ANY,
	ST_LOSSES,
	ST_GRACE_BEGIN,
	ST_REMOVED,
	ST_COUNT
};

enum fg_group_state {
	GROUP_NONE,
	GROUP_OPEN,
	GROUP_FAILED, /* to be rolled back */
};

/* How max_bytes is shared out (README.md, The size). */
struct fg_spool_limits {
	int64_t keep_ms;
	enum fg_when_full when_full;
	int64_t page_size;  /* of this database */
	int64_t wal_pages;  /* written back from here on */
	int64_t wal_bytes;  /* no group is begun while the write-ahead log is longer */
	int64_t reserve_bytes;
	int64_t pages_max;  /* of the database file */
	int64_t pages_high; /* in use: from here on, the oldest rows go */
	int64_t pages_low;  /* down to here */
	int64_t state_bytes; /* of all notes together */
};

/* A descriptor that got its id and is not yet committed. */
struct fg_pending_point {
	struct fg_pending_point *next;
	uint32_t id;
	size_t len;
	unsigned char bytes[];
};

/* What a rollback takes back. */
struct fg_spool_tail {
	uint64_t last_seq; /* 0: nothing was ever appended */
	uint64_t rows;
	struct fg_span open;
	uint32_t next_era;
	int64_t state_bytes; /* of all notes */
};

struct fg_spool {
	sqlite3 *db;
	sqlite3_stmt *st[ST_COUNT];
	char *file, *mark, *wal, *shm, *reserve;
	struct fg_spool_limits limits;
	enum fg_group_state group;
	struct fg_spool_tail now, before;
	uint64_t next_seq, reserved;
	uint64_t stored_reserved; /* what the database says; above `reserved` if the mark failed */
	bool new_store, salvaged;
	bool damaged; /* the last failure says so of the file */
	uint32_t era; /* of this start */
	char boot_id[64];
	uint32_t next_point;
	struct fg_pending_point *pending;
	uint64_t dropped;
	int64_t used_pages, used_at; /* pages in use, -1: unknown; after which changes */
	bool lossless; /* there is no loss to tell */
	bool full; /* appends are refused (drop-newest) */
	unsigned char *domains; /* of points by id: 0 not known yet, else 1 + domain (loss.c) */
	size_t domain_cap;
	struct fg_thin *thin; /* what thin.c keeps in memory */
	bool shrinking, expiring; /* from the high to the low bound in one go */
	bool starved; /* the disk was full, and the ballast is not there again */
	char error[256];
};

/* Notes the text of a failure, and what was being done; returns status. */
int fg_spool_fail(struct fg_spool *s, int status, const char *doing);

/* The same within a group: from here on nothing of it may be stored, it must be rolled back. */
int fg_spool_fail_group(struct fg_spool *s, int status, const char *doing);

/* At open, with the open span found: the era of this start. */
int fg_spool_begin_era(struct fg_spool *s, const char *boot_id);

void fg_spool_forget_pending(struct fg_spool *s);

/* At open: how large the notes are. */
int fg_spool_load_state(struct fg_spool *s);

/* Of a store that begins anew. */
uint64_t fg_first_number(const struct fg_spool_conf *conf);

/* ---- reserve.c ---- */

/* Holds room, where it does not and there is enough (spool I14). */
void fg_reserve_keep(struct fg_spool *s);

/* ---- thin.c ---- */

struct fg_thin;
void fg_thin_free(struct fg_thin *thin);

/* ---- room.c: dropping what somebody still lacks ---- */

/* One bounded step within the numbers below tidy->drop_below: FG_TIDY_MORE, or FG_TIDY_WANTS_ROOM
 * where nothing there may go. `owed` are all destinations, removed ones too. */
int fg_room_step(struct fg_spool *s, const struct fg_tidy *tidy, const struct fg_owed *owed,
	size_t count);

/* Pages in use in the database file. */
int fg_spool_used_pages(struct fg_spool *s, int64_t *ret);

#endif
