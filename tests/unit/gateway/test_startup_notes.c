/* SPDX-License-Identifier: EUPL-1.2 */
/* A core that begins on the real store: what was noted beside the ledger's row is in the ledger,
 * and what was measured last is known, also of points that have left. */
#include "fake.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/varint.h"
#include "gateway/startup.h"

#define SUPPRESSED 7
#define WALL_MS (FAKE_WALL_US / 1000)

static struct fake f;
static char file[sizeof(f.dir) + 16];
static struct fg_reader *reader;
static struct fg_spool *spool;

static void setup_yaml(void)
{
	fake_init_untimed(&f, FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  gauge: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {x_level: {table: input, address: 0, type: u16, unit: \"1\",\n"
		"      report: {on_change: 5, at_least_every: 1h}}}}\n");
}

/* As a run that was killed leaves it: the time was never known. */
static void leave(void)
{
	const struct fg_ledger_row row = {.device = "gauge", .to_ms = 0, .from_seq = 1};
	const struct fg_point_desc desc = fg_series_desc_at(f.config, 0);
	unsigned char bytes[64];
	struct fg_buf note;
	uint32_t id;

	fg_buf_wrap(&note, (char *)bytes, sizeof(bytes));
	assert_int_equal(fg_spool_begin(spool), FG_OK);
	assert_true(fg_spool_intern(spool, &desc, &id) >= 0);
	fg_put_varint(&note, 1); /* version */
	fg_put_svarint(&note, row.to_ms);
	fg_put_varint(&note, row.from_seq);
	fg_put_varint(&note, id);
	fg_put_varint(&note, SUPPRESSED);
	fg_put_varint(&note, SUPPRESSED); /* in all */
	fg_put_svarint(&note, 0);	  /* no other schedule */
	fg_put_varint(&note, 0);
	assert_int_equal(fg_spool_set_ledger(spool, &row), FG_OK);
	assert_int_equal(
		fg_spool_set_state(spool, FG_STATE_LEDGER, "gauge", note.data, note.len), FG_OK);
	assert_int_equal(fg_spool_commit(spool), FG_OK);
}

static void begin(void)
{
	const struct fg_ledger_row row = {.device = "gauge", .to_ms = 0, .from_seq = 1};
	const struct fg_core_ports ports = {.arg = &f};
	struct fg_series_set series = {0};
	const struct fg_startup start = {.config = f.config, .spool = spool, .reader = reader,
		.ports = &ports, .session = "s", .now = f.now, .series = &series};
	struct fg_ledger_since since;
	struct fg_core *core = NULL;
	int64_t newest_ms;

	assert_int_equal(fg_startup_core(&start, &newest_ms, &core), FG_OK);
	assert_true(fg_ledger_since(core->devices[0].ledger, &row, 0, &since));
	assert_int_equal(since.suppressed, SUPPRESSED);
	assert_int_equal(since.total, SUPPRESSED);
	fg_core_free(core);
	fg_series_set_fini(&series);
}

/* ---- a store of its own ---- */

static void open_store(void)
{
	struct fg_spool_conf conf = {.max_bytes = 8 << 20, .file = file};
	char text[256];
	struct fg_buf why;

	setup_yaml();
	snprintf(file, sizeof(file), "%s/r.db", f.dir);
	fg_buf_wrap(&why, text, sizeof(text));
	assert_int_equal(fg_spool_open(&conf, &why, &spool), FG_OK);
	assert_int_equal(fg_reader_open(file, &why, &reader), FG_OK);
}

static void close_store(void)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".mark"};

	fg_reader_close(reader);
	fg_spool_close(spool);
	for (size_t i = 0; i < FG_COUNT(ends); i++) {
		snprintf(file, sizeof(file), "%s/r.db%s", f.dir, ends[i]);
		unlink(file);
	}
	fake_fini(&f);
}

static void test_suppressed_is_known_after_a_crash(void **state)
{
	(void)state;
	open_store();
	leave();
	begin();
	close_store();
}

/* ---- points that have left ---- */

/* Of another configuration than the one that begins. */
static struct fg_point_desc desc_that_left(void)
{
	struct fg_point_desc desc = fg_series_desc_at(f.config, 0);

	desc.device = "other";
	desc.point = "x_gone";
	return desc;
}

static void append_reading(uint32_t point, uint64_t seq, uint64_t replaces)
{
	const struct fg_record_head head = {.era = 1, .mono_us = 5, .has_wall = true, .count = 1,
		.wall_ms = WALL_MS, .replaces = replaces};
	const struct fg_item item = {.point = point, .wall_ms = WALL_MS, .qc = FG_QC_PASS,
		.value = {.kind = FG_KIND_INT, .i = 7}};
	const int64_t mono_us = 5;
	struct fg_buf record;

	fg_buf_init(&record, 4096);
	fg_record_encode(&record, &head, &item, &mono_us);
	assert_int_equal(fg_spool_append(spool, seq, 1, record.data, record.len), FG_OK);
	fg_buf_fini(&record);
}

/* Two readings of a point that is not configured now; returns the number of the second. */
static uint64_t measure_what_leaves(uint32_t *ret_id)
{
	const struct fg_point_desc desc = desc_that_left();
	struct fg_spool_info info;

	fg_spool_info(spool, &info);
	assert_int_equal(fg_spool_reserve(spool, info.next_seq + 10), FG_OK);
	assert_int_equal(fg_spool_begin(spool), FG_OK);
	assert_true(fg_spool_intern(spool, &desc, ret_id) >= 0);
	append_reading(*ret_id, info.next_seq, 0);
	append_reading(*ret_id, info.next_seq + 1, 0);
	assert_int_equal(fg_spool_commit(spool), FG_OK);
	return info.next_seq + 1;
}

/* Where it comes back, a correction of what it had before its newest is not its newest. */
static void test_what_left_is_known(void **state)
{
	const struct fg_core_ports ports = {.arg = &f};
	struct fg_series_set series = {0};
	struct fg_startup start = {.ports = &ports, .session = "s", .series = &series};
	struct fg_item old = {.kind = FG_ITEM_READING, .wall_ms = WALL_MS};
	struct fg_point_desc desc;
	struct fg_core *core = NULL;
	const struct fg_series *s;
	int64_t newest_ms;
	uint32_t id;

	(void)state;
	open_store();
	desc = desc_that_left();
	old.replaces = measure_what_leaves(&id) - 1;
	old.seq = old.replaces + 5;
	start.config = f.config;
	start.spool = spool;
	start.reader = reader;
	start.now = f.now;
	assert_int_equal(fg_startup_core(&start, &newest_ms, &core), FG_OK);
	s = fg_series_find(&series, &desc);
	assert_non_null(s);
	assert_int_equal(s->id, id);
	assert_false(s->current);
	assert_true(s->has_newest && s->newest_timed);
	assert_true(s->newest.seq == old.replaces + 1);
	assert_false(fg_series_is_newer(s, &old));
	old.replaces++;
	assert_true(fg_series_is_newer(s, &old));
	fg_core_free(core);
	fg_series_set_fini(&series);
	close_store();
}

/* Damage took the number of a point that has left: it is another one's now, and where the point
 * comes back it has a new one. */
static void test_numbers_that_damage_took(void **state)
{
	struct fg_series_set set = {0};
	struct fg_point_desc left, desc;
	struct fg_intern in;

	(void)state;
	setup_yaml();
	left = desc_that_left();
	desc = fg_series_desc_at(f.config, 0);
	assert_int_equal(fg_intern_init(&in, f.config), FG_OK);
	in.ids[0] = 7;
	assert_non_null(fg_series_add(&set, 7, &left));
	assert_int_equal(fg_intern_apply(&in, &set), FG_OK);
	assert_ptr_equal(fg_series_by_id(&set, 7), fg_series_find(&set, &desc));
	in.ids[0] = 8;
	assert_int_equal(fg_intern_apply(&in, &set), FG_OK);
	assert_int_equal(fg_series_find(&set, &desc)->id, 8);
	fg_series_find(&set, &desc)->current = true; /* in use: who looks for damage restarts */
	in.ids[0] = 9;
	assert_int_equal(fg_intern_apply(&in, &set), FG_OK);
	assert_int_equal(fg_series_find(&set, &desc)->id, 8);
	fg_intern_fini(&in);
	fg_series_set_fini(&set);
	fake_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suppressed_is_known_after_a_crash),
		cmocka_unit_test(test_what_left_is_known),
		cmocka_unit_test(test_numbers_that_damage_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
