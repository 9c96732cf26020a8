#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A flush takes ten seconds, as on a worn card: polling goes on, live readings come with
`stored: false`, the daemon answers, and everything is stored in the end."""
import re
import time
import unittest

from lib.faults import Faults, StoreScene

FLUSH_S = 10


class DiskSlow(StoreScene):
    def test_slow(self):
        faults = Faults(self, self.gateway, self.path("disk"))
        self.gateway.start()
        self.await_value("c00", 10)
        self.assertEqual([], self.unstored())

        faults.set("flush_ms", FLUSH_S * 1000)
        self.eventually(lambda: faults.get("hit"), "a slow flush")
        slow = time.time()
        self.assert_live_unstored(slow)
        self.eventually(lambda: self.store().get("waiting_for_commit", 0) > 10 * self.points,
                        "the status says what waits")
        self.eventually(lambda: re.search(r"\d\d readings wait for their commit",
                                          self.gateway.ctl("status").stdout), "in words, too")
        self.eventually(lambda: self.gateway.status()["destinations"][0].get(
            "not_stored_in_time", 0) > 10 * self.points, "and what did not wait")
        self.eventually(lambda: faults.get("hit") > 1, "the next flush", 2 * FLUSH_S)

        faults.set("flush_ms", 0)
        self.await_stored(2 * FLUSH_S)
        self.assertEqual(1, self.gateway.log().count("the disk is slow or worn"))
        self.assert_healed()
        self.assert_contents()
        self.assertLessEqual(self.stop_and_check_sums(), {"overrun"})
        self.assert_few_overruns()


if __name__ == "__main__":
    unittest.main()
