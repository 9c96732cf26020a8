/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_MODBUS_H
#define FG_PROTOCOL_MODBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/registers.h"

/* Modbus application protocol V1.1b3, as pure functions over bytes from the wire. A
 * PDU begins with the function code; unit id and transaction belong to the transport. */

#define FG_MODBUS_PDU_MAX 253

unsigned fg_modbus_function(enum fg_table table);

/* A request PDU of 5 bytes. */
size_t fg_modbus_request(const struct fg_request *req, uint8_t ret_pdu[5]);

/* Bytes of the PDU of a good answer. */
size_t fg_modbus_answer_length(const struct fg_request *req);

/* A write: function 5 (one value, 0 or not), 6 (one) or 16 (1..123 values). Returns the length;
 * *ret_answer is that of a good answer. 0 where it is none of these. */
size_t fg_modbus_write(unsigned function, uint16_t address, const uint16_t *values, size_t count,
	uint8_t ret_pdu[FG_MODBUS_PDU_MAX], size_t *ret_answer);
/* Whether a PDU confirms such a write. */
bool fg_modbus_write_confirmed(const uint8_t *request, const uint8_t *pdu, size_t len);

/* Checks an answer PDU against its request and takes the registers (or bits, one a cell) out into
 * ret_cells[0..req->count). FG_OK; FG_EREFUSED with *ret_exception; FG_EFRAME for another
 * function, a wrong byte count or length. */
int fg_modbus_answer(const struct fg_request *req, const uint8_t *pdu, size_t len,
	uint16_t *ret_cells, unsigned *ret_exception);

/* "illegal data address" …; never NULL. */
const char *fg_modbus_exception_text(unsigned code);

/* Bus time of one exchange at a rate, in microseconds: request, answer and two silent intervals of
 * 3.5 characters (1.75 ms above 19200 baud), 11 bits a character (10 without parity and one stop
 * bit). Modbus over serial line V1.02, section 2.5.1. */
int64_t fg_modbus_rtu_wire_us(const struct fg_request *req, unsigned baud, unsigned char_bits);

#endif
