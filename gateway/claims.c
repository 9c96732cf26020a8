/* SPDX-License-Identifier: EUPL-1.2 */
/* Stations' catalogues of other gateways. */
#include "gateway/claims.h"

#include <stdio.h>
#include <string.h>

#include "base/key.h"
#include "base/status.h"
#include "gateway/documents.h"
#include "protocol/json_scan.h"

/* A name of ours, or an empty text. */
static void copy_name(struct fg_json_span value, char ret[FG_CLAIM_NAME])
{
	bool cut = true;

	ret[0] = '\0';
	if (value.at < value.end && *value.at == '"')
		fg_json_copy(value, ret, FG_CLAIM_NAME, &cut);
	if (cut || !fg_name_valid(ret))
		ret[0] = '\0';
}

static void read_point(struct fg_json_span rest, struct fg_buf *out, bool *cut)
{
	char domain[FG_CLAIM_NAME] = "", point[FG_CLAIM_NAME] = "", key[16];
	size_t len;
	bool long_key;

	if (!fg_json_take(&rest, '{'))
		return;
	while (!fg_json_take(&rest, '}')) {
		struct fg_json_span name = fg_json_step(&rest), value;

		fg_json_take(&rest, ':');
		value = fg_json_step(&rest);
		fg_json_take(&rest, ',');
		fg_json_copy(name, key, sizeof(key), &long_key);
		if (!long_key && strcmp(key, "domain") == 0)
			copy_name(value, domain);
		else if (!long_key && strcmp(key, "point") == 0)
			copy_name(value, point);
	}
	if (!domain[0] || !point[0])
		return;
	len = strlen(domain) + strlen(point) + 2;
	if (out->len + len >= out->cap) {
		*cut = true;
		return;
	}
	fg_buf_printf(out, "%s/%s", domain, point);
	fg_buf_putc(out, '\0');
}

int fg_claims_read(const void *payload, size_t len, struct fg_buf *out, bool *ret_cut)
{
	struct fg_json_span rest;
	bool cut = false;
	int r = fg_json_find_within(
		payload, len, FG_DOCUMENT_MAX, "/properties/points", &rest);

	if (r < 0 || !fg_json_take(&rest, '['))
		return FG_EDECODE;
	while (!fg_json_take(&rest, ']')) {
		read_point(fg_json_step(&rest), out, &cut);
		fg_json_take(&rest, ',');
	}
	*ret_cut = cut;
	return FG_OK;
}

bool fg_claims_topic(const char *topic, const char *prefix, char ret_station[FG_CLAIM_NAME],
	char ret_gateway[FG_CLAIM_NAME])
{
	static const char root[] = "/stations/";
	size_t n = strlen(prefix), len;
	const char *station, *slash;

	if (strncmp(topic, prefix, n) != 0 || strncmp(topic + n, root, sizeof(root) - 1) != 0)
		return false;
	station = topic + n + sizeof(root) - 1;
	slash = strchr(station, '/');
	len = slash ? (size_t)(slash - station) : FG_CLAIM_NAME;
	if (len >= FG_CLAIM_NAME || strlen(slash + 1) >= FG_CLAIM_NAME)
		return false;
	memcpy(ret_station, station, len);
	ret_station[len] = '\0';
	memcpy(ret_gateway, slash + 1, strlen(slash + 1) + 1);
	return fg_name_valid(ret_station) && fg_name_valid(ret_gateway);
}
