/* SPDX-License-Identifier: EUPL-1.2 */
/* Log lines to stderr: one write a line, with the journal's priority prefix where it listens. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/log_limit.h"
#include "base/status.h"
#include "base/timefmt.h"

#define LINE_BYTES 1024

static _Atomic unsigned debug_mask;
static _Atomic int max_level = FG_LOG_DEBUG;
static _Atomic unsigned lost_lines; /* that nobody took */

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

/* The journal's stream may stand still while its service is restarted or waits for the disk: a line
 * is then lost rather than a poll. A terminal, a pipe or a file is waited for. */
static bool write_line(const char *line, size_t len)
{
	if (stderr_is_journal()) {
		if (send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (errno != ENOTSOCK)
			return false;
	}
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
	return true;
}

/* As an entry with fields; false where the journal does not take it. */
static bool log_to_journal(enum fg_log_level level, enum fg_state_id event, const char *message)
{
	char mem[LINE_BYTES * 2];
	struct fg_buf entry;

	fg_buf_wrap(&entry, mem, sizeof(mem));
	fg_journal_put(&entry, level, event, message);
	return fg_journal_send(FG_JOURNAL_SOCKET, &entry);
}

static bool put_line(enum fg_log_level level, enum fg_state_id event, const char *message)
{
	char line[LINE_BYTES + 64];
	size_t len;

	if (stderr_is_journal() && log_to_journal(level, event, message))
		return true;
	len = put_prefix(line, sizeof(line), level);
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s\n", message);
	return write_line(line, FG_MIN(len, sizeof(line) - 1));
}

/* What was lost is told as soon as a line gets through. */
void fg_log_put(enum fg_log_level level, enum fg_state_id event, const char *message)
{
	char text[80];
	unsigned lost;

	if (!put_line(level, event, message)) {
		atomic_fetch_add(&lost_lines, 1);
		return;
	}
	lost = atomic_exchange(&lost_lines, 0);
	if (lost == 0)
		return;
	snprintf(text, sizeof(text), "%u log lines were lost: the journal took none", lost);
	if (!put_line(FG_LOG_WARNING, FG_STATE_NONE, text))
		atomic_fetch_add(&lost_lines, lost);
}

FG_PRINTF(3, 0)
static void log_line(enum fg_log_level level, enum fg_state_id event, const char *fmt, va_list ap)
{
	char message[LINE_BYTES];

	vsnprintf(message, sizeof(message), fmt, ap);
	for (char *p = message; *p; p++) /* one line stays one line, whatever a sensor sent */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	if (level == FG_LOG_DEBUG || fg_log_limit_take(level, event, fmt, message))
		fg_log_put(level, event, message);
}

void fg_log(enum fg_log_level level, const char *fmt, ...)
{
	va_list ap;

	if ((int)level > max_level)
		return;
	va_start(ap, fmt);
	log_line(level, FG_STATE_NONE, fmt, ap);
	va_end(ap);
}

void fg_log_event(enum fg_log_level level, enum fg_state_id event, const char *fmt, ...)
{
	va_list ap;

	if ((int)level > max_level)
		return;
	va_start(ap, fmt);
	log_line(level, event, fmt, ap);
	va_end(ap);
}

bool fg_debug_on(enum fg_debug_topic topic)
{
	return atomic_load_explicit(&debug_mask, memory_order_relaxed) & (1u << topic);
}

static int topic_bits(const char *name, size_t len, unsigned *ret_bits)
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

int fg_debug_parse(const char *topics, unsigned *ret_mask)
{
	unsigned mask = 0, bits = 0;

	if (strcmp(topics, "none") == 0)
		topics = "";
	while (*topics) {
		size_t len = strcspn(topics, ",");

		if (len && topic_bits(topics, len, &bits) < 0)
			return FG_EINVAL;
		if (len)
			mask |= bits;
		topics += len + (topics[len] == ',');
	}
	*ret_mask = mask;
	return FG_OK;
}

void fg_debug_set(unsigned mask)
{
	atomic_store_explicit(&debug_mask, mask, memory_order_relaxed);
}

unsigned fg_debug_mask(void)
{
	return atomic_load_explicit(&debug_mask, memory_order_relaxed);
}

void fg_debug_names(unsigned mask, struct fg_buf *out)
{
	size_t before = out->len;

	for (unsigned i = 0; i < FG_DEBUG_COUNT; i++)
		if (mask & (1u << i))
			fg_buf_printf(out, "%s%s", out->len > before ? "," : "", topic_names[i]);
}

void fg_log_set_level(enum fg_log_level level)
{
	max_level = (int)level;
}
