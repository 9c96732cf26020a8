/* SPDX-License-Identifier: EUPL-1.2 */
/* A core that begins on the real store: what was noted beside the ledger's row is in the ledger. */
#include "fake.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/varint.h"
#include "gateway/startup.h"

#define SUPPRESSED 7

static struct fake f;

static void setup_yaml(void)
{
	fake_init_untimed(&f, FAKE_HEAD FAKE_TOWN FAKE_LINK
		"devices:\n"
		"  gauge: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
		"    points: {x_level: {table: input, address: 0, type: u16, unit: \"1\",\n"
		"      report: {on_change: 5, at_least_every: 1h}}}}\n");
}

/* As a run that was killed leaves it: the time was never known. */
static void leave(struct fg_spool *spool)
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

static void begin(struct fg_spool *spool, struct fg_reader *reader)
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

static void test_suppressed_is_known_after_a_crash(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".mark"};
	struct fg_spool_conf conf = {.max_bytes = 8 << 20};
	char text[256], file[sizeof(f.dir) + 16];
	struct fg_reader *reader = NULL;
	struct fg_spool *spool = NULL;
	struct fg_buf why;

	(void)state;
	setup_yaml();
	snprintf(file, sizeof(file), "%s/r.db", f.dir);
	conf.file = file;
	fg_buf_wrap(&why, text, sizeof(text));
	assert_int_equal(fg_spool_open(&conf, &why, &spool), FG_OK);
	leave(spool);
	assert_int_equal(fg_reader_open(file, &why, &reader), FG_OK);
	begin(spool, reader);
	fg_reader_close(reader);
	fg_spool_close(spool);
	for (size_t i = 0; i < FG_COUNT(ends); i++) {
		snprintf(file, sizeof(file), "%s/r.db%s", f.dir, ends[i]);
		unlink(file);
	}
	fake_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suppressed_is_known_after_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
