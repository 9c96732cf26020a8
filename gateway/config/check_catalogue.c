/* SPDX-License-Identifier: EUPL-1.2 */
/* What the catalogue needs to know of the operator: that it can be used, and what is missing. */
#include <string.h>

#include "base/cleanup.h"
#include "gateway/config/loader.h"

/* The Publications Office's authority list "Licence": what public programs take from it. */
static const struct {
	const char *spdx, *code;
} licences[] = {
	{"NLOD-2.0", "NLOD_2_0"},
	{"NLOD-1.0", "NLOD_1_0"},
	{"CC-BY-4.0", "CC_BY_4_0"},
	{"CC-BY-3.0", "CC_BY_3_0"},
	{"CC-BY-SA-4.0", "CC_BYSA_4_0"},
	{"CC-BY-NC-4.0", "CC_BYNC_4_0"},
	{"CC0-1.0", "CC0"},
	{"ODbL-1.0", "ODC_BL"},
	{"ODC-By-1.0", "ODC_BY"},
	{"PDDL-1.0", "ODC_PDDL"},
	{"OGL-UK-3.0", "OGL_3_0"},
};

const char *fg_licence_code(const char *spdx)
{
	for (size_t i = 0; i < FG_COUNT(licences); i++)
		if (strcmp(licences[i].spdx, spdx) == 0)
			return licences[i].code;
	return NULL;
}

static void check_licence(struct fg_loader *l, const struct fg_node *gateway)
{
	const char *id = l->config->gateway.licence;

	if (id && !fg_licence_code(id))
		fg_report_warning(l->rep, fg_place_of(gateway, "licence"),
			"gateway.licence: the EU's list of licences has no '%s' that is known "
			"here; the catalogue names its page at spdx.org, which data portals may "
			"not take. NLOD-2.0, CC-BY-4.0 and CC0-1.0 are known to all",
			id);
}

static void check_contact(struct fg_loader *l, const struct fg_node *gateway)
{
	const char *contact = l->config->gateway.contact;
	bool web = contact && (strncmp(contact, "https://", 8) == 0 ||
				      strncmp(contact, "http://", 7) == 0);
	const char *at = contact ? strchr(contact, '@') : NULL;
	bool mail = at && at > contact && strchr(at, '.') && !strchr(at + 1, '@');

	if (contact && (strpbrk(contact, " <>\"") || (!web && !mail)))
		fg_report_error(l->rep, fg_place_of(gateway, "contact"),
			"gateway.contact: '%.80s' is neither a web address nor a mail address; "
			"write https://www.example.no/miljo or miljo@example.no",
			contact);
}

/* The ninth digit checks the others (Brønnøysund, modulus 11). */
static int check_digit(const char *number)
{
	static const int weights[] = {3, 2, 7, 6, 5, 4, 3, 2};
	int sum = 0;

	for (size_t i = 0; i < FG_COUNT(weights); i++)
		sum += weights[i] * (number[i] - '0');
	return (11 - sum % 11) % 11;
}

static void check_organisation(struct fg_loader *l, const struct fg_node *gateway)
{
	const char *number = l->config->gateway.organisation;
	struct fg_place at;
	int digit;

	if (!number)
		return;
	at = fg_place_of(gateway, "organisation");
	if (strlen(number) != 9 || strspn(number, "0123456789") != 9) {
		fg_report_error(l->rep, at,
			"gateway.organisation: '%.20s' is not nine digits, as in 974760673",
			number);
		return;
	}
	digit = check_digit(number);
	if (digit == 10 || digit != number[8] - '0')
		fg_report_error(l->rep, at,
			"gateway.organisation: %s is no organisation number, its digits do not fit "
			"together; look it up at brreg.no",
			number);
}

static bool is_published(const struct fg_config *c)
{
	for (size_t i = 0; i < c->destination_count; i++)
		for (size_t k = 0; k < c->destinations[i].server_count; k++)
			if (c->destinations[i].catalogue &&
				!fg_is_loopback(c->destinations[i].servers[k].host))
				return true;
	return false;
}

static void add(struct fg_buf *out, const char *what)
{
	fg_buf_puts(out, out->len ? ", " : "");
	fg_buf_puts(out, what);
}

/* One line for all that is missing; a broker on the board itself is for trying out. */
static void tell_missing(struct fg_loader *l, const struct fg_node *gateway)
{
	const struct fg_gateway_conf *g = &l->config->gateway;
	char mem[300];
	struct fg_buf lacks;
	size_t lost = 0;

	if (fg_report_errors(l->rep) || !is_published(l->config))
		return;
	fg_buf_wrap(&lacks, mem, sizeof(mem));
	if (!g->operator)
		add(&lacks, "gateway.operator");
	if (!g->contact)
		add(&lacks, "gateway.contact");
	if (!g->licence)
		add(&lacks, "gateway.licence");
	for (size_t i = 0; i < l->config->station_count; i++)
		lost += !l->config->stations[i].has_position;
	if (lost) {
		add(&lacks, "the position of ");
		fg_buf_printf(&lacks, "%zu station%s", lost, lost == 1 ? "" : "s");
	}
	if (lacks.len)
		fg_report_warning(l->rep, gateway ? gateway->at : l->root->at,
			"what is published as open data lacks: %s; who finds it cannot tell whose "
			"it is, what it may be used for, or where it was measured",
			lacks.data);
}

void fg_check_catalogue(struct fg_loader *l)
{
	const struct fg_node *gateway = fg_node_get(l->root, "gateway");

	check_licence(l, gateway);
	check_contact(l, gateway);
	check_organisation(l, gateway);
	tell_missing(l, gateway);
}
