/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CORE_VIEW_H
#define FG_GATEWAY_CORE_VIEW_H

#include "gateway/core.h"
#include "web/view.h"

/* A view of the core as it is now, for whoever shows it in another thread: values and copies, and a
 * reference to the configuration that names point into. FG_ENOMEM; FG_EFULL: it is larger than a
 * view may be. */
int fg_core_view(const struct fg_core *core, struct fg_now now, struct fg_view **ret);

#endif
