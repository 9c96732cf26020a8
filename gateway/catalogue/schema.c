/* SPDX-License-Identifier: EUPL-1.2 */
/* The JSON Schema (2020-12) of what protocol/encode_json.c and encode_gap.c write. Names that have
 * a table are taken from it. Members that are not described may come with a later version; a
 * consumer passes over them. */
#include <string.h>

#include "gateway/catalogue/catalogue.h"
#include "gateway/notice_names.h"
#include "model/aggregate.h"
#include "model/alarm.h"
#include "model/qc.h"
#include "model/reason.h"

/* Members that are constant are written as they are. */
#define RAW(j, key, json) fg_json_raw(j, key, json, sizeof(json) - 1)

#define NAME "{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9_-]{0,62}$\"}"
#define ID                                                                                         \
	"{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9_-]{0,62}:(0|[1-9][0-9]{0,19})$\"}"
#define TIME                                                                                       \
	"{\"type\":\"string\",\"format\":\"date-time\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T" \
	"[0-9]{2}:[0-9]{2}:[0-9]{2}\\\\.[0-9]{3}Z$\"}"
#define COUNT  "{\"type\":\"integer\",\"minimum\":0}"
#define NOTICE                                                                                     \
	"{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9_-]{0,62}:n[1-9][0-9]{0,9}$\"," \
	"\"description\":\"of {prefix}/gateways/{gateway}/notices\"}"
#define NOTICE_ID                                                                                  \
	"{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9_-]{0,62}:n[1-9][0-9]{0,9}$\"}"
#define NUMBER "{\"type\":[\"number\",\"null\"]}"

static void put_head(struct fg_json *j, const char *name, const char *description)
{
	fg_json_object(j, name);
	fg_json_text(j, "title", name);
	fg_json_text(j, "description", description);
	fg_json_text(j, "type", "object");
}

static void put_reasons(struct fg_json *j)
{
	char text[FG_REASON_SIZE];

	fg_json_object(j, "reason");
	fg_json_text(j, "type", "string");
	RAW(j, "description",
		"\"exception: a Modbus exception; coap: a CoAP response code; rejected: an MQTT 5 "
		"reason code\"");
	fg_json_array(j, "anyOf");
	fg_json_object(j, NULL);
	fg_json_array(j, "enum");
	for (int r = FG_REASON_NONE + 1; r < FG_REASON_COUNT; r++)
		if (r != FG_REASON_EXCEPTION && r != FG_REASON_COAP && r != FG_REASON_REJECTED)
			fg_json_text(j, NULL, fg_reason_text((enum fg_reason)r, 0, text));
	fg_json_end_array(j);
	fg_json_end_object(j);
	RAW(j, NULL,
		"{\"pattern\":\"^(exception|rejected):[0-9]{1,3}$|^coap:[0-7]\\\\.[0-9]{2}$\"}");
	fg_json_end_array(j);
	fg_json_end_object(j);
}

static void put_tests(struct fg_json *j)
{
	fg_json_object(j, "qc_tests");
	fg_json_text(j, "description",
		"the tests that speak against the value, and the rules of the station by their "
		"names: 3 suspect, 4 fail");
	fg_json_text(j, "type", "object");
	fg_json_int(j, "minProperties", 1);
	fg_json_object(j, "properties");
	for (int t = 0; t < FG_TEST_COUNT; t++)
		RAW(j, fg_test_name((enum fg_test)t), "{\"enum\":[3,4]}");
	fg_json_end_object(j);
	RAW(j, "additionalProperties", "{\"enum\":[3,4]}");
	fg_json_end_object(j);
}

static void put_alarms(struct fg_json *j)
{
	fg_json_object(j, "alarm");
	fg_json_array(j, "enum");
	for (int a = FG_ALARM_NONE + 1; a < FG_ALARM_COUNT; a++)
		fg_json_text(j, NULL, fg_alarm_text((enum fg_alarm)a));
	fg_json_end_array(j);
	fg_json_end_object(j);
}

/* What readings and means have in common, into open "properties". */
static void put_common(struct fg_json *j)
{
	RAW(j, "v", "{\"const\":1}");
	RAW(j, "id", ID);
	RAW(j, "station", NAME);
	RAW(j, "device", NAME);
	RAW(j, "point", NAME);
	RAW(j, "property", NAME);
	RAW(j, "time", TIME);
	RAW(j, "value", "{\"type\":[\"number\",\"boolean\",\"string\",\"null\"]}");
	RAW(j, "unit", "{\"type\":\"string\",\"description\":\"UCUM\"}");
	RAW(j, "qc",
		"{\"enum\":[1,2,3,4,9],\"description\":\"QARTOD: 1 pass, 2 not evaluated, 3 "
		"suspect, 4 fail, 9 missing\"}");
	put_tests(j);
	put_reasons(j);
	RAW(j, "maintenance", "{\"const\":true}");
	put_alarms(j);
	RAW(j, "notice", NOTICE);
	RAW(j, "stored", "{\"const\":false}");
	RAW(j, "time_uncertainty",
		"{\"type\":\"integer\",\"minimum\":1,\"description\":\"seconds\"}");
	RAW(j, "replaces", ID);
}

/* No value without a reason for it, and none where nothing was measured. */
#define VALUE_RULES                                                                                \
	"[{\"if\":{\"properties\":{\"qc\":{\"const\":9}}},\"then\":{\"properties\":{\"value\":"    \
	"{\"type\":\"null\"}}}},"                                                                  \
	"{\"if\":{\"properties\":{\"qc\":{\"enum\":[1,2,3]}}},\"then\":{\"properties\":{"          \
	"\"value\":{\"type\":[\"number\",\"boolean\",\"string\"]},\"reason\":false}}},"            \
	"{\"if\":{\"properties\":{\"qc\":{\"enum\":[1,2]}}},\"then\":{\"properties\":{"            \
	"\"qc_tests\":false}}}]"

#define READING_NEEDS                                                                              \
	"\"v\",\"id\",\"station\",\"device\",\"point\",\"property\",\"time\",\"value\",\"unit\","  \
	"\"qc\""

static void put_reading(struct fg_json *j)
{
	put_head(j, "reading", "One value of a point at one time.");
	RAW(j, "required", "[" READING_NEEDS "]");
	fg_json_object(j, "properties");
	put_common(j);
	RAW(j, "period", "false");
	fg_json_end_object(j);
	RAW(j, "allOf", VALUE_RULES);
	fg_json_end_object(j);
}

static void put_periods(struct fg_json *j)
{
	fg_json_object(j, "period");
	fg_json_array(j, "enum");
	for (int p = FG_TOLD_NONE + 1; p < FG_TOLD_COUNT; p++)
		fg_json_text(j, NULL, fg_told_period_text((enum fg_told_period)p));
	fg_json_end_array(j);
	fg_json_end_object(j);
	fg_json_object(j, "stat");
	fg_json_array(j, "enum");
	for (int s = FG_STAT_NONE + 1; s < FG_STAT_COUNT; s++)
		fg_json_text(j, NULL, fg_stat_text((enum fg_stat)s));
	fg_json_end_array(j);
	fg_json_end_object(j);
}

#define CLASS                                                                                      \
	"{\"type\":\"object\",\"description\":\"of an air-quality index; its limits stand under "  \
	"{prefix}/classes\",\"required\":[\"scheme\",\"version\",\"index\",\"key\"],"              \
	"\"properties\":{\"scheme\":{\"type\":\"string\"},\"version\":{\"type\":\"string\"},"      \
	"\"index\":{\"type\":\"integer\",\"minimum\":1},\"key\":{\"type\":\"string\"},"            \
	"\"by\":{\"type\":\"array\",\"minItems\":1,\"items\":" NAME                              \
	",\"description\":\"of a station: the pollutants that have it\"}}}"
#define EXCLUDED                                                                                   \
	"{\"type\":\"object\",\"minProperties\":1,\"properties\":{\"suspect\":" COUNT              \
	",\"fail\":" COUNT ",\"missing\":" COUNT ",\"maintenance\":" COUNT "}}"

/* The class of a station is of no device. */
#define MEAN_NEEDS                                                                                 \
	"\"v\",\"id\",\"station\",\"point\",\"property\",\"time\",\"value\",\"unit\",\"qc\""

static void put_mean(struct fg_json *j)
{
	put_head(j, "mean", "A value of a period; `time` is its end.");
	RAW(j, "required",
		"[" MEAN_NEEDS ",\"period\",\"stat\",\"coverage\",\"count\"]");
	fg_json_object(j, "properties");
	put_common(j);
	put_periods(j);
	RAW(j, "coverage", "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}");
	RAW(j, "count", COUNT);
	RAW(j, "min", NUMBER);
	RAW(j, "max", NUMBER);
	RAW(j, "excluded", EXCLUDED);
	RAW(j, "class", CLASS);
	fg_json_end_object(j);
	RAW(j, "allOf", VALUE_RULES);
	fg_json_end_object(j);
}

static void put_gap(struct fg_json *j)
{
	put_head(j, "gap", "Readings of a point that were due and will not come.");
	RAW(j, "required",
		"[\"v\",\"id\",\"gateway\",\"station\",\"device\",\"point\",\"from\",\"to\","
		"\"count\",\"reason\"]");
	fg_json_object(j, "properties");
	RAW(j, "v", "{\"const\":1}");
	RAW(j, "id", ID);
	RAW(j, "gateway", NAME);
	RAW(j, "station", NAME);
	RAW(j, "device", NAME);
	RAW(j, "point", NAME);
	RAW(j, "from", TIME);
	RAW(j, "to", TIME);
	RAW(j, "count", "{\"type\":\"integer\",\"minimum\":1}");
	put_reasons(j);
	RAW(j, "step",
		"{\"type\":\"number\",\"exclusiveMinimum\":0,\"description\":\"seconds between the "
		"readings that are left\"}");
	RAW(j, "estimated", "{\"const\":true}");
	RAW(j, "notice", NOTICE);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

#define ACCOUNT_LINE                                                                               \
	"{\"type\":\"object\",\"required\":[\"scheduled\",\"sent\",\"suppressed\",\"missing\"],"   \
	"\"properties\":{\"scheduled\":" COUNT ",\"sent\":" COUNT ",\"suppressed\":" COUNT         \
	",\"missing\":" COUNT "}}"

static void put_account(struct fg_json *j)
{
	put_head(j, "account",
		"What became of the readings of a device that were due in a period, by point: "
		"scheduled = sent + suppressed + missing.");
	RAW(j, "required",
		"[\"v\",\"id\",\"gateway\",\"station\",\"device\",\"from\",\"to\",\"points\"]");
	fg_json_object(j, "properties");
	RAW(j, "v", "{\"const\":1}");
	RAW(j, "id", ID);
	RAW(j, "gateway", NAME);
	RAW(j, "station", NAME);
	RAW(j, "device", NAME);
	RAW(j, "from", TIME);
	RAW(j, "to", TIME);
	RAW(j, "points",
		"{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":" ACCOUNT_LINE
		"}");
	fg_json_end_object(j);
	fg_json_end_object(j);
}

static void put_names(struct fg_json *j, const char *key, const char *(*name)(size_t i))
{
	fg_json_object(j, key);
	fg_json_array(j, "enum");
	for (size_t i = 0; name(i); i++)
		fg_json_text(j, NULL, name(i));
	fg_json_end_array(j);
	fg_json_end_object(j);
}

#define NAMES                                                                                      \
	"{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\"}}"
#define TEXTS                                                                                      \
	"{\"type\":\"object\",\"required\":[\"nb\",\"nn\",\"en\"],"      \
	"\"properties\":{\"nb\":{\"type\":\"string\"},\"nn\":{\"type\":\"string\"},"              \
	"\"en\":{\"type\":\"string\"}}}"
#define AFFECTED                                                                                   \
	"{\"type\":\"object\",\"description\":\"empty: all of this gateway\","                     \
	"\"properties\":{\"stations\":" NAMES ",\"devices\":" NAMES ",\"points\":" NAMES           \
	",\"destinations\":" NAMES "}}"

/* One of a list. */
static void put_notice(struct fg_json *j)
{
	fg_json_object(j, "items");
	fg_json_text(j, "type", "object");
	RAW(j, "required",
		"[\"id\",\"kind\",\"cause\",\"created\",\"from\",\"affected\",\"text\"]");
	fg_json_object(j, "properties");
	RAW(j, "id", NOTICE_ID);
	put_names(j, "kind", fg_notice_kind_name);
	put_names(j, "cause", fg_notice_cause_name);
	RAW(j, "created", TIME);
	RAW(j, "from", TIME);
	RAW(j, "to", TIME);
	RAW(j, "affected", AFFECTED);
	RAW(j, "text", TEXTS);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

static void put_notices(struct fg_json *j)
{
	put_head(j, "notices",
		"What the operator tells of the service: all that is in force or ahead. Readings "
		"and gaps refer to `id`.");
	RAW(j, "required", "[\"gateway\",\"notices\"]");
	fg_json_object(j, "properties");
	RAW(j, "gateway", NAME);
	fg_json_object(j, "notices");
	fg_json_text(j, "type", "array");
	put_notice(j);
	fg_json_end_object(j);
	fg_json_end_object(j);
	fg_json_end_object(j);
}

void fg_catalogue_put_definitions(struct fg_json *j)
{
	put_reading(j);
	put_mean(j);
	put_gap(j);
	put_account(j);
	put_notices(j);
}

void fg_catalogue_schema(struct fg_buf *out)
{
	struct fg_json j;

	fg_json_init(&j, out);
	fg_json_object(&j, NULL);
	fg_json_text(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	fg_json_text(&j, "$id", "urn:fjordgate:schema:reading:1");
	fg_json_text(&j, "title", "Readings, means, gaps, accounts and notices of fjordgate, v 1");
	RAW(&j, "oneOf",
		"[{\"$ref\":\"#/$defs/reading\"},{\"$ref\":\"#/$defs/mean\"},"
		"{\"$ref\":\"#/$defs/gap\"},{\"$ref\":\"#/$defs/account\"},"
		"{\"$ref\":\"#/$defs/notices\"}]");
	fg_json_object(&j, "$defs");
	fg_catalogue_put_definitions(&j);
	fg_json_end_object(&j);
	fg_json_end_object(&j);
}
