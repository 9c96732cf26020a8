/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_GATEWAY_PRIVATE_H
#define TESTS_SIMULATION_GATEWAY_PRIVATE_H

/* What the files of the simulated gateway share. */

#include "gateway/core_state.h"
#include "gateway/hours.h"
#include "gateway/startup.h"
#include "gateway/store_engine.h"
#include "sim.h"

#define READERS_MAX   16

struct sim_gateway {
	struct sim *sim;
	struct fg_config *config;
	struct fg_series_set series;
	struct fg_core *core;
	struct fg_reader *reader;
	struct fg_reader *old_readers[READERS_MAX]; /* texts of theirs may be lent */
	size_t old_reader_count;
	struct fg_store_engine *store;
	struct fg_store_sink *sink; /* the store's, or the bundle's */
	struct fg_store_bundle bundle;
	bool time_known;
	int64_t newest_ms;	       /* of what was stored at the start */
	int64_t tick_us;	       /* of the next look at the clock */
	unsigned looks;		       /* that come soon */
	unsigned certain;	       /* looks in a row at a right clock with a disk that works */
	int64_t wake_us, store_due_us; /* true time of the event that is under way; 0: none */
	bool store_busy;	       /* what it did takes until its SIM_STORED */
	size_t event_count;
	struct fg_page *pages[PLAN_DESTS];
	struct fg_hours_work *hours;
	bool stopping;
	int64_t stop_us;
	/* a reload that is under way */
	struct fg_config *next;
	struct fg_intern intern;
	struct fg_store_call call;
	bool reload_again;
	bool damage_told; /* of the present file */
	struct fg_intern recheck;
	struct fg_store_call recheck_call;
	bool rechecking;
};

/* gateway_hours.c */
int sim_read_hours(void *arg, struct fg_hours_work *work);
void sim_answer_hours(struct sim_gateway *g);

#endif
