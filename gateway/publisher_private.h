/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_PUBLISHER_PRIVATE_H
#define FG_GATEWAY_PUBLISHER_PRIVATE_H

/* What the publisher's own files share; nobody else includes it. */

#include "gateway/publisher.h"

/* Backlog goes out in steps of this length, not message by message: wake-ups cost more than work.
 */
#define FG_PUB_STEP_US 50000

/* publisher.c */
void fg_pub_mark_acked(struct fg_publisher *p, uint64_t seq);
/* [from, to) is not owed any more. */
void fg_pub_forget(struct fg_publisher *p, uint64_t from, uint64_t to);

/* publisher_payloads.c: what the encoders make of readings and documents */
int fg_pub_payloads_init(struct fg_publisher *p);
void fg_pub_payloads_fini(struct fg_publisher *p);
/* Another configuration of the same destination. */
int fg_pub_payloads_site(struct fg_publisher *p);

/* Gives the encoders' documents numbers from `first` on; returns how many there are in all. */
size_t fg_pub_payloads_documents(struct fg_publisher *p, size_t first);
/* Takes over what was counted, and the state of encoders that go on. */
void fg_pub_payloads_inherit(struct fg_publisher *p, struct fg_publisher *from);
/* Their part of the destination's status. */
void fg_pub_payloads_status(const struct fg_publisher *p, struct fg_json *j);

/* Readings of one device, of one moment: what goes out together. */
struct fg_load {
	size_t count;
	struct fg_entry entries[FG_PACK_MAX];
	size_t at[FG_PACK_MAX]; /* where the lane has it from */
};
/* Adds a reading; false where it does not go with those that are in, or there is no more room.
 * The first always does. */
bool fg_pub_load(const struct fg_publisher *p, struct fg_load *load, const struct fg_item *item,
	const struct fg_point_desc *desc, bool newest, size_t at);
bool fg_pub_of_one_device(const struct fg_point_desc *a, const struct fg_point_desc *b);
/* Sends it, or as many from its beginning as fit into one message; returns how many are out. 0:
 * window or session have no room. */
size_t fg_pub_send_load(struct fg_publisher *p, const struct fg_load *load);
/* Writes a document of an encoder, and sets what else `m` says of it. */
enum fg_pub_document fg_pub_encoder_document(struct fg_publisher *p, size_t id,
	struct fg_buf *topic, struct fg_buf *text, struct fg_message *m);
/* The same of one of Sparkplug. */
enum fg_pub_document fg_pub_spark_document(struct fg_publisher *p, size_t id, struct fg_buf *topic,
	struct fg_buf *text, struct fg_message *m);
/* Nothing waits but time: what Sparkplug told of the past of dead devices has its end. */
void fg_pub_spark_idle(struct fg_publisher *p);
/* All documents are to be sent. */
void fg_pub_touch_all(struct fg_publisher *p);

/* publisher_flights.c: what is sent and not acknowledged */
int fg_pub_flights_init(struct fg_publisher *p);
void fg_pub_flights_fini(struct fg_publisher *p);
/* Whether n messages with so many readings may be sent now. */
bool fg_pub_has_room(const struct fg_publisher *p, size_t messages, size_t readings);
/* The next messages noted are of these; 0 of them: of a document. */
void fg_pub_note_parcel(
	struct fg_publisher *p, const struct fg_entry *entries, size_t n, size_t messages);
void fg_pub_note_flight(struct fg_publisher *p, const struct fg_flight *flight);
/* FG_EFULL where window or session have no room. */
int fg_pub_send_document(struct fg_publisher *p, const struct fg_message *m);
/* A message is acknowledged, with a code of the broker. Returns false where its token is not
 * known. *ret: what was sent. */
bool fg_pub_landed(struct fg_publisher *p, uint64_t token, struct fg_flight *ret);
/* The parcel of a flight; NULL for a document. */
struct fg_parcel *fg_pub_parcel(struct fg_publisher *p, const struct fg_flight *flight);
/* Nothing more is expected of it. */
void fg_pub_end_parcel(struct fg_publisher *p, struct fg_parcel *parcel);
/* Adds what is in flight. */
int fg_pub_under_way(const struct fg_publisher *p, struct fg_ranges *ret);
/* Writes the gaps of what was refused, where there are any and it is time. */
void fg_pub_write_rejects(struct fg_publisher *p, bool now);

/* publisher_clear.c */
/* Connected anew: from the beginning. */
void fg_pub_clear_begin(struct fg_publisher *p);
/* Sends what is to be cleared; false where there is no room. */
bool fg_pub_clear_run(struct fg_publisher *p);
void fg_pub_clear_acked(struct fg_publisher *p);

/* publisher_payloads.c: calls add with each topic under which the payloads publish retained. */
void fg_pub_payloads_topics(struct fg_publisher *p,
	void (*add)(struct fg_topic_list *list, const char *topic), struct fg_topic_list *list);

/* publisher_lanes.c: tells document `id`, if there is one; false where there is no room. */
bool fg_pub_tell_document(struct fg_publisher *p, size_t id);
/* Sends what is due; returns when something waiting for its commit wants to go.
 */
int64_t fg_pub_lanes_run(struct fg_publisher *p, struct fg_now now);
/* What was sent under the topic is not there any more. */
void fg_pub_forget_document(struct fg_publisher *p, const char *topic);
/* Connected anew. */
void fg_pub_lanes_begin(struct fg_publisher *p, int64_t mono_us);

/* What is at hand of numbers below is left to the backlog. */
void fg_pub_lanes_freeze(struct fg_publisher *p, uint64_t below);

/* publisher_lanes.c, for publisher_batch.c */
/* An alarm, an announcement, a correction: it does not wait for others. */
bool fg_pub_is_urgent(const struct fg_item *item);
/* Whether a live entry need not wait for its commit any more; else *ret_next: until when. */
bool fg_pub_live_due(const struct fg_publisher *p, const struct fg_recent_entry *e, uint64_t seq,
	int64_t mono_us, int64_t *ret_next);
bool fg_pub_retained_live(const struct fg_recent_entry *e, const struct fg_item *item);

/* publisher_batch.c: live readings that wait for others of their device (`batch`) */
/* Connected anew. */
void fg_pub_batch_begin(struct fg_publisher *p);
/* How far the live lane may go now; live_next: not at all. *ret_next: when it may. */
uint64_t fg_pub_batch_end(struct fg_publisher *p, int64_t mono_us, int64_t *ret_next);
/* Sends what was gathered; false where there is no room. */
bool fg_pub_batch_send(struct fg_publisher *p);
/* It is left to the backlog. */
void fg_pub_batch_leave(struct fg_publisher *p, uint64_t seq);
/* Readings that are stored and wait for their time. */
uint64_t fg_pub_batch_waiting(const struct fg_publisher *p);
void fg_pub_batch_status(const struct fg_publisher *p, struct fg_json *j);

/* publisher_link.c: connects, and leaves a broker that stalls; returns when to look again. */
int64_t fg_pub_link_run(struct fg_publisher *p, struct fg_now now);
/* Ends a connection on which the broker asks for less. */
void fg_pub_leave(struct fg_publisher *p, struct fg_now now, int code);

/* publisher_select.c: `select` */
enum fg_pub_choice {
	FG_PUB_CHOSEN,
	FG_PUB_NOT_FOR_IT, /* and nothing is owed */
	FG_PUB_KEPT_BACK,  /* by its quality: told as a gap */
};
enum fg_pub_choice fg_pub_choose(const struct fg_publisher *p, const struct fg_item *item,
	const struct fg_point_desc *desc);
/* Of an account the lines of points that are selected, lent until the next call; else the item. */
struct fg_item fg_pub_selected_part(struct fg_publisher *p, const struct fg_item *item);
/* publisher.c: tells a reading that is kept back. False: not now. */
bool fg_pub_keep_back(struct fg_publisher *p, const struct fg_item *item);

/* publisher_oldest.c: since when readings are lacked there */
void fg_pub_oldest_run(struct fg_publisher *p);
/* A page has come. */
void fg_pub_oldest_page(struct fg_publisher *p);

/* publisher_status.c: what is known of the broker */
void fg_pub_link_status(const struct fg_publisher *p, struct fg_json *j, struct fg_now now);

/* publisher_flights.c */
/* The end of a connection: what was in flight is in doubt. */
void fg_pub_forget_flights(struct fg_publisher *p);
/* The first that is not acknowledged; NULL: nothing is on its way. */
const struct fg_flight *fg_pub_first_flight(const struct fg_publisher *p);
struct fg_carried fg_pub_carried(const struct fg_publisher *p, const struct fg_item *item);

/* Reason codes of what no broker has answered: in gaps they are `rejected:CODE`. */
#define FG_PUB_CODE_BREAKS   0x80
#define FG_PUB_CODE_TOO_LONG 0x95

/* publisher.c: it will never be taken; told as a gap where it counts. */
void fg_pub_reject(struct fg_publisher *p, const struct fg_carried *c);

/* publisher_lanes.c: writes document `id`, and what `m` says of it. */
enum fg_pub_document fg_pub_write_document(struct fg_publisher *p, size_t id,
	struct fg_buf *topic, struct fg_buf *payload, struct fg_message *m);

/* publisher_untold.c */
/* Document `id` does not go out. `topic` NULL: it is looked up. */
void fg_pub_untold(struct fg_publisher *p, uint64_t id, const char *topic,
	enum fg_pub_untold_why why, uint8_t code);
/* It has arrived. */
void fg_pub_told(struct fg_publisher *p, uint64_t id);
/* Other documents have these numbers from now on. */
void fg_pub_forget_untold(struct fg_publisher *p);
/* Whether a packet of that length is known to be too long for the broker. */
bool fg_pub_too_long_for_broker(const struct fg_publisher *p, size_t topic_len, size_t len);
/* Whether it was given up because the broker ends the connection on it. */
bool fg_pub_breaks(const struct fg_publisher *p, uint64_t id);
void fg_pub_untold_status(const struct fg_publisher *p, struct fg_json *j);

/* publisher_suspect.c */
void fg_pub_suspect_connected(struct fg_publisher *p);
/* The connection ended, not by us; before fg_pub_forget_flights(). */
void fg_pub_suspect_lost(struct fg_publisher *p, struct fg_now now);
/* The broker has answered. Before the parcel ends. */
void fg_pub_suspect_landed(struct fg_publisher *p, const struct fg_flight *f);
/* Ends the time of one message after the other, where the connection holds; returns when to look
 * again. */
int64_t fg_pub_suspect_run(struct fg_publisher *p, struct fg_now now);
/* Whether a reading is not to be sent: it, or several of its point, broke the connection. */
bool fg_pub_is_shunned(const struct fg_publisher *p, const struct fg_item *item);
void fg_pub_suspect_status(const struct fg_publisher *p, struct fg_json *j);

#endif
