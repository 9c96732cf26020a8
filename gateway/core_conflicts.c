/* SPDX-License-Identifier: EUPL-1.2 */
/* A point belongs to one gateway: each reads what the others say of its stations, and tells where
 * two list the same point. That two gateways have one id is another matter (core.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "gateway/catalogue/catalogue.h"
#include "gateway/claims.h"
#include "gateway/core_state.h"

/* Of one destination; more are counted with the log's first lines and not listed. */
#define CONFLICTS_MAX 64
/* Of what an earlier connection heard: by then it was heard again, or is not there any more. */
#define HEAR_US 60000000

struct fg_conflict {
	struct fg_conflict *next;
	const struct fg_point *point; /* ours, of the configuration in force */
	char destination[FG_CLAIM_NAME], gateway[FG_CLAIM_NAME];
	bool stale; /* heard on an earlier connection */
};

static bool is_of(const struct fg_conflict *c, const char *destination, const char *gateway,
	const struct fg_station *station)
{
	return strcmp(c->destination, destination) == 0 &&
	       (!gateway || strcmp(c->gateway, gateway) == 0) &&
	       (!station || c->point->device->station == station);
}

/* Returns how many; NULLs: whichever. */
static size_t drop(struct fg_core *core, const char *destination, const char *gateway,
	const struct fg_station *station)
{
	size_t n = 0;

	for (struct fg_conflict **at = &core->conflicts; *at;) {
		struct fg_conflict *c = *at;

		if (destination && !is_of(c, destination, gateway, station)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
		n++;
	}
	return n;
}

void fg_conflicts_free(struct fg_core *core)
{
	drop(core, NULL, NULL, NULL);
}

static size_t count_of(const struct fg_core *core, const char *destination)
{
	size_t n = 0;

	for (const struct fg_conflict *c = core->conflicts; c; c = c->next)
		n += is_of(c, destination, NULL, NULL);
	return n;
}

static void add(struct fg_core *core, const struct fg_publisher *p, const char *gateway,
	const struct fg_point *point)
{
	struct fg_conflict *c;

	if (count_of(core, p->conf->name) >= CONFLICTS_MAX)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->point = point;
	snprintf(c->destination, sizeof(c->destination), "%s", p->conf->name);
	snprintf(c->gateway, sizeof(c->gateway), "%s", gateway);
	c->next = core->conflicts;
	core->conflicts = c;
}

static const struct fg_point *own_point(const struct fg_core *core, const struct fg_publisher *p,
	const struct fg_station *station, const char *claim)
{
	for (size_t i = 0; i < core->config->point_count; i++) {
		const struct fg_point *point = core->config->points[i];
		const char *domain = fg_domain_name(point->device->domain);
		size_t n = strlen(domain);

		if (point->device->station == station && strncmp(claim, domain, n) == 0 &&
			claim[n] == '/' && strcmp(claim + n + 1, point->name) == 0)
			return fg_catalogue_has(p->conf, point) ? point : NULL;
	}
	return NULL;
}

static const struct fg_station *own_station(const struct fg_core *core, const char *name)
{
	for (size_t i = 0; i < core->config->station_count; i++)
		if (strcmp(core->config->stations[i].name, name) == 0)
			return &core->config->stations[i];
	return NULL;
}

void fg_core_heard(struct fg_core *core, struct fg_now now, const char *destination,
	const char *topic, const char *claims, size_t len)
{
	const struct fg_publisher *p = fg_core_publisher(core, destination);
	char name[FG_CLAIM_NAME], gateway[FG_CLAIM_NAME];
	const struct fg_station *station;
	size_t before, after = 0;

	core->now = fg_core_now(core, now);
	if (!p || !fg_claims_topic(topic, p->conf->prefix, name, gateway) ||
		strcmp(gateway, core->config->gateway.id) == 0)
		return;
	station = own_station(core, name);
	if (!station)
		return;
	before = drop(core, destination, gateway, station);
	for (const char *at = claims; at < claims + len; at += strlen(at) + 1) {
		const struct fg_point *point = own_point(core, p, station, at);

		if (!point)
			continue;
		if (!before && !after)
			fg_error("destination '%s': gateway '%s' publishes '%s/%s' too, perhaps "
				 "with others; a point belongs to one gateway",
				destination, gateway, name, point->name);
		add(core, p, gateway, point);
		after++;
	}
	if (before && !after)
		fg_notice("destination '%s': gateway '%s' has left our points of '%s' alone",
			destination, gateway, name);
	if (before || after)
		fg_documents_touch(core, FG_DOC_STATUS, 0);
}

/* ---- listening ---- */

void fg_conflicts_begin(struct fg_core *core)
{
	fg_conflicts_free(core); /* they speak of points of another configuration */
	for (size_t i = 0; i < core->publisher_count; i++)
		core->publishers[i]->listen_next = 0;
}

static void mark_stale(struct fg_core *core, const struct fg_publisher *p)
{
	for (struct fg_conflict *c = core->conflicts; c; c = c->next)
		c->stale |= is_of(c, p->conf->name, NULL, NULL);
}

/* Another gateway may have left while nobody was there to hear it. */
static void drop_stale(struct fg_core *core, struct fg_publisher *p)
{
	bool any = false;

	if (core->now.mono_us < p->heard_by_us)
		return;
	p->heard_by_us = INT64_MAX;
	for (struct fg_conflict **at = &core->conflicts; *at;) {
		struct fg_conflict *c = *at;

		if (!c->stale || !is_of(c, p->conf->name, NULL, NULL)) {
			at = &c->next;
			continue;
		}
		fg_notice("destination '%s': gateway '%s' has left our '%s/%s' alone",
			c->destination, c->gateway, c->point->device->station->name,
			c->point->name);
		*at = c->next;
		free(c);
		any = true;
	}
	if (any)
		fg_documents_touch(core, FG_DOC_STATUS, 0);
}

/* A new connection hears all of it again. */
static void listen(struct fg_core *core, struct fg_publisher *p)
{
	char mem[300];
	struct fg_buf filter;

	if (p->listen_epoch != p->epoch) {
		p->listen_epoch = p->epoch;
		p->listen_next = 0;
		p->heard_by_us = core->now.mono_us + HEAR_US;
		mark_stale(core, p);
	}
	drop_stale(core, p);
	for (; p->listen_next < core->config->station_count; p->listen_next++) {
		const struct fg_station *s = &core->config->stations[p->listen_next];

		if (!fg_catalogue_has_station(core->config, p->conf, s))
			continue;
		fg_buf_wrap(&filter, mem, sizeof(mem));
		fg_buf_printf(&filter, "%s/stations/%s/+", p->conf->prefix, s->name);
		if (core->ports.subscribe(core->ports.arg, p->conf, filter.data) < 0)
			return; /* with the next turn */
		p->heard_by_us = core->now.mono_us + HEAR_US;
	}
}

void fg_conflicts_run(struct fg_core *core)
{
	for (size_t i = 0; i < core->publisher_count && core->ports.subscribe; i++) {
		struct fg_publisher *p = core->publishers[i];

		if (p->state == FG_PUB_ONLINE && p->conf->catalogue && !p->conf->withdraw &&
			!core->stopping)
			listen(core, p);
	}
}

/* ---- status ---- */

void fg_conflicts_put(const struct fg_core *core, const char *destination, struct fg_json *j)
{
	if (destination && !count_of(core, destination))
		return;
	fg_json_array(j, "point_conflicts");
	for (const struct fg_conflict *c = core->conflicts; c; c = c->next) {
		if (destination && !is_of(c, destination, NULL, NULL))
			continue;
		fg_json_object(j, NULL);
		if (!destination)
			fg_json_text(j, "destination", c->destination);
		fg_json_text(j, "gateway", c->gateway);
		fg_json_text(j, "station", c->point->device->station->name);
		fg_json_text(j, "domain", fg_domain_name(c->point->device->domain));
		fg_json_text(j, "point", c->point->name);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}
