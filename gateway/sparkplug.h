/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_SPARKPLUG_H
#define FG_GATEWAY_SPARKPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "gateway/config/config.h"
#include "gateway/series.h"
#include "protocol/encoder.h"

/* What a publisher knows of its Sparkplug session: what was born on this connection, the sequence
 * number, the primary host. It is the edge node {gateway}, its devices are the gateway's; a point
 * is a metric, known by its number in the store. Part of the core.
 *
 * Births are the publisher's documents: number 0 is the node's, i + 1 that of device i of the
 * configuration. A device that fails has its death; what is still told of its past is told after
 * one more birth, with another death behind it (fg_spark_idle). */
struct fg_spark;

int fg_spark_new(struct fg_spark **ret);
void fg_spark_free(struct fg_spark *s);
/* Once, and with each new configuration: all is born again. What it is given is lent. */
int fg_spark_configure(struct fg_spark *s, const struct fg_config *config,
	const struct fg_destination *conf, const struct fg_site *site,
	const struct fg_series_set *series);

/* The number of births and deaths of a publisher's connection: one more for each attempt, since a
 * broker may have taken one that seemed to fail. */
static inline uint8_t fg_spark_bd_seq(uint32_t epoch)
{
	return (uint8_t)(epoch - 1);
}
void fg_spark_connected(struct fg_spark *s, uint32_t epoch);
/* False: nothing may be said before the primary host is there. */
bool fg_spark_may_speak(const struct fg_spark *s);
/* There was a birth and no death. */
bool fg_spark_is_born(const struct fg_spark *s);

enum fg_spark_news {
	FG_SPARK_NOTHING,
	FG_SPARK_BIRTHS,     /* all documents are to be sent */
	FG_SPARK_HOST_GONE, /* the connection is to be left, so that its will is told */
};
/* A message came on one of the topics that are subscribed to. */
enum fg_spark_news fg_spark_heard(
	struct fg_spark *s, int64_t mono_us, const char *topic, const void *payload, size_t len);
/* Rebirths that are asked for in a row are given with pauses between them. True: one is due, all
 * documents are to be sent; else *next is when one is, where it is sooner. */
bool fg_spark_rebirth_due(struct fg_spark *s, int64_t mono_us, int64_t *next);

/* The number of the document that has to go before these entries; 0: none. */
size_t fg_spark_before(struct fg_spark *s, const struct fg_encoding *e,
	const struct fg_entry *entries, size_t n);
/* As encode() and document() of an encoder. Nothing counts as sent before fg_spark_sent(). */
int fg_spark_encode(struct fg_spark *s, const struct fg_encoding *e, const struct fg_entry *entries,
	size_t n, struct fg_buf *topic, struct fg_buf *payload);
/* ret_certain: it is acknowledged (NDEATH). */
int fg_spark_document(struct fg_spark *s, const struct fg_encoding *e, size_t number,
	struct fg_buf *topic, struct fg_buf *payload, bool *ret_certain);
size_t fg_spark_documents(const struct fg_spark *s);
void fg_spark_sent(struct fg_spark *s);

/* From now on document 0 is the node's death. */
void fg_spark_stop(struct fg_spark *s);
/* The backlog is told: the next number above `after` of a document that tells of a death again, or
 * of the birth of one that is back; 0: none. */
size_t fg_spark_idle(struct fg_spark *s, const struct fg_encoding *e, size_t after);

/* Document `number` cannot be sent, in place of fg_spark_sent(): its device stays unborn until all
 * is born again. */
void fg_spark_refused(struct fg_spark *s, size_t number);
/* Whether it is a reading of such a device. */
bool fg_spark_is_refused(const struct fg_spark *s, const struct fg_entry *entry);

/* Its part of the destination's status: an object `sparkplug`. */
void fg_spark_status(const struct fg_spark *s, struct fg_json *j);

#endif
