#!/bin/bash
# SPDX-License-Identifier: EUPL-1.2
# Runs as root on the board, in a system that systemd has booted: installs the packages that lie
# beside it and uses them as an operator would. A line for each thing that holds, or does not.
cd "$(dirname "$0")" || exit 1
exec 3> result

holds() {
	local what=$1
	shift
	if "$@" > said 2>&1; then
		echo "ok $what" >&3
	else
		echo "not ok $what: $(tail -n 5 said | tr '\n' ' ')" >&3
	fi
}

within() {
	local seconds=$1
	shift
	for ((i = 0; i < seconds * 5; i++)); do
		"$@" && return
		sleep 0.2
	done
	"$@"
}

pid() { systemctl show -P MainPID fjordgate; }
is() { [ "$(systemctl show -P "$1" fjordgate)" = "$2" ]; }
other_pid() { [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ] && is ActiveState active; }
readings() { mosquitto_sub -h 127.0.0.1 -t 'board/obs/#' -C 5 -W 30 -F '%r %p' | grep -q '^0 '; }
logged() { journalctl -u fjordgate --no-pager | grep -q -- "$1"; }
field() { grep -q "^$1:[[:space:]]*$2\$" "/proc/$(pid)/status"; }
config() { sed -i "$1" /etc/fjordgate/fjordgate.yaml; }
clock_agrees() {
	local level
	level=$(fjordctl status --json | sed -n 's/.*"clock":[^}]*"level": *"\([a-z_]*\)".*/\1/p')
	[ -n "$level" ] && [ "$(timedatectl show -p NTPSynchronized --value)" = \
		"$([ "$level" = right ] && echo yes || echo no)" ]
}
none() { ! "$@"; }

# ---- install ----
holds "the packages install" dpkg -i new/*.deb
holds "their files are as they should be" dpkg --verify fjordgate fjordgate-sim
holds "the user is there and may use serial ports" sh -c 'id -nG fjordgate | grep -qw dialout'
holds "secrets are for the daemon alone" \
	[ "$(stat -c '%a %U %G' /etc/fjordgate/secrets)" = "750 root fjordgate" ]
holds "it will start at boot, and does not run yet" sh -c \
	'systemctl is-enabled fjordgate && ! systemctl is-active fjordgate'

# ---- a configuration, sensors, a broker ----
cp sim.yaml /etc/fjordgate/fjordsim.yaml
systemd-run -q --unit fjordsim fjordsim
cp fjordgate.yaml /etc/fjordgate/fjordgate.yaml
systemctl start mosquitto
holds "the configuration is right" fjordctl check
holds "it starts" systemctl start fjordgate
holds "readings arrive" readings
holds "fjordctl finds it" sh -c 'fjordctl status | grep -q board'
holds "none of its privileges are left" field CapEff 0000000000000000
holds "it cannot gain any" field NoNewPrivs 1
holds "its log has fields" sh -c 'journalctl -u fjordgate -o json --no-pager \
	MESSAGE_ID=f16a3a509ce1136b42b27b6cf3372cd7 | grep -q "\"PRIORITY\":\"5\""'
holds "its system calls are filtered" field Seccomp 2
holds "its store is its own" \
	[ "$(stat -c '%a %U' /var/lib/fjordgate/readings.db)" = "600 fjordgate" ]
holds "its socket is for its group" \
	[ "$(stat -c '%a %G' /run/fjordgate/control.sock)" = "660 fjordgate" ]
holds "which it may be given to" none logged "Operation not permitted"
holds "another process tells it whether the clock is right" \
	systemctl is-active fjordgate-clock.service
holds "which it hears" none logged "cannot be asked"
holds "and believes" within 10 clock_agrees

# ---- reload ----
before=$(pid)
config 's/^gateway:/gatewai:/'
holds "a bad configuration is refused" sh -c \
	'systemctl reload fjordgate; sleep 1; journalctl -u fjordgate | grep -q gatewai'
holds "and what ran goes on" [ "$(pid)" = "$before" ]
config 's/^gatewai:/gateway:/'
holds "a good one is taken" systemctl reload fjordgate
holds "without a new process" [ "$(pid)" = "$before" ]

# ---- a secret that systemd hands over ----
mkdir -p /etc/systemd/system/fjordgate.service.d
echo "not for everybody" > /root/mqtt-password
chmod 600 /root/mqtt-password
printf '[Service]\nLoadCredential=mqtt:/root/mqtt-password\n' \
	> /etc/systemd/system/fjordgate.service.d/secret.conf
secret=/run/credentials/fjordgate.service/mqtt
config "s|prefix: board|prefix: board, username: board, password_file: $secret|"
systemctl daemon-reload
holds "it starts with a secret of systemd's" systemctl restart fjordgate
holds "which reaches the broker" within 10 grep -q "u'board'" /var/log/mosquitto/mosquitto.log
holds "and readings arrive with it" readings

# ---- faults ----
before=$(pid)
kill -9 "$before"
holds "killed, it is back" within 20 other_pid "$before"
holds "and readings arrive" readings
before=$(pid)
kill -STOP "$before"
holds "hung, it is replaced by the watchdog" within 60 other_pid "$before"
holds "which the journal tells" logged "Watchdog timeout"
holds "and readings arrive again" readings
systemctl stop mosquitto
sleep 3
systemctl start mosquitto
holds "a broker that was away is found again" readings

# ---- upgrade, remove, purge ----
echo "# edited by its owner" >> /etc/fjordgate/fjordgate.yaml
before=$(pid)
holds "an upgrade installs" dpkg --force-confdef -i newer/*.deb
holds "and runs" within 20 other_pid "$before"
holds "the edited configuration is kept" grep -q "edited by its owner" /etc/fjordgate/fjordgate.yaml
holds "and not mixed with the newer example" none grep -q "of the newer package" \
	/etc/fjordgate/fjordgate.yaml
holds "which lies beside it" grep -q "of the newer package" \
	/etc/fjordgate/fjordgate.yaml.dpkg-dist
holds "readings arrive after the upgrade" readings
holds "it is removed" dpkg -r fjordgate
holds "and does not run" none pgrep -x fjordgate
holds "its store is kept" test -s /var/lib/fjordgate/readings.db
holds "its configuration is kept" test -s /etc/fjordgate/fjordgate.yaml
holds "it is purged" dpkg -P fjordgate
holds "with store and configuration" none test -e /var/lib/fjordgate -o -e /etc/fjordgate/secrets
journalctl -u fjordgate --no-pager > journal
echo "end" >&3
systemctl poweroff --no-block
