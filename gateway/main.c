/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordgate: arguments, configuration, and the daemon. */
#include <getopt.h>
#include <malloc.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/options.h"
#include "base/status.h"
#include "gateway/daemon.h"

#define DEFAULT_CONFIG "/etc/fjordgate/fjordgate.yaml"

enum {
#define OPTION(id, letter, name, argument, help) OPT_##id,
#include "gateway/options.def"
#undef OPTION
};

static const struct fg_option options[] = {
#define OPTION(id, letter, name, argument, help) {letter, name, argument, help},
#include "gateway/options.def"
#undef OPTION
};

static void usage(FILE *out)
{
	fputs("usage: fjordgate [OPTION …]\n\n", out);
	fg_option_usage(out, options, FG_COUNT(options));
	fputs("\nRuns in the foreground. SIGHUP reads the configuration again; SIGTERM ends it "
	      "cleanly.\n",
		out);
}

struct arguments {
	const char *config;
	bool check;
	struct fg_load_options load;
};

/* Returns -1 to go on, else the exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
	unsigned topics;
	int opt;

	*ret = (struct arguments){.config = DEFAULT_CONFIG};
	while ((opt = fg_option_next(argc, argv, options, FG_COUNT(options))) != -1) {
		switch (opt) {
		case OPT_CONFIG:
			ret->config = optarg;
			break;
		case OPT_CHECK:
			ret->check = true;
			break;
		case OPT_NO_FILES:
			ret->load.no_files = true;
			break;
		case OPT_DEBUG:
			if (fg_debug_parse(optarg, &topics) < 0) {
				fprintf(stderr, "fjordgate: unknown debug topic in '%s'\n", optarg);
				return EX_USAGE;
			}
			fg_debug_set(fg_debug_mask() | topics);
			break;
		case OPT_VERSION:
			puts("fjordgate " FG_VERSION);
			return EX_OK;
		case OPT_HELP:
			usage(stdout);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fjordgate: unexpected argument '%s'\n", argv[optind]);
		usage(stderr);
		return EX_USAGE;
	}
	return -1;
}

static void print_line(void *arg, bool error, const char *text)
{
	(void)arg;
	(void)error;
	fprintf(stderr, "%s\n", text);
}

static struct fg_config *load(const struct arguments *args)
{
	struct fg_report *rep = fg_report_new();
	struct fg_config *config = NULL;

	if (fg_config_load(args->config, &args->load, rep, &config) < 0)
		config = NULL;
	fg_report_each(rep, print_line, NULL);
	fg_report_free(rep);
	return config;
}

/* Memory on a small board: one heap for all threads, and what is freed goes back early. One pool
 * thread reads the store. No core file can hold a secret. */
static void set_limits(void)
{
	const struct rlimit none = {0, 0};

	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	setenv("UV_THREADPOOL_SIZE", "1", 1);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct arguments args;
	struct fg_config *config;
	int code = parse_arguments(argc, argv, &args);

	if (code >= 0)
		return code;
	set_limits();
	config = load(&args);
	if (!config)
		return EX_CONFIG;
	if (args.check) {
		fg_config_unref(config);
		return EX_OK;
	}
	malloc_trim(0); /* what loading took and gave back */
	mosquitto_lib_init();
	code = fg_daemon_run(config, args.config, &args.load);
	fg_config_unref(config);
	mosquitto_lib_cleanup();
	return code;
}
