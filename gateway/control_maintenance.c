/* SPDX-License-Identifier: EUPL-1.2 */
/* `maintenance`: windows of devices are opened, planned and called off. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/control.h"

#define END_MAX_MS INT64_C(253402300799000) /* of the year 9999 */

static void answer(struct fg_client *c, const char *device, const char *key, int64_t value)
{
	char mem[256];
	struct fg_buf out;
	struct fg_json j;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "device", device);
	fg_json_int(&j, key, value);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	fg_client_answer_stored(c, out.data, out.len);
}

bool fg_control_begin(const char *word, int64_t *ret_ms)
{
	return fg_integer_parse(word, ret_ms) == FG_OK && *ret_ms >= 0 && *ret_ms <= END_MAX_MS;
}

bool fg_control_end(const char *word, int64_t *ret_ms, int64_t *ret_for_ms)
{
	const bool after = word[0] == '+';
	int64_t *ret = after ? ret_for_ms : ret_ms;

	return fg_integer_parse(word + after, ret) == FG_OK && *ret >= (after ? 1 : 0) &&
	       *ret <= END_MAX_MS;
}

static void refuse(struct fg_client *c, const char *device, int r)
{
	if (r == FG_ENOENT)
		fg_client_error(c, EX_USAGE, "no device '%.63s'", device);
	else if (r == FG_EINVAL)
		fg_client_error(c, EX_USAGE, "the maintenance ends before it begins, or is over");
	else if (r == FG_EFULL)
		fg_client_error(c, EX_TEMPFAIL, "too many windows are planned already; call some "
			"off first");
	else
		fg_client_error(c, EX_TEMPFAIL, "%s", fg_strerror(r));
}

static void off(struct fg_client *c, const char *device, bool all)
{
	int n = fg_core_maintenance_off(c->daemon->core, fg_clock_now(), device, all);

	if (n < 0)
		refuse(c, device, n);
	else if (n == 0)
		fg_client_error(c, EX_USAGE, "device '%.63s' is not in maintenance", device);
	else
		answer(c, device, "ended", n);
}

void fg_control_maintenance(struct fg_client *c, const char *device, const char *what,
	const char *from, const char *until, const char *reason)
{
	struct fg_maintenance_window w = {.from_ms = 0};
	int r;

	if (strcmp(what, "off") == 0) {
		off(c, device, from && strcmp(from, "all") == 0);
		return;
	}
	if (strcmp(what, "on") != 0 || !from || !until ||
		!fg_control_begin(from, &w.from_ms) ||
		!fg_control_end(until, &w.until_ms, &w.for_ms)) {
		fg_client_error(c, EX_USAGE, "maintenance takes on or off, and times");
		return;
	}
	if (reason && strlen(reason) >= sizeof(w.reason)) {
		fg_client_error(c, EX_USAGE, "the reason is too long; %zu bytes at most",
			sizeof(w.reason) - 1);
		return;
	}
	snprintf(w.reason, sizeof(w.reason), "%s", reason ? reason : "");
	r = fg_core_maintenance_on(c->daemon->core, fg_clock_now(), device, &w);
	if (r < 0)
		refuse(c, device, r);
	else
		answer(c, device, "until_ms", w.until_ms);
}
