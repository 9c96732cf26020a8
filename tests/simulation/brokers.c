/* SPDX-License-Identifier: EUPL-1.2 */
/* Brokers and the connections to them: in order within a connection, whatever is on the way when it
 * ends is lost. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sim.h"

void sim_broker_free_message(struct sim_message *m)
{
	free(m);
}

static void forget_waiting(struct sim_broker *b)
{
	while (b->waiting) {
		struct sim_message *m = b->waiting;

		b->waiting = m->next;
		sim_broker_free_message(m);
	}
	b->waiting_end = &b->waiting;
	b->wire = b->outstanding = 0;
}

void sim_brokers_init(struct sim *s)
{
	for (unsigned i = 0; i < PLAN_DESTS; i++) {
		s->brokers[i].up = true;
		s->brokers[i].waiting_end = &s->brokers[i].waiting;
	}
}

void sim_brokers_fini(struct sim *s)
{
	for (unsigned i = 0; i < PLAN_DESTS; i++)
		forget_waiting(&s->brokers[i]);
}

/* ---- connections ---- */

void sim_broker_close(struct sim *s, unsigned i)
{
	struct sim_broker *b = &s->brokers[i];

	b->connection++;
	b->connected = false;
	forget_waiting(b);
}

/* The connection is gone; the gateway's side learns of it after a while. */
static void drop(struct sim *s, unsigned i, int64_t after_us)
{
	struct sim_broker *b = &s->brokers[i];

	if (!b->connected)
		return;
	sim_broker_close(s, i);
	sim_at(s, s->now_us + after_us,
		(struct sim_event){.type = SIM_LOST, .who = i, .run = b->connection});
}

void sim_broker_connect(struct sim *s, unsigned i, uint32_t epoch)
{
	struct sim_broker *b = &s->brokers[i];

	sim_broker_close(s, i);
	b->epoch = epoch;
	sim_at(s, s->now_us + sim_between(s, 5000, b->up ? 300000 : 5 * US_PER_S),
		(struct sim_event){.type = SIM_CONNECTED, .who = i, .run = b->connection});
}

static void connected(struct sim *s, unsigned i)
{
	struct sim_broker *b = &s->brokers[i];
	bool known = b->session;

	HEAP_OF(HEAP_GATEWAY);

	if (!sim_gateway_publisher(s, i))
		return; /* no longer configured */
	if (!b->up || s->now_us < b->hangs_until_us) {
		fg_publisher_lost(
			sim_gateway_publisher(s, i), sim_core_now(s), b->epoch, false, "no broker");
		return;
	}
	b->connected = b->session = true;
	b->well_since_us = s->now_us;
	b->last_receive_us = b->last_ack_us = s->now_us;
	b->slow_ack_us = 0; /* those of the connection before are lost */
	fg_publisher_connected(sim_gateway_publisher(s, i), sim_core_now(s), b->epoch, known);
}

/* ---- messages ---- */

static void pump(struct sim *s, unsigned i)
{
	struct sim_broker *b = &s->brokers[i];

	while (b->waiting && b->wire < (unsigned)s->plan.inflight[i]) {
		struct sim_message *m = b->waiting;
		int64_t at = s->now_us + sim_between(s, 1000, 30000);

		b->waiting = m->next;
		if (!b->waiting)
			b->waiting_end = &b->waiting;
		b->wire++;
		b->last_receive_us = FG_MAX(b->last_receive_us, at);
		sim_at(s, b->last_receive_us,
			(struct sim_event){
				.type = SIM_RECEIVE, .who = i, .run = b->connection, .data = m});
	}
}

static void wait_for_wire(struct sim_broker *b, const struct fg_message *m)
{
	size_t topic = strlen(m->topic) + 1;
	struct sim_message *copy;

	copy = malloc(sizeof(*copy) + m->len + topic);
	if (!copy)
		abort();
	*copy = (struct sim_message){.token = m->token, .retain = m->retain, .len = m->len};
	memcpy(copy->payload, m->payload, m->len);
	copy->topic = (char *)copy->payload + m->len;
	memcpy(copy->topic, m->topic, topic);
	*b->waiting_end = copy;
	b->waiting_end = &copy->next;
	b->outstanding++;
}

int sim_broker_publish(struct sim *s, unsigned i, const struct fg_message *m, size_t n)
{
	HEAP_OF(HEAP_WORLD);
	struct sim_broker *b = &s->brokers[i];

	if (b->outstanding + n > 2 * (unsigned)s->plan.inflight[i])
		return FG_EFULL;
	for (size_t k = 0; k < n; k++)
		wait_for_wire(b, &m[k]);
	pump(s, i);
	return FG_OK;
}

/* For good only some readings are refused; else it would refuse to hear of it, too. */
static bool refuses(const struct sim *s, const struct sim_broker *b, const struct sim_message *m)
{
	const bool reading = strstr(m->topic, "/obs/") || strstr(m->topic, "/batch/");
	unsigned sum = 0;

	if (s->now_us >= b->refuses_until_us)
		return false;
	for (const char *t = m->topic; *t; t++)
		sum += (unsigned char)*t;
	return b->refuse_code == 0x97 || (reading && sum % 3 == 0);
}

/* Each reading of an array, as if it had come alone. */
static void receive_batch(struct sim *s, const struct sim_event *e, struct sim_message *m)
{
	static const char between[] = ",{\"v\":1,\"id\":";
	const char *at = (char *)m->payload + 1, *end = (char *)m->payload + m->len - 1;

	while (at < end) {
		const char *next = memmem(at + 1, (size_t)(end - at - 1), between,
			sizeof(between) - 1);
		size_t len = (size_t)((next ? next : end) - at), r = SIZE_MAX;

		if (m->code == 0x87)
			checker_refused(s->checker, s->now_us, e->who, "t/obs/x", at, len);
		if (!m->code)
			r = checker_received(s->checker, s->now_us, e->who,
				s->brokers[e->who].connection, "t/obs/x", at, len, m->retain,
				sim_well_since(s, e->who));
		if (r < SIZE_MAX - 1) {
			if (m->record == SIZE_MAX)
				m->record = r;
			m->records = r - m->record + 1;
		}
		at = next ? next + 1 : end;
	}
}

static void receive(struct sim *s, struct sim_event *e)
{
	struct sim_broker *b = &s->brokers[e->who];
	struct sim_message *m = e->data;
	int64_t at = s->now_us + sim_between(s, 1000, 30000);

	if (s->now_us < b->hangs_until_us) {
		sim_at(s, b->hangs_until_us, *e);
		return;
	}
	m->record = SIZE_MAX;
	m->code = refuses(s, b, m) ? b->refuse_code : 0;
	if (strstr(m->topic, "/batch/"))
		receive_batch(s, e, m);
	else if (m->code == 0x87)
		checker_refused(s->checker, s->now_us, e->who, m->topic, m->payload, m->len);
	else if (!m->code)
		m->record = checker_received(s->checker, s->now_us, e->who, b->connection, m->topic,
			m->payload, m->len, m->retain, sim_well_since(s, e->who));
	if (s->now_us < b->slow_until_us)
		at = b->slow_ack_us = FG_MAX(b->last_ack_us, at + b->slow_us);
	b->last_ack_us = FG_MAX(b->last_ack_us, at);
	e->type = SIM_ACK;
	sim_at(s, b->last_ack_us, *e);
}

static void lost(struct sim *s, unsigned i)
{
	HEAP_OF(HEAP_GATEWAY);

	if (sim_gateway_publisher(s, i))
		fg_publisher_lost(sim_gateway_publisher(s, i), sim_core_now(s),
			s->brokers[i].epoch, false, "connection lost");
}

static void acknowledge(struct sim *s, struct sim_event *e)
{
	HEAP_OF(HEAP_GATEWAY);
	struct sim_broker *b = &s->brokers[e->who];
	struct sim_message *m = e->data;
	int code = m->code;
	unsigned times = s->now_us < b->doubles_until_us ? 2 : 1;

	b->wire--;
	b->outstanding--;
	if (!code)
		for (size_t i = 0; i < FG_MAX(m->records, 1u); i++)
			checker_acked(s->checker, s->now_us, m->record + i);
	for (; times && e->run == b->connection; times--)
		fg_publisher_acked(sim_gateway_publisher(s, e->who), sim_core_now(s), b->epoch,
			m->token, code);
	sim_broker_free_message(m);
	if (e->run == b->connection)
		pump(s, e->who);
}

void sim_broker_event(struct sim *s, struct sim_event *e)
{
	struct sim_broker *b = &s->brokers[e->who];

	if (!s->gateway || e->run != b->connection) {
		if (e->type == SIM_RECEIVE || e->type == SIM_ACK)
			sim_broker_free_message(e->data);
		return;
	}
	if (e->type == SIM_RECEIVE) {
		receive(s, e);
		return;
	}
	if (e->type == SIM_CONNECTED)
		connected(s, e->who);
	else if (e->type == SIM_ACK)
		acknowledge(s, e);
	else
		lost(s, e->who);
	sim_gateway_turn(s);
}

/* ---- the plan ---- */

static void go_down(struct sim *s, unsigned i, int64_t memory)
{
	struct sim_broker *b = &s->brokers[i];

	/* a connection ends with a word, or falls silent and is missed a minute later */
	drop(s, i, sim_between(s, 0, 1) ? 0 : sim_between(s, 20, 90) * US_PER_S);
	b->up = false;
	if (memory == BROKER_KEEPS_ALL)
		return;
	b->session = false;
	checker_forgot(s->checker, i, memory == BROKER_FORGETS_ALL);
}

void sim_broker_begin(struct sim *s, const struct plan_event *e)
{
	struct sim_broker *b = &s->brokers[e->who];
	int64_t until_us = s->now_us + e->a;

	switch (e->what) {
	case PLAN_BROKER_DOWN:
		go_down(s, e->who, e->b);
		break;
	case PLAN_BROKER_HANG:
		b->hangs_until_us = FG_MAX(b->hangs_until_us, until_us);
		break;
	case PLAN_BROKER_SLOW:
		b->slow_until_us = FG_MAX(b->slow_until_us, until_us);
		b->slow_us = e->b;
		break;
	case PLAN_BROKER_REFUSE:
		b->refuses_until_us = FG_MAX(b->refuses_until_us, until_us);
		b->refuse_code = (int)e->b;
		break;
	case PLAN_BROKER_DOUBLE:
		b->doubles_until_us = FG_MAX(b->doubles_until_us, until_us);
		break;
	default:
		drop(s, e->who, 0);
		break;
	}
}

void sim_broker_over(struct sim *s, const struct plan_event *e)
{
	if (e->what == PLAN_BROKER_DOWN)
		s->brokers[e->who].up = true;
}
