/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_FJORDCTL_COMPUTE_SENML_H
#define FG_FJORDCTL_COMPUTE_SENML_H

#include <cjson/cJSON.h>

/* senml.resolve: the records of `pack` (SenML JSON) or `cbor_hex` (SenML CBOR in hexadecimal)
 * resolved against `now`; with both, they must say the same. 0 and an array that the caller
 * deletes, or -1 and what is wrong, in memory of this function until it is called again. */
int compute_senml(const cJSON *c, cJSON **ret_result, const char **ret_error);

#endif
