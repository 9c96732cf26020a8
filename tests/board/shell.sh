#!/bin/bash
# SPDX-License-Identifier: EUPL-1.2
# On the board: runs the commands that come over a serial port of qemu, a line each, and answers
# with a line: exit status, output in base64.
exec 3<> /dev/virtio-ports/shell || exit 1
while read -r line <&3; do
	said=$(bash -c "$line" 2>&1 3>&-)
	status=$?
	echo "$status $(base64 -w0 <<< "$said")" >&3
done
