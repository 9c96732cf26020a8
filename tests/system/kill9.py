#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""kill -9 again and again while the broker is away: what was committed arrives, and no number is
used twice."""
import json
import random
import time
import unittest

from lib.bench import Scene
from lib.wait import wait_for

POINTS, ROUNDS = 4, 7
COMMIT_S = 0.2          # storage.commit_interval of the scene


class Kill9(Scene):
    def test_kill(self):
        chance = random.Random(1)
        self.counters(POINTS, interval="100ms")
        self.gateway.start()
        self.await_value("c00", 3)
        self.broker.stop()
        committed = set()
        for _ in range(ROUNDS):
            polled = len(self.server[1].requests)
            self.eventually(lambda: len(self.server[1].requests) >= polled + 20, "polls go on")
            committed |= self.stored()
            pause = chance.random() * 2 * COMMIT_S
            end = time.monotonic() + pause
            self.eventually(lambda: time.monotonic() >= end, "a random moment")
            self.gateway.kill()
            self.gateway.start()
        self.broker.start()
        self.eventually(self.gateway.status, "the daemon answers")
        last = max(self.server[1].served("holding", 0, time.time()))
        self.await_value("c00", last + 3, 30)
        committed |= self.stored()
        self.await_sent()

        # of 20 polls and more in each round
        self.assertGreater(len(committed), POINTS * ROUNDS * 8)
        # Acknowledged is what the broker has; the subscriber may get it later.
        wait_for(lambda: not self.missing(committed), 30)
        self.assertEqual([], self.missing(committed))
        self.check_ids()
        self.assertEqual(0, self.gateway.stop())

    def stored(self):
        """(address, value) of all that the store has."""
        return {(address, json.loads(line)["value"]) for address in range(POINTS)
                for line in self.gateway.ctl("history", "quay/c%02d" % address,
                                             "--json").stdout.splitlines()}

    def missing(self, committed):
        got = [self.subscriber.values("c%02d" % a) for a in range(POINTS)]
        return [(address, value) for address, value in committed if value not in got[address]]

    def check_ids(self):
        contents, newest = {}, {}
        for message in self.subscriber.readings():
            reading = message.reading
            content = (reading["point"], reading["time"], reading["value"], reading["qc"])
            self.assertEqual(contents.setdefault(reading["id"], content), content, reading["id"])
        # The numbers rise with the values: what was read later has a higher one.
        for seq, (point, _, value, _) in sorted(
                (int(i.rsplit(":")[1]), c) for i, c in contents.items()):
            if value is not None:
                self.assertGreater(value, newest.get(point, 0), "seq %d" % seq)
                newest[point] = value


if __name__ == "__main__":
    unittest.main()
