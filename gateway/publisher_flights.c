/* SPDX-License-Identifier: EUPL-1.2 */
/* What a publisher has sent and the broker has not acknowledged: messages, the parcels they belong
 * to, the readings of those. All in order of sending; brokers mostly acknowledge in that order. */
#include <stdlib.h>
#include <string.h>

#include "base/plant.h"
#include "base/status.h"
#include "gateway/publisher_private.h"

int fg_pub_flights_init(struct fg_publisher *p)
{
	/* twice as many places as are in flight: those that are done give way in one move */
	p->flights = calloc((size_t)p->window * 2, sizeof(*p->flights));
	p->parcels = calloc((size_t)p->window * 2, sizeof(*p->parcels));
	p->carried = calloc(p->carried_max * 2, sizeof(*p->carried));
	return p->flights && p->parcels && p->carried ? FG_OK : FG_ENOMEM;
}

void fg_pub_flights_fini(struct fg_publisher *p)
{
	free(p->flights);
	free(p->parcels);
	free(p->carried);
}

/* Those that are done give way. */
static void compact_flights(struct fg_publisher *p)
{
	size_t to = 0;

	for (size_t i = p->flight_from; i < p->flight_to; i++)
		if (!p->flights[i].done)
			p->flights[to++] = p->flights[i];
	p->flight_from = 0;
	p->flight_to = to;
}

static void compact_parcels(struct fg_publisher *p)
{
	size_t to = 0, carried = 0;

	for (size_t i = p->parcel_from; i < p->parcel_to; i++) {
		struct fg_parcel parcel = p->parcels[i];

		if (!parcel.waiting)
			continue;
		for (uint32_t k = 0; k < parcel.count; k++)
			p->carried[carried + k] = p->carried[parcel.from + k];
		parcel.from = (uint32_t)carried;
		carried += parcel.count;
		p->parcels[to++] = parcel;
	}
	p->parcel_from = 0;
	p->parcel_to = to;
	p->carried_to = carried;
}

bool fg_pub_has_room(const struct fg_publisher *p, size_t messages, size_t readings)
{
	if (p->suspect.alone && p->in_flight)
		return false;
	return p->in_flight + messages <= p->window &&
	       p->carried_now + readings <= p->carried_max;
}

struct fg_carried fg_pub_carried(const struct fg_publisher *p, const struct fg_item *item)
{
	const bool reading = item->kind == FG_ITEM_READING && !item->replaces;

	return (struct fg_carried){
		.seq = item->seq,
		.wall_ms = item->wall_ms,
		.point = item->point,
		.reading = reading,
		.counts = reading && item->qc != FG_QC_MISSING &&
			  !fg_ranges_has(&p->again, item->seq),
	};
}

void fg_pub_note_parcel(
	struct fg_publisher *p, const struct fg_entry *entries, size_t n, size_t messages)
{
	if (p->parcel_to == (size_t)p->window * 2 || p->carried_to + n > p->carried_max * 2)
		compact_parcels(p);
	p->parcels[p->parcel_to++] = (struct fg_parcel){.id = ++p->next_parcel,
		.from = (uint32_t)p->carried_to,
		.count = (uint32_t)n,
		.messages = (uint32_t)messages,
		.waiting = (uint32_t)messages};
	p->carried_now += n;
	for (size_t i = 0; i < n; i++)
		p->carried[p->carried_to++] = fg_pub_carried(p, &entries[i].item);
}

void fg_pub_note_flight(struct fg_publisher *p, const struct fg_flight *flight)
{
	if (p->flight_to == (size_t)p->window * 2)
		compact_flights(p);
	p->flights[p->flight_to] = *flight;
	p->flights[p->flight_to++].parcel = p->next_parcel;
	if (p->in_flight++ == 0)
		p->progress_mono_us = p->now_mono_us;
}

int fg_pub_send_document(struct fg_publisher *p, const struct fg_message *m)
{
	const struct fg_flight flight = {.token = m->token, .document = (uint32_t)m->len};

	if (!fg_pub_has_room(p, 1, 0))
		return FG_EFULL;
	if (p->ports->publish(p->ports->arg, p, m, 1) < 0) {
		p->blocked = true;
		return FG_EFULL;
	}
	if (p->budget.limit)
		fg_budget_sent(&p->budget, strlen(m->topic) + m->len, 0);
	fg_pub_note_flight(p, &flight);
	p->document_bytes += flight.document;
	return FG_OK;
}

const struct fg_flight *fg_pub_first_flight(const struct fg_publisher *p)
{
	size_t i = p->flight_from;

	while (i < p->flight_to && p->flights[i].done)
		i++;
	return i < p->flight_to ? &p->flights[i] : NULL;
}

bool fg_pub_landed(struct fg_publisher *p, uint64_t token, struct fg_flight *ret)
{
	size_t i = p->flight_from;

	while (i < p->flight_to && (p->flights[i].done || p->flights[i].token != token))
		i++;
	if (i == p->flight_to)
		return false;
	*ret = p->flights[i];
	p->flights[i].done = true;
	while (p->flight_from < p->flight_to && p->flights[p->flight_from].done)
		p->flight_from++;
	p->in_flight--;
	p->document_bytes -= ret->document;
	return true;
}

struct fg_parcel *fg_pub_parcel(struct fg_publisher *p, const struct fg_flight *flight)
{
	if (flight->token & FG_TOKEN_DOCUMENT)
		return NULL;
	while (p->parcel_from < p->parcel_to && !p->parcels[p->parcel_from].waiting)
		p->parcel_from++;
	for (size_t i = p->parcel_from; i < p->parcel_to; i++)
		if (p->parcels[i].id == flight->parcel)
			return &p->parcels[i];
	return NULL;
}

void fg_pub_end_parcel(struct fg_publisher *p, struct fg_parcel *parcel)
{
	parcel->waiting = 0;
	p->carried_now -= parcel->count;
}

int fg_pub_under_way(const struct fg_publisher *p, struct fg_ranges *ret)
{
	int r = FG_OK;

	for (size_t i = p->parcel_from; i < p->parcel_to && r == FG_OK; i++) {
		const struct fg_parcel *parcel = &p->parcels[i];

		for (uint32_t k = 0; parcel->waiting && k < parcel->count && r == FG_OK; k++) {
			uint64_t seq = p->carried[parcel->from + k].seq;

			r = fg_ranges_add(ret, seq, seq + 1);
		}
	}
	return r;
}

static void into_doubt(struct fg_publisher *p, uint64_t seq)
{
	if (!fg_ranges_has(&p->unacked, seq))
		return;
	if (fg_planted(FG_PLANT_LOST_IS_ACKED) &&
		fg_ranges_remove(&p->unacked, seq, seq + 1) == FG_OK)
		return;
	fg_ranges_add(&p->doubt, seq, seq + 1);
}

void fg_pub_forget_flights(struct fg_publisher *p)
{
	for (size_t i = p->parcel_from; i < p->parcel_to; i++) {
		const struct fg_parcel *parcel = &p->parcels[i];

		for (uint32_t k = 0; parcel->waiting && k < parcel->count; k++)
			into_doubt(p, p->carried[parcel->from + k].seq);
	}
	p->flight_from = p->flight_to = 0;
	p->parcel_from = p->parcel_to = p->carried_to = p->carried_now = 0;
	p->in_flight = 0;
	p->document_bytes = 0;
}
