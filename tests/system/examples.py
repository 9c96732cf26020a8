#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The programs of docs/examples against a live gateway: what they show is what was published, and
the copy equals the gateway's own history after outages of broker, gateway and the copy itself."""
import json
import pathlib
import shutil
import signal
import sqlite3
import sys
import unittest

from lib import config, peers
from lib.bench import Scene

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs/examples"
PYTHON = "/usr/bin/python3"


class Examples(Scene):
    def output(self, log):
        return pathlib.Path(self.path(log)).read_text(errors="replace")

    def run_example(self, *argv):
        """It shows readings as they come, each point once it is there."""
        self.counters(2)
        self.gateway.start()
        self.await_readings(4)
        shown = self.subscriber.last(config.reading_topic("water", "c01"))
        self.spawn(argv, "example.log")
        topic = "obs/water/quay/"
        self.eventually(lambda: topic + "c00" in self.output("example.log") and
                        topic + "c01" in self.output("example.log"), "both points")
        value = self.server[1].last("holding", 0) + 3
        self.await_value("c00", value)
        reading = next(m.json for m in self.subscriber.readings("c00")
                       if m.json["value"] == value)
        self.eventually(lambda: any(reading["time"] in line and str(value) in line
                                    for line in self.output("example.log").splitlines()),
                        "the reading is shown")
        self.assertNotIn("Traceback", self.output("example.log"))
        self.assertTrue(shown)

    def test_mosquitto_sub(self):
        self.run_example(EXAMPLES / "latest.sh", "127.0.0.1", self.broker.port, config.PREFIX)

    def test_python(self):
        self.run_example(PYTHON, "-B", EXAMPLES / "latest.py", "127.0.0.1", self.broker.port,
                         config.PREFIX)
        self.assertEqual(0, self.gateway.ctl("notice", "add", "fault", "--en", "Ice.").returncode)
        self.eventually(lambda: "Ice." in self.output("example.log"), "the notice is shown")
        self.gateway.stop()
        self.eventually(lambda: "is offline" in self.output("example.log"), "that it is off")

    def test_node(self):
        if not (peers.MODULES / "mqtt").is_dir() or not shutil.which("node"):
            print("SKIPPED: npm's mqtt is not installed (tools/peers does that)", file=sys.stderr)
            self.skipTest("no mqtt of npm")
        # what a consumer has after `npm install mqtt` beside the program
        program = self.write("latest.js", (EXAMPLES / "latest.js").read_text())
        pathlib.Path(self.path("node_modules")).symlink_to(peers.MODULES)
        self.run_example("node", program, "mqtt://127.0.0.1:%d" % self.broker.port, config.PREFIX)

    # ---- the copy ----

    def start_copy(self, file="copy.db"):
        return self.spawn([PYTHON, "-B", EXAMPLES / "copy.py", "127.0.0.1", self.broker.port,
                           config.PREFIX, self.path(file)], "copy.log")

    def copied(self, file="copy.db"):
        db = sqlite3.connect("file:%s?mode=ro" % self.path(file), uri=True)
        try:
            return {i: json.loads(text) for i, text in
                    db.execute("SELECT id, json FROM told WHERE kind = 'obs'")}
        except sqlite3.OperationalError:
            return {}                           # not made yet
        finally:
            db.close()

    def history(self, points):
        found = {}
        for point in points:
            done = self.gateway.ctl("history", "%s/%s" % (config.STATION, point), "--json")
            self.assertEqual(0, done.returncode, done.stderr)
            found |= {r["id"]: r for r in map(json.loads, done.stdout.splitlines())}
        return found

    def polled(self, more, seconds=30):
        until = self.server[1].last("holding", 0) + more
        self.eventually(lambda: self.server[1].last("holding", 0) >= until, "polls go on", seconds)

    def test_copy_without_gaps(self):
        points = ["c00", "c01"]
        self.counters(2)
        copy = self.start_copy()
        self.eventually(lambda: "Sending SUBACK to copy-" in self.broker.log(),
                        "the copy subscribes")
        self.gateway.start()
        self.eventually(lambda: len(self.copied()) > 4, "the copy has readings")
        self.end(copy, signal.SIGKILL)          # the broker keeps what comes
        self.polled(5)
        copy = self.start_copy()
        self.polled(5)
        self.broker.stop()                      # the gateway keeps what comes
        self.polled(10)
        self.broker.start()
        self.polled(5)
        self.gateway.kill()                     # what was not acknowledged comes again
        self.gateway.start()
        self.polled(5)
        newest = max(self.history(points).values(), key=lambda r: int(r["id"].split(":")[1]))
        number = int(newest["id"].split(":")[1])
        self.eventually(lambda: newest["id"] in self.copied(), "the copy catches up", 30)

        def up_to(readings):
            return {i: r for i, r in readings.items() if int(i.split(":")[1]) <= number}
        self.eventually(lambda: len(up_to(self.copied())) >= len(up_to(self.history(points))),
                        "the backlog is copied", 30)
        self.assertEqual(up_to(self.history(points)), up_to(self.copied()))
        self.assertGreater(len(up_to(self.copied())), 60)

        self.assertEqual(0, self.gateway.stop())
        check = [PYTHON, "-B", EXAMPLES / "copy.py", "--check", self.path("copy.db")]
        self.eventually(lambda: self.run_program(check).returncode == 0 and
                        "c01" in self.run_program(check).stdout, "the sums are right", 20)
        self.end(copy, signal.SIGKILL)
        with sqlite3.connect(self.path("copy.db")) as db:   # and it would be seen
            db.execute("DELETE FROM told WHERE id IN (SELECT id FROM told WHERE kind = 'obs' AND "
                       "qc <> 9 ORDER BY seq LIMIT 1)")
        done = self.run_program(check)
        self.assertEqual(1, done.returncode)
        self.assertIn("+1 unexplained", done.stdout)

    def test_copies_beside_each_other(self):
        """Of one prefix at one broker, as of a public one: no two share a session."""
        self.counters(1)
        files = ["one.db", "two.db"]
        for file in files:
            self.start_copy(file)
        self.eventually(lambda: self.broker.log().count("Sending SUBACK to copy-") == 2,
                        "both subscribe")
        self.gateway.start()
        self.eventually(lambda: all(len(self.copied(f)) > 5 for f in files), "both have readings")
        self.assertEqual(2, self.broker.log().count("as copy-"), "nobody was thrown out")
        last = max(self.copied("one.db"), key=lambda i: int(i.split(":")[1]))
        self.eventually(lambda: last in self.copied("two.db"), "the other one, too")

    def test_copy_of_batches(self):
        self.config["mqtt"]["main"]["batch"] = "1s"
        self.counters(2)
        self.start_copy()
        self.eventually(lambda: "Sending SUBACK to copy-" in self.broker.log(),
                        "the copy subscribes")
        self.gateway.start()
        self.polled(10)
        self.assertEqual(0, self.gateway.stop())
        check = [PYTHON, "-B", EXAMPLES / "copy.py", "--check", self.path("copy.db")]
        self.eventually(lambda: self.run_program(check).returncode == 0 and
                        "c01" in self.run_program(check).stdout, "the sums are right", 20)
        self.assertGreater(len(self.copied()), 9)

    def explain(self):
        logs = ""
        for name in ("example.log", "copy.log"):
            if pathlib.Path(self.path(name)).exists():
                logs += "\n%s:\n%s" % (name, self.output(name)[-1500:])
        return super().explain() + logs


if __name__ == "__main__":
    unittest.main()
