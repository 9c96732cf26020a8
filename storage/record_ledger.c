/* SPDX-License-Identifier: EUPL-1.2 */
/* The stored form of gaps and accounts. README.md has the layout. */
#include <string.h>

#include "base/cleanup.h"
#include "storage/checksum.h"
#include "storage/record_private.h"

/* The byte of flags of a gap. */
#define ESTIMATED 0x01
#define HAS_STEP 0x02
#define HAS_DESTINATION 0x04 /* not that of the gap before */
#define HAS_CAUSE 0x08	     /* not the reason and detail of the gap before */
#define RETOLD 0x10
#define HAS_NOTICE 0x20 /* the service notice that speaks of it */
#define FLAGS 0x3F

/* What one gap inherits from the gap before it. */
struct state {
	uint32_t point;
	int64_t to_ms;
	enum fg_reason reason;
	uint8_t detail;
	const char *destination; /* NULL: all */
	uint32_t notice;	 /* its own, not inherited */
};

/* NULL and "" are the same. */
static const char *name_of(const char *destination)
{
	return destination && *destination ? destination : NULL;
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* With its NUL, so that it can be lent as it stands; 0: none. */
static void put_name(struct fg_buf *out, const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;

	fg_put_varint(out, len);
	fg_buf_put(out, name ? name : "", len);
}

static const char *get_name(struct fg_bytes *in)
{
	uint64_t len = fg_get_varint(in);
	const char *name;

	if (len == 0 || in->bad)
		return NULL;
	name = len <= (size_t)(in->end - in->at) ? fg_get_bytes(in, (size_t)len) : NULL;
	if (!name || len == 1 || memchr(name, '\0', (size_t)len) != name + len - 1) {
		in->bad = true;
		return NULL;
	}
	return name;
}

static uint32_t get_point(struct fg_bytes *in, uint32_t last)
{
	int64_t step = fg_get_svarint(in);

	if (step < -(int64_t)last || step > (int64_t)UINT32_MAX - (int64_t)last) {
		in->bad = true;
		return last;
	}
	return (uint32_t)(last + step);
}

/* ---- gaps ---- */

static void put_gap(struct fg_buf *out, struct state *last, const struct fg_item *item)
{
	const struct fg_gap *gap = item->gap;
	const char *destination = name_of(gap->destination);
	bool named = !same_name(destination, last->destination);
	bool cause = item->reason != last->reason || item->detail != last->detail;

	fg_put_svarint(out, (int64_t)item->point - last->point);
	fg_buf_putc(out, (char)((gap->estimated ? ESTIMATED : 0) | (gap->step_ms ? HAS_STEP : 0) |
				(named ? HAS_DESTINATION : 0) | (cause ? HAS_CAUSE : 0) |
				(gap->retold ? RETOLD : 0) |
				(item->notice ? HAS_NOTICE : 0)));
	fg_put_svarint(out, gap->to_ms - last->to_ms);
	fg_put_svarint(out, gap->from_ms - gap->to_ms);
	fg_put_varint(out, gap->count);
	if (gap->step_ms)
		fg_put_svarint(out, gap->step_ms);
	if (named)
		put_name(out, destination);
	if (cause) {
		fg_put_varint(out, (uint64_t)item->reason);
		fg_buf_putc(out, (char)item->detail);
	}
	if (item->notice)
		fg_put_varint(out, item->notice);
	*last = (struct state){item->point, gap->to_ms, item->reason, item->detail, destination,
		item->notice};
}

void fg_record_encode_gaps(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_item *items)
{
	const struct fg_record_head h = {.era = head->era, .has_wall = true,
		.wall_ms = items[0].gap->to_ms, .count = head->count};
	struct state last = {.to_ms = h.wall_ms};
	size_t start = out->len;

	fg_record_put_head(out, FG_RECORD_GAPS, &h);
	for (unsigned i = 0; i < h.count; i++)
		put_gap(out, &last, &items[i]);
	fg_seal(out, start);
}

static void get_gap(struct fg_bytes *in, struct state *s, struct fg_gap *ret)
{
	unsigned flags;
	uint64_t reason, notice;

	s->point = get_point(in, s->point);
	flags = fg_get_byte(in);
	in->bad |= (flags & ~(unsigned)FLAGS) != 0;
	s->to_ms = fg_record_add_time(in, s->to_ms);
	*ret = (struct fg_gap){.to_ms = s->to_ms, .estimated = flags & ESTIMATED,
		.retold = flags & RETOLD};
	ret->from_ms = fg_record_add_time(in, s->to_ms);
	ret->count = fg_get_varint(in);
	if (flags & HAS_STEP)
		ret->step_ms = fg_record_add_time(in, 0);
	if (flags & HAS_DESTINATION)
		s->destination = get_name(in);
	ret->destination = s->destination;
	if (flags & HAS_CAUSE) {
		reason = fg_get_varint(in);
		in->bad |= reason > UINT8_MAX;
		s->reason = (enum fg_reason)(reason & UINT8_MAX);
		s->detail = (uint8_t)fg_get_byte(in);
	}
	notice = flags & HAS_NOTICE ? fg_get_varint(in) : 0;
	in->bad |= notice > UINT32_MAX;
	s->notice = (uint32_t)notice;
}

void fg_record_decode_gaps(struct fg_bytes *in, const struct fg_record_head *head,
	uint64_t first_seq, fg_record_fn fn, void *arg, bool *ret_stopped)
{
	struct state s = {.to_ms = head->wall_ms};
	struct fg_gap gap;
	struct fg_item item = {.kind = FG_ITEM_GAP, .qc = FG_QC_MISSING, .gap = &gap};

	for (unsigned i = 0; i < head->count; i++) {
		get_gap(in, &s, &gap);
		if (in->bad)
			return;
		item.seq = first_seq + i;
		item.point = s.point;
		item.wall_ms = gap.to_ms;
		item.reason = s.reason;
		item.detail = s.detail;
		item.notice = s.notice;
		if (fn(arg, head, &item, head->mono_us) != 0) {
			*ret_stopped = true;
			return;
		}
	}
}

/* ---- accounts ---- */

/* As differences that are mostly 0: from the line before, and from what the sum must be. */
static void put_line(struct fg_buf *out, const struct fg_account_line *last,
	const struct fg_account_line *line)
{
	fg_put_svarint(out, (int64_t)line->point - last->point);
	fg_put_svarint(out, (int64_t)line->scheduled - last->scheduled);
	fg_put_varint(out, line->suppressed);
	fg_put_varint(out, line->missing);
	fg_put_svarint(out, (int64_t)line->scheduled - line->suppressed - line->missing -
				    line->sent);
}

void fg_record_encode_account(struct fg_buf *out, const struct fg_record_head *head,
	const struct fg_account *account)
{
	const struct fg_record_head h = {.era = head->era, .has_wall = true,
		.wall_ms = account->to_ms, .count = 1};
	struct fg_account_line last = {0};
	size_t start = out->len;

	fg_record_put_head(out, FG_RECORD_ACCOUNT, &h);
	fg_put_svarint(out, account->from_ms - account->to_ms);
	put_name(out, name_of(account->destination));
	fg_put_varint(out, account->count);
	for (size_t i = 0; i < account->count; i++) {
		put_line(out, &last, &account->lines[i]);
		last = account->lines[i];
	}
	fg_seal(out, start);
}

static uint32_t get_count(struct fg_bytes *in, int64_t v)
{
	if (v < 0 || v > UINT32_MAX) {
		in->bad = true;
		return 0;
	}
	return (uint32_t)v;
}

static int64_t get_difference(struct fg_bytes *in)
{
	int64_t d = fg_get_svarint(in);

	/* sums of three counts of 32 bits, and nothing that could overflow */
	if (d < -3 * (int64_t)UINT32_MAX || d > 3 * (int64_t)UINT32_MAX) {
		in->bad = true;
		return 0;
	}
	return d;
}

static uint32_t get_unsigned(struct fg_bytes *in)
{
	uint64_t v = fg_get_varint(in);

	return get_count(in, v > UINT32_MAX ? -1 : (int64_t)v);
}

static void get_line(struct fg_bytes *in, const struct fg_account_line *last,
	struct fg_account_line *ret)
{
	*ret = (struct fg_account_line){.point = get_point(in, last->point)};
	ret->scheduled = get_count(in, last->scheduled + get_difference(in));
	ret->suppressed = get_unsigned(in);
	ret->missing = get_unsigned(in);
	ret->sent = get_count(in, (int64_t)ret->scheduled - ret->suppressed - ret->missing -
					  get_difference(in));
}

void fg_record_decode_account(struct fg_bytes *in, const struct fg_record_head *head,
	uint64_t first_seq, fg_record_fn fn, void *arg, bool *ret_stopped)
{
	struct fg_account_line lines[FG_ACCOUNT_LINES], last = {0};
	struct fg_account account = {.to_ms = head->wall_ms, .lines = lines};
	struct fg_item item = {.seq = first_seq, .kind = FG_ITEM_ACCOUNT, .qc = FG_QC_MISSING,
		.wall_ms = head->wall_ms, .account = &account};
	uint64_t count;

	account.from_ms = fg_record_add_time(in, head->wall_ms);
	account.destination = get_name(in);
	count = fg_get_varint(in);
	if (head->count != 1 || count == 0 || count > FG_ACCOUNT_LINES) {
		in->bad = true;
		return;
	}
	account.count = (size_t)count;
	for (size_t i = 0; i < account.count; i++) {
		get_line(in, &last, &lines[i]);
		last = lines[i];
	}
	/* it has one number: all of it is good or nothing is given */
	if (in->bad || in->at != in->end) {
		in->bad = true;
		return;
	}
	item.point = lines[0].point;
	*ret_stopped = fn(arg, head, &item, head->mono_us) != 0;
}
