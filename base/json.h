/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_JSON_H
#define FG_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Writes JSON (RFC 8259) into a buffer, member by member, with the commas. Keys are our own plain
 * names and are not escaped; text values are. `key` is NULL for an element of an array and for the
 * document itself. Bytes that are not UTF-8 are written as U+FFFD, so the result always is. */
struct fg_json {
	struct fg_buf *out;
	bool comma; /* the next member needs one before it */
};

void fg_json_init(struct fg_json *j, struct fg_buf *out);
void fg_json_object(struct fg_json *j, const char *key);
void fg_json_end_object(struct fg_json *j);
void fg_json_array(struct fg_json *j, const char *key);
void fg_json_end_array(struct fg_json *j);
void fg_json_text(struct fg_json *j, const char *key, const char *text); /* NULL writes null */
void fg_json_int(struct fg_json *j, const char *key, int64_t v);
void fg_json_uint(struct fg_json *j, const char *key, uint64_t v);
void fg_json_bool(struct fg_json *j, const char *key, bool v);
void fg_json_null(struct fg_json *j, const char *key);
/* Seconds with three decimals from microseconds. */
void fg_json_seconds(struct fg_json *j, const char *key, int64_t us);
/* Shortest text of a double; null where it is not finite. */
void fg_json_double(struct fg_json *j, const char *key, double v);
/* Time in milliseconds since 1970 as RFC 3339. */
void fg_json_time(struct fg_json *j, const char *key, int64_t wall_ms);
/* Text that is JSON already. */
void fg_json_raw(struct fg_json *j, const char *key, const char *json, size_t len);

/* A JSON string with its quotes. */
void fg_json_quote(struct fg_buf *out, const char *text, size_t len);

/* The bytes of the UTF-8 character at text (1..4), or 0 where there is none (RFC 3629: no overlong
 * form, no surrogate, nothing above U+10FFFF). */
size_t fg_utf8_char(const unsigned char *text, size_t len);

#endif
