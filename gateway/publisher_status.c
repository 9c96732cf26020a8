/* SPDX-License-Identifier: EUPL-1.2 */
/* What the status tells of a destination's broker beyond what is owed to it. */
#include "gateway/publisher_private.h"

static void limits(const struct fg_publisher *p, struct fg_json *j)
{
	const struct fg_limits *l = &p->limits;

	if (l->inflight && l->inflight < (unsigned)p->conf->inflight)
		fg_json_uint(j, "broker_inflight", l->inflight);
	if (l->packet)
		fg_json_uint(j, "broker_packet_max", l->packet);
	if (l->keepalive_s)
		fg_json_uint(j, "broker_keepalive_s", l->keepalive_s);
	if (l->inflight && l->qos < p->conf->qos)
		fg_json_int(j, "broker_qos", l->qos);
	if (l->no_retain)
		fg_json_bool(j, "broker_retains_nothing", true);
}

static void certificates(const struct fg_publisher *p, struct fg_json *j, int64_t now_ms)
{
	bool any = false;

	for (int c = 0; c < FG_CERTIFICATES; c++)
		any |= p->certificates.ends_ms[c] != 0;
	if (!any)
		return;
	fg_json_array(j, "certificates");
	for (int c = 0; c < FG_CERTIFICATES; c++) {
		int64_t ends_ms = p->certificates.ends_ms[c], left_ms = ends_ms - now_ms;

		if (!ends_ms)
			continue;
		fg_json_object(j, NULL);
		fg_json_text(j, "of", fg_certificate_of((enum fg_certificate)c));
		fg_json_time(j, "ends", ends_ms);
		fg_json_int(j, "days_left", left_ms / 86400000);
		if (left_ms < FG_CERTIFICATE_WARN_MS)
			fg_json_bool(j, "warning", true);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
}

void fg_pub_link_status(const struct fg_publisher *p, struct fg_json *j, struct fg_now now)
{
	fg_json_uint(j, "connections", p->connections);
	if (p->kept_back)
		fg_json_uint(j, "not_selected", p->kept_back);
	limits(p, j);
	fg_pub_untold_status(p, j);
	fg_pub_suspect_status(p, j);
	certificates(p, j, now.wall_us / 1000);
}
