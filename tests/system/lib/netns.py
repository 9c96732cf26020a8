# SPDX-License-Identifier: EUPL-1.2
"""Network namespaces joined by a pair of interfaces. They need root; where they cannot be had the
test is skipped, loudly."""
import os
import subprocess
import sys


def run(*argv, check=True):
    return subprocess.run(["ip", *argv], capture_output=True, text=True, check=check)


class Namespaces:
    """Two of them, `a` and `b`: 10.77.0.1 and .2 on an interface `net0` each, with IPv6 too."""

    address = {"a": "10.77.0.1", "b": "10.77.0.2"}

    def __init__(self, test):
        tag = "fg%d" % os.getpid()
        self.name = {side: tag + side for side in "ab"}
        test.addCleanup(self.close)
        try:
            for name in self.name.values():
                run("netns", "add", name)
            run("link", "add", "net0", "netns", self.name["a"], "type", "veth",
                "peer", "name", "net0", "netns", self.name["b"])
            for side, name in self.name.items():
                # no wait for duplicate addresses
                subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw",
                                "net.ipv6.conf.net0.accept_dad=0"], check=False,
                               capture_output=True)
                run("-n", name, "addr", "add", self.address[side] + "/24", "dev", "net0")
                run("-n", name, "link", "set", "net0", "up")
                run("-n", name, "link", "set", "lo", "up")
        except (OSError, subprocess.CalledProcessError) as e:
            why = getattr(e, "stderr", "") or str(e)
            print("SKIPPED: no network namespaces here:", why.strip(), file=sys.stderr)
            test.skipTest("no network namespaces: " + why.strip())

    def close(self):
        for name in self.name.values():
            try:
                run("netns", "del", name, check=False)
            except OSError:
                return

    def inside(self, side):
        """What goes before a command to run it there."""
        return ["ip", "netns", "exec", self.name[side]]
