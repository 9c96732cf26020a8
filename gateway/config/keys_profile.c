/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys by which a profile describes itself. */
#include "base/number.h"
#include "base/status.h"
#include "gateway/config/keys.h"
#include "gateway/config/profiles.h"

#define AT(type, field) .offset = offsetof(struct type, field)
#define MAX_PROBES	16

struct words {
	const uint16_t *items;
	size_t count;
};

struct raw_probe {
	struct fg_identify_probe probe;
	struct words values;
};

static int parse_words(struct fg_bind *b, const struct fg_node *node, void *field)
{
	static const struct fg_key word = {.name = "values", .type = FG_KEY_INT, .max = 65535};
	size_t n = node->kind == FG_NODE_SEQUENCE ? node->count : 1, faults = 0;
	uint16_t *items = fg_arena_array(b->arena, n, sizeof(*items));

	for (size_t i = 0; i < n; i++) {
		int64_t v = 0;

		faults += fg_bind_value(
			b, &word, node->kind == FG_NODE_SEQUENCE ? node->items[i] : node, &v);
		items[i] = (uint16_t)v;
	}
	*(struct words *)field = (struct words){items, n};
	return faults ? FG_ECONFIG : FG_OK;
}

static const struct fg_choice tables[] = {
	{.name = "holding", .value = FG_TABLE_HOLDING},
	{.name = "input", .value = FG_TABLE_INPUT},
	{.name = "coil", .value = FG_TABLE_COIL},
	{.name = "discrete", .value = FG_TABLE_DISCRETE},
	{.name = NULL},
};

static const struct fg_key probe_keys[] = {
	{"table", FG_KEY_CHOICE, AT(raw_probe, probe.table), .choices = tables, .dflt = "holding",
		.help = "The table it stands in."},
	{"address", FG_KEY_INT, FG_KEY_REQUIRED, AT(raw_probe, probe.address), .max = 65535,
		.help = "As on the wire, from 0."},
	{"values", FG_KEY_CUSTOM, AT(raw_probe, values), .parse = parse_words,
		.form = "one or a list of whole numbers, 0 to 65535",
		.help = "The register holds one of these. Without `values` and `text` any answer "
			"but a "
			"refusal will do."},
	{"text", FG_KEY_TEXT, AT(raw_probe, probe.text), .max = 64,
		.help = "The text, two characters a register, that begins there; upper or lower "
			"case."},
	{0},
};

static int parse_probes(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_identify_probe *items;
	size_t faults = 0;

	if (node->kind != FG_NODE_SEQUENCE || node->count > MAX_PROBES) {
		fg_bind_error(b, node, "it takes a list of at most %d mappings", MAX_PROBES);
		return FG_ECONFIG;
	}
	items = fg_arena_array(b->arena, node->count, sizeof(*items));
	for (size_t i = 0; i < node->count; i++) {
		struct raw_probe raw = {0};

		faults += fg_bind_struct(
			b, node->items[i], probe_keys, NULL, &raw, NULL, node->items[i]->at);
		items[i] = raw.probe;
		items[i].values = raw.values.items;
		items[i].value_count = raw.values.count;
	}
	*(struct fg_identify_probes *)field = (struct fg_identify_probes){items, node->count};
	return faults ? FG_ECONFIG : FG_OK;
}

static const struct fg_key identify_keys[] = {
	{"vendor", FG_KEY_TEXT, AT(fg_identify, vendor),
		.help = "Part of the vendor name that the instrument gives (function 43/14, object "
			"0)."},
	{"product", FG_KEY_TEXT, AT(fg_identify, product),
		.help = "Part of its product code, product name or model name (objects 1, 4 and "
			"5)."},
	{"server_id", FG_KEY_TEXT, AT(fg_identify, server_id),
		.help = "Part of the text of its server id (function 17)."},
	{"registers", FG_KEY_CUSTOM, AT(fg_identify, registers), .parse = parse_probes,
		.sub = probe_keys, .form = "a list of mappings",
		.help = "Registers that it is known to hold; read only where the rest holds."},
	{0},
};

const struct fg_key fg_keys_profile_meta[] = {
	{"title", FG_KEY_TEXT, AT(fg_profile_meta, title), .help = "The model's name for people."},
	{"vendor", FG_KEY_TEXT, AT(fg_profile_meta, vendor), .help = "Who makes it."},
	{"model", FG_KEY_TEXT, AT(fg_profile_meta, model), .help = "The maker's name of it."},
	{"extends", FG_KEY_NAME, AT(fg_profile_meta, extends),
		.help = "Another profile, over which this one is laid: its keys go before the "
			"other's, "
			"and `~` removes a point. Of the other's `profile` nothing is taken."},
	{"source", FG_KEY_TEXT, AT(fg_profile_meta, source), .max = 1000,
		.help = "The document that the points are taken from."},
	{"confidence", FG_KEY_TEXT, AT(fg_profile_meta, confidence), .max = 1000,
		.help = "How sure that is."},
	{"verified", FG_KEY_TEXT, AT(fg_profile_meta, verified), .max = 1000,
		.help = "Who tried it on the instrument, and when."},
	{"not_verified", FG_KEY_TEXTS, AT(fg_profile_meta, not_verified), .max = 1000,
		.help = "What is not known for sure."},
	{"example", FG_KEY_TEXT, AT(fg_profile_meta, example), .max = 2000,
		.help = "The worked example that it was tested against, and where that stands."},
	{"identify", FG_KEY_STRUCT, AT(fg_profile_meta, identify), .sub = identify_keys,
		.help = "How `fjordctl scan modbus` recognises the instrument: all that is given "
			"must hold."},
	{"notes", FG_KEY_TEXT, AT(fg_profile_meta, notes), .max = 4000, .help = "What to mind."},
	{0},
};
