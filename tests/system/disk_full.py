#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Somebody else fills the disk: polling goes on, live readings come with `stored: false`, it heals
by itself when there is room, and the sum holds."""
import os
import time
import unittest

from lib.accounts import account_end, check_sum
from lib.bench import Scene

POINTS, INTERVAL_S = 3, 0.2


class DiskFull(Scene):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("disk"))
        self.config["storage"] = {"file": self.path("disk/readings.db"), "commit_interval": "200ms",
                                  "max_delay": "500ms", "max_size": "64MiB"}
        # a small disk that only the daemon sees; its files are reached through /proc
        flags = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
        self.gateway.prefix = ["unshare", *flags, "sh", "-c",
                               'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"',
                               self.path("disk")]

    def filler(self):
        return "/proc/%d/root%s" % (self.gateway.process.pid, self.path("disk/filler"))

    def fill(self):
        with open(self.filler(), "wb", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    pass

    def unstored(self, since=0):
        return [m for m in self.subscriber.readings(since=since)
                if m.reading.get("stored") is False]

    def test_full(self):
        self.counters(POINTS, interval="200ms")
        self.gateway.start()
        self.await_value("c00", 10)
        self.assertEqual([], self.unstored())
        self.fill()
        full = time.time()
        self.eventually(lambda: self.gateway.status()["store"]["writable"] is False,
                        "the status says so", 20)
        self.assertIn("full", self.gateway.status()["store"]["error"])
        self.eventually(lambda: len(self.unstored()) > 10 * POINTS, "live readings come", 20)
        polled = self.server[1].last("holding", 0)
        self.eventually(lambda: self.server[1].last("holding", 0) > polled + 20, "polls go on")
        late = max(m.age for m in self.unstored())
        self.assertLess(late, 3, "live readings wait for the disk")

        os.unlink(self.filler())
        self.eventually(lambda: self.gateway.status()["store"]["writable"], "it heals", 20)
        healed = time.time()
        value = self.server[1].last("holding", 0)
        self.await_value("c00", value + 10)
        time.sleep(1)
        self.assertEqual([], self.unstored(since=healed + 2))
        self.assertGreater(healed, full)
        self.assert_contents()
        self.assertEqual(0, self.gateway.stop())
        ended = time.time()
        self.eventually(lambda: account_end(self.subscriber) > ended - 1, "the last account")
        for point in ("c%02d" % a for a in range(POINTS)):
            check_sum(self, self.subscriber, point, INTERVAL_S)

    def assert_contents(self):
        """An id means one reading, and every value that was served came, in time."""
        contents = {}
        for message in self.subscriber.readings():
            content = {k: v for k, v in message.reading.items() if k not in ("id", "stored")}
            self.assertEqual(contents.setdefault(message.reading["id"], content), content)
        served = self.server[1].served("holding", 0, time.time() - 2)
        self.assertEqual(set(), served - self.subscriber.values("c00"))


if __name__ == "__main__":
    unittest.main()
