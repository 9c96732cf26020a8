/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_PROBE_COAP_H
#define FG_TOOLS_PROBE_COAP_H

#include "base/buf.h"
#include "coap.h"
#include "model/value.h"

/* What the parts of `probe coap` share: the exchange (probe_coap.c), what a payload says
 * (coap_records.c), and how it is shown (probe_coap_show.c). */

enum coap_selector {
	COAP_WHOLE, /* the payload is the value */
	COAP_JSON,  /* a pointer, `json:` */
	COAP_SENML, /* a record or resource, `senml:` */
};

/* One value in a payload. */
struct coap_record {
	enum coap_selector how;
	char where[256]; /* as a configuration would say it */
	char name[256];	 /* in full */
	char own[256];	 /* what the sensor calls it, to guess from */
	char text[260];	 /* the value, for people and as JSON */
	bool is_number, is_bool;
	double number;
	char unit[64]; /* as told; "": not told */
	bool has_time;
	double time; /* seconds since 1970 */

	/* guessed */
	char point[64]; /* "": not proposed */
	char property[64];
	char note[120];
};

#define COAP_RECORDS 400

struct coap_records {
	struct coap_record *items;
	size_t count;
	bool cut;
	char why[240]; /* the payload could not be read: why */
};

/* Takes a payload apart. path: as it was asked for. now_s: seconds since 1970. */
void coap_records_take(struct coap_records *r, int format, const char *path, const char *data,
	size_t len, double now_s);
void coap_records_free(struct coap_records *r);
/* Fills in point, property and note where a reading could be made of a record. rt: of the resource,
 * or "". */
void coap_records_guess(struct coap_records *r, const char *path, const char *rt);
/* The block to paste into a device: "points:" and a line for each. */
void coap_records_yaml(const struct coap_records *r, const char *path, struct fg_buf *out);

/* A message that went or came, as over UDP. */
struct coap_seen {
	bool sent;
	double after_s; /* since the request */
	char bytes[2048];
	size_t len;
};

#define COAP_SEEN 80

struct coap_probe {
	const struct ctl *ctl;
	/* the target */
	char scheme[12], host[256], path[512], base[400];
	unsigned port;
	bool secure, tcp;
	int accept; /* content format; -1: none */
	bool list;  /* the path is .well-known/core */

	struct coap_context_t *ctx;
	struct coap_session_t *session;
	int64_t started_us;
	uint8_t token[4];
	enum coap_event {
		COAP_NOTHING,
		COAP_ANSWERED,
		COAP_MORE, /* one block; more follow */
		COAP_SILENT,
		COAP_UNREACHABLE, /* ICMP, or TCP refused */
		COAP_RESET,
		COAP_NO_HANDSHAKE,
		COAP_NO_SOCKET,
		COAP_BAD_BLOCKS,
	} event;
	bool observing;	   /* asked for */
	bool is_observed;  /* granted */
	bool connected;	   /* the handshake is done */
	bool heard_hello;  /* (D)TLS: the server answered its beginning */
	bool heard_alert;
	char alert[100];   /* (D)TLS: what the server, or we, refused with */
	char untrusted[160]; /* what is wrong with the certificate */
	char warning[200]; /* the last one of libcoap's */
	bool malformed;	   /* something came that is no CoAP */

	struct coap_seen seen[COAP_SEEN];
	size_t seen_count;

	/* the answer */
	unsigned code, block_num, block_szx;
	int format; /* -1: not told */
	int64_t max_age;
	struct fg_buf body;
	struct coap_records records;
	struct ctl_resources resources; /* of .well-known/core, where it was asked for */
	char why[400];			/* what is wrong, in words */
	char hints[4][200];
	size_t hint_count;
};

void coap_probe_hint(struct coap_probe *p, const char *fmt, ...) FG_PRINTF(2, 3);
/* Writes p->why and hints for an exchange that gave nothing to read. */
void coap_probe_diagnose(struct coap_probe *p);

void coap_probe_print(const struct coap_probe *p);
/* One document on a line of its own. */
void coap_probe_json(const struct coap_probe *p);

#endif
