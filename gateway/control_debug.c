/* SPDX-License-Identifier: EUPL-1.2 */
/* `debug`: lines of some topics for a while, without a restart. They end by themselves: a card is
 * not filled by what somebody forgot. What was on since the start (--debug) stays on. */
#include <stdlib.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/log.h"
#include "base/status.h"
#include "gateway/control.h"

#define FOR_MAX_S 86400

struct fg_debug_switch {
	uv_timer_t timer;
	struct fg_daemon *daemon;
	unsigned before; /* what was on at the start */
	bool on;
};

static void show(struct fg_daemon *d, unsigned mask, int64_t until_mono_us)
{
	char mem[128];
	struct fg_buf names;

	fg_buf_wrap(&names, mem, sizeof(mem));
	fg_debug_names(mask, &names);
	fg_core_debug(d->core, mem, until_mono_us);
}

void fg_debug_show(struct fg_daemon *d)
{
	show(d, fg_debug_mask(), 0);
}

static void switch_off(struct fg_debug_switch *s, const char *why)
{
	uv_timer_stop(&s->timer);
	if (s->on)
		fg_notice("debug: off again (%s)", why);
	s->on = false;
	fg_debug_set(s->before);
	show(s->daemon, s->before, 0);
}

static void on_time(uv_timer_t *timer)
{
	switch_off(timer->data, "its time is over");
}

static struct fg_debug_switch *the_switch(struct fg_daemon *d)
{
	struct fg_debug_switch *s = d->debug;

	if (s)
		return s;
	s = d->debug = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->daemon = d;
	s->before = fg_debug_mask();
	uv_timer_init(&d->loop, &s->timer);
	s->timer.data = s;
	return s;
}

static void switch_on(struct fg_debug_switch *s, unsigned mask, int64_t for_s, uid_t who)
{
	char mem[128];
	struct fg_buf names;

	fg_buf_wrap(&names, mem, sizeof(mem));
	fg_debug_names(mask, &names);
	s->on = true;
	fg_notice(
		"debug: %s for %lld s, asked for by user %u", mem, (long long)for_s, (unsigned)who);
	fg_debug_set(mask | s->before);
	show(s->daemon, mask | s->before, fg_clock_mono_us() + for_s * 1000000);
	uv_timer_start(&s->timer, on_time, (uint64_t)for_s * 1000, 0);
}

static void answer(struct fg_client *c)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, 1024);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_core_debug_status(c->daemon->core, fg_clock_now(), &j);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	fg_client_write(c, out.data, out.len);
	fg_buf_fini(&out);
	fg_client_end(c);
}

void fg_control_debug(struct fg_client *c, const char *topics, const char *for_s)
{
	struct fg_debug_switch *s = the_switch(c->daemon);
	long long seconds = for_s ? strtoll(for_s, NULL, 10) : 0;
	unsigned mask = 0;

	if (!s) {
		fg_client_error(c, EX_TEMPFAIL, "%s", fg_strerror(FG_ENOMEM));
		return;
	}
	if (topics && fg_debug_parse(topics, &mask) < 0) {
		fg_client_error(c, EX_USAGE,
			"'%.80s': topics are " FG_DEBUG_WORDS ", with commas "
			"between them, or all, or none",
			topics);
		return;
	}
	if (mask && (seconds < 1 || seconds > FOR_MAX_S)) {
		fg_client_error(c, EX_USAGE, "debug lines are for 1 s to 24 h");
		return;
	}
	if (mask)
		switch_on(s, mask, seconds, c->peer.uid);
	else if (topics)
		switch_off(s, "as asked");
	answer(c);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void fg_debug_stop(struct fg_daemon *d)
{
	if (d->debug)
		uv_close((uv_handle_t *)&d->debug->timer, on_closed);
	d->debug = NULL;
}
