/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_PUBLISHER_H
#define FG_GATEWAY_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "gateway/budget.h"
#include "gateway/config/config.h"
#include "gateway/recent.h"
#include "gateway/rejects.h"
#include "gateway/series.h"
#include "gateway/sparkplug.h"
#include "gateway/tls/certificates.h"
#include "gateway/topic_set.h"
#include "protocol/encoder.h"
#include "storage/ranges.h"

/* Delivery to one destination: what it has not acknowledged, in which order that goes out, and
 * when to connect. Part of the core: time and events come as arguments, effects go through ports.
 *
 * Four lanes, in this order of right of way:
 *   documents  status and device states, retained, when they changed
 *   first      on a new connection the newest reading of every point, retained
 *   live       what was committed since, retained; with `batch` by device, after a while
 *   backlog    everything older that is not acknowledged, in order of seq, at backlog_rate
 *
 * Gaps, accounts and corrections that the store made have no place in the ring of recent readings:
 * they go the way of the backlog. A live reading that waits too long for its commit goes out before
 * it, marked `stored: false`.
 *
 * `unacked` is the truth that is stored; `backlog` is what this connection has yet to send of it.
 * A reading goes out in each payload of the destination, alone or with those that its device gave
 * with it, and is acknowledged when all messages are that carry it.
 *
 * A number is in exactly one place while connected: in backlog, in flight, ahead in the live lane,
 * gathered for a batch, or held for want of a true time. When a connection is lost, what was in
 * flight is still in unacked, so nothing is lost and only what was in flight goes out twice. */

#define FG_PAGE_ITEMS 256
/* So many readings of all devices wait for their batch; sets of numbers stay short so. */
#define FG_BATCH_MAX 1024

/* Readings of the backlog on their way from the store. Filled by the reader, owned by it from
 * read_page() until fg_publisher_page(). Memory is taken once. */
struct fg_page {
	bool orphan;	     /* its publisher is gone: whoever holds it frees it */
	uint64_t from, to;   /* asked for */
	uint64_t scanned_to; /* every stored reading of [from, scanned_to) is in the page */
	int status;	     /* negative: the store could not be read */
	size_t count;
	struct fg_item items[FG_PAGE_ITEMS];
	const struct fg_point_desc *descs[FG_PAGE_ITEMS];
	bool uncertain[FG_PAGE_ITEMS]; /* true time unknown */
	char text[16384]; /* texts, gaps and accounts of the items; aligned for any of them */
	size_t text_len;
};

/* Copies an entry with all that it points to, but for the descriptors, which live as long as the
 * reader. Not 0 where the page is full; scanned_to is set then. */
int fg_page_add(struct fg_page *page, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain);

struct fg_message {
	uint64_t token; /* comes back with the acknowledgement */
	const char *topic;
	const void *payload;
	size_t len;
	uint8_t encoder; /* FG_ENCODER_json and so on */
	bool retain;
	bool document; /* JSON that is no reading */
	/* QoS 0, as Sparkplug wants of births and data; it counts as acknowledged when the broker
	 * has answered something that was sent after it */
	bool at_most_once;
};

/* What a broker said of itself as it took the connection (MQTT 5). */
struct fg_limits {
	unsigned inflight;    /* messages that it takes unacknowledged; 0: it has not said */
	uint32_t packet;      /* bytes; 0: it has not said */
	unsigned keepalive_s; /* 0: ours */
	int qos;
	bool no_retain;
};

const char *fg_certificate_of(enum fg_certificate c);

/* Of which end, and how near it was, the log has told. */
struct fg_certificate_told {
	int64_t ends_ms;
	uint8_t stage;
};

/* A token is the number of the first reading in the message, with the encoder above it. */
#define FG_TOKEN_DOCUMENT (UINT64_C(1) << 63)
#define FG_TOKEN_CLEAR (FG_TOKEN_DOCUMENT | UINT64_C(1) << 62)
#define FG_TOKEN_SEQ(token) ((token) & ((UINT64_C(1) << 56) - 1))

struct fg_publisher;

enum fg_pub_document {
	FG_PUB_NO_DOCUMENT, /* there is none (any more) */
	FG_PUB_DOCUMENT_TOO_LONG, /* its topic is written */
	FG_PUB_DOCUMENT,
	FG_PUB_DOCUMENT_WHEN_CHANGED, /* not where the same was sent on this connection */
};

/* What was sent last under a topic, by hashes of both. */
struct fg_pub_sent {
	uint64_t topic, bytes;
};

/* Effects. None may block or call back into the publisher. */
struct fg_publisher_ports {
	void (*connect)(void *arg, struct fg_publisher *p, size_t server, uint32_t epoch);
	/* Ends the connection; a clean one says goodbye, so that no will is sent. */
	void (*disconnect)(void *arg, struct fg_publisher *p);
	/* Has a look whether another server takes connections; fg_publisher_door() says. */
	void (*look)(void *arg, struct fg_publisher *p, size_t server, uint32_t epoch);
	/* Takes copies of all n messages, or of none. FG_EFULL: not now. */
	int (*publish)(
		void *arg, struct fg_publisher *p, const struct fg_message *m, size_t n);
	/* Starts filling p's page with [from, to). */
	void (*read_page)(void *arg, struct fg_publisher *p, struct fg_page *page);
	/* Has unacked stored with the next group commit. */
	int (*save)(void *arg, struct fg_publisher *p, const struct fg_ranges *unacked);
	/* Writes document `id` into out. */
	enum fg_pub_document (*document)(void *arg, struct fg_publisher *p, size_t id,
		struct fg_buf *topic, struct fg_buf *payload);
	/* Whether a device answers now. */
	bool (*device_up)(void *arg, const struct fg_device *device);
	/* Stores gaps, and in the same transaction what is not acknowledged beside them; FG_EFULL:
	 * not now. */
	int (*gaps)(void *arg, struct fg_publisher *p, const struct fg_item *items, size_t n,
		const struct fg_ranges *unacked);
	void *arg;
};

/* A reading, gap or account on its way. */
struct fg_carried {
	uint64_t seq;
	int64_t wall_ms;
	uint32_t point;
	uint8_t refused; /* reason code of the message that decides; 0: not refused */
	bool reading;	 /* and no correction */
	bool counts;	 /* one that is no announcement and not asked for again */
};

/* What goes out together: the readings that a device gave at a time, in all payloads. They are
 * acknowledged when all messages of the parcel are. */
struct fg_parcel {
	uint32_t id;
	uint32_t from, count; /* of `carried` */
	uint32_t messages, waiting;
};

/* A message that is sent and not acknowledged. */
struct fg_flight {
	uint64_t token;
	uint32_t parcel; /* its id */
	uint16_t entry;	 /* of the parcel, where it carries one only */
	bool whole;	 /* it carries all of the parcel */
	bool decides;	 /* whether the broker takes the readings */
	bool done;
	uint32_t document; /* bytes of one; 0: of a parcel */
};

/* An encoder at work for the destination, and what it has sent. */
struct fg_payload {
	uint8_t number;
	const struct fg_encoder *encoder;
	void *state;
	size_t first_document, documents;    /* among the publisher's */
	uint64_t messages, readings, bytes; /* bytes: of topics and payloads */
};

/* publisher_untold.c: documents that do not go out; each is told once, in log and status. */
#define FG_PUB_UNTOLD_MAX 16
enum fg_pub_untold_why {
	FG_PUB_TOO_LONG,	    /* for us */
	FG_PUB_TOO_LONG_FOR_BROKER, /* it has said how long a packet may be */
	FG_PUB_DENIED,		    /* code: of the broker */
	FG_PUB_BREAKS,		    /* the broker ends the connection when it comes */
};
struct fg_pub_untold {
	uint64_t id;
	enum fg_pub_untold_why why;
	uint8_t code;
	char topic[160];
};

/* publisher_suspect.c: a message on which the broker ends the connection each time would be sent
 * for ever. Where connections end again and again, each message waits for the acknowledgement of
 * the one before, so that it is known which one it is. */
#define FG_PUB_BAD_MAX 16
#define FG_PUB_SHUNNED 16
struct fg_pub_suspect {
	uint64_t id;	   /* of the message that was on its way as the last ones ended */
	unsigned closings; /* so many in a row, with anything on its way */
	unsigned alone_closings; /* of these: with that message alone on its way */
	bool alone;
	bool landed; /* something was acknowledged on this connection */
	bool blamed; /* a reading was given up, and none was taken since */
	/* points of which messages were given up, and none was taken since */
	struct fg_pub_bad {
		uint64_t key;
		unsigned given_up;
		int64_t mono_us; /* of the last */
	} bad[FG_PUB_BAD_MAX];
	size_t bad_count;
	uint64_t shunned[FG_PUB_SHUNNED]; /* the last numbers that were given up */
	uint64_t given_up;		  /* messages, all in all */
};

enum fg_publisher_state {
	FG_PUB_WAITING, /* for its next attempt */
	FG_PUB_CONNECTING,
	FG_PUB_ONLINE,
	FG_PUB_STOPPED,
};

struct fg_publisher {
	const struct fg_destination *conf;
	struct fg_config *config; /* held */
	const char *gateway;
	const struct fg_publisher_ports *ports;
	struct fg_rng *rng;
	const struct fg_recent *recent;
	const struct fg_series_set *series;

	enum fg_publisher_state state;
	uint32_t epoch; /* of the connection; events of an older one are stale */
	size_t server;
	int64_t state_since_wall_ms;
	int64_t next_attempt_mono_us, online_since_mono_us;
	int64_t outage_mono_us; /* when the present trouble began */
	char error[128];	/* why it is not online; empty when it is */
	bool error_logged, broker_refused;
	bool conflict; /* another gateway has our id there; until the next start */

	struct fg_ranges unacked;
	bool unacked_dirty;
	int64_t saved_mono_us;

	uint64_t committed_next; /* numbers below are durable */
	uint64_t live_next;
	struct fg_ranges backlog;
	struct fg_ranges held; /* of unacked: wait for their true time */
	/* of unacked: sent on an earlier connection; nobody knows whether they arrived */
	struct fg_ranges doubt;
	struct fg_ranges again;	 /* of unacked: asked for by people (backfill); never retained */
	struct fg_rejects rejects;
	uint64_t frozen_below; /* the store may drop what is below: it is not published now */
	bool commit_first; /* the store may refuse what waits, and tells so: nothing goes early */
	/* publisher_batch.c: of unacked, below live_next: gathered, and not yet sent */
	struct fg_ranges batch;
	uint64_t batch_to;     /* the live lane may go so far */
	uint64_t batch_seen, batch_urgent;
	size_t first_next;     /* index into series; series->count: done */
	bool first_all;	       /* the broker has no session of ours: everything goes again */
	uint8_t *dirty;	       /* a flag for each document: the gateway's, then encoders' */
	size_t dirty_count, dirty_any, core_documents;
	struct fg_pub_sent *sent; /* on this connection, of those that are sent when changed */
	size_t sent_count;
	/* core_retained.c */
	size_t retained_topics;
	uint32_t listen_epoch; /* core_conflicts.c: of the connection on which it was asked */
	size_t listen_next;    /* the next station to ask for */
	int64_t heard_by_us;   /* what was asked for has come by then, if it is there */
	bool hold; /* nothing goes out yet: what is retained is to be noted first */
	const struct fg_topic_set *clear; /* lent; NULL: nothing is to be cleared */
	struct fg_topic_cursor *clear_at;
	bool clear_pending; /* a topic is at hand that had no room */
	uint64_t clear_after; /* readings below may yet go out under those topics */
	size_t clears_out;    /* not acknowledged */
	bool clear_sent, cleared; /* all of them; and acknowledged */

	struct fg_page *page;
	bool page_pending, page_valid;
	bool page_stale; /* the pending page was read before the true time was known */
	size_t page_at;
	int64_t page_retry_mono_us;
	uint64_t oldest_seq, oldest_asked; /* owed; of which the time is known, and was asked for */
	int64_t oldest_ms;		   /* 0: not known */
	double tokens; /* of the rate limit */
	int64_t tokens_mono_us;

	struct fg_payload *payloads;
	size_t payload_count;
	struct fg_site site;
	struct fg_spark *spark; /* NULL: this is no destination for Sparkplug */
	unsigned pack_max; /* readings that go out together */
	char *scratch;	   /* the messages of a parcel while they are made */
	size_t scratch_size;
	struct fg_message *messages;
	struct fg_flight *drafts; /* of the messages */
	size_t message_max;

	struct fg_flight *flights; /* in order of sending; some are done */
	size_t flight_from, flight_to;
	struct fg_parcel *parcels; /* of the flights, likewise */
	size_t parcel_from, parcel_to;
	uint32_t next_parcel;
	struct fg_carried *carried; /* of the parcels, likewise */
	size_t carried_to, carried_now, carried_max; /* now: of those that wait */
	unsigned in_flight, window; /* messages */
	size_t document_bytes;	    /* of documents in flight */
	bool blocked; /* the session had no room; wait for an acknowledgement */
	bool stopping;
	int64_t stop_mono_us;
	int64_t now_mono_us, progress_mono_us; /* of this run; of the last acknowledgement */
	int64_t now_wall_ms;

	struct fg_budget budget;
	/* the part of an account that is selected */
	struct fg_account part;
	struct fg_account_line part_lines[FG_ACCOUNT_LINES];
	uint64_t kept_back;
	/* the way back to the first server (publisher_link.c) */
	bool returning; /* nothing more goes out here */
	int64_t look_mono_us, returning_mono_us;
	int64_t return_pause_us; /* grows while the first does not hold */
	/* our own `offline` was seen and is to be corrected then; 0: no. The pause grows too */
	int64_t correct_mono_us, corrected_mono_us, correct_pause_us;
	struct fg_limits limits; /* of the broker that we are, or were last, connected to */
	struct fg_certificates certificates;
	bool certificates_known; /* since the start */
	struct fg_certificate_told certificates_told[FG_CERTIFICATES];
	uint64_t connections;

	unsigned losses;  /* that wait in the store for this destination */
	bool losses_out; /* numbers for them are given away */
	int64_t losses_due_mono_us;

	uint64_t published, acknowledged; /* readings, without corrections */
	uint64_t refused, not_stored;
	int refused_code;
	uint8_t refused_told[32]; /* bits of the reason codes that the log has told */

	struct fg_pub_untold untold[FG_PUB_UNTOLD_MAX];
	size_t untold_count;
	uint64_t untold_more; /* that have no place there */
	struct fg_pub_suspect suspect;
};

/* `unacked` is taken over. window: how many messages the session takes at once. */
int fg_publisher_init(struct fg_publisher *p, struct fg_config *config,
	const struct fg_destination *conf, const struct fg_publisher_ports *ports,
	struct fg_rng *rng, const struct fg_recent *recent, const struct fg_series_set *series,
	struct fg_ranges *unacked, size_t documents, uint64_t committed_next);
void fg_publisher_fini(struct fg_publisher *p);

/* Does what is due; returns when it wants to be called again at the latest (mono µs). */
int64_t fg_publisher_run(struct fg_publisher *p, struct fg_now now);

/* Numbers below committed_next are durable now. */
void fg_publisher_committed(struct fg_publisher *p, struct fg_now now, uint64_t committed_next);

/* The true time of this boot is known and stored: what was held goes out. */
void fg_publisher_release(struct fg_publisher *p);

/* The store dropped [from, to): they will never come. */
void fg_publisher_dropped(struct fg_publisher *p, uint64_t from, uint64_t to);

/* What may have arrived and is not acknowledged: in flight, in doubt, or refused and not yet
 * written as gaps. *ret is initialised. */
int fg_publisher_doubt(const struct fg_publisher *p, struct fg_ranges *ret);
/* The first `n` that are not acknowledged, and the last `newest` of those that are stored, were
 * perhaps sent by the last run. */
void fg_publisher_doubt_start(struct fg_publisher *p, uint64_t n, uint64_t newest);
/* Nothing below is published until it is called with 0; then it is read from the store again,
 * which may have dropped some of it. */
void fg_publisher_freeze(struct fg_publisher *p, uint64_t below);
/* What the live lane has not sent begins here; FG_SEQ_END while there is none. */
uint64_t fg_publisher_live_from(const struct fg_publisher *p);
/* Stored readings go out again, not retained; returns how many were not waiting already. */
int64_t fg_publisher_again(struct fg_publisher *p, const struct fg_ranges *ranges);
/* Takes over what a publisher of the same destination knows beyond unacked. */
void fg_publisher_inherit(struct fg_publisher *p, struct fg_publisher *from);

void fg_publisher_touch(struct fg_publisher *p, size_t document);
/* What is retained under these topics (lent until the next call; NULL: none) is cleared, on this
 * connection or a later one, once what is below `after` has gone out; `cleared` says when. */
void fg_publisher_clear(struct fg_publisher *p, const struct fg_topic_set *topics, uint64_t after);
/* The state of a device changed, which documents of encoders may tell. */
void fg_publisher_touch_device(struct fg_publisher *p, const struct fg_device *device);
/* A new configuration may have more documents, or others: all are sent again. */
int fg_publisher_set_documents(struct fg_publisher *p, size_t documents);

void fg_publisher_connected(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool session_present);
/* What the broker said as it took the connection; before fg_publisher_connected(). */
void fg_publisher_limits(
	struct fg_publisher *p, uint32_t epoch, const struct fg_limits *limits);
/* So many bytes more went over the wire, in both directions. */
void fg_publisher_wire(struct fg_publisher *p, uint64_t bytes);
/* Whether the first server takes connections, where another is in use. */
void fg_publisher_door(struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool open);
/* The broker says that we are offline. Whether that is to be corrected now, not later: somebody who
 * says so without end is not answered without end. */
bool fg_publisher_may_correct(struct fg_publisher *p, struct fg_now now);
/* Whether it is now; *next: when to ask again, if that is earlier. */
bool fg_publisher_correction_due(struct fg_publisher *p, struct fg_now now, int64_t *next);
/* A connection, or the attempt at one, ended; `refused`: the broker said no. */
void fg_publisher_lost(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, bool refused, const char *why);
/* code: MQTT 5 reason code, 0 where the version has none; >= 0x80 is a refusal. */
void fg_publisher_acked(
	struct fg_publisher *p, struct fg_now now, uint32_t epoch, uint64_t token, int code);
void fg_publisher_page(struct fg_publisher *p, struct fg_now now);
/* A message came on one of the topics that a Sparkplug session subscribes to. */
void fg_publisher_heard(struct fg_publisher *p, struct fg_now now, uint32_t epoch,
	const char *topic, const void *payload, size_t len);

/* Ends for good: documents and live readings still go out where it is connected, and what is in
 * flight may be acknowledged; no backlog, no new connection. */
void fg_publisher_stop(struct fg_publisher *p, struct fg_now now);
/* Nothing is in flight or wants to go out but backlog. */
bool fg_publisher_idle(const struct fg_publisher *p);

/* Readings that are stored and not acknowledged. */
uint64_t fg_publisher_backlog(const struct fg_publisher *p);
/* Wall time of the oldest that is stored and owed; 0: nothing is, or nobody knows. */
int64_t fg_publisher_oldest_ms(const struct fg_publisher *p);

/* The most readings that may be under way. */
static inline uint64_t fg_publisher_carries(const struct fg_publisher *p)
{
	return p->carried_max;
}

/* Its part of the status document. */
void fg_publisher_status(const struct fg_publisher *p, struct fg_json *j, struct fg_now now);

#endif
