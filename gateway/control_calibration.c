/* SPDX-License-Identifier: EUPL-1.2 */
/* `calibration`: the dated records of a point are listed, added and taken back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/number.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "gateway/control.h"
#include "quality/calibration_check.h"

#define ANSWER_MAX (256u << 10)
#define BY_MAX	   63
#define NOTE_MAX   255

/* The list as it is now; changed: it waits for the disk; warnings: of a record that was added. */
static void answer(struct fg_client *c, const struct fg_point *p, bool changed,
	const struct fg_calibration_faults *warnings)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, ANSWER_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "device", p->device->name);
	fg_json_text(&j, "point", p->name);
	fg_json_text(&j, "unit", p->unit);
	fg_core_calibrations(c->daemon->core, fg_clock_now(), p, &j);
	if (warnings) {
		fg_json_array(&j, "warnings");
		for (size_t i = 0; i < warnings->count; i++)
			fg_json_text(&j, NULL, warnings->items[i].text);
		fg_json_end_array(&j);
	}
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	if (out.overflow) {
		fg_client_error(c, EX_TEMPFAIL, "the list is too long");
	} else if (changed) {
		fg_client_answer_stored(c, out.data, out.len);
	} else {
		fg_client_write(c, out.data, out.len);
		fg_client_end(c);
	}
	fg_buf_fini(&out);
}

/* ---- add ---- */

struct addition {
	struct fg_calibration_given given;
	struct fg_calibration record;
	struct fg_calibration_faults faults;
};

/* How many numbers there are; negative and a fault where it is none, or they are too many. */
static int take_numbers(
	struct addition *a, const char *key, char *text, double *v, int least, int most)
{
	char *word;
	int n = 0;

	while ((word = strsep(&text, ","))) {
		if (n == most || fg_number_parse(word, &v[n]) < 0) {
			n = n == most ? n + 1 : -1;
			break;
		}
		n++;
	}
	if (n >= least && n <= most)
		return n;
	if (n < 0)
		fg_calibration_fault(&a->faults, key, false, "'%.40s' is not a number", word);
	else if (least == most)
		fg_calibration_fault(&a->faults, key, false, "takes %d numbers", most);
	else
		fg_calibration_fault(
			&a->faults, key, false, "takes %d to %d numbers: c0, c1, …", least, most);
	return -1;
}

static void take_time(struct addition *a, const char *key, const char *value, int64_t *ret)
{
	if (fg_rfc3339_parse(value, ret) < 0 || *ret <= 0)
		fg_calibration_fault(&a->faults, key, false, FG_CALIBRATION_TIME_FORM);
}

static void take_text(
	struct addition *a, const char *key, const char *value, size_t most, const char **ret)
{
	if (strlen(value) > most)
		fg_calibration_fault(
			&a->faults, key, false, "is too long; %zu bytes at most", most);
	else if (*value)
		*ret = value;
}

static void take_key(struct addition *a, const char *key, char *value)
{
	struct fg_calibration_given *g = &a->given;

	if (strcmp(key, "date") == 0) {
		take_time(a, "date", value, &a->record.at_ms);
	} else if (strcmp(key, "next") == 0) {
		take_time(a, "next", value, &a->record.next_ms);
	} else if (strcmp(key, "by") == 0) {
		take_text(a, "by", value, BY_MAX, &a->record.by);
	} else if (strcmp(key, "note") == 0) {
		take_text(a, "note", value, NOTE_MAX, &a->record.note);
	} else if (strcmp(key, "raw") == 0) {
		g->has_raw = true;
		take_numbers(a, "raw", value, g->raw, 2, 2);
	} else if (strcmp(key, "reference") == 0) {
		g->has_reference = true;
		take_numbers(a, "reference", value, g->reference, 2, 2);
	} else if (strcmp(key, "polynomial") == 0) {
		g->has_polynomial = true;
		g->terms = take_numbers(
			a, "polynomial", value, g->polynomial, 2, FG_CALIBRATION_TERMS);
	} else {
		fg_calibration_fault(&a->faults, NULL, false, "no key '%.40s'", key);
	}
}

static void refuse(struct fg_client *c, const struct addition *a, int r)
{
	const struct fg_calibration_fault *f = a->faults.items;

	if (r == FG_EFULL) {
		fg_client_error(c, EX_TEMPFAIL, "%d records were added already; put them into the "
			"configuration and remove them here", FG_CALIBRATIONS_ADDED_MAX);
	} else if (r == FG_EINVAL) {
		fg_client_error(c, EX_TEMPFAIL, "the store has no room for more notes");
	} else if (r != FG_ECONFIG) {
		fg_client_error(c, EX_TEMPFAIL, "%s", fg_strerror(r));
	} else {
		while (f->warning)
			f++;
		fg_client_error(c, EX_USAGE, "calibration%s%s: %s", f->key ? "." : "",
			f->key ? f->key : "", f->text);
	}
}

static void add(struct fg_client *c, const struct fg_point *p, char *const words[])
{
	struct addition a = {.given.terms = 0};
	int r = FG_OK;

	for (; *words; words++) {
		char *value = *words, *key = strsep(&value, "=");

		take_key(&a, key, value ? value : *words + strlen(*words));
	}
	if (a.faults.count)
		r = FG_ECONFIG;
	else
		r = fg_core_calibration_add(c->daemon->core, fg_clock_now(), p, &a.given,
			&a.record, &a.faults);
	if (r < 0)
		refuse(c, &a, r);
	else
		answer(c, p, true, &a.faults);
}

static void take_back(struct fg_client *c, const struct fg_point *p, const char *date)
{
	int64_t at_ms;

	if (!date || fg_rfc3339_parse(date, &at_ms) < 0) {
		fg_client_error(c, EX_USAGE, "calibration.date: " FG_CALIBRATION_TIME_FORM);
		return;
	}
	if (fg_core_calibration_remove(c->daemon->core, fg_clock_now(), p, at_ms) < 0)
		fg_client_error(c, EX_USAGE, "no calibration of %.40s was added to point '%.63s'; "
			"those of the configuration are removed there", date, p->name);
	else
		answer(c, p, true, NULL);
}

static const struct fg_point *find(
	const struct fg_config *config, const char *device, const char *point)
{
	for (size_t i = 0; i < config->point_count; i++)
		if (strcmp(config->points[i]->device->name, device) == 0 &&
			strcmp(config->points[i]->name, point) == 0)
			return config->points[i];
	return NULL;
}

void fg_control_calibration(struct fg_client *c, char *const words[])
{
	const struct fg_point *p = find(c->daemon->config, words[0], words[1]);
	const char *what = words[2];

	if (!p)
		fg_client_error(c, EX_USAGE, "no device '%.63s' with a point '%.63s'", words[0],
			words[1]);
	else if (!what)
		answer(c, p, false, NULL);
	else if (strcmp(what, "add") == 0)
		add(c, p, words + 3);
	else if (strcmp(what, "remove") == 0)
		take_back(c, p, words[3]);
	else
		fg_client_error(c, EX_USAGE, "calibration takes add or remove");
}
