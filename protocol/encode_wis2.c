/* SPDX-License-Identifier: EUPL-1.2 */
/* `wis2`: notification messages of the WMO Information System 2 (WNM 1, a GeoJSON feature), one for
 * each reading, with the reading of `json` as inline content. What has no value is no data and is
 * not notified. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "protocol/encode.h"
#include "protocol/encode_wis2.h"

/* What a notification may be at most, and its inline content. */
#define MESSAGE_MAX 8192
#define CONTENT_MAX 4096

_Static_assert(sizeof(struct fg_wis2_options) <= FG_ENCODER_OPTIONS_MAX, "options have room");

const struct fg_key fg_encoder_keys_wis2[] = {
	{"link", FG_KEY_TEXT, .offset = offsetof(struct fg_wis2_options, link), .max = 255,
		.help = "Where a reading can be downloaded (https), as the notification's "
			"canonical link; `{domain}`, `{station}`, `{point}` and `{time}` in it "
			"stand for those of the reading. Default: `gateway.contact`."},
	{"metadata_id", FG_KEY_TEXT, .offset = offsetof(struct fg_wis2_options, metadata_id),
		.max = 255,
		.help = "Identifier of the dataset's discovery metadata (WCMP 2), "
			"`urn:wmo:md:…`."},
	{0},
};

/* ---- pieces ---- */

/* A UUID (version 8: of our own making) of the gateway's name and the reading's number, so that a
 * notification that comes twice is known. */
static void put_uuid(struct fg_json *j, const char *gateway, uint64_t seq)
{
	unsigned char d[FG_SHA256_SIZE];
	char name[128], uuid[37];
	struct fg_buf text;

	fg_buf_wrap(&text, name, sizeof(name));
	fg_buf_puts(&text, gateway);
	fg_buf_putc(&text, ':');
	fg_buf_put_uint(&text, seq);
	fg_sha256(name, text.len, d);
	d[6] = (unsigned char)(0x80 | (d[6] & 0x0F));
	d[8] = (unsigned char)(0x80 | (d[8] & 0x3F));
	snprintf(uuid, sizeof(uuid),
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1],
		d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13], d[14],
		d[15]);
	fg_json_text(j, "id", uuid);
}

static void put_geometry(struct fg_json *j, const struct fg_station *station)
{
	if (!station || !station->has_position) {
		fg_json_null(j, "geometry");
		return;
	}
	fg_json_object(j, "geometry");
	fg_json_text(j, "type", "Point");
	fg_json_array(j, "coordinates");
	fg_json_double(j, NULL, station->longitude);
	fg_json_double(j, NULL, station->latitude);
	if (!isnan(station->elevation))
		fg_json_double(j, NULL, station->elevation);
	fg_json_end_array(j);
	fg_json_end_object(j);
}

static void put_base64(struct fg_buf *out, const unsigned char *bytes, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		size_t have = FG_MIN(n - i, (size_t)3);
		unsigned v = (unsigned)bytes[i] << 16;

		if (have > 1)
			v |= (unsigned)bytes[i + 1] << 8;
		if (have > 2)
			v |= bytes[i + 2];
		fg_buf_putc(out, digits[v >> 18]);
		fg_buf_putc(out, digits[v >> 12 & 63]);
		fg_buf_putc(out, have > 1 ? digits[v >> 6 & 63] : '=');
		fg_buf_putc(out, have > 2 ? digits[v & 63] : '=');
	}
}

static void put_integrity(struct fg_json *j, const struct fg_buf *content)
{
	unsigned char digest[FG_SHA256_SIZE];
	char mem[64];
	struct fg_buf text;

	fg_sha256(content->data, content->len, digest);
	fg_buf_wrap(&text, mem, sizeof(mem));
	put_base64(&text, digest, sizeof(digest));
	fg_json_object(j, "integrity");
	fg_json_text(j, "method", "sha256");
	fg_json_text(j, "value", mem);
	fg_json_end_object(j);
}

/* {gateway}/{root}/{domain}/{station}/{point}/{time}: unique, and something to filter by. */
static void put_data_id(struct fg_json *j, const struct fg_encoding *e,
	const struct fg_point_desc *desc, const char *time)
{
	const char *const parts[] = {e->site->gateway, fg_aggregate_root(desc->period, desc->stat),
		desc->domain, desc->station, desc->point, time};
	char mem[512];
	struct fg_buf text;

	fg_buf_wrap(&text, mem, sizeof(mem));
	for (size_t i = 0; i < FG_COUNT(parts); i++) {
		if (i)
			fg_buf_putc(&text, '/');
		fg_buf_puts(&text, parts[i]);
	}
	fg_json_text(j, "data_id", mem);
}

static void put_properties(struct fg_json *j, const struct fg_encoding *e,
	const struct fg_entry *entry, const char *time, const struct fg_buf *content)
{
	const struct fg_wis2_options *options = e->options;
	const struct fg_item *item = &entry->item;

	fg_json_object(j, "properties");
	fg_json_time(j, "pubtime", e->now_ms);
	if (item->aggregate) {
		fg_json_time(j, "start_datetime", item->aggregate->from_ms);
		fg_json_time(j, "end_datetime", item->wall_ms);
	} else {
		fg_json_text(j, "datetime", time);
	}
	put_data_id(j, e, entry->desc, time);
	if (options->metadata_id)
		fg_json_text(j, "metadata_id", options->metadata_id);
	put_integrity(j, content);
	fg_json_object(j, "content");
	fg_json_text(j, "encoding", "utf-8");
	fg_json_text(j, "value", content->data);
	fg_json_uint(j, "size", content->len);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

/* The link with what stands in braces replaced; all of that are names and times that need no
 * escape. */
static void put_href(struct fg_buf *out, const char *link, const struct fg_point_desc *desc,
	const char *time)
{
	const char *const words[][2] = {{"{domain}", desc->domain}, {"{station}", desc->station},
		{"{point}", desc->point}, {"{time}", time}};

	while (*link) {
		size_t skip = 0;

		for (size_t i = 0; i < FG_COUNT(words) && !skip; i++)
			if (strncmp(link, words[i][0], strlen(words[i][0])) == 0) {
				fg_buf_puts(out, words[i][1]);
				skip = strlen(words[i][0]);
			}
		if (!skip)
			fg_buf_putc(out, *link);
		link += FG_MAX(skip, (size_t)1);
	}
}

static void put_links(struct fg_json *j, const struct fg_encoding *e, const struct fg_entry *entry,
	const char *time, size_t size)
{
	const struct fg_wis2_options *options = e->options;
	const char *link = options->link ? options->link : e->site->contact;
	char mem[1024];
	struct fg_buf href;

	fg_buf_wrap(&href, mem, sizeof(mem));
	put_href(&href, link ? link : "", entry->desc, time);
	fg_json_array(j, "links");
	fg_json_object(j, NULL);
	fg_json_text(j, "rel", entry->item.replaces ? "update" : "canonical");
	fg_json_text(j, "type", "application/json");
	fg_json_text(j, "href", mem);
	if (options->link)
		fg_json_uint(j, "length", size);
	fg_json_end_object(j);
	fg_json_end_array(j);
}

/* ---- the message ---- */

static bool put_topic(struct fg_buf *out, const char *prefix, const struct fg_point_desc *desc)
{
	fg_buf_puts(out, prefix);
	fg_buf_puts(out, "/wis2/");
	fg_buf_puts(out, desc->domain);
	fg_buf_putc(out, '/');
	fg_buf_puts(out, desc->station);
	return !out->overflow;
}

static int encode(const struct fg_encoding *e, const struct fg_entry *entry, size_t n,
	struct fg_buf *topic, struct fg_buf *payload)
{
	const struct fg_item *item = &entry->item;
	char content_mem[CONTENT_MAX + 1], time[FG_RFC3339_SIZE];
	struct fg_buf content;
	struct fg_json j;
	size_t start = payload->len;

	(void)n;
	if (item->qc == FG_QC_MISSING || item->value.kind == FG_KIND_NONE)
		return FG_ENOENT;
	fg_buf_wrap(&content, content_mem, sizeof(content_mem));
	if (!fg_encode_json(&content, e->site->gateway, entry->desc, item))
		return FG_EFULL;
	fg_rfc3339(item->wall_ms, time);
	fg_json_init(&j, payload);
	fg_json_object(&j, NULL);
	put_uuid(&j, e->site->gateway, item->seq);
	fg_json_array(&j, "conformsTo");
	fg_json_text(&j, NULL, "http://wis.wmo.int/spec/wnm/1/conf/core");
	fg_json_end_array(&j);
	fg_json_text(&j, "type", "Feature");
	put_geometry(&j, fg_site_station(e->site, entry->desc->station));
	put_properties(&j, e, entry, time, &content);
	put_links(&j, e, entry, time, content.len);
	fg_json_end_object(&j);
	return put_topic(topic, e->prefix, entry->desc) && !payload->overflow &&
			       payload->len - start <= MESSAGE_MAX
		       ? FG_OK
		       : FG_EFULL;
}

static const char *content_type(const void *options, bool *ret_text)
{
	(void)options;
	*ret_text = true;
	return "application/geo+json";
}

const struct fg_encoder fg_encoder_wis2 = {
	.form = FG_ENCODER_EACH,
	.content_type = content_type,
	.encode = encode,
};
