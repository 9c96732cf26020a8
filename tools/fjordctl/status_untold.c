/* SPDX-License-Identifier: EUPL-1.2 */
/* `fjordctl status`: what brokers do not take. Only where there is any. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

/* In words for people. */
static const char *why_of(const char *word, const cJSON *d, const cJSON *document, char *text,
	size_t size)
{
	if (strcmp(word, "too_long") == 0)
		return "longer than 256 KiB";
	if (strcmp(word, "ends_connection") == 0)
		return "the broker ends the connection whenever it comes";
	if (strcmp(word, "too_long_for_broker") == 0)
		snprintf(text, size, "the broker takes packets of at most %.0f bytes",
			ctl_number(d, "broker_packet_max"));
	else
		snprintf(text, size, "the broker refuses it (reason code 0x%02x)",
			(unsigned)ctl_number(document, "code"));
	return text;
}

static void print_documents(const cJSON *doc, bool color)
{
	static const char *const heads[] = {"NOT PUBLISHED", "DESTINATION", "WHY"};
	struct ctl_table *t = ctl_table_new(heads, 3);
	char text[80];
	bool any = false;
	const cJSON *d, *u;

	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		cJSON_ArrayForEach(u, cJSON_GetObjectItemCaseSensitive(d, "documents_not_sent"))
		{
			ctl_table_cell(t, "%s", ctl_text(u, "topic"));
			ctl_table_cell(t, "%s", ctl_text(d, "name"));
			ctl_table_cell(t, "%s",
				why_of(ctl_text(u, "why"), d, u, text, sizeof(text)));
			any = true;
		}
	}
	if (any) {
		putchar('\n');
		ctl_table_print(t, color);
	}
	ctl_table_free(t);
}

void ctl_print_untold(const cJSON *doc, bool color)
{
	const cJSON *d;

	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(doc, "destinations"))
	{
		if (ctl_true(d, "one_at_a_time"))
			printf("\n%s: connections end again and again; messages go one after the "
			       "other, to find the one on which they do\n", ctl_text(d, "name"));
		if (ctl_number(d, "ended_connection") > 0)
			printf("\n%s: %.0f messages given up, on which the broker ends the "
			       "connection\n", ctl_text(d, "name"),
				ctl_number(d, "ended_connection"));
	}
	print_documents(doc, color);
}
