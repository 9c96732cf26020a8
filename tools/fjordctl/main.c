/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordctl: what a technician at the cabinet and an operator over ssh use. */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/options.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "ctl.h"

static const struct command {
	const char *name, *arguments;
	int least, most; /* arguments */
	int (*run)(const struct ctl *ctl);
	const char *help;
} commands[] = {
#define COMMAND(run, name, least, most, arguments, help) {name, arguments, least, most, run, help},
#include "commands.def"
#undef COMMAND
};

enum kind { TEXT, FLAG, TIMEOUT, FOR, SET, HELP, VERSION };

static const struct option_kind {
	enum kind kind;
	size_t field; /* in struct ctl; of TEXT and FLAG */
} kinds[] = {
#define none words
#define OPTION(kind, field, letter, name, argument, help) {kind, offsetof(struct ctl, field)},
#include "options.def"
#undef OPTION
};

static const struct fg_option options[] = {
#define OPTION(kind, field, letter, name, argument, help) {letter, name, argument, help},
#include "options.def"
#undef OPTION
};

static void usage(FILE *out)
{
	fputs("usage: fjordctl [-c FILE] [--socket PATH] COMMAND\n\n", out);
	for (size_t i = 0; i < FG_COUNT(commands); i++)
		fprintf(out, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	fputs("\nThe daemon is found by --socket, else through the configuration given with -c, "
	      "else by\n"
	      "FJORDGATE_SOCKET, else at its default place.\n",
		out);
}

static int parse_timeout(struct ctl *ctl)
{
	if (fg_duration_parse(optarg, &ctl->timeout_us) == FG_OK && ctl->timeout_us >= 10000 &&
		ctl->timeout_us <= 5000000)
		return -1;
	fprintf(stderr, "fjordctl: --timeout: '%s' is not a duration from 10ms to 5s\n", optarg);
	return EX_USAGE;
}

static int parse_for(struct ctl *ctl)
{
	if (fg_duration_parse(optarg, &ctl->for_us) == FG_OK && ctl->for_us >= 100000 &&
		ctl->for_us <= 366 * INT64_C(86400000000))
		return -1;
	fprintf(stderr, "fjordctl: --for: '%s' is not a duration from 100ms to 366d\n", optarg);
	return EX_USAGE;
}

static int parse_set(struct ctl *ctl)
{
	if (ctl->set_count < FG_COUNT(ctl->sets)) {
		ctl->sets[ctl->set_count++] = optarg;
		return -1;
	}
	fprintf(stderr, "fjordctl: --set: at most %zu\n", FG_COUNT(ctl->sets));
	return EX_USAGE;
}

/* Returns -1 to go on, else the exit code. */
static int parse_option(struct ctl *ctl, const struct option_kind *option)
{
	switch (option->kind) {
	case TEXT:
		memcpy((char *)ctl + option->field, &optarg, sizeof(optarg));
		return -1;
	case FLAG:
		*((bool *)((char *)ctl + option->field)) = true;
		return -1;
	case TIMEOUT:
		return parse_timeout(ctl);
	case FOR:
		return parse_for(ctl);
	case SET:
		return parse_set(ctl);
	case VERSION:
		puts("fjordctl " FG_VERSION);
		return EX_OK;
	case HELP:
		usage(stdout);
		return EX_OK;
	}
	return EX_USAGE;
}

static int parse(struct ctl *ctl, int argc, char **argv)
{
	int opt, code;

	while ((opt = fg_option_next(argc, argv, options, FG_COUNT(options))) >= 0)
		if ((code = parse_option(ctl, &kinds[opt])) >= 0)
			return code;
	if (opt < -1) {
		usage(stderr);
		return EX_USAGE;
	}
	for (; optind < argc; optind++) {
		if (ctl->count == (int)FG_COUNT(ctl->words)) {
			fprintf(stderr, "fjordctl: too many arguments\n");
			return EX_USAGE;
		}
		ctl->words[ctl->count++] = argv[optind];
	}
	if (ctl->count == 0) {
		usage(stderr);
		return EX_USAGE;
	}
	ctl->color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return -1;
}

/* Of two with the same name, that of the protocol which the first argument names. */
static const struct command *find_command(const struct ctl *ctl)
{
	const struct command *found = NULL;
	const char *first = ctl->count > 1 ? ctl->words[1] : "";

	for (size_t i = 0; i < FG_COUNT(commands); i++) {
		if (strcmp(commands[i].name, ctl->words[0]) != 0)
			continue;
		if (!found || (*first && strncmp(commands[i].arguments, first, strlen(first)) == 0))
			found = &commands[i];
	}
	return found;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	int code = parse(&ctl, argc, argv);
	const struct command *command;

	if (code >= 0)
		return code;
	command = find_command(&ctl);
	if (!command) {
		fprintf(stderr, "fjordctl: unknown command '%s'; 'fjordctl --help' lists them\n",
			ctl.words[0]);
		return EX_USAGE;
	}
	if (ctl.count - 1 < command->least || ctl.count - 1 > command->most) {
		fprintf(stderr, "usage: fjordctl %s %s\n", command->name, command->arguments);
		return EX_USAGE;
	}
	code = command->run(&ctl);
	if (fflush(stdout) != 0 && code == EX_OK)
		code = EX_IOERR;
	return code;
}
