#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The board sleeps for an hour (suspend: monotonic and wall time go on, timers do not), which is a
gap `gateway_off`; and the process is stopped for a few seconds, which is as if a poll had taken too
long. The sum holds."""
import signal
import time
import unittest

from lib.accounts import gaps
from lib.faults import Faults, StoreScene
from lib.subscriber import epoch

ASLEEP_S, STOPPED_S = 3600, 3
STALL_S = 5         # a busy machine may take so long from one step of the test to the next


class Asleep(StoreScene):
    shift_s = 0

    def ended(self):
        return time.time() + self.shift_s

    def of(self, reason):
        return [g for g in gaps(self.subscriber, "c00") if g["reason"] == reason]

    def test_asleep(self):
        faults = Faults(self, self.gateway)
        self.gateway.start()
        self.await_value("c00", 8)

        slept = time.time()
        self.shift_s = ASLEEP_S
        faults.set("asleep_us", ASLEEP_S * 10 ** 6)
        self.polls_go_on()
        self.await_value("c00", self.server[1].last("holding", 0) + 5)
        self.assertIs(False, self.gateway.status()["clock"]["holding"])
        self.assertNotIn("stepped", self.gateway.log())
        self.assertTrue(self.gateway.status()["destinations"][0]["connected"])

        self.gateway.process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        self.eventually(lambda: time.monotonic() > stopped + STOPPED_S, "a while")
        self.gateway.process.send_signal(signal.SIGCONT)
        self.polls_go_on()
        self.assert_contents()
        # what waited for its commit when a pause began waits too long
        self.assertLessEqual(len(self.unstored()), 2 * 2 * self.points)
        self.assertEqual({"gateway_off", "overrun"}, self.stop_and_check_sums(tolerance=12))
        off = sorted(self.of("gateway_off"), key=lambda g: g["from"])
        self.assertAlmostEqual(ASLEEP_S / self.interval_s, sum(g["count"] for g in off),
                               delta=STALL_S / self.interval_s, msg=off)
        self.assertAlmostEqual(slept, epoch(off[0]["from"]), delta=STALL_S)
        self.assertAlmostEqual(slept + ASLEEP_S, epoch(off[-1]["to"]), delta=STALL_S)
        self.assertFalse([g for g in off if g.get("estimated")], "it knows how long it slept")
        self.assertGreaterEqual(sum(g["count"] for g in self.of("overrun")),
                                STOPPED_S / self.interval_s - 2)


if __name__ == "__main__":
    unittest.main()
