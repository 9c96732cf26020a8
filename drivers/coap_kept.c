/* SPDX-License-Identifier: EUPL-1.2 */
/* What the coap driver remembers of a resource from one poll to the next: the representation that
 * an ETag stands for, and until when its server wants to be left alone. The places are as many as
 * there are hashes: where two paths share one, the last has it. */
#include <stdlib.h>
#include <string.h>

#include "drivers/coap_internal.h"

static void empty(struct fg_coap_kept *kept)
{
	free(kept->path);
	free(kept->body);
	*kept = (struct fg_coap_kept){0};
}

struct fg_coap_kept *fg_coap_kept_find(struct fg_coap_endpoint *ep, const char *path)
{
	struct fg_coap_kept *kept = &ep->kept[fg_coap_hash(path)];

	return kept->path && strcmp(kept->path, path) == 0 ? kept : NULL;
}

struct fg_coap_kept *fg_coap_kept_take(struct fg_coap_endpoint *ep, const char *path)
{
	struct fg_coap_kept *kept = &ep->kept[fg_coap_hash(path)];

	if (fg_coap_kept_find(ep, path))
		return kept;
	empty(kept);
	kept->path = strdup(path);
	return kept->path ? kept : NULL;
}

void fg_coap_kept_body(struct fg_coap_endpoint *ep, const char *path, const uint8_t *etag,
	size_t etag_len, int format, const char *data, size_t len)
{
	struct fg_coap_kept *kept = fg_coap_kept_find(ep, path);
	char *copy;

	if (kept)
		kept->etag_len = 0;
	if (!etag_len || !len || len > FG_COAP_KEPT_MAX)
		return;
	kept = fg_coap_kept_take(ep, path);
	copy = kept ? realloc(kept->body, len) : NULL;
	if (!copy)
		return;
	memcpy(copy, data, len);
	memcpy(kept->etag, etag, etag_len);
	kept->body = copy;
	kept->len = len;
	kept->format = format;
	kept->etag_len = etag_len;
}

void fg_coap_kept_free(struct fg_coap_endpoint *ep)
{
	for (size_t i = 0; i < FG_COAP_ACCEPTS; i++)
		empty(&ep->kept[i]);
}
