#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""SIGHUP: what changed restarts, what did not goes on; a faulty configuration is refused whole."""
import copy
import unittest

from lib import config
from lib.bench import Scene
from lib.modbus import TcpServer


class Reload(Scene):
    def setUp(self):
        super().setUp()
        self.other = TcpServer(self, (1,))
        self.counters(1)
        self.config["links"]["pump"] = dict(self.config["links"]["plc"], port=self.other.port)
        self.other[1].count("holding", 7)
        self.config["devices"]["pump"] = config.modbus_device(
            "pump", 1, "200ms", {"pressure": config.register(7)})
        self.gateway.start()
        self.await_value("c00", 3)
        self.await_value("pressure", 3)

    def test_new_device(self):
        connects = self.broker.log().count("as test-01-main")
        self.server[1].count("holding", 50)
        self.config["devices"]["extra"] = config.modbus_device(
            "plc", 1, "200ms", {"added": config.register(50)})
        del self.config["devices"]["pump"]
        del self.config["links"]["pump"]
        self.gateway.reload()
        self.await_value("added", 3)
        polls = len(self.other[1].requests)
        value = self.subscriber.newest("c00")
        self.await_value("c00", value + 5)
        self.assertEqual(polls, len(self.other[1].requests), "a removed device is still polled")
        values = [m.reading["value"] for m in self.subscriber.readings("c00")]
        self.assertEqual(list(range(1, len(values) + 1)), values, "a poll was lost or repeated")
        self.assertEqual(connects, self.broker.log().count("as test-01-main"),
                         "the destination did not change, yet it connected again")
        self.assertTrue(self.gateway.alive())

    def test_changed_interval(self):
        self.config["devices"]["probe"]["interval"] = "100ms"
        self.gateway.reload()
        self.eventually(lambda: "the new configuration is in force" in self.gateway.log(), "reload")
        began = self.due()
        ended = self.eventually(
            lambda: (lambda due: due if due["probe"] >= began["probe"] + 40 else None)(self.due()),
            "40 polls are due")
        # of a poll that is under way it is not counted yet what it has left out
        self.assertLess(ended["pump"] - began["pump"], 0.75 * (ended["probe"] - began["probe"]),
                        "the neighbour's interval changed too")

    def due(self):
        """How many polls of each device were due, those included that a busy machine left out."""
        return {d["name"]: d["polls"] + d["overruns"] for d in self.gateway.status()["devices"]}

    def test_refused(self):
        good = copy.deepcopy(self.config)
        self.config["devices"]["probe"]["intervall"] = "1s"
        self.gateway.reload()
        self.eventually(lambda: "intervall" in self.gateway.log(), "the fault is logged")
        self.assertIn("did you mean 'interval'", self.gateway.log())
        value = self.subscriber.newest("c00")
        self.await_value("c00", value + 5)
        self.assertTrue(self.gateway.alive())

        self.config.clear()
        self.config.update(good)
        self.config["devices"]["probe"]["points"]["late"] = config.register(0)
        self.gateway.reload()
        self.await_readings(2, point="late")

    def test_limits(self):
        self.config["storage"].update(max_size="48MiB", keep="24h")
        self.gateway.reload()
        self.eventually(lambda: "shrinks at the next start" in self.gateway.log(), "it is told")
        self.eventually(lambda: self.gateway.status()["store"]["max_bytes"] == 48 << 20, "taken")
        value = self.subscriber.newest("c00")
        self.await_value("c00", value + 5)

    def tearDown(self):
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
