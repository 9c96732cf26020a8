/* SPDX-License-Identifier: EUPL-1.2 */
/* `notice`: service notices are added, listed and cleared. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/node.h"
#include "base/number.h"
#include "base/status.h"
#include "gateway/control.h"

#define LIST_MAX (256u << 10)

static void answer(struct fg_client *c, const char *key, int64_t value)
{
	char mem[128];
	struct fg_buf out;
	struct fg_json j;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_int(&j, key, value);
	fg_json_end_object(&j);
	fg_buf_putc(&out, '\n');
	fg_client_answer_stored(c, out.data, out.len);
}

static void list(struct fg_client *c)
{
	struct fg_buf out;

	fg_buf_init(&out, LIST_MAX);
	fg_core_notices(c->daemon->core, &out);
	fg_buf_putc(&out, '\n');
	if (out.overflow) {
		fg_client_error(c, EX_TEMPFAIL, "the list is too long");
	} else {
		fg_client_write(c, out.data, out.len);
		fg_client_end(c);
	}
	fg_buf_fini(&out);
}

/* ---- what is affected ---- */

static bool has_device(const struct fg_config *config, const char *name)
{
	for (size_t i = 0; i < config->device_count; i++)
		if (strcmp(config->devices[i]->name, name) == 0)
			return true;
	return false;
}

static bool has_station(const struct fg_config *config, const char *name)
{
	for (size_t i = 0; i < config->station_count; i++)
		if (strcmp(config->stations[i].name, name) == 0)
			return true;
	return false;
}

static bool has_point(const struct fg_config *config, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : 0;

	for (size_t i = 0; slash && i < config->point_count; i++) {
		const struct fg_point *p = config->points[i];
		const char *station = p->device->station->name;

		if (strlen(station) == len && memcmp(station, name, len) == 0 &&
			strcmp(p->name, slash + 1) == 0)
			return true;
	}
	return false;
}

/* One word, "device:NAME"; false after an answer that says what is wrong. */
static bool check_word(struct fg_client *c, const char *word)
{
	static const struct {
		const char *kind;
		bool (*has)(const struct fg_config *config, const char *name);
	} kinds[] = {{"device:", has_device}, {"station:", has_station}, {"point:", has_point}};

	for (size_t i = 0; i < FG_COUNT(kinds); i++) {
		size_t len = strlen(kinds[i].kind);

		if (strncmp(word, kinds[i].kind, len) != 0)
			continue;
		if (kinds[i].has(c->daemon->config, word + len))
			return true;
		fg_client_error(c, EX_USAGE, "no %.*s '%.127s'%s", (int)len - 1, word, word + len,
			i == 2 ? "; a point is named STATION/POINT" : "");
		return false;
	}
	fg_client_error(c, EX_USAGE, "'%.127s' is no device, station or point", word);
	return false;
}

static bool take_affected(struct fg_client *c, const char *text, struct fg_notice_given *ret)
{
	char words[FG_NOTICE_AFFECTED], *rest = words, *word;

	if (strlen(text) >= sizeof(words)) {
		fg_client_error(c, EX_USAGE, "too many devices, stations and points; name their "
			"stations, or write two notices");
		return false;
	}
	snprintf(words, sizeof(words), "%s", text);
	while ((word = strsep(&rest, " ")))
		if (*word && !check_word(c, word))
			return false;
	snprintf(ret->affected, sizeof(ret->affected), "%s", text);
	return true;
}

/* ---- add ---- */

static bool is_text(const char *text)
{
	size_t len = strlen(text), n;

	for (size_t at = 0; at < len; at += n) {
		n = fg_utf8_char((const unsigned char *)text + at, len - at);
		if (n == 0 || (unsigned char)text[at] < ' ' || text[at] == 0x7F)
			return false;
	}
	return true;
}

static bool take_texts(struct fg_client *c, char *const words[], struct fg_notice_given *ret)
{
	for (int i = 0; i < FG_NOTICE_LANGUAGES; i++) {
		if (strlen(words[i]) >= FG_NOTICE_TEXT || !is_text(words[i])) {
			fg_client_error(c, EX_USAGE,
				"a text is one line of at most %d bytes, in UTF-8",
				FG_NOTICE_TEXT - 1);
			return false;
		}
		snprintf(ret->text[i], sizeof(ret->text[i]), "%s", words[i]);
	}
	return true;
}

static bool take_kind(struct fg_client *c, const char *word, struct fg_notice_given *ret)
{
	static const char *const kinds[] = {"fault", "repair", "planned"};
	char mem[128];
	struct fg_buf hint;

	for (size_t i = 0; i < FG_COUNT(kinds); i++)
		if (strcmp(word, kinds[i]) == 0) {
			ret->kind = (enum fg_notice_kind)i;
			return true;
		}
	fg_buf_wrap(&hint, mem, sizeof(mem));
	fg_put_suggestion(&hint, word, kinds, FG_COUNT(kinds), "a notice is one of");
	fg_client_error(c, EX_USAGE, "unknown kind of notice '%.60s'%s", word, mem);
	return false;
}

static void add(struct fg_client *c, char *const words[])
{
	struct fg_notice_given given = {.from_ms = 0};
	uint32_t id;
	int r;

	for (int i = 0; i < 7; i++)
		if (!words[i]) {
			fg_client_error(c, EX_USAGE, "a notice has a kind, two times, what is "
				"affected and three texts");
			return;
		}
	if (!take_kind(c, words[0], &given))
		return;
	if (!fg_control_begin(words[1], &given.from_ms) ||
		!fg_control_end(words[2], &given.to_ms, &given.for_ms)) {
		fg_client_error(c, EX_USAGE, "from and to are times in milliseconds");
		return;
	}
	if (!take_affected(c, words[3], &given) || !take_texts(c, words + 4, &given))
		return;
	r = fg_core_notice_add(c->daemon->core, fg_clock_now(), &given, &id);
	if (r == FG_EINVAL)
		fg_client_error(c, EX_USAGE, "the notice ends before it begins, or is over");
	else if (r == FG_EFULL)
		fg_client_error(c, EX_TEMPFAIL, "there are %d notices already; clear some first",
			FG_NOTICES_MAX);
	else if (r < 0)
		fg_client_error(c, EX_TEMPFAIL, "%s", fg_strerror(r));
	else
		answer(c, "id", id);
}

/* ---- clear ---- */

/* "n17", or as consumers see it, "gateway:n17". */
static bool take_id(const char *text, uint32_t *ret)
{
	const char *colon = strrchr(text, ':');
	int64_t v;

	if (colon)
		text = colon + 1;
	if (text[0] == 'n')
		text++;
	if (fg_integer_parse(text, &v) < 0 || v < 1 || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static void clear(struct fg_client *c, const char *what)
{
	uint32_t id = 0;
	int r;

	if (strcmp(what, "all") != 0 && !take_id(what, &id)) {
		fg_client_error(c, EX_USAGE, "'%.60s' is no notice; `notice list` shows them",
			what);
		return;
	}
	r = fg_core_notice_clear(c->daemon->core, fg_clock_now(), id);
	if (r == FG_ENOENT)
		fg_client_error(c, EX_USAGE, "no notice n%" PRIu32 "; `notice list` shows them",
			id);
	else if (r == FG_EREFUSED)
		fg_client_error(c, EX_USAGE, "notice n%" PRIu32 " comes from a rule of the "
			"configuration and ends by itself", id);
	else
		answer(c, "cleared", r);
}

void fg_control_notice(struct fg_client *c, char *const words[])
{
	if (strcmp(words[0], "add") == 0)
		add(c, words + 1);
	else if (strcmp(words[0], "list") == 0)
		list(c);
	else if (strcmp(words[0], "clear") == 0 && words[1])
		clear(c, words[1]);
	else
		fg_client_error(c, EX_USAGE, "notices are added, listed or cleared");
}
