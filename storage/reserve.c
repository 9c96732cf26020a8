/* SPDX-License-Identifier: EUPL-1.2 */
/* The ballast beside the database (spool I14): on a full disk it makes room for what the log may
 * yet need and for the pages that it brings into the database, so that delivery state and
 * deletions can be written for ever. Log and growth together are never more than the log's bound:
 * a page is in one of them. */
#include "base/log.h"
#include "base/status.h"
#include "storage/files.h"
#include "storage/spool_private.h"

void fg_reserve_keep(struct fg_spool *s)
{
	int64_t want = s->limits.reserve_bytes, have = fg_file_bytes(s->reserve), room;
	int rc;

	if (have == want) {
		s->starved = false;
		return;
	}
	/* what appears just after it was used is for going on */
	if (fg_file_room(s->file, &room) < 0 || room + have < want + s->limits.wal_bytes)
		return;
	rc = fg_file_allocate(s->reserve, want);
	s->starved &= rc < 0;
	if (rc < 0)
		fg_debug(FG_DEBUG_spool, "spool: cannot hold room in '%s': %s", s->reserve,
			fg_strerror(rc));
}

int fg_spool_use_reserve(struct fg_spool *s)
{
	int rc = fg_file_remove(s->reserve);

	s->starved = true;
	return rc < 0 ? fg_spool_fail(s, rc, "give back the room that is held") : FG_OK;
}
