/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_SELECTION_H
#define FG_GATEWAY_SELECTION_H

#include <stdbool.h>

#include "gateway/config/config.h"
#include "model/item.h"

/* What goes to a destination: its `select`. */

/* By domain, station and property. */
bool fg_selects_point(const struct fg_destination *d, const struct fg_point_desc *desc);
/* By quality. A correction goes whatever it says: who has what it replaces must hear of it. */
bool fg_selects_quality(const struct fg_destination *d, const struct fg_item *item);

#endif
