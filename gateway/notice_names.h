/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_NOTICE_NAMES_H
#define FG_GATEWAY_NOTICE_NAMES_H

#include <stddef.h>

/* What notices say of their kind and cause, by enum fg_notice_kind and fg_notice_cause: a contract
 * with consumers, which is in the published schema. NULL: there is none of that number. */
const char *fg_notice_kind_name(size_t kind);
const char *fg_notice_cause_name(size_t cause);

#endif
