#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A destination leaves the configuration while its broker is away. Where it comes back within a
day it gets what it missed; after a day that is given up, the log says so, and what comes then is
new. The other destination notices nothing."""
import unittest

from lib import config
from lib.broker import Broker
from lib.faults import Faults, StoreScene
from lib.subscriber import Subscriber

HOUR_US = 3600 * 10 ** 6
# the store is tidied ten seconds after the start and then each minute
TIDY_US = 61 * 10 ** 6


class Removed(StoreScene):
    def setUp(self):
        super().setUp()
        self.faults = Faults(self, self.gateway)
        self.second = Broker(self, "second")
        self.second.start()
        self.other = Subscriber(self, self.second.port)
        self.config["mqtt"]["second"] = config.broker(self.second.port)
        self.gateway.start()
        self.await_other(5)

    def await_other(self, value):
        self.eventually(lambda: value in self.other.values("c00"), "%d comes there" % value, 20)

    def names(self):
        return [d["name"] for d in self.gateway.status().get("destinations", [])]

    def leave(self):
        """Without its broker; returns the values of which it has not acknowledged any."""
        self.second.stop()
        value = self.server[1].last("holding", 0)
        self.await_value("c00", value + 10)
        self.entry = self.config["mqtt"].pop("second")
        self.gateway.reload()
        self.eventually(lambda: self.names() == ["main"], "it is removed")
        self.assertIn("destination 'second': removed", self.gateway.log())
        return set(range(value + 2, value + 9))

    def sleep(self, us):
        self.asleep_us = getattr(self, "asleep_us", 0) + us
        self.faults.set("asleep_us", self.asleep_us)
        self.polls_go_on(5)

    def come_back(self):
        self.config["mqtt"]["second"] = self.entry
        self.second.start()
        self.gateway.reload()
        self.eventually(lambda: "second" in self.names(), "it is back")
        self.await_other(self.server[1].last("holding", 0) + 3)

    def assert_end(self):
        self.await_sent()
        self.assert_contents()
        self.assertEqual(0, self.gateway.stop())

    def test_within_a_day(self):
        missed = self.leave()
        self.sleep(23 * HOUR_US)
        self.sleep(TIDY_US)
        self.come_back()
        self.eventually(lambda: missed <= self.other.values("c00"), "what it missed comes")
        self.assertNotIn("given up", self.gateway.log())
        self.assert_end()

    def test_after_a_day(self):
        missed = self.leave()
        self.sleep(25 * HOUR_US)
        self.eventually(lambda: "are given up" in self.gateway.log(), "the log says so")
        self.assertIn("destination 'second' was removed from the configuration a day ago",
                      self.gateway.log())
        self.come_back()
        self.assert_end()
        self.assertFalse(missed & self.other.values("c00"))


if __name__ == "__main__":
    unittest.main()
