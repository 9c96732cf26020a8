/* SPDX-License-Identifier: EUPL-1.2 */
/* Devices whose addresses are not fixed: ordered lists of fields, and bases that the device itself
 * tells. */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/status.h"
#include "drivers/modbus_common.h"

/* ---- the list of fields ---- */

/* `- name: registers`, or the name alone for one register. */
static int parse_field(struct fg_bind *b, const struct fg_node *node, struct fg_modbus_field *ret)
{
	bool pair = node->kind == FG_NODE_MAPPING && node->count == 1;
	const struct fg_node *size = pair ? node->pairs[0].value : NULL;
	int64_t count = 1;

	if (!pair && node->kind != FG_NODE_SCALAR) {
		fg_bind_error(b, node, "a field is written `- NAME: registers`");
		return FG_EINVAL;
	}
	ret->name = fg_arena_strdup(b->arena, pair ? node->pairs[0].key : node->text);
	if (!fg_name_valid(ret->name)) {
		fg_bind_error(b, node, "'%.63s' is not a name", ret->name);
		return FG_EINVAL;
	}
	if (pair && (size->kind != FG_NODE_SCALAR || fg_integer_parse(size->text, &count) < 0 ||
			    count < 1 || count > 125)) {
		fg_bind_error(b, size, "a field has 1..125 registers");
		return FG_EINVAL;
	}
	ret->count = (unsigned)count;
	return FG_OK;
}

static int parse_list(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct fg_modbus_field_list *list = field;
	struct fg_modbus_field *items;
	unsigned at = 0;
	int r = FG_OK;

	if (node->kind != FG_NODE_SEQUENCE || node->count == 0 || node->count > 1000) {
		fg_bind_error(b, node, "a list of 1..1000 fields, each `NAME: registers`");
		return FG_EINVAL;
	}
	items = fg_arena_array(b->arena, node->count, sizeof(*items));
	for (size_t i = 0; i < node->count; i++) {
		if (parse_field(b, node->items[i], &items[i]) < 0) {
			r = FG_EINVAL;
			continue;
		}
		items[i].first = at;
		at += items[i].count;
		for (size_t k = 0; k < i; k++) {
			if (items[k].name && strcmp(items[k].name, items[i].name) == 0) {
				fg_bind_error(
					b, node->items[i], "'%s' twice in the list", items[i].name);
				r = FG_EINVAL;
			}
		}
	}
	if (r == FG_OK)
		*list = (struct fg_modbus_field_list){items, node->count};
	return r;
}

const struct fg_key fg_modbus_fields_keys[] = {
	FG_MODBUS_PLACE_KEYS(struct fg_modbus_fields, place),
	{.name = "list",
		.type = FG_KEY_CUSTOM,
		.offset = offsetof(struct fg_modbus_fields, list),
		.parse = parse_list,
		.form = "a list of `NAME: registers`",
		.schema = "{\"type\":\"array\",\"items\":{\"type\":[\"object\",\"string\"]}}",
		.help = "The fields in their order, with the registers that each takes. A device "
			"that is set to another order needs another list and nothing else."},
	{.name = NULL},
};

const struct fg_modbus_field *fg_modbus_find_field(
	const struct fg_modbus_device *dev, const char *name)
{
	for (size_t i = 0; i < dev->fields.list.count; i++)
		if (strcmp(dev->fields.list.items[i].name, name) == 0)
			return &dev->fields.list.items[i];
	return NULL;
}

uint8_t fg_modbus_find_base(const struct fg_modbus_device *dev, const char *name)
{
	const struct fg_modbus_base *bases = dev->bases.items;

	for (size_t i = 0; i < dev->bases.count && i < FG_MODBUS_BASES; i++)
		if (strcmp(bases[i].named.name, name) == 0)
			return (uint8_t)(1 + i);
	return 0;
}

/* ---- checks ---- */

static struct fg_place place_of(const struct fg_node *node)
{
	return node ? node->at : (struct fg_place){0};
}

static void check_base(
	const struct fg_device *dev, struct fg_modbus_base *base, struct fg_report *rep)
{
	struct fg_modbus_source *src = &base->source;
	struct fg_place at = place_of(base->named.node);
	const char *order = src->order ? fg_modbus_orders[src->order - 1].name : "";
	char why[160];

	src->spec = src->type.spec;
	src->spec.mask = src->mask;
	src->spec.high_byte = src->byte == FG_MODBUS_BYTE_HIGH;
	if (!src->type.set)
		src->spec.type = src->byte ? FG_REG_U8 : FG_REG_U16;
	src->span.width = (uint16_t)fg_regspec_width(&src->spec);
	if (!fg_modbus_resolve(&src->place, &src->span, why, sizeof(why)))
		fg_report_error(
			rep, at, "devices.%s.bases.%s: %s", dev->name, base->named.name, why);
	else if (fg_modbus_is_bit_table(src->span.table) || fg_regtype_is_text(src->spec.type) ||
		 fg_regtype_is_float(src->spec.type))
		fg_report_error(rep, at,
			"devices.%s.bases.%s: an address is a whole number in holding or input "
			"registers",
			dev->name, base->named.name);
	else if (src->span.address + src->span.width > 65536)
		fg_report_error(rep, at, "devices.%s.bases.%s: goes beyond the last address, 65535",
			dev->name, base->named.name);
	else if (order[0] && fg_order_parse(order, &src->spec, &src->spec.order) < 0)
		fg_report_error(rep, at, "devices.%s.bases.%s: %s does not fit the type", dev->name,
			base->named.name, order);
}

void fg_modbus_check_layout(
	const struct fg_device *dev, struct fg_modbus_device *conf, struct fg_report *rep)
{
	const struct fg_node *node = dev->node ? fg_node_get(dev->node, "fields") : NULL;
	struct fg_modbus_base *bases = conf->bases.items;
	struct fg_span span;
	char why[160];

	if (conf->fields.list.count &&
		!fg_modbus_resolve(&conf->fields.place, &span, why, sizeof(why)))
		fg_report_error(rep, place_of(node), "devices.%s.fields: %s", dev->name, why);
	if (conf->bases.count > FG_MODBUS_BASES)
		fg_report_error(rep, place_of(fg_node_get(dev->node, "bases")),
			"devices.%s.bases: %zu bases; at most %d are allowed", dev->name,
			conf->bases.count, FG_MODBUS_BASES);
	for (size_t i = 0; i < conf->bases.count; i++)
		check_base(dev, &bases[i], rep);
}

/* ---- bases at run time ---- */

static int32_t base_from(const struct fg_modbus_base *base, const uint16_t *cells)
{
	struct fg_value v;
	uint64_t raw;
	char none[1];

	if (fg_reg_decode(&base->source.spec, cells, &v, &raw, none) < 0 || v.kind != FG_KIND_INT ||
		v.i < -65536 || v.i > 131072)
		return -1;
	v.i += base->add;
	return v.i < 0 || v.i > 65535 ? -1 : (int32_t)v.i;
}

int fg_modbus_find_bases(
	struct fg_job *job, const struct fg_modbus_transport *t, const struct fg_modbus_plan *plan)
{
	const struct fg_modbus_device *dev = fg_modbus_device_of(job);
	const struct fg_modbus_base *bases = dev->bases.items;

	for (size_t i = 0; i < dev->bases.count && i < FG_MODBUS_BASES; i++) {
		const struct fg_span *span = &bases[i].source.span;
		struct fg_request req = {span->table, span->address, span->width};
		struct fg_modbus_outcome o;
		uint16_t cells[4] = {0};

		if (!(plan->bases_used >> i & 1) || plan->scratch->base[i] >= 0)
			continue;
		fg_modbus_run_request(job, t, &req, cells, &o);
		if (o.status == FG_OK)
			plan->scratch->base[i] = base_from(&bases[i], cells);
		if (plan->scratch->base[i] >= 0)
			fg_job_explain(job, "  base %s: register %u says %d", bases[i].named.name,
				span->address, (int)plan->scratch->base[i]);
		else
			fg_job_explain(job, "  base %s: register %u %s", bases[i].named.name,
				span->address,
				o.status == FG_OK ? "holds no address" : "could not be read");
		if (o.status != FG_OK && o.status != FG_EREFUSED)
			return o.status;
	}
	return FG_OK;
}

void fg_modbus_forget_bases(const struct fg_modbus_plan *plan)
{
	for (size_t i = 0; i < FG_MODBUS_BASES; i++)
		plan->scratch->base[i] = -1;
}

bool fg_modbus_place_request(const struct fg_modbus_plan *plan, uint8_t space,
	const struct fg_request *req, struct fg_request *ret)
{
	int64_t base = space ? plan->scratch->base[space - 1] : 0;

	*ret = *req;
	if (base < 0 || base + req->address + req->count > 65536)
		return false;
	ret->address = (uint16_t)(base + req->address);
	return true;
}
