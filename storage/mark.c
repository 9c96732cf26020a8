/* SPDX-License-Identifier: EUPL-1.2 */
/* The mark beside the database: two lines of text, the second a checksum of the first. */
#include "storage/mark.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/status.h"
#include "storage/checksum.h"

#define TEXT_SIZE 128
#define PREFIX "fjordgate next "

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void render(struct fg_buf *out, uint64_t next)
{
	fg_buf_printf(out, PREFIX "%" PRIu64 "\n", next);
	fg_buf_printf(out, "%08" PRIx32 "\n", fg_crc32(out->data, out->len));
}

int fg_mark_read(const char *path, uint64_t *ret_next)
{
	FG_CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[TEXT_SIZE], again[TEXT_SIZE];
	struct fg_buf out;
	uint64_t next;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return FG_ECORRUPT;
	next = strtoull(text + strlen(PREFIX), NULL, 10);
	/* right is only what would be written for this number, byte by byte */
	fg_buf_wrap(&out, again, sizeof(again));
	render(&out, next);
	if (next > INT64_MAX || out.len != (size_t)n || memcmp(again, text, out.len) != 0)
		return FG_ECORRUPT;
	*ret_next = next;
	return FG_OK;
}

static int write_file(const char *path, const char *text, size_t len)
{
	FG_CLEANUP(close_fd)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -ENOSPC;
	return fsync(fd) < 0 ? -errno : FG_OK;
}

/* A rename is durable once its folder is. */
static int sync_folder(char *path)
{
	char *slash = strrchr(path, '/');
	const char *folder = ".";

	if (slash) {
		slash[slash == path] = '\0'; /* "/mark" lies in "/" */
		folder = path;
	}
	FG_CLEANUP(close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return FG_OK;
}

int fg_mark_write(const char *path, uint64_t next)
{
	char mem[TEXT_SIZE];
	struct fg_buf text;
	char *tmp;
	int rc;

	fg_buf_wrap(&text, mem, sizeof(mem));
	render(&text, next);
	if (asprintf(&tmp, "%s.tmp", path) < 0)
		return FG_ENOMEM;
	rc = write_file(tmp, text.data, text.len);
	if (rc == FG_OK && rename(tmp, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(tmp);
	else
		rc = sync_folder(tmp);
	free(tmp);
	return rc;
}
