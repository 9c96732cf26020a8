/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_FJORDSIM_SIM_H
#define FG_TOOLS_FJORDSIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/key.h"
#include "base/report.h"

/* Simulated sensors. One thread, one epoll: `main.c` wires, `conf.c` reads the file, `curve.c` and
 * `value.c` say what is measured, `fault.c` what goes wrong, `modbus.c` answers requests, `port.c`
 * and `coap.c` carry them, `control.c` takes orders at run time. */

/* ---- what is measured ---- */

enum sim_shape { SIM_CONSTANT, SIM_DAILY, SIM_TIDAL, SIM_WALK, SIM_COUNTER };

struct sim_curve {
	int shape;
	double mean, amplitude;
	double noise; /* standard deviation */
	double peak;  /* daily: local hour of the highest value */
};

/* The value at a moment: the same for the same arguments. `reads` is for SIM_COUNTER.
 * local_us is wall time plus the offset of the local time zone. */
double sim_curve_at(const struct sim_curve *curve, uint64_t seed, int64_t wall_us, int64_t local_us,
	uint64_t reads);

/* ---- registers ---- */

enum sim_table { SIM_HOLDING, SIM_INPUT, SIM_COIL, SIM_DISCRETE };

enum sim_type {
	SIM_BOOL,
	SIM_U16,
	SIM_I16,
	SIM_U32,
	SIM_I32,
	SIM_U64,
	SIM_I64,
	SIM_F32,
	SIM_F64,
	SIM_BCD16,
	SIM_BCD32,
	SIM_U8, /* of binary payloads; in a register the low byte */
	SIM_I8,
};

enum sim_order { SIM_ABCD, SIM_CDAB, SIM_BADC, SIM_DCBA };

/* Registers of a type: 1, 2 or 4. */
unsigned sim_type_width(int type);
/* Puts a number into registers, in the order of the wire. What is too large stays at the type's
 * end. Written for the simulator alone, so that the gateway's decoder is not tested with itself. */
unsigned sim_encode(int type, int order, double v, uint16_t ret_registers[4]);

/* ---- the configuration ---- */

struct sim_point {
	const char *name; /* fg_item */
	const struct fg_node *node;
	int table, type, order;
	int64_t address;
	double scale, offset;	 /* register = (value - offset) / scale */
	const char *path, *json, *senml, *unit; /* CoAP */
	int64_t decimals;
	struct sim_curve curve;
};

enum sim_fault_kind {
	SIM_MUTE,
	SIM_SLOW,
	SIM_EXCEPTION,
	SIM_GARBAGE,
	SIM_WRONG_UNIT,
	SIM_SHORT,
	SIM_STUCK,
	SIM_SPIKE,
	SIM_CLOCK,
	SIM_DUPLICATE,
	SIM_AGAIN,
	SIM_FAULT_KINDS
};

struct sim_fault_conf {
	int kind;
	const char *point;		     /* NULL: the whole device */
	int64_t after_us, for_us, repeat_us; /* for 0: without end */
	int64_t delay_us, code, every, max_age_us;
	double amount;
	const char *value; /* stuck: at this; NULL: at the value of the moment */
};

struct sim_faults {
	const struct sim_fault_conf *items;
	size_t count;
};

/* ---- CoAP payloads ---- */

enum sim_format {
	SIM_FORMAT_AUTO, /* text, or JSON where the points say `json` */
	SIM_TEXT,
	SIM_JSON,
	SIM_CBOR,
	SIM_SENML_JSON,
	SIM_SENML_CBOR,
	SIM_TLV,
	SIM_BINARY,
};

/* How values become a payload. */
struct sim_body {
	int format;
	const char *base_name; /* SenML: `bn` */
	const char *bytes;     /* binary: the payload in hexadecimal, values are put over it */
	const char *time;      /* JSON, CBOR: pointer to the seconds since 1970 */
	int64_t pad;	       /* JSON, CBOR, SenML: a text of so many bytes more */
};

/* What a device says about one of its paths. */
struct sim_resource {
	const char *name; /* fg_item of a list: NULL */
	const struct fg_node *node;
	const char *path;
	struct sim_body body;
	bool observe, confirmable, etag;
	int64_t notify_us, max_age_us;
	double on_change;
	int64_t history, step_us; /* SenML: so many older values, so far apart */
	const char *rt, *iface;
};

/* A device that wakes up and reports. */
struct sim_push {
	const char *uri, *psk_identity, *psk_file, *ca_file, *cert_file, *key_file, *log;
	bool put, confirmable, new_session;
	int method;
	struct sim_body body;
	int64_t interval_us, sample_us, keep, batch;
	int64_t ack_timeout_us, max_retransmit, timeout_us;
};

struct sim_device {
	const char *name;
	const struct fg_node *node;
	const char *endpoint; /* NULL: it only pushes */
	struct fg_items resources;
	struct sim_push push; /* uri NULL: it does not */
	int64_t unit_id, count;
	int64_t delay_us;
	const char *vendor, *product, *revision; /* NULL: it does not say who it is */
	struct fg_items points;
	struct sim_faults faults;
};

enum sim_transport { SIM_MODBUS_TCP, SIM_MODBUS_RTU, SIM_COAP };

struct sim_endpoint {
	const char *name;
	const struct fg_node *node;
	int transport;
	const char *listen, *pty, *psk_file, *cert_file, *key_file, *ca_file, *multicast;
	bool tcp;		     /* CoAP */
	struct sim_unit *units[256]; /* Modbus: by unit id */
};

struct sim_conf {
	int64_t seed;
	const char *control;
	struct fg_items endpoints, devices;
};

/* ---- the running model ---- */

struct sim_state { /* of one point of one unit */
	uint64_t reads;
	bool held;
	double held_value;
};

struct sim_fault {
	struct sim_fault_conf conf;
	char point[64]; /* "" : the whole device */
	char value[32];
	int64_t start_us;
	bool ordered; /* by the control, not the file */
};

#define SIM_MAX_FAULTS 16

/* One simulated instrument: a device, or one of its `count` copies. */
struct sim_unit {
	char name[80];
	const struct sim_device *device;
	uint8_t unit_id;
	uint64_t seed;
	struct sim_state *states;
	struct sim_fault faults[SIM_MAX_FAULTS];
	size_t fault_count;
	struct sim_counts {
		uint64_t answered, notified;		    /* served */
		uint64_t pushed, acked, refused, forgotten; /* samples, but `refused`: messages */
		uint64_t waiting;
	} counts;
};

struct sim_model {
	struct fg_arena *arena;
	struct sim_conf conf;
	struct sim_unit *units;
	size_t unit_count;
	int64_t zone_us; /* local time minus UTC */
};

/* Reads and checks a file. FG_ECONFIG with the faults in rep. */
int sim_model_load(
	const char *path, struct fg_report *rep, int64_t now_mono_us, struct sim_model **ret_model);
void sim_model_free(struct sim_model *m);

static inline const struct sim_point *sim_points(const struct sim_unit *unit)
{
	return unit->device->points.items;
}

static inline size_t sim_point_count(const struct sim_unit *unit)
{
	return unit->device->points.count;
}

/* The endpoint of that name, or NULL. */
struct sim_endpoint *sim_find_endpoint(const struct sim_model *m, const char *name);

/* One reading of a point: the curve, with the faults of its values. */
double sim_read(const struct sim_model *m, struct sim_unit *unit, size_t point, struct fg_now now);

/* The fault of a kind that holds now for the whole unit or for one of its points (SIZE_MAX: any
 * fault of a single point is left out); NULL where there is none. */
const struct sim_fault *sim_fault_at(
	const struct sim_unit *unit, enum sim_fault_kind kind, size_t point, int64_t now_mono_us);

extern const struct fg_choice sim_fault_names[];

/* Carries out one line of the control: `KIND DEVICE[/POINT] on|off [key=value…]`, `clear
 * [DEVICE]`, `list`. Writes the answer, with its newline. */
void sim_order(struct sim_model *m, const char *line, int64_t now_mono_us, struct fg_buf *out);

/* ---- CoAP ---- */

extern const struct fg_key sim_resource_keys[], sim_push_keys[];
/* Faults of a device's CoAP side; at: its endpoint, or NULL. */
void sim_check_coap(
	const struct sim_device *d, const struct sim_endpoint *at, struct fg_report *rep);

/* The values of all points of a device at one time. */
struct sim_row {
	int64_t wall_us;
	const double *values;
};

/* The format of a path (NULL: all points), where none is named. */
enum sim_format sim_format_of(
	const struct sim_device *d, const char *path, const struct sim_body *body);
/* Its number in CoAP. */
uint16_t sim_format_code(enum sim_format format);
/* The format that answers an Accept; SIM_FORMAT_AUTO: there is none. */
enum sim_format sim_format_accepted(enum sim_format own, unsigned accept);
/* Whether a payload holds more than one row. */
bool sim_format_takes_rows(enum sim_format format);
/* Writes the points of a path (NULL: all). `timed`: with the times of the rows. */
void sim_payload_put(const struct sim_device *d, const char *path, const struct sim_body *body,
	enum sim_format format, const struct sim_row *rows, size_t count, bool timed,
	struct fg_buf *out);

/* ---- Modbus ---- */

#define SIM_PDU_MAX 253

/* What becomes of an answer on its way. */
struct sim_answer {
	uint8_t pdu[SIM_PDU_MAX];
	size_t len; /* 0: none */
	int64_t delay_us;
	bool garbage, wrong_unit, half;
};

void sim_modbus_answer(const struct sim_model *m, struct sim_unit *unit, const uint8_t *pdu,
	size_t len, struct fg_now now, struct sim_answer *ret);

uint16_t sim_crc16(const uint8_t *bytes, size_t len);

/* ---- the loop and what hangs in it ---- */

struct sim_source { /* first member of everything with a descriptor */
	int fd;
	void (*ready)(struct sim_source *source);
};

struct sim_loop {
	int epoll;
	struct sim_model *model;
	struct sim_port *ports;
	struct sim_stream *streams;  /* open connections and serial lines */
	struct sim_pending *pending; /* answers that wait, by due time */
	struct sim_control *control;
	struct sim_pushers *pushers;
	struct sim_stream *dead; /* freed once the events at hand are done */
	bool stop, reload;
};

extern struct sim_loop sim_loop;

int sim_watch(struct sim_source *source);
void sim_unwatch(struct sim_source *source);

/* A listening socket, a pty or a CoAP server. */
struct sim_port {
	struct sim_source source;
	struct sim_port *next;
	struct sim_endpoint *endpoint;
	int transport;
	char address[256]; /* as configured: ports survive a reload by it */
	bool kept;
	bool linked; /* RTU: the link at `address` is ours */
	int slave;   /* RTU: held open, so that the line lives without a client */
	void *coap;
};

/* Opens what the model's endpoints need, keeps what is open already, closes the rest. Says on
 * stdout where it listens. */
int sim_ports_apply(struct sim_model *model);
void sim_ports_close(void);
/* Sends what is due; returns when to come again in milliseconds, -1: no need. */
int sim_pending_run(int64_t now_mono_us);

int sim_coap_open(struct sim_port *port, struct fg_buf *where);
void sim_coap_close(struct sim_port *port);
/* Sets up the resources of the model in force. */
int sim_coap_apply(struct sim_port *port, struct sim_model *model);
/* Notifies what is due; returns when to come again in milliseconds, -1: no need. */
int sim_coap_run(struct sim_port *port, struct fg_now now);
/* Starts libcoap with its messages in our log. */
void sim_coap_startup(void);
/* A key of `identity:hexkey` lines as bytes; FG_ENOENT, FG_EINVAL. */
#define SIM_KEY_MAX 64
int sim_coap_key(const char *file, const char *identity, uint8_t ret[SIM_KEY_MAX], size_t *ret_len);

/* Sets up the pushers of the model in force; what they still hold of the one before goes on where
 * the device has the same name and points. */
int sim_push_apply(struct sim_model *model);
/* Takes samples and sends what is due; returns as sim_coap_run(). */
int sim_push_run(struct fg_now now);
void sim_push_close(void);

/* A socket for an address "HOST:PORT" or "[HOST]:PORT"; the address bound is written to where. */
struct sockaddr_storage;
int sim_parse_address(const char *text, struct sockaddr_storage *ret, unsigned *ret_len);
void sim_print_address(int fd, struct fg_buf *where);

/* Frees connections that were closed while events for them may still have been at hand. */
void sim_free_dead(void);
void sim_control_tidy(void);

int sim_control_open(const char *path);
void sim_control_close(void);

#endif
