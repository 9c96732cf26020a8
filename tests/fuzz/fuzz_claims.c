/* SPDX-License-Identifier: EUPL-1.2 */
/* What a broker gives out as another gateway's catalogue of a station: topic, newline, payload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/key.h"
#include "gateway/claims.h"

static void topic_of(const uint8_t *data, size_t len)
{
	char station[FG_CLAIM_NAME], gateway[FG_CLAIM_NAME];
	char *topic = malloc(len + 1);

	memcpy(topic, data, len);
	topic[len] = '\0';
	if (fg_claims_topic(topic, "town", station, gateway) &&
		(!fg_name_valid(station) || !fg_name_valid(gateway)))
		abort();
	free(topic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	size_t n = line ? (size_t)(line - data) : 0;
	char mem[300];
	struct fg_buf out;
	bool cut = false;

	topic_of(data, n);
	fg_buf_wrap(&out, mem, sizeof(mem));
	if (fg_claims_read(data + n, size - n, &out, &cut) < 0)
		return 0;
	for (const char *at = out.data; at < out.data + out.len; at += strlen(at) + 1)
		if (!strchr(at, '/') || strlen(at) >= 2 * FG_CLAIM_NAME)
			abort();
	return 0;
}
