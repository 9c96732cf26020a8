/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading passwords and pre-shared keys. */
#include "base/secret.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"

#define PSK_FILE_MAX 65536

/* Reads at most size - 1 bytes; FG_EINVAL where there are more. */
static long read_file(const char *path, char *mem, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (len < size && (n = read(fd, mem + len, size - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (len == size || memchr(mem, '\0', len))
		return FG_EINVAL;
	mem[len] = '\0';
	return (long)len;
}

int fg_secret_read(const char *path, char *ret_text, size_t size)
{
	long len = read_file(path, ret_text, size);

	if (len < 0) {
		explicit_bzero(ret_text, size);
		return (int)len;
	}
	while (len > 0 && (ret_text[len - 1] == '\n' || ret_text[len - 1] == '\r'))
		ret_text[--len] = '\0';
	return len > 0 ? FG_OK : FG_EINVAL;
}

/* What is wrong with a key; "" where nothing is. */
static void judge_key(const char *key, size_t len, size_t max, char *why, size_t size)
{
	const char *hex = "0123456789abcdefABCDEF";
	size_t good = 0;

	while (good < len && strchr(hex, key[good]))
		good++;
	*why = '\0';
	if (len == 0)
		snprintf(why, size, "there is no key behind the colon");
	else if (good < len)
		snprintf(why, size, "character %zu of the key, of %zu, is no hexadecimal digit",
			good + 1, len);
	else if (len % 2)
		snprintf(why, size, "the key has %zu hexadecimal digits, and two make a byte", len);
	else if (len >= max)
		snprintf(why, size, "the key has %zu bytes; %zu are the most", len / 2,
			(max - 1) / 2);
}

struct line {
	const char *text;
	size_t len;
	unsigned number;
	const char *colon; /* in front of the key; NULL: there is none */
};

static bool next_line(struct line *l)
{
	const char *at = l->text + l->len;

	if (l->number && *at == '\r')
		at++;
	if (l->number && *at == '\n')
		at++;
	if (!*at)
		return false;
	*l = (struct line){.text = at, .len = strcspn(at, "\r\n"), .number = l->number + 1};
	l->colon = memrchr(at, ':', l->len);
	return true;
}

static bool is_of(const struct line *l, const char *identity)
{
	size_t len = (size_t)(l->colon ? l->colon - l->text : 0);

	return l->colon && (!identity || (strlen(identity) == len &&
						 memcmp(identity, l->text, len) == 0));
}

/* The key into ret_hex. */
static int find_key(const char *text, const char *identity, char *ret_hex, size_t size, char *why,
	size_t why_size)
{
	struct line l = {.text = text};
	char fault[120];
	unsigned odd = 0; /* a line that is none */
	size_t len;

	while (next_line(&l)) {
		if (l.len == 0 || *l.text == '#')
			continue;
		odd = odd || l.colon ? odd : l.number;
		if (!is_of(&l, identity))
			continue;
		len = l.len - (size_t)(l.colon + 1 - l.text);
		judge_key(l.colon + 1, len, size, fault, sizeof(fault));
		if (*fault) {
			snprintf(why, why_size, "line %u: %s", l.number, fault);
			return FG_EINVAL;
		}
		memcpy(ret_hex, l.colon + 1, len);
		ret_hex[len] = '\0';
		return FG_OK;
	}
	if (odd)
		snprintf(why, why_size, "line %u has no colon; it should be identity:hexkey", odd);
	else
		snprintf(why, why_size, "no line is 'identity:hexkey' with it");
	return FG_ENOENT;
}

int fg_secret_psk(const char *path, const char *identity, char *ret_hex, size_t size, char *why,
	size_t why_size)
{
	char mem[PSK_FILE_MAX], unheard[1];
	long len = read_file(path, mem, sizeof(mem));
	int r;

	if (!why) {
		why = unheard;
		why_size = sizeof(unheard);
	}
	if (len == FG_EINVAL)
		snprintf(why, why_size, "it is no text, or longer than %d KiB",
			PSK_FILE_MAX / 1024);
	else if (len < 0)
		snprintf(why, why_size, "%s", fg_strerror((int)len));
	r = len < 0 ? (int)len : find_key(mem, identity, ret_hex, size, why, why_size);
	explicit_bzero(mem, sizeof(mem));
	return r;
}
