/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_PUBLISHER_PRIVATE_H
#define FG_GATEWAY_PUBLISHER_PRIVATE_H

/* What the publisher's own files share; nobody else includes it. */

#include "gateway/publisher.h"

#define FG_PUB_TOKEN_DOCUMENT (UINT64_C(1) << 63)
/* Backlog goes out in steps of this length, not message by message: wake-ups cost more than work.
 */
#define FG_PUB_STEP_US 50000

/* publisher.c */
void fg_pub_mark_acked(struct fg_publisher *p, uint64_t seq);
/* [from, to) is not owed any more. */
void fg_pub_forget(struct fg_publisher *p, uint64_t from, uint64_t to);
/* Sends what the flight is of. FG_EFULL where window or session have no room. */
int fg_pub_send(
	struct fg_publisher *p, const struct fg_message *m, const struct fg_flight *flight);
/* Writes the gaps of what was refused, where there are any and it is time. */
void fg_pub_write_rejects(struct fg_publisher *p, bool now);

/* publisher_lanes.c: sends what is due; returns when something waiting for its commit wants to go.
 */
int64_t fg_pub_lanes_run(struct fg_publisher *p, struct fg_now now);
/* Connected anew. */
void fg_pub_lanes_begin(struct fg_publisher *p, int64_t mono_us);

/* What is at hand of numbers below is left to the backlog. */
void fg_pub_lanes_freeze(struct fg_publisher *p, uint64_t below);

/* publisher_link.c: connects, and leaves a broker that stalls; returns when to look again. */
int64_t fg_pub_link_run(struct fg_publisher *p, struct fg_now now);
/* Ends a connection on which the broker asks for less. */
void fg_pub_leave(struct fg_publisher *p, struct fg_now now, int code);

/* publisher_status.c: what is known of the broker */
void fg_pub_link_status(const struct fg_publisher *p, struct fg_json *j, struct fg_now now);

/* publisher.c */
/* The end of a connection: what was in flight is in doubt. */
void fg_pub_forget_flights(struct fg_publisher *p);

#endif
