/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages on which a broker ends the connection. A connection that ends breaks off whatever was on
 * its way, so one that ended says little. After some in a row each message waits for the
 * acknowledgement of the one before; what then is alone on its way at the end of ten connections in
 * a row, on each of which the broker had taken something else, is given up: a reading is told as a
 * gap `rejected:128`, a document in log and status.
 *
 * A link that only breaks often must not look like that. Whatever the chance that it breaks on a
 * message, it takes another one before and breaks on this one in at most one connection of four:
 * ten in a row are one in a million. And a link, or a broker, that breaks on each reading takes
 * none: after one was given up another reading must have been taken before the next one is. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "gateway/publisher_private.h"

/* Connections that end in a row, with something on its way, before it is looked for. */
#define CLOSINGS_MAX 3
#define ALONE_MAX    10
/* A broker that ends the connection on a message does so at once; a link that dies later. */
#define PROMPT_US    10000000
/* A connection that holds so long, one message after the other, ends the search. */
#define HOLDS_US     30000000
/* Of a point of which so many were given up, all are for so long, unsent. */
#define BAD_MAX	     3
#define BAD_FOR_US   INT64_C(3600000000)

/* What breaks one connection breaks the next one as another reading of the same point. */
static uint64_t key_of_item(uint32_t point, bool reading)
{
	return (uint64_t)point << 1 | reading;
}

static uint64_t key_of(struct fg_publisher *p, const struct fg_flight *f)
{
	const struct fg_parcel *parcel = fg_pub_parcel(p, f);
	const struct fg_carried *c = parcel ? &p->carried[parcel->from + f->entry] : NULL;

	return c ? key_of_item(c->point, c->reading) : f->token;
}

/* The message itself, however often it is sent. Numbers of readings lack the bit of documents. */
static uint64_t id_of(struct fg_publisher *p, const struct fg_flight *f)
{
	const struct fg_parcel *parcel = fg_pub_parcel(p, f);

	return parcel ? p->carried[parcel->from + f->entry].seq : f->token;
}

static struct fg_pub_bad *find_bad(const struct fg_publisher *p, uint64_t key)
{
	const struct fg_pub_suspect *s = &p->suspect;

	for (size_t i = 0; i < s->bad_count; i++)
		if (s->bad[i].key == key)
			return (struct fg_pub_bad *)(uintptr_t)&s->bad[i];
	return NULL;
}

/* The one whose last is longest ago gives way. */
static struct fg_pub_bad *bad_place(struct fg_pub_suspect *s)
{
	struct fg_pub_bad *b = &s->bad[0];

	if (s->bad_count < FG_PUB_BAD_MAX)
		return &s->bad[s->bad_count++];
	for (size_t i = 1; i < s->bad_count; i++)
		if (s->bad[i].mono_us < b->mono_us)
			b = &s->bad[i];
	return b;
}

static void note_bad(struct fg_publisher *p, uint64_t key, int64_t mono_us)
{
	struct fg_pub_bad *b = find_bad(p, key);

	if (!b) {
		b = bad_place(&p->suspect);
		*b = (struct fg_pub_bad){.key = key};
	}
	b->given_up++;
	b->mono_us = mono_us;
}

static void give_up_readings(struct fg_publisher *p, const struct fg_flight *f, int64_t mono_us)
{
	struct fg_parcel *parcel = fg_pub_parcel(p, f);
	struct fg_pub_suspect *s = &p->suspect;

	for (uint32_t i = 0; parcel && i < parcel->count; i++) {
		struct fg_carried *c = &p->carried[parcel->from + i];

		fg_error("destination '%s': the broker ends the connection whenever message "
			 "%" PRIu64 " comes; it is given up", p->conf->name, c->seq);
		c->refused = FG_PUB_CODE_BREAKS;
		memmove(s->shunned + 1, s->shunned, sizeof(s->shunned) - sizeof(s->shunned[0]));
		s->shunned[0] = c->seq;
		note_bad(p, key_of_item(c->point, c->reading), mono_us);
		fg_pub_reject(p, c);
	}
	if (parcel)
		fg_pub_end_parcel(p, parcel);
}

/* The status and the birth of the node come first, and nothing goes without them. */
static bool may_be_given_up(const struct fg_publisher *p, const struct fg_flight *f)
{
	const uint64_t first = p->spark ? p->payloads[0].first_document : 0;

	if (!(f->token & FG_TOKEN_DOCUMENT))
		return !p->suspect.blamed;
	return (f->token & FG_TOKEN_CLEAR) != FG_TOKEN_CLEAR &&
	       f->token != (FG_TOKEN_DOCUMENT | first);
}

static void give_up(struct fg_publisher *p, const struct fg_flight *f, int64_t mono_us)
{
	const uint64_t id = f->token & ~FG_TOKEN_DOCUMENT;

	p->suspect.given_up++;
	p->refused++;
	p->refused_code = FG_PUB_CODE_BREAKS;
	if (!(f->token & FG_TOKEN_DOCUMENT)) {
		p->suspect.blamed = true;
		give_up_readings(p, f, mono_us);
		return;
	}
	fg_pub_untold(p, id, NULL, FG_PUB_BREAKS, 0);
}

/* How many connections in a row have ended on this message alone, this one among them. */
static unsigned count_alone(const struct fg_pub_suspect *s, uint64_t id)
{
	if (!s->alone || !s->landed)
		return 0;
	return id == s->id ? s->alone_closings + 1 : 1;
}

void fg_pub_suspect_lost(struct fg_publisher *p, struct fg_now now)
{
	struct fg_pub_suspect *s = &p->suspect;
	const struct fg_flight *f = fg_pub_first_flight(p);
	uint64_t id;

	if (!f || p->conflict || p->stopping || now.mono_us - p->progress_mono_us > PROMPT_US) {
		s->closings = s->alone_closings = 0;
		return;
	}
	id = id_of(p, f);
	s->closings++;
	s->alone_closings = count_alone(s, id);
	s->id = id;
	if (!s->alone && s->closings >= CLOSINGS_MAX) {
		fg_warning("destination '%s': the connection ended %u times with messages on their "
			   "way; they go out one after the other, to see whether it is one of them",
			p->conf->name, s->closings);
		s->alone = true;
	} else if (s->alone_closings >= ALONE_MAX && may_be_given_up(p, f)) {
		give_up(p, f, now.mono_us);
	}
}

void fg_pub_suspect_connected(struct fg_publisher *p)
{
	p->suspect.landed = false;
}

void fg_pub_suspect_landed(struct fg_publisher *p, const struct fg_flight *f)
{
	struct fg_pub_suspect *s = &p->suspect;
	struct fg_pub_bad *b = s->bad_count ? find_bad(p, key_of(p, f)) : NULL;

	s->landed = true;
	if (!(f->token & FG_TOKEN_DOCUMENT))
		s->blamed = false;
	if (b) /* it was something else */
		*b = s->bad[--s->bad_count];
}

int64_t fg_pub_suspect_run(struct fg_publisher *p, struct fg_now now)
{
	struct fg_pub_suspect *s = &p->suspect;
	const int64_t until_us = p->online_since_mono_us + HOLDS_US;

	if (!s->closings && !s->alone)
		return INT64_MAX;
	if (now.mono_us < until_us)
		return until_us;
	s->closings = s->alone_closings = 0;
	s->alone = false;
	return INT64_MAX;
}

bool fg_pub_is_shunned(const struct fg_publisher *p, const struct fg_item *item)
{
	const struct fg_pub_suspect *s = &p->suspect;
	const struct fg_pub_bad *b;

	if (!s->bad_count)
		return false;
	for (size_t i = 0; i < FG_PUB_SHUNNED; i++)
		if (item->seq && s->shunned[i] == item->seq)
			return true;
	b = find_bad(p, key_of_item(item->point,
				item->kind == FG_ITEM_READING && !item->replaces));
	return b && b->given_up >= BAD_MAX && p->now_mono_us - b->mono_us < BAD_FOR_US;
}

void fg_pub_suspect_status(const struct fg_publisher *p, struct fg_json *j)
{
	const struct fg_pub_suspect *s = &p->suspect;

	if (s->alone)
		fg_json_bool(j, "one_at_a_time", true);
	if (s->given_up)
		fg_json_uint(j, "ended_connection", s->given_up);
}
