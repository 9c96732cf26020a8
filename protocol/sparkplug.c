/* SPDX-License-Identifier: EUPL-1.2 */
/* Sparkplug B payloads through protobuf-c. A message of Protocol Buffers is the bytes of its fields
 * one after the other, so payloads are packed metric by metric and nothing is allocated; what comes
 * in is unpacked into memory of a fixed size. */
#include "protocol/sparkplug.h"

#include <stdalign.h>
#include <string.h>

#include "base/status.h"
#include "protocol/json_scan.h"
#include "sparkplug.pb-c.h"

/* ---- writing ---- */

static void put_payload(struct fg_buf *out, const Fg__Spb__Payload *payload)
{
	size_t n = fg__spb__payload__get_packed_size(payload);

	if (!fg_buf_room(out, n))
		return;
	fg__spb__payload__pack(payload, (uint8_t *)out->data + out->len);
	out->len += n;
	out->data[out->len] = '\0';
}

void fg_spb_begin(struct fg_buf *out, int64_t time_ms)
{
	Fg__Spb__Payload payload = FG__SPB__PAYLOAD__INIT;

	payload.has_timestamp = 1;
	payload.timestamp = (uint64_t)time_ms;
	put_payload(out, &payload);
}

bool fg_spb_end(struct fg_buf *out, int seq)
{
	Fg__Spb__Payload payload = FG__SPB__PAYLOAD__INIT;

	payload.has_seq = seq >= 0;
	payload.seq = (uint64_t)seq;
	put_payload(out, &payload);
	return !out->overflow;
}

static void set_value(Fg__Spb__Metric *to, const struct fg_spb_metric *m)
{
	switch (m->type) {
	case FG_SPB_INT32:
		to->value_case = FG__SPB__METRIC__VALUE_INT_VALUE;
		to->int_value = (uint32_t)m->i;
		break;
	case FG_SPB_INT64: /* two's complement in an unsigned field */
	case FG_SPB_UINT64:
		to->value_case = FG__SPB__METRIC__VALUE_LONG_VALUE;
		to->long_value = m->u;
		break;
	case FG_SPB_DOUBLE:
		to->value_case = FG__SPB__METRIC__VALUE_DOUBLE_VALUE;
		to->double_value = m->f;
		break;
	case FG_SPB_BOOLEAN:
		to->value_case = FG__SPB__METRIC__VALUE_BOOLEAN_VALUE;
		to->boolean_value = m->b;
		break;
	case FG_SPB_STRING:
		to->value_case = FG__SPB__METRIC__VALUE_STRING_VALUE;
		to->string_value = (char *)(uintptr_t)m->text; /* only read */
		break;
	case FG_SPB_UNKNOWN:
		break;
	}
}

static void set_property(Fg__Spb__Value *to, const struct fg_spb_property *p)
{
	*to = (Fg__Spb__Value)FG__SPB__VALUE__INIT;
	to->has_type = 1;
	if (p->text) {
		to->type = FG_SPB_STRING;
		to->value_case = FG__SPB__VALUE__VALUE_STRING_VALUE;
		to->string_value = (char *)(uintptr_t)p->text; /* only read */
	} else {
		to->type = FG_SPB_INT32;
		to->value_case = FG__SPB__VALUE__VALUE_INT_VALUE;
		to->int_value = (uint32_t)p->number;
	}
}

void fg_spb_put(struct fg_buf *out, const struct fg_spb_metric *m)
{
	Fg__Spb__Value values[FG_SPB_PROPERTIES_MAX], *value_list[FG_SPB_PROPERTIES_MAX];
	char *keys[FG_SPB_PROPERTIES_MAX];
	Fg__Spb__Properties properties = FG__SPB__PROPERTIES__INIT;
	Fg__Spb__Metric metric = FG__SPB__METRIC__INIT, *metrics[] = {&metric};
	Fg__Spb__Payload payload = FG__SPB__PAYLOAD__INIT;
	size_t n = FG_MIN(m->property_count, (size_t)FG_SPB_PROPERTIES_MAX);

	for (size_t i = 0; i < n; i++) {
		keys[i] = (char *)(uintptr_t)m->properties[i].key; /* only read */
		set_property(&values[i], &m->properties[i]);
		value_list[i] = &values[i];
	}
	properties.n_keys = properties.n_values = n;
	properties.keys = keys;
	properties.values = value_list;
	metric.name = (char *)(uintptr_t)m->name; /* only read */
	metric.has_alias = m->alias != 0;
	metric.alias = m->alias;
	metric.has_timestamp = 1;
	metric.timestamp = (uint64_t)m->time_ms;
	metric.has_datatype = !m->untold_type;
	metric.datatype = m->type;
	metric.has_is_historical = metric.is_historical = m->historical;
	metric.has_is_null = metric.is_null = m->null;
	metric.properties = n ? &properties : NULL;
	if (!m->null)
		set_value(&metric, m);
	payload.n_metrics = 1;
	payload.metrics = metrics;
	put_payload(out, &payload);
}

/* ---- the gateway's own ---- */

static void put_bd_seq(struct fg_buf *out, int64_t time_ms, uint8_t bd_seq)
{
	const struct fg_spb_metric metric = {.name = FG_SPB_BD_SEQ,
		.time_ms = time_ms,
		.type = FG_SPB_INT64,
		.i = bd_seq};

	fg_spb_put(out, &metric);
}

bool fg_spb_node_death(struct fg_buf *out, int64_t time_ms, uint8_t bd_seq)
{
	fg_spb_begin(out, time_ms);
	put_bd_seq(out, time_ms, bd_seq);
	return fg_spb_end(out, -1);
}

void fg_spb_node_birth(struct fg_buf *out, int64_t time_ms, uint8_t bd_seq)
{
	const struct fg_spb_metric rebirth = {
		.name = FG_SPB_REBIRTH, .time_ms = time_ms, .type = FG_SPB_BOOLEAN, .b = false};

	fg_spb_begin(out, time_ms);
	put_bd_seq(out, time_ms, bd_seq);
	fg_spb_put(out, &rebirth);
}

bool fg_spb_topic(struct fg_buf *out, const char *group, const char *kind, const char *node,
	const char *device)
{
	const char *const levels[] = {group, kind, node, device};

	fg_buf_puts(out, "spBv1.0");
	for (size_t i = 0; i < FG_COUNT(levels) && levels[i]; i++) {
		fg_buf_putc(out, '/');
		fg_buf_puts(out, levels[i]);
	}
	return !out->overflow;
}

bool fg_spb_state_topic(struct fg_buf *out, const char *host)
{
	return fg_spb_topic(out, "STATE", host, NULL, NULL);
}

/* ---- what comes in ---- */

/* Memory for one message that is unpacked; nothing is given back. */
struct scratch {
	size_t used;
	alignas(max_align_t) unsigned char bytes[32 * FG_SPB_COMMAND_MAX];
};

static void *scratch_alloc(void *data, size_t size)
{
	struct scratch *s = data;
	size_t from = (s->used + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

	if (from > sizeof(s->bytes) || size > sizeof(s->bytes) - from)
		return NULL;
	s->used = from + size;
	return s->bytes + from;
}

static void scratch_free(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

int fg_spb_rebirth_asked(const void *payload, size_t len)
{
	struct scratch scratch;
	ProtobufCAllocator allocator = {scratch_alloc, scratch_free, &scratch};
	Fg__Spb__Payload *p;

	scratch.used = 0;
	if (len > FG_SPB_COMMAND_MAX)
		return FG_EDECODE;
	p = fg__spb__payload__unpack(&allocator, len, payload);
	if (!p)
		return FG_EDECODE;
	for (size_t i = 0; i < p->n_metrics; i++) {
		const Fg__Spb__Metric *m = p->metrics[i];

		if (m->name && strcmp(m->name, FG_SPB_REBIRTH) == 0 &&
			m->value_case == FG__SPB__METRIC__VALUE_BOOLEAN_VALUE && m->boolean_value)
			return 1;
	}
	return 0;
}

int fg_spb_host_state(const void *payload, size_t len, bool *ret_online, int64_t *ret_time_ms)
{
	struct fg_json_span online, at;
	struct fg_value time;

	if (fg_json_find(payload, len, "/online", &online) < 0 ||
		fg_json_find(payload, len, "/timestamp", &at) < 0 ||
		fg_json_number(at, &time) < 0 || time.kind != FG_KIND_INT)
		return FG_EDECODE;
	len = (size_t)(online.end - online.at);
	if (len == 4 && memcmp(online.at, "true", 4) == 0)
		*ret_online = true;
	else if (len == 5 && memcmp(online.at, "false", 5) == 0)
		*ret_online = false;
	else
		return FG_EDECODE;
	*ret_time_ms = time.i;
	return FG_OK;
}
