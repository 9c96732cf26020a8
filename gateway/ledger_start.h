/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_LEDGER_START_H
#define FG_GATEWAY_LEDGER_START_H

#include "gateway/core.h"
#include "storage/reader.h"

/* Reads what the store holds of the time since each of the rows, numbers below next_seq, and calls
 * fn for each row; what it is given is lent. A row whose account was stored without it is put
 * right. For the start, before the core runs; reads about an hour's readings twice. */
typedef int (*fg_ledger_known_fn)(void *arg, const struct fg_core_known *known);
int fg_ledger_known(struct fg_reader *reader, const struct fg_ledger_row *rows, size_t count,
	uint64_t next_seq, fg_ledger_known_fn fn, void *arg);

/* The same for all rows of the spool, into the core. */
int fg_ledger_start(struct fg_core *core, struct fg_spool *spool, struct fg_reader *reader);

#endif
