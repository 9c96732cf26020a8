/* SPDX-License-Identifier: EUPL-1.2 */
/* Values as JSON text, which several encoders share. */
#include "protocol/encode.h"

#include <float.h>
#include <math.h>

#include "base/json.h"
#include "base/number.h"

static void put_number(struct fg_buf *out, const struct fg_value *v, int decimals)
{
	if (decimals >= 0)
		fg_number_put_fixed(out, v->f, decimals);
	else if (v->kind == FG_KIND_DECIMAL)
		fg_number_put_decimal(out, v->f);
	else if (v->kind == FG_KIND_FLOAT && fabs(v->f) <= (double)FLT_MAX)
		fg_number_put_float(out, (float)v->f);
	else /* a float may be scaled to what only a double can hold */
		fg_number_put_double(out, v->f);
}

void fg_encode_value(struct fg_buf *out, const struct fg_value *value, int decimals)
{
	switch (value->kind) {
	case FG_KIND_BOOL:
		fg_buf_puts(out, value->b ? "true" : "false");
		return;
	case FG_KIND_INT:
		fg_buf_put_int(out, value->i);
		return;
	case FG_KIND_UINT:
		fg_buf_put_uint(out, value->u);
		return;
	case FG_KIND_FLOAT:
	case FG_KIND_DOUBLE:
	case FG_KIND_DECIMAL:
		put_number(out, value, decimals);
		return;
	case FG_KIND_TEXT:
		fg_json_quote(out, value->text, value->len);
		return;
	case FG_KIND_NONE:
		break;
	}
	fg_buf_puts(out, "null");
}
