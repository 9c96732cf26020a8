/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_LINK_FORMAT_H
#define FG_PROTOCOL_LINK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* What a CoAP server says that it has: CoRE Link Format (RFC 6690), as a pure function over hostile
 * bytes. */

/* One resource. Texts are cut at their room; controls are replaced. */
struct fg_resource {
	char path[256]; /* the target as it stands there: "/sensors/pm25" */
	char rt[96], iface[64], title[96];
	unsigned formats[8]; /* ct: content formats that it can give */
	size_t format_count;
	bool observable;
};

/* Takes the next resource off *at, up to `end`. FG_OK; FG_ENOENT behind the last; FG_EDECODE where
 * it is not link format from here on. Begin with *at at the start of the document. */
int fg_link_format_next(const char **at, const char *end, struct fg_resource *ret);

#endif
