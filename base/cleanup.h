/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_CLEANUP_H
#define FG_BASE_CLEANUP_H

#include <stddef.h>

/* FG_CLEANUP(f) on a local calls f(&local) when the local goes out of scope. */
#define FG_CLEANUP(f) __attribute__((cleanup(f)))

/* FG_TAKE(p) gives p's value and sets p to NULL: it hands ownership on. */
#define FG_TAKE(p)                                                                                 \
	__extension__({                                                                            \
		__typeof__(p) fg_taken_ = (p);                                                     \
		(p) = NULL;                                                                        \
		fg_taken_;                                                                         \
	})

#define FG_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FG_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* Both evaluate an argument twice: no calls that have an effect. */
#define FG_MIN(a, b) ((a) < (b) ? (a) : (b))
#define FG_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
