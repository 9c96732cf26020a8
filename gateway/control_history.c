/* SPDX-License-Identifier: EUPL-1.2 */
/* `history`: readings from the store, streamed in pieces so that neither memory nor the loop is
 * taken up by a long answer. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "base/status.h"
#include "gateway/control.h"
#include "protocol/encode.h"

#define PIECE_BYTES (64u << 10)
#define READING_MAX FG_READING_JSON_MAX

struct history_request {
	uv_work_t req;
	struct fg_client *client;
	struct fg_reader *reader;
	char gateway[64], station[64], point[64];
	int64_t since_ms, until_ms;
	uint64_t after;
	bool hourly; /* what was told of hours */
	bool over, known, given;
	long status;
	struct fg_buf out;
};

static void request_free(struct history_request *h)
{
	struct fg_client *c = h->client;

	fg_buf_fini(&h->out);
	free(h);
	c->user = NULL;
	fg_client_release(c);
}

static int on_item(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct history_request *h = arg;

	h->after = item->seq;
	h->given = true;
	if (uncertain)
		return 0;
	fg_encode_json_raw(&h->out, h->gateway, desc, item);
	fg_buf_putc(&h->out, '\n');
	if (h->out.len + READING_MAX > PIECE_BYTES) {
		h->over = false;
		return 1;
	}
	return 0;
}

static void read_piece(uv_work_t *req)
{
	struct history_request *h = req->data;

	fg_buf_clear(&h->out);
	h->over = true;
	if (h->hourly)
		h->status = fg_reader_aggregates(h->reader, h->station, h->point, FG_TOLD_HOUR,
			h->since_ms, h->until_ms, h->after, on_item, h);
	else
		h->status = fg_reader_history(h->reader, h->station, h->point, h->since_ms,
			h->until_ms, h->after, on_item, h);
}

static void piece_read(uv_work_t *req, int status);

static void on_drained(struct fg_client *c)
{
	struct history_request *h = c->user;

	c->drained = NULL;
	if (c->closing)
		request_free(h);
	else
		uv_queue_work(&c->daemon->loop, &h->req, read_piece, piece_read);
}

static void piece_read(uv_work_t *req, int status)
{
	struct history_request *h = req->data;
	struct fg_client *c = h->client;

	fg_daemon_read_damage(c->daemon, h->status);
	if (status < 0 || h->status < 0) {
		fg_client_error(c, EX_TEMPFAIL, "the store cannot be read: %s",
			fg_strerror((int)h->status));
	} else if (h->over && !h->given && !h->known) {
		fg_client_error(c, EX_USAGE, "no point '%s/%s', neither configured nor stored",
			h->station, h->point);
	} else if (c->closing) {
		/* nobody reads */
	} else if (!h->over) {
		fg_client_write(c, h->out.data, h->out.len);
		if (!c->closing) {
			c->drained = on_drained;
			return;
		}
	} else {
		if (h->out.len)
			fg_client_write(c, h->out.data, h->out.len);
		fg_client_end(c);
	}
	request_free(h);
}

/* Whether the configuration has it. One that it has no more may still have readings. */
static bool series_known(const struct fg_series_set *set, const char *station, const char *point)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->items[i]->desc.station, station) == 0 &&
			strcmp(set->items[i]->desc.point, point) == 0)
			return true;
	return false;
}

void fg_control_history(
	struct fg_client *c, const char *series, const char *since, const char *until,
	const char *period)
{
	const char *slash = strchr(series, '/');
	struct history_request *h;
	int64_t since_ms, until_ms;

	if (!slash || (size_t)(slash - series) >= sizeof(h->station) ||
		strlen(slash + 1) >= sizeof(h->point) || fg_integer_parse(since, &since_ms) < 0 ||
		fg_integer_parse(until, &until_ms) < 0) {
		fg_client_error(c, EX_USAGE, "'%s' is not STATION/POINT", series);
		return;
	}
	if (period && strcmp(period, "hourly") != 0) {
		fg_client_error(c, EX_USAGE, "'%s' is not hourly", period);
		return;
	}
	h = calloc(1, sizeof(*h));
	if (!h) {
		fg_client_error(c, EX_TEMPFAIL, "out of memory");
		return;
	}
	h->req.data = h;
	h->client = c;
	h->reader = c->daemon->reader;
	memcpy(h->gateway, c->daemon->config->gateway.id,
		FG_MIN(strlen(c->daemon->config->gateway.id), sizeof(h->gateway) - 1));
	memcpy(h->station, series, (size_t)(slash - series));
	memcpy(h->point, slash + 1, strlen(slash + 1));
	h->known = series_known(&c->daemon->series, h->station, h->point);
	h->hourly = period;
	h->since_ms = since_ms;
	h->until_ms = until_ms;
	fg_buf_init(&h->out, 2 * PIECE_BYTES);
	c->user = h;
	fg_client_hold(c);
	uv_queue_work(&c->daemon->loop, &h->req, read_piece, piece_read);
}
