/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_WAIT_H
#define FG_BASE_WAIT_H

#include <stdint.h>

/* Whether the descriptor can be read within wait_us (>= 0): 1, or 0 where time has passed, or the
 * negative errno, EINTR among them. A negative descriptor: only waits. */
int fg_wait_readable(int fd, int64_t wait_us);

#endif
