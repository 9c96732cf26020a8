/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_THREAD_H
#define FG_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Starts a thread with a small stack (256 KiB) and all signals blocked: only the main thread
 * handles them. `name` shows in ps and in debuggers, at most 15 characters. */
int fg_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg);

/* Waits for a thread's end at most wait_us (to within 5 ms); false where it still runs. */
bool fg_thread_join(pthread_t thread, int64_t wait_us);

/* Gives the pages of the calling thread's stack that lie below its present depth back to the
 * system: after a deep call that comes once (name look-up, TLS), in a thread that lives long. */
void fg_thread_release_stack(void);

/* A condition whose timed wait takes a moment of fg_clock_deadline(). */
void fg_cond_init(pthread_cond_t *cond);

#endif
