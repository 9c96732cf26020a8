# SPDX-License-Identifier: EUPL-1.2
# What tests/board/run and tests/board/power have in common: a bare Debian with what boots it, and
# a copy of it with the packages beside it. Sourced by bash, in the project's folder.

die() { echo "$0: $*" >&2; exit 1; }

# kernel ARCHITECTURE : the package of the kernel for machines without hardware; some have none.
kernel() {
	case $1 in
	amd64 | arm64) echo "linux-image-cloud-$1" ;;
	esac
}

# bare_root FOLDER ARCHITECTURE [kernel] : made where it is not there, or is of another list of
# packages, or has no kernel and needs one (which takes as long as all the rest: a container none).
bare_root() {
	local mirror include
	[ -z "${3-}" ] || set -- "$1" "$2" "$(kernel "$2")"
	cmp -s tests/board/packages.txt "$1/packages.txt" &&
		{ [ -z "${3-}" ] || ls "$1"/boot/vmlinuz-* > /dev/null 2>&1; } && return
	[ ! -d "$1" ] || [ -f "$1/packages.txt" ] || die "$1 was not made by this; remove it"
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
	[ -n "$mirror" ] || die "this machine's apt has no source for bookworm"
	include=$( (cat tests/board/packages.txt; echo "${3-}") | grep -v -e '^#' -e '^$' |
		paste -sd, -)
	rm -rf "$1.new"
	mkdir -p "$(dirname "$1")"
	mmdebstrap --quiet --variant=apt --aptopt='Apt::Install-Recommends "false"' \
		--include="$include" bookworm "$1.new" "$mirror"
	cp tests/board/packages.txt "$1.new"
	rm -rf "$1"
	mv "$1.new" "$1"
}

# newest_deb FOLDER NAME ARCHITECTURE
newest_deb() {
	local deb
	deb=$(ls -t "$1/$2_"*"_$3.deb" 2> /dev/null | head -n 1)
	[ -n "$deb" ] || die "no package $2 for $3 in $1; packaging/build makes it"
	echo "$deb"
}

# container WORDS… : systemd-nspawn for at most ten minutes. What it mounts is gone with it; it
# wants a folder that it may remove on a file system of its own.
container() {
	local own=/run/systemd/nspawn
	unshare --mount sh -ec 'mkdir -p "$0"; mount -t tmpfs tmpfs "$0"; exec "$@"' "$own" \
		timeout 600 systemd-nspawn -q --private-network --register=no --keep-unit "$@" \
		< /dev/null
}

# ext4 FOLDER FILE : an image of 1 GiB with what is in FOLDER, and nothing left to do later.
ext4() {
	/sbin/mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 -d "$1" "$2" 1G \
		> /dev/null
}

# works COMMAND… : whether a kernel gets so far under this emulator that it misses its disk.
works() {
	timeout 15 "$@" -append "panic=-1" > /dev/null 2>&1
}

# emulator ARCHITECTURE ROOT : the words that start qemu for a board with memory and a processor.
# It uses KVM where that is there and works (in a machine that is a guest itself it may hang).
emulator() {
	local machine
	case $1 in
	amd64) machine="qemu-system-x86_64 -machine q35" ;;
	arm64) machine="qemu-system-aarch64 -machine virt" ;;
	*) die "there is no emulated board for $1" ;;
	esac
	machine+=" -smp 1 -display none -monitor none -no-reboot -nodefaults -m 512"
	if [ -c /dev/kvm ] && works $machine -accel kvm -cpu max -kernel "$2"/boot/vmlinuz-*; then
		echo "$machine -accel kvm -cpu max -device virtio-rng-pci"
	else
		echo "$machine -accel tcg -cpu max -device virtio-rng-pci"
	fi
}

# console ARCHITECTURE : how the kernel calls the first serial port.
console() {
	[ "$1" = arm64 ] && echo ttyAMA0 || echo ttyS0
}
