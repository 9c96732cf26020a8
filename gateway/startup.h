/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_STARTUP_H
#define FG_GATEWAY_STARTUP_H

#include "gateway/core.h"
#include "gateway/store_message.h"
#include "storage/reader.h"

/* What joins spool, reader, configuration and core before anything runs. No thread, no clock, no
 * loop: the daemon and a simulation begin alike. */

/* The spool of a configuration; texts are the configuration's. */
struct fg_spool_conf fg_startup_spool_conf(const struct fg_storage_conf *c);

/* Opens the store; a damaged one is set aside and what can be read of it saved (`salvaged` tells,
 * else it stays empty). On failure `why` tells. */
int fg_startup_open(const struct fg_spool_conf *conf, int64_t now_wall_ms, struct fg_buf *why,
	struct fg_buf *salvaged, struct fg_spool **ret);

/* Interns the points of a configuration and looks up its destinations' delivery. Where the spool
 * belongs, outside a group: a call of the store while that runs. */
struct fg_intern {
	const struct fg_config *config;
	uint32_t *ids;		   /* by point index */
	struct fg_ranges *unacked; /* by destination index */
};
int fg_intern_init(struct fg_intern *in, const struct fg_config *config);
void fg_intern_fini(struct fg_intern *in);
int fg_intern_run(struct fg_spool *spool, void *arg);
/* Adds the series of the points to the set, or finds them there with the store's numbers. */
int fg_intern_apply(struct fg_intern *in, struct fg_series_set *set);
/* Whether the points have the numbers they had before: not after damage took some of them. */
bool fg_intern_same(const struct fg_intern *in, const struct fg_series_set *set);

struct fg_startup {
	struct fg_config *config;
	struct fg_spool *spool; /* nobody else uses it yet */
	struct fg_reader *reader;
	const struct fg_core_ports *ports;
	const char *session;
	uint64_t seed;
	struct fg_now now;
	struct fg_series_set *series; /* filled; outlives the core */
};

/* Reserves numbers, and makes a core that knows its points, their newest readings (those of points
 * that have left, too: they may come back) and what each destination lacks. ret_newest_ms: the time
 * of the newest stored reading, 0: none. */
int fg_startup_core(
	const struct fg_startup *s, int64_t *ret_newest_ms, struct fg_core **ret_core);

/* Tells the store which destinations there are; now_wall_ms: 0 while it is not known. */
int fg_startup_destinations(
	const struct fg_config *config, struct fg_store_sink *to, int64_t now_wall_ms);

#endif
