#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Each write and each flush of the store fails (EIO), as on a card that dies or whose contact is
loose: polling goes on, live readings come with `stored: false`, it heals by itself, and the sum
holds."""
import errno
import time
import unittest

from lib.faults import Faults, StoreScene


class DiskFailing(StoreScene):
    def test_failing(self):
        faults = Faults(self, self.gateway, self.path("disk"))
        self.gateway.start()
        self.await_value("c00", 10)
        self.assertEqual([], self.unstored())

        faults.set("error", errno.EIO)
        failing = time.time()
        self.eventually(lambda: self.store().get("writable") is False, "the status says so", 20)
        self.assertIn("I/O error", self.store()["error"])
        self.assert_live_unstored(failing)
        self.assertGreater(faults.get("hit"), 0)
        self.assertFalse(self.store()["writable"])
        self.assertIn("cannot write", self.gateway.log())

        faults.set("error", 0)
        self.eventually(lambda: self.store().get("writable"), "it heals", 20)
        self.assert_healed()
        self.assert_contents()
        self.stop_and_check_sums()


if __name__ == "__main__":
    unittest.main()
