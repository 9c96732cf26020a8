/* SPDX-License-Identifier: EUPL-1.2 */
/* Notices of certificates that end and of alarms that hold, each in words of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "gateway/core_state.h"
#include "model/unit.h"

/* ---- certificates ---- */

struct certificate_words {
	const char *to, *when, *then, *end; /* to NAME when DATE then WHOSE end */
	const char *whose[FG_CERTIFICATES];
};

static const struct certificate_words ends[2][FG_NOTICE_LANGUAGES] = {
	{ /* soon */
		[FG_LANG_NB] = {"Forbindelsen til «", "» kan bli brutt ", ": da utløper ", ".",
			{"brokerens sertifikat", "utstederens sertifikat",
				"gatewayens sertifikat"}},
		[FG_LANG_NN] = {"Sambandet til «", "» kan bli brote ", ": då går ", " ut.",
			{"sertifikatet til brokeren", "sertifikatet til utferdaren",
				"sertifikatet til gatewayen"}},
		[FG_LANG_EN] = {"The connection to '", "' may break on ", ": ", " ends then.",
			{"the broker's certificate", "the authority's certificate",
				"the gateway's certificate"}},
	},
	{ /* it has */
		[FG_LANG_NB] = {"Forbindelsen til «", "» kan være brutt siden ", ": da utløp ",
			".", {"brokerens sertifikat", "utstederens sertifikat",
				"gatewayens sertifikat"}},
		[FG_LANG_NN] = {"Sambandet til «", "» kan vere brote sidan ", ": då gjekk ",
			" ut.", {"sertifikatet til brokeren", "sertifikatet til utferdaren",
				"sertifikatet til gatewayen"}},
		[FG_LANG_EN] = {"The connection to '", "' may be broken since ", ": ",
			" ended then.", {"the broker's certificate",
				"the authority's certificate", "the gateway's certificate"}},
	},
};

static void write_certificate(struct fg_notice_given *given, const char *destination,
	enum fg_certificate c, bool ended)
{
	char mem[FG_NOTICE_TEXT * 2], date[FG_RFC3339_SIZE];
	struct fg_buf out;

	fg_rfc3339(given->from_ms, date);
	for (int l = 0; l < FG_NOTICE_LANGUAGES; l++) {
		const struct certificate_words *w = &ends[ended][l];

		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_buf_puts(&out, w->to);
		fg_buf_puts(&out, destination);
		fg_buf_puts(&out, w->when);
		fg_buf_put(&out, date, strcspn(date, "T"));
		fg_buf_puts(&out, w->then);
		fg_buf_puts(&out, w->whose[c]);
		fg_buf_puts(&out, w->end);
		fg_notice_take_text(given->text[l], &out);
	}
}

/* Readings are as good as before, and come late at worst: no point is affected. In force from the
 * end on, and told ahead. */
static void certificate(
	struct fg_core *core, const char *destination, enum fg_certificate c, int64_t ends_ms,
	int64_t now_ms)
{
	bool ended = ends_ms <= now_ms;
	struct fg_notice_given given = {.from_ms = ends_ms,
		.kind = ended ? FG_NOTICE_FAULT : FG_NOTICE_PLANNED};
	char key[FG_NOTICE_KEY];

	snprintf(given.affected, sizeof(given.affected), "destination:%s", destination);
	snprintf(key, sizeof(key), "%s/%s@%" PRId64 "%s", destination, fg_certificate_of(c),
		ends_ms, ended ? "!" : "");
	write_certificate(&given, destination, c, ended);
	fg_notices_want(core, FG_NOTICE_CERTIFICATE, key, &given, NULL);
}

/* Not connected since the start: what was told of it goes on. */
static void keep_all(struct fg_core *core, const char *destination)
{
	const size_t len = strlen(destination);

	for (struct fg_service_notice *n = core->notices.list; n; n = n->next)
		n->wanted |= n->cause == FG_NOTICE_CERTIFICATE && n->key[len] == '/' &&
			     strncmp(n->key, destination, len) == 0;
}

void fg_notice_certificates(struct fg_core *core, int64_t now_ms)
{
	for (size_t i = 0; i < core->publisher_count; i++) {
		const struct fg_publisher *p = core->publishers[i];

		if (!p->certificates_known)
			keep_all(core, p->conf->name);
		for (int c = 0; c < FG_CERTIFICATES; c++) {
			int64_t ends_ms = p->certificates.ends_ms[c];

			if (ends_ms && ends_ms - now_ms < FG_CERTIFICATE_WARN_MS)
				certificate(core, p->conf->name, (enum fg_certificate)c, ends_ms,
					now_ms);
		}
	}
}

/* ---- alarms ---- */

struct alarm_words {
	const char *before, *after; /* the limit */
};

static const struct alarm_words holds[FG_ALARM_COUNT][FG_NOTICE_LANGUAGES] = {
	[FG_ALARM_ABOVE] = {
		[FG_LANG_NB] = {" er over grensen ", "."},
		[FG_LANG_NN] = {" er over grensa ", "."},
		[FG_LANG_EN] = {" is above the limit of ", "."},
	},
	[FG_ALARM_BELOW] = {
		[FG_LANG_NB] = {" er under grensen ", "."},
		[FG_LANG_NN] = {" er under grensa ", "."},
		[FG_LANG_EN] = {" is below the limit of ", "."},
	},
	[FG_ALARM_RATE] = {
		[FG_LANG_NB] = {" endrer seg raskere enn ", " i sekundet."},
		[FG_LANG_NN] = {" endrar seg raskare enn ", " i sekundet."},
		[FG_LANG_EN] = {" changes faster than ", " per second."},
	},
};

static void put_limit(struct fg_buf *out, double limit, const char *unit, bool comma)
{
	char number[32], *point;

	snprintf(number, sizeof(number), "%g", limit);
	point = strchr(number, '.');
	if (point && comma)
		*point = ',';
	fg_buf_puts(out, number);
	if (!*fg_unit_words(unit))
		return; /* of no dimension */
	fg_buf_putc(out, ' ');
	fg_buf_puts(out, fg_unit_words(unit));
}

static void write_alarm(const struct fg_core *core, struct fg_notice_given *given,
	const struct fg_point *point, enum fg_alarm alarm)
{
	char mem[FG_NOTICE_TEXT * 2];
	struct fg_buf out;

	for (int l = 0; l < FG_NOTICE_LANGUAGES; l++) {
		fg_buf_wrap(&out, mem, sizeof(mem));
		fg_buf_puts(&out, "Alarm: ");
		fg_notice_put_affected(&out, core->config, given->affected);
		fg_buf_puts(&out, holds[alarm][l].before);
		put_limit(&out, fg_alarm_limit(&point->alarm, alarm), point->unit,
			l != FG_LANG_EN);
		fg_buf_puts(&out, holds[alarm][l].after);
		fg_notice_take_text(given->text[l], &out);
	}
}

static void alarm(struct fg_core *core, const struct fg_point *point)
{
	const struct fg_point_events *events = &core->points[point->index].events;
	struct fg_notice_given given = {
		.from_ms = events->alarm_since_wall_ms, .kind = FG_NOTICE_ALARM};
	enum fg_alarm is = events->alarm.holds;
	char key[FG_NOTICE_KEY];

	if (is == FG_ALARM_NONE)
		return;
	snprintf(given.affected, sizeof(given.affected), "point:%s/%s",
		point->device->station->name, point->name);
	snprintf(key, sizeof(key), "%s/%s/%s@%g", point->device->name, point->name,
		fg_alarm_text(is), fg_alarm_limit(&point->alarm, is));
	write_alarm(core, &given, point, is);
	fg_notices_want(core, FG_NOTICE_ALARM_HOLDS, key, &given, NULL);
}

void fg_notice_alarms(struct fg_core *core)
{
	for (size_t i = 0; i < core->config->point_count; i++)
		alarm(core, core->config->points[i]);
}
