#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Two gateways with one id: told in the status and once in the log; one alone is in no conflict."""
import copy
import unittest

from lib.bench import Scene
from lib.gateway import Gateway


class Conflict(Scene):
    def test_two_boards(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 2)
        self.assertEqual(0, self.gateway.stop())
        self.gateway.start()            # what is retained is of its own earlier run
        self.eventually(lambda: self.connected(self.gateway), "connected")
        count = len(self.subscriber.readings())
        self.await_readings(count + 5)
        self.assertFalse(self.conflict(self.gateway))

        settings = copy.deepcopy(self.config)
        settings["storage"]["file"] = "spare.db"
        settings["control"]["socket"] = "spare.sock"
        spare = Gateway(self, settings, "spare").start()
        self.eventually(lambda: self.conflict(self.gateway) or self.conflict(spare), "conflict")
        self.assertEqual(0, spare.stop())
        log = self.gateway.log() + spare.log()
        self.assertIn("another gateway with the id 'test-01'", log)
        self.assertLessEqual(log.count("another gateway with the id"), 2)
        self.assertEqual(0, self.gateway.stop())

    def destination(self, gateway):
        return gateway.status().get("destinations", [{}])[0]

    def connected(self, gateway):
        return self.destination(gateway).get("connected")

    def conflict(self, gateway):
        return self.destination(gateway).get("conflict", False)


if __name__ == "__main__":
    unittest.main()
