/* SPDX-License-Identifier: EUPL-1.2 */
/* `doctor`: what a gateway needs, looked at one by one, and what to do about what is missing. */
#include "doctor.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#define AT_ONCE	 32
#define CHECK_US 12000000 /* that a check may take by its own clock */
#define HANGS_US 5000000  /* that it may take beyond, in a name look-up say */

/* Exit codes, as monitoring plug-ins have them. */
enum { EXIT_WELL = 0, EXIT_WARN = 1, EXIT_FAIL = 2 };

static const char *const level_names[] = {"ok", "warn", "fail"};

struct doctor_check *doctor_add(struct doctor *d, const char *what, const char *subject,
	void (*run)(struct doctor_check *c))
{
	struct doctor_check *c;

	if (d->count == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		void *checks = realloc(d->checks, cap * sizeof(*d->checks));

		if (!checks)
			abort();
		d->checks = checks;
		d->cap = cap;
	}
	c = &d->checks[d->count++];
	memset(c, 0, sizeof(*c));
	c->doctor = d;
	c->what = what;
	c->run = run;
	snprintf(c->subject, sizeof(c->subject), "%s", subject);
	return c;
}

void doctor_tell(
	struct doctor_check *c, enum doctor_level level, const char *todo, const char *fmt, ...)
{
	struct doctor_line *line = &c->lines[c->count];
	va_list ap;

	if (c->count == DOCTOR_LINES)
		return;
	line->level = level;
	va_start(ap, fmt);
	vsnprintf(line->found, sizeof(line->found), fmt, ap);
	va_end(ap);
	snprintf(line->todo, sizeof(line->todo), "%s", todo);
	ctl_plain(line->found);
	ctl_plain(line->todo);
	c->count++;
}

/* ---- running them ---- */

static void *run_check(void *arg)
{
	struct doctor_check *c = arg;

	c->run(c);
	atomic_store(&c->done, true);
	return NULL;
}

static bool start(struct doctor_check *c)
{
	c->until_mono_us = fg_clock_mono_us() + CHECK_US;
	c->started = true;
	if (fg_thread_start(&c->thread, "doctor", run_check, c) == 0)
		return true;
	c->ended = true;
	return false;
}

/* Returns how many are under way. */
static size_t look(struct doctor *d)
{
	int64_t now_us = fg_clock_mono_us();
	size_t busy = 0;

	for (size_t i = 0; i < d->count; i++) {
		struct doctor_check *c = &d->checks[i];

		if (!c->started || c->ended)
			continue;
		if (atomic_load(&c->done)) {
			pthread_join(c->thread, NULL);
			c->ended = true;
		} else if (now_us > c->until_mono_us + HANGS_US) {
			pthread_detach(c->thread);
			c->ended = true; /* and not done */
		} else {
			busy++;
		}
	}
	return busy;
}

static void run_all(struct doctor *d)
{
	size_t next = 0, busy;

	while ((busy = look(d)) || next < d->count) {
		while (next < d->count && busy < AT_ONCE)
			busy += start(&d->checks[next++]);
		if (busy)
			poll(NULL, 0, 10);
	}
}

/* ---- telling ---- */

struct verdict {
	unsigned counts[3];
};

static void print_line(
	const struct doctor *d, const struct doctor_check *c, const struct doctor_line *line)
{
	static const char *const colors[] = {"\033[32m", "\033[33m", "\033[1;31m"};
	bool color = d->ctl->color;

	printf("%s%-4s%s  %-8s %s%s%s\n", color ? colors[line->level] : "",
		level_names[line->level], color ? "\033[0m" : "", c->what, c->subject,
		*c->subject ? ": " : "", line->found);
	if (*line->todo)
		printf("      do: %s\n", line->todo);
}

static void put_line(
	struct fg_json *j, const struct doctor_check *c, const struct doctor_line *line)
{
	fg_json_object(j, NULL);
	fg_json_text(j, "check", c->what);
	if (*c->subject)
		fg_json_text(j, "subject", c->subject);
	fg_json_text(j, "result", level_names[line->level]);
	fg_json_text(j, "found", line->found);
	if (*line->todo)
		fg_json_text(j, "do", line->todo);
	fg_json_end_object(j);
}

/* A check that hangs may write to its lines at any time: they are not looked at. */
static void each_line(const struct doctor *d, struct fg_json *j, struct verdict *v)
{
	static const struct doctor_line hangs = {.level = DOCTOR_FAIL,
		.found = "this could not be found out in time",
		.todo = "look at the network and its name servers, then try again"};

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_check *c = &d->checks[i];
		bool done = atomic_load(&c->done);
		const struct doctor_line *lines = done ? c->lines : &hangs;
		size_t n = done ? c->count : 1;

		for (size_t k = 0; k < n; k++) {
			v->counts[lines[k].level]++;
			if (j)
				put_line(j, c, &lines[k]);
			else
				print_line(d, c, &lines[k]);
		}
	}
}

static void print_all(const struct doctor *d, struct verdict *v)
{
	each_line(d, NULL, v);
	if (!v->counts[DOCTOR_WARN] && !v->counts[DOCTOR_FAIL])
		printf("\nall is well: %u checks\n", v->counts[DOCTOR_OK]);
	else
		printf("\n%u ok, %u warn, %u fail\n", v->counts[DOCTOR_OK], v->counts[DOCTOR_WARN],
			v->counts[DOCTOR_FAIL]);
}

static void print_json(const struct doctor *d, struct verdict *v)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, 8u << 20);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_array(&j, "checks");
	each_line(d, &j, v);
	fg_json_end_array(&j);
	for (size_t i = 0; i < FG_COUNT(level_names); i++)
		fg_json_uint(&j, level_names[i], v->counts[i]);
	fg_json_end_object(&j);
	puts(out.data ? out.data : "");
	fg_buf_fini(&out);
}

/* What no thread that was left behind may still look at. */
static void let_go(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (!atomic_load(&d->checks[i].done))
			return;
	cJSON_Delete(d->status);
	free(d->socket);
	free(d->checks);
	fg_config_unref(d->config);
}

int ctl_doctor(const struct ctl *ctl)
{
	/* static: a check that hangs may still look at it */
	static struct doctor d;
	struct verdict v = {0};

	d.ctl = ctl;
	d.config_path = ctl->config ? ctl->config : CTL_DEFAULT_CONFIG;
	d.config = ctl_load_config(ctl);
	if (!d.config) {
		fprintf(stderr, "fjordctl: first mend the configuration; `fjordctl check` shows "
				"its faults\n");
		return EX_CONFIG;
	}
	doctor_meet(&d);
	doctor_add_gateway(&d);
	doctor_add_board(&d);
	doctor_add_links(&d);
	doctor_add_brokers(&d);
	run_all(&d);
	if (ctl->json)
		print_json(&d, &v);
	else
		print_all(&d, &v);
	let_go(&d);
	return v.counts[DOCTOR_FAIL] ? EXIT_FAIL : v.counts[DOCTOR_WARN] ? EXIT_WARN : EXIT_WELL;
}
