/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_METRICS_H
#define FG_WEB_METRICS_H

#include "base/buf.h"
#include "web/view.h"

/* What the server knows of itself and of the process. */
struct fg_metrics_own {
	double cpu_s;
	uint64_t resident_bytes; /* 0: not known */
	uint64_t requests[6];	 /* answered, by the first digit of the status */
	unsigned connections;
};

/* The text format of Prometheus, version 0.0.4. */
void fg_metrics_put(struct fg_buf *out, const struct fg_view *v, const struct fg_metrics_own *own);

#endif
