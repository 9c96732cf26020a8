/* SPDX-License-Identifier: EUPL-1.2 */
/* `scan modbus TARGET`: who answers on a bus, what it says it is, and which profile may fit. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/report.h"
#include "base/status.h"
#include "coap.h"
#include "ctl.h"
#include "gateway/config/profiles.h"
#include "modbus.h"
#include "protocol/modbus_identity.h"

#define DEFAULT_TIMEOUT_US 200000
#define MAX_TUNINGS	   32
#define MAX_GUESSES	   3
#define OUTPUT_MAX	   (4u << 20)

struct tuning {
	const char *baud, *parity; /* NULL: as the target says */
};

struct found {
	uint8_t unit;
	struct tuning tuning;
	bool garbled; /* something came, and no frame of its */
	struct fg_heard heard;
	struct fg_modbus_identity id;
	char server_id[128];
	const char *guesses[MAX_GUESSES];
	size_t guess_count;
};

struct scan {
	const struct ctl *ctl;
	struct ctl_bus bus;
	bool units[256];
	unsigned unit_count, asked;
	struct tuning tunings[MAX_TUNINGS];
	size_t tuning_count;
	char baud_list[128], parity_list[64];
	struct fg_profile_list *profiles;
	struct found *found;
	size_t found_count;
	bool show_progress;
	bool echo; /* the adapter hears itself */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* ---- what is asked for ---- */

/* "1-10,20,247" */
static bool parse_units(struct scan *s, const char *text)
{
	while (*text) {
		char *end;
		unsigned long from = strtoul(text, &end, 10), to = from;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			to = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (to > 255 || from > to || (*end && *end != ',') || (*end == ',' && !end[1]))
			return false;
		for (; from <= to; from++)
			s->units[from] = true;
		text = end + (*end == ',');
	}
	for (size_t i = 0; i < FG_COUNT(s->units); i++)
		s->unit_count += s->units[i];
	return s->unit_count > 0;
}

/* Cuts a list at its commas into ret; nothing given is one entry: as the target says. False where
 * it is too long. */
static bool cut_list(const char *text, const char *all, char *mem, size_t size, const char **ret,
	size_t max, size_t *ret_count)
{
	size_t n = 0;

	ret[0] = NULL;
	*ret_count = 1;
	if (!text)
		return true;
	snprintf(mem, size, "%s", strcmp(text, "all") == 0 ? all : text);
	if (strlen(text) >= size)
		return false;
	for (char *at = mem; at; n++) {
		if (n == max)
			return false;
		ret[n] = at;
		at = strchr(at, ',');
		if (at)
			*at++ = '\0';
	}
	*ret_count = n;
	return true;
}

/* The usual first. */
static bool parse_tunings(struct scan *s)
{
	static const char all_bauds[] = "9600,19200,115200,38400,57600,4800,2400,1200";
	static const char all_parities[] = "none,even,odd";
	const char *bauds[8], *parities[4];
	size_t baud_count, parity_count;

	if (!cut_list(s->ctl->baud, all_bauds, s->baud_list, sizeof(s->baud_list), bauds,
		    FG_COUNT(bauds), &baud_count) ||
		!cut_list(s->ctl->parity, all_parities, s->parity_list, sizeof(s->parity_list),
			parities, FG_COUNT(parities), &parity_count)) {
		fprintf(stderr,
			"fjordctl: --baud takes up to 8 rates and --parity up to 4, or all\n");
		return false;
	}
	for (size_t b = 0; b < baud_count; b++)
		for (size_t p = 0; p < parity_count; p++)
			s->tunings[s->tuning_count++] = (struct tuning){bauds[b], parities[p]};
	return true;
}

static bool parse(struct scan *s)
{
	if (!parse_units(s, s->ctl->units ? s->ctl->units : "1-247")) {
		fprintf(stderr,
			"fjordctl: --units: '%s' is no list such as 1-10,20,247 (0 to 255)\n",
			s->ctl->units);
		return false;
	}
	return parse_tunings(s);
}

/* ---- one unit ---- */

static bool read_registers(
	void *arg, enum fg_table table, uint16_t address, unsigned count, uint16_t *ret_cells)
{
	struct scan *s = arg;
	const struct found *f = &s->found[s->found_count];
	const struct fg_request req = {table, address, (uint16_t)count};
	unsigned exception;
	struct fg_raw x;

	return ctl_bus_read(&s->bus, f->unit, &req, &x, ret_cells, &exception) == FG_OK;
}

/* An instrument that does not know the function refuses it, or is silent. */
static void identify(struct scan *s, struct found *f)
{
	uint8_t pdu[4];
	struct fg_raw x;
	unsigned exception;
	size_t len;

	len = fg_modbus_server_id_request(pdu);
	if (ctl_bus_exchange(&s->bus, f->unit, pdu, len, &x) == FG_OK && x.status == FG_OK)
		fg_modbus_server_id_answer(
			x.answer, x.answer_len, f->server_id, sizeof(f->server_id), &exception);
	for (int i = 0; i < 4; i++) {
		/* code 2: all with names; who has less gives what it has */
		len = fg_modbus_identity_request(2, f->id.more ? f->id.next : 0, pdu);
		f->id.more = false;
		if (ctl_bus_exchange(&s->bus, f->unit, pdu, len, &x) < 0 || x.status != FG_OK ||
			fg_modbus_identity_answer(x.answer, x.answer_len, &f->id, &exception) < 0 ||
			!f->id.more)
			break;
	}
}

static void guess(struct scan *s, struct found *f)
{
	const char *product[] = {f->id.objects[FG_OBJECT_PRODUCT_CODE],
		f->id.objects[FG_OBJECT_PRODUCT_NAME], f->id.objects[FG_OBJECT_MODEL]};
	unsigned weights[MAX_GUESSES] = {0};
	char products[256];
	struct fg_identity have = {.vendor = f->id.objects[FG_OBJECT_VENDOR],
		.product = products,
		.server_id = f->server_id,
		.read = read_registers,
		.arg = s};

	snprintf(products, sizeof(products), "%s / %s / %s", product[0], product[1], product[2]);
	for (size_t i = 0; i < s->profiles->count; i++) {
		const struct fg_profile_info *p = &s->profiles->items[i];
		unsigned weight = fg_identify_match(&p->meta.identify, &have);
		size_t at = f->guess_count;

		while (at > 0 && weights[at - 1] < weight)
			at--;
		if (!weight || at == MAX_GUESSES)
			continue;
		f->guess_count = FG_MIN(f->guess_count + 1, (size_t)MAX_GUESSES);
		for (size_t k = f->guess_count - 1; k > at; k--) {
			f->guesses[k] = f->guesses[k - 1];
			weights[k] = weights[k - 1];
		}
		f->guesses[at] = p->name;
		weights[at] = weight;
	}
}

static const char *tuning_text(const struct tuning *t, char *mem, size_t size)
{
	snprintf(mem, size, "%s%s%s%s", t->baud || t->parity ? ", " : "", t->baud ? t->baud : "",
		t->baud && t->parity ? " " : "", t->parity ? t->parity : "");
	return mem;
}

static void progress(struct scan *s, unsigned unit, const struct tuning *t)
{
	char mem[64];

	if (s->show_progress)
		fprintf(stderr, "\runit %3u%s  %u of %zu asked, %zu found   ", unit,
			tuning_text(t, mem, sizeof(mem)), s->asked, s->unit_count * s->tuning_count,
			s->found_count);
}

static bool is_absent(const struct fg_heard *h)
{
	return h->kind == FG_HEARD_NOTHING || h->kind == FG_HEARD_ECHO ||
	       h->kind == FG_HEARD_HELD || h->kind == FG_HEARD_OTHER_UNIT ||
	       (h->kind == FG_HEARD_REFUSAL && (h->exception == 10 || h->exception == 11));
}

/* Negative: the link is down. */
static int ask(struct scan *s, uint8_t unit, const struct tuning *t, struct fg_heard *worst)
{
	static const struct fg_request req = {FG_TABLE_HOLDING, 0, 1};
	struct found *f = &s->found[s->found_count];
	uint16_t cell;
	unsigned exception;
	struct fg_raw x;
	bool refused;
	int r;

	memset(f, 0, sizeof(*f));
	f->unit = unit;
	f->tuning = *t;
	r = ctl_bus_read(&s->bus, unit, &req, &x, &cell, &exception);
	refused = fg_heard_from_raw(&x, s->bus.on, s->bus.port, &f->heard);
	s->echo = s->echo || x.echo;
	s->asked++;
	if (refused && worst->kind == FG_HEARD_NOTHING)
		*worst = f->heard;
	if (x.status != FG_OK && x.status != FG_ETIMEOUT && x.status != FG_EFRAME) {
		*worst = f->heard;
		return x.status;
	}
	if (refused && is_absent(&f->heard))
		return FG_OK;
	f->garbled = r != FG_OK && r != FG_EREFUSED;
	if (!f->garbled) {
		identify(s, f);
		guess(s, f);
	}
	s->found_count++;
	return FG_OK;
}

/* ---- all of them ---- */

/* A device without a bus behind it may not look at the unit id at all. */
static bool answers_to_all(const struct scan *s)
{
	return s->bus.on == FG_ON_TCP && s->found_count == s->asked && s->asked >= 8;
}

static int scan_tuning(struct scan *s, const struct tuning *t, struct fg_heard *worst)
{
	int r = FG_OK;

	if ((t->baud || t->parity) && ctl_bus_retune(&s->bus, t->baud, t->parity) != EX_OK)
		return FG_ECONFIG;
	for (unsigned unit = 0; unit < 256 && r == FG_OK && !interrupted && !answers_to_all(s);
		unit++) {
		if (!s->units[unit])
			continue;
		progress(s, unit, t);
		r = ask(s, (uint8_t)unit, t, worst);
	}
	return r;
}

/* Each unit takes a time-out at most, and its frames' time on the wire. */
static double longest_s(const struct scan *s)
{
	double total = 0;

	for (size_t i = 0; i < s->tuning_count; i++) {
		double baud = s->tunings[i].baud ? strtod(s->tunings[i].baud, NULL) : 9600;
		double wire = s->bus.on == FG_ON_TCP || baud < 1 ? 0 : 40 * 11 / baud;

		total += s->unit_count * ((double)s->bus.timeout_us / 1e6 + wire + 0.02);
	}
	return total;
}

/* ---- what was found ---- */

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

static void print_table(const struct scan *s)
{
	static const char *const heads[] = {"UNIT", "BAUD", "PARITY", "ANSWER", "VENDOR", "PRODUCT",
		"REVISION", "SERVER ID", "PROFILE"};
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));

	for (size_t i = 0; i < s->found_count; i++) {
		const struct found *f = &s->found[i];
		const char *name = f->id.objects[FG_OBJECT_MODEL];

		if (!*name)
			name = f->id.objects[FG_OBJECT_PRODUCT_NAME];
		if (!*name)
			name = f->id.objects[FG_OBJECT_PRODUCT_CODE];
		ctl_table_cell(t, "%u", f->unit);
		ctl_table_cell(t, "%s", or_dash(f->tuning.baud));
		ctl_table_cell(t, "%s", or_dash(f->tuning.parity));
		ctl_table_cell(t, "%s", f->garbled ? "damaged" : "ok");
		ctl_table_cell(t, "%s", or_dash(f->id.objects[FG_OBJECT_VENDOR]));
		ctl_table_cell(t, "%s", or_dash(name));
		ctl_table_cell(t, "%s", or_dash(f->id.objects[FG_OBJECT_REVISION]));
		ctl_table_cell(t, "%s", or_dash(f->server_id));
		ctl_table_cell(t, "%s%s%s", f->guess_count ? f->guesses[0] : "-",
			f->guess_count > 1 ? ", or " : "", f->guess_count > 1 ? f->guesses[1] : "");
	}
	ctl_table_print(t, s->ctl->color);
	ctl_table_free(t);
}

static void print_text(const struct scan *s, int status, const struct fg_heard *worst)
{
	if (s->found_count)
		print_table(s);
	printf("%s: %zu of %u asked %s\n", s->bus.port, s->found_count, s->asked,
		s->found_count == 1 ? "answers" : "answer");
	if (answers_to_all(s))
		printf("- it answers to any unit id, so the rest was not asked: use 1\n");
	if (s->echo)
		printf("- local echo: the adapter hears what it sends; that is harmless\n");
	for (size_t i = 0; i < s->found_count; i++)
		if (s->found[i].garbled) {
			ctl_bus_tell(&s->bus, &s->found[i].heard, stdout);
			break;
		}
	if (interrupted)
		printf("- interrupted: the rest was not asked\n");
	else if (status < 0 || s->found_count == 0)
		ctl_bus_tell(&s->bus, worst, stdout);
}

static void put_found(struct fg_json *j, const struct found *f)
{
	fg_json_object(j, NULL);
	fg_json_uint(j, "unit", f->unit);
	if (f->tuning.baud)
		fg_json_uint(j, "baud", strtoul(f->tuning.baud, NULL, 10));
	if (f->tuning.parity)
		fg_json_text(j, "parity", f->tuning.parity);
	fg_json_bool(j, "damaged", f->garbled);
	for (int i = 0; i < FG_OBJECT_COUNT; i++)
		if (f->id.objects[i][0])
			fg_json_text(j, fg_modbus_object_name((enum fg_modbus_object)i),
				f->id.objects[i]);
	if (f->server_id[0])
		fg_json_text(j, "server_id", f->server_id);
	fg_json_array(j, "profiles");
	for (size_t i = 0; i < f->guess_count; i++)
		fg_json_text(j, NULL, f->guesses[i]);
	fg_json_end_array(j);
	fg_json_end_object(j);
}

static void print_json(const struct scan *s, int status, const struct fg_heard *worst)
{
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, OUTPUT_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "port", s->bus.port);
	if (s->bus.link_name[0])
		fg_json_text(&j, "link", s->bus.link_name);
	fg_json_uint(&j, "asked", s->asked);
	fg_json_bool(&j, "interrupted", interrupted);
	fg_json_bool(&j, "echo", s->echo);
	fg_json_array(&j, "found");
	for (size_t i = 0; i < s->found_count; i++)
		put_found(&j, &s->found[i]);
	fg_json_end_array(&j);
	if (!interrupted && (status < 0 || s->found_count == 0))
		fg_heard_put(worst, &j);
	fg_json_end_object(&j);
	puts(out.data);
	fg_buf_fini(&out);
}

/* ---- the command ---- */

static void begin(struct scan *s)
{
	const struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	double longest = 1 + longest_s(s);
	char age[32];

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	s->show_progress = isatty(STDERR_FILENO);
	fprintf(stderr,
		"%s: asking %u unit ids%s, at most about %s; Ctrl-C ends it with what was found\n",
		s->bus.port, s->unit_count, s->tuning_count > 1 ? " at each rate and parity" : "",
		ctl_age(longest, age, sizeof(age)));
}

static int run(struct scan *s)
{
	struct fg_heard worst = {.kind = FG_HEARD_NOTHING, .on = s->bus.on, .port = s->bus.port};
	int r = FG_OK;

	begin(s);
	for (size_t i = 0; i < s->tuning_count && r == FG_OK && !interrupted; i++)
		r = scan_tuning(s, &s->tunings[i], &worst);
	if (s->show_progress)
		fprintf(stderr, "\r%60s\r", "");
	if (r == FG_ECONFIG) /* told */
		return EX_USAGE;
	if (s->ctl->json)
		print_json(s, r, &worst);
	else
		print_text(s, r, &worst);
	return r < 0 || interrupted || s->found_count == 0 ? EX_TEMPFAIL : EX_OK;
}

static int start(struct scan *s)
{
	struct fg_report *rep;
	int code = ctl_bus_open(s->ctl, s->ctl->words[2], &s->bus);

	if (code != EX_OK)
		return code;
	if ((s->ctl->baud || s->ctl->parity) && !ctl_bus_is_tunable(&s->bus)) {
		fprintf(stderr, "fjordctl: %s\n",
			s->bus.link_name[0]
				? "the gateway's port keeps its rate and parity: stop the gateway "
				  "to try others"
				: "--baud and --parity go with a port of this board: "
				  "rtu:/dev/PORT");
		return EX_USAGE;
	}
	if (!s->ctl->timeout_us)
		s->bus.timeout_us = DEFAULT_TIMEOUT_US;
	rep = fg_report_new();
	s->profiles =
		fg_profiles_load(s->ctl->config ? s->ctl->config : CTL_DEFAULT_CONFIG, NULL, rep);
	fg_report_free(rep); /* the folder may be missing; `profile list` tells */
	s->found = calloc(s->unit_count * s->tuning_count + 1, sizeof(*s->found));
	return s->found ? run(s) : EX_OSERR;
}

int ctl_scan(const struct ctl *ctl)
{
	struct scan *s;
	int code = EX_USAGE;

	if (strcmp(ctl->words[1], "coap") == 0)
		return ctl_scan_coap(ctl);
	s = calloc(1, sizeof(*s));
	if (!s)
		return EX_OSERR;
	s->ctl = ctl;
	if (strcmp(ctl->words[1], "modbus") != 0 || ctl->count < 3)
		fprintf(stderr, "fjordctl: scan takes 'modbus' and a target, or 'coap' and perhaps "
				"a network interface\n");
	else if (parse(s))
		code = start(s);
	ctl_bus_close(&s->bus);
	fg_profiles_free(s->profiles);
	free(s->found);
	free(s);
	return code;
}
