/* SPDX-License-Identifier: EUPL-1.2 */
/* Prometheus: one family after the other, each with its help and type; base units, `_total` for
 * what only grows. docs/http.md lists them. */
#include "web/metrics.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"

static void family(struct fg_buf *out, const char *name, const char *type, const char *help)
{
	fg_buf_printf(out, "# HELP fjordgate_%s %s\n# TYPE fjordgate_%s %s\n", name, help, name,
		type);
}

/* What a label's value may hold as it is: all but these three. */
static void put_label_text(struct fg_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fg_buf_puts(out, "\\n");
			continue;
		}
		if (*text == '"' || *text == '\\')
			fg_buf_putc(out, '\\');
		fg_buf_putc(out, *text);
	}
}

/* "fjordgate_NAME{key="value",…} ": keys and values up to a NULL. */
static void begin(struct fg_buf *out, const char *name, ...) __attribute__((sentinel));
static void begin(struct fg_buf *out, const char *name, ...)
{
	const char *key;
	bool any = false;
	va_list ap;

	fg_buf_printf(out, "fjordgate_%s", name);
	va_start(ap, name);
	while ((key = va_arg(ap, const char *))) {
		fg_buf_printf(out, "%c%s=\"", any ? ',' : '{', key);
		put_label_text(out, va_arg(ap, const char *));
		fg_buf_putc(out, '"');
		any = true;
	}
	va_end(ap);
	fg_buf_puts(out, any ? "} " : " ");
}

static void put_uint(struct fg_buf *out, uint64_t v)
{
	fg_buf_put_uint(out, v);
	fg_buf_putc(out, '\n');
}

static void put_real(struct fg_buf *out, double v)
{
	if (isfinite(v))
		fg_buf_printf(out, "%.15g\n", v);
	else
		fg_buf_puts(out, "NaN\n");
}

static void put_time(struct fg_buf *out, int64_t ms)
{
	fg_buf_printf(out, "%lld.%03d\n", (long long)(ms / 1000), (int)(ms % 1000));
}

static void gauge(struct fg_buf *out, const char *name, const char *help, double v)
{
	family(out, name, "gauge", help);
	begin(out, name, NULL);
	put_real(out, v);
}

static void counter(struct fg_buf *out, const char *name, const char *help, uint64_t v)
{
	family(out, name, "counter", help);
	begin(out, name, NULL);
	put_uint(out, v);
}

/* ---- the gateway ---- */

static void put_gateway(struct fg_buf *out, const struct fg_view *v)
{
	family(out, "build_info", "gauge", "Version and id of the gateway; the value is 1.");
	begin(out, "build_info", "version", v->version, "gateway", v->gateway, NULL);
	put_uint(out, 1);
	family(out, "start_time_seconds", "gauge", "When the daemon started, Unix time.");
	begin(out, "start_time_seconds", NULL);
	put_time(out, v->started_ms);
	gauge(out, "clock_trusted", "1 while the time is known to be right.", v->clock_trusted);
	gauge(out, "clock_holding",
		"1 while the system clock has stepped and is not followed.", v->clock_holding);
	gauge(out, "clock_waiting_readings", "Readings that wait for their time.",
		(double)v->clock_waiting);
	gauge(out, "notices", "Service notices in force or announced.", (double)v->notice_count);
	counter(out, "polled_readings_total", "Readings that polls brought.", v->polled);
	counter(out, "derived_readings_total", "Readings that were worked out of others.",
		v->derived);
	counter(out, "suppressed_readings_total",
		"Readings that were not told because nothing had changed.", v->suppressed);
	counter(out, "overruns_total", "Polls that were due while the one before still ran.",
		v->overruns);
}

static void put_quality(struct fg_buf *out, const struct fg_view *v)
{
	static const struct {
		enum fg_qc qc;
		const char *flag;
	} flags[] = {{FG_QC_PASS, "1"}, {FG_QC_NOT_EVALUATED, "2"}, {FG_QC_SUSPECT, "3"},
		{FG_QC_FAIL, "4"}, {FG_QC_MISSING, "9"}};

	family(out, "readings_total", "counter",
		"Readings that were told, by QARTOD flag: 1 pass, 2 not evaluated, 3 suspect, "
		"4 fail, 9 missing.");
	for (size_t i = 0; i < FG_COUNT(flags); i++) {
		begin(out, "readings_total", "qc", flags[i].flag, NULL);
		put_uint(out, v->told[flags[i].qc]);
	}
	counter(out, "corrections_total", "Verdicts that came after their readings.",
		v->corrected);
	counter(out, "corrections_lost_total",
		"Verdicts that came too late to be told.", v->not_told);
}

static void put_store(struct fg_buf *out, const struct fg_view *v)
{
	gauge(out, "store_writable", "1 while the store can be written.", v->store_writable);
	gauge(out, "store_size_bytes", "Size of the database with its side files.",
		(double)v->store_bytes);
	gauge(out, "store_max_size_bytes", "The bound of the store: storage.max_size.",
		(double)v->store_max);
	gauge(out, "store_rows", "Rows in the store; one holds the readings of a poll.",
		(double)v->store_rows);
	gauge(out, "store_waiting_readings", "Readings that wait for their commit.",
		(double)(v->next_seq - v->committed_next));
	family(out, "store_dropped_readings_total", "counter",
		"Readings that were dropped before every destination had them; gaps tell of them.");
	begin(out, "store_dropped_readings_total", "cause", "max_size", NULL);
	put_uint(out, v->dropped_size);
	begin(out, "store_dropped_readings_total", "cause", "queue_full", NULL);
	put_uint(out, v->dropped_full);
}

/* ---- links and devices ---- */

static void put_links(struct fg_buf *out, const struct fg_view *v)
{
	family(out, "link_up", "gauge", "1: a device on the link answers; 0: it is down.");
	for (size_t i = 0; i < v->link_count; i++) {
		begin(out, "link_up", "link", v->links[i].name, "driver", v->links[i].driver,
			NULL);
		put_uint(out, strcmp(v->links[i].state, "up") == 0);
	}
	family(out, "link_devices", "gauge", "Devices on the link.");
	for (size_t i = 0; i < v->link_count; i++) {
		begin(out, "link_devices", "link", v->links[i].name, NULL);
		put_uint(out, v->links[i].devices);
	}
	family(out, "link_devices_ok", "gauge", "Devices on the link that are well.");
	for (size_t i = 0; i < v->link_count; i++) {
		begin(out, "link_devices_ok", "link", v->links[i].name, NULL);
		put_uint(out, v->links[i].devices_ok);
	}
	family(out, "link_vain_probes_seconds_total", "counter",
		"Time of the link that probes of dead devices took in vain.");
	for (size_t i = 0; i < v->link_count; i++) {
		begin(out, "link_vain_probes_seconds_total", "link", v->links[i].name, NULL);
		put_real(out, v->links[i].vain_s);
	}
	family(out, "link_events_total", "counter", "What the driver of the link counts.");
	for (size_t i = 0; i < v->link_count; i++)
		for (size_t k = 0; v->links[i].counts && v->links[i].count_names[k]; k++) {
			begin(out, "link_events_total", "link", v->links[i].name, "event",
				v->links[i].count_names[k], NULL);
			put_uint(out, v->links[i].counts[k]);
		}
}

static void put_device_states(struct fg_buf *out, const struct fg_view *v)
{
	static const char *const states[] = {
		"ok", "failing", "quarantined", "maintenance", "unknown"};

	family(out, "device_state", "gauge", "1 for the state that the device is in.");
	for (size_t i = 0; i < v->device_count; i++)
		for (size_t k = 0; k < FG_COUNT(states); k++) {
			const struct fg_view_device *d = &v->devices[i];

			begin(out, "device_state", "device", d->name, "station",
				v->stations[d->station].name, "state", states[k], NULL);
			put_uint(out, strcmp(d->state, states[k]) == 0);
		}
}

static void put_devices(struct fg_buf *out, const struct fg_view *v)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} counts[] = {
#define COUNT(name, field, help) {name, help, offsetof(struct fg_view_device, field)}
		COUNT("device_polls_total", polls, "Polls of the device."),
		COUNT("device_failures_total", failures, "Polls that failed."),
		COUNT("device_overruns_total", overruns,
			"Polls that were due while the one before still ran."),
		COUNT("device_requests_total", requests, "Requests sent to the device."),
		COUNT("device_answers_total", answers, "Answers that came."),
		COUNT("device_missing_readings_total", missing,
			"Readings that were due and will not come."),
#undef COUNT
	};

	put_device_states(out, v);
	for (size_t k = 0; k < FG_COUNT(counts); k++) {
		family(out, counts[k].name, "counter", counts[k].help);
		for (size_t i = 0; i < v->device_count; i++) {
			uint64_t n;

			memcpy(&n, (const char *)&v->devices[i] + counts[k].offset, sizeof(n));
			begin(out, counts[k].name, "device", v->devices[i].name, NULL);
			put_uint(out, n);
		}
	}
	family(out, "device_answer_seconds", "gauge", "How long the last good poll took.");
	for (size_t i = 0; i < v->device_count; i++) {
		begin(out, "device_answer_seconds", "device", v->devices[i].name, NULL);
		put_real(out, v->devices[i].answer_s);
	}
	family(out, "device_last_answer_timestamp_seconds", "gauge",
		"When the device answered last, Unix time.");
	for (size_t i = 0; i < v->device_count; i++) {
		if (!v->devices[i].last_ok_ms)
			continue;
		begin(out, "device_last_answer_timestamp_seconds", "device", v->devices[i].name,
			NULL);
		put_time(out, v->devices[i].last_ok_ms);
	}
}

/* ---- points ---- */

static void begin_point(struct fg_buf *out, const char *name, const struct fg_view *v,
	const struct fg_view_point *p)
{
	begin(out, name, "station", v->stations[p->station].name, "point", p->name, "domain",
		p->domain, "device", v->devices[p->device].name, NULL);
}

static void put_points(struct fg_buf *out, const struct fg_view *v)
{
	family(out, "reading_value", "gauge",
		"The newest reading of the point, in its unit; nothing where it has no number.");
	for (size_t i = 0; i < v->point_count; i++) {
		const struct fg_view_point *p = &v->points[i];

		if (!p->has_reading || !isfinite(p->number))
			continue;
		begin(out, "reading_value", "station", v->stations[p->station].name, "point",
			p->name, "domain", p->domain, "device", v->devices[p->device].name,
			"property", p->property, "unit", p->unit, NULL);
		put_real(out, p->number);
	}
	family(out, "reading_qc", "gauge", "QARTOD flag of the newest reading.");
	for (size_t i = 0; i < v->point_count; i++) {
		if (!v->points[i].has_reading)
			continue;
		begin_point(out, "reading_qc", v, &v->points[i]);
		put_uint(out, (uint64_t)v->points[i].qc);
	}
	family(out, "reading_timestamp_seconds", "gauge",
		"When the newest reading was measured, Unix time.");
	for (size_t i = 0; i < v->point_count; i++) {
		if (!v->points[i].has_reading || !v->points[i].timed)
			continue;
		begin_point(out, "reading_timestamp_seconds", v, &v->points[i]);
		put_time(out, v->points[i].time_ms);
	}
	family(out, "calibration_due_timestamp_seconds", "gauge",
		"When the next calibration of the point is due, Unix time.");
	for (size_t i = 0; i < v->point_count; i++) {
		if (!v->points[i].calibration_due_ms)
			continue;
		begin_point(out, "calibration_due_timestamp_seconds", v, &v->points[i]);
		put_time(out, v->points[i].calibration_due_ms);
	}
}

/* ---- destinations ---- */

static void put_certificates(struct fg_buf *out, const struct fg_view *v)
{
	family(out, "destination_certificate_expiry_timestamp_seconds", "gauge",
		"When a certificate of the connection ends, Unix time.");
	for (size_t i = 0; i < v->destination_count; i++)
		for (size_t c = 0; c < FG_VIEW_CERTIFICATES; c++) {
			const struct fg_view_destination *d = &v->destinations[i];

			if (!d->certificates[c].of)
				continue;
			begin(out, "destination_certificate_expiry_timestamp_seconds",
				"destination", d->name, "certificate", d->certificates[c].of, NULL);
			put_time(out, d->certificates[c].ends_ms);
		}
}

static void put_destinations(struct fg_buf *out, const struct fg_view *v)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} counts[] = {
#define COUNT(name, type, field, help) \
	{name, type, help, offsetof(struct fg_view_destination, field)}
		COUNT("destination_backlog_readings", "gauge", backlog,
			"Readings that are stored and not acknowledged."),
		COUNT("destination_in_flight_messages", "gauge", in_flight,
			"Messages that are sent and not acknowledged."),
		COUNT("destination_published_readings_total", "counter", published,
			"Readings that were sent."),
		COUNT("destination_acknowledged_readings_total", "counter", acknowledged,
			"Readings that the broker acknowledged."),
		COUNT("destination_refused_readings_total", "counter", refused,
			"Readings that the broker refused."),
		COUNT("destination_connections_total", "counter", connections,
			"Connections that were made."),
#undef COUNT
	};

	family(out, "destination_connected", "gauge", "1 while the broker is connected.");
	for (size_t i = 0; i < v->destination_count; i++) {
		begin(out, "destination_connected", "destination", v->destinations[i].name, NULL);
		put_uint(out, v->destinations[i].connected);
	}
	for (size_t k = 0; k < FG_COUNT(counts); k++) {
		family(out, counts[k].name, counts[k].type, counts[k].help);
		for (size_t i = 0; i < v->destination_count; i++) {
			uint64_t n;

			memcpy(&n, (const char *)&v->destinations[i] + counts[k].offset,
				sizeof(n));
			begin(out, counts[k].name, "destination", v->destinations[i].name, NULL);
			put_uint(out, n);
		}
	}
	family(out, "destination_oldest_unsent_timestamp_seconds", "gauge",
		"Time of the oldest reading that is not acknowledged, where it is known.");
	for (size_t i = 0; i < v->destination_count; i++) {
		if (!v->destinations[i].oldest_ms)
			continue;
		begin(out, "destination_oldest_unsent_timestamp_seconds", "destination",
			v->destinations[i].name, NULL);
		put_time(out, v->destinations[i].oldest_ms);
	}
	put_certificates(out, v);
}

static void put_own(struct fg_buf *out, const struct fg_metrics_own *own)
{
	static const char *const classes[] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};

	family(out, "http_requests_total", "counter", "Requests that this server answered.");
	for (size_t i = 2; i < FG_COUNT(classes); i++) {
		begin(out, "http_requests_total", "code", classes[i], NULL);
		put_uint(out, own->requests[i]);
	}
	gauge(out, "http_connections", "Connections that are open.", own->connections);
	/* names that every process has by convention */
	fg_buf_puts(out, "# HELP process_cpu_seconds_total CPU time, all threads.\n"
			 "# TYPE process_cpu_seconds_total counter\n"
			 "process_cpu_seconds_total ");
	put_real(out, own->cpu_s);
	if (!own->resident_bytes)
		return;
	fg_buf_puts(out, "# HELP process_resident_memory_bytes Memory that is in RAM.\n"
			 "# TYPE process_resident_memory_bytes gauge\n"
			 "process_resident_memory_bytes ");
	put_uint(out, own->resident_bytes);
}

void fg_metrics_put(struct fg_buf *out, const struct fg_view *v, const struct fg_metrics_own *own)
{
	put_gateway(out, v);
	put_quality(out, v);
	put_store(out, v);
	put_links(out, v);
	put_devices(out, v);
	put_points(out, v);
	put_destinations(out, v);
	put_own(out, own);
}
