/* SPDX-License-Identifier: EUPL-1.2 */
/* The Sparkplug session of a destination. See sparkplug.h. */
#include "gateway/sparkplug.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/selection.h"
#include "protocol/encode.h"
#include "protocol/encode_sparkplug.h"
#include "protocol/sparkplug.h"

/* Metrics that the configuration has no more and that the backlog still speaks of. */
#define EXTRAS_MAX 256
/* Ids of points are counted up from 1. */
#define POINTS_MAX (1u << 20)
/* The text of an account of as many lines as it may have. */
#define TEXT_MAX 16384
/* Between rebirths that are asked for: the first, and what it grows to while they go on. */
#define REBIRTH_MIN_US 1000000
#define REBIRTH_MAX_US 60000000

struct device {
	const char *name;
	const struct fg_device *conf; /* NULL: it is in the configuration no more */
	bool born;
	bool again;   /* its metrics are others than at its birth */
	bool for_past; /* born only to tell of what was */
	bool past_told;
	bool refused; /* its birth cannot be sent */
};

/* What an encoded message changes once it is sent. */
struct pending {
	enum { PENDING_NONE, PENDING_DATA, PENDING_NODE, PENDING_BIRTH, PENDING_DEATH, PENDING_END }
		kind;
	size_t device;
	bool for_past;
};

struct fg_spark {
	const struct fg_destination *conf;
	const struct fg_site *site;
	const struct fg_series_set *series;
	const struct fg_sparkplug_options *options;

	struct device *devices; /* those of the configuration first, by their index */
	size_t device_count, conf_count;
	uint8_t *types; /* enum fg_spb_type by the number of a point */
	size_t type_count;
	struct extra {
		uint32_t id;
		const struct fg_point_desc *desc;
	} extras[EXTRAS_MAX];
	size_t extra_count;

	uint8_t bd_seq, seq; /* seq: of the next message */
	bool node_born, stopping;
	bool alive; /* an NBIRTH was sent on this connection, and no NDEATH */
	bool host_known, host_online;
	int64_t host_ms; /* of the last STATE that counted */
	struct pending pending;
	uint64_t births, rebirths;
	int64_t reborn_mono_us, rebirth_pause_us; /* 0: none was asked for yet */
	bool rebirth_wanted;			  /* once the pause is over */
	bool haste_told, unclear_told;		  /* on this connection */
	uint64_t unclear;			  /* messages */
};

/* ---- life ---- */

int fg_spark_new(struct fg_spark **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? FG_OK : FG_ENOMEM;
}

static void forget_devices(struct fg_spark *s)
{
	for (size_t i = s->conf_count; i < s->device_count; i++)
		free((char *)(uintptr_t)s->devices[i].name); /* those that are gone own theirs */
	free(s->devices);
	s->devices = NULL;
	s->device_count = s->conf_count = 0;
}

void fg_spark_free(struct fg_spark *s)
{
	if (!s)
		return;
	forget_devices(s);
	free(s->types);
	free(s);
}

/* Nothing of it is known to the host any more. */
static void unborn(struct fg_spark *s)
{
	s->node_born = s->rebirth_wanted = false;
	s->pending.kind = PENDING_NONE;
	for (size_t i = 0; i < s->device_count; i++)
		s->devices[i].born = s->devices[i].again = s->devices[i].for_past =
			s->devices[i].past_told = s->devices[i].refused = false;
}

int fg_spark_configure(struct fg_spark *s, const struct fg_config *config,
	const struct fg_destination *conf, const struct fg_site *site,
	const struct fg_series_set *series)
{
	struct device *devices = calloc(config->device_count + 1, sizeof(*devices));

	if (!devices)
		return FG_ENOMEM;
	forget_devices(s);
	s->devices = devices;
	s->device_count = s->conf_count = config->device_count;
	for (size_t i = 0; i < config->device_count; i++)
		devices[i] = (struct device){
			.name = config->devices[i]->name, .conf = config->devices[i]};
	s->conf = conf;
	s->site = site;
	s->series = series;
	s->options = conf->options[FG_ENCODER_sparkplug];
	s->extra_count = 0;
	unborn(s);
	return FG_OK;
}

void fg_spark_connected(struct fg_spark *s, uint32_t epoch)
{
	unborn(s);
	s->bd_seq = fg_spark_bd_seq(epoch);
	s->seq = 0;
	s->extra_count = 0;
	s->host_known = s->host_online = false;
	s->alive = s->haste_told = s->unclear_told = false;
}

bool fg_spark_may_speak(const struct fg_spark *s)
{
	return !s->options->primary_host || s->host_online;
}

bool fg_spark_is_born(const struct fg_spark *s)
{
	return s->node_born;
}

void fg_spark_stop(struct fg_spark *s)
{
	s->stopping = true;
}

size_t fg_spark_documents(const struct fg_spark *s)
{
	return 1 + s->conf_count;
}

/* ---- what comes in ---- */

static void unclear(struct fg_spark *s, const char *what)
{
	s->unclear++;
	if (!s->unclear_told)
		fg_warning("destination '%s': %s is left alone; others like it are only counted",
			s->conf->name, what);
	s->unclear_told = true;
}

/* A STATE that is older than what is known of the host says nothing: a will may be late. */
static enum fg_spark_news hear_state(struct fg_spark *s, const void *payload, size_t len)
{
	bool online, was = s->host_online;
	int64_t at_ms;

	if (fg_spb_host_state(payload, len, &online, &at_ms) < 0) {
		unclear(s, "what the primary host says of its state, no STATE of Sparkplug 3.0,");
		return FG_SPARK_NOTHING;
	}
	if (s->host_known && at_ms < s->host_ms)
		return FG_SPARK_NOTHING;
	s->host_known = true;
	s->host_online = online;
	s->host_ms = at_ms;
	if (online == was)
		return FG_SPARK_NOTHING;
	fg_notice("destination '%s': primary host '%s' is %s", s->conf->name,
		s->options->primary_host, online ? "online" : "offline");
	return online ? FG_SPARK_BIRTHS : FG_SPARK_HOST_GONE;
}

bool fg_spark_rebirth_due(struct fg_spark *s, int64_t mono_us, int64_t *next)
{
	int64_t quiet_us = mono_us - s->reborn_mono_us;

	if (!s->rebirth_wanted)
		return false;
	if (s->rebirth_pause_us && quiet_us < s->rebirth_pause_us) {
		*next = FG_MIN(*next, s->reborn_mono_us + s->rebirth_pause_us);
		return false;
	}
	s->rebirth_pause_us = !s->rebirth_pause_us || quiet_us > REBIRTH_MAX_US
				      ? REBIRTH_MIN_US
				      : FG_MIN(s->rebirth_pause_us * 2, REBIRTH_MAX_US);
	s->reborn_mono_us = mono_us;
	unborn(s);
	return true;
}

static enum fg_spark_news hear_command(
	struct fg_spark *s, int64_t mono_us, const void *payload, size_t len)
{
	int64_t never = INT64_MAX;
	int asked = fg_spb_rebirth_asked(payload, len);

	if (asked < 0)
		unclear(s, "a command that is no Sparkplug payload, or too long,");
	if (asked <= 0)
		return FG_SPARK_NOTHING;
	s->rebirths++;
	if (!s->node_born || s->stopping) /* births are on their way, or an end */
		return FG_SPARK_NOTHING;
	s->rebirth_wanted = true;
	if (fg_spark_rebirth_due(s, mono_us, &never))
		return FG_SPARK_BIRTHS;
	if (!s->haste_told)
		fg_warning("destination '%s': rebirths are asked for faster than they are given",
			s->conf->name);
	s->haste_told = true;
	return FG_SPARK_NOTHING;
}

enum fg_spark_news fg_spark_heard(
	struct fg_spark *s, int64_t mono_us, const char *topic, const void *payload, size_t len)
{
	char mem[512];
	struct fg_buf own;

	fg_buf_wrap(&own, mem, sizeof(mem));
	if (fg_spb_topic(&own, s->options->group, "NCMD", s->site->gateway, NULL) &&
		strcmp(topic, mem) == 0)
		return hear_command(s, mono_us, payload, len);
	fg_buf_wrap(&own, mem, sizeof(mem));
	if (s->options->primary_host && fg_spb_state_topic(&own, s->options->primary_host) &&
		strcmp(topic, mem) == 0)
		return hear_state(s, payload, len);
	return FG_SPARK_NOTHING;
}

/* ---- metrics ---- */

static enum fg_spb_type type_of(const struct fg_spark *s, uint32_t id)
{
	return id < s->type_count ? (enum fg_spb_type)s->types[id] : FG_SPB_UNKNOWN;
}

static bool set_type(struct fg_spark *s, uint32_t id, enum fg_spb_type type)
{
	size_t n = FG_MAX((size_t)id + 1, s->type_count * 2);
	uint8_t *types;

	if (id >= POINTS_MAX)
		return false;
	if (id >= s->type_count) {
		types = realloc(s->types, n);
		if (!types)
			return false;
		memset(types + s->type_count, 0, n - s->type_count);
		s->types = types;
		s->type_count = n;
	}
	s->types[id] = (uint8_t)type;
	return true;
}

/* Whether a descriptor is what the configuration says of its point today. */
static bool is_present(const struct fg_spark *s, const struct fg_point_desc *desc)
{
	const struct fg_point *point = fg_site_point(s->site, desc);

	return point && strcmp(point->unit, desc->unit) == 0;
}

static bool has_extra(const struct fg_spark *s, uint32_t id)
{
	for (size_t i = 0; i < s->extra_count; i++)
		if (s->extras[i].id == id)
			return true;
	return false;
}

static bool is_metric(const struct fg_spark *s, uint32_t id, const struct fg_point_desc *desc)
{
	const struct fg_series *series = fg_series_by_id(s->series, id);

	return (series && series->current && is_present(s, &series->desc)) || has_extra(s, id) ||
	       !desc;
}

static void put_metric(struct fg_spark *s, struct fg_buf *out, uint32_t id,
	const struct fg_point_desc *desc, const struct fg_item *newest, int64_t now_ms, bool stale,
	bool extra)
{
	char mem[256];
	struct fg_buf name;
	enum fg_spb_type type = fg_spb_type_for(type_of(s, id), newest);

	fg_buf_wrap(&name, mem, sizeof(mem));
	fg_spb_metric_name(&name, desc);
	if (extra) /* beside one of that name, or what was one */
		fg_buf_printf(&name, " (%s)", desc->unit);
	set_type(s, id, type);
	fg_spb_put_item(out, mem, FG_SPB_ALIAS_POINTS + (uint64_t)id, type, desc, newest, now_ms,
		stale, false);
}

static void put_points(struct fg_spark *s, const struct fg_encoding *e, const struct device *dev,
	bool stale, struct fg_buf *out)
{
	for (size_t i = 0; i < s->series->count; i++) {
		const struct fg_series *series = s->series->items[i];
		const bool known = series->has_newest && series->newest_timed &&
				   fg_selects_quality(s->conf, &series->newest);

		/* one that has left would be born beside the one of its name */
		if (series->current && strcmp(series->desc.device, dev->name) == 0 &&
			is_present(s, &series->desc) && fg_selects_point(s->conf, &series->desc))
			put_metric(s, out, series->id, &series->desc,
				known ? &series->newest : NULL, e->now_ms, stale, false);
	}
	for (size_t i = 0; i < s->extra_count; i++)
		if (strcmp(s->extras[i].desc->device, dev->name) == 0)
			put_metric(s, out, s->extras[i].id, s->extras[i].desc, NULL, e->now_ms,
				true, true);
}

static void put_text(struct fg_buf *out, const char *name, const char *text, int64_t now_ms)
{
	const struct fg_spb_metric metric = {
		.name = name, .time_ms = now_ms, .type = FG_SPB_STRING, .text = text};

	if (text)
		fg_spb_put(out, &metric);
}

static void put_degrees(struct fg_buf *out, const char *name, double v, int64_t now_ms)
{
	const struct fg_spb_metric metric = {
		.name = name, .time_ms = now_ms, .type = FG_SPB_DOUBLE, .f = v};

	fg_spb_put(out, &metric);
}

static void put_place(struct fg_buf *out, const struct fg_device *device, int64_t now_ms)
{
	const struct fg_station *station = device->station;

	put_text(out, "Properties/Title", device->title, now_ms);
	put_text(out, "Properties/Domain", fg_domain_name(device->domain), now_ms);
	put_text(out, "Properties/Station", station->name, now_ms);
	put_text(out, "Properties/Station Title", station->title, now_ms);
	if (station->has_position) {
		put_degrees(out, "Properties/Latitude", station->latitude, now_ms);
		put_degrees(out, "Properties/Longitude", station->longitude, now_ms);
	}
}

/* ---- births and deaths ---- */

static bool is_up(const struct fg_encoding *e, const struct device *dev)
{
	return dev->conf && e->device_up && e->device_up(e->arg, dev->conf);
}

static bool put_topic(
	const struct fg_spark *s, struct fg_buf *topic, const char *kind, const char *device)
{
	return fg_spb_topic(topic, s->options->group, kind, s->site->gateway, device);
}

static void put_node_text(struct fg_buf *out, const char *name, uint64_t alias, int64_t now_ms)
{
	const struct fg_spb_metric metric = {.name = name,
		.alias = alias,
		.time_ms = now_ms,
		.type = FG_SPB_STRING,
		.null = true};

	fg_spb_put(out, &metric);
}

static int node_birth(struct fg_spark *s, const struct fg_encoding *e, struct fg_buf *topic,
	struct fg_buf *payload)
{
	const struct fg_site *site = e->site;

	fg_spb_node_birth(payload, e->now_ms, s->bd_seq);
	put_text(payload, "Properties/Software", "fjordgate " FG_VERSION, e->now_ms);
	put_text(payload, "Properties/Title", site->title, e->now_ms);
	put_text(payload, "Properties/Operator", site->operator, e->now_ms);
	put_text(payload, "Properties/Contact", site->contact, e->now_ms);
	put_text(payload, "Properties/Licence", site->licence, e->now_ms);
	put_node_text(payload, "Gap", FG_SPB_ALIAS_GAP, e->now_ms);
	put_node_text(payload, "Account", FG_SPB_ALIAS_ACCOUNT, e->now_ms);
	s->pending = (struct pending){.kind = PENDING_NODE};
	return put_topic(s, topic, "NBIRTH", NULL) && fg_spb_end(payload, 0) ? FG_OK : FG_EFULL;
}

static int node_document(struct fg_spark *s, const struct fg_encoding *e, struct fg_buf *topic,
	struct fg_buf *payload, bool *ret_certain)
{
	if (!s->stopping)
		return s->node_born ? FG_ENOENT : node_birth(s, e, topic, payload);
	if (!s->alive)
		return FG_ENOENT;
	*ret_certain = true;
	s->pending = (struct pending){.kind = PENDING_END};
	return put_topic(s, topic, "NDEATH", NULL) &&
			       fg_spb_node_death(payload, e->now_ms, s->bd_seq)
		       ? FG_OK
		       : FG_EFULL;
}

static int device_birth(struct fg_spark *s, const struct fg_encoding *e, size_t i, bool up,
	struct fg_buf *topic, struct fg_buf *payload)
{
	const struct device *dev = &s->devices[i];

	fg_spb_begin(payload, e->now_ms);
	put_points(s, e, dev, !up, payload);
	if (dev->conf)
		put_place(payload, dev->conf, e->now_ms);
	s->pending = (struct pending){.kind = PENDING_BIRTH, .device = i, .for_past = !up};
	return put_topic(s, topic, "DBIRTH", dev->name) && fg_spb_end(payload, s->seq) ? FG_OK
										     : FG_EFULL;
}

static int device_death(struct fg_spark *s, const struct fg_encoding *e, size_t i,
	struct fg_buf *topic, struct fg_buf *payload)
{
	fg_spb_begin(payload, e->now_ms);
	s->pending = (struct pending){.kind = PENDING_DEATH, .device = i};
	return put_topic(s, topic, "DDEATH", s->devices[i].name) && fg_spb_end(payload, s->seq)
		       ? FG_OK
		       : FG_EFULL;
}

/* Of one that is in the configuration, with points that are selected; the others are born when the
 * backlog speaks of them. */
static bool is_ours(const struct fg_spark *s, const struct device *dev)
{
	for (size_t i = 0; dev->conf && i < dev->conf->point_count; i++) {
		const struct fg_point_desc desc = fg_series_desc(&dev->conf->points[i]);

		if (fg_selects_point(s->conf, &desc))
			return true;
	}
	return false;
}

int fg_spark_document(struct fg_spark *s, const struct fg_encoding *e, size_t number,
	struct fg_buf *topic, struct fg_buf *payload, bool *ret_certain)
{
	struct device *dev;
	bool up;

	*ret_certain = false;
	if (number == 0)
		return node_document(s, e, topic, payload, ret_certain);
	if (number > s->device_count || !s->node_born)
		return FG_ENOENT;
	dev = &s->devices[number - 1];
	if (dev->refused)
		return FG_ENOENT;
	up = is_up(e, dev);
	if (dev->again || (up && is_ours(s, dev) && (!dev->born || dev->for_past)))
		return device_birth(s, e, number - 1, up, topic, payload);
	if (!up && dev->born && (!dev->for_past || dev->past_told))
		return device_death(s, e, number - 1, topic, payload);
	return FG_ENOENT;
}

void fg_spark_sent(struct fg_spark *s)
{
	const struct pending pending = s->pending;
	struct device *dev = pending.device < s->device_count ? &s->devices[pending.device] : NULL;

	s->pending.kind = PENDING_NONE;
	switch (pending.kind) {
	case PENDING_NONE:
		return;
	case PENDING_END:
		s->node_born = s->alive = false;
		return;
	case PENDING_NODE:
		s->node_born = s->alive = true;
		s->births++;
		s->seq = 0;
		break;
	case PENDING_BIRTH:
		dev->born = true;
		dev->again = false;
		dev->for_past = pending.for_past;
		dev->past_told = false;
		break;
	case PENDING_DEATH:
		dev->born = dev->for_past = dev->past_told = false;
		break;
	case PENDING_DATA:
		break;
	}
	s->seq++; /* modulo 256 */
}

void fg_spark_refused(struct fg_spark *s, size_t number)
{
	struct device *dev = number ? &s->devices[number - 1] : NULL;

	s->pending.kind = PENDING_NONE;
	if (number > s->device_count || !dev)
		return;
	dev->refused = true;
	dev->born = dev->again = dev->for_past = dev->past_told = false;
}

size_t fg_spark_idle(struct fg_spark *s, const struct fg_encoding *e, size_t after)
{
	for (size_t i = after; i < s->device_count; i++) {
		struct device *dev = &s->devices[i];

		if (dev->for_past && dev->born && (!is_up(e, dev) || is_ours(s, dev))) {
			dev->past_told = true;
			return i + 1; /* its death, or the birth of one that is back */
		}
	}
	return 0;
}

/* ---- readings ---- */

static size_t add_gone(struct fg_spark *s, const char *name)
{
	struct device *devices =
		realloc(s->devices, (s->device_count + 1) * sizeof(*s->devices));
	char *copy = strdup(name);

	if (devices)
		s->devices = devices;
	if (!devices || !copy) {
		free(copy);
		return SIZE_MAX;
	}
	devices[s->device_count] = (struct device){.name = copy};
	return s->device_count++;
}

static size_t find_device(const struct fg_spark *s, const char *name)
{
	for (size_t i = 0; i < s->device_count; i++)
		if (strcmp(s->devices[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

/* A device that is dead has told so: what announces that its points have no value says no more. */
static bool says_nothing_new(
	const struct fg_spark *s, const struct fg_encoding *e, const struct fg_entry *entry)
{
	size_t i = find_device(s, entry->desc->device);

	return entry->item.qc == FG_QC_MISSING && entry->newest && i != SIZE_MAX &&
	       s->devices[i].conf && !s->devices[i].born && !is_up(e, &s->devices[i]);
}

/* Makes the metric of an entry one that its device can be born with; true where it was not. */
static bool learn(struct fg_spark *s, const struct fg_entry *entry)
{
	const uint32_t id = entry->item.point;
	enum fg_spb_type type = type_of(s, id), wanted = fg_spb_type_for(type, &entry->item);
	bool news = false;

	if (!is_metric(s, id, entry->desc)) {
		if (s->extra_count == EXTRAS_MAX)
			s->extra_count = 0;
		s->extras[s->extra_count++] = (struct extra){id, entry->desc};
		news = true;
	}
	if (wanted != type)
		news |= set_type(s, id, wanted);
	return news;
}

size_t fg_spark_before(struct fg_spark *s, const struct fg_encoding *e,
	const struct fg_entry *entries, size_t n)
{
	bool says = false;
	size_t i;

	for (size_t k = 0; k < n; k++)
		says |= fg_item_is_state(&entries[k].item) && !says_nothing_new(s, e, &entries[k]);
	if (!says || !s->node_born)
		return 0;
	i = find_device(s, entries[0].desc->device);
	if (i == SIZE_MAX)
		i = add_gone(s, entries[0].desc->device);
	if (i == SIZE_MAX)
		return 0;
	if (s->devices[i].refused)
		return 0;
	for (size_t k = 0; k < n; k++)
		s->devices[i].again |= learn(s, &entries[k]);
	s->devices[i].again |= !s->devices[i].born;
	return s->devices[i].again ? i + 1 : 0;
}

bool fg_spark_is_refused(const struct fg_spark *s, const struct fg_entry *entry)
{
	size_t i = fg_item_is_state(&entry->item) ? find_device(s, entry->desc->device) : SIZE_MAX;

	return i != SIZE_MAX && s->devices[i].refused;
}

static int encode_note(struct fg_spark *s, const struct fg_encoding *e,
	const struct fg_entry *entry, struct fg_buf *topic, struct fg_buf *payload)
{
	char mem[TEXT_MAX];
	struct fg_buf text;
	const bool gap = entry->item.kind == FG_ITEM_GAP;
	const struct fg_spb_metric metric = {
		.alias = gap ? FG_SPB_ALIAS_GAP : FG_SPB_ALIAS_ACCOUNT,
		.time_ms = entry->item.wall_ms,
		.type = FG_SPB_STRING,
		.text = mem};

	fg_buf_wrap(&text, mem, sizeof(mem));
	if (!fg_encode_item(&text, s->site->gateway, entry->desc, &entry->item))
		return FG_EFULL;
	fg_spb_begin(payload, e->now_ms);
	fg_spb_put(payload, &metric);
	s->pending = (struct pending){.kind = PENDING_DATA};
	return put_topic(s, topic, "NDATA", NULL) && fg_spb_end(payload, s->seq) ? FG_OK : FG_EFULL;
}

int fg_spark_encode(struct fg_spark *s, const struct fg_encoding *e, const struct fg_entry *entries,
	size_t n, struct fg_buf *topic, struct fg_buf *payload)
{
	bool any = false;

	if (!fg_item_is_state(&entries[0].item))
		return encode_note(s, e, &entries[0], topic, payload);
	fg_spb_begin(payload, e->now_ms);
	for (size_t i = 0; i < n; i++) {
		const struct fg_item *item = &entries[i].item;

		if (says_nothing_new(s, e, &entries[i]))
			continue;
		fg_spb_put_item(payload, NULL, FG_SPB_ALIAS_POINTS + (uint64_t)item->point,
			type_of(s, item->point), entries[i].desc, item, e->now_ms, false,
			!entries[i].newest);
		any = true;
	}
	if (!any)
		return FG_ENOENT;
	s->pending = (struct pending){.kind = PENDING_DATA};
	return put_topic(s, topic, "DDATA", entries[0].desc->device) && fg_spb_end(payload, s->seq)
		       ? FG_OK
		       : FG_EFULL;
}

/* ---- status ---- */

static void put_refused(const struct fg_spark *s, struct fg_json *j)
{
	bool any = false;

	for (size_t i = 0; i < s->device_count; i++) {
		if (!s->devices[i].refused)
			continue;
		if (!any)
			fg_json_array(j, "not_born");
		any = true;
		fg_json_text(j, NULL, s->devices[i].name);
	}
	if (any)
		fg_json_end_array(j);
}

void fg_spark_status(const struct fg_spark *s, struct fg_json *j)
{
	fg_json_object(j, "sparkplug");
	fg_json_text(j, "group", s->options->group);
	fg_json_bool(j, "born", s->node_born);
	fg_json_uint(j, "bd_seq", s->bd_seq);
	fg_json_uint(j, "births", s->births);
	fg_json_uint(j, "rebirths_asked", s->rebirths);
	if (s->unclear)
		fg_json_uint(j, "not_understood", s->unclear);
	put_refused(s, j);
	if (s->options->primary_host) {
		fg_json_text(j, "primary_host", s->options->primary_host);
		fg_json_text(j, "host",
			s->host_online ? "online" : s->host_known ? "offline" : "unknown");
	}
	fg_json_end_object(j);
}
