/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/options.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#define LONG 256 /* is no letter */

static int of_letter(int letter, const struct fg_option *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].letter == letter)
			return (int)i;
	return -2;
}

int fg_option_next(int argc, char **argv, const struct fg_option *table, size_t count)
{
	struct option options[FG_OPTIONS_MAX + 1] = {{0}};
	char letters[2 * FG_OPTIONS_MAX + 1], *end = letters;
	int opt, found = 0;

	assert(count <= FG_OPTIONS_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct fg_option *o = &table[i];

		options[i] = (struct option){
			o->name, o->argument ? required_argument : no_argument, NULL, LONG};
		if (o->letter)
			*end++ = o->letter;
		if (o->letter && o->argument)
			*end++ = ':';
	}
	*end = '\0';
	opt = getopt_long(argc, argv, letters, options, &found);
	return opt < 0 ? -1 : opt == LONG ? found : of_letter(opt, table, count);
}

void fg_option_usage(FILE *out, const struct fg_option *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct fg_option *o = &table[i];
		char name[40];

		snprintf(name, sizeof(name), "--%s%s%s", o->name, o->argument ? "=" : "",
			o->argument ? o->argument : "");
		if (o->letter)
			fprintf(out, "  -%c, %-18s %s\n", o->letter, name, o->help);
		else
			fprintf(out, "      %-18s %s\n", name, o->help);
	}
}
