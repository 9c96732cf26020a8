/* SPDX-License-Identifier: EUPL-1.2 */
/* A publisher's payloads: what its encoders make of readings, and how that goes out. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/plant.h"
#include "base/status.h"
#include "gateway/documents.h"
#include "gateway/hours.h"
#include "gateway/publisher_private.h"
#include "gateway/selection.h"
#include "protocol/encode.h"

/* An account of FG_ACCOUNT_LINES points with names as long as they may be. */
#define PAYLOAD_MAX 16384
#define TOPIC_MAX   512
/* All messages of a parcel of several readings; the session takes them at once. */
#define PARCEL_BYTES (1u << 16)
/* What MQTT puts around topic and payload, with the properties of a reading. */
#define HEAD_MAX 768
/* Readings that are farther apart are not of one poll. */
#define TOGETHER_MS 60000
/* So many readings may be under way where messages carry several. */
#define CARRIED_MAX 2048

/* ---- life ---- */

int fg_pub_payloads_site(struct fg_publisher *p)
{
	const struct fg_config *c = p->config;

	p->site = (struct fg_site){
		.gateway = c->gateway.id,
		.title = c->gateway.title,
		.operator= c->gateway.operator,
		.contact = c->gateway.contact,
		.licence = c->gateway.licence,
		.stations = c->stations,
		.station_count = c->station_count,
		.devices = c->devices,
		.device_count = c->device_count,
		.language = (enum fg_language)c->gateway.language,
	};
	return p->spark ? fg_spark_configure(p->spark, c, p->conf, &p->site, p->series) : FG_OK;
}

static int add_payload(struct fg_publisher *p, uint8_t number)
{
	struct fg_payload *to = &p->payloads[p->payload_count];

	*to = (struct fg_payload){.number = number, .encoder = fg_encoders[number]};
	if (to->encoder->state_size) {
		to->state = calloc(1, to->encoder->state_size);
		if (!to->state)
			return FG_ENOMEM;
	}
	p->payload_count++;
	return FG_OK;
}

/* The form of a payload's messages of readings that wait for others, where they do. */
static bool is_batch(const struct fg_publisher *p, const struct fg_encoder *encoder,
	const struct fg_item *item)
{
	return p->conf->batch_us && encoder->encode_batch && item->kind == FG_ITEM_READING;
}

static int encode(const struct fg_publisher *p, const struct fg_encoder *encoder,
	const struct fg_encoding *e, const struct fg_entry *entries, size_t n,
	struct fg_buf *topic, struct fg_buf *text)
{
	return is_batch(p, encoder, &entries->item)
		       ? encoder->encode_batch(e, entries, n, topic, text)
		       : encoder->encode(e, entries, n, topic, text);
}

/* How much may be under way: messages, readings, and memory to make them in. */
static void set_bounds(struct fg_publisher *p)
{
	size_t each = 0, packs = 0;

	for (size_t i = 0; i < p->payload_count; i++) {
		const struct fg_encoder *encoder = p->payloads[i].encoder;

		if (!encoder->encode)
			continue;
		each += encoder->form == FG_ENCODER_EACH;
		packs += encoder->form == FG_ENCODER_PACK ||
			 (p->conf->batch_us && encoder->encode_batch);
	}
	packs += p->spark != NULL;
	p->pack_max = packs ? FG_PACK_MAX : 1;
	p->message_max = FG_MAX(p->pack_max * each + packs, 1);
	p->window = FG_MAX((unsigned)FG_MAX(p->conf->inflight, 1) * 2, (unsigned)p->message_max);
	p->carried_max = packs ? FG_MAX(p->window, CARRIED_MAX) : p->window;
	p->scratch_size = p->message_max > 1 || packs ? PARCEL_BYTES : PAYLOAD_MAX + TOPIC_MAX;
}

int fg_pub_payloads_init(struct fg_publisher *p)
{
	int r = FG_OK;

	p->payloads = calloc(fg_encoder_count, sizeof(*p->payloads));
	if (!p->payloads)
		return FG_ENOMEM;
	for (size_t i = 0; i < fg_encoder_count && r == FG_OK; i++)
		if (p->conf->payload >> i & 1)
			r = add_payload(p, (uint8_t)i);
	if (r == FG_OK && p->conf->sparkplug)
		r = fg_spark_new(&p->spark);
	set_bounds(p);
	p->scratch = malloc(p->scratch_size);
	p->messages = calloc(p->message_max, sizeof(*p->messages));
	p->drafts = calloc(p->message_max, sizeof(*p->drafts));
	return r < 0 || !p->scratch || !p->messages || !p->drafts ? FG_ENOMEM : FG_OK;
}

void fg_pub_payloads_fini(struct fg_publisher *p)
{
	for (size_t i = 0; i < p->payload_count; i++)
		free(p->payloads[i].state);
	free(p->payloads);
	fg_spark_free(p->spark);
	free(p->scratch);
	free(p->messages);
	free(p->drafts);
}

static bool device_up(void *arg, const struct fg_device *device)
{
	const struct fg_publisher *p = arg;

	return p->ports->device_up && p->ports->device_up(p->ports->arg, device);
}

static bool selects(void *arg, const struct fg_point *point)
{
	const struct fg_publisher *p = arg;
	const struct fg_point_desc desc = fg_series_desc(point);

	return fg_selects_point(p->conf, &desc);
}

static struct fg_encoding encoding_of(struct fg_publisher *p, const struct fg_payload *payload)
{
	return (struct fg_encoding){
		.site = &p->site,
		.prefix = p->conf->prefix,
		.options = p->conf->options[payload->number],
		.state = payload->state,
		.now_ms = p->now_wall_ms,
		.device_up = device_up,
		.selects = selects,
		.arg = p,
	};
}

size_t fg_pub_payloads_documents(struct fg_publisher *p, size_t first)
{
	for (size_t i = 0; i < p->payload_count; i++) {
		struct fg_payload *payload = &p->payloads[i];
		const struct fg_encoding e = encoding_of(p, payload);

		payload->first_document = first;
		payload->documents =
			payload->encoder->documents && !p->conf->withdraw
				? payload->encoder->documents(&e)
				: 0;
		if (p->spark)
			payload->documents = fg_spark_documents(p->spark);
		first += payload->documents;
	}
	return first;
}

void fg_pub_payloads_inherit(struct fg_publisher *p, struct fg_publisher *from)
{
	for (size_t i = 0; i < p->payload_count; i++) {
		struct fg_payload *to = &p->payloads[i];

		for (size_t k = 0; k < from->payload_count; k++) {
			struct fg_payload *old = &from->payloads[k];
			void *state = to->state;

			if (old->number != to->number)
				continue;
			to->state = old->state;
			old->state = state;
			to->messages = old->messages;
			to->readings = old->readings;
			to->bytes = old->bytes;
		}
	}
}

void fg_pub_payloads_status(const struct fg_publisher *p, struct fg_json *j)
{
	fg_json_array(j, "payloads");
	for (size_t i = 0; i < p->payload_count; i++) {
		const struct fg_payload *payload = &p->payloads[i];

		fg_json_object(j, NULL);
		fg_json_text(j, "name", fg_encoder_names[payload->number]);
		fg_json_uint(j, "messages", payload->messages);
		fg_json_uint(j, "readings", payload->readings);
		fg_json_uint(j, "bytes", payload->bytes);
		if (payload->readings)
			fg_json_uint(j, "bytes_per_reading",
				(payload->bytes + payload->readings / 2) / payload->readings);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

/* ---- what they publish retained ---- */

/* The topics of one payload's messages of a series: by a reading that stands for all. */
static void add_series_topic(struct fg_publisher *p, const struct fg_payload *payload,
	const struct fg_point_desc *desc,
	void (*add)(struct fg_topic_list *list, const char *topic), struct fg_topic_list *list)
{
	static const struct fg_aggregate aggregate = {.expected = 1, .count = 1};
	const bool period = desc->period != FG_TOLD_NONE;
	const struct fg_entry entry = {.desc = desc,
		.newest = true,
		.item = {.kind = period ? FG_ITEM_AGGREGATE : FG_ITEM_READING,
			.aggregate = period ? &aggregate : NULL,
			.qc = FG_QC_PASS,
			.value = {.kind = FG_KIND_INT}}};
	const struct fg_encoding e = encoding_of(p, payload);
	char topic_mem[TOPIC_MAX], text_mem[PAYLOAD_MAX];
	struct fg_buf topic, text;

	if (!fg_selects_point(p->conf, desc))
		return;
	fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
	fg_buf_wrap(&text, text_mem, sizeof(text_mem));
	if (encode(p, payload->encoder, &e, &entry, 1, &topic, &text) == FG_OK && !topic.overflow)
		add(list, topic.data);
}

static void add_readings(struct fg_publisher *p, const struct fg_payload *payload,
	void (*add)(struct fg_topic_list *list, const char *topic), struct fg_topic_list *list)
{
	if (!payload->encoder->encode || !payload->encoder->retained)
		return;
	for (size_t i = 0; i < p->config->point_count; i++) {
		const struct fg_point *point = p->config->points[i];
		struct fg_point_desc desc = fg_series_desc(point);

		add_series_topic(p, payload, &desc, add, list);
		for (size_t n = 0; n < fg_hours_count_of(point); n++) {
			desc = fg_hours_series_of(point, n).desc;
			add_series_topic(p, payload, &desc, add, list);
		}
		if (point->hourly.leads) {
			desc = fg_hours_station_class(p->config, point).desc;
			add_series_topic(p, payload, &desc, add, list);
		}
	}
}

/* On a state of its own: nobody is told that a document was made. */
static void add_encoder_documents(struct fg_publisher *p, const struct fg_payload *payload,
	void (*add)(struct fg_topic_list *list, const char *topic), struct fg_topic_list *list)
{
	struct fg_encoding e = encoding_of(p, payload);
	char topic_mem[TOPIC_MAX];
	struct fg_buf topic, text;
	bool retain;

	if (!payload->documents || p->spark) /* of births nothing is retained */
		return;
	e.state = calloc(1, payload->encoder->state_size + 1);
	fg_buf_init(&text, FG_DOCUMENT_MAX);
	for (size_t i = 0; i < payload->documents && e.state; i++) {
		fg_buf_wrap(&topic, topic_mem, sizeof(topic_mem));
		fg_buf_clear(&text);
		retain = true;
		if (payload->encoder->document(&e, i, &topic, &text, &retain) == FG_OK && retain &&
			!topic.overflow)
			add(list, topic.data);
	}
	fg_buf_fini(&text);
	free(e.state);
}

void fg_pub_payloads_topics(struct fg_publisher *p,
	void (*add)(struct fg_topic_list *list, const char *topic), struct fg_topic_list *list)
{
	for (size_t i = 0; i < p->payload_count; i++) {
		add_readings(p, &p->payloads[i], add, list);
		add_encoder_documents(p, &p->payloads[i], add, list);
	}
}

/* ---- what goes together ---- */

bool fg_pub_of_one_device(const struct fg_point_desc *a, const struct fg_point_desc *b)
{
	return strcmp(a->device, b->device) == 0 && strcmp(a->station, b->station) == 0 &&
	       strcmp(a->domain, b->domain) == 0;
}

static bool goes_along(const struct fg_publisher *p, const struct fg_load *load,
	const struct fg_item *item, const struct fg_point_desc *desc)
{
	const struct fg_entry *first = &load->entries[0];

	if (item->kind != first->item.kind || !fg_item_is_state(item) || item->replaces ||
		first->item.replaces || !fg_pub_of_one_device(desc, first->desc) ||
		desc->period != first->desc->period || desc->stat != first->desc->stat)
		return false;
	if (p->conf->batch_us && item->kind == FG_ITEM_READING)
		return true;
	if (llabs(item->wall_ms - first->item.wall_ms) > TOGETHER_MS)
		return false;
	for (size_t i = 0; i < load->count; i++)
		if (load->entries[i].item.point == item->point)
			return false; /* of another poll */
	return true;
}

bool fg_pub_load(const struct fg_publisher *p, struct fg_load *load, const struct fg_item *item,
	const struct fg_point_desc *desc, bool newest, size_t at)
{
	const size_t most = p->suspect.alone ? 1 : p->pack_max;

	if (load->count && (load->count >= most || !goes_along(p, load, item, desc)))
		return false;
	load->entries[load->count] =
		(struct fg_entry){.item = *item, .desc = desc, .newest = newest};
	load->at[load->count++] = at;
	return true;
}

/* ---- messages ---- */

/* The messages of a parcel while they are made. */
struct draft {
	struct fg_publisher *p;
	const struct fg_load *load;
	size_t n; /* entries of the load */
	size_t used, count;
	bool decides; /* the payload at work */
};

/* One more message, of entries [from, from + n) by a payload; NULL: of a gap or an account, which
 * are JSON whatever the payloads. FG_ENOENT: it says nothing of them. */
static int draft_message(struct draft *d, const struct fg_payload *payload, size_t from, size_t n)
{
	struct fg_publisher *p = d->p;
	const struct fg_entry *entries = &d->load->entries[from];
	const uint8_t number = payload ? payload->number : FG_ENCODER_json;
	struct fg_buf topic, text;
	bool newest = true;
	int r;

	if (d->used + TOPIC_MAX > p->scratch_size)
		return FG_EFULL;
	fg_buf_wrap(&topic, p->scratch + d->used, TOPIC_MAX);
	fg_buf_wrap(&text, p->scratch + d->used + TOPIC_MAX,
		p->scratch_size - d->used - TOPIC_MAX);
	if (payload) {
		const struct fg_encoding e = encoding_of(p, payload);

		r = p->spark ? fg_spark_encode(p->spark, &e, entries, n, &topic, &text)
			     : encode(p, payload->encoder, &e, entries, n, &topic, &text);
	} else {
		r = fg_topic_item(&topic, p->conf->prefix, p->gateway, entries->desc,
			    &entries->item) &&
				    fg_encode_item(
					    &text, p->gateway, entries->desc, &entries->item)
			    ? FG_OK
			    : FG_EFULL;
	}
	if (r < 0 || topic.overflow || text.overflow)
		return r < 0 ? r : FG_EFULL;
	if (n > 1 && p->limits.packet && topic.len + text.len + HEAD_MAX > p->limits.packet)
		return FG_EFULL; /* the broker takes fewer of them in one packet */
	for (size_t i = 0; i < n; i++)
		newest &= entries[i].newest;
	p->messages[d->count] = (struct fg_message){
		.token = entries->item.seq | (uint64_t)number << 56,
		.topic = topic.data,
		.payload = text.data,
		.len = text.len,
		.encoder = number,
		.retain = newest && payload && payload->encoder->retained,
		.at_most_once = p->spark != NULL,
	};
	p->drafts[d->count] = (struct fg_flight){
		.token = p->messages[d->count].token,
		.entry = (uint16_t)from,
		.whole = n == d->n,
		.decides = d->decides,
	};
	d->used += TOPIC_MAX + text.len + 1;
	d->count++;
	return FG_OK;
}

static int draft_payload(struct draft *d, const struct fg_payload *payload)
{
	const bool each = payload->encoder->form == FG_ENCODER_EACH &&
			  !is_batch(d->p, payload->encoder, &d->load->entries[0].item);
	const size_t step = each ? 1 : d->n;
	int r = FG_OK;

	for (size_t i = 0; i < d->n && r != FG_EFULL; i += step) {
		r = draft_message(d, payload, i, step);
		if (r < 0 && r != FG_EFULL)
			r = FG_OK; /* it has nothing to say of this one */
	}
	return r;
}

/* All messages of the first n entries. FG_EFULL: they do not fit. */
static int draft_all(struct draft *d, size_t n)
{
	const struct fg_publisher *p = d->p;
	int r = FG_OK;

	d->n = n;
	d->used = d->count = 0;
	d->decides = true;
	if (p->spark) { /* its only payload; it tells of gaps and accounts itself */
		r = draft_message(d, &p->payloads[0], 0, n);
		return r == FG_ENOENT ? FG_OK : r;
	}
	if (!fg_item_is_state(&d->load->entries[0].item))
		return draft_message(d, NULL, 0, 1);
	for (size_t i = 0; i < p->payload_count && r == FG_OK; i++) {
		if (!p->payloads[i].encoder->encode)
			continue;
		d->decides = d->count == 0; /* those before said nothing */
		r = draft_payload(d, &p->payloads[i]);
	}
	return r;
}

/* ---- sending ---- */

static struct fg_payload *payload_of(struct fg_publisher *p, uint8_t number)
{
	for (size_t i = 0; i < p->payload_count; i++)
		if (p->payloads[i].number == number)
			return &p->payloads[i];
	return NULL;
}

static void count_message(struct fg_publisher *p, const struct fg_message *m, size_t readings)
{
	struct fg_payload *to = payload_of(p, m->encoder);

	if (!to)
		return;
	to->messages++;
	to->readings += readings;
	to->bytes += strlen(m->topic) + m->len;
}

/* What the session has taken. */
static void note(struct draft *d)
{
	struct fg_publisher *p = d->p;
	const struct fg_entry *entries = d->load->entries;
	const bool state = fg_item_is_state(&entries[0].item);

	fg_pub_note_parcel(p, entries, d->n, d->count);
	for (size_t i = 0; i < d->count; i++) {
		fg_pub_note_flight(p, &p->drafts[i]);
		if (state)
			count_message(p, &p->messages[i], p->drafts[i].whole ? d->n : 1);
	}
	for (size_t i = 0; i < d->n; i++) {
		const struct fg_item *item = &entries[i].item;

		p->published += item->kind == FG_ITEM_READING && !item->replaces;
		if (fg_planted(FG_PLANT_SENT_IS_ACKED))
			fg_pub_mark_acked(p, item->seq);
	}
}

/* No retry would bring it. */
static size_t give_up(struct fg_publisher *p, const struct fg_entry *entries, size_t n,
	uint8_t code)
{
	for (size_t i = 0; i < n; i++) {
		struct fg_carried c = fg_pub_carried(p, &entries[i].item);

		c.refused = code;
		fg_pub_reject(p, &c);
		p->refused++;
	}
	return n;
}

/* Names and texts are bounded far below. */
static size_t too_long(struct fg_publisher *p, const struct fg_entry *entry)
{
	fg_error("destination '%s': message %" PRIu64 " of point '%s' is too long to publish",
		p->conf->name, entry->item.seq, entry->desc->point);
	return give_up(p, entry, 1, FG_PUB_CODE_TOO_LONG);
}

/* What has to be born before the load is. False: not now. */
static bool spark_ready(struct fg_publisher *p, const struct fg_load *load)
{
	const struct fg_encoding e = encoding_of(p, &p->payloads[0]);
	size_t number = fg_spark_before(p->spark, &e, load->entries, load->count);

	if (!fg_spark_is_born(p->spark))
		return false;
	return !number || fg_pub_tell_document(p, p->payloads[0].first_document + number);
}

/* How many from the beginning of a load may go out; 0: the first may not. */
static size_t not_shunned(const struct fg_publisher *p, const struct fg_load *load)
{
	size_t n = 0;

	while (n < load->count && !fg_pub_is_shunned(p, &load->entries[n].item))
		n++;
	return n;
}

size_t fg_pub_send_load(struct fg_publisher *p, const struct fg_load *load)
{
	struct draft d = {.p = p, .load = load};
	size_t n = not_shunned(p, load);

	if (!fg_pub_has_room(p, 1, 1) || !load->count)
		return 0;
	if (!n)
		return give_up(p, load->entries, 1, FG_PUB_CODE_BREAKS);
	if (p->spark && !spark_ready(p, load))
		return 0;
	if (p->spark && fg_spark_is_refused(p->spark, &load->entries[0])) /* what has no birth */
		return give_up(p, load->entries, n, FG_PUB_CODE_TOO_LONG);
	while (draft_all(&d, n) == FG_EFULL) {
		if (n == 1)
			return too_long(p, &load->entries[0]);
		n /= 2;
	}
	if (!d.count) { /* no payload speaks of them: there is nothing to wait for */
		for (size_t i = 0; i < n; i++)
			fg_pub_mark_acked(p, load->entries[i].item.seq);
		return n;
	}
	if (!fg_pub_has_room(p, d.count, n))
		return 0;
	if (p->ports->publish(p->ports->arg, p, p->messages, d.count) < 0) {
		p->blocked = true;
		return 0;
	}
	for (size_t i = 0; i < d.count && p->budget.limit; i++)
		fg_budget_sent(&p->budget, strlen(p->messages[i].topic) + p->messages[i].len,
			i == 0 && load->entries->item.kind == FG_ITEM_READING ? n : 0);
	if (p->spark)
		fg_spark_sent(p->spark);
	note(&d);
	return n;
}

/* ---- documents ---- */

enum fg_pub_document fg_pub_spark_document(struct fg_publisher *p, size_t id, struct fg_buf *topic,
	struct fg_buf *text, struct fg_message *m)
{
	const struct fg_payload *payload = &p->payloads[0];
	const struct fg_encoding e = encoding_of(p, payload);
	bool certain;
	int r;

	if (id < payload->first_document)
		return FG_PUB_NO_DOCUMENT;
	r = fg_spark_document(p->spark, &e, id - payload->first_document, topic, text, &certain);
	if (r < 0)
		return r == FG_EFULL ? FG_PUB_DOCUMENT_TOO_LONG : FG_PUB_NO_DOCUMENT;
	m->encoder = payload->number;
	m->retain = m->document = false;
	m->at_most_once = !certain;
	return FG_PUB_DOCUMENT;
}

void fg_pub_spark_idle(struct fg_publisher *p)
{
	const struct fg_encoding e = encoding_of(p, &p->payloads[0]);
	size_t number = 0;

	/* each once: what cannot be told now is told later */
	while ((number = fg_spark_idle(p->spark, &e, number)) != 0)
		if (!fg_pub_tell_document(p, p->payloads[0].first_document + number))
			return;
}

enum fg_pub_document fg_pub_encoder_document(struct fg_publisher *p, size_t id,
	struct fg_buf *topic, struct fg_buf *text, struct fg_message *m)
{
	int r;

	for (size_t i = 0; i < p->payload_count; i++) {
		const struct fg_payload *payload = &p->payloads[i];
		const struct fg_encoding e = encoding_of(p, payload);

		if (id < payload->first_document ||
			id >= payload->first_document + payload->documents)
			continue;
		m->encoder = payload->number;
		m->document = false;
		r = payload->encoder->document(
			&e, id - payload->first_document, topic, text, &m->retain);
		if (topic->overflow || (r < 0 && !text->overflow))
			return FG_PUB_NO_DOCUMENT;
		return text->overflow ? FG_PUB_DOCUMENT_TOO_LONG : FG_PUB_DOCUMENT;
	}
	return FG_PUB_NO_DOCUMENT;
}
