#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# latest.sh HOST PORT PREFIX : the newest reading of every point, then each new one, a line each:
# topic and reading. Needs mosquitto-clients.
exec mosquitto_sub -h "${1:-localhost}" -p "${2:-1883}" -q 1 -t "${3:-drammen}/obs/#" \
	-F '%t %p'
