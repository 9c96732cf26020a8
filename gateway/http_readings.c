/* SPDX-License-Identifier: EUPL-1.2 */
/* /api/readings: what the store has of a point, as JSON or CSV. However long it is, the answer
 * takes a piece of memory; it is read slice by slice of time, so that the store's log can be
 * written back in between, and other clients have their turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "gateway/http_private.h"
#include "protocol/encode.h"
#include "web/accept.h"

#define PIECE_BYTES  (16u << 10)
#define BLOCK_BYTES  (16u << 10)
#define TURN_US	     20000 /* what one client may take before it is another one's turn */
/* Each slice also looks through what is in no index yet, so short ones are no gain. */
#define SLICE_MS     (6 * INT64_C(3600000))
#define SLICE_MIN_MS (INT64_C(3600000) / 2)
#define SLICE_MAX_MS (7 * INT64_C(86400000))
#define DAY_MS	     INT64_C(86400000)
#define LASTS_US     INT64_C(600000000) /* a client that is slower is left */

struct query {
	char station[64], point[64];
	int64_t since_ms, until_ms;
	bool csv, hourly;
	bool fixed; /* both ends are moments, not ages */
};

struct stream {
	struct fg_http *h;
	struct query q;
	char gateway[64];
	int64_t began_us;
	int64_t slice_ms, slice_from_ms, slice_to_ms;
	uint64_t after;	    /* within the slice */
	bool full;	    /* the piece was, before the slice was over */
	bool begun, ended;  /* the text */
	bool any;	    /* reading */
	struct fg_buf piece;
	size_t taken; /* of it */
};

/* ---- the store ---- */

struct fg_reader *fg_http_reader(struct fg_http *h)
{
	char mem[256];
	struct fg_buf why;

	fg_buf_wrap(&why, mem, sizeof(mem));
	if (!h->reader && fg_reader_open(h->store_file, &why, &h->reader) < 0) {
		fg_debug(FG_DEBUG_spool, "http: %s", why.data);
		h->reader = NULL;
	}
	return h->reader;
}

void fg_http_read_status(struct fg_http *h, long status)
{
	if (status >= 0)
		return;
	fg_reader_close(h->reader); /* the next one looks at the file anew */
	h->reader = NULL;
	if (status == FG_ECORRUPT)
		atomic_store(&h->damaged, true);
}

/* ---- text ---- */

static void put_csv_text(struct fg_buf *out, const char *text, size_t len)
{
	bool plain = true;

	for (size_t i = 0; i < len; i++)
		plain &= !strchr(",\"\r\n", text[i]);
	if (plain) {
		fg_buf_put(out, text, len);
		return;
	}
	fg_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			fg_buf_putc(out, '"');
		fg_buf_putc(out, text[i]);
	}
	fg_buf_putc(out, '"');
}

/* The columns of `fjordctl history --csv`. */
static void put_csv(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item)
{
	char time[FG_RFC3339_SIZE], why[FG_REASON_SIZE];

	fg_rfc3339(item->wall_ms, time);
	fg_buf_printf(out, "%s:%llu,%s,%s,%s,%s,", gateway, (unsigned long long)item->seq, time,
		desc->station, desc->device, desc->point);
	if (item->value.kind == FG_KIND_TEXT)
		put_csv_text(out, item->value.text, item->value.len);
	else if (item->value.kind != FG_KIND_NONE)
		fg_encode_value(out, &item->value, desc->decimals);
	fg_buf_putc(out, ',');
	put_csv_text(out, desc->unit, strlen(desc->unit));
	fg_buf_printf(out, ",%d,%s", (int)item->qc,
		item->reason ? fg_reason_text(item->reason, item->detail, why) : "");
	if (item->aggregate)
		fg_buf_printf(out, ",%s", fg_stat_text(desc->stat));
	fg_buf_puts(out, "\r\n");
}

static void begin_text(struct stream *s)
{
	s->begun = true;
	if (!s->q.csv)
		fg_buf_puts(&s->piece, "[");
	else
		fg_buf_printf(&s->piece, "id,time,station,device,point,value,unit,qc,reason%s\r\n",
			s->q.hourly ? ",stat" : "");
}

static void end_text(struct stream *s)
{
	s->ended = true;
	if (!s->q.csv)
		fg_buf_puts(&s->piece, "\n]\n");
}

static int on_item(
	void *arg, const struct fg_item *item, const struct fg_point_desc *desc, bool uncertain)
{
	struct stream *s = arg;

	s->after = item->seq;
	if (uncertain)
		return 0;
	if (s->q.csv) {
		put_csv(&s->piece, s->gateway, desc, item);
	} else {
		fg_buf_puts(&s->piece, s->any ? ",\n" : "\n");
		fg_encode_json(&s->piece, s->gateway, desc, item);
	}
	s->any = true;
	s->full = s->piece.len + FG_READING_JSON_MAX > PIECE_BYTES;
	return s->full;
}

/* ---- reading ---- */

static long read_slice(struct stream *s, struct fg_reader *reader)
{
	const struct query *q = &s->q;

	if (q->hourly)
		return fg_reader_aggregates(reader, q->station, q->point, FG_TOLD_HOUR,
			s->slice_from_ms, s->slice_to_ms, s->after, on_item, s);
	return fg_reader_history(reader, q->station, q->point, s->slice_from_ms, s->slice_to_ms,
		s->after, on_item, s);
}

static void next_slice(struct stream *s, int64_t took_us)
{
	if (took_us > 4 * TURN_US)
		s->slice_ms = FG_MAX(s->slice_ms / 2, SLICE_MIN_MS);
	else if (took_us < TURN_US)
		s->slice_ms = FG_MIN(s->slice_ms * 2, SLICE_MAX_MS);
	s->slice_from_ms = s->slice_to_ms;
	s->slice_to_ms = FG_MIN(s->slice_from_ms + s->slice_ms, s->q.until_ms);
	s->after = 0;
}

/* Fills the piece as far as one turn goes; it may be empty then. */
static int fill(struct stream *s)
{
	struct fg_reader *reader = fg_http_reader(s->h);
	int64_t began_us = fg_clock_mono_us(), took_us = 0;
	long given;

	fg_buf_clear(&s->piece);
	s->taken = 0;
	if (!reader)
		return FG_EAGAIN;
	if (!s->begun)
		begin_text(s);
	while (!s->full && s->slice_from_ms < s->q.until_ms && took_us < TURN_US) {
		int64_t slice_us = fg_clock_mono_us();

		given = read_slice(s, reader);
		took_us = fg_clock_mono_us() - began_us;
		if (given < 0) {
			fg_http_read_status(s->h, given);
			return (int)given;
		}
		if (!s->full)
			next_slice(s, fg_clock_mono_us() - slice_us);
	}
	s->full = false;
	if (s->slice_from_ms >= s->q.until_ms && !s->ended)
		end_text(s);
	return s->piece.overflow ? FG_ENOMEM : FG_OK;
}

static ssize_t on_wanted(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = arg;
	size_t n;

	(void)pos;
	if (s->taken == s->piece.len) {
		if (s->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (fg_clock_mono_us() - s->began_us > LASTS_US || fill(s) < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	n = FG_MIN(max, s->piece.len - s->taken);
	memcpy(buf, s->piece.data + s->taken, n);
	s->taken += n;
	return (ssize_t)n; /* 0: it is asked again */
}

static void on_gone(void *arg)
{
	struct stream *s = arg;

	fg_buf_fini(&s->piece);
	free(s);
}

/* ---- the request ---- */

/* An RFC 3339 time, whose plus was not escaped perhaps, or an age such as 24h. */
static bool parse_moment(const char *text, int64_t now_ms, int64_t *ret_ms, bool *fixed)
{
	char copy[48];
	size_t len = strlen(text);
	int64_t age_us;

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len + 1);
	if (len > 16 && copy[len - 6] == ' ')
		copy[len - 6] = '+';
	if (fg_rfc3339_parse(copy, ret_ms) == FG_OK)
		return true;
	if (fg_duration_parse(text, &age_us) < 0)
		return false;
	*ret_ms = now_ms - age_us / 1000;
	*fixed = false;
	return true;
}

static bool known(const struct fg_view *v, const struct query *q)
{
	for (size_t i = 0; i < v->point_count; i++)
		if (strcmp(v->points[i].name, q->point) == 0 &&
			strcmp(v->stations[v->points[i].station].name, q->station) == 0)
			return true;
	return false;
}

/* NULL: all is well; else what is wrong. */
static const char *parse_period(const struct fg_http_request *r, struct query *q)
{
	const char *since = fg_http_argument(r, "since"), *until = fg_http_argument(r, "until");
	int64_t now_ms = r->h->view->wall_ms;

	q->fixed = since && until;
	q->until_ms = now_ms + 60000; /* what a sensor tells may be a little ahead */
	if (until && !parse_moment(until, now_ms, &q->until_ms, &q->fixed))
		return "until is not a time such as 2026-07-01T12:00:00Z nor an age such as 1h";
	q->since_ms = FG_MIN(q->until_ms, now_ms) - DAY_MS;
	if (since && !parse_moment(since, now_ms, &q->since_ms, &q->fixed))
		return "since is not a time such as 2026-07-01T12:00:00Z nor an age such as 24h";
	if (q->since_ms >= q->until_ms)
		return "since is not before until";
	if (q->until_ms - q->since_ms > FG_HTTP_PERIOD_MS + DAY_MS)
		return "more than 31 days; ask for less at a time";
	return NULL;
}

static const char *parse_form(const struct fg_http_request *r, struct query *q, unsigned *status)
{
	static const char *const types[] = {"application/json", "text/csv"};
	const char *format = fg_http_argument(r, "format");
	const char *period = fg_http_argument(r, "period");
	int type;

	q->hourly = period;
	if (period && strcmp(period, "PT1H") != 0)
		return "period is PT1H, or left out for the readings themselves";
	if (format) {
		q->csv = strcmp(format, "csv") == 0;
		return q->csv || strcmp(format, "json") == 0 ? NULL : "format is json or csv";
	}
	type = fg_accept_type(fg_http_header(r, "Accept"), types, FG_COUNT(types));
	q->csv = type == 1;
	if (type >= 0)
		return NULL;
	*status = MHD_HTTP_NOT_ACCEPTABLE;
	return "there is application/json and text/csv";
}

static const char *parse_point(const struct fg_http_request *r, struct query *q)
{
	const char *point = fg_http_argument(r, "point");
	const char *slash = point ? strchr(point, '/') : NULL;

	if (!slash || (size_t)(slash - point) >= sizeof(q->station) ||
		strlen(slash + 1) >= sizeof(q->point))
		return "point is missing, or not STATION/POINT";
	memcpy(q->station, point, (size_t)(slash - point));
	memcpy(q->point, slash + 1, strlen(slash + 1));
	return NULL;
}

/* Of an answer that changes only when a reading comes, a tag: nothing is read for it. */
static bool make_tag(const struct fg_http *h, const struct query *q, char etag[64])
{
	if (!q->fixed)
		return false;
	snprintf(etag, 64, "\"r%llu-%d%d\"", (unsigned long long)h->view->committed_next, q->csv,
		q->hourly);
	return true;
}

static struct MHD_Response *make_stream(struct fg_http *h, const struct query *q)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct MHD_Response *r;

	if (!s)
		return NULL;
	s->h = h;
	s->q = *q;
	snprintf(s->gateway, sizeof(s->gateway), "%s", h->view->gateway);
	s->began_us = fg_clock_mono_us();
	s->slice_ms = SLICE_MS;
	s->slice_from_ms = q->since_ms;
	s->slice_to_ms = FG_MIN(q->since_ms + SLICE_MS, q->until_ms);
	fg_buf_init(&s->piece, 2 * PIECE_BYTES);
	r = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_wanted, s, on_gone);
	if (!r)
		on_gone(s);
	return r;
}

static enum MHD_Result give(const struct fg_http_request *r, const struct query *q)
{
	char etag[64];
	bool tagged = make_tag(r->h, q, etag);
	bool same = tagged && fg_accept_matches(fg_http_header(r, "If-None-Match"), etag);
	struct MHD_Response *answer =
		same ? MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT)
		     : make_stream(r->h, q);

	if (!answer)
		return MHD_NO;
	fg_http_heads(answer,
		q->csv ? "text/csv; charset=utf-8; header=present" : "application/json", true);
	MHD_add_response_header(answer, "Vary", "Accept");
	MHD_add_response_header(answer, "Cache-Control", "no-cache");
	if (tagged)
		MHD_add_response_header(answer, "ETag", etag);
	return fg_http_queue(r, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, answer);
}

enum MHD_Result fg_http_readings(const struct fg_http_request *r)
{
	static const char *const names[] = {"point", "since", "until", "period", "format", NULL};
	unsigned status = MHD_HTTP_BAD_REQUEST;
	struct query q = {{0}, {0}, 0, 0, false, false, false};
	const char *other = fg_http_unknown_argument(r, names), *why;

	if (!r->h->view)
		return fg_http_refuse(
			r, MHD_HTTP_SERVICE_UNAVAILABLE, "the gateway has just started");
	if (other)
		return fg_http_refuse(r, status,
			"unknown parameter '%.40s'; there is point, since, until, period, format",
			other);
	why = parse_point(r, &q);
	if (!why)
		why = parse_period(r, &q);
	if (!why)
		why = parse_form(r, &q, &status);
	if (why)
		return fg_http_refuse(r, status, "%s", why);
	if (!known(r->h->view, &q))
		return fg_http_refuse(r, MHD_HTTP_NOT_FOUND,
			"no point '%s/%s'; /api/stations lists them", q.station, q.point);
	if (!fg_http_reader(r->h))
		return fg_http_refuse(
			r, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read now");
	return give(r, &q);
}
