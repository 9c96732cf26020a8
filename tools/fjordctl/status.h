/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_STATUS_H
#define FG_TOOLS_STATUS_H

#include "ctl.h"

/* What the parts of `fjordctl status` share. All are given the daemon's document. */

/* Seconds from a time in the document to the document's own. */
double status_since(const cJSON *doc, const char *time);
const char *status_clock_level(const cJSON *clock);
/* Sparkplug: nothing is sent while the host is not there. */
bool status_waits_for_host(const cJSON *destination);
/* Nothing is amiss with the device, nor with a point of it. */
bool status_device_well(const cJSON *device);

/* status_wrong.c: what is wrong, the worst first, at most `most` lines of `columns` (0: any), with
 * a line in front that counts them and one that counts what is not shown. Returns the lines. */
unsigned status_print_wrong(const cJSON *doc, unsigned most, unsigned columns, bool color);

/* status_screen.c: the whole status on so many lines and columns. */
void status_print_screen(const cJSON *doc, unsigned rows, unsigned columns, bool color);

#endif
