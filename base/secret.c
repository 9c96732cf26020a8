/* SPDX-License-Identifier: EUPL-1.2 */
/* Reading passwords and pre-shared keys. */
#include "base/secret.h"

#include <ctype.h>
#include <fcntl.h>
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

static int take_key(const char *key, size_t len, char *ret_hex, size_t size)
{
	if (len == 0 || len % 2 || len >= size)
		return FG_EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)key[i]))
			return FG_EINVAL;
	memcpy(ret_hex, key, len);
	ret_hex[len] = '\0';
	return FG_OK;
}

int fg_secret_psk(const char *path, const char *identity, char *ret_hex, size_t size)
{
	char mem[PSK_FILE_MAX];
	long len = read_file(path, mem, sizeof(mem));
	int r = len < 0 ? (int)len : FG_ENOENT;

	for (char *line = mem; len >= 0 && r == FG_ENOENT && *line;) {
		size_t n = strcspn(line, "\r\n");
		char *colon = memrchr(line, ':', n);

		if (*line != '#' && colon &&
			(!identity || (strlen(identity) == (size_t)(colon - line) &&
					      memcmp(identity, line, (size_t)(colon - line)) == 0)))
			r = take_key(colon + 1, n - (size_t)(colon - line) - 1, ret_hex, size);
		line += n;
		line += strspn(line, "\r\n");
	}
	explicit_bzero(mem, sizeof(mem));
	return r;
}
