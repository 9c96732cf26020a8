#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Sleepy sensors behind a network that loses 30 %, delays, doubles and reorders push batches with
their own times, plain and over DTLS; the gateway is killed meanwhile. What had a 2.04 is in the
store exactly once, with its time, and nothing that was measured is missing."""
import json
import unittest

from lib import config
from lib.bench import Scene
from lib.gateway import PROGRAMS
from lib.lossy import LossyNetwork
from lib.subscriber import epoch

PLAIN, SECURE = 5683, 5684
# (name, secure, format, faults)
SENSORS = [("s0", False, "senml-json", [{"kind": "again", "every": 2}]),
           ("s1", False, "senml-cbor", [{"kind": "duplicate", "every": 2}]),
           ("s2", False, "senml-json", []),
           ("s3", True, "senml-cbor", [])]


class Pushed(Scene):
    def setUp(self):
        super().setUp()
        self.net = LossyNetwork(self)
        self.write("keys", "s3:00112233445566778899\n")
        here = self.net.here
        self.config["links"] = {
            "plain": {"driver": "coap-server", "listen": "%s:%d" % (here, PLAIN),
                      "insecure": True},
            "safe": {"driver": "coap-server", "listen": "%s:%d" % (here, SECURE),
                     "psk_file": "keys"}}
        devices = {}
        for i, (name, secure, form, faults) in enumerate(SENSORS):
            self.config["devices"][name] = config.coap_device(
                "safe" if secure else "plain", "10s",
                {"n%d" % i: {"senml": "n", "property": "x_n", "unit": "1"}})
            push = {"uri": "coap%s://%s:%d/%s" % (
                        "s" if secure else "", here, SECURE if secure else PLAIN, name),
                    "format": form, "interval": "1s", "sample": "250ms", "batch": 8,
                    "ack_timeout": "1s", "max_retransmit": 3, "timeout": "16s",
                    "log": name + ".acked"}
            if secure:
                push.update(psk_identity=name, psk_file="keys")
            devices[name] = {"push": push, "faults": faults, "points": {
                "n": {"curve": "counter", "decimals": 0, "mean": i * 100000}}}
        self.write("sim.yaml", json.dumps({"control": "sim.sock", "devices": devices, "endpoints": {
            "none": {"kind": "coap", "listen": "127.0.0.1:0"}}}))

    def start_sensors(self):
        self.sensors = self.spawn([*self.net.inside(), PROGRAMS["fjordsim"], "-c",
                                   self.path("sim.yaml")], "sim.log")

    def acknowledged(self, name):
        """(milliseconds, value), as the sensor counts what had a 2.04."""
        try:
            with open(self.path(name + ".acked")) as f:
                lines = [json.loads(line) for line in f if line.endswith("\n")]
        except OSError:
            return []
        return [(round(epoch(line["time"]) * 1000), line["value"]) for line in lines]

    def stored(self, i):
        """Ids by (milliseconds, value), as the store has them."""
        ids = {}
        done = self.gateway.ctl("history", "quay/n%d" % i, "--since", "1h", "--json")
        for line in done.stdout.splitlines():
            reading = json.loads(line)
            if reading.get("value") is not None:
                key = round(epoch(reading["time"]) * 1000), reading["value"]
                ids.setdefault(key, set()).add(reading["id"])
        return ids

    def await_more(self, count, seconds, sensors=SENSORS):
        """So many more of each of these sensors."""
        goal = {s[0]: len(self.acknowledged(s[0])) + count for s in sensors}
        self.eventually(lambda: all(len(self.acknowledged(n)) >= g for n, g in goal.items()),
                        "acknowledged: %s" % goal, seconds)

    def check(self, i, name):
        acknowledged = self.acknowledged(name)
        stored = self.stored(i)
        values = [v for _, v in acknowledged]
        self.assertEqual(list(range(i * 100000, i * 100000 + len(values))), values,
                         "each sample is acknowledged in the end")
        self.assertEqual(set(), set(acknowledged) - set(stored), "acknowledged, and not stored")
        self.assertEqual({}, {k: ids for k, ids in stored.items() if len(ids) > 1}, "once each")
        self.assertEqual(len(stored), len({v for _, v in stored}), "one time each")

    def test_lossy(self):
        self.gateway.start()
        self.eventually(lambda: self.gateway.status(), "the gateway is there")
        self.start_sensors()
        self.await_more(8, 90, SENSORS[:3])
        self.gateway.kill()
        self.gateway.start()
        self.await_more(8, 90, SENSORS[:3])
        self.net.heal()
        self.await_more(4, 90)
        self.end(self.sensors)
        for i, (name, *_) in enumerate(SENSORS):
            with self.subTest(name):
                self.check(i, name)
        for i in range(len(SENSORS)):
            wanted = {v for _, v in self.acknowledged(SENSORS[i][0])}
            self.eventually(lambda: not wanted - self.subscriber.values("n%d" % i), "published")
        self.assertEqual(0, self.gateway.stop())
        self.assertEqual([], self.net.malformed(self, "-d", "udp.port==%d,coap" % PLAIN))


if __name__ == "__main__":
    unittest.main()
