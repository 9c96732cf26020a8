/* SPDX-License-Identifier: EUPL-1.2 */
/* What `probe coap` saw, in tables, as JSON, and what is wrong, in words. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/timefmt.h"
#include "probe_coap.h"
#include "protocol/coap_message.h"

#define OUTPUT_MAX (4u << 20)
#define HEX_SHOWN  256
#define ROWS_SHOWN 60

/* ---- diagnoses ---- */

static void say(struct coap_probe *p, const char *fmt, ...) FG_PRINTF(2, 3);

static void say(struct coap_probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	ctl_plain(p->why);
}

static void diagnose_handshake(struct coap_probe *p)
{
	const char *what = p->tcp ? "TLS" : "DTLS";
	const char *alert = p->alert;

	if (*p->untrusted && !p->heard_alert)
		say(p, "the server's certificate is not trusted: %s", p->untrusted);
	else if (strstr(alert, "unknown PSK identity") || strstr(alert, "unknown_psk_identity"))
		say(p, "%s: the server does not know the identity '%s'", what,
			p->ctl->psk_identity ? p->ctl->psk_identity : "");
	else if (strstr(alert, "bad record") || strstr(alert, "decrypt") ||
		 strstr(alert, "bad_record"))
		say(p, "%s: the key of identity '%s' is not the server's", what,
			p->ctl->psk_identity ? p->ctl->psk_identity : "");
	else if (strstr(alert, "handshake failure"))
		say(p, "%s: no common way: does the server want a certificate where a pre-shared "
		       "key is given, or the other way round?",
			what);
	else if (*alert)
		say(p, "%s: refused with the alert '%s'", what, alert);
	else if (p->heard_hello && p->ctl->psk_file)
		say(p, "%s: the server began the handshake and fell silent when the key was to be "
		       "proven: the key of identity '%s' is wrong, or the identity not known",
			what, p->ctl->psk_identity);
	else if (p->heard_hello)
		say(p, "%s: the server began the handshake and did not finish it", what);
	else
		say(p, "no %s on port %u: nothing came back to the handshake, and no ICMP either; "
		       "another port, a server without %s, or a firewall",
			what, p->port, what);
}

static void diagnose_code(struct coap_probe *p)
{
	char code[FG_COAP_CODE_TEXT];

	fg_coap_code_text(p->code, code);
	switch (p->code) {
	case FG_COAP_CODE(4, 1):
		say(p, "%s: it wants to know who asks: %s", code,
			p->secure ? "another identity" : "coaps with a key that it knows");
		break;
	case FG_COAP_CODE(4, 2):
		say(p, "%s: it does not understand an option of the request", code);
		break;
	case FG_COAP_CODE(4, 3):
		say(p, "%s: it knows who asks, and refuses this resource to them", code);
		break;
	case FG_COAP_CODE(4, 4):
		say(p, "%s: there is no %s; 'fjordctl probe coap %s' lists what there is", code,
			p->path, p->base);
		break;
	case FG_COAP_CODE(4, 5):
		say(p, "%s: the resource is there, but not to be read with GET; perhaps it only "
		       "takes values",
			code);
		break;
	case FG_COAP_CODE(4, 6):
		say(p, "%s: it cannot answer in the format that was asked for; leave --accept out",
			code);
		break;
	case FG_COAP_CODE(5, 3):
		say(p, "%s: it cannot answer now%s", code,
			p->max_age >= 0 ? "; it says when to ask again" : "");
		break;
	default:
		say(p, "%s", code);
	}
	if (p->code == FG_COAP_CODE(5, 3) && p->max_age >= 0)
		coap_probe_hint(p, "Max-Age: again in %lld s", (long long)p->max_age);
	if (p->body.len && p->code >> 5 >= 4)
		coap_probe_hint(p, "it says: %.*s", (int)FG_MIN(p->body.len, (size_t)150),
			p->body.data);
}

void coap_probe_diagnose(struct coap_probe *p)
{
	switch (p->event) {
	case COAP_UNREACHABLE:
		say(p, p->tcp ? "nothing listens on TCP port %u of %s, or it cannot be reached"
			      : "nothing listens on UDP port %u of %s (ICMP said so): the port is "
				"wrong, or the server is not running; usual are 5683, and 5684 for "
				"coaps",
			p->port, p->host);
		break;
	case COAP_RESET:
		say(p, "the server reset the message (RST): it does not know what to do with it");
		break;
	case COAP_NO_HANDSHAKE:
		diagnose_handshake(p);
		break;
	case COAP_NO_SOCKET:
		if (p->secure && (*p->untrusted || *p->alert || p->heard_hello))
			diagnose_handshake(p);
		else if (p->tcp && !p->secure)
			say(p, "nothing listens on TCP port %u of %s, or it cannot be reached",
				p->port, p->host);
		else
			say(p, "no way to %s: no route, or a key or certificate file that cannot "
			       "be used",
				p->host);
		if (*p->warning)
			coap_probe_hint(p, "libcoap: %s", p->warning);
		break;
	case COAP_BAD_BLOCKS:
		say(p, "the blocks of the answer do not follow each other, or are more than 64 "
		       "KiB");
		break;
	case COAP_ANSWERED:
		diagnose_code(p);
		break;
	case COAP_NOTHING:
	case COAP_MORE:
	case COAP_SILENT:
		if (p->malformed)
			say(p, "something came back that is no CoAP message");
		else
			say(p, "no answer, and no ICMP either: the host is off or asleep, or a "
			       "firewall drops the messages");
		if (!p->secure && p->port == 5684)
			coap_probe_hint(p, "5684 is the port of DTLS: coaps://");
		break;
	}
}

/* ---- messages ---- */

static void print_hex(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < FG_MIN(n, (size_t)HEX_SHOWN); i++)
		printf("%s%02x", i % 32 == 0 ? "\n    " : " ", bytes[i]);
	if (n > HEX_SHOWN)
		printf("\n    … %zu bytes more", n - HEX_SHOWN);
	putchar('\n');
}

static void print_option(const struct fg_coap_option *o)
{
	const char *name = fg_coap_option_name(o->number), *format = NULL;
	char mem[700];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_coap_put_option_value(&out, o);
	if (o->number == FG_COAP_OPT_FORMAT || o->number == FG_COAP_OPT_ACCEPT)
		format = fg_coap_format_name((unsigned)fg_coap_option_uint(o));
	if (name)
		printf("    %s", name);
	else
		printf("    option %u", o->number);
	printf(": %s%s%s%s\n", mem, format ? " (" : "", format ? format : "", format ? ")" : "");
}

static void print_message(const struct coap_probe *p, const struct coap_seen *seen, bool whole)
{
	struct fg_coap_message m;
	struct fg_coap_option o = {0};
	char code[FG_COAP_CODE_TEXT];

	if (fg_coap_parse(seen->bytes, seen->len, &m) < 0)
		return;
	printf("%s ", seen->sent ? ">" : "<");
	if (p->tcp)
		printf("%s, token ", fg_coap_code_text(m.code, code));
	else
		printf("%s %s, message id %u, token ", fg_coap_type_name(m.type),
			fg_coap_code_text(m.code, code), m.mid);
	for (size_t i = 0; i < m.token_len; i++)
		printf("%02x", m.token[i]);
	printf(", %zu bytes", m.payload_len);
	if (!seen->sent)
		printf(", after %.0f ms", seen->after_s * 1000);
	putchar('\n');
	while (whole && fg_coap_next_option(&m, &o))
		print_option(&o);
	if (whole && !p->tcp)
		printf("    raw%s:", p->secure ? " (before encryption)" : "");
	if (whole && !p->tcp)
		print_hex((const uint8_t *)seen->bytes, seen->len);
	if (whole && p->tcp) {
		printf("    payload:");
		print_hex(m.payload, m.payload_len);
	}
}

/* ---- values ---- */

static const char *time_text(const struct coap_record *r, char text[FG_RFC3339_SIZE])
{
	if (!r->has_time)
		return "-";
	fg_rfc3339((int64_t)(r->time * 1000), text);
	return text;
}

static void print_records(const struct coap_probe *p)
{
	static const char *const heads[] = {"NAME", "VALUE", "UNIT", "TIME"};
	const struct coap_records *r = &p->records;
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));
	char time[FG_RFC3339_SIZE];

	for (size_t i = 0; i < FG_MIN(r->count, (size_t)ROWS_SHOWN); i++) {
		ctl_table_cell(t, "%s", *r->items[i].name ? r->items[i].name : p->path);
		ctl_table_cell(t, "%s", r->items[i].text);
		ctl_table_cell(t, "%s", *r->items[i].unit ? r->items[i].unit : "-");
		ctl_table_cell(t, "%s", time_text(&r->items[i], time));
	}
	putchar('\n');
	ctl_table_print(t, p->ctl->color);
	ctl_table_free(t);
	if (r->count > ROWS_SHOWN || r->cut)
		printf("… %zu more%s\n", r->count - FG_MIN(r->count, (size_t)ROWS_SHOWN),
			r->cut ? ", and others that found no room here" : "");
}

static void print_yaml(const struct coap_probe *p)
{
	struct fg_buf out;

	fg_buf_init(&out, OUTPUT_MAX);
	coap_records_yaml(&p->records, p->path, &out);
	if (out.len)
		printf("\nto paste into a device whose link is {driver: coap, uri: \"%s\"}:\n\n%s",
			p->base, out.data);
	fg_buf_fini(&out);
}

static void print_resources(const struct coap_probe *p)
{
	static const char *const heads[] = {CTL_RESOURCE_HEADS};
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));

	for (size_t i = 0; i < p->resources.count; i++)
		ctl_resource_cells(t, &p->resources.items[i]);
	putchar('\n');
	ctl_table_print(t, p->ctl->color);
	ctl_table_free(t);
	if (p->resources.broken || p->resources.cut)
		printf("%s\n", p->resources.cut ? "… and more"
						: "the list ends in something that is no link");
	if (p->resources.count)
		printf("\nnext: fjordctl probe coap %s%s\n", p->base, p->resources.items[0].path);
}

void coap_probe_print(const struct coap_probe *p)
{
	bool first = true;

	printf("%s%s\n", p->base, p->path);
	for (size_t i = 0; i < p->seen_count; i++) {
		print_message(p, &p->seen[i], first || i < 2);
		first = false;
	}
	if (p->resources.items)
		print_resources(p);
	else if (p->records.count)
		print_records(p);
	if (*p->records.why)
		printf("\nnot read: %s\n", p->records.why);
	if (!p->is_observed || p->seen_count > 1)
		print_yaml(p);
	fflush(stdout);
	if (*p->why)
		fprintf(stderr, "\n%s\n", p->why);
	for (size_t i = 0; i < p->hint_count; i++)
		fprintf(*p->why ? stderr : stdout, "- %s\n", p->hints[i]);
}

/* ---- JSON ---- */

static void put_hex(struct fg_json *j, const char *key, const char *bytes, size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (!hex)
		return;
	hex[0] = '\0';
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
	fg_json_text(j, key, hex);
	free(hex);
}

static void put_message(struct fg_json *j, const struct coap_seen *seen)
{
	struct fg_coap_message m;
	struct fg_coap_option o = {0};
	char code[FG_COAP_CODE_TEXT], mem[700];
	struct fg_buf out;

	if (fg_coap_parse(seen->bytes, seen->len, &m) < 0)
		return;
	fg_json_object(j, NULL);
	fg_json_text(j, "direction", seen->sent ? "sent" : "received");
	fg_json_text(j, "type", fg_coap_type_name(m.type));
	fg_json_text(j, "code", fg_coap_code_text(m.code, code));
	fg_json_uint(j, "message_id", m.mid);
	put_hex(j, "token", (const char *)m.token, m.token_len);
	fg_json_array(j, "options");
	while (fg_coap_next_option(&m, &o)) {
		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_coap_put_option_value(&out, &o);
		fg_json_object(j, NULL);
		fg_json_uint(j, "number", o.number);
		if (fg_coap_option_name(o.number))
			fg_json_text(j, "name", fg_coap_option_name(o.number));
		fg_json_text(j, "value", mem);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
	put_hex(j, "raw", seen->bytes, seen->len);
	fg_json_end_object(j);
}

static void put_records(struct fg_json *j, const struct coap_records *r)
{
	fg_json_array(j, "records");
	for (size_t i = 0; i < r->count; i++) {
		const struct coap_record *one = &r->items[i];

		fg_json_object(j, NULL);
		fg_json_text(j, "name", one->name);
		fg_json_raw(j, "value", one->text, strlen(one->text));
		if (*one->unit)
			fg_json_text(j, "unit", one->unit);
		if (one->has_time)
			fg_json_time(j, "time", (int64_t)(one->time * 1000));
		if (*one->point) {
			fg_json_text(j, "point", one->point);
			fg_json_text(j, "property", one->property);
		}
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

void coap_probe_json(const struct coap_probe *p)
{
	struct fg_buf out, yaml;
	struct fg_json j;
	char code[FG_COAP_CODE_TEXT];

	fg_buf_init(&out, OUTPUT_MAX);
	fg_buf_init(&yaml, OUTPUT_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "uri", p->base);
	fg_json_text(&j, "path", p->path);
	if (p->code)
		fg_json_text(&j, "code", fg_coap_code_text(p->code, code));
	if (p->format >= 0)
		fg_json_int(&j, "content_format", p->format);
	if (p->max_age >= 0)
		fg_json_int(&j, "max_age", p->max_age);
	fg_json_bool(&j, "observed", p->is_observed);
	fg_json_array(&j, "messages");
	for (size_t i = 0; i < p->seen_count; i++)
		put_message(&j, &p->seen[i]);
	fg_json_end_array(&j);
	if (p->resources.items)
		ctl_resources_put(&j, &p->resources);
	else
		put_records(&j, &p->records);
	if (*p->records.why)
		fg_json_text(&j, "not_read", p->records.why);
	coap_records_yaml(&p->records, p->path, &yaml);
	if (yaml.len)
		fg_json_text(&j, "points", yaml.data);
	if (*p->why)
		fg_json_text(&j, "diagnosis", p->why);
	fg_json_array(&j, "hints");
	for (size_t i = 0; i < p->hint_count; i++)
		fg_json_text(&j, NULL, p->hints[i]);
	fg_json_end_array(&j);
	fg_json_end_object(&j);
	puts(out.data);
	fg_buf_fini(&out);
	fg_buf_fini(&yaml);
}
