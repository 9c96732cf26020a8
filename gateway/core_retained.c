/* SPDX-License-Identifier: EUPL-1.2 */
/* What each destination has of ours retained: the list is stored before the first message of a
 * topic goes out, so that what leaves the configuration, while we run or while we do not, is
 * cleared there. A topic is in the list from before it is published until its clearing is
 * acknowledged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "gateway/core_state.h"
#include "gateway/hours.h"
#include "gateway/publisher_private.h"
#include "gateway/topic_set.h"

/* A topic is always in the note of its hash, so that no note depends on another one. */
#define BUCKETS	   16u
#define BUCKET_MAX (60u << 10)
#define SET_MAX	   (BUCKETS * BUCKET_MAX)
#define KEY_MAX	   96
/* So long publication waits for a store that does not take the list. */
#define HOLD_US	 10000000
#define RETRY_US 1000000

struct fg_retained {
	struct fg_retained *next;
	struct fg_topic_set known;   /* perhaps retained there: what is stored, or about to be */
	struct fg_topic_set planned; /* by the configuration in force */
	struct fg_topic_set gone;    /* known and not planned: to be cleared */
	bool has_plan, save_due, warned;
	uint64_t saved[BUCKETS]; /* hashes of what was handed to the store */
	unsigned pending;	 /* notes on their way into it */
	int64_t hold_until_us, retry_us;
	char name[FG_DESTINATION_NAME]; /* of the destination */
};

static struct fg_retained *find(struct fg_core *core, const char *name)
{
	struct fg_retained *r = core->retained;

	while (r && strcmp(r->name, name) != 0)
		r = r->next;
	return r;
}

static struct fg_retained *find_or_make(struct fg_core *core, const char *name)
{
	struct fg_retained *r = find(core, name);

	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	snprintf(r->name, sizeof(r->name), "%s", name);
	fg_topic_set_init(&r->known, SET_MAX);
	fg_topic_set_init(&r->planned, SET_MAX);
	fg_topic_set_init(&r->gone, SET_MAX);
	for (unsigned b = 0; b < BUCKETS; b++)
		r->saved[b] = FG_HASH_START;
	r->next = core->retained;
	core->retained = r;
	return r;
}

void fg_retained_free(struct fg_core *core)
{
	fg_conflicts_free(core);
	while (core->retained) {
		struct fg_retained *r = core->retained;

		core->retained = r->next;
		fg_topic_set_fini(&r->known);
		fg_topic_set_fini(&r->planned);
		fg_topic_set_fini(&r->gone);
		free(r);
	}
}

static void replace(struct fg_topic_set *to, struct fg_topic_set *with)
{
	fg_topic_set_fini(to);
	*to = *with;
}

/* ---- notes ---- */

static unsigned bucket_of(const char *topic)
{
	return (unsigned)(fg_hash(FG_HASH_START, topic, strlen(topic)) % BUCKETS);
}

/* `key` is the destination and the number of the bucket. */
int fg_retained_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	const char *blank = strchr(key, ' ');
	unsigned bucket = blank ? (unsigned)strtoul(blank + 1, NULL, 10) : BUCKETS;
	char name[FG_DESTINATION_NAME];
	struct fg_retained *r;
	struct fg_topic_set taken, all;
	struct fg_topic_cursor c;

	if (bucket >= BUCKETS || (size_t)(blank - key) >= sizeof(name))
		return FG_OK;
	memcpy(name, key, (size_t)(blank - key));
	name[blank - key] = '\0';
	r = find_or_make(core, name);
	if (!r)
		return FG_ENOMEM;
	fg_topic_set_init(&taken, SET_MAX);
	fg_topic_set_init(&all, SET_MAX);
	fg_topic_first(&c, bytes, len);
	while (fg_topic_next(&c))
		fg_topic_set_append(&taken, c.text);
	fg_topic_set_union(&r->known, &taken, &all);
	fg_topic_set_fini(&taken);
	replace(&r->known, &all);
	r->saved[bucket] = fg_hash(FG_HASH_START, bytes, len);
	return FG_OK;
}

static void give_up(struct fg_retained *r, const char *why)
{
	if (!r->warned)
		fg_warning("destination '%s': the list of what is retained there is not kept: %s; "
			   "what leaves the configuration later may stay there", r->name, why);
	r->warned = true;
}

/* Returns false where the store takes nothing now. */
static bool save_bucket(struct fg_core *core, struct fg_retained *r, unsigned bucket)
{
	struct fg_topic_set part;
	struct fg_topic_cursor c;
	char key[KEY_MAX];
	uint64_t hash;
	int status = FG_OK;

	fg_topic_set_init(&part, BUCKET_MAX);
	fg_topic_set_first(&c, &r->known);
	while (fg_topic_next(&c))
		if (bucket_of(c.text) == bucket)
			fg_topic_set_append(&part, c.text);
	hash = fg_hash(FG_HASH_START, part.bytes.data, part.bytes.len);
	if (part.bytes.overflow) {
		give_up(r, "it is too long");
	} else if (hash != r->saved[bucket]) {
		snprintf(key, sizeof(key), "%s %u", r->name, bucket);
		status = core->ports.set_state(core->ports.arg, FG_STATE_RETAINED, key,
			part.bytes.data, part.bytes.len);
		if (status == FG_OK)
			r->pending++;
		else if (status != FG_EFULL)
			give_up(r, fg_strerror(status));
		if (status != FG_EFULL)
			r->saved[bucket] = hash;
	}
	fg_topic_set_fini(&part);
	return status != FG_EFULL;
}

static void save(struct fg_core *core, struct fg_retained *r)
{
	unsigned before = r->pending;

	r->save_due = false;
	for (unsigned b = 0; b < BUCKETS && core->ports.set_state; b++)
		r->save_due |= !save_bucket(core, r, b);
	r->retry_us = core->now.mono_us + RETRY_US;
	if (r->pending > before && core->ports.hurry)
		core->ports.hurry(core->ports.arg);
}

void fg_core_noted(struct fg_core *core, const char *key)
{
	const char *blank = strchr(key, ' ');
	struct fg_retained *r = core->retained;

	while (blank && r && (strncmp(r->name, key, (size_t)(blank - key)) != 0 ||
				     r->name[blank - key]))
		r = r->next;
	if (blank && r && r->pending)
		r->pending--;
}

/* ---- what the configuration says ---- */

static void mark_one(struct fg_core *core, const struct fg_hours_series s)
{
	struct fg_series *series = fg_series_find(core->series, &s.desc);

	if (series)
		series->current = true;
}

/* Series of points that are not configured any more keep their newest reading, which is not
 * retained again. */
static void mark_series(struct fg_core *core)
{
	const struct fg_config *config = core->config;

	for (size_t i = 0; i < core->series->count; i++)
		core->series->items[i]->current = false;
	for (size_t i = 0; i < config->point_count; i++) {
		core->points[i].series->current = true;
		for (size_t n = 0; n < fg_hours_count_of(config->points[i]); n++)
			mark_one(core, fg_hours_series_of(config->points[i], n));
		if (config->points[i]->hourly.leads)
			mark_one(core, fg_hours_station_class(config, config->points[i]));
	}
}

static void add_documents(struct fg_core *core, const struct fg_publisher *p,
	struct fg_topic_list *list)
{
	char mem[FG_TOPIC_MAX];
	struct fg_buf topic;

	for (size_t id = 0; id < fg_documents_count(core->config); id++) {
		fg_buf_wrap(&topic, mem, sizeof(mem));
		if (!fg_document_is_shared(core->config, id) &&
			fg_document_topic(&topic, core->config, p->conf, id))
			fg_topic_list_add(list, topic.data);
	}
}

static void plan(struct fg_core *core, struct fg_retained *r, struct fg_publisher *p)
{
	struct fg_topic_list list = {0};
	struct fg_topic_set planned, all, gone;

	fg_topic_set_init(&planned, SET_MAX);
	fg_topic_set_init(&all, SET_MAX);
	fg_topic_set_init(&gone, SET_MAX);
	add_documents(core, p, &list);
	fg_pub_payloads_topics(p, fg_topic_list_add, &list);
	fg_topic_list_sort(&list, &planned);
	fg_topic_set_union(&r->known, &planned, &all);
	fg_topic_set_minus(&r->known, &planned, &gone);
	if (planned.bytes.overflow || all.bytes.overflow)
		give_up(r, "it is too long");
	replace(&r->planned, &planned);
	replace(&r->known, &all);
	replace(&r->gone, &gone);
	r->has_plan = true;
	r->save_due = true;
	r->hold_until_us = core->now.mono_us + HOLD_US;
	r->retry_us = 0;
	p->retained_topics = r->planned.count;
	fg_publisher_clear(p, r->gone.count ? &r->gone : NULL, core->next_seq);
	if (r->gone.count)
		fg_notice("destination '%s': %zu topics have left the configuration and are "
			  "cleared", r->name, r->gone.count);
}

void fg_retained_plan(struct fg_core *core)
{
	mark_series(core);
	for (size_t i = 0; i < core->publisher_count; i++) {
		struct fg_publisher *p = core->publishers[i];
		struct fg_retained *r = find(core, p->conf->name);

		p->hold = true;
		fg_publisher_clear(p, NULL, 0);
		if (r)
			r->has_plan = false;
	}
}

/* ---- as time goes on ---- */

/* All is cleared: what is planned is what is there. */
static void cleared(struct fg_core *core, struct fg_retained *r, struct fg_publisher *p)
{
	struct fg_topic_set known;

	fg_publisher_clear(p, NULL, 0);
	fg_topic_set_init(&known, SET_MAX);
	fg_topic_set_union(&r->planned, &r->planned, &known);
	replace(&r->known, &known);
	fg_topic_set_fini(&r->gone);
	fg_topic_set_init(&r->gone, SET_MAX);
	save(core, r);
}

static void look(struct fg_core *core, struct fg_retained *r, struct fg_publisher *p)
{
	int64_t now_us = core->now.mono_us;

	if (!r->has_plan)
		plan(core, r, p);
	if (r->save_due && now_us >= r->retry_us)
		save(core, r);
	if (p->hold && !r->save_due && !r->pending)
		p->hold = false;
	if (p->hold && (now_us >= r->hold_until_us || !core->store_writable)) {
		give_up(r, "the store does not take it");
		p->hold = false;
	}
	if (p->cleared)
		cleared(core, r, p);
}

int64_t fg_retained_run(struct fg_core *core)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < core->publisher_count; i++) {
		struct fg_publisher *p = core->publishers[i];
		struct fg_retained *r = find_or_make(core, p->conf->name);

		if (!r) {
			p->hold = false;
			continue;
		}
		look(core, r, p);
		if (r->save_due)
			next = FG_MIN(next, r->retry_us);
		if (p->hold)
			next = FG_MIN(next, r->hold_until_us);
	}
	return next;
}
