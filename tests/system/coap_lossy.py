#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""An observed sensor behind a network that loses 30 %, delays, doubles and reorders: what the
gateway acknowledged is in the store exactly once, over kills of the gateway and a restart of the
sensor."""
import json
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.coap import ACK, CON, OBSERVE, Message
from lib.gateway import PROGRAMS
from lib.lossy import LossyNetwork

PORT = 5683
SENSORS = 8         # each with one confirmable message under way at most (NSTART)
COMMIT_S = 0.0


class Observed(Scene):
    def setUp(self):
        super().setUp()
        self.net = LossyNetwork(self)
        self.start_sensors(0)
        for i in range(SENSORS):
            self.config["links"]["l%d" % i] = {
                "driver": "coap", "uri": "coap://%s:%d" % (self.net.there, PORT + i)}
            self.config["devices"]["d%d" % i] = config.coap_device(
                "l%d" % i, "5s", {"n%d" % i: {"path": "/n", "property": "x_n", "unit": "1"}},
                observe=True, timeout="2s", retries=3)

    def start_sensors(self, base):
        """The values of a sensor are its number, and how often it was read."""
        sensors = range(SENSORS)
        self.write("sim.yaml", json.dumps({
            "endpoints": {"e%d" % i: {"kind": "coap", "listen": "%s:%d" % (
                self.net.there, PORT + i)} for i in sensors},
            "devices": {"d%d" % i: {
                "endpoint": "e%d" % i,
                "points": {"n": {"path": "/n", "curve": "counter", "decimals": 0,
                                 "mean": i * 100000 + base}},
                "resources": [{"path": "/n", "observe": True, "notify": "400ms",
                               "confirmable": True, "max_age": "4s"}]} for i in sensors}}))
        self.sensors = self.spawn([*self.net.inside(), PROGRAMS["fjordsim"], "-c",
                                   self.path("sim.yaml")], "sim.log")

    def acknowledged(self):
        """{value: when} of the confirmable notifications whose ACK came back to the sensor."""
        waiting, found = {}, {}
        for d in self.net.seen():
            try:
                m = Message.parse(d.payload)
            except ValueError:
                continue
            if d.side == 1 and m.kind == CON and m.option(OBSERVE) is not None:
                waiting[d.source, m.mid] = int(m.payload)
            elif d.side == 0 and m.kind == ACK and m.code == 0 and d.arrived:
                value = waiting.get((d.target, m.mid))
                if value is not None:
                    found.setdefault(value, d.sent)
        return found

    def stored(self):
        """Ids by value, as the store has them."""
        ids = {}
        for i in range(SENSORS):
            done = self.gateway.ctl("history", "quay/n%d" % i, "--since", "1h", "--json")
            for line in done.stdout.splitlines():
                reading = json.loads(line)
                if reading.get("value") is not None:
                    ids.setdefault(reading["value"], set()).add(reading["id"])
        return ids

    def await_acknowledged(self, count, seconds):
        before = len(self.acknowledged())
        self.eventually(lambda: len(self.acknowledged()) >= before + count,
                        "%d more notifications are acknowledged" % count, seconds)

    def published(self):
        return {m.reading["value"] for m in self.subscriber.readings()}

    def test_lossy(self):
        kills = []
        self.gateway.start()
        for _ in range(2):
            self.await_acknowledged(6, 60)
            kills.append(time.monotonic())
            self.gateway.kill()
            self.gateway.start()
        self.await_acknowledged(6, 60)
        self.end(self.sensors)
        self.start_sensors(50000)
        self.eventually(lambda: any(v % 100000 >= 50000 for v in self.acknowledged()),
                        "restarted sensors are observed again", 60)
        self.net.heal()
        self.await_acknowledged(10, 60)
        acknowledged = self.acknowledged()
        safe = {v for v, at in acknowledged.items()
                if not any(kill - COMMIT_S < at <= kill for kill in kills)}
        self.assertGreater(len(safe), 10)
        self.eventually(lambda: not safe - set(self.stored()),
                        "all of %s are in the store" % sorted(safe))
        self.assertEqual({}, {v: i for v, i in self.stored().items() if len(i) > 1}, "once each")
        self.eventually(lambda: not safe - self.published(), "and published")
        self.assertEqual(0, self.gateway.stop())
        ports = [o for i in range(SENSORS) for o in ("-d", "udp.port==%d,coap" % (PORT + i))]
        self.assertEqual([], self.net.malformed(self, *ports))


if __name__ == "__main__":
    unittest.main()
