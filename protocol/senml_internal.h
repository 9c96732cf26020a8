/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_SENML_INTERNAL_H
#define FG_PROTOCOL_SENML_INTERNAL_H

#include "base/cleanup.h"
#include "protocol/senml.h"

/* Between the rules of SenML (senml.c) and its forms (senml_form.c). */

/* Base fields first. */
enum fg_senml_label {
	FG_SENML_BVER,
	FG_SENML_BN,
	FG_SENML_BT,
	FG_SENML_BU,
	FG_SENML_BV,
	FG_SENML_BS,
	FG_SENML_N,
	FG_SENML_U,
	FG_SENML_V,
	FG_SENML_VS,
	FG_SENML_VB,
	FG_SENML_VD,
	FG_SENML_S,
	FG_SENML_T,
	FG_SENML_UT,
	FG_SENML_LABELS
};

struct fg_senml_field {
	enum { FG_SENML_ABSENT, FG_SENML_NUMBER, FG_SENML_TEXT, FG_SENML_BOOL, FG_SENML_DATA } type;
	struct fg_value number;	       /* NUMBER, BOOL */
	const unsigned char *at, *end; /* TEXT, DATA: as it stands in the payload */
};

struct fg_senml_fields {
	struct fg_senml_field of[FG_SENML_LABELS];
};

/* Writes s->why with the number of the record in front and returns FG_EDECODE. */
int fg_senml_fail(struct fg_senml *s, const char *fmt, ...) FG_PRINTF(2, 3);

/* The name of a label in JSON, its key in CBOR, and the type that its value must have. */
struct fg_senml_rule {
	const char *name;
	int key, type;
};
extern const struct fg_senml_rule fg_senml_rules[FG_SENML_LABELS];

/* Checks the payload's form and goes to the first record. */
int fg_senml_form_begin(struct fg_senml *s);
/* Takes the fields of the next record, with the types that the rules want; FG_ENOENT behind the
 * last. */
int fg_senml_form_next(struct fg_senml *s, struct fg_senml_fields *ret);
/* Copies a field of type TEXT or DATA (as bytes); returns its length, negative where data is not
 * what base64 can be. */
int64_t fg_senml_form_copy(const struct fg_senml *s, const struct fg_senml_field *field, char *out,
	size_t cap, bool *ret_cut);

#endif
