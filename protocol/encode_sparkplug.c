/* SPDX-License-Identifier: EUPL-1.2 */
/* `sparkplug` in the table of encoders. What it says depends on what was said before, so a
 * publisher makes its messages with gateway/sparkplug.c; such a destination has no other payload
 * (gateway/config/destinations.c gives it one of its own). */
#include "protocol/encode_sparkplug.h"

_Static_assert(sizeof(struct fg_sparkplug_options) <= FG_ENCODER_OPTIONS_MAX, "options have room");

const struct fg_key fg_encoder_keys_sparkplug[] = {
	{"group", FG_KEY_TEXT, .offset = offsetof(struct fg_sparkplug_options, group), .max = 120,
		.help = "Group id. Default: the destination's `prefix`, with `-` for `/`."},
	{"primary_host", FG_KEY_TEXT,
		.offset = offsetof(struct fg_sparkplug_options, primary_host), .max = 120,
		.help = "Host id of the application that must be there: until its STATE says "
			"online nothing is sent, and readings are kept."},
	{0},
};

static const char *content_type(const void *options, bool *ret_text)
{
	(void)options;
	*ret_text = false;
	return "application/x-protobuf";
}

const struct fg_encoder fg_encoder_sparkplug = {
	.form = FG_ENCODER_PACK,
	.batches = true,
	.content_type = content_type,
};
