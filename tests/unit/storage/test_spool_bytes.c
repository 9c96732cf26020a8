/* SPDX-License-Identifier: EUPL-1.2 */
/* What a reading costs on flash: every byte that SQLite writes, checkpoints included. */
#include "store.h"

#include "base/cleanup.h"
#include "fault_vfs.h"
#include "storage/record.h"

#define POLL 10
#define READINGS 400000

static void append_poll(struct store *t, uint64_t seq, unsigned n_poll, enum fg_kind kind)
{
	struct fg_record_head head = {.era = 1, .mono_us = INT64_C(100000) * n_poll,
		.has_wall = true, .wall_ms = STORE_WALL_MS + INT64_C(100) * n_poll, .count = POLL};
	struct fg_item items[POLL];
	int64_t times[POLL];
	char mem[512];
	struct fg_buf out;

	for (unsigned i = 0; i < POLL; i++) {
		double n = (double)((seq * 7 + i * 131) % 4000);
		double v = kind == FG_KIND_FLOAT ? (double)((float)n * 0.0371f) : n * 0.1;

		times[i] = head.mono_us;
		items[i] = (struct fg_item){.point = n_poll % 100 * POLL + i + 1,
			.wall_ms = head.wall_ms, .qc = FG_QC_PASS, .tests = 1,
			.value = {.kind = kind, .f = v}};
	}
	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_record_encode(&out, &head, items, times);
	assert_int_equal(fg_spool_append(t->s, seq, POLL, out.data, out.len), FG_OK);
}

static double measure(unsigned batch, enum fg_kind kind)
{
	unsigned total = batch < 1000 ? READINGS / 10 : READINGS;
	struct fg_ranges left;
	struct fg_spool_info info;
	struct store t;
	uint64_t seq;

	store_init(&t);
	t.conf.max_bytes = 512 << 20;
	store_open(&t);
	fg_spool_info(t.s, &info);
	seq = info.next_seq;
	assert_int_equal(fg_spool_reserve(t.s, seq + total), FG_OK);
	fg_ranges_init(&left);
	fg_ranges_add(&left, seq, FG_SEQ_END);
	fault = (struct fault){0};
	for (unsigned n = 0; n < total; n += batch) {
		assert_int_equal(fg_spool_begin(t.s), FG_OK);
		for (unsigned i = 0; i < batch; i += POLL, seq += POLL)
			append_poll(&t, seq, (n + i) / POLL, kind);
		fg_ranges_remove(&left, 0, seq);
		assert_int_equal(fg_spool_set_delivery(t.s, "open-data", &left), FG_OK);
		assert_int_equal(fg_spool_commit(t.s), FG_OK);
	}
	fg_ranges_fini(&left);
	store_close(&t); /* the last checkpoint counts */
	store_fini(&t);
	print_message("kind %d, %u readings a commit: %.1f bytes written a reading\n", kind, batch,
		(double)fault.bytes / total);
	return (double)fault.bytes / total;
}

static void bytes_written_stay_low(void **state)
{
	(void)state;
	assert_true(measure(1000, FG_KIND_FLOAT) < 35);
	assert_true(measure(1000, FG_KIND_DECIMAL) < 35);
	assert_true(measure(100, FG_KIND_FLOAT) < 80);
	assert_true(measure(20, FG_KIND_FLOAT) < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_written_stay_low),
	};

	fault_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
