/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_BASE_CLOCK_H
#define FG_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Both clocks at one moment. What decides by time takes this as an argument and asks no clock.
 * mono_us: microseconds since the boot, suspend included (CLOCK_BOOTTIME); never falls.
 * wall_us: microseconds since 1970-01-01T00:00:00Z; may jump either way, and may be wrong. */
struct fg_now {
	int64_t mono_us;
	int64_t wall_us;
};

int64_t fg_clock_mono_us(void);
int64_t fg_clock_wall_us(void);
struct fg_now fg_clock_now(void);

/* The moment after_us from now on the clock that conditions and joins wait on (CLOCK_MONOTONIC:
 * they cannot wait on CLOCK_BOOTTIME; only suspend tells the two apart). */
void fg_clock_deadline(int64_t after_us, struct timespec *ret);

/* CPU time used by this process, all threads, in microseconds. */
int64_t fg_clock_cpu_us(void);

/* The kernel's boot id, 36 characters and NUL; zeros where the kernel does not tell. */
#define FG_BOOT_ID_SIZE 37
void fg_clock_boot_id(char ret_id[FG_BOOT_ID_SIZE]);

/* Whether the kernel says that wall time is synchronised (adjtimex without STA_UNSYNC): 1 or 0.
 * Where a sandbox keeps even reading from this process, the witness is asked; negative errno where
 * nobody can tell. Takes 50 ms at most. */
int fg_clock_kernel_synced(void);

/* The witness: fjordgate-clock, a program without network, files or devices, which alone may ask
 * the kernel. To each connection on its socket it writes one of these characters. It is asked each
 * time anew: an answer from before somebody set the clock would vouch for a wrong time.
 * Returns 1 or 0, or the negative errno: there is no witness, it does not answer, or not so. */
#define FG_CLOCK_WITNESS  "/run/fjordgate-clock.sock"
#define FG_CLOCK_SYNCED	  '1'
#define FG_CLOCK_UNSYNCED '0'
int fg_clock_witness(const char *path);

#endif
