/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_COAP_H
#define FG_TOOLS_COAP_H

#include <netinet/in.h>

#include "base/json.h"
#include "ctl.h"
#include "protocol/link_format.h"

/* What `scan coap` and `probe coap` share. */

int ctl_scan_coap(const struct ctl *ctl);
int ctl_probe_coap(const struct ctl *ctl);

/* Resources that a server lists; at most CTL_RESOURCES are kept. */
#define CTL_RESOURCES 512

struct ctl_resources {
	struct fg_resource *items;
	size_t count;
	bool broken; /* it is not link format from some place on */
	bool cut;    /* there are more */
};

void ctl_resources_parse(struct ctl_resources *r, const char *data, size_t len);
void ctl_resources_free(struct ctl_resources *r);
/* The cells of one resource: path, rt, if, content formats, observable. */
#define CTL_RESOURCE_HEADS "RESOURCE", "TYPE (RT)", "INTERFACE (IF)", "FORMAT", "OBSERVE"
void ctl_resource_cells(struct ctl_table *t, const struct fg_resource *r);
void ctl_resources_put(struct fg_json *j, const struct ctl_resources *r);

/* "192.0.2.1:5683", "[fe80::1%eth0]:5683" */
#define CTL_ADDRESS_TEXT 100
const char *ctl_address_text(const struct sockaddr_storage *a, char text[CTL_ADDRESS_TEXT]);

#endif
