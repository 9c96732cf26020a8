/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_ACCEPT_H
#define FG_WEB_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

/* What a request's headers ask for (RFC 9110). A header may be NULL: nothing was asked. */

/* Of media types, in the order in which we prefer them, the one that `accept` likes best; -1: none
 * is acceptable. */
int fg_accept_type(const char *accept, const char *const types[], size_t n);

/* Of languages ("nb", "nn", "en") the one liked best; -1: none. "no" is nb, "en-GB" is en. */
int fg_accept_language(const char *accept, const char *const languages[], size_t n);

/* Whether If-None-Match names the tag (with its quotes), weakly compared. */
bool fg_accept_matches(const char *if_none_match, const char *etag);

#endif
