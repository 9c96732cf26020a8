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

    def test_one_point_of_two_gateways(self):
        """Both are told, in the status and in the document, and no more once one has left it."""
        self.counters(2)
        self.gateway.start()
        self.eventually(lambda: self.connected(self.gateway), "connected")
        settings = copy.deepcopy(self.config)
        settings["gateway"]["id"] = "test-02"
        settings["storage"]["file"] = "other.db"
        settings["control"]["socket"] = "other.sock"
        points = settings["devices"]["probe"]["points"]
        points["own"] = points.pop("c01")
        other = Gateway(self, settings, "other").start()
        for gateway, of in ((self.gateway, "test-02"), (other, "test-01")):
            self.eventually(lambda: gateway.status().get("point_conflicts") == [
                {"destination": "main", "gateway": of, "station": "quay", "domain": "water",
                 "point": "c00"}], "the conflict in the status")
            self.assertIn("POINT OF TWO GATEWAYS", gateway.ctl("status").stdout)
            self.assertIn("gateway '%s' publishes 'quay/c00' too" % of, gateway.log())
            self.assertFalse(self.conflict(gateway))
        for gateway, of in (("test-01", "test-02"), ("test-02", "test-01")):
            self.eventually(lambda: [c["gateway"] for c in self.subscriber.last(
                "town/gateways/%s/status" % gateway).json.get("point_conflicts", [])] == [of],
                "the conflict in the document")

        # rubbish changes nothing; only the station's own document is looked at
        for payload in (b"{", b"[]", b"\xff" * 5000, b'{"properties":{"points":7}}'):
            self.subscriber.client.publish("town/stations/quay/test-02", payload, 1)
        self.subscriber.client.publish("town/stations/quay/UP/x", b"{}", 1)
        points["own2"] = points.pop("c00")
        other.reload()
        for gateway in (self.gateway, other):
            self.eventually(lambda: gateway.status().get("point_conflicts") == [], "it is over")
        self.assertIn("'test-02' has left our points", self.gateway.log())
        self.assertEqual(0, other.stop())
        self.assertEqual(0, self.gateway.stop())

    def destination(self, gateway):
        return gateway.status().get("destinations", [{}])[0]

    def connected(self, gateway):
        return self.destination(gateway).get("connected")

    def conflict(self, gateway):
        return self.destination(gateway).get("conflict", False)


if __name__ == "__main__":
    unittest.main()
