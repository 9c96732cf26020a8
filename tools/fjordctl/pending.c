/* SPDX-License-Identifier: EUPL-1.2 */
/* Functions of storage that are written elsewhere at this moment; this file goes when they are
 * there. Weak: a definition proper takes their place. */
#include "base/status.h"
#include "storage/spool.h"

#define WEAK __attribute__((weak))
#pragma GCC diagnostic ignored "-Wunused-parameter"

WEAK int fg_spool_backup(const char *file, const char *copy, struct fg_buf *why)
{
	return FG_EINVAL;
}

WEAK int fg_spool_restore(const char *copy, const char *file, struct fg_buf *why)
{
	return FG_EINVAL;
}
