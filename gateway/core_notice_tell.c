/* SPDX-License-Identifier: EUPL-1.2 */
/* How service notices are told: texts in three languages, the retained topic, the status. */
#include <string.h>

#include "gateway/core_state.h"
#include "gateway/notice_names.h"
#include "protocol/encode.h"

/* Titles longer than this together end with an ellipsis. */
#define WHAT_MAX 200

/* A text around what it speaks of. */
struct wording {
	const char *before, *after;
};

static const struct wording by_kind[FG_NOTICE_KINDS][FG_NOTICE_LANGUAGES] = {
	[FG_NOTICE_FAULT] = {
		[FG_LANG_NB] = {"Feil: ", ". Målinger kan mangle eller være feil."},
		[FG_LANG_NN] = {"Feil: ", ". Målingar kan mangle eller vere feil."},
		[FG_LANG_EN] = {"Fault: ", ". Readings may be missing or wrong."},
	},
	[FG_NOTICE_REPAIR] = {
		[FG_LANG_NB] = {"Reparasjon pågår: ", ". Målinger kan mangle eller være feil."},
		[FG_LANG_NN] = {"Reparasjon pågår: ", ". Målingar kan mangle eller vere feil."},
		[FG_LANG_EN] = {"Under repair: ", ". Readings may be missing or wrong."},
	},
	[FG_NOTICE_PLANNED] = {
		[FG_LANG_NB] = {"Planlagt driftsstans: ", ". Målinger vil mangle."},
		[FG_LANG_NN] = {"Planlagd driftsstans: ", ". Målingar vil mangle."},
		[FG_LANG_EN] = {"Planned downtime: ", ". Readings will be missing."},
	},
};

/* What rules see. NULL: as by its kind. */
static const struct wording by_cause[FG_NOTICE_CAUSES][FG_NOTICE_LANGUAGES] = {
	[FG_NOTICE_FAILING] = {
		[FG_LANG_NB] = {"Ingen målinger fra ", ": den svarer ikke, eller svarer feil."},
		[FG_LANG_NN] = {"Ingen målingar frå ", ": han svarar ikkje, eller svarar feil."},
		[FG_LANG_EN] = {"No readings from ", ": it does not answer, or answers wrongly."},
	},
	[FG_NOTICE_MAINTENANCE] = {
		[FG_LANG_NB] = {"Arbeid på ", ". Målinger merkes så lenge det pågår."},
		[FG_LANG_NN] = {"Arbeid på ", ". Målingar blir merkte så lenge det går føre seg."},
		[FG_LANG_EN] = {"Work on ", ". Readings are marked while it goes on."},
	},
	[FG_NOTICE_CALIBRATION] = {
		[FG_LANG_NB] = {"Kalibreringen er forfalt: ", ". Målinger kan være unøyaktige."},
		[FG_LANG_NN] = {"Kalibreringa er forfallen: ", ". Målingar kan vere unøyaktige."},
		[FG_LANG_EN] = {"Calibration is overdue: ", ". Readings may be inaccurate."},
	},
};

static const char *const reason_words[FG_NOTICE_LANGUAGES] = {
	[FG_LANG_NB] = " Grunn: ", [FG_LANG_NN] = " Grunn: ", [FG_LANG_EN] = " Reason: "};

/* ---- texts ---- */

static const struct fg_device *device_named(
	const struct fg_config *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->device_count; i++)
		if (strlen(c->devices[i]->name) == len &&
			memcmp(c->devices[i]->name, name, len) == 0)
			return c->devices[i];
	return NULL;
}

static const struct fg_station *station_named(
	const struct fg_config *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->station_count; i++)
		if (strlen(c->stations[i].name) == len &&
			memcmp(c->stations[i].name, name, len) == 0)
			return &c->stations[i];
	return NULL;
}

static const struct fg_point *point_named(
	const struct fg_config *c, const struct fg_station *s, const char *name, size_t len)
{
	for (size_t i = 0; i < c->point_count; i++)
		if (c->points[i]->device->station == s && strlen(c->points[i]->name) == len &&
			memcmp(c->points[i]->name, name, len) == 0)
			return c->points[i];
	return NULL;
}

/* "Water temperature, Bragernes beach", with names where there are no titles. */
static void put_point(struct fg_buf *out, const struct fg_config *c, const char *name, size_t len)
{
	const char *slash = memchr(name, '/', len);
	size_t station_len = slash ? (size_t)(slash - name) : len;
	const struct fg_station *s = station_named(c, name, station_len);
	const struct fg_point *p = s && slash ?
		point_named(c, s, slash + 1, len - station_len - 1) : NULL;

	if (!p) {
		fg_buf_put(out, name, len);
		return;
	}
	fg_buf_puts(out, p->title ? p->title : p->name);
	fg_buf_puts(out, ", ");
	fg_buf_puts(out, s->title);
}

static void put_thing(struct fg_buf *out, const struct fg_config *c, const char *word, size_t len)
{
	const char *colon = memchr(word, ':', len);
	size_t kind = colon ? (size_t)(colon - word) : 0, rest = colon ? len - kind - 1 : 0;
	const struct fg_device *d;
	const struct fg_station *s;

	if (kind == 5) { /* point */
		put_point(out, c, colon + 1, rest);
		return;
	}
	d = kind == 6 ? device_named(c, colon + 1, rest) : NULL;
	s = kind == 7 ? station_named(c, colon + 1, rest) : NULL;
	if (d)
		fg_buf_puts(out, d->title);
	else if (s)
		fg_buf_puts(out, s->title);
	else
		fg_buf_put(out, word, len);
}

void fg_notice_put_affected(
	struct fg_buf *out, const struct fg_config *c, const char *affected)
{
	const char *word = affected;
	size_t start = out->len;

	if (!*word)
		fg_buf_puts(out, c->gateway.title);
	while (*word) {
		size_t len = strcspn(word, " ");

		if (word != affected)
			fg_buf_puts(out, "; ");
		if (out->len - start > WHAT_MAX) {
			fg_buf_puts(out, "…");
			return;
		}
		put_thing(out, c, word, len);
		word += len + (word[len] == ' ');
	}
}

void fg_notice_take_text(char ret[FG_NOTICE_TEXT], const struct fg_buf *text)
{
	size_t at = 0, n;

	while (at < text->len && (n = fg_utf8_char((const unsigned char *)text->data + at,
					 text->len - at)) > 0 && at + n < FG_NOTICE_TEXT)
		at += n;
	memcpy(ret, text->data, at);
	ret[at] = '\0';
}

void fg_notice_write_texts(const struct fg_config *config, enum fg_notice_cause cause,
	const char *why, struct fg_notice_given *notice)
{
	for (int l = 0; l < FG_NOTICE_LANGUAGES; l++) {
		const struct wording *w = by_cause[cause][l].before ? &by_cause[cause][l] :
							      &by_kind[notice->kind][l];
		char mem[2048];
		struct fg_buf out;

		if (notice->text[l][0])
			continue;
		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_buf_puts(&out, w->before);
		fg_notice_put_affected(&out, config, notice->affected);
		fg_buf_puts(&out, w->after);
		if (why && *why) {
			fg_buf_puts(&out, reason_words[l]);
			fg_buf_puts(&out, why);
			fg_buf_putc(&out, '.');
		}
		fg_notice_take_text(notice->text[l], &out);
	}
}

/* ---- JSON ---- */

static void put_names(struct fg_json *j, const char *key, const char *kind, const char *affected)
{
	size_t kind_len = strlen(kind);
	bool any = false;

	for (const char *word = affected; *word;) {
		size_t len = strcspn(word, " ");
		char name[FG_NOTICE_AFFECTED];

		if (len > kind_len && memcmp(word, kind, kind_len) == 0) {
			if (!any)
				fg_json_array(j, key);
			any = true;
			memcpy(name, word + kind_len, len - kind_len);
			name[len - kind_len] = '\0';
			fg_json_text(j, NULL, name);
		}
		word += len + (word[len] == ' ');
	}
	if (any)
		fg_json_end_array(j);
}

static void put_notice(struct fg_json *j, const char *gateway, const struct fg_service_notice *n)
{
	char mem[96];
	struct fg_buf id;

	fg_buf_wrap(&id, mem, sizeof(mem));
	fg_encode_notice_id(&id, gateway, n->id);
	fg_json_object(j, NULL);
	fg_json_text(j, "id", id.data);
	fg_json_text(j, "kind", fg_notice_kind_name(n->is.kind));
	fg_json_text(j, "cause", fg_notice_cause_name(n->cause));
	fg_json_time(j, "created", n->created_ms);
	fg_json_time(j, "from", n->is.from_ms);
	if (n->is.to_ms)
		fg_json_time(j, "to", n->is.to_ms);
	fg_json_object(j, "affected");
	put_names(j, "stations", "station:", n->is.affected);
	put_names(j, "devices", "device:", n->is.affected);
	put_names(j, "points", "point:", n->is.affected);
	put_names(j, "destinations", "destination:", n->is.affected);
	fg_json_end_object(j);
	fg_json_object(j, "text");
	fg_json_text(j, "nb", n->is.text[FG_LANG_NB]);
	fg_json_text(j, "nn", n->is.text[FG_LANG_NN]);
	fg_json_text(j, "en", n->is.text[FG_LANG_EN]);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

static void put_list(struct fg_json *j, const struct fg_core *core)
{
	fg_json_array(j, "notices");
	for (const struct fg_service_notice *n = core->notices.list; n; n = n->next)
		if (!n->ended_ms)
			put_notice(j, core->config->gateway.id, n);
	fg_json_end_array(j);
}

static bool topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t i)
{
	(void)i;
	return fg_topic_gateway(out, dest->prefix, config->gateway.id, "notices");
}

static bool write_document(struct fg_buf *out, const struct fg_core *core,
	const struct fg_destination *dest, size_t i)
{
	struct fg_json j;

	(void)dest;
	(void)i;
	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "gateway", core->config->gateway.id);
	put_list(&j, core);
	fg_json_end_object(&j);
	return true;
}

const struct fg_document_kind fg_document_notices = {
	.topic = topic, .write = write_document, .when_changed = true};

void fg_notices_status(const struct fg_core *core, struct fg_json *j)
{
	put_list(j, core);
	if (core->notices.not_told)
		fg_json_uint(j, "notices_not_told", core->notices.not_told);
}

void fg_core_notices(const struct fg_core *core, struct fg_buf *out)
{
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	put_list(&j, core);
	fg_json_end_object(&j);
}
