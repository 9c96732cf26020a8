/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_CTL_MODBUS_H
#define FG_TOOLS_CTL_MODBUS_H

#include "ctl.h"
#include "drivers/driver.h"
#include "drivers/modbus_diagnose.h"
#include "protocol/modbus.h"

/* A bus to look at: opened here, or borrowed from the running gateway where that has it. */
struct ctl_bus {
	const struct ctl *ctl;
	const struct fg_driver *driver;
	unsigned on; /* FG_ON_… */
	char port[400];	   /* for people, and for comparing with the gateway's links */
	char link_name[64]; /* borrowed from the gateway; else empty */
	/* opened here */
	struct fg_config *config; /* of a link by name */
	struct fg_arena *arena;	  /* of a port by its URL */
	struct fg_link link;
	struct fg_link_state state;
	char baud[16], parity[16]; /* of a URL: what scan puts in their place */
	const char *url;
	int64_t timeout_us;
};

/* TARGET: the name of a link, or tcp://HOST[:PORT], rtu:/dev/X?baud=9600&parity=E&stop=1, or
 * rtutcp://HOST[:PORT]. Opens the bus, or finds it at the gateway. Returns EX_OK, or the exit code
 * with the diagnosis told. */
int ctl_bus_open(const struct ctl *ctl, const char *target, struct ctl_bus *ret);
void ctl_bus_close(struct ctl_bus *bus);

/* Opens a serial port that was given by its URL anew with another rate or parity (NULL: as in the
 * URL). */
int ctl_bus_retune(struct ctl_bus *bus, const char *baud, const char *parity);
bool ctl_bus_is_tunable(const struct ctl_bus *bus);

/* One exchange; how it went is in x. Negative: the link is down (x->status, x->why). */
int ctl_bus_exchange(struct ctl_bus *bus, uint8_t unit, const uint8_t *pdu, size_t len,
	struct fg_raw *x);

/* Reads registers or bits. FG_OK, FG_EREFUSED with *ret_exception, or another status. */
int ctl_bus_read(struct ctl_bus *bus, uint8_t unit, const struct fg_request *req,
	struct fg_raw *x, uint16_t *ret_cells, unsigned *ret_exception);

/* What went wrong in words and what to try, on a stream; who holds a busy port, and which ports
 * there are. */
void ctl_bus_tell(const struct ctl_bus *bus, const struct fg_heard *h, FILE *out);

#endif
