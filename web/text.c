/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/text.h"

#include <string.h>

#include "base/cleanup.h"

static const char *const texts[FG_TEXT_COUNT][FG_VIEW_LANGUAGES] = {
	[FG_TEXT_SKIP] = {"Hopp til innholdet", "Hopp til innhaldet", "Skip to the content"},
	[FG_TEXT_LANGUAGE] = {"Språk", "Språk", "Language"},
	[FG_TEXT_UPDATED] = {"Oppdatert", "Oppdatert", "Updated"},
	[FG_TEXT_OLD] = {"Gatewayen svarer ikke: det som vises, er gammelt.",
		"Gatewayen svarar ikkje: det som blir vist, er gammalt.",
		"The gateway does not respond: what is shown is old."},
	[FG_TEXT_NOTICES] = {"Driftsmeldinger", "Driftsmeldingar", "Service notices"},
	[FG_TEXT_FROM] = {"fra", "frå", "from"},
	[FG_TEXT_UNTIL] = {"til", "til", "until"},
	[FG_TEXT_STATIONS] = {"Stasjoner", "Stasjonar", "Stations"},
	[FG_TEXT_QUANTITY] = {"Måling", "Måling", "Measurement"},
	[FG_TEXT_VALUE] = {"Verdi", "Verdi", "Value"},
	[FG_TEXT_QUALITY] = {"Kvalitet", "Kvalitet", "Quality"},
	[FG_TEXT_MEASURED] = {"Målt", "Målt", "Measured"},
	[FG_TEXT_LAST_DAY] = {"Siste døgn", "Siste døgn", "Last 24 hours"},
	[FG_TEXT_LAST_DAY_OF] = {"Siste døgn: fra", "Siste døgn: frå", "Last 24 hours: from"},
	[FG_TEXT_TO] = {"til", "til", "to"},
	[FG_TEXT_NO_READING] = {"ingen ennå", "ingen enno", "none yet"},
	[FG_TEXT_TIME_UNKNOWN] = {"tid ukjent", "tid ukjend", "time unknown"},
	[FG_TEXT_LATE] = {"utdatert", "utdatert", "out of date"},
	[FG_TEXT_ALARM] = {"Grense overskredet", "Grense overskriden", "Limit exceeded"},
	[FG_TEXT_MAINTENANCE] = {"Vedlikehold", "Vedlikehald", "Maintenance"},
	[FG_TEXT_DEVICES] = {"Måleinstrumenter", "Måleinstrument", "Instruments"},
	[FG_TEXT_DEVICE] = {"Instrument", "Instrument", "Instrument"},
	[FG_TEXT_STATE] = {"Tilstand", "Tilstand", "State"},
	[FG_TEXT_SINCE] = {"Siden", "Sidan", "Since"},
	[FG_TEXT_REASON] = {"Årsak", "Årsak", "Reason"},
	[FG_TEXT_LAST_ANSWER] = {"Siste svar", "Siste svar", "Last answer"},
	[FG_TEXT_ALL_WELL] = {"Alle instrumenter svarer.", "Alle instrument svarar.",
		"All instruments answer."},
	[FG_TEXT_MORE] = {"flere, se /api/status", "fleire, sjå /api/status",
		"more, see /api/status"},
	[FG_TEXT_DESTINATIONS] = {"Mottakere", "Mottakarar", "Destinations"},
	[FG_TEXT_DESTINATION] = {"Mottaker", "Mottakar", "Destination"},
	[FG_TEXT_WAITING] = {"Venter på levering", "Ventar på levering", "Waiting for delivery"},
	[FG_TEXT_OLDEST] = {"Eldste", "Eldste", "Oldest"},
	[FG_TEXT_CALIBRATION] = {"Kalibrering", "Kalibrering", "Calibration"},
	[FG_TEXT_DUE] = {"Frist", "Frist", "Due"},
	[FG_TEXT_OVERDUE] = {"over fristen", "over fristen", "overdue"},
	[FG_TEXT_GATEWAY] = {"Gatewayen", "Gatewayen", "The gateway"},
	[FG_TEXT_CLOCK] = {"Klokke", "Klokke", "Clock"},
	[FG_TEXT_CLOCK_RIGHT] = {"går riktig", "går rett", "is right"},
	[FG_TEXT_CLOCK_WRONG] = {"ikke kjent om den går riktig; målinger holdes tilbake",
		"ikkje kjent om ho går rett; målingar blir haldne tilbake",
		"not known to be right; readings are held back"},
	[FG_TEXT_STORE] = {"Lager", "Lager", "Store"},
	[FG_TEXT_STORE_OF] = {"av", "av", "of"},
	[FG_TEXT_STORE_FAILS] = {"kan ikke skrives", "kan ikkje skrivast", "cannot be written"},
	[FG_TEXT_STARTED] = {"Startet", "Starta", "Started"},
	[FG_TEXT_VERSION] = {"Versjon", "Versjon", "Version"},
	[FG_TEXT_DATA] = {"Åpne data", "Opne data", "Open data"},
	[FG_TEXT_LICENCE] = {"Lisens", "Lisens", "Licence"},
	[FG_TEXT_CONTACT] = {"Kontakt", "Kontakt", "Contact"},
	[FG_TEXT_AGO] = {"siden", "sidan", "ago"},
	[FG_TEXT_ALL_STATIONS] = {"Alle stasjoner", "Alle stasjonar", "All stations"},
};

/* A word of ours and what it means. */
struct word {
	const char *key;
	const char *text[FG_VIEW_LANGUAGES];
};

static const struct word states[] = {
	{"ok", {"svarer", "svarar", "answers"}},
	{"failing", {"feiler", "feilar", "fails"}},
	{"quarantined", {"ute av drift", "ute av drift", "out of service"}},
	{"maintenance", {"under vedlikehold", "under vedlikehald", "under maintenance"}},
	{"unknown", {"ikke avlest ennå", "ikkje avlesen enno", "not read yet"}},
	{"waiting", {"ikke tilkoblet", "ikkje tilkopla", "not connected"}},
	{"connecting", {"kobler til", "koplar til", "connecting"}},
	{"connected", {"tilkoblet", "tilkopla", "connected"}},
	{"stopped", {"stoppet", "stoppa", "stopped"}},
};

/* Codes behind a colon are left off. */
static const struct word reasons[] = {
	{"sentinel", {"sensoren melder ingen måling", "sensoren melder inga måling",
		"the sensor reports no value"}},
	{"sensor_quality", {"sensoren melder dårlig kvalitet", "sensoren melder dårleg kvalitet",
		"the sensor reports poor quality"}},
	{"not_a_number", {"ikke et tall", "ikkje eit tal", "not a number"}},
	{"no_response", {"svarer ikke", "svarar ikkje", "does not answer"}},
	{"link_down", {"forbindelsen er nede", "sambandet er nede", "the link is down"}},
	{"exception", {"avviser forespørselen", "avviser førespurnaden", "refuses the request"}},
	{"frame", {"forstyrret svar", "forstyrra svar", "garbled answer"}},
	{"decode", {"uforståelig svar", "uforståeleg svar", "unreadable answer"}},
	{"coap", {"avviser forespørselen", "avviser førespurnaden", "refuses the request"}},
	{"content_format", {"ukjent format", "ukjent format", "unknown format"}},
	{"not_reported", {"har ikke rapportert", "har ikkje rapportert", "has not reported"}},
	{"no_input", {"mangler grunnlag", "manglar grunnlag", "lacks its inputs"}},
	{"out_of_range", {"utenfor området", "utanfor området", "outside its range"}},
	{"coverage", {"for få målinger", "for få målingar", "too few readings"}},
};

static const struct word notices[] = {
	{"fault", {"Feil", "Feil", "Fault"}},
	{"repair", {"Reparasjon pågår", "Reparasjon er i gang", "Repair under way"}},
	{"planned", {"Planlagt driftsstans", "Planlagd driftsstans", "Planned downtime"}},
};

const char *fg_text(enum fg_text what, int language)
{
	return texts[what][language];
}

const char *fg_text_code(int language)
{
	static const char *const codes[FG_VIEW_LANGUAGES] = {"nb", "nn", "en"};

	return codes[language];
}

const char *fg_text_language(int language)
{
	static const char *const names[FG_VIEW_LANGUAGES] = {"Bokmål", "Nynorsk", "English"};

	return names[language];
}

const char *fg_text_quality(enum fg_qc qc, int language)
{
	static const char *const good[] = {"God", "God", "Good"};
	static const char *const untested[] = {"Ikke kontrollert", "Ikkje kontrollert",
		"Not checked"};
	static const char *const suspect[] = {"Usikker", "Usikker", "Suspect"};
	static const char *const bad[] = {"Feil", "Feil", "Bad"};
	static const char *const missing[] = {"Mangler", "Manglar", "Missing"};

	switch (qc) {
	case FG_QC_PASS:
		return good[language];
	case FG_QC_SUSPECT:
		return suspect[language];
	case FG_QC_FAIL:
		return bad[language];
	case FG_QC_MISSING:
		return missing[language];
	case FG_QC_NOT_EVALUATED:
		break;
	}
	return untested[language];
}

static const char *find(const struct word *words, size_t n, const char *key, int language)
{
	size_t len = strcspn(key, ":");

	for (size_t i = 0; i < n; i++)
		if (strlen(words[i].key) == len && memcmp(words[i].key, key, len) == 0)
			return words[i].text[language];
	return NULL;
}

const char *fg_text_state(const char *state, int language)
{
	const char *text = find(states, FG_COUNT(states), state, language);

	return text ? text : state;
}

const char *fg_text_reason(const char *reason, int language)
{
	return find(reasons, FG_COUNT(reasons), reason, language);
}

const char *fg_text_notice(const char *kind, int language)
{
	const char *text = find(notices, FG_COUNT(notices), kind, language);

	return text ? text : kind;
}
