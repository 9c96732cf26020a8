/* SPDX-License-Identifier: EUPL-1.2 */
#include "gateway/notice_names.h"

#include "gateway/core_state.h"

const char *fg_notice_kind_name(size_t kind)
{
	static const char *const names[FG_NOTICE_KINDS] = {
		[FG_NOTICE_FAULT] = "fault",
		[FG_NOTICE_REPAIR] = "repair",
		[FG_NOTICE_PLANNED] = "planned",
		[FG_NOTICE_ALARM] = "alarm",
	};

	return kind < FG_NOTICE_KINDS ? names[kind] : NULL;
}

const char *fg_notice_cause_name(size_t cause)
{
	static const char *const names[FG_NOTICE_CAUSES] = {
		[FG_NOTICE_BY_HAND] = "operator",
		[FG_NOTICE_FAILING] = "device_failing",
		[FG_NOTICE_MAINTENANCE] = "maintenance",
		[FG_NOTICE_CALIBRATION] = "calibration_overdue",
		[FG_NOTICE_CERTIFICATE] = "certificate_expiring",
		[FG_NOTICE_ALARM_HOLDS] = "alarm",
	};

	return cause < FG_NOTICE_CAUSES ? names[cause] : NULL;
}
