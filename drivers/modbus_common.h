/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_MODBUS_COMMON_H
#define FG_DRIVERS_MODBUS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "protocol/modbus.h"
#include "protocol/plan_reads.h"
#include "protocol/registers.h"

/* What the Modbus drivers share: the keys of devices and points with their checks, the plan of a
 * group, and the pass over it. A driver adds its link keys and a transport. */

/* ---- configuration ---- */

struct fg_modbus_device;

/* Where something stands: `table` with `address`, or `reference`; beside a point's value also
 * `relative`, in registers (or bits) from the value's first. */
struct fg_modbus_place {
	int table; /* 1 + enum fg_table; 0: not given */
	struct fg_modbus_number {
		bool set;
		enum fg_table table; /* of a reference */
		uint16_t address;
	} address, reference;
	struct fg_modbus_signed {
		bool set;
		int n;
	} relative;
};

/* Numbers that a register's are compared with. */
struct fg_modbus_codes {
	const int64_t *items;
	size_t count;
};

/* What each code of a register stands for. */
struct fg_modbus_map {
	struct fg_modbus_meaning {
		int64_t code;
		const char *text; /* as written */
		double factor;	  /* of scale_from */
		double scale, offset; /* of unit_from: to the unit that is published */
		const struct fg_node *node;
	} *items;
	size_t count;
};

/* A register (or bit) beside a value that says something of it. */
struct fg_modbus_source {
	/* as configured */
	struct fg_modbus_place place;
	struct fg_modbus_type {
		bool set;
		struct fg_regspec spec;
	} type;
	int order; /* index + 1 in the list of orders; 0: not given */
	int byte;  /* FG_MODBUS_BYTE_… */
	uint64_t mask;
	struct fg_modbus_signed stride; /* of a repeated point, where it is not the point's */

	/* completed by fg_modbus_check_point() */
	bool given;
	const char *key; /* of the point that names it */
	struct fg_regspec spec;
	struct fg_span span;
	bool inside; /* part of what the point itself reads */
};

/* `quality_from`. */
struct fg_modbus_quality {
	struct fg_named named;
	struct fg_modbus_source source;
	int64_t digit; /* 1 + which decimal digit, 0 the ones; 0: the whole number */
	struct fg_modbus_codes good, suspect;
	uint64_t suspect_bits, fail_bits;
};

#define FG_MODBUS_QUALITIES 8 /* most of one point */
#define FG_MODBUS_SOURCES   (3 + FG_MODBUS_QUALITIES)

struct fg_modbus_point {
	/* as configured */
	struct fg_modbus_source own; /* the value itself; without relative and stride */
	const char *field, *base;
	struct fg_modbus_scale {
		struct fg_modbus_source source;
		int as; /* FG_MODBUS_AS_… */
		struct fg_modbus_map map;
	} scale;
	struct fg_modbus_unit {
		struct fg_modbus_source source;
		struct fg_modbus_map map;
	} unit;
	struct fg_modbus_expect {
		struct fg_modbus_source source;
		struct fg_modbus_codes values;
	} expect;
	struct fg_items qualities; /* of struct fg_modbus_quality */

	/* completed by fg_modbus_check_point() */
	struct fg_regspec spec;
	struct fg_span span; /* the value's own registers */
	struct fg_span read; /* they and the sources relative to them, in one request */
};

enum { FG_MODBUS_BYTE_UNSET, FG_MODBUS_BYTE_HIGH, FG_MODBUS_BYTE_LOW };
enum { FG_MODBUS_AS_UNSET, FG_MODBUS_AS_FACTOR, FG_MODBUS_AS_EXPONENT, FG_MODBUS_AS_DECIMALS };

extern const struct fg_key fg_modbus_point_keys[];

/* Keys of a place, for tables of keys of an object with a `struct fg_modbus_place` in `member`. */
#define FG_MODBUS_PLACE_KEYS(object, member)                                                       \
	{.name = "table",                                                                          \
		.type = FG_KEY_CHOICE,                                                             \
		.offset = offsetof(object, member.table),                                          \
		.choices = fg_modbus_tables,                                                       \
		.help = "Which table is read. Follows from `reference` where that is given."},     \
		{.name = "address",                                                                \
			.type = FG_KEY_CUSTOM,                                                     \
			.offset = offsetof(object, member.address),                                \
			.parse = fg_modbus_parse_address,                                          \
			.form = "0..65535",                                                        \
			.schema = "{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535}",        \
			.help = "As on the wire, from 0."},                                        \
	{                                                                                          \
		.name = "reference", .type = FG_KEY_CUSTOM,                                        \
		.offset = offsetof(object, member.reference), .parse = fg_modbus_parse_reference,  \
		.form = "1.., 10001.., 30001.., 40001.., five or six digits",                      \
		.schema = "{\"type\":[\"integer\",\"string\"]}",                                   \
		.help = "As printed in data sheets, from 1; instead of `address`."                 \
	}
#define FG_MODBUS_TYPES                                                                            \
	"bool u8 i8 u16 i16 u32 i32 u64 i64 f16 f32 f64 bcd16 bcd32 bcd64 string(n) chars(n) "     \
	"bits(lo..hi)"

/* Choices with 1 + enum fg_table; the names in the order of the enum. */
extern const struct fg_choice fg_modbus_tables[];
extern const struct fg_choice fg_modbus_orders[];
int fg_modbus_parse_address(struct fg_bind *b, const struct fg_node *node, void *field);
int fg_modbus_parse_reference(struct fg_bind *b, const struct fg_node *node, void *field);
int fg_modbus_parse_type(struct fg_bind *b, const struct fg_node *node, void *field);

/* Where a place is: sets the table and address of *ret. False where that is not clear, with what
 * is wrong in `why`. */
bool fg_modbus_resolve(
	const struct fg_modbus_place *place, struct fg_span *ret, char *why, size_t size);

bool fg_modbus_is_bit_table(enum fg_table table);
const char *fg_modbus_table_name(enum fg_table table);

void fg_modbus_check_point(const struct fg_point *point, void *conf, struct fg_report *rep);
/* Whether the device, as configured, has what the point reads: false where its list of fields does
 * not have the point's. */
bool fg_modbus_has_point(const struct fg_point *point, const void *conf);
void fg_modbus_check_pair(
	const struct fg_device *a, const struct fg_device *b, struct fg_report *rep);
size_t fg_modbus_text_room(const struct fg_group *group);

/* The sources that a point has, in a fixed order; returns how many there are. */
size_t fg_modbus_sources(
	const struct fg_modbus_point *mp, const struct fg_modbus_source *ret[FG_MODBUS_SOURCES]);

/* ---- ordered fields, and addresses found at run time ---- */

struct fg_modbus_field {
	const char *name;
	unsigned first, count; /* registers, from the beginning of the list */
};

struct fg_modbus_fields {
	struct fg_modbus_place place;
	struct fg_modbus_field_list {
		const struct fg_modbus_field *items;
		size_t count;
	} list;
};

struct fg_modbus_base {
	struct fg_named named;
	struct fg_modbus_source source;
	int64_t add;
};
#define FG_MODBUS_BASES 16 /* most of one device */

extern const struct fg_key fg_modbus_fields_keys[], fg_modbus_base_keys[];

/* The two device keys; they stand in the table of all device keys. */
#define FG_MODBUS_LAYOUT_KEYS                                                                      \
	{.name = "fields",                                                                         \
		.type = FG_KEY_STRUCT,                                                             \
		.flags = FG_KEY_ADVANCED,                                                          \
		.offset = offsetof(struct fg_modbus_device, fields),                               \
		.sub = fg_modbus_fields_keys,                                                      \
		.help = "Fields that stand one behind the other, from an address on, for devices " \
			"whose "                                                                   \
			"layout is configured; points name theirs with `field`."},                 \
	{                                                                                          \
		.name = "bases", .type = FG_KEY_MAP, .flags = FG_KEY_ADVANCED,                     \
		.offset = offsetof(struct fg_modbus_device, bases), .sub = fg_modbus_base_keys,    \
		.size = sizeof(struct fg_modbus_base),                                             \
		.help = "Addresses that the device itself tells in a register. It is read when "   \
			"the "                                                                     \
			"device appears; addresses of points with this `base` count from there.",  \
	}

/* Faults of both, and the completion of bases; for check_device(). */
void fg_modbus_check_layout(
	const struct fg_device *dev, struct fg_modbus_device *conf, struct fg_report *rep);
/* NULL where there is none of that name. */
const struct fg_modbus_field *fg_modbus_find_field(
	const struct fg_modbus_device *dev, const char *name);
/* 1 + index; 0 where there is none. */
uint8_t fg_modbus_find_base(const struct fg_modbus_device *dev, const char *name);

/* ---- devices ---- */

/* One of a list of areas: `table` with `address`, or `reference`, and `count`. */
struct fg_modbus_area {
	struct fg_modbus_place place;
	int64_t count;
};

struct fg_modbus_areas {
	const struct fg_request *items;
	size_t count;
};

/* What goes before a poll; drivers/modbus_command.h. */
struct fg_modbus_cycle {
	int64_t request_gap_us;
	struct fg_modbus_wake {
		struct fg_modbus_place place;
		int64_t count;
		int64_t after_us, wait_us;
		bool given;
		struct fg_request read;
	} wake;
	struct fg_modbus_commands {
		const struct fg_modbus_command *items;
		size_t count;
	} commands;
	int64_t warm_up_us;
};

/* The device keys of struct fg_modbus_cycle, for the table of all. */
#define FG_MODBUS_CYCLE_KEYS(object, member)                                                       \
	{.name = "request_gap",                                                                    \
		.type = FG_KEY_DURATION,                                                           \
		.flags = FG_KEY_ADVANCED,                                                          \
		.offset = offsetof(object, member.request_gap_us),                                 \
		.max = 10000000,                                                                   \
		.min = 0,                                                                          \
		.dflt = "0s",                                                                      \
		.help = "Silence before each request to it, at least. Never less than 3.5 "        \
			"characters."},                                                            \
		{.name = "wake",                                                                   \
			.type = FG_KEY_STRUCT,                                                     \
			.flags = FG_KEY_ADVANCED,                                                  \
			.offset = offsetof(object, member.wake),                                   \
			.sub = fg_modbus_wake_keys,                                                \
			.help = "A read that wakes it after a pause. Its answer or silence is "    \
				"thrown away."},                                                   \
		{.name = "commands",                                                               \
			.type = FG_KEY_CUSTOM,                                                     \
			.flags = FG_KEY_ADVANCED,                                                  \
			.offset = offsetof(object, member.commands),                               \
			.sub = fg_modbus_command_keys,                                             \
			.parse = fg_modbus_parse_commands,                                         \
			.form = "a list of mappings",                                              \
			.schema = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}",          \
			.help = "Writes before it is read, in this order. Nothing is sent "        \
				"without `allow_commands: true`."},                                \
	{                                                                                          \
		.name = "warm_up", .type = FG_KEY_DURATION, .flags = FG_KEY_ADVANCED,              \
		.offset = offsetof(object, member.warm_up_us), .min = 0, .max = 86400000000,       \
		.dflt = "0s",                                                                      \
		.help = "So long after it begins to answer its readings are suspect (qc 3, test "  \
			"`warm_up`)."                                                              \
	}

extern const struct fg_key fg_modbus_wake_keys[], fg_modbus_command_keys[];
int fg_modbus_parse_commands(struct fg_bind *b, const struct fg_node *node, void *field);

/* What each driver's link state begins with: what is known of devices with such a cycle. */
struct fg_modbus_link {
	struct fg_modbus_run *runs;
	size_t run_count;
};

struct fg_modbus_device {
	int64_t unit_id;
	int64_t max_registers, max_bits; /* 0: what the protocol allows */
	int64_t max_gap;
	int read_align;
	struct fg_modbus_areas no_read, blocks;
	int64_t min_interval_us;
	int64_t response_us; /* 0: not known */
	struct fg_modbus_fields fields;
	struct fg_items bases; /* of struct fg_modbus_base */
	struct fg_modbus_cycle cycle;
};

extern const struct fg_key fg_modbus_device_keys[];
extern const struct fg_key fg_modbus_area_keys[]; /* of struct fg_modbus_area */

/* For every driver's check_device(): limits, areas, layout and intervals against the device's
 * points. */
void fg_modbus_check_device(const struct fg_device *dev, void *conf, struct fg_report *rep);

/* ---- the plan ---- */

/* How one request ended. */
struct fg_modbus_outcome {
	int status; /* FG_OK, FG_EREFUSED, FG_ETIMEOUT, FG_EFRAME, or another: the link is down */
	unsigned exception;
	int64_t taken_us;
};

/* Registers of one request that were asked for with no gap between them. */
struct fg_modbus_piece {
	struct fg_request hull; /* rounded as read_align says */
	uint32_t cell;		/* of its first register, in the scratch cells */
};

/* A request as it is sent now: one of the plan, or a part of one that was refused. */
struct fg_modbus_read {
	struct fg_request request;
	uint8_t space; /* of its address; see struct fg_span */
	uint32_t first_piece, piece_count, cell;
	unsigned silent; /* times in a row that it got no answer */
	struct fg_modbus_outcome outcome;
};

/* Spans 0..points-1 are the points' own; those of their sources elsewhere follow. The scratch
 * memory is written by the link's worker alone, so that a poll needs to allocate nothing. */
struct fg_modbus_plan {
	const struct fg_request *requests; /* as planned */
	const uint8_t *spaces;		   /* of each request */
	size_t request_count;
	const uint32_t *first_piece; /* of each request, and the end of the last */
	const struct fg_modbus_piece *pieces;
	const uint32_t *piece_of, *cell_of; /* of each span */
	const uint32_t *source_span;	    /* of each point: its first source elsewhere */
	uint16_t bases_used;		    /* bits of the device's bases */
	int64_t turn_us; /* how long the device is expected to take until it answers */
	struct fg_modbus_scratch *scratch;
};

struct fg_modbus_scratch {
	uint16_t *cells;
	struct fg_modbus_read *reads; /* room for one of each piece */
	size_t read_count;
	uint32_t *read_of; /* of each piece */
	bool *known; /* of each piece: a request over the gap behind it was once not answered */
	struct fg_modbus_read trial; /* the whole whose parts are tried; piece_count 0: none */
	uint32_t probe;	   /* the piece that a probe asks for */
	int64_t split_us;  /* since when requests are split; 0: none is */
	bool told;	   /* the log knows */
	bool gone;	   /* the last pass got no answer */
	/* of each base: what it was found to be; -1: unknown */
	int32_t base[FG_MODBUS_BASES];
};

/* What requests cost on a link. */
struct fg_modbus_costs {
	unsigned max_registers; /* lower than the device's where a slow line asks for it */
	/* Of each request besides its data: frames, silent times, a round trip; without the time
	 * that the device takes. */
	int64_t request_ns;
	int64_t byte_ns; /* of each byte of data */
	int64_t turn_us; /* until the device answers, where its configuration does not say */
};

/* How long a device is taken to need until it answers where nothing is known. */
#define FG_MODBUS_TURN_US 10000

/* Of a serial line: frames of request and answer and the two silences between them. */
struct fg_modbus_costs fg_modbus_serial_costs(
	unsigned baud, unsigned char_bits, unsigned max_registers);

int fg_modbus_plan(
	struct fg_group *group, struct fg_arena *arena, const struct fg_modbus_costs *costs);
void fg_modbus_describe(const struct fg_group *group, size_t i, struct fg_request_info *ret_info);
/* "holding 0..19 (20 registers)" */
void fg_modbus_request_text(const struct fg_request *req, char *text, size_t size);
const struct fg_request *fg_modbus_group_request(const struct fg_group *group, size_t i);

/* Where a span stands after a pass. */
static inline const struct fg_modbus_outcome *fg_modbus_outcome_of(
	const struct fg_modbus_plan *plan, size_t span)
{
	const struct fg_modbus_scratch *s = plan->scratch;

	return &s->reads[s->read_of[plan->piece_of[span]]].outcome;
}

static inline const uint16_t *fg_modbus_cells_of(const struct fg_modbus_plan *plan, size_t span)
{
	return plan->scratch->cells + plan->cell_of[span];
}

/* ---- refused gaps: modbus_split.c ---- */

/* Some devices refuse a request, or do not answer it, for registers that nobody asked for. Such a
 * request is split at its gaps; that is remembered as long as the device answers, a day at most. */

/* All requests as planned. */
void fg_modbus_split_forget(const struct fg_modbus_plan *plan);
/* Before a pass: forgets where it is time to learn anew. */
void fg_modbus_split_begin(const struct fg_modbus_plan *plan, int64_t now_us);
/* After the i-th read: whether it was split, so that the i-th is to be read now. */
bool fg_modbus_split(struct fg_job *job, const struct fg_modbus_plan *plan, size_t i);
/* After a pass. */
void fg_modbus_split_end(struct fg_job *job, const struct fg_modbus_plan *plan);
/* The read that a probe makes: the smallest piece, another one after it was refused. */
void fg_modbus_probe_read(const struct fg_modbus_plan *plan, struct fg_modbus_read *ret);
void fg_modbus_probe_refused(const struct fg_modbus_plan *plan);

/* ---- the pass ---- */

/* One request to be sent. */
struct fg_modbus_query {
	uint8_t unit;
	const uint8_t *pdu;
	size_t len;
	size_t answer;	/* PDU bytes of a good answer; 0: it tells itself */
	int64_t gap_us; /* silence before it, at least */
};

/* What the device said to it: an answer or a refusal. */
struct fg_modbus_reply {
	uint8_t pdu[FG_MODBUS_PDU_MAX];
	size_t len;
	int64_t answer_us; /* from the end of the request to the end of this */
};

/* What a driver does for one exchange; never beyond the time given, never with another device's or
 * another request's answer. */
struct fg_modbus_transport {
	/* Makes the link fit for a request. Negative: it is down. */
	int (*ready)(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us);
	/* FG_OK with the reply, or another status as in fg_modbus_outcome. until_us is the time
	 * for the answer where the request takes none. Called by fg_modbus_exchange() alone. */
	int (*exchange)(struct fg_job *job, const struct fg_modbus_query *q, int64_t until_us,
		struct fg_modbus_reply *ret);
	/* The last attempt at a request got no answer; may be NULL. */
	void (*gave_up)(struct fg_job *job);
};

/* The reading of a point after a pass, from the plan's scratch memory. */
void fg_modbus_add_reading(struct fg_job *job, const struct fg_modbus_plan *plan, size_t point);
/* Why there is none where a request ended so. */
enum fg_reason fg_modbus_reason(int status);

/* Reads the bases that the plan uses and that are not known. FG_OK, also where some stay unknown;
 * otherwise how the exchange ended: the device does not answer, or the link is down. */
int fg_modbus_find_bases(
	struct fg_job *job, const struct fg_modbus_transport *t, const struct fg_modbus_plan *plan);
/* They may be others when the device comes back. */
void fg_modbus_forget_bases(const struct fg_modbus_plan *plan);
/* The request as it goes over the wire; false where its base is unknown or leads beyond the last
 * address. */
bool fg_modbus_place_request(const struct fg_modbus_plan *plan, uint8_t space,
	const struct fg_request *req, struct fg_request *ret);
/* The only way to a device's wire. A request that could change anything in a device is refused
 * here (FG_ECANCELED) unless the device's configuration allows commands, and always where it would
 * go to all units at once. */
int fg_modbus_exchange(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_query *q, int64_t until_us, struct fg_modbus_reply *ret);

/* One request with its attempts; a device that is busy is asked again. */
void fg_modbus_ask(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_modbus_query *q, struct fg_modbus_reply *ret_reply,
	struct fg_modbus_outcome *ret);
/* The same for a read. */
void fg_modbus_run_request(struct fg_job *job, const struct fg_modbus_transport *t,
	const struct fg_request *req, uint16_t *cells, struct fg_modbus_outcome *ret);

/* The time for one answer. */
int64_t fg_modbus_timeout_us(const struct fg_job *job);

/* Whether a request's end means that the link itself is down. */
bool fg_modbus_link_failed(int status);

/* fg_driver.poll for both. */
int fg_modbus_poll(struct fg_job *job, const struct fg_modbus_transport *transport);

/* ---- helpers for transports ---- */

const struct fg_modbus_device *fg_modbus_device_of(const struct fg_job *job);

/* Shows a frame ('>' sent, '<' received, 'x' thrown away) to --debug=modbus and to job->explain, in
 * the form that tests/replay reads. job may be NULL: nothing is shown. */
void fg_modbus_trace(struct fg_job *job, char mark, const uint8_t *bytes, size_t len);
void fg_modbus_trace_event(struct fg_job *job, const char *what);

/* Waits until a descriptor can be read: 1, 0 at `until_us`, negative errno. With fd -1 it only
 * waits: the wire has silent times that must pass. */
int fg_modbus_wait(int fd, int64_t until_us);

/* Whether a descriptor opened now would be one that libmodbus can select() on: it writes beyond an
 * fd_set from 1024 up. */
bool fg_modbus_descriptor_fits(void);

#endif
