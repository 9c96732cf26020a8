/* SPDX-License-Identifier: EUPL-1.2 */
/* Preloaded into the gateway by bench/run: counts, for each thread, the calls that allocate memory
 * and the bytes that SQLite writes to files. The counters live in the file FG_COUNT_FILE, so that
 * they can be read from outside at any moment. */
#undef _FILE_OFFSET_BITS /* pwrite and pwrite64 are two symbols here, and SQLite may use either */
#undef _TIME_BITS
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS 512

/* bench/run reads this layout. */
struct slot {
	int64_t tid;
	_Atomic int64_t allocations, allocated_bytes, written_bytes;
};

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static struct slot *slots;
static _Atomic unsigned used;
/* No allocation by the loader on first use in a thread. */
static __thread struct slot *mine __attribute__((tls_model("initial-exec")));

static void map_counters(void)
{
	const char *file = getenv("FG_COUNT_FILE");
	int fd = file ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, SLOTS * sizeof(struct slot)) == 0)
		at = mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			0);
	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		slots = at;
}

__attribute__((constructor)) static void start(void)
{
	map_counters();
}

static struct slot *slot_of_thread(void)
{
	unsigned n;

	if (mine || !slots)
		return mine;
	n = atomic_fetch_add(&used, 1);
	if (n >= SLOTS)
		return NULL;
	mine = &slots[n];
	mine->tid = syscall(SYS_gettid);
	return mine;
}

static void count(size_t bytes)
{
	struct slot *s = slot_of_thread();

	if (!s)
		return;
	s->allocations++;
	s->allocated_bytes += (int64_t)bytes;
}

void *malloc(size_t size)
{
	count(size);
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count(n * size);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	count(size);
	return __libc_realloc(p, size);
}

/* SQLite writes by these alone. */
static ssize_t write_at(int fd, const void *bytes, size_t len, int64_t offset)
{
	struct slot *s = slot_of_thread();
	ssize_t n = syscall(SYS_pwrite64, fd, bytes, len, offset);

	if (s && n > 0)
		s->written_bytes += n;
	return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
	return write_at(fd, bytes, len, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return write_at(fd, bytes, len, offset);
}
