#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Two brokers: one's outage is none of the other's business, each gets what it selects, under the
same ids, and a 3.1.1 client is served like any other."""
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.broker import Broker
from lib.subscriber import Subscriber
from lib.wait import PATIENCE


class TwoDestinations(Scene):
    units = (1, 2)

    def test_independent(self):
        second = Broker(self, "second")
        second.start()
        other = Subscriber(self, second.port)
        self.counters(2)
        self.server[2].count("holding", 0)
        self.config["devices"]["kerb"] = config.modbus_device(
            "plc", 2, "200ms", {"pm": config.register(0)}, domain="air")
        self.config["mqtt"]["second"] = config.broker(
            second.port, prefix="second", version="3.1.1", select={"domains": ["air"]})
        self.gateway.start()
        self.await_value("c00", 3)
        self.eventually(lambda: 3 in other.values("pm"), "the second gets its own")

        self.broker.stop()
        value = other.newest("pm")
        self.eventually(lambda: value + 15 in other.values("pm"), "the second goes on")
        self.assertLess(max(m.age for m in other.readings("pm")), 2 * PATIENCE)
        states = {d["name"]: d["connected"] for d in self.gateway.status()["destinations"]}
        self.assertEqual({"main": False, "second": True}, states)
        self.broker.start()
        back = time.time()
        self.await_value("c00", max(self.server[1].served("holding", 0, back)), 20)
        self.assert_complete(2, back)

        self.assertEqual({"air"}, {m.topic.split("/")[2] for m in other.readings()})
        self.assertIn("(p2", second.log())
        ids = {m.reading["id"]: m.reading for m in self.subscriber.readings("pm")}
        same = [m for m in other.readings("pm") if m.reading["id"] in ids]
        self.assertGreater(len(same), 5)
        for message in same:
            self.assertEqual(ids[message.reading["id"]], message.reading)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
