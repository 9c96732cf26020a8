/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_SERIAL_H
#define FG_DRIVERS_MODBUS_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A serial port besides its bytes: that nobody else uses it, that it is still there, and which way
 * an RS-485 transceiver is switched. */

/* Opens the port and locks it (flock), so that its settings are not touched while another program
 * uses it. The descriptor is kept for the lock alone, and closed last. Waits a moment for a lock
 * of this process, which is about to close the port. Negative with what is wrong in `why`. */
int fg_serial_lock(const char *path, char *why, size_t size);

/* The process that has it, by its lock or open, as far as this user may see: its id and name. 0:
 * none that is seen. */
long fg_serial_user(const char *path, char *name, size_t size);

/* Words for a port that could not be opened. */
void fg_serial_explain(int status, const char *path, char *why, size_t size);

/* After the port was set up: nobody else may open it (TIOCEXCL), and what comes in is handed over
 * at once where the adapter can. */
void fg_serial_claim(int fd);
/* Before it is closed: unsent bytes are dropped, so that closing a hung port does not wait. */
void fg_serial_release(int fd);

/* Whether the path leads to another port now, or to none: the adapter was unplugged. */
bool fg_serial_moved(int fd, const char *path);
/* Whether bytes wait that should long have been sent: the adapter hangs. */
bool fg_serial_stuck(int fd);

/* How an RS-485 transceiver is switched. */
enum fg_rs485 { FG_RS485_OFF, FG_RS485_KERNEL, FG_RS485_RTS, FG_RS485_RTS_INVERTED };

/* Prepares it, for receiving. Negative with what is wrong in `why`. */
int fg_serial_rs485(
	int fd, enum fg_rs485 how, int64_t delay_us, const char *path, char *why, size_t size);
/* For the two ways of RTS: for sending, or for receiving once all bytes are out. */
int fg_serial_direction(int fd, enum fg_rs485 how, bool send);

#endif
