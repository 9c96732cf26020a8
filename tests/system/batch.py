#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Readings that wait for others of their device: arrays of several polls, each element what the
schema says, nothing lost over a kill and an outage, and fewer bytes than one message each."""
import json
import time
import unittest

import jsonschema

from lib.bench import Scene
from lib.wait import wait_for

TOPIC = "town/batch/water/quay/probe"


class Batch(Scene):
    points = 3

    def setUp(self):
        super().setUp()
        self.config["mqtt"]["main"]["batch"] = "2s"
        self.counters(self.points, interval="100ms")

    def batches(self):
        return [m for m in self.subscriber.messages("/batch/") if m.payload]

    def readings(self):
        return [r for m in self.batches() for r in m.json]

    def assert_all_came(self, until):
        def missing():
            told = {(r["point"], r["value"]) for r in self.readings()}
            return {("c%02d" % a, v) for a in range(self.points)
                    for v in self.server[1].served("holding", a, until)} - told
        wait_for(lambda: not missing(), 20)
        self.assertEqual(set(), missing())

    def destination(self):
        return self.gateway.status()["destinations"][0]

    def several_polls(self, since=0):
        return [m for m in self.batches() if m.at > since and len(m.json) > 2 * self.points]

    def test_arrays(self):
        self.gateway.start()
        self.eventually(lambda: len(self.several_polls()) >= 3, "three batches", 30)
        until = time.time() - 0.5
        self.assertEqual({TOPIC}, {m.topic for m in self.batches()})
        self.assertEqual([], self.subscriber.readings())
        schema = json.loads(self.subscriber.messages("town/schema/reading")[-1].payload)
        for r in self.readings():
            jsonschema.validate(r, schema)
        order = [r["value"] for r in self.readings() if r["point"] == "c00"]
        self.assertEqual(sorted(order), order)
        self.assertTrue(self.several_polls()[-1].retain)
        self.assert_all_came(until)
        status = self.destination()
        self.assertEqual(2, status["batch"]["time_s"])
        payload = status["payloads"][0]
        self.assertLess(payload["messages"] * self.points, payload["readings"])
        # an object alone has some 150 bytes; without `batch` the topic would come with each
        self.assertLess(payload["bytes_per_reading"],
                        max(len(json.dumps(r)) for r in self.readings()) + len(TOPIC))
        self.assertIn("BATCH", self.gateway.ctl("status").stdout)
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: b'"offline"' in self.subscriber.messages("/status")[-1].payload,
                        "the end")
        # what waited went out before it
        last = [m for m in self.subscriber.messages() if m.topic == TOPIC][-1]
        self.assertLessEqual(last.at, self.subscriber.messages("/status")[-1].at)

    def test_nothing_is_lost(self):
        self.gateway.start()
        self.eventually(self.several_polls, "a batch", 30)
        self.broker.stop()
        value = self.server[1].last("holding", 0)
        self.eventually(lambda: self.server[1].last("holding", 0) > value + 20, "20 polls", 30)
        self.broker.start()
        self.eventually(lambda: max(r["value"] for r in self.readings()) > value + 20,
                        "what was missed", 30)
        value = self.server[1].last("holding", 0)
        self.eventually(lambda: '"value":%d,' % value in self.gateway.ctl(
            "history", "quay/c02", "--json").stdout, "the store has it")
        stored = {(r["point"], r["value"]) for line in range(self.points)
                  for r in map(json.loads, self.gateway.ctl(
                      "history", "quay/c%02d" % line, "--json").stdout.splitlines())}
        self.gateway.kill()
        killed = time.time()
        self.gateway.start()
        self.eventually(lambda: self.several_polls(killed), "a batch after the kill", 30)
        wait_for(lambda: stored <= {(r["point"], r["value"]) for r in self.readings()}, 20)
        self.assertEqual(set(), stored - {(r["point"], r["value"]) for r in self.readings()})
        ids = {}
        for r in self.readings():
            self.assertEqual(ids.setdefault(r["id"], r), r)


if __name__ == "__main__":
    unittest.main()
