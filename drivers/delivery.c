/* SPDX-License-Identifier: EUPL-1.2 */
/* Readings that nobody polled: room for them, and the way out of a driver. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "drivers/driver.h"

struct fg_delivery *fg_delivery_new(
	const struct fg_device *device, size_t readings, size_t text, int64_t arrived_mono_us)
{
	struct fg_delivery *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->device = device;
	d->arrived_mono_us = arrived_mono_us;
	d->batch.cap = FG_MIN(readings, (size_t)FG_DELIVERY_READINGS);
	d->batch.text_cap = FG_MIN(text, (size_t)FG_DELIVERY_TEXT);
	d->batch.readings = calloc(d->batch.cap + 1, sizeof(*d->batch.readings));
	d->batch.text = malloc(d->batch.text_cap + 1);
	if (d->batch.readings && d->batch.text)
		return d;
	fg_delivery_free(d);
	return NULL;
}

void fg_delivery_free(struct fg_delivery *d)
{
	if (!d)
		return;
	free(d->batch.readings);
	free(d->batch.text);
	free(d);
}

int fg_link_deliver(struct fg_link_state *ls, struct fg_delivery *d)
{
	return ls->deliver(ls, d);
}
