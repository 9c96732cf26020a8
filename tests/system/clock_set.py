#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A hand sets the clock wrong while the gateway runs, forwards and backwards: its own time goes on,
the status says so, and each reading has the time of its measurement. When the clock is back where
it was, or somebody vouches for it, it is followed again."""
import os
import time
import unittest

from lib.faults import Faults, StoreScene
from lib.subscriber import epoch

HOUR_US = 3600 * 10 ** 6
STALL_S = 15        # a busy machine may take so long between a read and its stamp


class ClockSet(StoreScene):
    def clock(self):
        return self.gateway.status().get("clock", {})

    def test_set(self):
        faults = Faults(self, self.gateway)
        self.config["clock"] = {"trust": self.write("time-is-right", "")}
        self.gateway.start()
        self.await_value("c00", 8)
        self.assertEqual("right", self.clock()["level"])
        self.assertFalse(self.clock()["holding"])

        for shift_us in (HOUR_US, -2 * HOUR_US):
            faults.set("set_us", shift_us)
            self.eventually(lambda: self.clock().get("holding") and
                            abs(self.clock()["system_clock_off_s"] - shift_us / 1e6) < 1,
                            "the status says so")
            self.await_value("c00", self.server[1].last("holding", 0) + 10)
        self.assertIn("stepped by 3600.0", self.gateway.log())
        self.assertEqual(1, self.gateway.log().count("nobody says that this is right"))
        faults.set("set_us", 0)
        self.eventually(lambda: not self.clock()["holding"], "the clock is back")
        self.assertIn("back where it was", self.gateway.log())

        # a hand again, and this time somebody vouches for it: it is followed, a minute ahead
        faults.set("set_us", 60 * 10 ** 6)
        self.eventually(lambda: self.clock().get("holding"), "it does not know yet")
        self.polls_go_on(10)
        vouched = time.time()
        self.touch_until(lambda: not self.clock()["holding"])
        followed = time.time()
        value = self.server[1].last("holding", 0)
        self.await_value("c00", value + 10)
        self.assert_contents()

        given, wrong = self.server[1].times("holding", 0), []
        for message in self.subscriber.readings("c00"):
            at = given[message.json["value"]]
            off = epoch(message.json["time"]) - at
            if (at < vouched - 1 and abs(off) > STALL_S
                    or at > followed and abs(off - 60) > STALL_S):
                wrong.append((message.json["value"], off))
        self.assertEqual([], wrong, "readings whose time is not that of their measurement")
        self.assertEqual([], self.unstored())

    def touch_until(self, condition):
        def touched():
            os.utime(self.path("time-is-right"))
            return condition()
        self.eventually(touched, "it follows the clock")


if __name__ == "__main__":
    unittest.main()
