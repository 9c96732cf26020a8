/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_PROTOCOL_ENCODE_HOME_ASSISTANT_H
#define FG_PROTOCOL_ENCODE_HOME_ASSISTANT_H

/* What the keys of `home-assistant` fill. */
struct fg_home_assistant_options {
	const char *prefix;
};

#endif
