/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_WEB_FILES_H
#define FG_WEB_FILES_H

#include <stddef.h>

/* Files of this folder that are served as they are, embedded by the build. */
extern const char fg_web_style[], fg_web_script[];
extern const size_t fg_web_style_len, fg_web_script_len;

#endif
