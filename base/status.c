/* SPDX-License-Identifier: EUPL-1.2 */
/* Texts of status codes. */
#include "base/status.h"

#include <string.h>

const char *fg_strerror(int status)
{
	const char *text;

	switch (status) {
	case FG_OK:
		return "ok";
	case FG_AGAIN:
		return "to be continued";
	case FG_PENDING:
		return "pending";
	case FG_ECONFIG:
		return "faulty configuration";
	case FG_EFRAME:
		return "malformed or foreign frame";
	case FG_EREFUSED:
		return "refused by the device";
	case FG_EDECODE:
		return "cannot be decoded";
	case FG_EFULL:
		return "no room left in a bounded buffer";
	case FG_ECORRUPT:
		return "stored data is corrupt";
	case FG_ECANCELED:
		return "cancelled";
	default:
		/* strerrordesc_np gives static text, unlike strerror */
		text = status < 0 && status > -1000 ? strerrordesc_np(-status) : NULL;
		return text ? text : "unknown status";
	}
}
