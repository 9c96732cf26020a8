/* SPDX-License-Identifier: EUPL-1.2 */
/* A spool for tests, with readings whose content follows from their number. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/record.h"

#define COUNT_MAX 64

static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".mark", ".mark.tmp",
	".reserve", ".new", ".salvage", ".salvaged", ".copy"};

static const struct fg_point_desc descs[4] = {
	{"bragernes", "sonde", "ph", "ph", "[pH]", "water", .decimals = 2},
	{"bragernes", "sonde", "water_temperature", "water_temperature", "Cel", "water",
		.decimals = -1},
	{"pier", "probe", "water_temperature", "water_temperature", "Cel", "bathing",
		.decimals = 1},
	{"pier", "probe", "x_text", "x_text", NULL, "bathing", .decimals = -1},
};

const struct fg_point_desc *store_desc(unsigned i)
{
	return &descs[i];
}

static void fill(const struct store *t, uint64_t seq, struct fg_item *item, char text[24])
{
	*item = (struct fg_item){.seq = seq, .point = t->point[seq % 4], .qc = FG_QC_PASS,
		.tests = 1};
	if (t->circumstances) {
		item->maintenance = seq % 16 == 3;
		item->alarm = seq % 16 == 4 ? FG_ALARM_RATE : FG_ALARM_NONE;
		item->has_raw = seq % 4 == 1;
		item->raw = item->has_raw ? (double)(seq % 500) * 0.25 : 0;
	}
	switch (seq % 4) {
	case 0:
		item->value = (struct fg_value){.kind = FG_KIND_FLOAT,
			.f = (double)((float)(seq % 1000) * 0.37f)};
		break;
	case 1:
		item->value = (struct fg_value){.kind = FG_KIND_DECIMAL,
			.f = (double)(seq % 500) * 0.1};
		break;
	case 2:
		item->qc = FG_QC_MISSING;
		item->reason = FG_REASON_EXCEPTION;
		item->detail = (uint8_t)seq;
		break;
	default:
		snprintf(text, 24, "n%llu", (unsigned long long)seq);
		item->value = (struct fg_value){.kind = FG_KIND_TEXT, .text = text,
			.len = (uint32_t)strlen(text)};
	}
}

static bool same_value(const struct fg_value *a, const struct fg_value *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == FG_KIND_TEXT)
		return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
	return a->kind == FG_KIND_NONE || memcmp(&a->f, &b->f, sizeof(a->f)) == 0;
}

void store_init(struct store *t)
{
	*t = (struct store){0};
	snprintf(t->dir, sizeof(t->dir), "/tmp/fjordgate-test-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->file, sizeof(t->file), "%s/readings.db", t->dir);
	snprintf(t->mark, sizeof(t->mark), "%s.mark", t->file);
	t->conf = (struct fg_spool_conf){.file = t->file, .keep_ms = 3600000,
		.max_bytes = 64 << 20};
}

void store_remove(struct store *t, const char *suffix)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", t->file, suffix);
	unlink(path);
}

void store_fini(struct store *t)
{
	store_close(t);
	for (size_t i = 0; i < FG_COUNT(suffixes); i++)
		store_remove(t, suffixes[i]);
	rmdir(t->dir);
}

int store_setup(void **state)
{
	struct store *t = malloc(sizeof(*t));

	store_init(t);
	*state = t;
	return 0;
}

int store_teardown(void **state)
{
	store_fini(*state);
	free(*state);
	return 0;
}

int store_try_open(struct store *t)
{
	struct fg_buf why;
	int rc;

	fg_buf_wrap(&why, t->why, sizeof(t->why));
	rc = fg_spool_open(&t->conf, &why, &t->s);
	for (unsigned i = 0; i < 4 && rc == FG_OK; i++)
		rc = fg_spool_intern(t->s, &descs[i], &t->point[i]);
	return rc;
}

void store_open(struct store *t)
{
	int rc = store_try_open(t);

	if (rc < 0)
		fail_msg("%s: %s", fg_strerror(rc), t->s ? fg_spool_error(t->s) : t->why);
}

void store_close(struct store *t)
{
	fg_spool_close(t->s);
	t->s = NULL;
}

int store_append(struct store *t, uint64_t seq, unsigned count, int64_t mono_us, int64_t wall_ms)
{
	char mem[4096], text[COUNT_MAX][24];
	struct fg_item items[COUNT_MAX];
	int64_t times[COUNT_MAX];
	struct fg_spool_info info;
	struct fg_record_head head;
	struct fg_buf out;

	assert_in_range(count, 1, COUNT_MAX);
	fg_spool_info(t->s, &info);
	head = (struct fg_record_head){.era = t->era ? t->era : info.era, .mono_us = mono_us,
		.wall_ms = wall_ms, .has_wall = wall_ms != 0, .count = count};
	for (unsigned i = 0; i < count; i++) {
		fill(t, seq + i, &items[i], text[i]);
		items[i].wall_ms = wall_ms;
		times[i] = mono_us;
	}
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode(&out, &head, items, times);
	assert_false(out.overflow);
	return fg_spool_append(t->s, seq, count, out.data, out.len);
}

bool store_same(const struct store *t, const struct fg_item *item, uint64_t seq)
{
	struct fg_item want;
	char text[24];

	fill(t, seq, &want, text);
	return item->point == want.point && item->qc == want.qc && item->reason == want.reason &&
	       item->detail == want.detail && item->tests == want.tests &&
	       item->maintenance == want.maintenance && item->alarm == want.alarm &&
	       item->has_raw == want.has_raw && item->raw == want.raw &&
	       same_value(&item->value, &want.value);
}

void store_time_era(struct store *t, uint32_t era, int64_t offset_us, uint32_t uncertainty_s)
{
	const struct fg_era e = {.number = era, .timed = true, .offset_us = offset_us,
		.uncertainty_s = uncertainty_s};

	assert_int_equal(fg_spool_begin(t->s), FG_OK);
	assert_int_equal(fg_spool_set_era(t->s, &e), FG_OK);
	assert_int_equal(fg_spool_commit(t->s), FG_OK);
}

void store_put(struct store *t, uint64_t seq, unsigned count, int64_t wall_ms)
{
	int rc = fg_spool_begin(t->s);

	if (rc == FG_OK)
		rc = store_append(t, seq, count, 1000, wall_ms);
	if (rc == FG_OK)
		rc = fg_spool_commit(t->s);
	if (rc < 0)
		fail_msg("%s", fg_spool_error(t->s));
}

struct check {
	struct store *t;
	struct fg_ranges *seen;
	uint64_t last;
};

static int check_item(void *arg, const struct fg_item *item, const struct fg_point_desc *desc,
	bool uncertain)
{
	struct check *c = arg;
	const struct fg_point_desc *d = &descs[item->seq % 4];
	struct fg_item want;
	char text[24];

	(void)uncertain;
	fill(c->t, item->seq, &want, text);
	assert_true(item->seq > c->last);
	c->last = item->seq;
	assert_int_equal(item->qc, want.qc);
	assert_int_equal(item->reason, want.reason);
	assert_int_equal(item->detail, want.detail);
	assert_int_equal(item->tests, want.tests);
	assert_true(same_value(&item->value, &want.value));
	assert_string_equal(desc->point, d->point);
	assert_string_equal(desc->station, d->station);
	assert_int_equal(desc->unit == NULL, d->unit == NULL);
	assert_int_equal(desc->decimals, d->decimals);
	assert_int_equal(fg_ranges_add(c->seen, item->seq, item->seq + 1), FG_OK);
	return 0;
}

long store_read(struct store *t, struct fg_ranges *ret_seen)
{
	struct check c = {.t = t, .seen = ret_seen};
	struct fg_reader *r;
	struct fg_buf why;
	long n;

	fg_buf_wrap(&why, t->why, sizeof(t->why));
	if (fg_reader_open(t->file, &why, &r) < 0)
		fail_msg("%s", t->why);
	n = fg_reader_range(r, 0, FG_SEQ_END, check_item, &c);
	assert_int_equal(fg_reader_damaged(r), 0);
	fg_reader_close(r);
	return n;
}
