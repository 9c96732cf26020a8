#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Somebody else fills the disk: polling goes on, live readings come with `stored: false`, it heals
by itself when there is room, and the sum holds."""
import os
import time
import unittest

from lib.faults import StoreScene


class DiskFull(StoreScene):
    def setUp(self):
        super().setUp()
        # a small disk that only the daemon sees; its files are reached through /proc
        flags = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
        self.gateway.prefix = ["unshare", *flags, "sh", "-c",
                               'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"',
                               self.path("disk")]

    def filler(self):
        return "/proc/%d/root%s" % (self.gateway.process.pid, self.path("disk/filler"))

    def fill(self):
        with open(self.filler(), "wb", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    pass

    def test_full(self):
        self.gateway.start()
        self.await_value("c00", 10)
        self.assertEqual([], self.unstored())
        self.fill()
        full = time.time()
        self.eventually(lambda: self.store().get("writable") is False, "the status says so", 20)
        self.assertIn("full", self.store()["error"])
        self.assert_live_unstored(full)

        os.unlink(self.filler())
        self.eventually(lambda: self.store().get("writable"), "it heals", 20)
        self.assert_healed()
        self.assert_contents()
        self.stop_and_check_sums()


if __name__ == "__main__":
    unittest.main()
