/* SPDX-License-Identifier: EUPL-1.2 */
/* `profile list|show NAME`: the profile library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/number.h"
#include "base/status.h"
#include "ctl.h"
#include "gateway/config/profiles.h"

#define OUTPUT_MAX (16u << 20)

/* ---- as JSON ---- */

static void put_member(struct fg_json *j, const char *key, const char *text)
{
	if (text)
		fg_json_text(j, key, text);
}

/* What a person wrote without quotes as a number or a truth value is one. */
static void put_scalar(struct fg_json *j, const char *key, const struct fg_node *node)
{
	double number;

	if (node->plain && fg_number_parse(node->text, &number) == FG_OK)
		fg_json_double(j, key, number);
	else if (node->plain &&
		 (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
		fg_json_bool(j, key, node->text[0] == 't');
	else if (fg_node_is_null(node))
		fg_json_null(j, key);
	else
		fg_json_text(j, key, node->text);
}

static void put_node(struct fg_json *j, const char *key, const struct fg_node *node)
{
	if (node->kind == FG_NODE_SCALAR) {
		put_scalar(j, key, node);
	} else if (node->kind == FG_NODE_SEQUENCE) {
		fg_json_array(j, key);
		for (size_t i = 0; i < node->count; i++)
			put_node(j, NULL, node->items[i]);
		fg_json_end_array(j);
	} else {
		fg_json_object(j, key);
		for (size_t i = 0; i < node->count; i++) {
			char mem[512];
			struct fg_buf name; /* a key from a file, which may need escapes */

			fg_buf_wrap(&name, mem, sizeof(mem));
			fg_json_quote(&name, node->pairs[i].key, strlen(node->pairs[i].key));
			if (!name.overflow && name.len == strlen(node->pairs[i].key) + 2)
				put_node(j, node->pairs[i].key, node->pairs[i].value);
		}
		fg_json_end_object(j);
	}
}

static void put_head(struct fg_json *j, const struct fg_profile_info *p)
{
	fg_json_text(j, "name", p->name);
	put_member(j, "vendor", p->meta.vendor);
	put_member(j, "model", p->meta.model);
	put_member(j, "title", p->meta.title);
	fg_json_array(j, "measures");
	for (size_t i = 0; i < p->measure_count; i++)
		fg_json_text(j, NULL, p->measures[i]);
	fg_json_end_array(j);
	put_member(j, "confidence", p->meta.confidence);
}

static void print_json(struct fg_buf *out)
{
	fwrite(out->data, 1, out->len, stdout);
	putchar('\n');
	fg_buf_fini(out);
}

static void list_json(const struct fg_profile_list *list)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, OUTPUT_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "folder", list->folder);
	fg_json_array(&j, "profiles");
	for (size_t i = 0; i < list->count; i++) {
		fg_json_object(&j, NULL);
		put_head(&j, &list->items[i]);
		fg_json_end_object(&j);
	}
	fg_json_end_array(&j);
	fg_json_end_object(&j);
	print_json(&out);
}

static void show_json(const struct fg_profile_info *p)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, OUTPUT_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	put_head(&j, p);
	fg_json_text(&j, "file", p->path);
	put_member(&j, "extends", p->meta.extends);
	put_member(&j, "source", p->meta.source);
	put_member(&j, "example", p->meta.example);
	put_member(&j, "verified", p->meta.verified);
	fg_json_array(&j, "not_verified");
	for (size_t i = 0; i < p->meta.not_verified.count; i++)
		fg_json_text(&j, NULL, p->meta.not_verified.items[i]);
	fg_json_end_array(&j);
	put_member(&j, "notes", p->meta.notes);
	fg_json_object(&j, "device");
	for (size_t i = 0; i < p->root->count; i++)
		if (strcmp(p->root->pairs[i].key, "profile") != 0)
			put_node(&j, p->root->pairs[i].key, p->root->pairs[i].value);
	fg_json_end_object(&j);
	fg_json_end_object(&j);
	print_json(&out);
}

/* ---- as text ---- */

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

/* The first words of what may be a long text. */
static void cell_short(struct ctl_table *t, const char *text, int most)
{
	int len = (int)strlen(or_dash(text)), cut = len;

	if (len > most) {
		cut = most - 3;
		while (cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80)
			cut--;
	}
	ctl_table_cell(t, "%.*s%s", cut, or_dash(text), cut < len ? "..." : "");
}

static void list_text(const struct ctl *ctl, const struct fg_profile_list *list)
{
	static const char *const heads[] = {"PROFILE", "VENDOR", "MODEL", "MEASURES", "CONFIDENCE"};
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));

	for (size_t i = 0; i < list->count; i++) {
		const struct fg_profile_info *p = &list->items[i];
		char mem[150] = "-";
		struct fg_buf all;

		fg_buf_wrap(&all, mem, sizeof(mem));
		for (size_t k = 0; k < p->measure_count; k++)
			fg_buf_printf(&all, "%s%s", k ? ", " : "", p->measures[k]);
		ctl_table_cell(t, "%s", p->name);
		cell_short(t, p->meta.vendor, 24);
		cell_short(t, p->meta.model ? p->meta.model : p->meta.title, 30);
		cell_short(t, mem, 60);
		cell_short(t, p->meta.confidence, 40);
	}
	ctl_table_print(t, ctl->color);
	ctl_table_free(t);
	printf("%zu profiles in %s\n", list->count, list->folder);
}

/* On one line, as YAML's flow style writes it. */
static void put_flow(struct fg_buf *out, const struct fg_node *node)
{
	bool mapping = node->kind == FG_NODE_MAPPING;

	if (node->kind == FG_NODE_SCALAR) {
		fg_buf_puts(out, node->text);
		return;
	}
	fg_buf_putc(out, mapping ? '{' : '[');
	for (size_t i = 0; i < node->count; i++) {
		if (i)
			fg_buf_puts(out, ", ");
		if (mapping)
			fg_buf_printf(out, "%s: ", node->pairs[i].key);
		put_flow(out, mapping ? node->pairs[i].value : node->items[i]);
	}
	fg_buf_putc(out, mapping ? '}' : ']');
}

/* The values of these keys, in this order, with blanks between. */
/* What a bare value would leave open. */
static bool needs_name(const char *key)
{
	static const char *const keys[] = {
		"reference", "field", "senml", "column", "channel", "block", "at", "logged"};

	for (size_t i = 0; i < FG_COUNT(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static void cell_keys(
	struct ctl_table *t, const struct fg_node *point, const char *const *keys, size_t n)
{
	char mem[150] = "";
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	for (size_t i = 0; i < n; i++) {
		const struct fg_node *node = fg_node_get(point, keys[i]);

		if (!node)
			continue;
		if (out.len)
			fg_buf_putc(&out, ' ');
		if (needs_name(keys[i]))
			fg_buf_printf(&out, "%s ", keys[i]);
		put_flow(&out, node);
	}
	ctl_table_cell(t, "%s", out.len ? mem : "-");
}

static const char *const where_keys[] = {"table", "address", "reference", "field", "base", "path",
	"json", "senml", "column", "channel", "block", "at", "logged"};
static const char *const type_keys[] = {"type", "order", "byte", "byte_order"};
static const char *const unit_keys[] = {"unit"};

static bool is_shown(const char *key)
{
	for (size_t i = 0; i < FG_COUNT(where_keys); i++)
		if (strcmp(where_keys[i], key) == 0)
			return true;
	for (size_t i = 0; i < FG_COUNT(type_keys); i++)
		if (strcmp(type_keys[i], key) == 0)
			return true;
	return strcmp(key, "unit") == 0 || strcmp(key, "title") == 0;
}

static void print_points(const struct ctl *ctl, const struct fg_node *points)
{
	static const char *const heads[] = {"POINT", "WHERE", "TYPE", "UNIT", "FURTHER"};
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));

	for (size_t i = 0; i < points->count; i++) {
		const struct fg_node *point = points->pairs[i].value;
		char mem[150] = "";
		struct fg_buf rest;

		fg_buf_wrap(&rest, mem, sizeof(mem));
		ctl_table_cell(t, "%s", points->pairs[i].key);
		cell_keys(t, point, where_keys, FG_COUNT(where_keys));
		cell_keys(t, point, type_keys, FG_COUNT(type_keys));
		cell_keys(t, point, unit_keys, FG_COUNT(unit_keys));
		for (size_t k = 0; point->kind == FG_NODE_MAPPING && k < point->count; k++) {
			if (is_shown(point->pairs[k].key))
				continue;
			fg_buf_printf(&rest, "%s%s: ", rest.len ? ", " : "", point->pairs[k].key);
			put_flow(&rest, point->pairs[k].value);
		}
		ctl_table_cell(t, "%s", mem);
	}
	ctl_table_print(t, ctl->color);
	ctl_table_free(t);
}

static void print_line(const char *label, const char *text)
{
	if (text)
		printf("%-12s %s\n", label, text);
}

static void print_device_keys(const struct fg_node *root)
{
	for (size_t i = 0; i < root->count; i++) {
		const char *key = root->pairs[i].key;
		char mem[1000];
		struct fg_buf out;

		if (strcmp(key, "profile") == 0 || strcmp(key, "points") == 0)
			continue;
		fg_buf_wrap(&out, mem, sizeof(mem));
		put_flow(&out, root->pairs[i].value);
		printf("%-12s %s\n", key, mem);
	}
}

/* Whether its points are resources of CoAP, not registers. */
static bool is_coap(const struct fg_node *root, bool *ret_has_path)
{
	const struct fg_node *points = fg_node_get(root, "points");
	bool coap = fg_node_get(root, "payload") || fg_node_get(root, "path");
	size_t with = 0, n = points && points->kind == FG_NODE_MAPPING ? points->count : 0;

	for (size_t i = 0; i < n; i++)
		with += fg_node_get(points->pairs[i].value, "path") != NULL;
	*ret_has_path = fg_node_get(root, "path") || with == n;
	return coap || with;
}

static void print_address(const struct fg_node *root)
{
	bool has_path;

	if (!is_coap(root, &has_path))
		printf("      unit_id: 1            # %s\n", fg_node_get(root, "unit_id")
								     ? "if it is not the profile's"
								     : "as set on the instrument");
	else if (!has_path)
		puts("      path: /RESOURCE       # as set on the device");
}

static void show_text(const struct ctl *ctl, const struct fg_profile_info *p)
{
	const struct fg_node *points = fg_node_get(p->root, "points");
	bool commands = fg_node_get(p->root, "commands") != NULL;

	print_line("profile", p->name);
	print_line("title", p->meta.title);
	print_line("vendor", p->meta.vendor);
	print_line("model", p->meta.model);
	print_line("file", p->path);
	print_line("extends", p->meta.extends);
	print_line("source", p->meta.source);
	print_line("confidence", p->meta.confidence);
	print_line("verified", p->meta.verified ? p->meta.verified : "nobody has told of a trial");
	print_line("example", p->meta.example);
	for (size_t i = 0; i < p->meta.not_verified.count; i++)
		print_line(i ? "" : "not verified", p->meta.not_verified.items[i]);
	print_line("notes", p->meta.notes);
	print_device_keys(p->root);
	putchar('\n');
	if (points && points->kind == FG_NODE_MAPPING)
		print_points(ctl, points);
	printf("\nTo use it:\n\n"
	       "  devices:\n"
	       "    my-device:\n"
	       "      station: STATION      # a name under stations\n"
	       "      domain: water         # air, water, bathing or weather\n"
	       "      link: LINK            # a name under links\n");
	print_address(p->root);
	printf("      profile: %s\n", p->name);
	if (commands)
		puts("      allow_commands: true  # it writes to the instrument; see the notes");
	puts("\nKeys that stand beside these go before the profile's; 'points: {NAME: ~}' removes "
	     "a point.");
}

/* ---- the command ---- */

static void print_fault(void *arg, bool error, const char *text)
{
	(void)arg;
	(void)error;
	fprintf(stderr, "%s\n", text);
}

static int unknown(const struct fg_profile_list *list, const char *name)
{
	const char **names = malloc((list->count + 1) * sizeof(*names));
	char mem[300] = "";
	struct fg_buf hint;

	fg_buf_wrap(&hint, mem, sizeof(mem));
	for (size_t i = 0; names && i < list->count; i++)
		names[i] = list->items[i].name;
	if (names)
		fg_put_suggestion(&hint, name, names, list->count, "there is");
	free(names);
	fprintf(stderr, "fjordctl: no profile '%s' in %s%s\n", name, list->folder, mem);
	return EX_USAGE;
}

int ctl_profile(const struct ctl *ctl)
{
	bool show = strcmp(ctl->words[1], "show") == 0;
	const struct fg_profile_info *p = NULL;
	struct fg_profile_list *list;
	struct fg_report *rep;
	int code = EX_OK;

	if ((!show && strcmp(ctl->words[1], "list") != 0) || ctl->count != (show ? 3 : 2)) {
		fprintf(stderr, "fjordctl: profile takes 'list', or 'show' and a name\n");
		return EX_USAGE;
	}
	rep = fg_report_new();
	list = fg_profiles_load(ctl->config ? ctl->config : CTL_DEFAULT_CONFIG, NULL, rep);
	fg_report_each(rep, print_fault, NULL);
	if (show)
		p = fg_profile_get(list, ctl->words[2]);
	if (show && !p)
		code = unknown(list, ctl->words[2]);
	else if (show && ctl->json)
		show_json(p);
	else if (show)
		show_text(ctl, p);
	else if (ctl->json)
		list_json(list);
	else
		list_text(ctl, list);
	if (code == EX_OK && fg_report_errors(rep) > 0)
		code = EX_CONFIG;
	fg_profiles_free(list);
	fg_report_free(rep);
	return code;
}
