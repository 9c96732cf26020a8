/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_DRIVERS_PAYLOAD_INTERNAL_H
#define FG_DRIVERS_PAYLOAD_INTERNAL_H

#include "base/cleanup.h"
#include "drivers/payload.h"

/* Between the ways that values stand in payloads (payload_*.c) and what is made of them. */

#define FG_PAYLOAD_TEXT 251 /* room of a text of a point */

/* Formats that have no number of IANA's. */
enum {
	FG_FORMAT_BINARY = -2,
	FG_FORMAT_PROTOBUF = -3,
};

/* One value as it stands in the payload. */
struct fg_payload_found {
	struct fg_value value; /* NONE: the sensor has no reading */
	bool has_raw;
	uint64_t raw;
	bool bad; /* there is one, but not one that can be taken: why says */
	enum fg_payload_clock clock;
	int64_t time_us;
	char unit[FG_PAYLOAD_UNIT];
	char text[FG_PAYLOAD_TEXT]; /* where value.text points to */
};

typedef int (*fg_payload_found_sink)(void *arg, const struct fg_payload_found *f);

/* One point to be looked for. */
struct fg_payload_search {
	const struct fg_payload_conf *conf;
	const struct fg_payload_point *at;
	const struct fg_payload *payload;
	int format; /* FG_COAP_FORMAT_…, resolved */
	fg_payload_found_sink sink;
	void *arg;
	char why[FG_PAYLOAD_WHY];
};

/* Writes why and returns `status`. Controls of what the payload says are replaced: it may end on a
 * terminal. */
int fg_payload_fail(struct fg_payload_search *s, int status, const char *fmt, ...) FG_PRINTF(3, 4);

/* The unit that the point is configured with, perhaps NULL. */
const char *fg_payload_unit_of(const struct fg_point *point);
/* From the unit that the payload tells to that one, and on as the configuration says. False:
 * neither the same nor of one dimension. ret_other: it is another unit. */
bool fg_payload_scale(const struct fg_point *point, const char *told, double *ret_scale,
	double *ret_offset, bool *ret_other);

/* Each gives what a payload holds for the point. FG_OK: at least one value was given; FG_ENOENT:
 * there is none; FG_EDECODE: the payload, or what stands there, cannot be read; or what the sink
 * returned. */
int fg_payload_search_pack(struct fg_payload_search *s);     /* SenML */
int fg_payload_search_objects(struct fg_payload_search *s);  /* LwM2M TLV */
int fg_payload_search_document(struct fg_payload_search *s); /* text, JSON, CBOR */

int fg_payload_search_binary(struct fg_payload_search *s);
int fg_payload_search_protobuf(struct fg_payload_search *s);

/* Whether the payload as a whole is what its format says; FG_EDECODE with why. */
int fg_payload_check_pack(struct fg_payload_search *s);
int fg_payload_check_objects(struct fg_payload_search *s);
int fg_payload_check_document(struct fg_payload_search *s);
int fg_payload_check_binary(struct fg_payload_search *s);
int fg_payload_check_protobuf(struct fg_payload_search *s);

/* Who sent it, and when: as the configuration's places say. */
int fg_payload_find_binary(struct fg_payload_search *s, const struct fg_payload_place *place,
	struct fg_payload_found *f);
int fg_payload_find_protobuf(struct fg_payload_search *s, const struct fg_payload_place *place,
	struct fg_payload_found *f);

/* The first base name of a pack; FG_ENOENT, FG_EDECODE. */
int fg_payload_base_name(struct fg_payload_search *s, char *out, size_t cap);

#endif
