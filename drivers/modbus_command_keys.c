/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration says about waking a device and about commands to it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/status.h"
#include "drivers/modbus_command.h"
#include "drivers/modbus_frame.h"

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

/* ---- parsing ---- */

#define MAX_WORDS 123 /* of one write of several registers */

static int parse_word(struct fg_bind *b, const struct fg_node *node, uint16_t *ret)
{
	const char *text = node->kind == FG_NODE_SCALAR && node->text ? node->text : "";
	int64_t v;

	if (fg_integer_parse(text, &v) < 0 || v < 0 || v > 65535) {
		fg_bind_error(b, node, "'%s' is no register value; 0..65535", text);
		return FG_EINVAL;
	}
	*ret = (uint16_t)v;
	return FG_OK;
}

static int parse_words(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_words *words = field;
	bool list = node->kind == FG_NODE_SEQUENCE;
	size_t n = list ? node->count : 1;
	uint16_t *items;
	int r = FG_OK;

	if (node->kind == FG_NODE_MAPPING || n > MAX_WORDS) {
		fg_bind_error(b, node, "a list of at most %d register values", MAX_WORDS);
		return FG_EINVAL;
	}
	items = fg_arena_array(b->arena, n + 1, sizeof(*items));
	for (size_t i = 0; i < n; i++)
		if (parse_word(b, list ? node->items[i] : node, &items[i]) < 0)
			r = FG_EINVAL;
	words->items = items;
	words->count = n;
	return r;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "03 25 00": pairs of digits with blanks between them. */
static bool parse_hex(const char *text, struct fg_modbus_raw *ret)
{
	ret->len = 0;
	for (; *text; text += 2) {
		while (*text == ' ')
			text++;
		if (!*text)
			break;
		if (ret->len == sizeof(ret->bytes) || hex_digit(text[0]) < 0 ||
			hex_digit(text[1]) < 0)
			return false;
		ret->bytes[ret->len++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
	}
	return ret->len > 0;
}

static int parse_raw(struct fg_bind *b, const struct fg_node *node, void *field)
{
	if (node->kind == FG_NODE_SCALAR && parse_hex(node->text, field))
		return FG_OK;
	fg_bind_error(b, node,
		"not bytes of a request; two hexadecimal digits each, from the function code on, "
		"without unit id and checksum: \"03 25 00 00 00\"");
	return FG_EINVAL;
}

int fg_modbus_parse_commands(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_commands *out = field;
	struct fg_modbus_command *items;
	bool partial = b->partial;
	size_t faults = 0;

	if (node->kind != FG_NODE_SEQUENCE || node->count > FG_MODBUS_COMMANDS) {
		fg_bind_error(b, node, "a list of at most %d commands", FG_MODBUS_COMMANDS);
		return FG_EINVAL;
	}
	items = fg_arena_array(b->arena, node->count + 1, sizeof(*items));
	b->partial = false;
	for (size_t i = 0; i < node->count; i++)
		faults += fg_bind_struct(b, node->items[i], fg_modbus_command_keys, NULL, &items[i],
			NULL, node->items[i]->at);
	b->partial = partial;
	out->items = items;
	out->count = node->count;
	return faults ? FG_EINVAL : FG_OK;
}

/* ---- tables of keys ---- */

const struct fg_key fg_modbus_wake_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_wake, place),
	{.name = "count",
		.type = FG_KEY_INT,
		.offset = offsetof(struct fg_modbus_wake, count),
		.min = 1,
		.max = 125,
		.dflt = "1",
		.help = "Registers (or bits) that are read."},
	{.name = "after",
		.type = FG_KEY_DURATION,
		.offset = offsetof(struct fg_modbus_wake, after_us),
		.min = 0,
		.max = DAY,
		.dflt = "10s",
		.help = "Only where nothing was exchanged with it for so long."},
	{.name = "wait",
		.type = FG_KEY_DURATION,
		.offset = offsetof(struct fg_modbus_wake, wait_us),
		.min = 10000,
		.max = 60 * SECOND,
		.dflt = "1s",
		.help = "From this request to the first of the poll. The bus serves others "
			"meanwhile."},
	{.name = NULL},
};

static const struct fg_choice whens[] = {
	{.name = "poll", .value = FG_MODBUS_WHEN_POLL, .help = "before each poll"},
	{.name = "appear",
		.value = FG_MODBUS_WHEN_APPEAR,
		.help = "before the first poll, and before the first after it did not answer"},
	{.name = NULL},
};

static const struct fg_key wait_from_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_wait_from, place),
	{.name = "type",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_wait_from, type),
		.parse = fg_modbus_parse_type,
		.form = "u16 u32 i16 i32 f32 …",
		.schema = "{\"type\":\"string\"}",
		.help = "How the registers are read; u16 where nothing is said."},
	{.name = "scale",
		.type = FG_KEY_NUMBER,
		.offset = offsetof(struct fg_modbus_wait_from, scale),
		.dflt = "1",
		.help = "Milliseconds of one."},
	{.name = "margin",
		.type = FG_KEY_DURATION,
		.offset = offsetof(struct fg_modbus_wait_from, margin_us),
		.min = 0,
		.max = 60 * SECOND,
		.dflt = "0s",
		.help = "More than the device says."},
	{.name = NULL},
};

const struct fg_key fg_modbus_command_keys[] = {
	{.name = "name",
		.type = FG_KEY_TEXT,
		.flags = FG_KEY_REQUIRED,
		.offset = offsetof(struct fg_modbus_command, name),
		.max = 63,
		.help = "For people and the log."},
	{.name = "when",
		.type = FG_KEY_CHOICE,
		.offset = offsetof(struct fg_modbus_command, when),
		.choices = whens,
		.dflt = "poll",
		.help = "When it is sent."},
	{.name = "function",
		.type = FG_KEY_INT,
		.offset = offsetof(struct fg_modbus_command, function),
		.min = 5,
		.max = 16,
		.help = "5: one coil, 6: one register, 16: several registers."},
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_command, place),
	{.name = "value",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_command, values),
		.parse = parse_words,
		.form = "a register value, or a list for function 16",
		.schema = "{\"type\":[\"array\",\"integer\"],\"items\":{\"type\":\"integer\","
			  "\"minimum\":0,\"maximum\":65535}}",
		.help = "What is written; 0 or 1 for a coil."},
	{.name = "raw",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_command, raw),
		.parse = parse_raw,
		.form = "bytes as \"03 25 00 00 00\"",
		.schema = "{\"type\":\"string\"}",
		.help = "Instead of `function`: the request from the function code on, without "
			"unit id and checksum."},
	{.name = "answer",
		.type = FG_KEY_INT,
		.offset = offsetof(struct fg_modbus_command, answer),
		.min = 1,
		.max = FG_MODBUS_PDU_MAX,
		.help = "With `raw`: how many bytes its answer has from the function code on, "
			"without unit id and checksum."},
	{.name = "wait",
		.type = FG_KEY_DURATION,
		.offset = offsetof(struct fg_modbus_command, wait_us),
		.min = 0,
		.max = 600 * SECOND,
		.dflt = "0s",
		.help = "Between its answer and what follows. The bus serves others meanwhile."},
	{.name = "wait_from",
		.type = FG_KEY_STRUCT,
		.offset = offsetof(struct fg_modbus_command, wait_from),
		.sub = wait_from_keys,
		.help = "A register that says how long, in milliseconds; read when the device "
			"appears. `wait` holds where it cannot be read."},
	{.name = "settle",
		.type = FG_KEY_DURATION,
		.offset = offsetof(struct fg_modbus_command, settle_us),
		.min = 0,
		.max = DAY,
		.dflt = "0s",
		.help = "So long after it readings are suspect (qc 3, test `warm_up`)."},
	{.name = NULL},
};

/* ---- checks ---- */

struct check {
	const struct fg_device *dev;
	struct fg_report *rep;
	struct fg_place at;
	char what[100]; /* "wake", "commands: 'wipe'" */
};

static void FG_PRINTF(2, 3) fault(const struct check *c, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fg_report_error(c->rep, c->at, "devices.%s.%s: %s", c->dev->name, c->what, text);
}

static bool is_given(const struct fg_modbus_place *p)
{
	return p->table || p->address.set || p->reference.set;
}

/* A place with `width` registers behind it as a read; false (told) where it is none. */
static bool read_of(const struct check *c, const struct fg_modbus_place *place, unsigned width,
	struct fg_request *ret)
{
	struct fg_span span;
	char why[160];

	if (!fg_modbus_resolve(place, &span, why, sizeof(why))) {
		fault(c, "%s", why);
		return false;
	}
	if (span.address + width > 65536) {
		fault(c, "%u and %u more go beyond the last address, 65535", span.address,
			width - 1);
		return false;
	}
	*ret = (struct fg_request){
		.table = span.table, .address = span.address, .count = (uint16_t)width};
	return true;
}

/* The table follows from the function: what is written to. */
static bool place_of_write(
	const struct check *c, const struct fg_modbus_command *cmd, uint16_t *ret_address)
{
	enum fg_table table = cmd->function == 5 ? FG_TABLE_COIL : FG_TABLE_HOLDING;
	struct fg_modbus_place place = cmd->place;
	struct fg_request where;

	if (!place.table && !place.reference.set)
		place.table = 1 + (int)table;
	if (!read_of(c, &place, (unsigned)FG_MAX(cmd->values.count, (size_t)1), &where))
		return false;
	if (where.table != table) {
		fault(c, "function %d writes to table %s", (int)cmd->function,
			fg_modbus_tables[table].name);
		return false;
	}
	*ret_address = where.address;
	return true;
}

static void check_write(const struct check *c, struct fg_modbus_command *cmd)
{
	uint16_t address;

	if (cmd->function != 5 && cmd->function != 6 && cmd->function != 16) {
		fault(c, "function %d is no write; 5, 6 or 16, or the request's bytes as raw",
			(int)cmd->function);
		return;
	}
	if (!place_of_write(c, cmd, &address))
		return;
	if (cmd->function == 5 && cmd->values.count == 1 && cmd->values.items[0] > 1)
		fault(c, "value %u: a coil is 0 or 1", cmd->values.items[0]);
	cmd->len = fg_modbus_write((unsigned)cmd->function, address, cmd->values.items,
		cmd->values.count, cmd->pdu, &cmd->answer_len);
	if (!cmd->len)
		fault(c, "value: function %d takes %s, not %zu", (int)cmd->function,
			cmd->function == 16 ? "1 to 123 values" : "one value", cmd->values.count);
}

static void check_raw(const struct check *c, struct fg_modbus_command *cmd)
{
	if (cmd->function || is_given(&cmd->place) || cmd->values.count)
		fault(c, "raw is the whole request; no function, address or value beside it");
	if (cmd->raw.bytes[0] == 0 || cmd->raw.bytes[0] > 127)
		fault(c, "raw: %u is no function code; 1..127", cmd->raw.bytes[0]);
	if (!cmd->answer)
		fault(c, "answer is missing: how many bytes the answer to raw has, from the "
			 "function code on");
	memcpy(cmd->pdu, cmd->raw.bytes, cmd->raw.len);
	cmd->len = cmd->raw.len;
	cmd->answer_len = (size_t)cmd->answer;
}

static void check_wait_from(const struct check *c, struct fg_modbus_command *cmd)
{
	struct fg_modbus_wait_from *w = &cmd->wait_from;

	cmd->waits_from = is_given(&w->place);
	if (!cmd->waits_from)
		return;
	if (!w->type.set)
		w->type.spec.type = FG_REG_U16;
	if (fg_regtype_is_text(w->type.spec.type) || w->type.spec.type == FG_REG_BOOL)
		fault(c, "wait_from: a number is wanted");
	read_of(c, &w->place, fg_regspec_width(&w->type.spec), &cmd->wait_read);
}

static void check_command(struct check *c, struct fg_modbus_command *cmd)
{
	snprintf(c->what, sizeof(c->what), "commands: '%.63s'", cmd->name ? cmd->name : "?");
	if (cmd->raw.len)
		check_raw(c, cmd);
	else if (!cmd->function)
		fault(c, "function (5, 6 or 16) is missing, or raw");
	else
		check_write(c, cmd);
	if (!cmd->raw.len && cmd->answer)
		fault(c, "answer goes with raw; that to function %d is known", (int)cmd->function);
	check_wait_from(c, cmd);
}

static struct fg_place place_of_key(const struct fg_device *dev, const char *key)
{
	const struct fg_node *node = dev->node ? fg_node_get(dev->node, key) : NULL;

	if (node)
		return node->at;
	return dev->node ? dev->node->at : (struct fg_place){0};
}

static void check_commands(struct check *c, const struct fg_modbus_device *dev)
{
	const struct fg_modbus_commands *list = &dev->cycle.commands;

	c->at = place_of_key(c->dev, "commands");
	for (size_t i = 0; i < list->count; i++) /* ours while the configuration is loaded */
		check_command(c, (struct fg_modbus_command *)(uintptr_t)&list->items[i]);
	if (!list->count)
		return;
	if (!c->dev->allow_commands)
		fg_report_warning(c->rep, c->at,
			"devices.%s.commands: not sent, as allow_commands is false; the points are "
			"read all the same, but a device that waits for them (%s) gives old values "
			"or none",
			c->dev->name, list->items[0].name ? list->items[0].name : "?");
	else if (dev->unit_id == 0)
		fg_report_error(c->rep, c->at,
			"devices.%s.commands: unit_id 0 is the broadcast address; commands go to "
			"one device alone",
			c->dev->name);
}

void fg_modbus_check_cycle(
	const struct fg_device *dev, struct fg_modbus_cycle *cycle, struct fg_report *rep)
{
	struct check c = {.dev = dev, .rep = rep, .what = "wake"};

	c.at = place_of_key(dev, "wake");
	cycle->wake.given =
		is_given(&cycle->wake.place) || (dev->node && fg_node_get(dev->node, "wake"));
	if (cycle->wake.given)
		read_of(&c, &cycle->wake.place, (unsigned)cycle->wake.count, &cycle->wake.read);
	check_commands(&c, dev->conf);
}

/* ---- the forecast ---- */

/* Request and answer, each with checksum and silence. */
static int64_t wire_us(size_t request, size_t answer, unsigned baud, unsigned char_bits)
{
	if (!baud)
		return 0;
	return fg_frame_chars_us(request + 3 + answer + 3, baud, char_bits) +
	       2 * fg_frame_silence_us(baud, char_bits);
}

/* As long as the device sleeps, its wake-up is not answered. */
static void add_wake(const struct fg_group *group, const struct fg_modbus_wake *w, int64_t line_us,
	struct fg_beside *ret)
{
	int64_t silent_us = FG_MIN(w->wait_us, group->device->timeout_us);

	if (!w->given || group->interval_us < w->after_us)
		return;
	ret->told = true;
	ret->busy_us += line_us + silent_us;
	ret->wait_us += w->wait_us - silent_us;
}

void fg_modbus_beside(const struct fg_group *group, unsigned baud, unsigned char_bits,
	struct fg_beside *ret_beside)
{
	const struct fg_modbus_device *dev = group->device->conf;
	const struct fg_modbus_cycle *c = &dev->cycle;
	const struct fg_modbus_plan *plan = group->plan;
	int64_t silence_us = baud ? fg_frame_silence_us(baud, char_bits) : 0;
	int64_t gap_us = FG_MAX(c->request_gap_us - silence_us, 0);

	*ret_beside = (struct fg_beside){.told = dev->response_us || gap_us};
	ret_beside->busy_us = gap_us * (int64_t)group->request_count;
	if (c->wake.given)
		add_wake(group, &c->wake,
			wire_us(5, fg_modbus_answer_length(&c->wake.read), baud, char_bits),
			ret_beside);
	for (size_t i = 0; group->device->allow_commands && i < c->commands.count; i++) {
		const struct fg_modbus_command *cmd = &c->commands.items[i];

		if (cmd->when != FG_MODBUS_WHEN_POLL)
			continue;
		ret_beside->told = true;
		ret_beside->busy_us += gap_us + plan->turn_us +
				       wire_us(cmd->len, cmd->answer_len, baud, char_bits);
		ret_beside->wait_us += cmd->wait_us;
	}
}

void fg_modbus_check_serial_unit(
	const struct fg_device *dev, const struct fg_modbus_device *conf, struct fg_report *rep)
{
	struct fg_place at = place_of_key(dev, "unit_id");

	if (conf->unit_id == 0)
		fg_report_error(rep, at,
			"devices.%s.unit_id: 0 is the broadcast address, which nobody answers; "
			"1..247",
			dev->name);
	else if (conf->unit_id > 247)
		fg_report_warning(rep, at,
			"devices.%s.unit_id: 248..255 are reserved by the standard; some sensors "
			"use them all the same",
			dev->name);
}
