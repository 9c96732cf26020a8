/* SPDX-License-Identifier: EUPL-1.2 */
/* Images, names, what is not synced, and what a power cut makes of it. */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "heap.h"

static struct disk *mounted;

/* ---- memory: a test that has none left is over ---- */

static void *grown(void *items, size_t *cap, size_t need, size_t size)
{
	if (need > *cap) {
		*cap = FG_MAX(need, *cap * 2);
		items = realloc(items, *cap * size);
		if (!items)
			abort();
	}
	return items;
}

static char *copy_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		abort();
	return copy;
}

/* ---- images ---- */

static void image_resize(struct disk_image *i, int64_t size)
{
	size_t cap = i->cap;

	i->bytes = grown(i->bytes, &i->cap, (size_t)size, 1);
	if (i->cap > cap)
		memset(i->bytes + cap, 0, i->cap - cap);
	if (size < i->size) /* what a later write beyond it leaves out reads as zeros */
		memset(i->bytes + size, 0, (size_t)(i->size - size));
	i->size = size;
}

static void image_write(struct disk_image *i, const void *from, size_t len, int64_t at)
{
	if (at + (int64_t)len > i->size)
		image_resize(i, at + (int64_t)len);
	memcpy(i->bytes + at, from, len);
}

static void image_copy(struct disk_image *to, const struct disk_image *from)
{
	image_resize(to, from->size);
	if (from->size)
		memcpy(to->bytes, from->bytes, (size_t)from->size);
}

static void apply(struct disk_image *i, const struct disk_op *op)
{
	if (op->truncate)
		image_resize(i, op->at);
	else
		image_write(i, op->bytes, op->len, op->at);
}

static void forget_ops(struct disk_file *f)
{
	for (size_t i = 0; i < f->op_count; i++)
		free(f->ops[i].bytes);
	f->op_count = 0;
}

/* ---- files and names ---- */

static void drop_shm(struct disk_file *f)
{
	for (size_t i = 0; i < f->shm_count; i++)
		free(f->shm[i]);
	free(f->shm);
	f->shm = NULL;
	f->shm_count = 0;
}

static void unlink_file(struct disk_file *f)
{
	if (--f->links > 0)
		return;
	forget_ops(f);
	drop_shm(f);
	free(f->ops);
	free(f->now.bytes);
	free(f->durable.bytes);
	free(f);
}

static struct disk_name *find_name(const struct disk_names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->items[i].name, name) == 0)
			return &n->items[i];
	return NULL;
}

static void set_name(struct disk_names *n, const char *name, struct disk_file *file)
{
	struct disk_name *at = find_name(n, name);

	file->links++;
	if (at) {
		unlink_file(at->file);
		at->file = file;
		return;
	}
	n->items = grown(n->items, &n->cap, n->count + 1, sizeof(*n->items));
	n->items[n->count++] = (struct disk_name){copy_text(name), file};
}

static void drop_name(struct disk_names *n, const char *name)
{
	struct disk_name *at = find_name(n, name);

	if (!at)
		return;
	free(at->name);
	unlink_file(at->file);
	*at = n->items[--n->count];
}

static void free_names(struct disk_names *n)
{
	while (n->count)
		drop_name(n, n->items[0].name);
	free(n->items);
	*n = (struct disk_names){0};
}

static void copy_names(struct disk_names *to, const struct disk_names *from)
{
	struct disk_names old = *to;

	*to = (struct disk_names){0};
	for (size_t i = 0; i < from->count; i++)
		set_name(to, from->items[i].name, from->items[i].file);
	free_names(&old);
}

static void apply_change(struct disk_names *n, const struct disk_change *c)
{
	switch (c->type) {
	case DISK_CREATE:
		set_name(n, c->name, c->file);
		break;
	case DISK_RENAME:
		set_name(n, c->to, c->file);
		if (find_name(n, c->name) && find_name(n, c->name)->file == c->file)
			drop_name(n, c->name);
		break;
	case DISK_REMOVE:
		if (find_name(n, c->name) && find_name(n, c->name)->file == c->file)
			drop_name(n, c->name);
		break;
	}
}

static void forget_changes(struct disk *d)
{
	for (size_t i = 0; i < d->change_count; i++) {
		free(d->changes[i].name);
		free(d->changes[i].to);
		unlink_file(d->changes[i].file);
	}
	d->change_count = 0;
}

static void change(struct disk *d, enum disk_change_type type, const char *name, const char *to,
	struct disk_file *file)
{
	struct disk_change *c;

	d->changes = grown(d->changes, &d->change_cap, d->change_count + 1, sizeof(*d->changes));
	c = &d->changes[d->change_count++];
	*c = (struct disk_change){type, copy_text(name), copy_text(to), file};
	file->links++;
	apply_change(&d->now, c);
}

/* ---- the disk ---- */

struct disk *disk_new(uint64_t seed)
{
	struct disk *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->rng.state = seed;
	return d;
}

void disk_free(struct disk *d)
{
	if (!d)
		return;
	forget_changes(d);
	free_names(&d->now);
	free_names(&d->durable);
	free(d->changes);
	if (mounted == d)
		mounted = NULL;
	free(d);
}

void disk_mount(struct disk *d)
{
	mounted = d;
}

struct disk *disk_mounted(void)
{
	return mounted;
}

void disk_power_off(struct disk *d)
{
	d->off = true;
	d->cut_at = 0;
}

void disk_cut_after(struct disk *d, uint64_t n)
{
	d->cut_at = d->calls + n;
}

int64_t disk_used(const struct disk *d)
{
	return d->used;
}

void disk_count_used(struct disk *d, int64_t more)
{
	d->used += more;
	d->peak = FG_MAX(d->peak, d->used);
}

static int64_t shm_bytes(const struct disk_file *f)
{
	return (int64_t)f->shm_count * DISK_SHM_PAGE;
}

static void recount(struct disk *d)
{
	d->used = 0;
	for (size_t i = 0; i < d->now.count; i++)
		disk_count_used(d, d->now.items[i].file->now.size +
					   shm_bytes(d->now.items[i].file));
}

bool disk_has_room(const struct disk *d, int64_t more)
{
	return !d->quota || d->used + d->others + more <= d->quota;
}

/* ---- a power cut ---- */

/* How kind the cut is to what was not synced. */
enum mercy { KEEP_SOME, KEEP_NONE, KEEP_ALL, KEEP_FIRST };

static void apply_torn(struct disk_image *i, const struct disk_op *op, struct fg_rng *rng)
{
	int64_t end = op->at + (int64_t)op->len;

	if (op->truncate)
		return;
	if (end > i->size && fg_rng_below(rng, 2))
		image_resize(i, end); /* the size is in the folder's block, not in the data's */
	for (int64_t at = op->at; at < end;) {
		int64_t next = FG_MIN((at / DISK_SECTOR + 1) * DISK_SECTOR, end);

		if (fg_rng_below(rng, 2))
			image_write(i, op->bytes + (at - op->at), (size_t)(next - at), at);
		at = next;
	}
}

static void cut_file(struct disk_file *f, enum mercy mercy, struct fg_rng *rng)
{
	size_t first = (size_t)fg_rng_below(rng, f->op_count + 1);

	for (size_t i = 0; i < f->op_count; i++) {
		uint64_t fate = fg_rng_below(rng, 10);

		if (mercy == KEEP_NONE || (mercy == KEEP_FIRST && i > first))
			continue;
		if (mercy == KEEP_SOME && fate < 4)
			continue;
		if ((mercy == KEEP_SOME && fate < 6) || (mercy == KEEP_FIRST && i == first))
			apply_torn(&f->durable, &f->ops[i], rng);
		else
			apply(&f->durable, &f->ops[i]);
	}
	forget_ops(f);
	image_copy(&f->now, &f->durable);
	drop_shm(f);
	f->shared = f->reserved = f->pending = f->exclusive = 0;
	memset(f->shm_shared, 0, sizeof(f->shm_shared));
	memset(f->shm_exclusive, 0, sizeof(f->shm_exclusive));
}

void disk_power_on(struct disk *d, uint64_t seed)
{
	struct fg_rng rng = {seed};
	enum mercy mercy = (enum mercy)fg_rng_below(&rng, 4);

	for (size_t i = 0; i < d->change_count; i++)
		if (mercy == KEEP_ALL || (mercy != KEEP_NONE && fg_rng_below(&rng, 2)))
			apply_change(&d->durable, &d->changes[i]);
	forget_changes(d);
	copy_names(&d->now, &d->durable);
	for (size_t i = 0; i < d->now.count; i++)
		cut_file(d->now.items[i].file, mercy, &rng);
	d->off = false;
	d->cut_at = 0;
	recount(d);
}

void disk_survive(struct disk *d)
{
	for (size_t i = 0; i < d->now.count; i++)
		drop_shm(d->now.items[i].file);
	d->off = false;
	d->cut_at = 0;
	recount(d);
}

struct disk *disk_copy(const struct disk *d)
{
	struct disk *copy = disk_new(d->rng.state);

	copy->scratch = true;
	for (size_t i = 0; i < d->now.count; i++) {
		struct disk_file *f = calloc(1, sizeof(*f));

		if (!f)
			abort();
		image_copy(&f->now, &d->now.items[i].file->now);
		set_name(&copy->now, d->now.items[i].name, f);
		set_name(&copy->durable, d->now.items[i].name, f);
	}
	recount(copy);
	return copy;
}

int64_t disk_size(const struct disk *d, const char *name)
{
	const struct disk_name *n = find_name(&d->now, name);

	return n ? n->file->now.size : 0;
}

static struct disk_file *at_byte(struct disk *d, const char *name, int64_t at)
{
	struct disk_file *f = disk_find(d, name);

	return f && at >= 0 && at < f->now.size ? f : NULL;
}

bool disk_flip(struct disk *d, const char *name, int64_t at, unsigned char mask)
{
	struct disk_file *f = at_byte(d, name, at);

	if (!f)
		return false;
	f->now.bytes[at] ^= mask;
	if (at < f->durable.size)
		f->durable.bytes[at] ^= mask;
	return true;
}

bool disk_zero_sector(struct disk *d, const char *name, int64_t sector)
{
	int64_t at = sector * DISK_SECTOR;
	struct disk_file *f = at_byte(d, name, at);

	if (!f)
		return false;
	memset(f->now.bytes + at, 0, (size_t)FG_MIN(DISK_SECTOR, f->now.size - at));
	if (at < f->durable.size)
		memset(f->durable.bytes + at, 0, (size_t)FG_MIN(DISK_SECTOR, f->durable.size - at));
	return true;
}

/* ---- calls ---- */

/* A change is about to happen: false where the power is off, or goes right now. */
static bool powered(struct disk *d)
{
	d->calls++;
	if (d->cut_at && d->calls >= d->cut_at) {
		disk_power_off(d);
		return false;
	}
	return !d->off;
}

struct disk_file *disk_find(const struct disk *d, const char *name)
{
	struct disk_name *n = find_name(&d->now, name);

	return n ? n->file : NULL;
}

int disk_open(struct disk *d, const char *name, bool create, struct disk_file **ret)
{
	HEAP_OF(HEAP_WORLD);
	struct disk_file *f = disk_find(d, name);

	if (d->off)
		return -EIO;
	if (!f) {
		if (!create)
			return -ENOENT;
		if (d->read_only)
			return -EROFS;
		if (!disk_has_room(d, DISK_SECTOR))
			return -ENOSPC;
		if (!powered(d))
			return -EIO;
		f = calloc(1, sizeof(*f));
		if (!f)
			abort();
		change(d, DISK_CREATE, name, NULL, f);
	}
	f->links++;
	*ret = f;
	return 0;
}

void disk_close(struct disk *d, struct disk_file *f)
{
	(void)d;
	unlink_file(f);
}

int disk_read(struct disk *d, struct disk_file *f, void *to, size_t len, int64_t at, size_t *ret)
{
	if (d->off)
		return -EIO;
	if (d->read_error)
		return -d->read_error;
	*ret = at >= f->now.size ? 0 : (size_t)FG_MIN((int64_t)len, f->now.size - at);
	if (*ret)
		memcpy(to, f->now.bytes + at, *ret);
	return 0;
}

static void add_op(struct disk *d, struct disk_file *f, bool truncate, int64_t at,
	const void *from, size_t len)
{
	unsigned char *copy;

	if (d->scratch)
		return;
	copy = len ? malloc(len) : NULL;
	if (len && !copy)
		abort();
	if (len)
		memcpy(copy, from, len);
	f->ops = grown(f->ops, &f->op_cap, f->op_count + 1, sizeof(*f->ops));
	f->ops[f->op_count++] = (struct disk_op){truncate, at, len, copy};
}

int disk_write(struct disk *d, struct disk_file *f, const void *from, size_t len, int64_t at)
{
	HEAP_OF(HEAP_WORLD);
	int64_t more = FG_MAX(at + (int64_t)len - f->now.size, 0);
	bool on;

	if (d->off)
		return -EIO;
	if (d->read_only)
		return -EROFS;
	if (d->write_error)
		return -d->write_error;
	if (more && !disk_has_room(d, more))
		return -ENOSPC;
	on = powered(d);
	/* the write during which the power goes may be half there */
	image_write(&f->now, from, len, at);
	add_op(d, f, false, at, from, len);
	disk_count_used(d, more);
	d->written += len;
	return on ? 0 : -EIO;
}

int disk_truncate(struct disk *d, struct disk_file *f, int64_t size)
{
	HEAP_OF(HEAP_WORLD);

	if (d->off)
		return -EIO;
	if (d->read_only)
		return -EROFS;
	if (d->write_error)
		return -d->write_error;
	if (size > f->now.size && !disk_has_room(d, size - f->now.size))
		return -ENOSPC;
	if (!powered(d))
		return -EIO;
	disk_count_used(d, size - f->now.size);
	image_resize(&f->now, size);
	add_op(d, f, true, size, NULL, 0);
	return 0;
}

int disk_sync(struct disk *d, struct disk_file *f)
{
	HEAP_OF(HEAP_WORLD);

	if (d->off)
		return -EIO;
	d->syncs++;
	d->spent_us += d->sync_us;
	if (d->sync_error)
		return -d->sync_error;
	if (!powered(d))
		return -EIO;
	for (size_t i = 0; i < f->op_count; i++)
		apply(&f->durable, &f->ops[i]);
	forget_ops(f);
	return 0;
}

int disk_sync_folder(struct disk *d)
{
	HEAP_OF(HEAP_WORLD);

	if (d->off)
		return -EIO;
	if (d->sync_error)
		return -d->sync_error;
	if (!powered(d))
		return -EIO;
	for (size_t i = 0; i < d->change_count; i++)
		apply_change(&d->durable, &d->changes[i]);
	forget_changes(d);
	return 0;
}

int disk_rename(struct disk *d, const char *from, const char *to)
{
	HEAP_OF(HEAP_WORLD);
	struct disk_file *f = disk_find(d, from), *gone = disk_find(d, to);

	if (d->off)
		return -EIO;
	if (d->read_only)
		return -EROFS;
	if (!f)
		return -ENOENT;
	if (!powered(d))
		return -EIO;
	if (gone && gone != f)
		disk_count_used(d, -gone->now.size);
	change(d, DISK_RENAME, from, to, f);
	return 0;
}

int disk_remove(struct disk *d, const char *name)
{
	HEAP_OF(HEAP_WORLD);
	struct disk_file *f = disk_find(d, name);

	if (d->off)
		return -EIO;
	if (d->read_only)
		return -EROFS;
	if (!f)
		return -ENOENT;
	if (!powered(d))
		return -EIO;
	disk_count_used(d, -f->now.size);
	change(d, DISK_REMOVE, name, NULL, f);
	return 0;
}
