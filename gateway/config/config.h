/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONFIG_CONFIG_H
#define FG_GATEWAY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/key.h"
#include "base/report.h"
#include "model/device.h"

/* One configuration: built once from files, then immutable, so threads share it without locks. It
 * is counted: whoever keeps a pointer into it holds a reference. */

enum fg_trust { FG_TRUST_AUTO, FG_TRUST_KERNEL, FG_TRUST_ALWAYS, FG_TRUST_FILE };

struct fg_gateway_conf {
	const char *id, *title, *operator, * contact, *licence;
	int language; /* enum fg_language */
	const char *timezone;
	const char *organisation; /* number of the operator; NULL: not said */
};

struct fg_storage_conf {
	const char *file;
	int64_t commit_interval_us, max_delay_us;
	int64_t keep_us;
	int64_t max_size;
	int when_full; /* enum fg_when_full */
};

struct fg_clock_conf {
	int trust; /* enum fg_trust */
	const char *trust_file;
	int64_t max_wait_us;
};

struct fg_control_conf {
	const char *socket, *group;
	const char *read_group; /* may look, and change nothing; NULL: there is none */
};

struct fg_http_conf {
	const char *listen; /* NULL: no port is opened; host and port of it as text */
	const char *host;   /* an address, IPv4 or IPv6 */
	int port;
	double rate_limit; /* requests a second of one client, on average; 0: none */
};

/* Service notices that the gateway writes by itself. */
struct fg_notices_conf {
	int64_t device_failing_us; /* 0: never */
	bool maintenance, calibration_overdue;
	bool certificate_expiring, alarm;
};

struct fg_server {
	const char *url; /* as configured */
	const char *host;
	int port;
	bool tls;
};

/* What a broker keeps of us while we are away. */
enum fg_session_kind { FG_SESSION_KEPT, FG_SESSION_CLEAN };

/* One broker or cluster. The payload `sparkplug` wants a will, a session and a pace of its own, so
 * beside other payloads it is a destination of its own, with its own connection, "NAME.sparkplug".
 */
#define FG_DESTINATION_NAME 80 /* the longest name, with its NUL */
struct fg_destination {
	const char *name;
	const struct fg_node *node;
	uint32_t index;
	const struct fg_server *servers;
	size_t server_count;
	int version; /* 5 or 3 (3.1.1) */
	const char *client_id, *username, *password_file;
	const char *ca_file, *cert_file, *key_file, *psk_identity, *psk_file;
	bool insecure;
	const char *prefix;
	unsigned payload; /* bits: 1 << index in fg_encoders */
	bool sparkplug;	  /* that is its only payload, so it has none of our documents */
	const void *const *options; /* what the encoders' keys filled, by the same index */
	int qos;
	int inflight;
	double backlog_rate; /* per second */
	int64_t will_delay_us;
	int64_t expiry_us; /* 0: none */
	unsigned domains;  /* bits of enum fg_domain; all where nothing is selected */
	/* what of them is selected beside: lists that are empty, and no bits, are all */
	struct fg_texts stations, properties;
	unsigned quality; /* bits of enum fg_qc */
	int64_t batch_us;     /* readings wait so long for others of their device; 0: not */
	int64_t daily_budget; /* bytes; 0: none */
	/* keys of the connection */
	int session; /* enum fg_session_kind */
	int64_t keepalive_us;
	int64_t return_after_us; /* to the first server, from another; 0: never */

	/* of its catalogue (gateway/catalogue) */
	bool catalogue;
	bool withdraw; /* all that is retained there is taken back, nothing is published */
	const struct fg_server *public_servers; /* what consumers use; none: the servers */
	size_t public_count;
	uint64_t fingerprint;
};

struct fg_config {
	struct fg_gateway_conf gateway;
	struct fg_storage_conf storage;
	struct fg_clock_conf clock;
	struct fg_http_conf http;
	struct fg_control_conf control;
	struct fg_notices_conf notices;

	const struct fg_station *stations;
	size_t station_count;
	const struct fg_destination *destinations;
	size_t destination_count;
	const struct fg_link *links;
	size_t link_count;
	const struct fg_device *const *devices; /* by fg_device.index */
	size_t device_count;
	const struct fg_group *const *groups; /* by fg_group.index */
	size_t group_count;
	const struct fg_point *const *points; /* by fg_point.index */
	size_t point_count;
	const struct fg_rule *const *windows; /* rules that look back, by fg_rule.window */
	size_t window_count;
	size_t rule_count; /* of all stations */

	const char *path; /* of the main file, as it was named */
	/* Of all that the files say, profiles included; not of how they say it. */
	uint64_t fingerprint;

	/* The merged tree; places tell the file and line of each value. NULL, like the nodes of all
	 * objects, unless it was asked for: it takes more memory than all the rest. */
	const struct fg_node *root;
};

struct fg_config *fg_config_ref(struct fg_config *c);
void fg_config_unref(struct fg_config *c); /* any thread; the last one frees */

/* The control socket where the configuration names none: in systemd's runtime directory of the
 * service, or /run/fjordgate/control.sock. */
const char *fg_config_default_socket(void);

struct fg_load_options {
	bool no_files;		 /* do not look whether named files exist */
	bool keep_tree;		 /* for fg_config_print_effective */
	const char *profile_dir; /* NULL: FJORDGATE_PROFILES, else profiles/ beside the file, else
				    installed */
};

/* Reads the file, its drop-ins (conf.d/NAME.yaml beside it, in name order) and the profiles it
 * names. FG_OK, or FG_ECONFIG with every fault in rep. */
int fg_config_load(const char *path, const struct fg_load_options *options, struct fg_report *rep,
	struct fg_config **ret);

/* Every value in force, a line each: "path = value  # file:line" or "# default"; secrets are
 * files, so nothing is hidden. */
void fg_config_print_effective(const struct fg_config *c, struct fg_buf *out);

/* Every request that each poll will send, and each link's share of time. */
void fg_config_print_plan(const struct fg_config *c, struct fg_buf *out);

/* "NAME: worked out of A, B, with each A" */
void fg_put_derivation(const struct fg_point *point, struct fg_buf *out);

/* The same in short, for every check: share of time of each link where it can be told, and how long
 * an outage the store can hold. */
void fg_config_print_forecast(const struct fg_config *c, struct fg_buf *out);

/* docs/configuration.md and etc/fjordgate.schema.json, from the tables of keys. */
void fg_config_print_reference(struct fg_buf *out);
void fg_config_print_schema(struct fg_buf *out);

/* The code of an SPDX licence in the EU's authority list; NULL where it is not known. */
const char *fg_licence_code(const char *spdx);

/* What changes when `next` replaces `prev` while running; NULL where everything can, else a text
 * that says which key needs a restart of the daemon. */
const char *fg_config_reload_obstacle(const struct fg_config *prev, const struct fg_config *next);

#endif
