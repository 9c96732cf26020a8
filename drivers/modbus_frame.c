/* SPDX-License-Identifier: EUPL-1.2 */
/* Modbus RTU frames. */
#include "drivers/modbus_frame.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"

#define REFUSAL	    0x80
#define REFUSAL_LEN 5 /* unit, function, exception, checksum */
#define SHORTEST    4 /* unit, function, checksum */
#define FAST_BAUD   19200
#define FAST_US	    1750

uint16_t fg_frame_crc(const uint8_t *bytes, size_t len)
{
	uint16_t crc = 0xFFFF;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
	}
	return crc;
}

bool fg_frame_is_whole(const uint8_t *adu, size_t len)
{
	return len >= SHORTEST && len <= FG_FRAME_MAX && fg_frame_crc(adu, len) == 0;
}

/* The checksum goes low byte first. */
size_t fg_frame_build(uint8_t unit, const uint8_t *pdu, size_t len, uint8_t ret_adu[FG_FRAME_MAX])
{
	uint16_t crc;

	len = FG_MIN(len, (size_t)FG_MODBUS_PDU_MAX);
	ret_adu[0] = unit;
	memcpy(ret_adu + 1, pdu, len);
	crc = fg_frame_crc(ret_adu, len + 1);
	ret_adu[len + 1] = (uint8_t)(crc & 0xFF);
	ret_adu[len + 2] = (uint8_t)(crc >> 8);
	return len + 3;
}

void fg_frame_ask(
	struct fg_frame_query *q, uint8_t unit, const uint8_t *pdu, size_t len, size_t answer)
{
	q->len = fg_frame_build(unit, pdu, len, q->adu);
	q->answer = answer;
}

size_t fg_frame_echo(const struct fg_frame_query *q, const uint8_t *rx, size_t len)
{
	return len >= q->len && memcmp(rx, q->adu, q->len) == 0 ? q->len : 0;
}

/* Functions whose answers say how many bytes follow. */
static bool counts_bytes(uint8_t function)
{
	return (function >= 1 && function <= 4) || function == 17 || function == 20 ||
	       function == 21 || function == 23;
}

/* Device identification (43/14): the objects' own lengths lead to the end. */
static size_t identity_length(const uint8_t *adu, size_t have)
{
	size_t at = 8; /* unit, 43, 14, code, conformity, more, next, objects */

	if (have < at)
		return 0;
	for (unsigned left = adu[7]; left; left--) {
		if (have < at + 2)
			return 0;
		at += 2u + adu[at + 1];
	}
	return at + 2;
}

/* The whole length of a frame that begins here like the answer; 0: it cannot be told yet, or this
 * is none. */
static size_t frame_length(const struct fg_frame_query *q, const uint8_t *adu, size_t have)
{
	if (have < REFUSAL_LEN || adu[0] != q->adu[0] ||
		(adu[1] & ~REFUSAL) != (q->adu[1] & ~REFUSAL))
		return 0;
	if (adu[1] & REFUSAL)
		return REFUSAL_LEN;
	if (q->answer && counts_bytes(adu[1]))
		return adu[2] + 2u == q->answer ? q->answer + 3 : 0;
	if (q->answer)
		return q->answer + 3;
	if (counts_bytes(adu[1]))
		return adu[2] + 5u;
	if (adu[1] == 43 && adu[2] == 14)
		return identity_length(adu, have);
	return have; /* only a silence can tell: to the end */
}

static bool is_own(const struct fg_frame_query *q, const uint8_t *adu, size_t len)
{
	return len == q->len && memcmp(adu, q->adu, len) == 0;
}

int fg_frame_find(const struct fg_frame_query *q, const uint8_t *rx, size_t len, size_t *ret_at,
	size_t *ret_len)
{
	bool echo_comes = q->echoes;

	for (size_t at = 0; at + REFUSAL_LEN <= len; at++) {
		size_t whole = frame_length(q, rx + at, len - at);

		if (!whole || at + whole > len || !fg_frame_is_whole(rx + at, whole))
			continue;
		if (echo_comes && is_own(q, rx + at, whole)) {
			echo_comes = false;
			at += whole - 1;
			continue;
		}
		*ret_at = at;
		*ret_len = whole;
		return FG_OK;
	}
	return FG_PENDING;
}

int fg_frame_judge(const struct fg_frame_query *q, const uint8_t *rx, size_t len)
{
	size_t shortest = q->answer ? q->answer + 3 : SHORTEST;

	if (fg_frame_is_whole(rx, len))
		return FG_PENDING;
	return len >= shortest && rx[0] == q->adu[0] ? FG_EFRAME : FG_PENDING;
}

int64_t fg_frame_chars_us(size_t chars, unsigned baud, unsigned char_bits)
{
	return ((int64_t)chars * char_bits * 1000000 + baud - 1) / baud;
}

int64_t fg_frame_silence_us(unsigned baud, unsigned char_bits)
{
	if (baud > FAST_BAUD)
		return FAST_US;
	return (INT64_C(3500000) * char_bits + baud - 1) / baud;
}
