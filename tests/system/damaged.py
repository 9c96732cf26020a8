#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The card has spoilt pages of the database: the gateway starts all the same, sets the file aside,
and what can be read arrives; numbers go on above the old ones."""
import glob
import os
import random
import socket
import time
import unittest

from lib.bench import Scene

PAGE = 1024


class Damaged(Scene):
    def spoil(self, share):
        """Overwrites pages here and there, the first two not among them."""
        chance = random.Random(7)
        with open(self.path("readings.db"), "r+b") as f:
            pages = os.fstat(f.fileno()).st_size // PAGE
            victims = chance.sample(range(2, pages), max(1, int(pages * share)))
            for page in victims:
                f.seek(page * PAGE)
                f.write(chance.randbytes(PAGE))
        return pages, len(victims)

    def test_pages(self):
        self.config["storage"]["keep"] = "1d"
        self.counters(20, interval="100ms")
        self.gateway.start()
        self.await_value("c00", 5)
        self.broker.stop()
        polled = self.server[1].last("holding", 0)
        self.eventually(lambda: self.server[1].last("holding", 0) > polled + 150, "polls", 40)
        self.assertEqual(0, self.gateway.stop())
        ended = time.time()
        pages, spoilt = self.spoil(0.1)
        self.assertGreater(pages, 12)
        self.gateway.start()
        self.eventually(lambda: self.gateway.status(), "it starts")
        self.broker.start()
        # found at the start or when the backlog is read, as chance will have it
        self.eventually(lambda: "salvaged" in self.gateway.status()["store"], "salvage", 40)
        self.assertEqual(1, len(glob.glob(self.path("readings.db.damaged-*Z"))))
        self.assertIn("damaged", self.gateway.log())
        value = self.server[1].last("holding", 0)
        self.await_value("c00", value + 10, 40)
        self.await_sent(seconds=40)
        served = {v for v in self.server[1].served("holding", 0, ended) if v > polled}
        came = self.subscriber.values("c00")
        # a spoilt page holds many rows, and the index above them may be gone too
        self.assertGreater(len(served & came), len(served) * 0.4,
                           "%d of %d pages spoilt" % (spoilt, pages))
        self.assertLessEqual(came - {None}, self.server[1].served("holding", 0, time.time()),
                             "readings were invented")
        old = [m.seq for m in self.subscriber.readings() if m.at - m.age < ended]
        new = [m.seq for m in self.subscriber.readings() if m.at - m.age > ended]
        self.assertGreater(min(new), max(old))
        self.assertEqual(0, self.gateway.stop())

    def test_the_service_manager_waits(self):
        """A start that reads through a damaged store asks for more time while it does."""
        path = self.path("notify")
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 2)
        self.assertEqual(0, self.gateway.stop())
        with open(self.path("readings.db"), "r+b") as f:
            f.seek(100)
            f.write(b"this is no page of a tree of any kind")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(20)
            os.environ["NOTIFY_SOCKET"] = path
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
            self.gateway.start()
            said = [manager.recv(4096).decode()]
            while said[-1] != "READY=1":
                said.append(manager.recv(4096).decode())
            self.assertRegex(said[0],
                             r"\AEXTEND_TIMEOUT_USEC=\d{8,}\nSTATUS=saving .*damaged store")
            self.assertEqual("STATUS=", said[-2])
            self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
