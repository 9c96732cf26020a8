/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_RAW_H
#define FG_DRIVERS_MODBUS_RAW_H

#include "drivers/driver.h"

/* Single exchanges for a person at the cabinet (fg_driver.raw): one attempt, and all that was heard
 * is kept, the echo and noise included. */

/* Sends a whole frame. Negative errno, or how long (µs) until the last byte has left. */
typedef int64_t (*fg_raw_send_fn)(void *arg, const uint8_t *adu, size_t len);

/* RTU frames over a serial port or a socket. What is still coming in is thrown away first; the line
 * has been silent for silence_us before the request goes out. Returns a negative code where the
 * link is down, else FG_OK: how it went is in x. */
int fg_raw_rtu(int fd, fg_raw_send_fn send, void *arg, int64_t silence_us, struct fg_raw *x);

/* Modbus TCP frames. */
int fg_raw_tcp(int fd, uint16_t transaction, struct fg_raw *x);

#endif
