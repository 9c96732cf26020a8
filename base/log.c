/* SPDX-License-Identifier: EUPL-1.2 */
/* Log lines to stderr: one write a line, with the journal's priority prefix where it listens. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/timefmt.h"

static _Atomic unsigned debug_mask;
static _Atomic int max_level = FG_LOG_DEBUG;

static const char *const topic_names[] = {
#define X(name) #name,
	FG_DEBUG_TOPICS(X)
#undef X
};

/* systemd names the device and inode of the journal's stream; anything else gets a time. */
static bool stderr_is_journal(void)
{
	static _Atomic int known; /* 0 unknown, 1 yes, 2 no */
	const char *stream;
	struct stat st;
	unsigned long long dev, ino;
	bool yes;

	if (known)
		return known == 1;
	stream = getenv("JOURNAL_STREAM");
	yes = stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	      fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
	known = yes ? 1 : 2;
	return yes;
}

static size_t put_prefix(char *line, size_t cap, enum fg_log_level level)
{
	static const char *const words[] = {"", "", "", "error: ", "warning: ", "", "", "debug: "};
	char stamp[FG_RFC3339_SIZE];

	if (stderr_is_journal())
		return (size_t)snprintf(line, cap, "<%d>", (int)level);
	fg_rfc3339(fg_clock_wall_us() / 1000, stamp);
	return (size_t)snprintf(line, cap, "%s %s", stamp, words[level & 7]);
}

void fg_log(enum fg_log_level level, const char *fmt, ...)
{
	char line[1024];
	size_t len;
	va_list ap;
	int n;

	if ((int)level > max_level)
		return;
	len = put_prefix(line, sizeof(line), level);
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (n > 0)
		len += FG_MIN((size_t)n, sizeof(line) - len - 2);
	for (size_t i = 0; i < len; i++) /* one line stays one line, whatever a sensor sent */
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
}

bool fg_debug_on(enum fg_debug_topic topic)
{
	return atomic_load_explicit(&debug_mask, memory_order_relaxed) & (1u << topic);
}

static int topic_bit(const char *name, size_t len, unsigned *ret_bits)
{
	if (len == 3 && memcmp(name, "all", 3) == 0) {
		*ret_bits = (1u << FG_DEBUG_COUNT) - 1;
		return FG_OK;
	}
	for (unsigned i = 0; i < FG_DEBUG_COUNT; i++) {
		if (strlen(topic_names[i]) == len && memcmp(topic_names[i], name, len) == 0) {
			*ret_bits = 1u << i;
			return FG_OK;
		}
	}
	return FG_EINVAL;
}

int fg_debug_select(const char *topics)
{
	unsigned mask = debug_mask, bits = 0;

	while (*topics) {
		size_t len = strcspn(topics, ",");

		if (len && topic_bit(topics, len, &bits) < 0)
			return FG_EINVAL;
		if (len)
			mask |= bits;
		topics += len + (topics[len] == ',');
	}
	debug_mask = mask;
	return FG_OK;
}

void fg_log_set_level(enum fg_log_level level)
{
	max_level = (int)level;
}
