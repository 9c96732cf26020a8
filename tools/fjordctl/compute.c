/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordctl compute: one case a line in, one answer a line out, by the daemon's own code. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "compute.h"
#include "compute_senml.h"
#include "ctl.h"

static cJSON *run_senml(struct compute *c, const char *op)
{
	const char *error = NULL;
	cJSON *result = NULL;

	if (strcmp(op, "resolve") != 0)
		return compute_fail(c, "op: there is no operation '%.60s'", op);
	if (compute_senml(c->in, &result, &error) < 0)
		return compute_fail(c, "%s", error);
	return result;
}

static const struct family {
	const char *prefix;
	cJSON *(*run)(struct compute *c, const char *op);
} families[] = {
	{"aq.", compute_air},
	{"derive.", compute_derive},
	{"qartod.", compute_qartod},
	{"senml.", run_senml},
};

cJSON *compute_fail(struct compute *c, const char *fmt, ...)
{
	va_list ap;

	if (c->error[0])
		return NULL;
	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	return NULL;
}

/* Each entry of a table begins with its name. */
int compute_find(struct compute *c, const char *op, const void *table, size_t count, size_t size)
{
	const char *entry = table;

	for (size_t i = 0; i < count; i++, entry += size) {
		const char *name;

		memcpy(&name, entry, sizeof(name));
		if (strcmp(name, op) == 0)
			return (int)i;
	}
	compute_fail(c, "op: there is no operation '%.60s'", op);
	return -1;
}

/* NULL for null too: in a case both mean "not given". */
static const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNull(m) ? NULL : m;
}

const cJSON *compute_config(const struct compute *c)
{
	return member(c->in, "config");
}

bool compute_number(
	struct compute *c, const cJSON *object, const char *name, double otherwise, double *ret)
{
	const cJSON *m = member(object, name);

	if (m && (!cJSON_IsNumber(m) || !isfinite(m->valuedouble))) {
		compute_fail(c, "%s: not a number", name);
		return false;
	}
	*ret = m ? m->valuedouble : otherwise;
	return true;
}

bool compute_needs_number(struct compute *c, const cJSON *object, const char *name, double *ret)
{
	if (!compute_number(c, object, name, NAN, ret))
		return false;
	if (isnan(*ret))
		compute_fail(c, "%s: a number is needed", name);
	return !isnan(*ret);
}

bool compute_pair(struct compute *c, const cJSON *object, const char *name, double ret[2])
{
	const cJSON *m = member(object, name);

	ret[0] = ret[1] = NAN;
	if (!m)
		return true;
	for (int i = 0; i < 2; i++) {
		const cJSON *v = cJSON_GetArrayItem(m, i);

		if (cJSON_GetArraySize(m) != 2 || !cJSON_IsNumber(v) || !isfinite(v->valuedouble)) {
			compute_fail(c, "%s: two numbers are needed, as [1, 2]", name);
			return false;
		}
		ret[i] = v->valuedouble;
	}
	return true;
}

bool compute_text(struct compute *c, const cJSON *object, const char *name, const char **ret)
{
	const cJSON *m = member(object, name);

	if (m && !cJSON_IsString(m)) {
		compute_fail(c, "%s: not a text", name);
		return false;
	}
	*ret = m ? m->valuestring : NULL;
	return true;
}

bool compute_numbers(
	struct compute *c, const cJSON *object, const char *name, double **ret, size_t *ret_count)
{
	const cJSON *m = member(object, name), *v;
	double *numbers;
	size_t n = 0;

	*ret = NULL;
	*ret_count = 0;
	if (!m)
		return true;
	if (!cJSON_IsArray(m)) {
		compute_fail(c, "%s: an array is needed", name);
		return false;
	}
	numbers = calloc((size_t)cJSON_GetArraySize(m) + 1, sizeof(*numbers));
	if (!numbers) {
		compute_fail(c, "%s: out of memory", name);
		return false;
	}
	cJSON_ArrayForEach(v, m)
	{
		if (!cJSON_IsNumber(v) && !cJSON_IsNull(v)) {
			compute_fail(c, "%s[%zu]: neither a number nor null", name, n);
			free(numbers);
			return false;
		}
		numbers[n++] = cJSON_IsNumber(v) ? v->valuedouble : NAN;
	}
	*ret = numbers;
	*ret_count = n;
	return true;
}

static cJSON *run(struct compute *c)
{
	const char *op;

	if (!cJSON_IsObject(c->in))
		return compute_fail(c, "the line is not a JSON object");
	if (!compute_text(c, c->in, "op", &op))
		return NULL;
	if (!op)
		return compute_fail(c, "op: the name of an operation is needed");
	if (compute_config(c) && !cJSON_IsObject(compute_config(c)))
		return compute_fail(c, "config: an object is needed");
	for (size_t i = 0; i < FG_COUNT(families); i++) {
		size_t length = strlen(families[i].prefix);

		if (strncmp(op, families[i].prefix, length) == 0)
			return families[i].run(c, op + length);
	}
	return compute_fail(c, "op: there is no operation '%.60s'", op);
}

/* The answer to one line of `len` bytes and its NUL; NULL: out of memory. To cJSON a NUL within is
 * a blank. */
static char *answer(const char *line, size_t len)
{
	cJSON *in =
		strlen(line) == len ? cJSON_ParseWithLengthOpts(line, len + 1, NULL, true) : NULL;
	cJSON *out = cJSON_CreateObject();
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(in, "id");
	struct compute c = {.in = in, .more = out};
	cJSON *result;
	char *text;

	cJSON_AddItemToObject(out, "id", id ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
	result = run(&c);
	if (result)
		cJSON_AddItemToObject(out, "result", result);
	else
		cJSON_AddStringToObject(
			out, "error", c.error[0] ? c.error : "the case cannot be computed");
	text = cJSON_PrintUnformatted(out);
	cJSON_Delete(in);
	cJSON_Delete(out);
	return text;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\r\n")] == '\0';
}

int ctl_compute(const struct ctl *ctl)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t got;
	int code = EX_OK;

	(void)ctl;
	while (code == EX_OK && (got = getline(&line, &room, stdin)) >= 0) {
		char *text;

		if (is_blank(line) && strlen(line) == (size_t)got)
			continue;
		text = answer(line, (size_t)got);
		if (!text || puts(text) == EOF || fflush(stdout) != 0)
			code = EX_IOERR;
		cJSON_free(text);
	}
	if (ferror(stdin))
		code = EX_IOERR;
	free(line);
	return code;
}
