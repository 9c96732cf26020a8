/* SPDX-License-Identifier: EUPL-1.2 */
/* genman fjordgate|fjordctl|fjordsim|bash|zsh : manual pages and what shells
 * complete, from the tables that the programs themselves parse with. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/options.h"
#include "base/cleanup.h"

static const struct command {
	const char *name, *arguments, *help;
} commands[] = {
#define COMMAND(run, name, least, most, arguments, help) {name, arguments, help},
#include "fjordctl/commands.def"
#undef COMMAND
};

static const struct fg_option ctl_options[] = {
#define OPTION(kind, field, letter, name, argument, help) {letter, name, argument, help},
#include "fjordctl/options.def"
#undef OPTION
};

#define OPTION(id, letter, name, argument, help) {letter, name, argument, help},
static const struct fg_option daemon_options[] = {
#include "gateway/options.def"
};

static const struct fg_option sim_options[] = {
#include "fjordsim/options.def"
};
#undef OPTION

static const struct page {
	const char *name, *title, *synopsis, *text;
	int section;
	const struct fg_option *options;
	size_t option_count;
	const char *files, *see;
} pages[] = {
	{"fjordgate", "gateway for environmental sensors", "[OPTION …]",
		"Polls sensors over Modbus and CoAP, keeps each reading in a store until a broker "
		"has acknowledged it, and publishes to MQTT. It runs in the foreground, under "
		"systemd or another supervisor. SIGHUP reads the configuration again and refuses "
		"it where it has faults; SIGTERM ends it, with all that it has stored.",
		8, daemon_options, FG_COUNT(daemon_options),
		"/etc/fjordgate/fjordgate.yaml\tthe configuration\n"
		"/etc/fjordgate/conf.d/*.yaml\tparts that are merged into it, in order\n"
		"/var/lib/fjordgate\tthe store\n"
		"/run/fjordgate\tthe control socket\n",
		"fjordctl (1), fjordsim (1)"},
	{"fjordctl", "ask and direct a fjordgate", "[OPTION …] COMMAND [ARGUMENT …]",
		"For the technician at the cabinet and the operator far away. The daemon is found "
		"by --socket, else through the configuration given with --config, else by "
		"FJORDGATE_SOCKET, else at its default place. check, profile and compute need "
		"no daemon; probe and scan use its ports where it runs.",
		1, ctl_options, FG_COUNT(ctl_options),
		"/etc/fjordgate/fjordgate.yaml\tthe configuration of the daemon\n",
		"fjordgate (8), fjordsim (1)"},
	{"fjordsim", "simulated sensors", "[OPTION …]",
		"Serves Modbus and CoAP sensors that are described in a file, with curves over "
		"the day and faults, for trying a configuration before the sensors are there. It "
		"says 'ready' once its ports are open.",
		1, sim_options, FG_COUNT(sim_options),
		"/etc/fjordgate/fjordsim.yaml\tthe simulation\n"
		"/usr/share/doc/fjordgate/examples/fjordsim.yaml\tan example\n",
		"fjordgate (8), fjordctl (1)"},
};

/* roff takes a line that begins with a dot or a quote for a request, and '-' for a hyphen. */
static void put_text(const char *text, const char *end)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; text < end; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
}

static void put(const char *text)
{
	put_text(text, text + strlen(text));
}

static void put_options(const struct fg_option *options, size_t count)
{
	puts(".SH OPTIONS");
	for (size_t i = 0; i < count; i++) {
		const struct fg_option *o = &options[i];

		puts(".TP");
		if (o->letter)
			printf("\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", stdout);
		put(o->name);
		fputs("\\fR", stdout);
		if (o->argument) {
			fputs(" \\fI", stdout);
			put(o->argument);
			fputs("\\fR", stdout);
		}
		putchar('\n');
		put(o->help);
		putchar('\n');
	}
}

static void put_commands(void)
{
	puts(".SH COMMANDS");
	for (size_t i = 0; i < FG_COUNT(commands); i++) {
		printf(".TP\n\\fB%s\\fR ", commands[i].name);
		put(commands[i].arguments);
		putchar('\n');
		put(commands[i].help);
		puts(".");
	}
	puts("A TIME is like 2026\\-07\\-01T12:00:00Z, or an age like 24h; a DURATION is like "
	     "90s.");
}

/* Lines of a name, a tab and what it is. */
static void put_files(const char *files)
{
	puts(".SH FILES");
	while (*files) {
		const char *tab = strchr(files, '\t'), *end = strchr(files, '\n');

		fputs(".TP\n\\fI", stdout);
		put_text(files, tab);
		puts("\\fR");
		put_text(tab + 1, end);
		putchar('\n');
		files = end + 1;
	}
}

static const char exit_status[] =
	".SH EXIT STATUS\n"
	"As sysexits.h has them:\n"
	".TP\n0\nall is well\n"
	".TP\n64\nwrong usage\n"
	".TP\n65\nwhat was given is no such data\n"
	".TP\n69\nthe daemon, or a port that is needed, is not there\n"
	".TP\n74\nreading or writing failed\n"
	".TP\n75\nnot now: it may be tried again\n"
	".TP\n78\nthe configuration has faults\n";

static void put_page(const struct page *page)
{
	char name[32] = "";

	for (size_t i = 0; page->name[i]; i++)
		name[i] = (char)toupper((unsigned char)page->name[i]);
	printf(".\\\" SPDX-License-Identifier: EUPL-1.2\n.TH %s %d \"\" \"fjordgate %s\"\n", name,
		page->section, FG_VERSION);
	printf(".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n\\fB%s\\fR ", page->name, page->title,
		page->name);
	put(page->synopsis);
	puts("\n.SH DESCRIPTION");
	put(page->text);
	putchar('\n');
	if (page->options == ctl_options)
		put_commands();
	put_options(page->options, page->option_count);
	fputs(exit_status, stdout);
	put_files(page->files);
	printf(".SH SEE ALSO\n%s\n", page->see);
}

/* ---- completion ---- */

/* The first of its name; two lines of one command are completed as one. */
static bool first(size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(commands[k].name, commands[i].name) == 0)
			return false;
	return true;
}

/* Calls each word of the arguments that is meant as it is: options, and words in small letters that
 * stand where a word may. An option's value is none. */
static void each_word(const char *arguments, void (*call)(const char *word, size_t len))
{
	bool value = false;

	while (*arguments) {
		size_t len = strcspn(arguments, " []|,…");
		bool option = strncmp(arguments, "--", 2) == 0;

		if (len > 0 && (option || (!value && islower((unsigned char)*arguments) &&
						      strcspn(arguments, "=.:/") >= len)))
			call(arguments, len);
		if (len > 0)
			value = option ? arguments[len] == ' '
				       : value && strchr("|,", arguments[len]) && arguments[len];
		arguments += len;
		while (*arguments && strchr(" []|,", *arguments))
			arguments++;
		while (strncmp(arguments, "…", strlen("…")) == 0)
			arguments += strlen("…");
	}
}

static void print_word(const char *word, size_t len)
{
	printf(" %.*s", (int)len, word);
}

static void print_words_of(const char *name)
{
	for (size_t i = 0; i < FG_COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			each_word(commands[i].arguments, print_word);
}

static bool is_file(const struct fg_option *o)
{
	return o->argument &&
	       (strcmp(o->argument, "FILE") == 0 || strcmp(o->argument, "PATH") == 0);
}

static void put_bash(void)
{
	puts("# SPDX-License-Identifier: EUPL-1.2\n"
	     "# What bash completes of fjordctl; made by genman.\n"
	     "_fjordctl()\n{\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\tlocal command= words i\n"
	     "\tCOMPREPLY=()\n"
	     "\tcase $before in");
	fputs("\t-c", stdout);
	for (size_t i = 0; i < FG_COUNT(ctl_options); i++)
		if (is_file(&ctl_options[i]))
			printf("|--%s", ctl_options[i].name);
	puts(")\n\t\tCOMPREPLY=($(compgen -f -- \"$word\"))\n\t\treturn ;;\n\tesac\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in\n"
	     "\t\t-c|--config|--socket) ((i++)) ;;\n"
	     "\t\t-*) ;;\n"
	     "\t\t*) command=${COMP_WORDS[i]}; break ;;\n"
	     "\t\tesac\n"
	     "\tdone\n"
	     "\tcase $command in");
	for (size_t i = 0; i < FG_COUNT(commands); i++) {
		if (!first(i))
			continue;
		printf("\t%s) words=\"", commands[i].name);
		print_words_of(commands[i].name);
		puts(" \" ;;");
	}
	fputs("\t*) words=\"-c --config --socket --help --version", stdout);
	for (size_t i = 0; i < FG_COUNT(commands); i++)
		if (first(i))
			printf(" %s", commands[i].name);
	puts("\" ;;\n\tesac\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	     "\tcase $command in\n"
	     "\tcheck|backup|restore) COMPREPLY+=($(compgen -f -- \"$word\")) ;;\n"
	     "\tesac\n}\n"
	     "complete -o filenames -F _fjordctl fjordctl");
}

/* In single quotes, without what zsh's _describe and _arguments take for their own. */
static void put_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr(":[]", *text))
			putchar(' ');
		else
			putchar(*text);
	}
}

static void put_zsh(void)
{
	puts("#compdef fjordctl\n"
	     "# SPDX-License-Identifier: EUPL-1.2\n"
	     "# What zsh completes of fjordctl; made by genman.\n"
	     "local -a commands options words\n"
	     "commands=(");
	for (size_t i = 0; i < FG_COUNT(commands); i++) {
		if (!first(i))
			continue;
		printf("\t'%s:", commands[i].name);
		put_zsh_text(commands[i].help);
		puts("'");
	}
	puts(")\noptions=(");
	for (size_t i = 0; i < FG_COUNT(ctl_options); i++) {
		const struct fg_option *o = &ctl_options[i];

		printf("\t'--%s[", o->name);
		put_zsh_text(o->help);
		putchar(']');
		if (o->argument) {
			putchar(':');
			put_zsh_text(o->argument);
			putchar(':');
			if (is_file(o))
				fputs("_files", stdout);
		}
		puts("'");
	}
	puts(")\n_arguments -C $options '-c[the configuration]:FILE:_files' '1: :->command' '*:: "
	     ":->rest'\n"
	     "case $state in\n"
	     "command) _describe 'command' commands ;;\n"
	     "rest)\n"
	     "\tcase $words[1] in");
	for (size_t i = 0; i < FG_COUNT(commands); i++) {
		if (!first(i))
			continue;
		printf("\t%s) compadd --", commands[i].name);
		print_words_of(commands[i].name);
		puts(" ;;");
	}
	puts("\tesac\n"
	     "\tcase $words[1] in\n"
	     "\tcheck|backup|restore) _files ;;\n"
	     "\tesac ;;\nesac");
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "bash") == 0) {
		put_bash();
		return EX_OK;
	}
	if (strcmp(what, "zsh") == 0) {
		put_zsh();
		return EX_OK;
	}
	for (size_t i = 0; i < FG_COUNT(pages); i++) {
		if (strcmp(what, pages[i].name) != 0)
			continue;
		put_page(&pages[i]);
		return EX_OK;
	}
	fputs("usage: genman fjordgate|fjordctl|fjordsim|bash|zsh\n", stderr);
	return EX_USAGE;
}
