/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_SENML_H
#define FG_PROTOCOL_SENML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"

/* SenML packs (RFC 8428, versions as in RFC 9100) in JSON and CBOR, resolved record by record,
 * without a heap. A pack is good as a whole or not at all. */

enum fg_senml_form {
	FG_SENML_JSON,
	FG_SENML_CBOR,
};

enum {
	/* Names may be object paths of LwM2M ("/3303/0/5700"), which begin with a '/'. */
	FG_SENML_OBJECT_NAMES = 1u << 0,
};

#define FG_SENML_NAME 256
#define FG_SENML_UNIT 64

/* A resolved record. It lives until the next one is taken. */
struct fg_senml_record {
	char name[FG_SENML_NAME]; /* base name included */
	const char *own;	  /* the record's own part of it, perhaps "" */
	char unit[FG_SENML_UNIT]; /* "": none */
	unsigned version;
	double time;   /* seconds since 1970 */
	bool relative; /* it was told against `now`, as every record is without a time */
	bool is_data;  /* the value is bytes */
	bool cut;      /* the value did not fit and is only a part */
	/* NONE: there is only a sum. Data is TEXT. A float of CBOR need not be finite. */
	struct fg_value value;
	struct fg_value sum; /* NONE: there is none */
	bool has_update;
	double update; /* seconds until the next one at the latest */
};

struct fg_senml {
	/* What was given to fg_senml_open(). */
	enum fg_senml_form form;
	unsigned flags;
	const unsigned char *payload;
	size_t len;
	double now;
	char *text;
	size_t text_cap;

	/* where the reader stands */
	const unsigned char *at;
	uint64_t left;	  /* elements of a CBOR array of definite length */
	bool indefinite;  /* the CBOR array ends with a break */
	unsigned index;	  /* records taken, from 1 */
	unsigned version; /* 0: not known yet */
	char base_name[FG_SENML_NAME], base_unit[FG_SENML_UNIT];
	double base_time;
	struct fg_value base_value, base_sum; /* NONE: not given */

	char why[160]; /* what is wrong with the pack: "record 2: …" */
};

/* Checks the whole pack: at most 64 KiB. Times below 2^28 are relative to `now` (seconds since
 * 1970; with 0 they stay relative). Strings and data are copied into `text`, one record at a time,
 * cut at text_cap - 1. Payload and text are lent until the last record was taken. FG_EDECODE, with
 * s->why, where the pack breaks a rule. */
int fg_senml_open(struct fg_senml *s, enum fg_senml_form form, unsigned flags, const void *payload,
	size_t len, double now, char *text, size_t text_cap);

/* The next resolved record, in the order of the pack; FG_ENOENT behind the last. */
int fg_senml_next(struct fg_senml *s, struct fg_senml_record *ret);

/* Bytes as base64 with the URL-safe alphabet and without padding, as SenML writes data in JSON;
 * `out` has room for len * 4 / 3 + 2 characters. */
void fg_base64url_put(const void *bytes, size_t len, char *out);
/* Decodes in place and returns how many bytes; negative where the text is no such base64. */
int64_t fg_base64url_take(char *text, size_t len);

#endif
