/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TESTS_CONFIG_HARNESS_H
#define FG_TESTS_CONFIG_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "gateway/config/config.h"

/* A good configuration, one key a line. The tests break or extend it. */
extern const char good[];

/* A folder of its own that the test works in; harness_leave removes it with what is in it. */
int harness_enter(void **state);
int harness_leave(void **state);

void write_file(const char *path, const char *text, size_t len);
void write_text(const char *path, const char *text);

/* `text` with the first `old` replaced; fails where it does not occur. Free it. */
char *edit(const char *text, const char *old, const char *replacement);

struct loaded {
	int status;
	struct fg_config *config; /* NULL where there are faults */
	struct fg_report *rep;
	struct fg_buf out; /* the faults as printed; never NULL */
};

/* Loads fjordgate.yaml of the folder. */
struct loaded load_here(const struct fg_load_options *options);
/* Writes it first. */
struct loaded load_text(const char *text);
void unload(struct loaded *l);

void assert_has(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

const struct fg_device *device(const struct fg_config *c, const char *name);
const struct fg_point *point(const struct fg_config *c, const char *dev, const char *name);

#endif
