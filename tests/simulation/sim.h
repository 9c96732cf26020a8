/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TESTS_SIMULATION_SIM_H
#define TESTS_SIMULATION_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rng.h"
#include "checker.h"
#include "disk.h"
#include "gateway/core.h"
#include "heap.h"
#include "plan.h"

/* The world around one gateway: true time, power, disk, clocks, sensors, brokers. Time jumps from
 * event to event. */

enum sim_event_type {
	SIM_CORE,      /* the core wants its turn */
	SIM_STORE,     /* the store is due */
	SIM_STORED,    /* what it did is through */
	SIM_PAGE,      /* a page of the backlog has been read */
	SIM_HOURS,     /* what hours came to has been read */
	SIM_TICK,      /* the gateway looks at the clock */
	SIM_POLLED,    /* a sensor has answered, or not */
	SIM_CLOCK,     /* a time service is reached */
	SIM_CONNECTED, /* a broker answers a connection, or not */
	SIM_RECEIVE,   /* a message arrives at the broker */
	SIM_ACK,       /* its acknowledgement arrives */
	SIM_LOST,      /* a connection that died quietly is noticed */
	SIM_BEGIN,     /* an event of the plan begins, ends */
	SIM_OVER,
	SIM_START,     /* the gateway starts */
	SIM_CUT,       /* the power goes now, if no write came */
	SIM_END,
};

struct sim_event {
	int64_t at_us;
	uint64_t order;
	enum sim_event_type type;
	unsigned who;
	uint64_t run; /* of the gateway, or of the connection: what is of an earlier one is void */
	void *data;
};

struct sim_message {
	struct sim_message *next;
	uint64_t token;
	bool retain;
	size_t record, records; /* the checker's: the first, and how many */
	int code;      /* the broker's answer */
	size_t len;
	char *topic;
	unsigned char payload[];
};

struct sim_broker {
	bool up, connected;
	bool session; /* it keeps one of ours */
	uint64_t connection;
	uint32_t epoch;
	int64_t well_since_us; /* it is up and does what it should */
	int64_t hangs_until_us, refuses_until_us, doubles_until_us, slow_until_us, slow_us;
	int refuse_code;
	int64_t last_receive_us, last_ack_us;
	int64_t slow_ack_us; /* the last that is slow is given then; 0: none in this connection */
	struct sim_message *waiting, **waiting_end;
	unsigned wire, outstanding;
};

struct sim_device {
	enum plan_device state;
	int64_t until_us;
};

struct sim_gateway;

struct sim {
	struct plan plan;
	struct fg_rng rng;
	int64_t now_us; /* true time */
	struct sim_event *queue;
	size_t queue_count, queue_cap;
	uint64_t order;
	bool over;

	struct disk *disk;
	int64_t disk_well_since_us;
	unsigned disk_faults; /* that go on */
	int64_t boot_us, boot_mono_us; /* true and monotonic time at the present boot */
	enum fg_clock_level clock_level;
	int64_t clock_off_us;	/* of the wall clock: how far it is from true time */
	int64_t clock_since_us; /* the gateway can know the time since then; INT64_MAX: it cannot */
	uint64_t boots;
	int64_t suspended_until_us, awake_since_us;
	struct sim_gateway *gateway; /* NULL while it does not run */
	bool running; /* the checker was told that it started, not yet that it ended */
	uint64_t runs;
	unsigned variant; /* of the configuration file */
	unsigned generation[PLAN_DEVICES]; /* a poll of an earlier one comes to nothing */
	int64_t start_due_us;
	const struct plan_event *cut; /* a power cut that waits for a write */

	struct sim_broker brokers[PLAN_DESTS];
	struct sim_device devices[PLAN_DEVICES];
	const struct plan_event *hurried[32]; /* wait for a reading to meet */
	size_t hurried_count;
	int64_t link_busy_us[PLAN_DEVICES];
	struct checker *checker;
	char config_path[64];

	bool verbose;
	bool hasty; /* one fault is enough */
	struct fg_buf timeline;
	uint64_t events;
	int64_t memory_peak; /* of the gateway */
};

/* world.c */
void sim_init(struct sim *s, uint64_t seed, double days, bool verbose);
void sim_run(struct sim *s);
void sim_fini(struct sim *s);
void sim_at(struct sim *s, int64_t at_us, struct sim_event event);
struct fg_now sim_clock(const struct sim *s);
/* What the machine says of its clock; newest_ms: of the newest stored reading. */
enum fg_clock_level sim_clock_level(const struct sim *s, int64_t newest_ms);
void sim_log(struct sim *s, const char *fmt, ...) FG_PRINTF(2, 3);
int64_t sim_between(struct sim *s, int64_t low, int64_t high);
void sim_ended(struct sim *s, bool clean);
/* The gateway ends by itself; what watches over it starts it again. */
void sim_restart(struct sim *s);
/* A reading was taken: what waited for one comes soon. */
void sim_hurry(struct sim *s);
/* Since when nothing has been wrong between sensors and a broker; INT64_MAX: something is. */
int64_t sim_well_since(const struct sim *s, unsigned dest);

/* plant.c: a mistake of base/plant.h in what is simulated; false where there is none of this name,
 * or the program was built without them. */
bool sim_plant(const char *name);
/* All of them: name, tab, what it is. */
void sim_plant_list(void);

/* sensors.c */
void sim_sensors_poll(
	struct sim *s, const struct fg_group *group, unsigned attempts, int64_t timeout_us);
void sim_sensors_polled(struct sim *s, struct sim_event *e);

/* brokers.c */
void sim_brokers_init(struct sim *s);
void sim_brokers_fini(struct sim *s);
void sim_broker_connect(struct sim *s, unsigned i, uint32_t epoch);
/* The gateway ends the connection, or has died. */
void sim_broker_close(struct sim *s, unsigned i);
int sim_broker_publish(struct sim *s, unsigned i, const struct fg_message *m, size_t n);
void sim_broker_event(struct sim *s, struct sim_event *e);
void sim_broker_begin(struct sim *s, const struct plan_event *e);
void sim_broker_over(struct sim *s, const struct plan_event *e);
void sim_broker_free_message(struct sim_message *m);

/* gateway.c */
/* False where it cannot start now. */
bool sim_gateway_start(struct sim *s);
void sim_gateway_event(struct sim *s, struct sim_event *e);
void sim_gateway_turn(struct sim *s);
void sim_gateway_polled(struct sim *s, const struct fg_poll_result *result);
/* The clock has changed. */
void sim_gateway_clock(struct sim *s);
void sim_gateway_stop(struct sim *s); /* asks it to end; it takes a while */
bool sim_gateway_stopping(const struct sim *s);
void sim_gateway_die(struct sim *s);  /* at once, nothing is saved */
void sim_gateway_reload(struct sim *s);
/* gateway_commands.c: maintenance of a device begins, or is planned; all of it is called off */
void sim_gateway_work(struct sim *s, const struct plan_event *e);
void sim_gateway_work_over(struct sim *s, const struct plan_event *e);
/* Now, as the core has it. */
struct fg_now sim_core_now(const struct sim *s);
/* NULL: it is not configured. */
/* What the seed asks for now; the caller lets go. */
struct fg_config;
struct fg_config *sim_load_config(struct sim *s);
const struct fg_group *sim_gateway_group(const struct sim *s, unsigned device);
struct fg_publisher *sim_gateway_publisher(struct sim *s, unsigned dest);

#endif
