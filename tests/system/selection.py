#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A destination that selects by station, property and quality: of what is not selected nothing
comes, what its quality keeps back is told as a gap, and the sum of its accounts is exact."""
import time
import unittest

from lib import config
from lib.accounts import account_end, accounts, check_sum, gaps
from lib.bench import Scene
from lib.broker import Broker
from lib.subscriber import Subscriber


class Select(Scene):
    def test_select(self):
        second = Broker(self, "second")
        second.start()
        self.other = Subscriber(self, second.port)
        self.server[1].count("holding", 0)
        self.server[1].count("holding", 1)
        self.server[1].count("holding", 3)
        self.server[1].set("holding", 2, [5])
        limits = {"gross_range": {"fail": [0, 10]}}
        self.config["stations"]["far"] = {"title": "Far"}
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "c00": config.register(0),
            "c01": config.register(1, property="x_other"),
            "c02": config.register(2, qc=limits)})
        self.config["devices"]["away"] = dict(config.modbus_device(
            "plc", 1, "200ms", {"c03": config.register(3)}), station="far")
        self.config["mqtt"]["second"] = config.broker(
            second.port, prefix="second", select={
                "stations": ["quay"], "properties": ["x_test"], "quality": [1, 2, 3]})
        self.gateway.start()
        self.eventually(lambda: len(self.other.readings("c02")) > 3, "good ones come")
        self.server[1].set("holding", 2, [50])
        self.eventually(lambda: 50 in self.subscriber.values("c02"), "bad ones come to the first")
        value = self.server[1].last("holding", 0)
        self.eventually(lambda: value + 10 in self.other.values("c00"), "others go on")
        self.server[1].set("holding", 2, [6])
        self.eventually(lambda: 6 in self.other.values("c02"), "and are good again")
        status = {d["name"]: d for d in self.gateway.status()["destinations"]}["second"]
        self.assertGreater(status["not_selected"], 5)
        self.assertEqual(0, self.gateway.stop())
        self.gateway.start()
        self.eventually(lambda: gaps(self.other, "c02"), "what was kept back is told", 20)
        value = self.server[1].last("holding", 0)
        self.eventually(lambda: value + 10 in self.other.values("c00"), "it goes on")
        self.assertEqual(0, self.gateway.stop())
        ended = time.time()
        self.eventually(lambda: account_end(self.other) >= ended - 1, "the last account", 10)

        self.assertNotIn(50, self.other.values("c02"))
        self.assertIn("not_selected", check_sum(self, self.other, "c02", 0.2))
        self.assertNotIn("not_selected", check_sum(self, self.other, "c00", 0.2))
        self.assertNotIn("not_selected", check_sum(self, self.subscriber, "c02", 0.2))
        for hidden in ("c01", "c03"):
            self.assertTrue(self.subscriber.readings(hidden))
            self.assertEqual([], self.other.readings(hidden))
            self.assertEqual([], gaps(self.other, hidden))
            self.assertEqual([], [a for a in accounts(self.other) if hidden in a["points"]])


if __name__ == "__main__":
    unittest.main()
