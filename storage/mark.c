/* SPDX-License-Identifier: EUPL-1.2 */
/* The mark beside the database: two lines of text, the second a checksum of the first. */
#include "storage/mark.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/status.h"
#include "storage/checksum.h"
#include "storage/files.h"

#define TEXT_SIZE 128
#define PREFIX "fjordgate next "

static void render(struct fg_buf *out, uint64_t next)
{
	fg_buf_printf(out, PREFIX "%" PRIu64 "\n", next);
	fg_buf_printf(out, "%08" PRIx32 "\n", fg_crc32(out->data, out->len));
}

int fg_mark_read(const char *path, uint64_t *ret_next)
{
	char text[TEXT_SIZE], again[TEXT_SIZE];
	struct fg_buf out;
	uint64_t next;
	long n = fg_file_read(path, 0, text, sizeof(text) - 1);

	if (n < 0)
		return (int)n;
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

int fg_mark_write(const char *path, uint64_t next)
{
	char mem[TEXT_SIZE];
	struct fg_buf text;

	fg_buf_wrap(&text, mem, sizeof(mem));
	render(&text, next);
	return fg_file_replace(path, text.data, text.len);
}
