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
#include "base/status.h"
#include "gateway/daemon.h"

#define DEFAULT_CONFIG "/etc/fjordgate/fjordgate.yaml"

static const char usage[] =
	"usage: fjordgate [-c FILE] [--check] [--debug=TOPICS] [--version]\n"
	"\n"
	"  -c, --config FILE   configuration (default " DEFAULT_CONFIG ")\n"
	"      --check         check the configuration and exit: 0 or 78\n"
	"      --no-files      with --check: do not look whether named files exist\n"
	"      --debug=TOPICS  config,schedule,modbus,coap,spool,mqtt,core or all\n"
	"      --version       print the version\n"
	"\n"
	"Runs in the foreground. SIGHUP reads the configuration again; SIGTERM ends it cleanly.\n";

struct arguments {
	const char *config;
	bool check;
	struct fg_load_options load;
};

enum { OPT_CHECK = 256, OPT_DEBUG, OPT_NO_FILES, OPT_VERSION };

/* Returns -1 to go on, else the exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, OPT_CHECK},
		{"no-files", no_argument, NULL, OPT_NO_FILES},
		{"debug", required_argument, NULL, OPT_DEBUG},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, OPT_VERSION},
		{NULL, 0, NULL, 0},
	};
	int opt;

	*ret = (struct arguments){.config = DEFAULT_CONFIG};
	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			ret->config = optarg;
			break;
		case OPT_CHECK:
			ret->check = true;
			break;
		case OPT_NO_FILES:
			ret->load.no_files = true;
			break;
		case OPT_DEBUG:
			if (fg_debug_select(optarg) < 0) {
				fprintf(stderr, "fjordgate: unknown debug topic in '%s'\n", optarg);
				return EX_USAGE;
			}
			break;
		case OPT_VERSION:
			puts("fjordgate " FG_VERSION);
			return EX_OK;
		case 'h':
			fputs(usage, stdout);
			return EX_OK;
		default:
			fputs(usage, stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fjordgate: unexpected argument '%s'\n%s", argv[optind], usage);
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
