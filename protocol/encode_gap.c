/* SPDX-License-Identifier: EUPL-1.2 */
/* Gaps and accounts as JSON, v 1 (docs/consumers.md). They are rare: the plain JSON writer does. */
#include "protocol/encode.h"

#include "base/json.h"

/* {"v":1,"id":"gw:17","gateway":"gw","station":..,"device":.. */
static void put_head(struct fg_json *j, struct fg_buf *out, const char *gateway,
	const struct fg_point_desc *desc, uint64_t seq)
{
	char id_mem[96];
	struct fg_buf id;

	fg_buf_wrap(&id, id_mem, sizeof(id_mem));
	fg_buf_puts(&id, gateway);
	fg_buf_putc(&id, ':');
	fg_buf_put_uint(&id, seq);
	fg_json_init(j, out);
	fg_json_object(j, NULL);
	fg_json_int(j, "v", 1);
	fg_json_text(j, "id", id.data);
	fg_json_text(j, "gateway", gateway);
	fg_json_text(j, "station", desc->station);
	fg_json_text(j, "device", desc->device);
}

/* No half object is left behind. */
static bool whole(struct fg_buf *out, size_t start, bool ok)
{
	if (ok && !out->overflow)
		return true;
	out->len = start;
	if (out->cap > start)
		out->data[start] = '\0';
	return false;
}

static void put_notice(struct fg_json *j, const char *gateway, uint32_t notice)
{
	char mem[96];
	struct fg_buf id;

	fg_buf_wrap(&id, mem, sizeof(mem));
	fg_encode_notice_id(&id, gateway, notice);
	fg_json_text(j, "notice", id.data);
}

bool fg_encode_gap(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item)
{
	const struct fg_gap *gap = item->gap;
	char reason[FG_REASON_SIZE];
	size_t start = out->len;
	struct fg_json j;

	if (!gap)
		return false;
	put_head(&j, out, gateway, desc, item->seq);
	fg_json_text(&j, "point", desc->point);
	fg_json_time(&j, "from", gap->from_ms);
	fg_json_time(&j, "to", gap->to_ms);
	fg_json_uint(&j, "count", gap->count);
	fg_json_text(&j, "reason", fg_reason_text(item->reason, item->detail, reason));
	if (gap->step_ms && gap->step_ms % 1000)
		fg_json_double(&j, "step", (double)gap->step_ms / 1000.0);
	else if (gap->step_ms)
		fg_json_int(&j, "step", gap->step_ms / 1000);
	if (gap->estimated)
		fg_json_bool(&j, "estimated", true);
	if (item->notice)
		put_notice(&j, gateway, item->notice);
	fg_json_end_object(&j);
	return whole(out, start, true);
}

static void put_line(struct fg_json *j, const struct fg_account_line *line)
{
	fg_json_object(j, line->desc->point);
	fg_json_uint(j, "scheduled", line->scheduled);
	fg_json_uint(j, "sent", line->sent);
	fg_json_uint(j, "suppressed", line->suppressed);
	fg_json_uint(j, "missing", line->missing);
	fg_json_end_object(j);
}

bool fg_encode_account(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item)
{
	const struct fg_account *account = item->account;
	size_t start = out->len, lines = 0;
	struct fg_json j;

	if (!account)
		return false;
	put_head(&j, out, gateway, desc, item->seq);
	fg_json_time(&j, "from", account->from_ms);
	fg_json_time(&j, "to", account->to_ms);
	fg_json_object(&j, "points");
	for (size_t i = 0; i < account->count; i++) {
		if (!account->lines[i].desc)
			continue;
		put_line(&j, &account->lines[i]);
		lines++;
	}
	fg_json_end_object(&j);
	fg_json_end_object(&j);
	return whole(out, start, lines > 0);
}

bool fg_encode_item(struct fg_buf *out, const char *gateway, const struct fg_point_desc *desc,
	const struct fg_item *item)
{
	switch (item->kind) {
	case FG_ITEM_GAP:
		return fg_encode_gap(out, gateway, desc, item);
	case FG_ITEM_ACCOUNT:
		return fg_encode_account(out, gateway, desc, item);
	case FG_ITEM_READING:
	case FG_ITEM_AGGREGATE:
		break;
	}
	return fg_encode_json(out, gateway, desc, item);
}
