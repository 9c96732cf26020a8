/* SPDX-License-Identifier: EUPL-1.2 */
/* Binary layouts and series. The first byte chooses the declaration, the rest is the payload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/binary.h"

static const struct fg_binary_field head[] = {
	{.name = "id", .type = FG_BINARY_HEX, .offset = 0, .size = 8},
	{.name = "battery", .offset = 8, .size = 2, .scale = 0.001, .little = true},
	{.name = "flag", .offset = 10, .size = 1, .low_bit = 7, .bits = 1},
	{.name = "single", .type = FG_BINARY_FLOAT, .offset = 4, .size = 4},
	{.name = "wide", .type = FG_BINARY_SIGNED, .offset = 3, .size = 8, .has_missing = true},
	{.name = "time", .role = FG_BINARY_TIME, .offset = 7, .size = 4},
};
static const struct fg_binary_field timed[] = {
	{.name = "t", .type = FG_BINARY_SIGNED, .offset = 0, .size = 2, .scale = 0.1},
	{.name = "time", .role = FG_BINARY_TIME, .offset = 2, .size = 4},
};
static const struct fg_binary_field plain[] = {
	{.name = "v",
		.type = FG_BINARY_SIGNED,
		.offset = 0,
		.size = 3,
		.low_bit = 5,
		.bits = 12,
		.invalid_offset = 2,
		.invalid_mask = 3,
		.invalid_equals = 2},
};
static const struct fg_binary_layout layouts[] = {
	{.head = {11, head, FG_COUNT(head)}, .record = {6, timed, FG_COUNT(timed)}},
	{.head = {11, head, FG_COUNT(head)},
		.record = {3, plain, FG_COUNT(plain)},
		.step_s = -900,
		.loose = true},
	{.head = {0, NULL, 0},
		.record = {3, plain, FG_COUNT(plain)},
		.selector_offset = 3,
		.selector_mask = 0xF0,
		.selector_equals = 0x10},
};

static const uint8_t switches[] = {5, 7};
static const struct fg_series_layout series = {
	.period = 3,
	.period_factor = 8,
	.channel = 4,
	.type = 1,
	.time = 2,
	.start = 4,
	.offsets = 5,
	.error_first = 8355840,
	.error_last = 8388607,
	.switches = switches,
	.switch_count = FG_COUNT(switches),
};

static int take_value(void *arg, const struct fg_binary_value *v)
{
	++*(size_t *)arg;
	if (v->value.kind == FG_KIND_TEXT && v->value.len != 2u * v->field->size)
		abort();
	return FG_OK;
}

static int take_sample(void *arg, const struct fg_series_value *v)
{
	++*(size_t *)arg;
	if (v->time_s < -1 || v->value.kind == FG_KIND_TEXT)
		abort();
	return FG_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t given = 0;
	uint8_t bytes[64];
	int r;

	if (size == 0)
		return 0;
	if (*data == 'x') {
		fg_binary_unhex(data + 1, size - 1, bytes, sizeof(bytes));
		return 0;
	}
	if (*data < FG_COUNT(layouts))
		r = fg_binary_decode(&layouts[*data], data + 1, size - 1, take_value, &given);
	else
		r = fg_series_decode(&series, data + 1, size - 1, take_sample, &given);
	if (r < 0 && given)
		abort(); /* a payload is taken whole or not at all */
	if (given > 6 * size)
		abort();
	return 0;
}
