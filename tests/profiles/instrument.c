/* SPDX-License-Identifier: EUPL-1.2 */
/* A Modbus TCP server for one case. */
#include "instrument.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REFUSE_FUNCTION = 1, REFUSE_ADDRESS = 2, REFUSE_COUNT = 3 };

/* ---- what it holds ---- */

static const uint16_t *find_cell(const struct fg_case *c, int table, unsigned address)
{
	const uint16_t *found = NULL;

	for (size_t i = 0; i < c->area_count; i++) {
		const struct area *a = &c->areas[i];

		if (a->table != table || address < a->address || address >= a->address + a->count)
			continue;
		if (!a->cells)
			return NULL;
		found = &a->cells[address - a->address];
	}
	return found;
}

static bool is_an_area(const struct fg_case *c, int table, unsigned address, unsigned count)
{
	for (size_t i = 0; i < c->area_count; i++) {
		const struct area *a = &c->areas[i];

		if (a->cells && a->table == table && a->address == address && a->count == count)
			return true;
	}
	return false;
}

/* Returns the length of the answer, or minus the exception. */
static int answer_read(const struct fg_case *c, const uint8_t *pdu, uint8_t *ret)
{
	static const int tables[] = {-1, TABLE_COIL, TABLE_DISCRETE, TABLE_HOLDING, TABLE_INPUT};
	unsigned first = (unsigned)(pdu[1] << 8 | pdu[2]), count = (unsigned)(pdu[3] << 8 | pdu[4]);
	int table = tables[pdu[0]];
	bool bits = pdu[0] < 3;
	size_t len = bits ? (count + 7) / 8 : (size_t)count * 2;

	if (!count || len > 250 || (!bits && count > c->limit))
		return -REFUSE_COUNT;
	if (first % c->align || count % c->align)
		return -REFUSE_ADDRESS;
	if (c->exact && !is_an_area(c, table, first, count))
		return -REFUSE_ADDRESS;
	ret[0] = pdu[0];
	ret[1] = (uint8_t)len;
	memset(ret + 2, 0, len);
	for (unsigned i = 0; i < count; i++) {
		const uint16_t *cell = find_cell(c, table, first + i);

		if (!cell)
			return -REFUSE_ADDRESS;
		if (bits) {
			ret[2 + i / 8] |= (uint8_t)((*cell ? 1u : 0u) << (i % 8));
		} else {
			ret[2 + i * 2] = (uint8_t)(*cell >> 8);
			ret[3 + i * 2] = (uint8_t)*cell;
		}
	}
	return (int)len + 2;
}

static int answer(const struct fg_case *c, const uint8_t *pdu, size_t len, uint8_t *ret)
{
	for (size_t i = 0; i < c->talk_count; i++) {
		struct talk *t = &c->talks[i];

		if (t->request_len != len || memcmp(t->request, pdu, len) != 0)
			continue;
		t->seen++;
		memcpy(ret, t->answer, t->answer_len);
		return (int)t->answer_len;
	}
	if (pdu[0] >= 1 && pdu[0] <= 4 && len == 5)
		return answer_read(c, pdu, ret);
	return -REFUSE_FUNCTION;
}

/* ---- how it talks ---- */

/* One request; false where there is no more to come. */
static bool serve(struct instrument *in, int fd)
{
	uint8_t frame[300], out[300];
	size_t len;
	int n;

	if (recv(fd, frame, 7, MSG_WAITALL) != 7)
		return false;
	len = (size_t)(frame[4] << 8 | frame[5]) - 1;
	if (len < 1 || len > 253 || recv(fd, frame + 7, len, MSG_WAITALL) != (ssize_t)len)
		return false;
	if (in->requests++ < in->c->asleep)
		return true;
	n = answer(in->c, frame + 7, len, out + 7);
	if (n < 0) {
		if (!in->refused++)
			snprintf(in->refusal, sizeof(in->refusal),
				"function %u, address %u, count %u: exception %d", frame[7],
				(unsigned)(frame[8] << 8 | frame[9]),
				(unsigned)(frame[10] << 8 | frame[11]), -n);
		out[7] = frame[7] | 0x80;
		out[8] = (uint8_t)-n;
		n = 2;
	}
	memcpy(out, frame, 7);
	out[4] = 0;
	out[5] = (uint8_t)(n + 1);
	return send(fd, out, (size_t)n + 7, MSG_NOSIGNAL) == n + 7;
}

/* Waits for fd; false where the instrument is to stop. */
static bool wait_for(const struct instrument *in, int fd)
{
	struct pollfd p[2] = {
		{.fd = in->stop[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	return poll(p, 2, -1) > 0 && !p[0].revents;
}

static void *run(void *arg)
{
	struct instrument *in = arg;

	while (wait_for(in, in->listener)) {
		int fd = accept(in->listener, NULL, NULL);

		while (fd >= 0 && wait_for(in, fd) && serve(in, fd))
			;
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(2);
}

void instrument_start(struct instrument *in, struct fg_case *c)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*in = (struct instrument){.c = c};
	in->listener = socket(AF_INET, SOCK_STREAM, 0);
	need(in->listener >= 0 && bind(in->listener, (struct sockaddr *)&a, len) == 0 &&
			listen(in->listener, 4) == 0 &&
			getsockname(in->listener, (struct sockaddr *)&a, &len) == 0,
		"socket");
	in->port = ntohs(a.sin_port);
	need(pipe(in->stop) == 0, "pipe");
	need(pthread_create(&in->thread, NULL, run, in) == 0, "thread");
}

void instrument_stop(struct instrument *in)
{
	need(write(in->stop[1], "", 1) == 1, "write");
	pthread_join(in->thread, NULL);
	close(in->stop[0]);
	close(in->stop[1]);
	close(in->listener);
}
