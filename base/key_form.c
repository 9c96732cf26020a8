/* SPDX-License-Identifier: EUPL-1.2 */
/* What a key takes, in words: for messages and for the reference page. */
#include <string.h>

#include "base/cleanup.h"
#include "base/key.h"
#include "base/timefmt.h"

static void put_number(struct fg_buf *out, const struct fg_key *key, int64_t v)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	char text[32];
	size_t i = 0;

	if (key->type == FG_KEY_DURATION) {
		fg_buf_puts(out, fg_duration_text(v, text, sizeof(text)));
		return;
	}
	if (key->type == FG_KEY_SIZE)
		for (; i + 1 < FG_COUNT(units) && v && v % 1024 == 0; i++)
			v /= 1024;
	fg_buf_printf(out, "%lld%s", (long long)v, units[i]);
}

void fg_key_range(const struct fg_key *key, struct fg_buf *out)
{
	bool real = key->type == FG_KEY_NUMBER || key->type == FG_KEY_RATE;

	if (real && key->fmin < key->fmax) {
		const char *per = key->type == FG_KEY_RATE ? "/s" : "";

		fg_buf_printf(out, "%.10g%s to %.10g%s", key->fmin, per, key->fmax, per);
	} else if (!real && key->min < key->max) {
		put_number(out, key, key->min);
		fg_buf_puts(out, " to ");
		put_number(out, key, key->max);
	}
}

void fg_key_choices(const struct fg_key *key, struct fg_buf *out)
{
	bool any = false;

	for (const struct fg_choice *c = key->choices; c && c->name; c++) {
		if (c->unsupported)
			continue;
		fg_buf_printf(out, "%s%s", any ? ", " : "", c->name);
		any = true;
	}
}

void fg_key_form(const struct fg_key *key, struct fg_buf *out)
{
	static const char *const names[] = {
		[FG_KEY_BOOL] = "true or false",
		[FG_KEY_INT] = "a whole number",
		[FG_KEY_NUMBER] = "a number",
		[FG_KEY_DURATION] = "a duration such as 500ms, 10s, 5m, 1h or 90d",
		[FG_KEY_SIZE] = "a size such as 64KiB, 512MiB or 2GiB",
		[FG_KEY_RATE] = "a rate such as 500/s, 30/min or 2/h",
		[FG_KEY_TEXT] = "a text",
		[FG_KEY_NAME] = "a name of a-z, 0-9, - and _",
		[FG_KEY_PATH] = "a path",
		[FG_KEY_CHOICE] = "one of ",
		[FG_KEY_CHOICES] = "one or a list of ",
		[FG_KEY_NAMES] = "a list of names",
		[FG_KEY_TEXTS] = "a list of texts",
		[FG_KEY_PAIR] = "[low, high]",
		[FG_KEY_STRUCT] = "a mapping",
		[FG_KEY_MAP] = "a mapping of names",
		[FG_KEY_LIST] = "a mapping, or a list of such",
		[FG_KEY_CUSTOM] = "",
	};

	if (key->form) {
		fg_buf_puts(out, key->form);
		return;
	}
	fg_buf_puts(out, names[key->type]);
	fg_key_choices(key, out);
	switch (key->type) {
	case FG_KEY_INT:
	case FG_KEY_NUMBER:
	case FG_KEY_DURATION:
	case FG_KEY_SIZE:
	case FG_KEY_RATE:
		if (key->min < key->max || key->fmin < key->fmax) {
			fg_buf_puts(out, " from ");
			fg_key_range(key, out);
		}
		break;
	default:
		break;
	}
}

void fg_put_suggestion(
	struct fg_buf *out, const char *word, const char *const *names, size_t n, const char *label)
{
	const char *near = fg_suggest(word, names, n);

	if (near) {
		fg_buf_printf(out, "; did you mean '%s'?", near);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (out->cap - out->len < strlen(names[i]) + 8) {
			fg_buf_puts(out, ", …");
			return;
		}
		fg_buf_printf(
			out, "%s%s%s%s", i ? ", " : "; ", i ? "" : label, i ? "" : " ", names[i]);
	}
}
