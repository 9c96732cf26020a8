/* SPDX-License-Identifier: EUPL-1.2 */
/* What the store holds may be damaged: records and delivery states of any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "storage/checksum.h"
#include "storage/ranges.h"
#include "storage/record.h"

static int on_item(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	uint64_t *sum = arg;

	*sum += head->count + item->seq + (uint64_t)mono_us;
	if (item->value.kind == FG_KIND_TEXT)
		for (uint32_t i = 0; i < item->value.len; i++)
			*sum += (unsigned char)item->value.text[i];
	if (item->gap)
		*sum += item->gap->count +
			(item->gap->destination ? strlen(item->gap->destination) : 0);
	if (item->account) {
		if (item->account->count == 0 || item->account->count > FG_ACCOUNT_LINES)
			abort();
		for (size_t i = 0; i < item->account->count; i++)
			*sum += item->account->lines[i].sent;
		if (item->account->destination)
			*sum += strlen(item->account->destination);
	}
	if (item->aggregate)
		*sum += item->aggregate->count + strlen(item->aggregate->scheme) +
			strlen(item->aggregate->key);
	return 0;
}

static void decode(const void *bytes, size_t len)
{
	struct fg_ranges ranges;
	uint64_t sum = 0;

	fg_record_decode(bytes, len, 1000, on_item, &sum);
	fg_ranges_init(&ranges);
	if (fg_ranges_decode(bytes, len, &ranges) == 0 && ranges.count > FG_RANGES_MAX)
		abort();
	fg_ranges_fini(&ranges);
}

/* As they are, and with the seal that makes the checksum right: without it, little would get past
 * the first look. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fg_buf sealed;

	decode(data, size);
	fg_buf_init(&sealed, 1u << 20);
	fg_buf_put(&sealed, data, size);
	fg_seal(&sealed, 0);
	decode(sealed.data, sealed.len);
	fg_buf_fini(&sealed);
	return 0;
}
