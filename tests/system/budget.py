#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A day's bytes are spent: readings wait instead of going out, over a restart too, and all of them
come when there is more to spend."""
import time
import unittest

from lib.bench import Scene
from lib.faults import Faults

LIMIT = 120000


class Budget(Scene):
    def setUp(self):
        super().setUp()
        # about noon by the daemon's clock, whatever the zone: no day ends within the test
        Faults(self, self.gateway).set(
            "set_us", int((12 * 3600 - time.time() % 86400) * 10 ** 6))

    def budget(self):
        return next(iter(self.gateway.status().get("destinations", [])), {}).get("budget", {})

    def test_spent(self):
        self.config["mqtt"]["main"]["daily_budget"] = LIMIT
        self.counters(5, interval="100ms")
        self.gateway.start()
        self.await_value("c00", 3)
        self.eventually(lambda: self.budget().get("readings_today", 0) > 50, "it counts")
        # a reading of some 180 bytes, its topic, and what TCP and TLS add
        self.assertGreater(self.budget()["bytes_per_reading"], 150)
        self.assertLess(self.budget()["bytes_per_reading"], 3000)
        self.eventually(lambda: self.budget().get("state") in ("urgent only", "spent"),
                        "nearly all is spent", 60)
        count, polls = len(self.subscriber.readings()), self.server[1].last("holding", 0)
        self.eventually(lambda: self.server[1].last("holding", 0) > polls + 30, "polls go on")
        self.assertLess(len(self.subscriber.readings()) - count, 30)
        status = self.gateway.status()["destinations"][0]
        self.assertTrue(status["connected"])
        self.assertGreater(status["backlog"], 100)
        spent = self.budget()["bytes_today"]
        self.assertLess(spent, LIMIT * 1.25)        # and what was on its way
        self.assertIn(str(LIMIT), self.gateway.ctl("status").stdout)

        self.assertEqual(0, self.gateway.stop())
        self.gateway.start()
        self.eventually(lambda: self.budget().get("bytes_today", 0) >= spent * 0.9,
                        "it remembers")
        self.assertIn(self.budget()["state"], ("urgent only", "spent"))
        self.config["mqtt"]["main"]["daily_budget"] = 0
        until = time.time()
        self.gateway.reload()
        self.await_sent()
        self.assert_complete(5, until)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
