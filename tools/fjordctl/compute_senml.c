/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordctl compute: senml.resolve. */
#include "compute_senml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "protocol/senml.h"

#define MAX_PAYLOAD (64u << 10)

static char why[200];

static int fail(const char *text)
{
	snprintf(why, sizeof(why), "%s", text);
	return -1;
}

static void add_value(cJSON *to, const char *key, const struct fg_value *v)
{
	char text[32];

	switch (v->kind) {
	case FG_KIND_NONE:
		break;
	case FG_KIND_BOOL:
		cJSON_AddBoolToObject(to, key, v->b);
		break;
	case FG_KIND_INT: /* all digits, which a double may not hold */
		snprintf(text, sizeof(text), "%lld", (long long)v->i);
		cJSON_AddRawToObject(to, key, text);
		break;
	case FG_KIND_UINT:
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v->u);
		cJSON_AddRawToObject(to, key, text);
		break;
	default:
		cJSON_AddNumberToObject(to, key, fg_value_number(v));
	}
}

static int add_text(cJSON *to, const struct fg_senml_record *record)
{
	char *base64;

	if (record->cut)
		return fail("a value longer than 64 KiB");
	if (!record->is_data) { /* ends with a NUL */
		cJSON_AddStringToObject(to, "vs", record->value.text);
		return 0;
	}
	base64 = malloc(record->value.len * 4u / 3 + 3);
	if (!base64)
		return fail("out of memory");
	fg_base64url_put(record->value.text, record->value.len, base64);
	cJSON_AddStringToObject(to, "vd", base64);
	free(base64);
	return 0;
}

static int add_record(cJSON *list, const struct fg_senml_record *record)
{
	cJSON *to = cJSON_CreateObject();

	cJSON_AddItemToArray(list, to);
	cJSON_AddStringToObject(to, "n", record->name);
	if (*record->unit)
		cJSON_AddStringToObject(to, "u", record->unit);
	cJSON_AddNumberToObject(to, "t", record->time);
	if (record->version != 10)
		cJSON_AddNumberToObject(to, "bver", record->version);
	if (record->has_update)
		cJSON_AddNumberToObject(to, "ut", record->update);
	add_value(to, "s", &record->sum);
	if (record->value.kind == FG_KIND_TEXT)
		return add_text(to, record);
	if (record->value.kind == FG_KIND_BOOL)
		add_value(to, "vb", &record->value);
	else if (record->value.kind != FG_KIND_NONE && !isfinite(fg_value_number(&record->value)))
		return fail("a value that is no number");
	else
		add_value(to, "v", &record->value);
	return 0;
}

static cJSON *resolve(enum fg_senml_form form, const void *payload, size_t len, double now)
{
	struct fg_senml_record record;
	struct fg_senml s;
	char *text = malloc(MAX_PAYLOAD + 1);
	cJSON *list = cJSON_CreateArray();
	int r = text ? fg_senml_open(&s, form, 0, payload, len, now, text, MAX_PAYLOAD + 1)
		     : fail("out of memory");

	if (text && r < 0)
		fail(s.why);
	while (r == FG_OK) {
		r = fg_senml_next(&s, &record);
		if (r == FG_OK)
			r = add_record(list, &record);
	}
	free(text);
	if (r == FG_ENOENT)
		return list;
	cJSON_Delete(list);
	return NULL;
}

static cJSON *resolve_json(const cJSON *pack, double now)
{
	char *text = cJSON_PrintUnformatted(pack);
	cJSON *list = NULL;

	if (text)
		list = resolve(FG_SENML_JSON, text, strlen(text), now);
	else
		fail("out of memory");
	cJSON_free(text);
	return list;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c | 0x20) : NULL;

	return p ? (int)(p - digits) : -1;
}

static cJSON *resolve_cbor(const cJSON *hex, double now)
{
	const char *text = cJSON_GetStringValue(hex);
	size_t len = text ? strlen(text) / 2 : 0;
	unsigned char *bytes;
	cJSON *list = NULL;

	if (!text || strlen(text) % 2 || len > MAX_PAYLOAD) {
		fail("cbor_hex is not a text of hexadecimal digits, two a byte, of at most 64 KiB");
		return NULL;
	}
	bytes = malloc(len ? len : 1);
	for (size_t i = 0; bytes && i < len; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			free(bytes);
			fail("cbor_hex holds what is no hexadecimal digit");
			return NULL;
		}
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	if (bytes)
		list = resolve(FG_SENML_CBOR, bytes, len, now);
	else
		fail("out of memory");
	free(bytes);
	return list;
}

/* Whole numbers are raw text in what add_value() makes. */
static double number_of(const cJSON *item)
{
	return cJSON_IsRaw(item) ? strtod(item->valuestring, NULL) : item->valuedouble;
}

static bool is_number(const cJSON *item)
{
	return cJSON_IsNumber(item) || cJSON_IsRaw(item);
}

/* Numbers may come as a float here and as an integer there. */
static bool same(const cJSON *a, const cJSON *b)
{
	if (is_number(a) && is_number(b))
		return fabs(number_of(a) - number_of(b)) <= 1e-12 * fabs(number_of(a));
	if (!cJSON_IsArray(a) && !cJSON_IsObject(a))
		return cJSON_Compare(a, b, true);
	if ((a->type & 0xFF) != (b->type & 0xFF) || cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
		return false;
	a = a->child;
	for (b = b->child; a && b; a = a->next, b = b->next)
		if ((a->string && strcmp(a->string, b->string) != 0) || !same(a, b))
			return false;
	return true;
}

int compute_senml(const cJSON *c, cJSON **ret_result, const char **ret_error)
{
	const cJSON *pack = cJSON_GetObjectItemCaseSensitive(c, "pack");
	const cJSON *hex = cJSON_GetObjectItemCaseSensitive(c, "cbor_hex");
	const cJSON *now = cJSON_GetObjectItemCaseSensitive(c, "now");
	cJSON *list = NULL, *other = NULL;

	*ret_error = why;
	if (!cJSON_IsNumber(now) || (!pack && !hex))
		return fail("wants now (seconds since 1970) and pack or cbor_hex");
	list = pack ? resolve_json(pack, now->valuedouble) : resolve_cbor(hex, now->valuedouble);
	if (list && pack && hex) {
		other = resolve_cbor(hex, now->valuedouble);
		if (other && !same(list, other))
			fail("cbor_hex says something else than pack");
		if (!other || !same(list, other)) {
			cJSON_Delete(list);
			list = NULL;
		}
		cJSON_Delete(other);
	}
	if (!list)
		return -1;
	*ret_result = list;
	return 0;
}
