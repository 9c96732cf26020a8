/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_STATUS_H
#define FG_BASE_STATUS_H

#include <errno.h>

/* What a function that can fail returns: 0 or more is success, negative is one of these. Causes
 * that the operating system gave keep their errno value, negated. */
enum fg_status {
	FG_OK = 0,
	FG_PENDING = 1, /* accepted; completion follows */
	FG_AGAIN = 2,	/* not over: to be called once more */
	FG_ENOMEM = -ENOMEM,
	FG_EINVAL = -EINVAL,
	FG_ENOENT = -ENOENT,
	FG_EAGAIN = -EAGAIN,
	FG_ETIMEOUT = -ETIMEDOUT,
	FG_ECONFIG = -1000, /* our own start here */
	FG_EFRAME = -1001,  /* checksum, length, or a reply to someone else */
	FG_EREFUSED = -1002, /* Modbus exception, CoAP 4.xx or 5.xx: the device said no */
	FG_EDECODE = -1003,
	FG_EFULL = -1004,   /* a bounded buffer or queue has no room */
	FG_ECORRUPT = -1005, /* stored data that cannot be what was written */
	FG_ECANCELED = -1006,
};

/* A short lower-case English text for a status; never NULL, valid for the process's life. */
const char *fg_strerror(int status);

#endif
