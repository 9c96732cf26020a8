#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""/api/readings of the real daemon: JSON and CSV as fjordctl tells them, what is asked for wrongly,
and a long answer to somebody who does not read it."""
import csv
import datetime
import io
import pathlib
import re
import resource
import time
import unittest

from lib import config, wait, web
from lib.bench import Scene
from lib.gateway import PROGRAMS

SANITIZED = re.search(rb"__[at]san_init", pathlib.Path(PROGRAMS["fjordgate"]).read_bytes())
PATH = "/api/readings?point=quay/c00"


class Readings(Scene):
    def setUp(self):
        super().setUp()
        self.counters(3, interval="100ms")
        self.port = wait.free_port()
        self.config["http"] = {"listen": self.port, "rate_limit": "0/s"}
        self.gateway.start()
        self.eventually(lambda: wait.listening(self.port), "a listening port")
        self.await_readings(30)
        self.eventually(lambda: web.get(self.port, PATH).status == 200, "an answer")

    def history(self, until):
        done = self.gateway.ctl("history", "quay/c00", "--since", "1h", "--until", until, "--json")
        return done.stdout.splitlines()

    def fixed(self):
        """A period that is over, and in which something was stored."""
        until = self.eventually(lambda: self.readings()[-1:], "a reading")[0]["time"]
        since = datetime.datetime.fromisoformat(until.replace("Z", "+00:00"))
        since -= datetime.timedelta(hours=1)
        return since.strftime("&since=%Y-%m-%dT%H:%M:%SZ"), until

    def readings(self, query=""):
        return web.get(self.port, PATH + query).json

    def test_json(self):
        since, until = self.fixed()
        answer = web.get(self.port, PATH + since + "&until=" + until)
        self.assertEqual("application/json", answer.headers["Content-Type"])
        self.assertEqual("*", answer.headers["Access-Control-Allow-Origin"])
        self.assertEqual("Accept", answer.headers["Vary"])
        got = answer.json
        self.assertGreater(len(got), 5)
        self.assertTrue(all(r["point"] == "c00" and r["time"] < until for r in got))
        self.assertEqual(sorted(r["id"] for r in got), [r["id"] for r in got])
        self.assertEqual([1 + i for i in range(len(got))], [r["value"] for r in got])
        self.assertEqual([], web.get(self.port, PATH + "&until=24h&since=25h").json)

    def test_ages_and_offsets(self):
        all_of_it, none = self.readings("&since=1h"), self.readings("&since=2h&until=1h")
        self.assertGreater(len(all_of_it), 5)
        self.assertEqual([], none)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 3600 - 600))
        self.assertGreater(len(self.readings("&since=%s+01:00" % moment)), 5)

    def test_csv(self):
        since, until = self.fixed()
        query = PATH + since + "&until=" + until
        answer = web.get(self.port, query, Accept="text/csv, application/json;q=0.5")
        self.assertEqual("text/csv; charset=utf-8; header=present",
                         answer.headers["Content-Type"])
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        self.assertEqual([(r["id"], r["time"], str(r["value"]), str(r["qc"]))
                          for r in web.get(self.port, query).json],
                         [(r["id"], r["time"], r["value"], r["qc"]) for r in rows])
        self.assertEqual(answer.body, web.get(self.port, query + "&format=csv").body)
        done = self.gateway.ctl("history", "quay/c00", "--since", "1h", "--until", until, "--csv")
        told = [line.split(",") for line in done.stdout.splitlines()[1:]]
        self.assertEqual([list(r.values()) for r in rows], told[:len(rows)])

    def test_tag(self):
        since, until = self.fixed()
        query = PATH + since + "&until=" + until

        def unchanged():
            tag = web.get(self.port, query).headers["ETag"]
            return web.get(self.port, query, If_None_Match=tag).status == 304
        self.eventually(unchanged, "the same answer twice")
        self.assertNotIn("ETag", web.get(self.port, PATH).headers)

    def test_faults(self):
        for query, status, word in (
                ("", 400, "STATION/POINT"), ("?point=c00", 400, "STATION/POINT"),
                ("?point=%s/c00" % ("x" * 80), 400, "STATION/POINT"),
                ("?point=quay/nothing", 404, "quay/nothing"),
                ("?point=quay/c00&since=yesterday", 400, "since"),
                ("?point=quay/c00&until=2026-13-01", 400, "until"),
                ("?point=quay/c00&since=1h&until=2h", 400, "before"),
                ("?point=quay/c00&since=60d", 400, "31 days"),
                ("?point=quay/c00&period=P1D", 400, "PT1H"),
                ("?point=quay/c00&format=xml", 400, "json"),
                ("?point=quay/c00&sinse=1h", 400, "sinse")):
            answer = web.get(self.port, "/api/readings" + query)
            self.assertEqual(status, answer.status, query)
            self.assertIn(word, answer.json["error"])
        self.assertEqual(406, web.get(self.port, PATH, Accept="text/html").status)
        self.assertEqual([], web.get(self.port, PATH + "&period=PT1H").json)

    def test_clients_that_do_not_read(self):
        """A hundred long answers at once take bounded memory, and cost no poll."""
        self.eventually(lambda: len(self.readings()) > 100, "a hundred readings", 30)
        before, memory = self.gateway.status()["devices"][0], self.resident()
        slow = [web.ask_slowly(self.port, PATH) for _ in range(100)]
        for s in slow:
            self.addCleanup(s.close)
        after = self.eventually(
            lambda: (lambda d: d if d["polls"] >= before["polls"] + 30 else None)(
                self.gateway.status()["devices"][0]), "thirty polls more", 40)
        self.assertEqual(before["failures"], after["failures"])
        # a busy machine leaves some out by itself
        self.assertLessEqual(after["overruns"] - before["overruns"],
                             (after["polls"] - before["polls"]) / 5)
        if not SANITIZED:       # which has a memory of its own
            self.assertLess(self.resident() - memory, 12 << 20)
        self.assertGreater(len(self.readings()), 100)
        self.assertEqual(0, self.gateway.stop())

    def resident(self):
        with open("/proc/%d/statm" % self.gateway.process.pid) as f:
            return int(f.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    unittest.main()
