/* SPDX-License-Identifier: EUPL-1.2 */
/* SQLite's file format (sqlite.org/fileformat2.html), as much as it takes to find rows in the
 * leaves of a damaged file. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "storage/files.h"
#include "storage/salvage.h"
#include "storage/sql.h"

#define WAL_HEADER 32
#define WAL_MAGIC 0x377f0682u /* or one more */
#define OLD_PAGE_SIZE 4096
#define FRAME_HEADER 24
#define PAGES_MAX (UINT32_C(1) << 26)
#define PAYLOAD_MAX (1 << 20)
#define TABLE_LEAF 13
#define INDEX_LEAF 10

struct pages {
	const char *file, *wal;
	uint32_t count;
	uint32_t *frame;     /* of a page's newest image in the log, from 1; 0: it is in the file */
	unsigned char *free; /* a byte a page */
	size_t size;
	unsigned char page[FG_SQL_PAGE_SIZE_MAX];
	unsigned char next[FG_SQL_PAGE_SIZE_MAX]; /* of an overflow chain */
	struct fg_buf payload;
	fg_cell_fn fn;
	void *arg;
};

static int64_t frame_bytes(const struct pages *x)
{
	return FRAME_HEADER + (int64_t)x->size;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static unsigned be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* SQLite's variable-length numbers; NULL beyond the end. */
static const unsigned char *get_varint(const unsigned char *p, const unsigned char *end,
	uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 9; i++) {
		if (p >= end)
			return NULL;
		if (i == 8) {
			*ret = v << 8 | *p;
			return p + 1;
		}
		v = v << 7 | (*p & 0x7F);
		if (!(*p++ & 0x80))
			break;
	}
	*ret = v;
	return p;
}

static bool read_page(struct pages *x, uint32_t number, unsigned char *to)
{
	uint32_t frame;
	long n;

	if (number < 1 || number > x->count)
		return false;
	frame = x->frame[number];
	if (frame)
		n = fg_file_read(x->wal, (int64_t)(WAL_HEADER + FRAME_HEADER) +
			(int64_t)(frame - 1) * frame_bytes(x), to, x->size);
	else
		n = fg_file_read(x->file, (int64_t)(number - 1) * (int64_t)x->size, to, x->size);
	if (n <= 0)
		return false;
	memset(to + n, 0, x->size - (size_t)n); /* a file that was cut off within a page */
	return true;
}

/* ---- the size of the pages ---- */

/* Whether a leaf of an older file begins here: with larger pages, since its first cell is behind
 * the end of one of ours. */
static bool is_old_leaf(const unsigned char *page)
{
	return (page[0] == TABLE_LEAF || page[0] == INDEX_LEAF) && be16(page + 3) > 0 &&
	       be16(page + 8) >= FG_SQL_PAGE_SIZE && be16(page + 8) < OLD_PAGE_SIZE;
}

static size_t guess_page_size(struct pages *x)
{
	int64_t bytes = fg_file_bytes(x->file);

	for (int64_t at = OLD_PAGE_SIZE; at < bytes; at += OLD_PAGE_SIZE)
		if (fg_file_read(x->file, at, x->page, 10) == 10 && is_old_leaf(x->page))
			return OLD_PAGE_SIZE;
	return FG_SQL_PAGE_SIZE;
}

/* As the file's header says it, or the log's; else from what its pages look like. */
static size_t find_page_size(struct pages *x)
{
	unsigned char head[WAL_HEADER];
	unsigned size = 0;

	if (fg_file_read(x->file, 0, head, 18) == 18 && memcmp(head, "SQLite format 3", 16) == 0)
		size = fg_sql_page_size(be16(head + 16));
	if (!size && fg_file_read(x->wal, 0, head, WAL_HEADER) == WAL_HEADER &&
		(be32(head) & ~1u) == WAL_MAGIC)
		size = fg_sql_page_size(be32(head + 8));
	return size ? size : guess_page_size(x);
}

/* ---- the log ---- */

static bool read_frame(const struct pages *x, uint32_t i, unsigned char head[FRAME_HEADER])
{
	return fg_file_read(x->wal, WAL_HEADER + (int64_t)(i - 1) * frame_bytes(x), head,
		       FRAME_HEADER) == FRAME_HEADER;
}

/* The salts of the log's present turn: frames of an earlier one have others, and lie behind. Where
 * the header is damaged, the first two frames in a row that agree have them too. */
static bool read_salts(struct pages *x, unsigned char salts[8])
{
	unsigned char head[WAL_HEADER], one[FRAME_HEADER], two[FRAME_HEADER];

	if (fg_file_read(x->wal, 0, head, sizeof(head)) < (long)sizeof(head) ||
		!read_frame(x, 1, one))
		return false;
	if ((be32(head) & ~1u) == WAL_MAGIC) {
		memcpy(salts, head + 16, 8);
		return true;
	}
	memcpy(salts, one + 8, 8); /* where there is but one */
	for (uint32_t i = 2; read_frame(x, i, two); i++) {
		if (memcmp(one + 8, two + 8, 8) == 0 && be32(two + 8)) {
			memcpy(salts, two + 8, 8);
			break;
		}
		memcpy(one, two, sizeof(one));
	}
	return true;
}

/* Frames up to the last one that ends a commit; those behind a damaged one too. */
static void read_log(struct pages *x, bool count_only)
{
	unsigned char salts[8], head[FRAME_HEADER];
	uint32_t frames = 0, committed = 0;

	if (!read_salts(x, salts))
		return;
	frames = (uint32_t)FG_MIN((fg_file_bytes(x->wal) - WAL_HEADER) / frame_bytes(x),
		(int64_t)PAGES_MAX);
	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t i = 1; i <= (turn ? committed : frames); i++) {
			uint32_t number;

			if (!read_frame(x, i, head) ||
				memcmp(head + 8, salts, 8) != 0)
				continue;
			number = be32(head);
			if (!turn && be32(head + 4))
				committed = i;
			if (!turn || number < 1 || number > PAGES_MAX)
				continue;
			if (count_only)
				x->count = FG_MAX(x->count, number);
			else if (number <= x->count)
				x->frame[number] = i;
		}
	}
}

/* ---- free pages: what is in them was deleted ---- */

static void read_free(struct pages *x)
{
	uint32_t trunk;

	if (!read_page(x, 1, x->page) || memcmp(x->page, "SQLite format 3", 16) != 0)
		return;
	trunk = be32(x->page + 32);
	for (uint32_t n = 0; trunk && n < x->count && read_page(x, trunk, x->page); n++) {
		uint32_t leaves = be32(x->page + 4);

		if (leaves > x->size / 4 - 2)
			return;
		x->free[trunk] = 1;
		for (uint32_t i = 0; i < leaves; i++) {
			uint32_t leaf = be32(x->page + 8 + 4 * i);

			if (leaf <= x->count)
				x->free[leaf] = 1;
		}
		trunk = be32(x->page);
	}
}

/* ---- cells ---- */

/* Puts a payload together from the page and its overflow pages. */
static bool get_payload(struct pages *x, bool table, const unsigned char *p, uint64_t size)
{
	const size_t least = (x->size - 12) * 32 / 255 - 23;
	size_t most = table ? x->size - 35 : (x->size - 12) * 64 / 255 - 23;
	size_t local = (size_t)size, k = least + ((size_t)size - least) % (x->size - 4);
	uint32_t number;

	fg_buf_clear(&x->payload);
	if (size > PAYLOAD_MAX)
		return false;
	if (size > most)
		local = k <= most ? k : least;
	if (local + (size > most ? 4 : 0) > (size_t)(x->page + x->size - p))
		return false;
	fg_buf_put(&x->payload, p, local);
	number = size > most ? be32(p + local) : 0;
	while (x->payload.len < size && read_page(x, number, x->next)) {
		fg_buf_put(&x->payload, x->next + 4, FG_MIN(x->size - 4, size - x->payload.len));
		number = be32(x->next);
	}
	return !x->payload.overflow && x->payload.len == size;
}

/* One value; false where it goes beyond the payload. */
static bool get_value(uint64_t serial, const unsigned char **p, const unsigned char *end,
	struct fg_cell_value *ret)
{
	static const unsigned char sizes[] = {0, 1, 2, 3, 4, 6, 8};
	size_t len;

	*ret = (struct fg_cell_value){.type = serial ? FG_CELL_INT : FG_CELL_NULL};
	if (serial == 8 || serial == 9) {
		ret->i = serial == 9;
		return true;
	}
	if (serial > 6 && serial < 12)
		return false;
	len = serial >= 12 ? (size_t)((serial - 12) / 2) : sizes[serial];
	if (serial > 2 * (uint64_t)PAYLOAD_MAX || len > (size_t)(end - *p))
		return false;
	if (serial >= 12) {
		ret->type = serial % 2 ? FG_CELL_TEXT : FG_CELL_BLOB;
		ret->bytes = *p;
		ret->len = len;
	} else if (len) {
		uint64_t v = **p & 0x80 ? UINT64_MAX : 0;

		for (size_t i = 0; i < len; i++)
			v = v << 8 | (*p)[i];
		ret->i = (int64_t)v;
	}
	*p += len;
	return true;
}

static int give_cell(struct pages *x, bool table, const unsigned char *p)
{
	const unsigned char *end = x->page + x->size, *head, *head_end, *body;
	struct fg_cell_value values[FG_CELL_VALUES];
	uint64_t size, rowid = 0, head_size, serial;
	size_t count = 0;

	p = get_varint(p, end, &size);
	if (p && table)
		p = get_varint(p, end, &rowid);
	if (!p || !get_payload(x, table, p, size))
		return FG_OK;
	head = (const unsigned char *)x->payload.data;
	end = head + size;
	head_end = head;
	head = get_varint(head, end, &head_size);
	if (!head || head_size > size)
		return FG_OK;
	head_end += head_size;
	body = head_end;
	while (head < head_end && count < FG_CELL_VALUES) {
		head = get_varint(head, head_end, &serial);
		if (!head || !get_value(serial, &body, end, &values[count++]))
			return FG_OK;
	}
	return x->fn(x->arg, !table, (int64_t)rowid, values, count);
}

static int give_page(struct pages *x, uint32_t number)
{
	size_t at = number == 1 ? 100 : 0;
	bool table;
	unsigned cells;
	int rc = FG_OK;

	if (x->free[number] || !read_page(x, number, x->page))
		return FG_OK;
	table = x->page[at] == TABLE_LEAF;
	if (!table && x->page[at] != INDEX_LEAF)
		return FG_OK;
	cells = be16(x->page + at + 3);
	for (unsigned i = 0; i < cells && at + 8 + 2 * i + 2 <= x->size && rc == FG_OK; i++) {
		unsigned cell = be16(x->page + at + 8 + (size_t)2 * i);

		if (cell < x->size)
			rc = give_cell(x, table, x->page + cell);
	}
	return rc;
}

int fg_pages_scan(const char *file, const char *wal, fg_cell_fn fn, void *arg)
{
	struct pages *x = calloc(1, sizeof(*x));
	int rc = x ? FG_OK : FG_ENOMEM;

	if (!x)
		return rc;
	x->file = file;
	x->wal = wal;
	x->fn = fn;
	x->arg = arg;
	x->size = find_page_size(x);
	fg_buf_init(&x->payload, PAYLOAD_MAX + 1);
	x->count = (uint32_t)FG_MIN((fg_file_bytes(file) + (int64_t)x->size - 1) / (int64_t)x->size,
		(int64_t)PAGES_MAX);
	read_log(x, true);
	x->frame = calloc((size_t)x->count + 1, sizeof(*x->frame));
	x->free = calloc((size_t)x->count + 1, 1);
	if (!x->frame || !x->free)
		rc = FG_ENOMEM;
	if (rc == FG_OK) {
		read_log(x, false);
		read_free(x);
	}
	for (uint32_t n = 1; n <= x->count && rc == FG_OK; n++)
		rc = give_page(x, n);
	fg_buf_fini(&x->payload);
	free(x->frame);
	free(x->free);
	free(x);
	return rc;
}
