# SPDX-License-Identifier: EUPL-1.2
"""A disk that fails or is slow, and clocks that step, by a library that the daemon loads first
(faults.c); and the scene of a store in trouble, with what holds in all such tests."""
import mmap
import os
import struct
import time

from lib.accounts import account_end, accounts, check_sum, gaps
from lib.bench import Scene
from lib.subscriber import epoch
from lib.wait import PATIENCE, wait_for

FIELDS = ("asleep_us", "set_us", "flush_ms", "error", "hit")


class Faults:
    def __init__(self, test, gateway, folder=""):
        """`folder`: writes and flushes of files under it go wrong."""
        path = test.write("faults", "\0" * 8 * len(FIELDS))
        with open(path, "r+b") as f:
            self._map = mmap.mmap(f.fileno(), 8 * len(FIELDS))
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        gateway.prefix = ["env", "LD_PRELOAD=" + os.environ["FAULTS"], "FG_FAULTS=" + path,
                          "FG_FAULTS_UNDER=" + folder, "ASAN_OPTIONS=" + sanitizer.lstrip(":")]

    def set(self, field, value):
        struct.pack_into("=q", self._map, 8 * FIELDS.index(field), value)

    def get(self, field):
        return struct.unpack_from("=q", self._map, 8 * FIELDS.index(field))[0]


class StoreScene(Scene):
    """Counting points, and a store in a folder of its own, of which a live reading does not wait
    long."""
    points, interval_s = 3, 0.2

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("disk"))
        # a flush of a good disk under load is far from max_delay
        self.config["storage"] = {"file": self.path("disk/readings.db"), "commit_interval": "200ms",
                                  "max_delay": "2s", "max_size": "64MiB"}
        self.counters(self.points, interval="%dms" % (self.interval_s * 1000), timeout="5s")

    def store(self):
        return self.gateway.status().get("store", {})

    def unstored(self, since=0):
        return [m for m in self.subscriber.readings(since=since)
                if m.reading.get("stored") is False]

    def polls_go_on(self, count=15):
        polled = self.server[1].last("holding", 0)
        self.eventually(lambda: self.server[1].last("holding", 0) >= polled + count, "polls go on")

    def assert_live_unstored(self, since):
        """Polling goes on, and what is polled goes out in time without having been stored."""
        self.polls_go_on()
        self.eventually(lambda: len(self.unstored(since)) > 10 * self.points,
                        "live readings come", 20)
        self.assertLess(max(m.age for m in self.unstored(since)), 3 * PATIENCE,
                        "live readings wait for the disk")

    def assert_healed(self):
        """What is measured from now on is stored before it is sent."""
        healed = time.time()
        self.await_value("c00", self.server[1].last("holding", 0) + 10)
        self.assertEqual([], [m.json for m in self.unstored() if epoch(m.json["time"]) > healed])

    def assert_contents(self):
        """An id means one reading, and every value that was served came, in time."""
        contents = {}
        for message in self.subscriber.readings():
            content = {k: v for k, v in message.reading.items() if k not in ("id", "stored")}
            self.assertEqual(contents.setdefault(message.reading["id"], content), content)
        served = self.server[1].served("holding", 0, time.time())
        wait_for(lambda: served <= self.subscriber.values("c00"))
        self.assertEqual(set(), served - self.subscriber.values("c00"))

    def stop_and_check_sums(self, tolerance=8, counted_twice=()):
        """Ends the daemon; returns the reasons of the gaps, over all points."""
        self.assertEqual(0, self.gateway.stop())
        ended = self.ended()
        self.eventually(lambda: account_end(self.subscriber) > ended - 1, "the last account")
        return set().union(*(check_sum(self, self.subscriber, "c%02d" % a, self.interval_s,
                                       tolerance, counted_twice) for a in range(self.points)))

    def assert_few_overruns(self):
        """A busy machine has some, a link that waits for the disk nearly nothing else."""
        told = [a["points"]["c00"] for a in accounts(self.subscriber) if "c00" in a["points"]]
        self.assertLess(sum(g["count"] for g in gaps(self.subscriber, "c00")
                            if g["reason"] == "overrun"),
                        sum(line["scheduled"] for line in told) / 5)

    def ended(self):
        """When the daemon took it to be."""
        return time.time()
