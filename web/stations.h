/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_STATIONS_H
#define FG_WEB_STATIONS_H

#include "base/buf.h"
#include "web/view.h"

/* All stations with their points and the newest reading of each: a GeoJSON FeatureCollection (RFC
 * 7946). */
void fg_stations_put(struct fg_buf *out, const struct fg_view *v);

#endif
