/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_FRAME_H
#define FG_DRIVERS_MODBUS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/modbus.h"

/* Modbus RTU frames (unit, PDU, checksum) as pure functions over bytes from a line. On a shared
 * line an answer may come behind noise, an echo of the request, another unit's answer, or a late
 * one; and there is no length to go by, so what came in is searched for the one frame that can
 * answer. */

#define FG_FRAME_MAX 256

/* A request as it was sent, and what its answer looks like. */
struct fg_frame_query {
	uint8_t adu[FG_FRAME_MAX];
	size_t len;
	/* PDU bytes of the answer; 0: not known beforehand, as for functions 17 and 43. */
	size_t answer;
	/* The line gives the request back, and has not yet. Then the first frame that equals the
	 * request is no answer, though the answer to functions 5 and 6 does. */
	bool echoes;
};

/* Modbus over serial line V1.02, section 6.2.2. Over a frame and its checksum it comes to 0. */
uint16_t fg_frame_crc(const uint8_t *bytes, size_t len);

/* Whether these bytes are a whole frame with a right checksum. */
bool fg_frame_is_whole(const uint8_t *adu, size_t len);

/* Completes a frame: unit, PDU, checksum. A PDU is at most FG_MODBUS_PDU_MAX bytes long. */
size_t fg_frame_build(uint8_t unit, const uint8_t *pdu, size_t len, uint8_t ret_adu[FG_FRAME_MAX]);

/* Prepares a query for a PDU. */
void fg_frame_ask(
	struct fg_frame_query *q, uint8_t unit, const uint8_t *pdu, size_t len, size_t answer);

/* How many bytes at the front are the request's echo: its length, or 0. */
size_t fg_frame_echo(const struct fg_frame_query *q, const uint8_t *rx, size_t len);

/* Finds the answer, or the refusal, anywhere in what came in: right unit, function, length and
 * checksum. FG_OK with its place (unit and checksum included); FG_PENDING: not there. */
int fg_frame_find(const struct fg_frame_query *q, const uint8_t *rx, size_t len, size_t *ret_at,
	size_t *ret_len);

/* What to think of a line that fell silent without the answer. FG_EFRAME: it came, but damaged or
 * of another length, so waiting is of no use. FG_PENDING: another unit's or request's frame, noise,
 * or the beginning of something. */
int fg_frame_judge(const struct fg_frame_query *q, const uint8_t *rx, size_t len);

/* The silence that ends a frame and goes before each request: 3.5 characters, above 19200 baud
 * 1.75 ms (section 2.5.1.1). */
int64_t fg_frame_silence_us(unsigned baud, unsigned char_bits);
/* How long so many characters take. */
int64_t fg_frame_chars_us(size_t chars, unsigned baud, unsigned char_bits);

#endif
