#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# fresh.sh GENCONF WHAT FILE: fails where FILE is not what the tables of the code say today.
if "$1" "$2" | diff -u "$3" -; then
	exit 0
fi
echo "$3 is stale: cmake --build BUILD --target reference" >&2
exit 1
