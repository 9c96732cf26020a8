/* SPDX-License-Identifier: EUPL-1.2 */
/* Values as numbers. */
#include "model/value.h"

#include <math.h>

double fg_value_number(const struct fg_value *v)
{
	switch (v->kind) {
	case FG_KIND_BOOL:
		return v->b;
	case FG_KIND_INT:
		return (double)v->i;
	case FG_KIND_UINT:
		return (double)v->u;
	case FG_KIND_FLOAT:
	case FG_KIND_DOUBLE:
	case FG_KIND_DECIMAL:
		return v->f;
	case FG_KIND_NONE:
	case FG_KIND_TEXT:
		break;
	}
	return NAN;
}
