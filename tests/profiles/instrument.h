/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TESTS_PROFILES_INSTRUMENT_H
#define FG_TESTS_PROFILES_INSTRUMENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "case.h"

/* An instrument that holds what a case says, and no more: served over Modbus TCP by a thread of
 * its own. It shares no code with the gateway. */
struct instrument {
	struct fg_case *c;
	int listener, stop[2];
	uint16_t port;
	pthread_t thread;
	unsigned requests, refused; /* to be looked at after instrument_stop() */
	char refusal[100];	    /* the first refused request */
};

void instrument_start(struct instrument *in, struct fg_case *c);
void instrument_stop(struct instrument *in);

#endif
