/* SPDX-License-Identifier: EUPL-1.2 */
/* Entries of systemd's journal. */
#include "base/journal.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const ids[FG_STATE_COUNT] = {
#define X(name, id, help) id,
	FG_STATE_IDS(X)
#undef X
};

const char *fg_journal_id(enum fg_state_id event)
{
	return ids[event];
}

/* No value of ours has a newline: a line is one line (fg_log). */
static void put_field(struct fg_buf *out, const char *name, const char *value, size_t len)
{
	fg_buf_puts(out, name);
	fg_buf_putc(out, '=');
	fg_buf_put(out, value, len);
	fg_buf_putc(out, '\n');
}

/* Takes `word 'NAME'` off the front; NULL where it does not stand there. */
static const char *take(struct fg_buf *out, const char *at, const char *word, const char *field)
{
	size_t len = strlen(word);
	const char *end;

	if (strncmp(at, word, len) != 0 || at[len] != ' ' || at[len + 1] != '\'')
		return NULL;
	at += len + 2;
	end = strchr(at, '\'');
	if (!end || end == at)
		return NULL;
	put_field(out, field, at, (size_t)(end - at));
	return end + 1;
}

static void put_names(struct fg_buf *out, const char *at)
{
	static const struct {
		const char *word, *field;
	} names[] = {{"device", "FJORDGATE_DEVICE"}, {"link", "FJORDGATE_LINK"},
		{"point", "FJORDGATE_POINT"}, {"destination", "FJORDGATE_DESTINATION"}};

	for (size_t i = 0; i < FG_COUNT(names);) {
		const char *next = take(out, at, names[i].word, names[i].field);

		if (!next) {
			i++;
			continue;
		}
		at = next + strspn(next, "), (");
		if (*at == ':')
			return; /* what comes then is the message */
		i = 0;
	}
}

void fg_journal_put(
	struct fg_buf *out, enum fg_log_level level, enum fg_state_id event, const char *message)
{
	char digit = (char)('0' + (int)level);

	put_field(out, "PRIORITY", &digit, 1);
	put_field(out, "SYSLOG_IDENTIFIER", program_invocation_short_name,
		strlen(program_invocation_short_name));
	if (ids[event])
		put_field(out, "MESSAGE_ID", ids[event], strlen(ids[event]));
	put_names(out, message);
	put_field(out, "MESSAGE", message, strlen(message));
}

/* One socket for the process: datagrams of several threads do not mix. */
static int the_socket(void)
{
	static _Atomic int known = -1;
	int fd = atomic_load(&known), none = -1;

	if (fd >= 0)
		return fd;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !atomic_compare_exchange_strong(&known, &none, fd)) {
		close(fd);
		fd = none;
	}
	return fd;
}

bool fg_journal_send(const char *socket_path, const struct fg_buf *entry)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(socket_path);
	int fd = the_socket();

	if (fd < 0 || entry->overflow || len >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, socket_path, len + 1);
	return sendto(fd, entry->data, entry->len, MSG_NOSIGNAL | MSG_DONTWAIT,
		       (struct sockaddr *)&address, sizeof(address)) == (ssize_t)entry->len;
}
