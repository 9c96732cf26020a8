#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Sensors that send by themselves: what was acknowledged is there exactly once, whatever came
twice, was killed or did not fit; who may report; what is garbage."""
import errno
import json
import os
import random
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.coap import BLOCK1, MAX_AGE
from lib.faults import Faults
from lib.pusher import CHANGED, SENML, Sensor
from lib.wait import free_port

UNAVAILABLE = 0xa3


class CoapPush(Scene):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.config["links"] = {"push": {"driver": "coap-server",
                                         "listen": "127.0.0.1:%d" % self.port, "rate": "1000/s"}}
        self.buoy("1m")
        self.sensor = Sensor(self.port)
        self.addCleanup(self.sensor.socket.close)

    def buoy(self, interval, **more):
        self.config["devices"] = {"buoy": config.coap_device("push", interval, {
            "temp": {"property": "x_test", "unit": "1", "senml": "temp"}}, **more)}

    def start(self):
        self.gateway.start()
        self.eventually(lambda: "'push': listening on" in self.gateway.log(),
                        "the link listens", 20)

    def counts(self):
        links = self.gateway.status().get("links", [])
        return links[0].get("counts") if links else None

    def times(self):
        """How often each value came under numbers of its own."""
        ids = {}
        for message in self.subscriber.readings("temp"):
            ids.setdefault(message.reading["value"], set()).add(message.reading["id"])
        return {value: len(found) for value, found in ids.items() if value is not None}

    @staticmethod
    def pack(*values, start=None):
        start = time.time() - 3600 if start is None else start
        return [{"n": "temp", "v": v, "t": round(start + 60 * i, 3)} for i, v in enumerate(values)]

    def test_batches_and_duplicates(self):
        self.start()
        message = self.sensor.message(self.pack(1, 2, 3))
        for _ in range(3):
            self.assertEqual(CHANGED, self.sensor.post(message).code)
        older = self.sensor.message(self.pack(10, 11, start=time.time() - 90 * 86400))
        self.assertEqual(CHANGED, self.sensor.post(older).code)
        self.await_value("temp", 11)
        self.assertEqual({1: 1, 2: 1, 3: 1, 10: 1, 11: 1}, self.times())
        retained = [m.reading["value"] for m in self.subscriber.readings("temp") if m.retain]
        self.assertNotIn(10, retained)
        self.assertNotIn(11, retained)
        # without times a message is known by its own number
        untimed = self.sensor.message([{"n": "temp", "v": 20}])
        self.assertEqual(CHANGED, self.sensor.post(untimed).code)
        self.assertEqual(CHANGED, self.sensor.post(untimed).code)
        again = self.sensor.message([{"n": "temp", "v": 20}])
        self.assertEqual(CHANGED, self.sensor.post(again).code)
        self.eventually(lambda: self.times().get(20) == 2, "two messages, two readings")
        future = self.sensor.message(self.pack(99, start=time.time() + 7200))
        self.assertEqual(0x80, self.sensor.post(future).code)
        device = self.gateway.status()["devices"][0]
        self.assertEqual("ok", device["state"])
        # a busy machine's sensor may have sent more than once
        self.assertGreaterEqual(device["reports_untimely"], 1)
        self.assertEqual({1: 1, 2: 1, 3: 1, 10: 1, 11: 1, 20: 2}, self.times())
        self.assertEqual(0, self.gateway.stop())

    def test_blocks(self):
        """Each answer says which block it is for, the last one too, and that also when it comes
        again after its answer: the readings have no times that would tell."""
        self.start()
        pack = [{"n": "temp", "v": 30}] + [{"n": "other%d" % i, "v": i} for i in range(8)]
        for message, option in self.sensor.blocks(pack):
            for _ in range(2):
                answer = self.sensor.post(message)
                self.assertEqual(option, answer.option(BLOCK1))
                self.assertEqual(0x5f if option & 8 else CHANGED, answer.code)
        self.assertEqual(0x88, self.sensor.post(list(self.sensor.blocks(pack))[-1][0]).code)
        self.await_value("temp", 30)
        self.assertEqual({30: 1}, self.times())
        self.assertEqual(0, self.gateway.stop())

    def test_status(self):
        self.start()
        message = self.sensor.message(self.pack(1))
        for _ in range(2):
            self.assertEqual(CHANGED, self.sensor.post(message).code)
        self.assertEqual(0x84, self.sensor.post(self.sensor.message([], "nobody")).code)
        counts = self.counts()          # a busy machine's sensor may have sent more than once
        self.assertEqual(1, counts["accepted"])
        self.assertGreaterEqual(counts["known"], 1)
        self.assertGreaterEqual(counts["refused"], 1)
        said = [line.split() for line in self.gateway.ctl("status").stdout.splitlines()]
        head = next(i for i, line in enumerate(said) if line[:1] == ["LISTENS"])
        self.assertEqual(["push"] + [str(counts[name]) for name in (
            "requests", "accepted", "known", "refused", "not_now", "dropped_rate", "sessions",
            "strangers")], said[head + 1])
        head = next(i for i, line in enumerate(said) if line[:2] == ["REPORTS", "OF"])
        self.assertEqual("buoy", said[head + 1][0])
        device = self.gateway.status()["devices"][0]
        self.assertEqual([str(device["reports"]), str(device["reports_known"]), "0", "0",
                          "0", "of", "1", "points"], said[head + 1][-8:])
        self.assertEqual(0, self.gateway.stop())

    def test_killed_between_post_and_answer(self):
        """A sensor repeats what was not acknowledged, through kill -9 at random moments: each is
        there once."""
        chance = random.Random(4)
        self.start()
        for i in range(6):
            timed = self.sensor.message(self.pack(100 + i, start=time.time()))
            untimed = self.sensor.message([{"n": "temp", "v": 200 + i}])
            for message in (timed, untimed):
                self.sensor.send(message)
                time.sleep(chance.random() * 0.03)
                self.gateway.kill()
                self.gateway.start()
                self.assertEqual(CHANGED, self.sensor.post(message).code)
        self.await_value("temp", 205, 30)
        self.eventually(lambda: len(self.times()) == 12, "all came", 30)
        self.assertEqual({v: 1 for base in (100, 200) for v in range(base, base + 6)}, self.times())
        self.assertEqual(0, self.gateway.stop())

    def test_nothing_is_accepted_that_would_be_lost(self):
        os.mkdir(self.path("disk"))
        self.config["storage"]["file"] = self.path("disk/readings.db")
        faults = Faults(self, self.gateway, self.path("disk"))
        self.start()
        self.assertEqual(CHANGED, self.sensor.post(self.sensor.message(self.pack(1))).code)
        faults.set("error", errno.ENOSPC)
        first = self.sensor.message(self.pack(2))
        self.sensor.send(first)                     # by it the trouble is found
        self.eventually(lambda: not self.gateway.status()["store"]["writable"], "full", 20)
        message = self.sensor.message(self.pack(3))
        refused = self.sensor.post(message)
        self.assertEqual(UNAVAILABLE, refused.code)
        self.assertEqual(60, refused.option(MAX_AGE))
        faults.set("error", 0)
        self.eventually(lambda: self.gateway.status()["store"]["writable"], "it heals", 20)
        for again in (first, message):
            self.eventually(lambda m=again: self.sensor.post(m).code == CHANGED, "taken now", 20)
        self.await_value("temp", 3)
        self.assertEqual({1: 1, 2: 1, 3: 1}, self.times())
        self.assertEqual(0, self.gateway.stop())

    def test_garbage(self):
        self.start()
        chance = random.Random(7)
        good = self.sensor.message(self.pack(1)).bytes()
        for _ in range(400):
            data = bytearray(good)
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            data[chance.randrange(5, len(data))] = 0xff
            self.sensor.socket.send(bytes(data[:chance.randrange(1, len(data))]))
        self.eventually(lambda: self.sensor.post(self.sensor.message(self.pack(5))).code == CHANGED,
                        "it still listens")
        self.await_value("temp", 5)
        self.assertEqual({5}, set(self.times()))
        self.assertTrue(self.gateway.alive())
        self.assertEqual(0, self.gateway.stop())

    def test_late(self):
        self.buoy("1s")
        self.start()
        first, second = ([{"n": "temp", "v": value}] for value in (1, 2))
        self.assertEqual(CHANGED, self.sensor.post(self.sensor.message(first)).code)
        self.eventually(lambda: any(m.reading.get("reason") == "not_reported"
                                    for m in self.subscriber.readings("temp")), "it is missed", 20)
        device = self.gateway.status()["devices"][0]
        self.assertEqual(("failing", "not_reported"), (device["state"], device["reason"]))
        self.assertEqual(CHANGED, self.sensor.post(self.sensor.message(second)).code)
        self.await_value("temp", 2)
        self.assertEqual(0, self.gateway.stop())

    def test_keys(self):
        """libcoap's client with keys: each for its own device; a reload ends what is no longer
        good."""
        keys = self.write("keys", "buoy:616263\nother:646566\n")
        os.chmod(keys, 0o600)
        self.config["links"]["push"]["psk_file"] = keys
        self.start()

        def post(identity, key, value):
            done = self.run_program([
                "coap-client-openssl", "-B", 2, "-u", identity, "-k", key, "-m", "post",
                "-t", SENML, "-e", json.dumps(self.pack(value)),
                "coaps://127.0.0.1:%d/buoy" % self.port])
            return done.stdout + done.stderr

        self.assertEqual("", post("buoy", "abc", 1))
        self.assertIn("4.03", post("other", "def", 2))
        self.assertIn("cannot send", post("nobody", "abc", 3))
        self.assertIn("cannot send", post("buoy", "xyz", 4))
        self.write("keys", "buoy:787970\nother:646566\n")
        self.gateway.reload()
        self.eventually(lambda: post("buoy", "xyp", 5) == "", "the new key holds")
        self.assertIn("cannot send", post("buoy", "abc", 6))
        self.await_value("temp", 5)
        self.assertEqual({1: 1, 5: 1}, self.times())
        self.assertGreaterEqual(self.counts()["strangers"], 2)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
