/* SPDX-License-Identifier: EUPL-1.2 */
/* What the libraries themselves cost: once a second, all devices are read with libmodbus, their
 * readings inserted into SQLite in one durable transaction, and published with libmosquitto, QoS 1,
 * an external loop, 100 in flight, with the MQTT 5 properties of the gateway's readings or without
 * any. No faults are handled: the first one ends it. After each round a line of JSON says how far
 * it has come; bench/run measures from outside. */
#include <errno.h>
#include <inttypes.h>
#include <modbus.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POINTS 10
#define MAX_DEVICES 247
#define IN_FLIGHT 100
#define TIME_SIZE 32

struct bare {
	int connections, devices;
	modbus_t *ctx[MAX_DEVICES];
	sqlite3 *db;
	sqlite3_stmt *insert;
	struct mosquitto *mosq;
	mosquitto_property *properties;
	bool online;
	uint16_t cells[MAX_DEVICES][POINTS];
	uint64_t seq, requests, acknowledged;
	int in_flight;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bare: %s: %s\n", what, why);
	exit(1);
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- Modbus ---- */

/* As many devices have it: one address each, at the same port; or one for all. */
static void connect_devices(struct bare *b, const char *port)
{
	char host[32];

	for (int i = 0; i < b->connections; i++) {
		snprintf(host, sizeof(host), "127.0.1.%d", i + 1);
		b->ctx[i] = modbus_new_tcp(host, (int)strtol(port, NULL, 10));
		if (!b->ctx[i] || modbus_connect(b->ctx[i]) < 0)
			die("connect", modbus_strerror(errno));
	}
}

static void poll_devices(struct bare *b)
{
	for (int i = 0; i < b->devices; i++) {
		modbus_t *ctx = b->ctx[b->connections == 1 ? 0 : i];

		modbus_set_slave(ctx, b->connections == 1 ? i + 1 : 1);
		if (modbus_read_registers(ctx, 0, POINTS, b->cells[i]) != POINTS)
			die("read", modbus_strerror(errno));
		b->requests++;
	}
}

/* ---- SQLite ---- */

static void run_sql(struct bare *b, const char *sql)
{
	if (sqlite3_exec(b->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(b->db));
}

static void open_store(struct bare *b, const char *file)
{
	if (sqlite3_open(file, &b->db) != SQLITE_OK)
		die(file, sqlite3_errmsg(b->db));
	run_sql(b, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		   "CREATE TABLE reading (seq INTEGER PRIMARY KEY, point INTEGER, time INTEGER,"
		   " value REAL, qc INTEGER)");
	if (sqlite3_prepare_v2(b->db, "INSERT INTO reading VALUES (?, ?, ?, ?, ?)", -1, &b->insert,
		    NULL) != SQLITE_OK)
		die("prepare", sqlite3_errmsg(b->db));
}

static void store_readings(struct bare *b, int64_t wall_ms)
{
	run_sql(b, "BEGIN");
	for (int i = 0; i < b->devices * POINTS; i++) {
		sqlite3_bind_int64(b->insert, 1, (sqlite3_int64)b->seq + i);
		sqlite3_bind_int(b->insert, 2, i);
		sqlite3_bind_int64(b->insert, 3, wall_ms);
		sqlite3_bind_double(b->insert, 4, b->cells[i / POINTS][i % POINTS] * 0.1);
		sqlite3_bind_int(b->insert, 5, 2);
		if (sqlite3_step(b->insert) != SQLITE_DONE)
			die("insert", sqlite3_errmsg(b->db));
		sqlite3_reset(b->insert);
	}
	run_sql(b, "COMMIT");
}

/* ---- MQTT ---- */

static void on_connect(struct mosquitto *mosq, void *obj, int rc)
{
	struct bare *b = obj;

	(void)mosq;
	if (rc != 0)
		die("broker", mosquitto_connack_string(rc));
	b->online = true;
}

static void on_publish(struct mosquitto *mosq, void *obj, int mid)
{
	struct bare *b = obj;

	(void)mosq;
	(void)mid;
	b->in_flight--;
	b->acknowledged++;
}

/* Lets the socket do what it can, waiting at most so long for it. */
static void serve_broker(struct bare *b, int wait_ms)
{
	struct pollfd fd = {.fd = mosquitto_socket(b->mosq), .events = POLLIN};
	int rc = MOSQ_ERR_SUCCESS;

	if (mosquitto_want_write(b->mosq))
		fd.events |= POLLOUT;
	if (poll(&fd, 1, wait_ms) > 0 && fd.revents & (POLLIN | POLLHUP | POLLERR))
		rc = mosquitto_loop_read(b->mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(b->mosq))
		rc = mosquitto_loop_write(b->mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_loop_misc(b->mosq);
	if (rc != MOSQ_ERR_SUCCESS)
		die("broker", mosquitto_strerror(rc));
}

static void add_properties(struct bare *b)
{
	mosquitto_property_add_byte(&b->properties, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, 1);
	mosquitto_property_add_string(&b->properties, MQTT_PROP_CONTENT_TYPE, "application/json");
	mosquitto_property_add_string_pair(
		&b->properties, MQTT_PROP_USER_PROPERTY, "licence", "NLOD-2.0");
	mosquitto_property_add_string_pair(
		&b->properties, MQTT_PROP_USER_PROPERTY, "schema", "fjordvik/schema/reading");
}

static void connect_broker(struct bare *b, const char *port)
{
	mosquitto_lib_init();
	b->mosq = mosquitto_new("bare", true, b);
	if (!b->mosq)
		die("broker", "out of memory");
	mosquitto_int_option(b->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	mosquitto_int_option(b->mosq, MOSQ_OPT_SEND_MAXIMUM, IN_FLIGHT);
	mosquitto_connect_callback_set(b->mosq, on_connect);
	mosquitto_publish_callback_set(b->mosq, on_publish);
	if (mosquitto_connect(b->mosq, "127.0.0.1", (int)strtol(port, NULL, 10), 60) !=
	    MOSQ_ERR_SUCCESS)
		die("broker", "cannot connect");
	while (!b->online)
		serve_broker(b, 100);
}

static void publish_one(struct bare *b, int i, const char *time)
{
	int device = i / POINTS, point = i % POINTS, len;
	char topic[96], text[400];

	snprintf(topic, sizeof(topic), "fjordvik/obs/water/upper-river-weir/d%03d_channel_%02d",
		device, point);
	len = snprintf(text, sizeof(text),
		"{\"v\":1,\"id\":\"fjordvik-bench-01:%016" PRIu64 "\","
		"\"station\":\"upper-river-weir\",\"device\":\"multi-parameter-sonde-%03d\","
		"\"point\":\"d%03d_channel_%02d\",\"property\":\"x_measured_quantity\","
		"\"time\":\"%s\",\"value\":%.15g,\"unit\":\"1\",\"qc\":2}",
		b->seq + (uint64_t)i, device, device, point, time,
		b->cells[device][point] / 10.0);
	if (mosquitto_publish_v5(b->mosq, NULL, topic, len, text, 1, true, b->properties) !=
	    MOSQ_ERR_SUCCESS)
		die("publish", "refused");
	b->in_flight++;
}

static void publish_readings(struct bare *b, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char day[TIME_SIZE], time[TIME_SIZE + 8];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(time, sizeof(time), "%s.%03dZ", day, (int)(wall_ms % 1000));
	for (int i = 0; i < b->devices * POINTS; i++) {
		while (b->in_flight == IN_FLIGHT)
			serve_broker(b, 1000);
		publish_one(b, i, time);
	}
	while (b->in_flight)
		serve_broker(b, 1000);
}

/* ---- the loop ---- */

static void tell(const struct bare *b)
{
	printf("{\"readings\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"polls\":%" PRIu64
	       ",\"acknowledged\":%" PRIu64 "}\n",
		b->seq, b->requests, b->requests, b->acknowledged);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct bare b;
	int64_t due_ms, left_ms;

	if (argc != 7) {
		fprintf(stderr, "usage: bare MODBUS-PORT BROKER-PORT FILE DEVICES CONNECTIONS "
				"plain|properties\n");
		return 64;
	}
	b.devices = (int)strtol(argv[4], NULL, 10);
	b.connections = (int)strtol(argv[5], NULL, 10);
	if (b.devices < 1 || b.devices > MAX_DEVICES ||
	    (b.connections != 1 && b.connections != b.devices))
		die("arguments", "1 to 247 devices, one connection or one each");
	connect_devices(&b, argv[1]);
	connect_broker(&b, argv[2]);
	if (strcmp(argv[6], "properties") == 0)
		add_properties(&b);
	open_store(&b, argv[3]);
	due_ms = now_ms(CLOCK_MONOTONIC);
	for (;;) {
		int64_t wall_ms = now_ms(CLOCK_REALTIME);

		poll_devices(&b);
		store_readings(&b, wall_ms);
		publish_readings(&b, wall_ms);
		b.seq += (uint64_t)b.devices * POINTS;
		tell(&b);
		due_ms += 1000;
		while ((left_ms = due_ms - now_ms(CLOCK_MONOTONIC)) > 0)
			serve_broker(&b, (int)left_ms);
	}
}
