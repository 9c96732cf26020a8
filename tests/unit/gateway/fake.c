/* SPDX-License-Identifier: EUPL-1.2 */
/* The world around a core, for tests. */
#include "fake.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/record.h"

const char fake_yaml[] = FAKE_HEAD FAKE_TOWN FAKE_LINK
	"devices:\n"
	"  sonde: {station: pier, domain: water, link: plc, unit_id: 1, interval: 60s,\n"
	"    points: {ph: {table: input, address: 0, type: u16}}}\n";

/* ---- ports ---- */

static struct fake_broker *broker(struct fake *f, const struct fg_destination *dest)
{
	for (size_t i = 0; i < 2; i++) {
		if (!f->brokers[i].name)
			f->brokers[i].name = strdup(dest->name);
		if (strcmp(f->brokers[i].name, dest->name) == 0)
			return &f->brokers[i];
	}
	fail_msg("a third destination");
	return NULL;
}

static void port_poll(
	void *arg, const struct fg_group *group, unsigned attempts, int64_t timeout_us)
{
	struct fake *f = arg;

	assert_true(f->poll_count < FAKE_POLLS_MAX);
	f->polls[f->poll_count++] =
		(struct fake_poll){group, attempts, timeout_us, f->now.mono_us, f->now.wall_us};
}

static struct fake_reading *stored(struct fake *f, uint64_t seq)
{
	assert_in_range(seq, FAKE_FIRST_SEQ, FAKE_FIRST_SEQ + FAKE_STORED_MAX - 1);
	return &f->stored[seq - FAKE_FIRST_SEQ];
}

static int take_item(void *arg, const struct fg_record_head *head, const struct fg_item *item,
	int64_t mono_us)
{
	struct fake *f = arg;
	struct fake_reading *r = stored(f, item->seq);
	size_t size;

	free(r->lines);
	*r = (struct fake_reading){.item = *item, .mono_us = mono_us, .era = head->era,
		.has_wall = head->has_wall || item->kind != FG_ITEM_READING};
	if (item->gap) {
		r->gap = *item->gap;
		r->item.gap = &r->gap;
	}
	if (item->account) {
		r->account = *item->account;
		size = r->account.count * sizeof(*r->lines);
		r->lines = malloc(size);
		memcpy(r->lines, item->account->lines, size);
		for (size_t i = 0; i < r->account.count; i++)
			r->lines[i].desc = &fg_series_by_id(&f->series, r->lines[i].point)->desc;
		r->account.lines = r->lines;
		r->item.account = &r->account;
	}
	if (item->aggregate) {
		r->aggregate = *item->aggregate;
		r->item.aggregate = &r->aggregate;
	}
	return 0;
}

static void port_begin(void *arg)
{
	((struct fake *)arg)->bundle_lost = ((struct fake *)arg)->bundle_full;
}

static int port_end(void *arg, bool keep)
{
	struct fake *f = arg;
	bool lost = f->bundle_lost;

	f->bundle_lost = false;
	f->bundles += keep && !lost;
	return keep && lost ? FG_EFULL : FG_OK;
}

static int port_append(void *arg, uint64_t first_seq, unsigned count, const void *record,
	size_t len)
{
	struct fake *f = arg;

	if (f->store_full || f->bundle_lost)
		return f->store_full ? FG_EFULL : FG_OK;
	assert_int_equal(first_seq, f->appended_next); /* no holes, none twice */
	assert_true(first_seq + count <= f->core->seq_limit);
	assert_int_equal(fg_record_decode(record, len, first_seq, take_item, f), FG_OK);
	f->appended_next = first_seq + count;
	return FG_OK;
}

static int port_save(void *arg, const struct fg_destination *dest, const struct fg_ranges *unacked)
{
	struct fake_broker *b = broker(arg, dest);

	if (((struct fake *)arg)->bundle_lost || ((struct fake *)arg)->save_fails)
		return ((struct fake *)arg)->save_fails ? FG_EFULL : FG_OK;
	assert_int_equal(fg_ranges_copy(&b->saved, unacked), FG_OK);
	b->saves++;
	return FG_OK;
}

static void port_reserve(void *arg, uint64_t limit)
{
	struct fake *f = arg;

	f->reserves++;
	if (f->reserve_fails)
		fg_core_reserved(f->core, 0);
	else
		f->reserve_asked = limit;
}

static int port_set_era(void *arg, const struct fg_era *era)
{
	struct fake *f = arg;

	f->offsets++;
	if (f->offset_fails)
		return FG_EFULL;
	assert_true(era->timed);
	for (size_t i = 0; i < f->era_count; i++) { /* immutable, but for being confirmed */
		if (f->eras[i].number != era->number)
			continue;
		assert_true(f->eras[i].weak && !era->weak);
		assert_true(f->eras[i].offset_us == era->offset_us);
		f->eras[i].weak = false;
		return FG_OK;
	}
	assert_true(f->era_count < FG_COUNT(f->eras));
	f->eras[f->era_count++] = *era;
	if (era->number == f->start.era) {
		f->offset_us = era->offset_us;
		f->uncertainty_s = era->uncertainty_s;
	}
	return FG_OK;
}

static int port_restamp_begin(void *arg, uint32_t era, int64_t true_offset_us)
{
	struct fake *f = arg;

	if (f->offset_fails)
		return FG_EFULL;
	assert_true(f->job_count < FG_COUNT(f->jobs));
	f->jobs[f->job_count++] =
		(struct fg_era){.number = era, .timed = true, .offset_us = true_offset_us};
	return FG_OK;
}

/* The store took these numbers for entries of its own making. */
static int give(struct fake *f, struct fake_lot *lot, const char *destination, uint64_t first_seq,
	unsigned max)
{
	assert_int_equal(lot->max, 0); /* one at a time */
	assert_int_equal(first_seq, f->appended_next);
	assert_true(first_seq + max <= f->core->seq_limit);
	*lot = (struct fake_lot){destination, first_seq, max};
	for (uint64_t seq = first_seq; seq < first_seq + max; seq++)
		stored(f, seq)->gone = true; /* until a test puts something there */
	f->appended_next = first_seq + max;
	f->lots++;
	return FG_OK;
}

static int port_restamp(void *arg, uint64_t first_seq, unsigned max)
{
	struct fake *f = arg;

	return give(f, &f->restamp, NULL, first_seq, max);
}

static int port_issue_losses(void *arg, const char *destination, uint64_t first_seq, unsigned max)
{
	struct fake *f = arg;

	return give(f, &f->losses, destination, first_seq, max);
}

static int port_make_room(void *arg, const struct fg_owed *owed, size_t count, uint64_t drop_below)
{
	struct fake *f = arg;

	if (f->room_fails)
		return FG_EFULL;
	assert_int_equal(count, f->core->publisher_count);
	fg_ranges_fini(&f->owed_doubt);
	fg_ranges_fini(&f->owed_unacked);
	assert_int_equal(fg_ranges_copy(&f->owed_doubt, &owed[0].doubt), FG_OK);
	assert_int_equal(fg_ranges_copy(&f->owed_unacked, &owed[0].unacked), FG_OK);
	f->drop_below = drop_below;
	f->rooms++;
	return FG_OK;
}

static int port_set_ledger(void *arg, const struct fg_ledger_row *row)
{
	struct fake *f = arg;
	size_t i = 0;

	if (f->ledger_full || f->bundle_lost)
		return f->ledger_full ? FG_EFULL : FG_OK;
	while (i < f->row_count && strcmp(f->rows[i].device, row->device) != 0)
		i++;
	assert_true(i < sizeof(f->rows) / sizeof(f->rows[0]));
	f->rows[i] = *row;
	f->row_count = FG_MAX(f->row_count, i + 1);
	return FG_OK;
}

static int port_forget_ledger(void *arg, const char *device)
{
	struct fake *f = arg;

	for (size_t i = 0; i < f->row_count; i++)
		if (strcmp(f->rows[i].device, device) == 0)
			f->rows[i--] = f->rows[--f->row_count];
	return FG_OK;
}

static void port_expire(void *arg, int64_t now_wall_ms, uint64_t delivered_below)
{
	struct fake *f = arg;

	f->expires++;
	f->expire_now_ms = now_wall_ms;
	f->expire_below = delivered_below;
}

static void port_connect(void *arg, const struct fg_destination *dest, size_t server,
	uint32_t epoch)
{
	struct fake *f = arg;
	struct fake_broker *b = broker(f, dest);

	assert_true(epoch > b->epoch);
	b->connecting = true;
	b->online = false;
	b->epoch = epoch;
	b->server = server;
	b->asked_us = f->now.mono_us;
	b->connects++;
}

static void port_disconnect(void *arg, const struct fg_destination *dest)
{
	struct fake_broker *b = broker(arg, dest);

	b->online = b->connecting = false;
	b->disconnects++;
}

static uint64_t replaces(const struct fg_message *m)
{
	const char *at = memmem(m->payload, m->len, "\"replaces\":\"gw:", 15);

	return at ? strtoull(at + 15, NULL, 10) : 0;
}

/* The value of "time" in a reading. */
static void copy_time(const struct fg_message *m, char ret_time[32])
{
	const char *at = memmem(m->payload, m->len, "\"time\":\"", 8);

	assert_non_null(at);
	memcpy(ret_time, at + 8, 24);
	ret_time[24] = '\0';
}

static void take(struct fake *f, struct fake_broker *b, const struct fg_message *m)
{
	struct fake_sent *s = &b->sent[b->sent_count];

	assert_true(b->sent_count < FAKE_SENT_MAX);
	*s = (struct fake_sent){.token = m->token, .seq = m->document ? 0 : FG_TOKEN_SEQ(m->token),
		.epoch = b->epoch, .mono_us = f->now.mono_us, .retain = m->retain,
		.encoder = m->encoder, .empty = m->len == 0};
	if (s->empty) /* no document: it is cleared */
		s->seq = UINT64_MAX;
	snprintf(s->topic, sizeof(s->topic), "%s", m->topic);
	memcpy(s->pack, m->payload, FG_MIN(m->len, sizeof(s->pack) - 1));
	if (m->document) {
		size_t len = strlen(m->topic);

		assert_true(m->retain);
		if (strcmp(m->topic + len - 7, "/status") == 0)
			snprintf(b->document, sizeof(b->document), "%.*s", (int)m->len,
				(const char *)m->payload);
	} else if (m->encoder != FG_ENCODER_json) {
		assert_true(m->len < sizeof(s->pack) || strstr(m->topic, "/DBIRTH/"));
	} else {
		s->not_stored = memmem(m->payload, m->len, "\"stored\":false", 14) != NULL;
		s->uncertain = memmem(m->payload, m->len, "\"time_uncertainty\":", 19) != NULL;
		s->replaces = replaces(m);
		/* store first, then publish, but for what says that it is not (a batch: or part) */
		assert_true(s->not_stored == (s->seq >= f->committed_next) ||
			(s->not_stored && s->pack[0] == '['));
		assert_false(stored(f, s->seq)->gone);
		if (stored(f, s->seq)->item.kind == FG_ITEM_READING)
			copy_time(m, s->time);
	}
	b->sent_count++;
}

static int port_subscribe(void *arg, const struct fg_destination *dest, const char *filter)
{
	struct fake *f = arg;

	assert_true(broker(f, dest)->online);
	f->subscribed++;
	snprintf(f->filter, sizeof(f->filter), "%s", filter);
	return FG_OK;
}

static int port_publish(
	void *arg, const struct fg_destination *dest, const struct fg_message *m, size_t n)
{
	struct fake *f = arg;
	struct fake_broker *b = broker(f, dest);

	assert_true(b->online);
	if (b->no_room)
		return FG_EFULL;
	for (size_t i = 0; i < n; i++)
		take(f, b, &m[i]);
	return FG_OK;
}

static void port_read_page(void *arg, const struct fg_destination *dest, struct fg_page *page)
{
	struct fake_broker *b = broker(arg, dest);

	assert_null(b->page);
	assert_true(page->from < page->to);
	b->page = page;
	b->pages++;
}

static void port_watch(void *arg, const struct fg_item *item, const struct fg_point_desc *desc)
{
	struct fake *f = arg;

	assert_int_equal(item->point, fg_series_find(&f->series, desc)->id);
	f->watched++;
}

void (*fake_before_start)(struct fg_core_start *start);

/* ---- a core ---- */

struct fg_config *fake_load(struct fake *f, const char *yaml)
{
	static const struct fg_load_options no_files = {.no_files = true};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;
	FILE *out = fopen(f->file, "w");
	char text[2048];
	struct fg_buf faults;

	assert_non_null(out);
	assert_true(fputs(yaml, out) >= 0);
	assert_int_equal(fclose(out), 0);
	if (fg_config_load(f->file, &no_files, rep, &config) < 0) {
		fg_buf_wrap(&faults, text, sizeof(text));
		fg_report_print(rep, &faults);
		fail_msg("%s", text);
	}
	fg_report_free(rep);
	/* tests that count documents count those that tell of states, where they do not ask for
	 * the catalogue by name */
	for (size_t i = 0; i < config->destination_count && !strstr(yaml, "catalogue:"); i++)
		((struct fg_destination *)(uintptr_t)&config->destinations[i])->catalogue = false;
	return config;
}

static void add_series(struct fake *f, const struct fg_config *config)
{
	for (size_t i = 0; i < fg_series_count(config); i++) {
		struct fg_point_desc desc = fg_series_desc_at(config, i);

		if (!fg_series_find(&f->series, &desc))
			assert_non_null(
				fg_series_add(&f->series, (uint32_t)f->series.count + 1, &desc));
	}
}

static void add_destinations(struct fake *f)
{
	for (size_t i = 0; i < f->config->destination_count; i++) {
		const struct fg_destination *dest = &f->config->destinations[i];
		struct fg_ranges unacked;

		if (fg_core_publisher(f->core, dest->name))
			continue;
		fg_ranges_init(&unacked);
		fg_ranges_add(&unacked, f->appended_next, FG_SEQ_END);
		assert_int_equal(fg_core_add_destination(f->core, dest, &unacked), FG_OK);
		broker(f, dest);
	}
}

static void new_core(struct fake *f)
{
	const struct fg_core_ports ports = {.poll = port_poll, .begin = port_begin, .end = port_end,
		.append = port_append, .save_delivery = port_save, .reserve = port_reserve,
		.set_era = port_set_era, .restamp_begin = port_restamp_begin,
		.restamp = port_restamp, .issue_losses = port_issue_losses,
		.make_room = port_make_room, .set_ledger = port_set_ledger,
		.forget_ledger = port_forget_ledger, .set_state = fake_port_set_state,
		.expire = port_expire, .watch = port_watch,
		.connect = port_connect, .disconnect = port_disconnect, .publish = port_publish,
		.subscribe = port_subscribe,
		.read_page = port_read_page, .arg = f};

	f->start = (struct fg_core_start){.next_seq = f->appended_next,
		.seq_limit = f->appended_next + FG_SEQ_BLOCK, .era = 1, .next_era = 2,
		.session = "s"};
	if (fake_before_start)
		fake_before_start(&f->start);
	assert_int_equal(fg_core_new(f->config, &ports, &f->start, &f->series, 42, f->now,
		&f->core), FG_OK);
	add_destinations(f);
}

void fake_init_untimed(struct fake *f, const char *yaml)
{
	fg_log_set_level((enum fg_log_level)0);
	*f = (struct fake){.now = {1000 * SEC, FAKE_WALL_US + 1000 * SEC}};
	snprintf(f->dir, sizeof(f->dir), "/tmp/fjordgate-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/fjordgate.yaml", f->dir);
	f->stored = calloc(FAKE_STORED_MAX, sizeof(*f->stored));
	f->polls = calloc(FAKE_POLLS_MAX, sizeof(*f->polls));
	for (size_t i = 0; i < 2; i++)
		f->brokers[i].sent = calloc(FAKE_SENT_MAX, sizeof(struct fake_sent));
	f->config = fake_load(f, yaml);
	add_series(f, f->config);
	f->appended_next = f->committed_next = FAKE_FIRST_SEQ;
	new_core(f);
}

/* An account may be durable while its row was refused. */
static uint64_t follow_accounts(struct fake *f, struct fg_ledger_row *row)
{
	uint64_t account_seq = 0;

	for (uint64_t seq = row->from_seq; seq < f->committed_next; seq++) {
		const struct fake_reading *r = stored(f, seq);

		if (r->item.kind != FG_ITEM_ACCOUNT ||
			strcmp(r->lines[0].desc->device, row->device) != 0)
			continue;
		if (r->account.from_ms == row->to_ms) {
			row->to_ms = r->account.to_ms;
			row->clean = false;
		}
		if (r->account.to_ms == row->to_ms)
			account_seq = seq;
	}
	return account_seq;
}

/* As gateway/ledger_start.c tells it. */
static bool after_account(const struct fake_reading *r, uint64_t account_seq,
	const struct fg_ledger_row *row)
{
	return r->item.seq > account_seq || (r->has_wall && r->item.wall_ms >= row->to_ms);
}

/* What the store holds of a device since its row: readings with a value, and gaps. */
static size_t known_of(struct fake *f, struct fg_core_known *ret, uint64_t account_seq,
	struct fg_core_known_point known[32])
{
	const struct fg_ledger_row *row = &ret->row;
	size_t n = 0, i;

	ret->oldest_ms = ret->newest_ms = 0;
	for (uint64_t seq = row->from_seq; seq < f->committed_next; seq++) {
		const struct fake_reading *r = stored(f, seq);
		const struct fg_series *s = fg_series_by_id(&f->series, r->item.point);
		bool gap = r->item.kind == FG_ITEM_GAP;

		if (r->item.kind == FG_ITEM_ACCOUNT || strcmp(s->desc.device, row->device) != 0 ||
			(!gap && r->item.qc == FG_QC_MISSING) ||
			!after_account(r, account_seq, row))
			continue;
		for (i = 0; i < n && known[i].id != s->id; i++)
			;
		if (i == n)
			known[n++] = (struct fg_core_known_point){.id = s->id, .desc = &s->desc};
		if (gap)
			known[i].missing += (uint32_t)r->gap.count;
		else
			known[i].sent++;
		if (!r->has_wall)
			continue;
		if (!ret->oldest_ms || r->item.wall_ms < ret->oldest_ms)
			ret->oldest_ms = r->item.wall_ms;
		ret->newest_ms = FG_MAX(ret->newest_ms, r->item.wall_ms);
	}
	return n;
}

void fake_restart(struct fake *f)
{
	struct fg_core_known_point points[32];
	struct fg_core_known known = {.points = points};
	uint64_t account_seq;

	fg_core_free(f->core);
	f->appended_next = f->committed_next;
	memcpy(f->rows, f->durable_rows, sizeof(f->rows));
	f->row_count = f->durable_count;
	f->has_offset = false;
	f->era_count = f->job_count = 0;
	f->restamp.max = f->losses.max = 0;
	f->reserve_asked = 0;
	for (size_t i = 0; i < 2; i++) {
		struct fake_broker *b = &f->brokers[i];

		free(b->page);
		b->page = NULL;
		b->online = b->connecting = false;
		b->epoch = 0;
		b->acked = b->sent_count;
	}
	new_core(f);
	fake_notes_restart(f);
	for (size_t i = 0; i < f->durable_count; i++) {
		known.row = f->durable_rows[i];
		account_seq = follow_accounts(f, &known.row);
		known.count = known_of(f, &known, account_seq, points);
		assert_int_equal(fg_core_known(f->core, &known), FG_OK);
	}
}

/* What has no wall time gets it: what is durable is told by it after a restart. */
void fake_timed(struct fake *f)
{
	f->has_offset = true;
	fg_core_era_stored(f->core, f->now, f->start.era);
}

void fake_init(struct fake *f, const char *yaml)
{
	fake_init_untimed(f, yaml);
	fg_core_clock(f->core, f->now, FG_CLOCK_RIGHT);
	fake_timed(f);
}

void fake_fini(struct fake *f)
{
	fg_core_free(f->core);
	for (size_t i = 0; i < 2; i++) {
		struct fake_broker *b = &f->brokers[i];

		free(b->page); /* nobody hands it in any more */
		fg_ranges_fini(&b->saved);
		free(b->sent);
		free((char *)b->name);
	}
	fg_ranges_fini(&f->owed_doubt);
	fg_ranges_fini(&f->owed_unacked);
	fake_notes_fini(f);
	fg_series_set_fini(&f->series);
	fg_config_unref(f->config);
	for (size_t i = 0; i < FAKE_STORED_MAX; i++)
		free(f->stored[i].lines);
	free(f->stored);
	free(f->polls);
	unlink(f->file);
	rmdir(f->dir);
}

void fake_reload(struct fake *f, const char *yaml)
{
	struct fg_config *next = fake_load(f, yaml);

	add_series(f, next);
	assert_int_equal(fg_core_reload(f->core, f->now, next), FG_OK);
	fg_config_unref(f->config);
	f->config = next;
	add_destinations(f);
}

const struct fg_group *fake_group(const struct fake *f, const char *device, size_t i)
{
	for (size_t k = 0; k < f->config->device_count; k++)
		if (strcmp(f->config->devices[k]->name, device) == 0)
			return &f->config->devices[k]->groups[i];
	fail_msg("no device %s", device);
	return NULL;
}

struct fg_device_run *fake_device(const struct fake *f, const char *device)
{
	return &f->core->devices[fake_group(f, device, 0)->device->index];
}

struct fg_publisher *fake_publisher(const struct fake *f, size_t i)
{
	return fg_core_publisher(f->core, f->brokers[i].name);
}

int64_t fake_turn(struct fake *f, int64_t after_us)
{
	f->now.mono_us += after_us;
	f->now.wall_us += after_us;
	return fg_core_run(f->core, f->now);
}

/* ---- devices ---- */

static void finish(struct fake *f, const struct fg_group *group, double value,
	enum fg_reason reason)
{
	struct fg_reading readings[32];
	struct fg_batch batch = {.readings = readings, .cap = 32};
	struct fg_poll_result result = {.group = group, .batch = &batch, .requests = 1,
		.answers = reason == FG_REASON_NONE || reason == FG_REASON_SENTINEL,
		.started_mono_us = f->now.mono_us - 1000, .done_mono_us = f->now.mono_us};

	for (size_t i = 0; i < group->count; i++) {
		struct fg_reading *r =
			fg_batch_add(&batch, group->points[i]->index, f->now.mono_us);

		r->reason = reason;
		r->qc = reason ? FG_QC_MISSING : FG_QC_NOT_EVALUATED;
		if (!reason)
			r->value = (struct fg_value){.kind = FG_KIND_DOUBLE, .f = value};
	}
	fg_core_polled(f->core, f->now, &result);
}

void fake_answer(struct fake *f, const struct fg_group *group, double value)
{
	finish(f, group, value, FG_REASON_NONE);
}

void fake_fail(struct fake *f, const struct fg_group *group, enum fg_reason reason)
{
	finish(f, group, 0, reason);
}

uint64_t fake_reading(struct fake *f, const struct fg_group *group, double value)
{
	fake_answer(f, group, value);
	fake_commit(f);
	return f->appended_next - 1;
}

/* ---- store ---- */

size_t fake_stored(const struct fake *f, enum fg_item_kind kind)
{
	size_t n = 0;

	for (uint64_t seq = FAKE_FIRST_SEQ; seq < f->appended_next; seq++)
		n += f->stored[seq - FAKE_FIRST_SEQ].item.kind == kind;
	return n;
}

void fake_commit(struct fake *f)
{
	f->committed_next = f->appended_next;
	memcpy(f->durable_rows, f->rows, sizeof(f->rows));
	f->durable_count = f->row_count;
	fake_notes_commit(f);
	if (!f->store_silent)
		fg_core_committed(f->core, f->now, f->committed_next);
}

void fake_used(struct fake *f, struct fake_lot *lot, unsigned used, bool more)
{
	struct fake_lot was = *lot;

	*lot = (struct fake_lot){0};
	f->committed_next = FG_MAX(f->committed_next, was.first + was.max);
	fg_core_numbers_used(
		f->core, f->now, was.destination, was.first, was.max, used, more);
}

void fake_correct(struct fake *f, unsigned n, size_t index, uint64_t first, bool more)
{
	for (unsigned i = 0; i < n; i++) {
		struct fake_reading *r = stored(f, first + i);

		*r = f->stored[index + i];
		r->item.seq = first + i;
		r->item.replaces = FAKE_FIRST_SEQ + index + i;
		r->has_wall = true;
		r->item.wall_ms = (r->mono_us + f->jobs[0].offset_us) / 1000;
	}
	fake_used(f, &f->restamp, n, more);
}

bool fake_page(struct fake *f, struct fake_broker *b)
{
	struct fg_page *page = b->page;

	if (!page)
		return false;
	b->page = NULL;
	page->count = 0;
	page->scanned_to = page->to;
	page->status = f->page_fails ? FG_EAGAIN : FG_OK;
	for (uint64_t seq = page->from; seq < page->to && !f->page_fails; seq++) {
		const struct fake_reading *r = stored(f, seq);
		size_t i = page->count;

		if (r->gone)
			continue;
		if (i == FG_PAGE_ITEMS) {
			page->scanned_to = seq;
			break;
		}
		page->items[i] = r->item;
		page->descs[i] = &fg_series_by_id(&f->series, r->item.point)->desc;
		page->uncertain[i] = r->earlier_boot || (!r->has_wall && !f->has_offset);
		if (!r->has_wall && r->item.kind == FG_ITEM_READING) {
			page->items[i].wall_ms = (r->mono_us + f->offset_us) / 1000;
			page->items[i].uncertainty_s = f->uncertainty_s;
		}
		page->count++;
	}
	fg_core_page(f->core, f->now, page);
	return true;
}

/* ---- brokers ---- */

void fake_settle(struct fake *f)
{
	bool more = true;

	for (int i = 0; i < 1000 && more; i++) {
		fake_turn(f, 0);
		more = fake_page(f, &f->brokers[0]);
		more |= fake_page(f, &f->brokers[1]);
	}
}

void fake_connect(struct fake *f, struct fake_broker *b, bool session_present)
{
	for (int i = 0; i < 400 && !b->connecting; i++)
		fake_turn(f, SEC / 2);
	assert_true(b->connecting);
	b->connecting = false;
	b->online = true;
	b->acked = b->sent_count;
	for (size_t i = 0; i < f->core->publisher_count; i++) {
		struct fg_publisher *p = f->core->publishers[i];

		if (strcmp(p->conf->name, b->name) == 0)
			fg_publisher_connected(p, f->now, b->epoch, session_present);
	}
}

static struct fg_publisher *publisher_of(struct fake *f, const struct fake_broker *b)
{
	struct fg_publisher *p = fg_core_publisher(f->core, b->name);

	assert_non_null(p);
	return p;
}

void fake_lose(struct fake *f, struct fake_broker *b)
{
	b->online = b->connecting = false;
	fg_publisher_lost(publisher_of(f, b), f->now, b->epoch, false, "connection closed");
}

void fake_ack(struct fake *f, struct fake_broker *b, size_t n, int code)
{
	for (; n; n--) {
		assert_true(b->acked < b->sent_count);
		fg_publisher_acked(publisher_of(f, b), f->now, b->epoch, b->sent[b->acked].token,
			code);
		b->acked++;
	}
}

void fake_ack_all(struct fake *f, struct fake_broker *b)
{
	fake_ack(f, b, b->sent_count - b->acked, 0);
}
