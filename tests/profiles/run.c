/* SPDX-License-Identifier: EUPL-1.2 */
/* run LIBRARY CASEFILE: a profile of the library against simulated instruments. The real loader
 * reads a configuration that names the profile, the real driver reads the instrument, and what
 * comes of it is compared with what the case says. The profile's name is the case file's. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/status.h"
#include "case.h"
#include "drivers/coap_internal.h"
#include "drivers/driver.h"
#include "gateway/config/config.h"
#include "instrument.h"
#include "protocol/encode.h"

#define MAX_NAMES 1000

struct run {
	const char *profiles;
	char profile[80], config_path[64];
	struct case_file *file;
	int faults;
	const char *met[MAX_NAMES]; /* points that some case expects */
	size_t met_count;
};

static void FG_PRINTF(3, 4) fault(struct run *r, int line, const char *fmt, ...)
{
	va_list ap;

	r->faults++;
	fprintf(stderr, "%s:%d: ", r->file->path, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

/* ---- the configuration ---- */

/* The same model twice: on the net, where it is read, and on a serial line, where only the plan is
 * made. */
static void write_config(const struct run *r, const struct fg_case *c, unsigned port)
{
	const char *keys = c->device ? c->device : "";
	bool payloads = c->message_count > 0;
	FILE *f = fopen(r->config_path, "w");

	if (!f)
		abort();
	fprintf(f,
		"gateway: {id: test}\n"
		"stations: {here: {}, there: {}}\n"
		"storage: {file: readings.db}\n"
		"mqtt: {local: {servers: [mqtt://127.0.0.1]}}\n"
		"links:\n"
		"  net: {driver: %s%u%s}\n",
		payloads ? "coap, uri: \"coap://127.0.0.1:" : "modbus-tcp, host: 127.0.0.1, port: ",
		port, payloads ? "\"" : "");
	if (!payloads)
		fprintf(f, "  line: {driver: modbus-rtu, device: /dev/ttyS0, baud: 9600}\n");
	fprintf(f, "devices:\n");
	for (int i = 0; i < (payloads ? 1 : 2); i++)
		fprintf(f,
			"  %s:\n    station: %s\n    domain: water\n    link: %s\n"
			"%s    profile: %s\n%s",
			i ? "other" : "it", i ? "there" : "here", i ? "line" : "net",
			payloads ? "" : "    unit_id: 1\n", r->profile, keys);
	fclose(f);
}

static struct fg_config *load(struct run *r, const struct fg_case *c, unsigned port)
{
	const struct fg_load_options options = {.no_files = true, .profile_dir = r->profiles};
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;
	struct fg_buf out;

	write_config(r, c, port);
	fg_config_load(r->config_path, &options, rep, &config);
	if (fg_report_errors(rep) || fg_report_warnings(rep)) {
		fg_buf_init(&out, 1 << 16);
		fg_report_print(rep, &out);
		fault(r, c->line, "the profile does not load without a word:\n%s", out.data);
		fg_buf_fini(&out);
	}
	fg_report_free(rep);
	return config;
}

static const struct fg_device *find_device(const struct fg_config *config, const char *name)
{
	for (size_t i = 0; i < config->device_count; i++)
		if (strcmp(config->devices[i]->name, name) == 0)
			return config->devices[i];
	abort();
}

static void check_plan(struct run *r, const struct fg_case *c, const struct fg_config *config)
{
	const struct fg_device *dev = find_device(config, "other");

	for (size_t i = 0; i < dev->group_count; i++)
		if (!dev->groups[i].request_count)
			fault(r, c->line, "no request is planned on a serial line");
}

/* ---- what is read ---- */

static void sleep_until(int64_t mono_us)
{
	int64_t left_us = mono_us - fg_clock_mono_us();
	struct timespec ts;

	if (left_us <= 0)
		return;
	ts = (struct timespec){left_us / 1000000, left_us % 1000000 * 1000};
	nanosleep(&ts, NULL);
}

/* 14.2 has to be met as exactly as single precision holds it, ~14.2 as exactly as it is written. */
static bool is_near(double got, const char *want)
{
	bool rounded = want[0] == '~';
	const char *dot = strchr(want, '.');
	double v, tolerance;

	if (fg_number_parse(want + rounded, &v) < 0)
		return false;
	tolerance = rounded ? 0.501 * pow(10, dot ? -(double)strlen(dot + 1) : 0)
			    : fabs(v) * 1e-6 + 1e-9;
	return fabs(got - v) <= tolerance;
}

static bool is_value(const struct fg_point *p, const struct fg_reading *got, const char *want)
{
	char mem[600];
	struct fg_buf text;

	if (got->value.kind == FG_KIND_NONE)
		return strcmp(want, "null") == 0;
	fg_buf_wrap(&text, mem, sizeof(mem));
	fg_encode_value(&text, &got->value, p->decimals);
	return strcmp(mem, want) == 0 || is_near(fg_value_number(&got->value), want);
}

static void compare(struct run *r, const struct expect *e, const struct fg_point *p,
	const struct fg_reading *got)
{
	char reason[FG_REASON_SIZE] = "", mem[600] = "null";
	struct fg_buf value;

	if (got->reason)
		fg_reason_text(got->reason, got->detail, reason);
	if (is_value(p, got, e->value) && strcmp(p->unit, e->unit) == 0 && got->qc == e->qc &&
		strcmp(reason, e->reason) == 0)
		return;
	fg_buf_wrap(&value, mem, sizeof(mem));
	if (got->value.kind != FG_KIND_NONE)
		fg_encode_value(&value, &got->value, p->decimals);
	fault(r, e->line, "%s: expected %s %s qc=%u %s\n    got %s %s qc=%u %s", e->point, e->value,
		e->unit, e->qc, e->reason, mem, p->unit, (unsigned)got->qc, reason);
}

static void compare_all(struct run *r, struct fg_case *c, const struct fg_config *config,
	const struct fg_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct fg_point *p = config->points[batch->readings[i].point];

		for (size_t k = 0; k < c->expect_count; k++) {
			if (strcmp(c->expects[k].point, p->name) != 0)
				continue;
			c->expects[k].met = true;
			compare(r, &c->expects[k], p, &batch->readings[i]);
			if (r->met_count < MAX_NAMES)
				r->met[r->met_count++] = c->expects[k].point;
		}
	}
}

static void poll_group(struct run *r, struct fg_case *c, const struct fg_config *config,
	const struct fg_group *group, struct fg_link_state *ls)
{
	const struct fg_driver *d = ls->link->driver;
	struct fg_buf words;
	struct fg_batch batch = {.cap = group->count, .text_cap = d->text_room(group)};
	struct fg_job job = {
		.link = ls, .group = group, .attempts = 1, .batch = &batch, .explain = &words};
	int status, faults = r->faults;

	batch.readings = calloc(group->count + 1, sizeof(*batch.readings));
	batch.text = calloc(batch.text_cap + 1, 1);
	fg_buf_init(&words, 1 << 18);
	job.deadline_mono_us = fg_clock_mono_us() + INT64_C(20000000);
	while ((status = d->poll(&job)) == FG_AGAIN)
		sleep_until(job.resume_mono_us);
	if (status < 0)
		fault(r, c->line, "the link is down: %d %s", status, ls->why);
	if (batch.count != group->count)
		fault(r, c->line, "%zu readings of %zu points", batch.count, group->count);
	compare_all(r, c, config, &batch);
	if (r->faults != faults)
		fprintf(stderr, "%s\n", words.data);
	fg_buf_fini(&words);
	free(batch.readings);
	free(batch.text);
}

static void poll_all(struct run *r, struct fg_case *c, const struct fg_config *config)
{
	const struct fg_device *dev = find_device(config, "it");
	struct fg_link_state ls = {.link = dev->link};

	ls.state = calloc(1, dev->link->driver->state_size);
	if (dev->link->driver->open(&ls) < 0)
		fault(r, c->line, "cannot open the link: %s", ls.why);
	for (size_t i = 0; i < dev->group_count; i++)
		poll_group(r, c, config, &dev->groups[i], &ls);
	dev->link->driver->close(&ls);
	free(ls.state);
}

/* ---- what is sent ---- */

struct decoding {
	struct run *run;
	struct fg_case *c;
	const struct message *m;
};

/* The readings of a point come in the order in which they are expected. */
static int met(void *arg, const struct fg_payload_reading *got)
{
	struct decoding *d = arg;
	struct run *r = d->run;
	bool any = false;

	for (size_t k = 0; k < d->c->expect_count; k++) {
		struct expect *e = &d->c->expects[k];

		if (strcmp(e->point, got->point->name) != 0)
			continue;
		any = true;
		if (e->met)
			continue;
		e->met = true;
		compare(r, e, got->point, &got->reading);
		if (e->has_time != (got->clock == FG_PAYLOAD_WALL) ||
			(e->has_time && e->time_ms * 1000 != got->time_us))
			fault(r, e->line, "%s: its time is %lld ms", e->point,
				(long long)got->time_us / 1000);
		if (r->met_count < MAX_NAMES)
			r->met[r->met_count++] = e->point;
		return FG_OK;
	}
	if (any)
		fault(r, d->m->line, "%s: one reading more than expected", got->point->name);
	return FG_OK;
}

static int count_one(void *arg, const struct fg_payload_reading *got)
{
	(void)got;
	++*(size_t *)arg;
	return FG_OK;
}

static void decode_one(struct decoding *d, const struct fg_device *dev)
{
	const struct fg_payload_conf *conf = &((const struct fg_coap_device *)dev->conf)->payload;
	const struct fg_payload p = {.format = d->m->format,
		.data = (const char *)d->m->bytes,
		.len = d->m->len,
		.path = d->m->path};
	const struct fg_point **points = calloc(dev->point_count + 1, sizeof(*points));
	char why[FG_PAYLOAD_WHY], who[100] = "";
	size_t n = 0, newest = 0;
	int r;

	for (size_t i = 0; i < dev->point_count; i++) {
		const struct fg_payload_point *at = dev->points[i].conf;

		if (strcmp(at->path, p.path) == 0)
			points[n++] = &dev->points[i];
	}
	r = fg_payload_all(conf, points, n, &p, met, d, why);
	if (r < 0)
		fault(d->run, d->m->line, "the payload is not taken: %s", why);
	fg_payload_newest(conf, points, n, &p, count_one, &newest);
	if (newest != n)
		fault(d->run, d->m->line, "a poll gives %zu readings of %zu points", newest, n);
	r = fg_payload_identity(conf, &p, who, sizeof(who));
	if (d->c->identity && strcmp(who, d->c->identity) != 0)
		fault(d->run, d->m->line, "it is of '%s', not '%s'", who, d->c->identity);
	free(points);
}

static void decode_all(struct run *r, struct fg_case *c, const struct fg_config *config)
{
	for (size_t i = 0; i < c->message_count; i++) {
		struct decoding d = {r, c, &c->messages[i]};

		decode_one(&d, find_device(config, "it"));
	}
}

/* ---- a case ---- */

static void check_rest(struct run *r, const struct fg_case *c, const struct instrument *in)
{
	if (in->refused)
		fault(r, c->line, "the instrument refused %u requests: %s", in->refused,
			in->refusal);
	for (size_t i = 0; i < c->talk_count; i++)
		if (!c->talks[i].seen)
			fault(r, c->line, "pdu %zu of the case was never sent", i + 1);
	for (size_t i = 0; i < c->expect_count; i++)
		if (!c->expects[i].met)
			fault(r, c->expects[i].line, "the profile has no point %s",
				c->expects[i].point);
}

static void check_points(struct run *r, const struct fg_config *config)
{
	const struct fg_device *dev = find_device(config, "it");

	for (size_t i = 0; i < dev->read_count; i++) {
		bool met = false;

		for (size_t k = 0; k < r->met_count; k++)
			met = met || strcmp(r->met[k], dev->points[i].name) == 0;
		if (!met)
			fault(r, 1, "no case expects anything of %s", dev->points[i].name);
	}
}

static void run_case(struct run *r, struct fg_case *c, bool last)
{
	int faults = r->faults;
	struct instrument in;
	struct fg_config *config;

	instrument_start(&in, c);
	config = load(r, c, in.port);
	if (config) {
		if (c->message_count) {
			decode_all(r, c, config);
		} else {
			poll_all(r, c, config);
			check_plan(r, c, config);
		}
		if (last)
			check_points(r, config);
	}
	instrument_stop(&in);
	if (config)
		check_rest(r, c, &in);
	fg_config_unref(config);
	printf("%s: %s\n", c->title, r->faults == faults ? "ok" : "FAILED");
}

/* "etc/acme-1.case": acme-1 */
static void set_profile(struct run *r, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	snprintf(r->profile, sizeof(r->profile), "%.*s", (int)strcspn(name, "."), name);
}

int main(int argc, char **argv)
{
	static struct run r;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: run LIBRARY CASEFILE\n");
		return 2;
	}
	r.profiles = argv[1];
	set_profile(&r, argv[2]);
	snprintf(r.config_path, sizeof(r.config_path), "/tmp/fjordgate-profile-XXXXXX");
	fd = mkstemp(r.config_path);
	if (fd < 0)
		abort();
	close(fd);
	r.file = case_file_read(argv[2]);
	for (size_t i = 0; i < r.file->count; i++)
		run_case(&r, &r.file->cases[i], i + 1 == r.file->count);
	unlink(r.config_path);
	return r.faults ? 1 : 0;
}
