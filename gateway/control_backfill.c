/* SPDX-License-Identifier: EUPL-1.2 */
/* `backfill`: a period of the store is queued again for one destination, under the same ids. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/control.h"

struct backfill {
	uv_work_t req;
	struct fg_client *client;
	struct fg_reader *reader;
	char destination[FG_DESTINATION_NAME];
	int64_t since_ms, until_ms;
	struct fg_ranges numbers;
	int status;
};

static void backfill_free(struct backfill *b)
{
	struct fg_client *c = b->client;

	fg_ranges_fini(&b->numbers);
	free(b);
	c->user = NULL;
	fg_client_release(c);
}

static void find_numbers(uv_work_t *req)
{
	struct backfill *b = req->data;

	b->status = fg_reader_period(b->reader, b->since_ms, b->until_ms, &b->numbers);
}

static void answer(struct backfill *b, int64_t queued)
{
	char mem[256];
	struct fg_buf out;
	struct fg_json j;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "destination", b->destination);
	fg_json_int(&j, "queued", queued);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	fg_client_write(b->client, out.data, out.len);
	fg_client_end(b->client);
}

static void numbers_found(uv_work_t *req, int status)
{
	struct backfill *b = req->data;
	struct fg_daemon *d = b->client->daemon;
	int64_t queued = status < 0 ? status : b->status;

	fg_daemon_read_damage(d, b->status);
	if (queued < 0) {
		fg_client_error(b->client, EX_TEMPFAIL, "the store cannot be read: %s",
			fg_strerror((int)queued));
		backfill_free(b);
		return;
	}
	queued = fg_core_backfill(d->core, fg_clock_now(), b->destination, &b->numbers);
	if (queued < 0) {
		fg_client_error(b->client, EX_TEMPFAIL, "cannot queue readings for '%s': %s",
			b->destination, fg_strerror((int)queued));
	} else {
		fg_notice("destination '%s': %lld readings are queued again", b->destination,
			(long long)queued);
		answer(b, queued);
	}
	backfill_free(b);
	fg_daemon_turn(d);
}

static bool is_known(const struct fg_config *config, const char *name)
{
	for (size_t i = 0; i < config->destination_count; i++)
		if (strcmp(config->destinations[i].name, name) == 0)
			return true;
	return false;
}

static void unknown(struct fg_client *c, const char *name)
{
	const struct fg_config *config = c->daemon->config;
	char mem[160];
	struct fg_buf known;

	fg_buf_wrap(&known, mem, sizeof(mem));
	for (size_t i = 0; i < config->destination_count; i++)
		fg_buf_printf(&known, "%s'%s'", i ? ", " : "", config->destinations[i].name);
	fg_client_error(c, EX_USAGE, "no destination '%.60s'; there is %s", name,
		known.len ? known.data : "none");
}

void fg_control_backfill(
	struct fg_client *c, const char *destination, const char *since, const char *until)
{
	struct fg_daemon *d = c->daemon;
	int64_t since_ms, until_ms;
	struct backfill *b;

	if (!is_known(d->config, destination)) {
		unknown(c, destination);
		return;
	}
	if (fg_integer_parse(since, &since_ms) < 0 || fg_integer_parse(until, &until_ms) < 0 ||
		since_ms >= until_ms) {
		fg_client_error(c, EX_USAGE, "the period ends before it begins");
		return;
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		fg_client_error(c, EX_TEMPFAIL, "out of memory");
		return;
	}
	b->req.data = b;
	b->client = c;
	b->reader = d->reader;
	memcpy(b->destination, destination,
		FG_MIN(strlen(destination), sizeof(b->destination) - 1));
	b->since_ms = since_ms;
	b->until_ms = until_ms;
	fg_ranges_init(&b->numbers);
	c->user = b;
	fg_client_hold(c);
	uv_queue_work(&d->loop, &b->req, find_numbers, numbers_found);
}
