#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordctl: status, watch, history and read, as tables and as JSON; its exit codes."""
import json
import os
import subprocess
import unittest

from lib import config
from lib.bench import Scene
from lib.gateway import PROGRAMS


class Ctl(Scene):
    def start(self):
        self.counters(2)
        self.gateway.start()
        self.await_value("c00", 5)

    def test_status(self):
        self.start()
        status = self.gateway.status()
        self.assertEqual(config.GATEWAY, status["gateway"]["id"])
        for count in ("polled", "stored", "published", "acknowledged"):
            self.assertGreater(status["totals"][count], 0, count)
        (destination,) = status["destinations"]
        self.assertEqual(("main", True), (destination["name"], destination["connected"]))
        (device,) = status["devices"]
        self.assertEqual(("probe", "ok"), (device["name"], device["state"]))
        self.assertEqual(["plc"], [link["name"] for link in status["links"]])
        table = self.gateway.ctl("status")
        self.assertEqual(0, table.returncode, table.stderr)
        for word in (config.GATEWAY, "probe", "plc", "main", "connected", "ok", "PROBES", "SPLIT",
                     "LAST ERROR"):
            self.assertIn(word, table.stdout)
        self.assertNotIn("\033", table.stdout)

    def watch(self, *arguments, lines=4):
        """The first lines of the stream."""
        process = subprocess.Popen(
            [PROGRAMS["fjordctl"], "-c", self.gateway.file, "watch", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, NO_COLOR="1"))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return [process.stdout.readline() for _ in range(lines)]

    def test_watch(self):
        self.start()
        readings = [json.loads(line) for line in self.watch("--json")]
        self.assertEqual({"c00", "c01"}, {r["point"] for r in readings})
        one = [json.loads(line) for line in self.watch(config.STATION + "/c01", "--json")]
        self.assertEqual({"c01"}, {r["point"] for r in one})
        self.assertTrue(any("c00" in line for line in self.watch("probe")))

    def test_history(self):
        self.start()
        done = self.gateway.ctl("history", config.STATION + "/c00", "--json")
        self.assertEqual(0, done.returncode, done.stderr)
        stored = [json.loads(line) for line in done.stdout.splitlines()]
        published = {m.reading["id"]: m.reading for m in self.subscriber.readings("c00")}
        self.assertGreaterEqual(len(stored), 4)
        for reading in stored:
            if reading["id"] in published:
                self.assertEqual(published[reading["id"]], reading)
        self.assertEqual(sorted(r["time"] for r in stored), [r["time"] for r in stored])
        rows = self.gateway.ctl("history", config.STATION + "/c00", "--csv").stdout.splitlines()
        self.assertGreater(len(rows), 4)
        none = self.gateway.ctl("history", config.STATION + "/c00", "--json", "--until",
                                "2001-01-01T00:00:00Z", "--since", "2000-01-01T00:00:00Z")
        self.assertEqual((0, ""), (none.returncode, none.stdout))
        self.assertEqual(64, self.gateway.ctl("history", "no-slash").returncode)
        unknown = self.gateway.ctl("history", config.STATION + "/nothing")
        self.assertEqual(64, unknown.returncode)
        self.assertIn("nothing", unknown.stderr)
        wrong = self.gateway.ctl("history", config.STATION + "/c00", "--since", "24h",
                                 "--until", "x")
        self.assertEqual(64, wrong.returncode)
        self.assertIn("'x' is neither", wrong.stderr)

    def test_read(self):
        self.start()
        before = len(self.server[1].requests)
        answer = self.gateway.ctl_json("read", "probe", "c00")
        self.assertGreater(len(self.server[1].requests), before)
        self.assertIn("c00", json.dumps(answer))
        text = self.gateway.ctl("read", "probe")
        self.assertEqual(0, text.returncode, text.stderr)
        self.assertIn("c01", text.stdout)
        unknown = self.gateway.ctl("read", "prob")
        self.assertNotEqual(0, unknown.returncode)
        self.assertIn("prob", unknown.stderr)

    def test_read_of_what_fails(self):
        self.start()
        self.config["devices"]["off"] = config.modbus_device("plc", 1, "60s", {
            "gone": config.register(77), "there": config.register(0)})
        self.gateway.reload()
        self.eventually(lambda: self.gateway.ctl("read", "off").returncode == 75, "it is there")
        answer = self.gateway.ctl("read", "off", "--json")
        self.assertEqual((75, ""), (answer.returncode, answer.stderr))
        (advice,) = json.loads(answer.stdout)["advice"]
        self.assertIn("unit 1 answers and refuses: exception 2", advice["diagnosis"])
        text = self.gateway.ctl("read", "off").stdout
        self.assertIn("exception 2, it has no such address\n  try:\n  - one less", text)
        self.assertEqual([], self.gateway.ctl_json("read", "off", "there")["advice"])
        self.assertEqual([], self.gateway.ctl_json("read", "probe")["advice"])

    def test_codes(self):
        self.counters(1)
        self.gateway._configure()
        done = self.gateway.ctl("status")
        self.assertEqual(69, done.returncode)
        self.assertIn("control.sock", done.stderr)
        self.assertEqual(64, self.gateway.ctl("statu").returncode)
        self.assertEqual(64, self.gateway.ctl("status", "--jsn").returncode)


if __name__ == "__main__":
    unittest.main()
