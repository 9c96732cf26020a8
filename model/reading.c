/* SPDX-License-Identifier: EUPL-1.2 */
/* Filling batches. */
#include "model/reading.h"

#include <string.h>

#include "base/cleanup.h"

struct fg_reading *fg_batch_add(struct fg_batch *batch, uint32_t point, int64_t taken_mono_us)
{
	struct fg_reading *r;

	if (batch->count == batch->cap)
		return NULL;
	r = &batch->readings[batch->count++];
	*r = (struct fg_reading){
		.point = point,
		.taken_mono_us = taken_mono_us,
		.qc = FG_QC_NOT_EVALUATED,
	};
	return r;
}

void fg_batch_set_text(struct fg_batch *batch, struct fg_reading *r, const char *text, size_t len)
{
	size_t n = FG_MIN(len, batch->text_cap - batch->text_len);

	memcpy(batch->text + batch->text_len, text, n);
	r->value.kind = FG_KIND_TEXT;
	r->value.text = batch->text + batch->text_len;
	r->value.len = (uint32_t)n;
	batch->text_len += n;
}
