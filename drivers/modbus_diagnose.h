/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_DIAGNOSE_H
#define FG_DRIVERS_MODBUS_DIAGNOSE_H

#include "base/buf.h"
#include "drivers/driver.h"

/* What was heard on a link, in words, and what to try. One table for probe, scan and read. */

enum fg_heard_kind {
	FG_HEARD_NOTHING,
	FG_HEARD_ECHO,	     /* our own request and no more */
	FG_HEARD_HELD,	     /* only 00 or FF: a line that is held, no characters */
	FG_HEARD_LONG_NOISE, /* more bytes than the answer has, and no frame among them */
	FG_HEARD_NOISE,	     /* fewer, or of unknown length */
	FG_HEARD_SHORT,	     /* begins like the answer and breaks off */
	FG_HEARD_DAMAGED,    /* as long as the answer, with a wrong checksum */
	FG_HEARD_WRONG,	     /* not the answer; more is not known */
	FG_HEARD_OTHER_UNIT,
	FG_HEARD_OTHER_ANSWER, /* a whole frame of the right unit, for another request */
	FG_HEARD_NOT_MODBUS,   /* TCP: bytes that are no Modbus TCP */
	FG_HEARD_REFUSAL,      /* `exception` says which */
	FG_HEARD_NO_PORT,
	FG_HEARD_NO_PERMISSION,
	FG_HEARD_BUSY,
	FG_HEARD_NOT_SERIAL,
	FG_HEARD_PORT_GONE,
	FG_HEARD_NO_HOST,
	FG_HEARD_CONNECTION_REFUSED,
	FG_HEARD_UNREACHABLE,
	FG_HEARD_CONNECTION_LOST,
	FG_HEARD_LINK_DOWN, /* more is not known */
};

enum {
	FG_ON_SERIAL = 1, /* a serial port of this board */
	FG_ON_SERVER = 2, /* RTU frames through a serial server */
	FG_ON_TCP = 4,	  /* Modbus TCP */
};

struct fg_heard {
	enum fg_heard_kind kind;
	unsigned on; /* FG_ON_… */
	unsigned unit, other_unit, exception;
	size_t bytes;
	bool echo;	  /* and the request came back first */
	const char *port; /* device, or host and port; may be NULL */
};

/* By a driver's name. */
unsigned fg_heard_on(const char *driver);
/* From an exchange. False where it was answered without a refusal. `port` is lent. */
bool fg_heard_from_raw(const struct fg_raw *x, unsigned on, const char *port, struct fg_heard *ret);
/* From the reason of a reading; false where that says nothing of the link. */
bool fg_heard_from_reason(
	enum fg_reason reason, unsigned detail, unsigned on, unsigned unit, struct fg_heard *ret);
/* From the status that open() ended with. */
void fg_heard_from_open(int status, unsigned on, const char *port, struct fg_heard *ret);

/* One sentence. */
void fg_heard_words(const struct fg_heard *h, struct fg_buf *out);
/* The i-th thing to try; false behind the last. */
bool fg_heard_try(const struct fg_heard *h, size_t i, struct fg_buf *out);
/* Both as members of an open JSON object: {"diagnosis":…,"try":[…]}. */
struct fg_json;
void fg_heard_put(const struct fg_heard *h, struct fg_json *j);

#endif
