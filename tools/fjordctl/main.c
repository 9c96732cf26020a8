/* SPDX-License-Identifier: EUPL-1.2 */
/* fjordctl: what a technician at the cabinet and an operator over ssh use. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/status.h"
#include "base/timefmt.h"
#include "ctl.h"

static const struct command {
	const char *name, *arguments;
	int least, most; /* arguments */
	int (*run)(const struct ctl *ctl);
	const char *help;
} commands[] = {
	{"check", "[FILE] [--plan] [--effective] [--no-files] [--json]", 0, 1, ctl_check,
		"check a configuration: every fault, with line and column"},
	{"status", "[--json]", 0, 0, ctl_status,
		"gateway, clock, links, devices, destinations and store of the running daemon"},
	{"watch", "[DEVICE|STATION[/POINT]] [--json]", 0, 1, ctl_watch,
		"readings as they are taken, with quality and reason"},
	{"read", "DEVICE [POINT] [--json]", 1, 2, ctl_read,
		"poll now through the running daemon and show every step"},
	{"history", "STATION/POINT [--since 24h] [--until TIME] [--hourly] [--csv|--json]", 1, 1,
		ctl_history, "readings from the store, or what was told of each hour"},
	{"qc", "STATION/POINT [--since 7d] [--until TIME] [--set TEST.KEY=VALUE …] [--json]", 1, 1,
		ctl_qc,
		"run the quality tests again over stored readings, with other thresholds, and show "
		"what they would have flagged; --set spike=off, --set spike.fail=~ take away"},
	{"profile", "list|show NAME [--json]", 1, 2, ctl_profile,
		"the profile library: which models there are, and all that is known of one"},
	{"probe",
		"modbus TARGET [--unit 1] [--table holding] [--address 0|--reference 40001] "
		"[--count 4] [--property NAME] [--timeout 1s] [--json]",
		2, 2, ctl_probe,
		"read registers and show them in every type and word order; TARGET: a link of the "
		"configuration, tcp://HOST:PORT, rtutcp://HOST:PORT, or "
		"rtu:/dev/PORT?baud=9600&parity=E&stop=1"},
	{"probe",
		"coap URI [--observe] [--for 60s] [--accept FORMAT] [--psk-identity NAME "
		"--psk-file FILE] [--ca-file FILE] [--cert-file FILE --key-file FILE] "
		"[--timeout 2s] [--json]",
		2, 2, ctl_probe,
		"GET a resource and show its message, what it says, and points to paste; without a "
		"path: what the server has"},
	{"scan",
		"modbus TARGET [--units 1-247] [--baud 9600,19200|all] [--parity none,even|all] "
		"[--timeout 200ms] [--json]",
		2, 2, ctl_scan,
		"which unit ids answer, what they say they are, and which profile may fit"},
	{"scan", "coap [IFACE] [--for 6s] [--json]", 1, 2, ctl_scan,
		"which CoAP servers answer multicast, and what they say they have"},
	{"backfill", "DESTINATION --since TIME --until TIME [--json]", 1, 1, ctl_backfill,
		"send what is stored of a period once more, under the same ids; TIME: "
		"2026-07-01T12:00:00Z, or an age like 24h"},
	{"calibration",
		"DEVICE/POINT [add --raw A,B --reference A,B|--polynomial C0,C1,… [--date TIME] "
		"[--next TIME] [--by WHO] [--note TEXT] | remove DATE] [--json]",
		1, 3, ctl_calibration,
		"the dated calibration records of a point, which is in force, and their drift; add "
		"keeps one more in the store of the running gateway, from now on or from --date"},
	{"maintenance",
		"DEVICE on|off [--for 2h|--until TIME] [--from TIME] [--reason TEXT] [--all] "
		"[--json]",
		2, 2, ctl_maintenance,
		"work on a device, now or planned: its readings are marked and kept out of means, "
		"no alarm of it begins; off ends what is open, with --all what is planned too"},
	{"notice",
		"add fault|repair|planned [--device NAME,…] [--station NAME,…] "
		"[--point STATION/POINT,…] [--from TIME] [--for 2h|--until TIME] [--nb TEXT] "
		"[--nn TEXT] [--en TEXT] | list | clear ID|--all [--json]",
		1, 2, ctl_notice,
		"tell consumers of a fault, a repair or planned downtime, in Bokmål, Nynorsk and "
		"English; a text that is not given is made. It ends by itself, or when cleared"},
	{"backup", "FILE [--json]", 1, 1, ctl_backup,
		"copy the store to FILE, whole and consistent; the daemon may be running"},
	{"compute", "", 0, 0, ctl_compute,
		"evaluate a case (JSON) a line from standard input with the gateway's own code: "
		"quality tests, derived quantities, means and classes"},
	{"restore", "FILE [--json]", 1, 1, ctl_restore,
		"put a copy in the store's place; the daemon must not be running"},
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

enum {
	OPT_SOCKET = 256,
	OPT_JSON,
	OPT_CSV,
	OPT_HOURLY,
	OPT_PLAN,
	OPT_EFFECTIVE,
	OPT_NO_FILES,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_UNIT,
	OPT_TABLE,
	OPT_ADDRESS,
	OPT_REFERENCE,
	OPT_COUNT,
	OPT_PROPERTY,
	OPT_UNITS,
	OPT_BAUD,
	OPT_PARITY,
	OPT_TIMEOUT,
	OPT_FOR,
	OPT_FROM,
	OPT_REASON,
	OPT_ALL,
	OPT_SET,
	OPT_DATE,
	OPT_BY,
	OPT_NEXT,
	OPT_RAW,
	OPT_POLYNOMIAL,
	OPT_NOTE,
	OPT_OBSERVE,
	OPT_ACCEPT,
	OPT_PSK_IDENTITY,
	OPT_PSK_FILE,
	OPT_CA_FILE,
	OPT_CERT_FILE,
	OPT_KEY_FILE,
	OPT_DEVICE,
	OPT_STATION,
	OPT_POINT,
	OPT_NB,
	OPT_NN,
	OPT_EN,
	OPT_VERSION
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"json", no_argument, NULL, OPT_JSON},
	{"csv", no_argument, NULL, OPT_CSV},
	{"hourly", no_argument, NULL, OPT_HOURLY},
	{"plan", no_argument, NULL, OPT_PLAN},
	{"effective", no_argument, NULL, OPT_EFFECTIVE},
	{"no-files", no_argument, NULL, OPT_NO_FILES},
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"unit", required_argument, NULL, OPT_UNIT},
	{"table", required_argument, NULL, OPT_TABLE},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"reference", required_argument, NULL, OPT_REFERENCE},
	{"count", required_argument, NULL, OPT_COUNT},
	{"property", required_argument, NULL, OPT_PROPERTY},
	{"units", required_argument, NULL, OPT_UNITS},
	{"baud", required_argument, NULL, OPT_BAUD},
	{"parity", required_argument, NULL, OPT_PARITY},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"for", required_argument, NULL, OPT_FOR},
	{"from", required_argument, NULL, OPT_FROM},
	{"reason", required_argument, NULL, OPT_REASON},
	{"all", no_argument, NULL, OPT_ALL},
	{"set", required_argument, NULL, OPT_SET},
	{"date", required_argument, NULL, OPT_DATE},
	{"by", required_argument, NULL, OPT_BY},
	{"next", required_argument, NULL, OPT_NEXT},
	{"raw", required_argument, NULL, OPT_RAW},
	{"polynomial", required_argument, NULL, OPT_POLYNOMIAL},
	{"note", required_argument, NULL, OPT_NOTE},
	{"observe", no_argument, NULL, OPT_OBSERVE},
	{"accept", required_argument, NULL, OPT_ACCEPT},
	{"psk-identity", required_argument, NULL, OPT_PSK_IDENTITY},
	{"psk-file", required_argument, NULL, OPT_PSK_FILE},
	{"ca-file", required_argument, NULL, OPT_CA_FILE},
	{"cert-file", required_argument, NULL, OPT_CERT_FILE},
	{"key-file", required_argument, NULL, OPT_KEY_FILE},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"station", required_argument, NULL, OPT_STATION},
	{"point", required_argument, NULL, OPT_POINT},
	{"nb", required_argument, NULL, OPT_NB},
	{"nn", required_argument, NULL, OPT_NN},
	{"en", required_argument, NULL, OPT_EN},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

/* Options of one text each. */
static const char **text_option(struct ctl *ctl, int opt)
{
	switch (opt) {
	case OPT_FROM:
		return &ctl->from;
	case OPT_REASON:
		return &ctl->reason;
	case OPT_DATE:
		return &ctl->date;
	case OPT_BY:
		return &ctl->by;
	case OPT_NEXT:
		return &ctl->next;
	case OPT_RAW:
		return &ctl->raw;
	case OPT_POLYNOMIAL:
		return &ctl->polynomial;
	case OPT_NOTE:
		return &ctl->note;
	case OPT_UNIT:
		return &ctl->unit;
	case OPT_TABLE:
		return &ctl->table;
	case OPT_ADDRESS:
		return &ctl->address;
	case OPT_REFERENCE:
		return &ctl->reference;
	case OPT_COUNT:
		return &ctl->count_text;
	case OPT_PROPERTY:
		return &ctl->property;
	case OPT_UNITS:
		return &ctl->units;
	case OPT_BAUD:
		return &ctl->baud;
	case OPT_PARITY:
		return &ctl->parity;
	case OPT_ACCEPT:
		return &ctl->accept;
	case OPT_PSK_IDENTITY:
		return &ctl->psk_identity;
	case OPT_PSK_FILE:
		return &ctl->psk_file;
	case OPT_CA_FILE:
		return &ctl->ca_file;
	case OPT_CERT_FILE:
		return &ctl->cert_file;
	case OPT_KEY_FILE:
		return &ctl->key_file;
	case OPT_DEVICE:
		return &ctl->device;
	case OPT_STATION:
		return &ctl->station;
	case OPT_POINT:
		return &ctl->point;
	case OPT_NB:
		return &ctl->nb;
	case OPT_NN:
		return &ctl->nn;
	case OPT_EN:
		return &ctl->en;
	default:
		return NULL;
	}
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

static int parse_option(struct ctl *ctl, int opt)
{
	if (text_option(ctl, opt)) {
		*text_option(ctl, opt) = optarg;
		return -1;
	}
	switch (opt) {
	case OPT_TIMEOUT:
		return parse_timeout(ctl);
	case OPT_FOR:
		return parse_for(ctl);
	case OPT_SET:
		return parse_set(ctl);
	case OPT_OBSERVE:
		ctl->observe = true;
		break;
	case OPT_ALL:
		ctl->all = true;
		break;
	case 'c':
		ctl->config = optarg;
		break;
	case OPT_SOCKET:
		ctl->socket = optarg;
		break;
	case OPT_JSON:
		ctl->json = true;
		break;
	case OPT_CSV:
		ctl->csv = true;
		break;
	case OPT_HOURLY:
		ctl->hourly = true;
		break;
	case OPT_PLAN:
		ctl->plan = true;
		break;
	case OPT_EFFECTIVE:
		ctl->effective = true;
		break;
	case OPT_NO_FILES:
		ctl->no_files = true;
		break;
	case OPT_SINCE:
		ctl->since = optarg;
		break;
	case OPT_UNTIL:
		ctl->until = optarg;
		break;
	case OPT_VERSION:
		puts("fjordctl " FG_VERSION);
		return EX_OK;
	case 'h':
		usage(stdout);
		return EX_OK;
	default:
		usage(stderr);
		return EX_USAGE;
	}
	return -1;
}

static int parse(struct ctl *ctl, int argc, char **argv)
{
	int opt, code;

	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
		if ((code = parse_option(ctl, opt)) >= 0)
			return code;
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
