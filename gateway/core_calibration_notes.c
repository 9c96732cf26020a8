/* SPDX-License-Identifier: EUPL-1.2 */
/* Calibration records that were added to the running gateway, and which dues were told: notes by
 * point, kept over restarts, for points that are configured and those that are not now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "base/varint.h"
#include "gateway/core_state.h"
#include "quality/calibration.h"
#include "quality/calibration_check.h"

#define KIND	     "calibration"
#define NOTE_VERSION 1
#define NOTE_MAX     (60u << 10)
#define KEY_MAX	     200
/* After the store took nothing. */
#define RETRY_US 1000000

static void key_of(const struct fg_point *p, char ret[KEY_MAX])
{
	snprintf(ret, KEY_MAX, "%s/%s", p->device->name, p->name);
}

static struct fg_calibrations *find(struct fg_core *core, const char *key)
{
	struct fg_calibrations *k = core->calibrations;

	while (k && strcmp(k->key, key) != 0)
		k = k->next;
	return k;
}

static struct fg_calibrations *find_or_make(struct fg_core *core, const char *key)
{
	struct fg_calibrations *k = find(core, key);
	size_t len = strlen(key) + 1;

	if (k)
		return k;
	k = calloc(1, sizeof(*k) + len);
	if (!k)
		return NULL;
	memcpy(k->key, key, len);
	k->next = core->calibrations;
	core->calibrations = k;
	return k;
}

static void drop_record(struct fg_calibrations *k, size_t i)
{
	free((char *)k->records[i].by);
	free((char *)k->records[i].note);
	k->count--;
	memmove(&k->records[i], &k->records[i + 1], (k->count - i) * sizeof(*k->records));
}

void fg_calibrations_free(struct fg_core *core)
{
	while (core->calibrations) {
		struct fg_calibrations *k = core->calibrations;

		core->calibrations = k->next;
		while (k->count)
			drop_record(k, k->count - 1);
		free(k->records);
		free(k);
	}
}

static bool copy_text(const char *text, const char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

/* Puts a copy in its place by date. */
static int insert(struct fg_calibrations *k, const struct fg_calibration *record)
{
	struct fg_calibration *records =
		realloc(k->records, (k->count + 1) * sizeof(*k->records));
	struct fg_calibration c = *record;
	size_t at = k->count;

	if (!records)
		return FG_ENOMEM;
	k->records = records;
	if (!copy_text(record->by, &c.by))
		return FG_ENOMEM;
	if (!copy_text(record->note, &c.note)) {
		free((char *)c.by);
		return FG_ENOMEM;
	}
	for (; at > 0 && records[at - 1].at_ms > c.at_ms; at--)
		records[at] = records[at - 1];
	records[at] = c;
	k->count++;
	return FG_OK;
}

/* ---- which are of which point ---- */

static bool has_date(const struct fg_calibration *records, size_t count, int64_t at_ms)
{
	const struct fg_calibration *c = fg_calibration_at(records, count, at_ms);

	return c && c->at_ms == at_ms;
}

static void warn_of_doubles(const struct fg_point *p, const struct fg_calibrations *k)
{
	char date[FG_RFC3339_SIZE];

	for (size_t i = 0; i < k->count; i++) {
		if (!has_date(p->calibrations, p->calibration_count, k->records[i].at_ms))
			continue;
		fg_rfc3339(k->records[i].at_ms, date);
		fg_warning("device '%s', point '%s': the calibration of %s that was added is in "
			"the configuration too, which holds", p->device->name, p->name, date);
	}
}

void fg_calibrations_link(struct fg_core *core)
{
	char key[KEY_MAX];

	core->calibration_due_mono_us = 0;
	for (size_t i = 0; i < core->config->point_count; i++) {
		struct fg_point_events *events = &core->points[i].events;

		events->calibrations = NULL;
		if (!core->calibrations)
			continue;
		key_of(core->config->points[i], key);
		events->calibrations = find(core, key);
		if (events->calibrations)
			warn_of_doubles(core->config->points[i], events->calibrations);
	}
}

static struct fg_calibrations *of_point(struct fg_core *core, const struct fg_point *p)
{
	struct fg_point_events *events = &core->points[p->index].events;
	char key[KEY_MAX];

	if (!events->calibrations) {
		key_of(p, key);
		events->calibrations = find_or_make(core, key);
	}
	return events->calibrations;
}

/* ---- notes ---- */

static void put_double(struct fg_buf *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	fg_put_varint(out, bits);
}

static double get_double(struct fg_bytes *in)
{
	uint64_t bits = fg_get_varint(in);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* With its NUL; empty: none. */
static void put_text(struct fg_buf *out, const char *text)
{
	size_t len = text ? strlen(text) + 1 : 0;

	fg_put_varint(out, len);
	fg_buf_put(out, text ? text : "", len);
}

static const char *get_text(struct fg_bytes *in)
{
	size_t len = (size_t)fg_get_varint(in);
	const char *text = len ? fg_get_bytes(in, len) : NULL;

	in->bad |= text && text[len - 1] != '\0';
	return in->bad ? NULL : text;
}

static void put_record(struct fg_buf *out, const struct fg_calibration *c)
{
	fg_put_svarint(out, c->at_ms);
	fg_put_svarint(out, c->next_ms);
	put_text(out, c->by);
	put_text(out, c->note);
	fg_put_varint(out, (uint64_t)c->terms);
	for (int i = 0; i < c->terms; i++)
		put_double(out, c->c[i]);
	fg_put_varint(out, c->by_points);
	for (int i = 0; c->by_points && i < 2; i++) {
		put_double(out, c->raw[i]);
		put_double(out, c->reference[i]);
	}
}

/* Texts are lent from the note. */
static bool get_record(struct fg_bytes *in, struct fg_calibration *ret)
{
	uint64_t terms;

	*ret = (struct fg_calibration){.at_ms = fg_get_svarint(in)};
	ret->next_ms = fg_get_svarint(in);
	ret->by = get_text(in);
	ret->note = get_text(in);
	terms = fg_get_varint(in);
	if (in->bad || terms < 2 || terms > FG_CALIBRATION_TERMS)
		return false;
	ret->terms = (int)terms;
	for (int i = 0; i < ret->terms; i++)
		ret->c[i] = get_double(in);
	ret->by_points = fg_get_varint(in) != 0;
	for (int i = 0; ret->by_points && i < 2; i++) {
		ret->raw[i] = get_double(in);
		ret->reference[i] = get_double(in);
	}
	return !in->bad;
}

static int save(struct fg_core *core, struct fg_calibrations *k)
{
	struct fg_buf out;
	int r;

	fg_buf_init(&out, NOTE_MAX);
	fg_put_varint(&out, NOTE_VERSION);
	fg_put_svarint(&out, k->told_due_ms);
	fg_put_varint(&out, k->count);
	for (size_t i = 0; i < k->count; i++)
		put_record(&out, &k->records[i]);
	r = out.overflow ? FG_EINVAL :
	    fg_core_set_state(core, KIND, k->key, out.data,
		    k->count || k->told_due_ms ? out.len : 0);
	fg_buf_fini(&out);
	k->due = r < 0 && r != FG_EINVAL;
	if (k->due)
		core->notes_due_mono_us =
			FG_MIN(core->notes_due_mono_us, core->now.mono_us + RETRY_US);
	return r;
}

void fg_calibrations_save(struct fg_core *core)
{
	for (struct fg_calibrations *k = core->calibrations; k; k = k->next)
		if (k->due)
			save(core, k);
}

int fg_calibrations_take_note(struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_bytes in = {bytes, (const unsigned char *)bytes + len, false};
	struct fg_calibrations *k;
	struct fg_calibration c;
	uint64_t count;
	int r = FG_OK;

	if (fg_get_varint(&in) != NOTE_VERSION || strlen(key) >= KEY_MAX)
		return FG_OK;
	k = find_or_make(core, key);
	if (!k)
		return FG_ENOMEM;
	k->told_due_ms = fg_get_svarint(&in);
	count = fg_get_varint(&in);
	for (; count > 0 && r == FG_OK && k->count < FG_CALIBRATIONS_ADDED_MAX; count--) {
		if (!get_record(&in, &c))
			break;
		r = insert(k, &c);
	}
	for (size_t i = 0; i < core->config->point_count; i++) {
		char name[KEY_MAX];

		key_of(core->config->points[i], name);
		if (strcmp(name, key) != 0)
			continue;
		core->points[i].events.calibrations = k;
		warn_of_doubles(core->config->points[i], k);
	}
	return r;
}

void fg_calibrations_told(struct fg_core *core, const struct fg_point *p, int64_t due_ms)
{
	struct fg_calibrations *k = of_point(core, p);

	if (!k)
		return;
	k->told_due_ms = due_ms;
	save(core, k);
}

/* ---- commands ---- */

/* What was changed by hand is not to be lost with the next interval of commits. */
static void changed(struct fg_core *core)
{
	core->calibration_due_mono_us = 0;
	if (core->ports.hurry)
		core->ports.hurry(core->ports.arg);
}

static bool take_out(struct fg_calibrations *k, int64_t at_ms)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->records[i].at_ms == at_ms) {
			drop_record(k, i);
			return true;
		}
	return false;
}

static void check_date(const struct fg_point *p, const struct fg_calibrations *k, int64_t at_ms,
	struct fg_calibration_faults *faults)
{
	const char *where = NULL;

	if (has_date(p->calibrations, p->calibration_count, at_ms))
		where = "in the configuration";
	else if (has_date(k->records, k->count, at_ms))
		where = "among those that were added";
	if (where)
		fg_calibration_fault(
			faults, "date", false, "there is a record of this time %s", where);
}

int fg_core_calibration_add(struct fg_core *core, struct fg_now now, const struct fg_point *p,
	const struct fg_calibration_given *given, struct fg_calibration *record,
	struct fg_calibration_faults *faults)
{
	struct fg_calibrations *k = of_point(core, p);
	int r;

	core->now = now = fg_core_now(core, now);
	if (!k)
		return FG_ENOMEM;
	if (!record->at_ms && !fg_core_timed(core))
		fg_calibration_fault(faults, "date", false,
			"the gateway does not know the time yet; say when it was done");
	if (!record->at_ms)
		record->at_ms = now.wall_us / 1000;
	check_date(p, k, record->at_ms, faults);
	if (fg_calibration_take(given, record, faults))
		fg_calibration_check(fg_calibration_of(core, p, record->at_ms), record,
			now.wall_us / 1000, faults);
	if (fg_calibration_faulty(faults))
		return FG_ECONFIG;
	if (k->count >= FG_CALIBRATIONS_ADDED_MAX)
		return FG_EFULL;
	r = insert(k, record);
	if (r < 0)
		return r;
	if (save(core, k) == FG_EINVAL) { /* no room for it in the store, now or later */
		take_out(k, record->at_ms);
		return FG_EINVAL;
	}
	changed(core);
	fg_notice("device '%s', point '%s': calibration added%s%s", p->device->name, p->name,
		record->by ? " by " : "", record->by ? record->by : "");
	return FG_OK;
}

int fg_core_calibration_remove(
	struct fg_core *core, struct fg_now now, const struct fg_point *p, int64_t at_ms)
{
	struct fg_calibrations *k = core->points[p->index].events.calibrations;
	char date[FG_RFC3339_SIZE];

	core->now = fg_core_now(core, now);
	if (!k || !take_out(k, at_ms))
		return FG_ENOENT;
	save(core, k);
	changed(core);
	fg_rfc3339(at_ms, date);
	fg_notice("device '%s', point '%s': calibration of %s removed", p->device->name, p->name,
		date);
	return FG_OK;
}
