/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_STORE_SIM_H
#define TESTS_SIMULATION_STORE_SIM_H

#include "gateway/store.h"
#include "storage/spool.h"

/* The storage thread's work without its thread: messages to group commits, with time as an
 * argument. A stand-in with the shape of the engine that is to take its place. */
struct store_sim;

struct store_sim *store_sim_new(struct fg_spool *spool, int64_t commit_us, fg_store_event_fn event,
	void *arg);
int store_sim_append(struct store_sim *s, uint64_t first_seq, unsigned count, const void *record,
	size_t len);
int store_sim_save_delivery(struct store_sim *s, const char *name, const struct fg_ranges *r);
int store_sim_reserve(struct store_sim *s, uint64_t limit);
int store_sim_boot_offset(struct store_sim *s, int64_t offset_us);
int store_sim_expire(struct store_sim *s, int64_t now_wall_ms, uint64_t delivered_below);
int store_sim_call(struct store_sim *s, struct fg_store_call *call);
/* Does one thing that is due; when it wants to run again. */
int64_t store_sim_run(struct store_sim *s, int64_t mono_us);
/* At the end: commits all it holds, with a few tries. */
bool store_sim_rest(struct store_sim *s);
/* Frees it; gives the spool back. */
struct fg_spool *store_sim_abandon(struct store_sim *s);

#endif
