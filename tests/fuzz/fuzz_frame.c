/* SPDX-License-Identifier: EUPL-1.2 */
/* The search for an answer on a serial line: any bytes, in pieces as a line would bring them,
 * against any request. The first bytes choose the request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "drivers/modbus_frame.h"

/* What was found lies inside, and is what was asked for. */
static void check(const struct fg_frame_query *q, const uint8_t *rx, size_t len)
{
	size_t at = 0, found = 0;

	fg_frame_judge(q, rx, len);
	if (fg_frame_find(q, rx, len, &at, &found) != FG_OK)
		return;
	if (at + found > len || found < 4 || rx[at] != q->adu[0] ||
		(rx[at + 1] & 0x7F) != (q->adu[1] & 0x7F) || fg_frame_crc(rx + at, found) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fg_frame_query q = {.len = 0};
	size_t pdu, rx;

	if (size < 6)
		return 0;
	pdu = 1 + data[1] % FG_MODBUS_PDU_MAX;
	if (4 + pdu > size)
		return 0;
	fg_frame_ask(&q, data[0], data + 4, pdu, data[2]);
	q.echoes = data[3] & 1;
	rx = 4 + pdu;
	for (size_t len = 0; len <= size - rx && len <= 2 * FG_FRAME_MAX; len += 1 + len / 8)
		check(&q, data + rx, len);
	check(&q, data + rx, size - rx);
	return 0;
}
