/* SPDX-License-Identifier: EUPL-1.2 */
/* What a request to the coap-server driver means, and what is answered: pure, over hostile
 * bytes. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"
#include "drivers/coap_server.h"

#define FORMAT_LINKS	 40
#define FORMAT_BYTES	 42
#define WELL_KNOWN	 "/.well-known/core"
#define NAME_MAX_LEN	 256
#define NOT_NOW_S	 60
#define GOING_S		 10
#define AHEAD_US	 INT64_C(60000000)

static const struct fg_push_device *conf_of(const struct fg_device *d)
{
	return d->conf;
}

/* Whether its payloads are to say whose they are. */
static bool says_who(const struct fg_device *d)
{
	const struct fg_payload_place *place = &conf_of(d)->payload.identity;

	return place->json || place->at.given || place->field.count;
}

/* Without the slashes at its ends. */
static const char *bare(const char *path, size_t *ret_len)
{
	size_t len;

	while (*path == '/')
		path++;
	len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	*ret_len = len;
	return path;
}

static bool same_path(const char *a, const char *b)
{
	size_t a_len, b_len;

	a = bare(a, &a_len);
	b = bare(b, &b_len);
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* A device's own path, or that of one of its points. */
static bool reports_to(const struct fg_device *d, const char *path)
{
	const char *own = conf_of(d)->path;

	if (same_path(own ? own : d->name, path))
		return true;
	for (size_t i = 0; i < d->read_count; i++) {
		const struct fg_payload_point *p = d->points[i].conf;

		if (p->path && same_path(p->path, path))
			return true;
	}
	return false;
}

static bool is_identity(const struct fg_device *d, const char *identity)
{
	const char *own = conf_of(d)->identity;

	return !identity || strcmp(own ? own : d->name, identity) == 0;
}

static const char *sender_of(const struct fg_device *d)
{
	return conf_of(d)->sender ? conf_of(d)->sender : d->name;
}

/* A base name of SenML ends with a separator as a rule. */
static bool is_sender(const struct fg_device *d, const char *name)
{
	const char *own = sender_of(d);
	size_t len = strlen(own);

	return strncmp(name, own, len) == 0 &&
	       (name[len] == '\0' || (strchr(":/-._", name[len]) && name[len + 1] == '\0'));
}

static void fail(struct fg_push_answer *ret, unsigned code, const char *why)
{
	ret->code = code;
	ret->format = FG_COAP_FORMAT_NONE;
	snprintf(ret->why, sizeof(ret->why), "%s", why);
}

/* ---- which device ---- */

struct choice {
	const struct fg_device *device;
	size_t by_path, by_identity;
};

static void choose(const struct fg_link *link, const struct fg_push_request *req, struct choice *c)
{
	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device *d = link->devices[i];

		if (!reports_to(d, req->path))
			continue;
		c->by_path++;
		if (!is_identity(d, req->identity))
			continue;
		c->by_identity++;
		c->device = d;
	}
}

/* Where several share a path and a key, the payload says which it is. Where one is told to say so,
 * it must not speak for another one. */
static const struct fg_device *by_payload(const struct fg_link *link,
	const struct fg_push_request *req, const struct fg_payload *p, bool *ret_says)
{
	char name[NAME_MAX_LEN];

	*ret_says = false;
	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device *d = link->devices[i];

		if (!reports_to(d, req->path) || !is_identity(d, req->identity) ||
			fg_payload_identity(&conf_of(d)->payload, p, name, sizeof(name)) < 0)
			continue;
		*ret_says = true;
		if (is_sender(d, name))
			return d;
	}
	return NULL;
}

static const struct fg_device *device_of(const struct fg_link *link,
	const struct fg_push_request *req, const struct fg_payload *p, struct fg_push_answer *ret)
{
	struct choice c = {0};
	const struct fg_device *named;
	bool says;

	choose(link, req, &c);
	if (c.by_path == 0) {
		fail(ret, FG_COAP_CODE(4, 4), "no device reports to this path");
		return NULL;
	}
	if (c.by_identity == 0) {
		fail(ret, FG_COAP_CODE(4, 3), "this identity may not report as that device");
		return NULL;
	}
	if (c.by_identity == 1 && !says_who(c.device))
		return c.device;
	named = by_payload(link, req, p, &says);
	if (!named)
		fail(ret, says ? FG_COAP_CODE(4, 3) : FG_COAP_CODE(4, 0),
			says ? "the payload is of a device that is not known here"
			     : "the payload does not say which device it is of");
	return named;
}

/* ---- its readings ---- */

struct intake {
	struct fg_delivery *delivery;
	const struct fg_push_request *req;
	bool future;
	size_t good, bad;
	char why[FG_PAYLOAD_WHY];
};

static int take(void *arg, const struct fg_payload_reading *from)
{
	struct intake *in = arg;
	struct fg_batch *batch = &in->delivery->batch;
	struct fg_reading *r = fg_batch_add(batch, from->reading.point, in->req->arrived_mono_us);

	if (!r)
		return FG_EFULL;
	*r = from->reading;
	r->taken_mono_us = in->req->arrived_mono_us;
	if (from->clock == FG_PAYLOAD_WALL) {
		r->told = true;
		r->told_wall_ms = from->time_us / 1000;
	} else if (from->clock == FG_PAYLOAD_RELATIVE) {
		in->future |= from->time_us > AHEAD_US;
		r->taken_mono_us += FG_MIN(from->time_us, INT64_C(0));
	}
	if (r->value.kind == FG_KIND_TEXT) {
		if (batch->text_cap - batch->text_len < r->value.len)
			return FG_EFULL;
		fg_batch_set_text(batch, r, from->reading.value.text, from->reading.value.len);
	}
	if (r->qc == FG_QC_MISSING && r->reason != FG_REASON_SENTINEL) {
		in->bad++;
		if (!in->why[0])
			snprintf(in->why, sizeof(in->why), "%.60s: %.160s", from->point->name,
				from->why);
	} else {
		in->good++;
	}
	return FG_OK;
}

/* The points that are read from this path. */
static size_t points_for(
	const struct fg_device *d, const char *path, const struct fg_point **ret, size_t max)
{
	const char *own = conf_of(d)->path ? conf_of(d)->path : d->name;
	size_t n = 0;

	for (size_t i = 0; i < d->read_count && n < max; i++) {
		const struct fg_payload_point *p = d->points[i].conf;

		if (same_path(p->path ? p->path : own, path))
			ret[n++] = &d->points[i];
	}
	return n;
}

static void refuse_payload(struct fg_push_answer *ret, int status, const char *why)
{
	unsigned code = status == FG_EINVAL ? FG_COAP_CODE(4, 15)
			: status == FG_EFULL ? FG_COAP_CODE(4, 13)
					     : FG_COAP_CODE(4, 0);

	fail(ret, code, status == FG_EFULL ? "more readings than one message may have" : why);
}

#define POINTS_MAX 512

static void decode(const struct fg_device *d, const struct fg_push_request *req,
	const struct fg_payload *p, struct fg_push_answer *ret)
{
	const struct fg_point *points[POINTS_MAX];
	struct intake in = {.req = req};
	char why[FG_PAYLOAD_WHY] = "";
	int r;

	in.delivery = fg_delivery_new(d, FG_DELIVERY_READINGS, FG_DELIVERY_TEXT,
		req->arrived_mono_us);
	if (!in.delivery) {
		fg_push_outcome(FG_EFULL, ret);
		return;
	}
	in.delivery->message = req->message;
	in.delivery->kept = true;
	r = fg_payload_all(&conf_of(d)->payload, points,
		points_for(d, req->path, points, POINTS_MAX), p, take, &in, why);
	if (r < 0) {
		refuse_payload(ret, r, why);
	} else if (in.future) {
		fg_push_outcome(FG_EINVAL, ret);
	} else if (in.good == 0) {
		refuse_payload(ret, FG_EDECODE, in.bad ? in.why : "nothing for any point");
	} else {
		ret->code = FG_COAP_CODE(2, 4);
		ret->delivery = in.delivery;
		return;
	}
	fg_delivery_free(in.delivery);
}

/* ---- what is asked ---- */

static bool is_listed(const struct fg_link *link, size_t i, const char *identity)
{
	const struct fg_device *d = link->devices[i];
	const char *own = conf_of(d)->path ? conf_of(d)->path : d->name;

	if (!is_identity(d, identity))
		return false;
	for (size_t k = 0; k < i; k++) { /* those that share it are listed once */
		const struct fg_device *other = link->devices[k];
		const char *path = conf_of(other)->path ? conf_of(other)->path : other->name;

		if (is_identity(other, identity) && same_path(path, own))
			return false;
	}
	return true;
}

/* RFC 6690: the paths that this peer may report to. */
static void put_links(
	const struct fg_link *link, const struct fg_push_request *req, struct fg_buf *out)
{
	const struct fg_push_link *conf = link->conf;
	const char *path;
	size_t len;

	for (size_t i = 0; i < link->device_count; i++) {
		const struct fg_device *d = link->devices[i];

		if (!is_listed(link, i, req->identity))
			continue;
		path = bare(conf_of(d)->path ? conf_of(d)->path : d->name, &len);
		fg_buf_printf(
			out, "%s</%.*s>;rt=\"readings\"", out->len ? "," : "", (int)len, path);
		for (size_t k = 0; k < d->read_count; k++) {
			const struct fg_payload_point *p = d->points[k].conf;

			if (!p->path)
				continue;
			path = bare(p->path, &len);
			fg_buf_printf(out, ",</%.*s>;rt=\"readings\"", (int)len, path);
		}
	}
	path = bare(conf->time_path, &len);
	fg_buf_printf(out, "%s</%.*s>;rt=\"time\";ct=0", out->len ? "," : "", (int)len, path);
}

/* Seconds since 1970: as a text where it is asked for, in four bytes where a sensor posts. */
static void tell_time(const struct fg_push_request *req, struct fg_push_answer *ret)
{
	uint32_t s = (uint32_t)(req->wall_us / 1000000);
	const unsigned char bytes[4] = {(unsigned char)(s >> 24), (unsigned char)(s >> 16),
		(unsigned char)(s >> 8), (unsigned char)s};

	if (req->wall_us <= 0) {
		fg_push_outcome(FG_EAGAIN, ret);
		return;
	}
	ret->code = FG_COAP_CODE(2, 5);
	if (req->method == FG_PUSH_POST) {
		ret->format = FORMAT_BYTES;
		fg_buf_put(ret->body, bytes, sizeof(bytes));
	} else {
		ret->format = FG_COAP_FORMAT_TEXT;
		fg_buf_printf(ret->body, "%lu", (unsigned long)s);
	}
}

static void answer_get(const struct fg_link *link, const struct fg_push_request *req,
	struct fg_push_answer *ret)
{
	struct choice c = {0};

	if (same_path(req->path, WELL_KNOWN)) {
		if (req->accept != FG_COAP_FORMAT_NONE && req->accept != FORMAT_LINKS) {
			fail(ret, FG_COAP_CODE(4, 6), "only as application/link-format");
			return;
		}
		ret->code = FG_COAP_CODE(2, 5);
		ret->format = FORMAT_LINKS;
		put_links(link, req, ret->body);
		return;
	}
	choose(link, req, &c);
	if (c.by_path)
		fail(ret, FG_COAP_CODE(4, 5), "readings are sent here, with POST or PUT");
	else
		fail(ret, FG_COAP_CODE(4, 4), "nothing here");
}

void fg_push_answer(const struct fg_link *link, const struct fg_push_request *req,
	struct fg_push_answer *ret)
{
	const struct fg_push_link *conf = link->conf;
	const struct fg_payload p = {.format = req->format,
		.data = req->data,
		.len = req->len,
		.path = req->path,
		.taken_mono_us = req->arrived_mono_us};
	const struct fg_device *d;

	*ret = (struct fg_push_answer){.body = ret->body, .format = FG_COAP_FORMAT_NONE};
	if (fg_push_is_secure(conf) && !req->identity) {
		fail(ret, FG_COAP_CODE(4, 1), "this session has no identity");
	} else if (same_path(req->path, conf->time_path) &&
		   (req->method == FG_PUSH_GET || req->method == FG_PUSH_POST)) {
		tell_time(req, ret);
	} else if (req->method == FG_PUSH_GET) {
		answer_get(link, req, ret);
	} else if (req->method != FG_PUSH_POST && req->method != FG_PUSH_PUT) {
		fail(ret, FG_COAP_CODE(4, 5), "readings are sent with POST or PUT");
	} else if (req->len == 0) {
		fail(ret, FG_COAP_CODE(4, 0), "no payload");
	} else {
		d = device_of(link, req, &p, ret);
		if (d)
			decode(d, req, &p, ret);
	}
}

void fg_push_outcome(int status, struct fg_push_answer *ret)
{
	ret->format = FG_COAP_FORMAT_NONE;
	switch (status) {
	case FG_OK:
		ret->code = FG_COAP_CODE(2, 4);
		return;
	case FG_EINVAL:
		fail(ret, FG_COAP_CODE(4, 0),
			"a time in the future, or before 2010: set the sensor's clock");
		return;
	case FG_EAGAIN:
		fail(ret, FG_COAP_CODE(5, 3), "the gateway does not know the time yet");
		ret->max_age_s = NOT_NOW_S;
		return;
	case FG_ECANCELED:
		fail(ret, FG_COAP_CODE(5, 3), "the gateway stops or changes");
		ret->max_age_s = GOING_S;
		return;
	default:
		fail(ret, FG_COAP_CODE(5, 3), "the gateway cannot store it now");
		ret->max_age_s = NOT_NOW_S;
	}
}
