/* SPDX-License-Identifier: EUPL-1.2 */
/* The reference page, from the tables of keys. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/key.h"
#include "gateway/config/keys.h"

/* In a table's cell a bar would end it. */
static void put_cell(struct fg_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			fg_buf_putc(out, '\\');
		fg_buf_putc(out, *text);
	}
}

static void put_form(struct fg_buf *out, const struct fg_key *key)
{
	char mem[400];
	struct fg_buf form;

	fg_buf_wrap(&form, mem, sizeof(mem));
	fg_key_form(key, &form);
	put_cell(out, mem);
	if (key->unit)
		fg_buf_printf(out, " (%s)", key->unit);
}

static void put_row(struct fg_buf *out, const char *prefix, const struct fg_key *key)
{
	fg_buf_printf(out, "| `%s%s` | ", prefix, key->name);
	put_form(out, key);
	fg_buf_puts(out, " | ");
	if (key->flags & FG_KEY_REQUIRED)
		fg_buf_puts(out, "required");
	else if (key->dflt)
		fg_buf_printf(out, "`%s`", key->dflt);
	fg_buf_puts(out, " | ");
	put_cell(out, key->help ? key->help : "");
	if (key->flags & FG_KEY_ADVANCED)
		fg_buf_puts(out, " Rarely needed.");
	for (const struct fg_choice *c = key->choices; c && c->name; c++)
		if (!c->unsupported && c->help && c->help[0])
			fg_buf_printf(out, " `%s`: %s.", c->name, c->help);
	fg_buf_puts(out, " |\n");
}

static void put_rows(struct fg_buf *out, const char *prefix, const struct fg_key *keys)
{
	char inner[100];

	for (; keys && keys->name; keys++) {
		if (keys->flags & FG_KEY_UNSUPPORTED)
			continue;
		put_row(out, prefix, keys);
		if (!keys->sub || (fg_key_is_map(keys) && keys->type != FG_KEY_MAP))
			continue;
		snprintf(inner, sizeof(inner), "%s%s.%s", prefix, keys->name,
			keys->type == FG_KEY_MAP || keys->sub == fg_keys_hourly ? "NAME." : "");
		put_rows(out, inner, keys->sub);
	}
}

static bool has_supported(const struct fg_key *keys)
{
	for (; keys && keys->name; keys++)
		if (!(keys->flags & FG_KEY_UNSUPPORTED))
			return true;
	return false;
}

/* Appends the names of what is known and not built. */
static void put_later(struct fg_buf *out, const char *prefix, const struct fg_key *keys)
{
	char inner[100];

	for (; keys && keys->name; keys++) {
		bool later = keys->flags & FG_KEY_UNSUPPORTED;

		if (later)
			fg_buf_printf(out, "%s`%s%s`", out->len ? ", " : "", prefix, keys->name);
		for (const struct fg_choice *c = keys->choices; c && c->name; c++)
			if (c->unsupported)
				fg_buf_printf(out, "%s`%s%s: %s`", out->len ? ", " : "", prefix,
					keys->name, c->name);
		if (later || !keys->sub || fg_key_is_map(keys))
			continue;
		snprintf(inner, sizeof(inner), "%s%s.", prefix, keys->name);
		put_later(out, inner, keys->sub);
	}
}

static void put_table(struct fg_buf *out, const struct fg_key *keys)
{
	char mem[1500];
	struct fg_buf later;

	if (has_supported(keys)) {
		fg_buf_puts(out, "\n| key | takes | default | meaning |\n|---|---|---|---|\n");
		put_rows(out, "", keys);
	}
	fg_buf_wrap(&later, mem, sizeof(mem));
	put_later(&later, "", keys);
	if (later.len)
		fg_buf_printf(out, "\nKnown, and not supported yet: %s.\n", mem);
}

static void put_drivers(struct fg_buf *out, const struct fg_key *sub, const char *what)
{
	for (size_t i = 0; fg_drivers[i]; i++) {
		const struct fg_key *keys = fg_key_driver_part(sub, fg_drivers[i]);
		bool told = false;

		if (!keys || !keys->name)
			continue;
		for (size_t k = 0; k < i; k++)
			told = told || fg_key_driver_part(sub, fg_drivers[k]) == keys;
		if (told)
			continue;
		fg_buf_printf(out, "\n### %s of driver %s", what, fg_drivers[i]->name);
		for (size_t k = i + 1; fg_drivers[k]; k++)
			if (fg_key_driver_part(sub, fg_drivers[k]) == keys)
				fg_buf_printf(out, " and %s", fg_drivers[k]->name);
		fg_buf_puts(out, "\n");
		put_table(out, keys);
	}
}

static void put_section(struct fg_buf *out, const struct fg_key *key)
{
	fg_buf_printf(out, "\n## %s\n\n%s\n", key->name, key->help ? key->help : "");
	if (key->flags & FG_KEY_UNSUPPORTED) {
		fg_buf_puts(out, "\nKnown, and not supported yet.\n");
		return;
	}
	if (fg_key_is_map(key))
		fg_buf_printf(out, "\nA mapping of names; the keys of each:\n");
	put_table(out, key->sub);
	if (key->sub == fg_keys_link) {
		for (size_t i = 0; fg_drivers[i]; i++)
			fg_buf_printf(out, "%s- `%s`: %s\n", i ? "" : "\nDrivers:\n\n",
				fg_drivers[i]->name,
				fg_drivers[i]->help ? fg_drivers[i]->help : "");
		put_drivers(out, key->sub, "Link keys");
	}
	if (key->sub == fg_keys_device) {
		put_drivers(out, key->sub, "Device keys");
		fg_buf_puts(out, "\n## points\n\nThe quantities of a device.\n");
		put_table(out, fg_keys_point);
		put_drivers(out, fg_keys_point, "Point keys");
	}
}

static const char intro[] =
	"# Configuration\n"
	"\n"
	"This page is made from the tables that the loader uses (`genconf reference`).\n"
	"\n"
	"The file is YAML, `/etc/fjordgate/fjordgate.yaml` unless `-c` names another. Files\n"
	"`conf.d/*.yaml` beside it are laid over it in name order: mappings merge by key, later "
	"texts\n"
	"and lists replace earlier ones, `~` removes a key. The same key twice in one file is a "
	"fault,\n"
	"and so is every key that is not on this page: `fjordctl check` tells all faults with "
	"file, line\n"
	"and column, and the daemon does not start with any.\n"
	"\n"
	"A value is typed by its key, so `id: no` is the text \"no\". Names of gateways, stations, "
	"links,\n"
	"devices, points and destinations take a-z, 0-9, - and _, begin with a letter or digit and "
	"have\n"
	"at most 63 characters. Durations are written `500ms 10s 5m 1h 90d`, sizes `64KiB "
	"512MiB`.\n"
	"Paths are relative to the file they stand in. `fjordctl check --effective` shows every "
	"value\n"
	"in force and where it comes from.\n"
	"\n"
	"## Example\n"
	"\n"
	"```yaml\n";

static const char profile_intro[] = "\n## Profiles\n\n"
				    "`profile: NAME` lays the device's keys over those of "
				    "`NAME.yaml`: keys as of a device, `points`\n"
				    "above all, and a mapping `profile` that says what it is. The "
				    "file is looked for in the folder\n"
				    "`FJORDGATE_PROFILES`, else in `profiles/` beside the "
				    "configuration, else in the installed\n"
				    "library. The keys of `profile`:\n";

void fg_config_print_reference(struct fg_buf *out)
{
	fg_buf_puts(out, intro);
	fg_buf_puts(out, fg_config_example);
	fg_buf_puts(out, "```\n");
	for (const struct fg_key *key = fg_keys_root; key->name; key++)
		put_section(out, key);
	fg_buf_puts(out, profile_intro);
	put_table(out, fg_keys_profile_meta);
}
