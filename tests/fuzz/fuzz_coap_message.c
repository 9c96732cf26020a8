/* SPDX-License-Identifier: EUPL-1.2 */
/* CoAP messages of anybody in the network, and the lists of resources in them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/status.h"
#include "protocol/coap_message.h"
#include "protocol/link_format.h"

static void check_options(const struct fg_coap_message *m, const uint8_t *data, size_t size)
{
	struct fg_coap_option o = {0};
	unsigned last = 0;
	struct fg_buf out;
	char mem[512];

	while (fg_coap_next_option(m, &o)) {
		if (o.number < last || o.value < data || o.value + o.len > data + size)
			abort();
		last = o.number;
		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_coap_put_option_value(&out, &o);
	}
}

static void check_links(const char *at, const char *end)
{
	struct fg_resource r;
	const char *before = at;

	while (fg_link_format_next(&at, end, &r) == FG_OK) {
		if (at <= before || at > end || !memchr(r.path, '\0', sizeof(r.path)) ||
			!memchr(r.title, '\0', sizeof(r.title)) || r.format_count > 8)
			abort();
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fg_coap_message m;

	check_links((const char *)data, (const char *)data + size);
	if (fg_coap_parse(data, size, &m) < 0)
		return 0;
	if (m.payload + m.payload_len != data + size || m.token_len > FG_COAP_TOKEN_MAX)
		abort();
	check_options(&m, data, size);
	return 0;
}
