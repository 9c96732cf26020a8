/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of resources and addresses, as `scan coap` and `probe coap` show them. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "coap.h"
#include "protocol/coap_message.h"

void ctl_resources_parse(struct ctl_resources *r, const char *data, size_t len)
{
	const char *at = data, *end = data + len;
	struct fg_resource one;
	int status;

	free(r->items);
	*r = (struct ctl_resources){.items = calloc(CTL_RESOURCES, sizeof(*r->items))};
	if (!r->items)
		return;
	while ((status = fg_link_format_next(&at, end, &one)) == FG_OK) {
		r->cut = r->count == CTL_RESOURCES;
		if (r->cut)
			return;
		r->items[r->count++] = one;
	}
	r->broken = status != FG_ENOENT;
}

void ctl_resources_free(struct ctl_resources *r)
{
	free(r->items);
	*r = (struct ctl_resources){.count = 0};
}

static const char *short_format(unsigned format, char *mem, size_t size)
{
	const char *name = fg_coap_format_name(format), *slash = name ? strchr(name, '/') : NULL;

	if (slash)
		snprintf(mem, size, "%s", strncmp(name, "text", 4) == 0 ? "text" : slash + 1);
	else
		snprintf(mem, size, "%u", format);
	return mem;
}

void ctl_resource_cells(struct ctl_table *t, const struct fg_resource *r)
{
	char formats[160] = "", one[48];
	struct fg_buf out;

	fg_buf_wrap(&out, formats, sizeof(formats));
	for (size_t i = 0; i < r->format_count; i++)
		fg_buf_printf(&out, "%s%s", i ? " " : "",
			short_format(r->formats[i], one, sizeof(one)));
	ctl_table_cell(t, "%s", r->path);
	ctl_table_cell(t, "%s", *r->rt ? r->rt : "-");
	ctl_table_cell(t, "%s", *r->iface ? r->iface : "-");
	ctl_table_cell(t, "%s", *formats ? formats : "-");
	ctl_table_cell(t, "%s", r->observable ? "yes" : "-");
}

void ctl_resources_put(struct fg_json *j, const struct ctl_resources *r)
{
	fg_json_array(j, "resources");
	for (size_t i = 0; i < r->count; i++) {
		const struct fg_resource *one = &r->items[i];

		fg_json_object(j, NULL);
		fg_json_text(j, "path", one->path);
		if (*one->rt)
			fg_json_text(j, "rt", one->rt);
		if (*one->iface)
			fg_json_text(j, "if", one->iface);
		if (*one->title)
			fg_json_text(j, "title", one->title);
		fg_json_array(j, "ct");
		for (size_t k = 0; k < one->format_count; k++)
			fg_json_uint(j, NULL, one->formats[k]);
		fg_json_end_array(j);
		fg_json_bool(j, "obs", one->observable);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
	if (r->broken || r->cut)
		fg_json_text(j, "resources_note",
			r->cut ? "there are more" : "the list ends in something that is no link");
}

const char *ctl_address_text(const struct sockaddr_storage *a, char text[CTL_ADDRESS_TEXT])
{
	socklen_t len = a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						 : sizeof(struct sockaddr_in);
	char host[80], port[8];

	if (getnameinfo((const struct sockaddr *)a, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(text, CTL_ADDRESS_TEXT, "?");
	else
		snprintf(text, CTL_ADDRESS_TEXT,
			a->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return text;
}
