#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The broker is away while sensors are polled: nothing is lost, the fresh goes first and retained,
the backlog follows in order, not retained, and at its rate."""
import time
import unittest

from lib import config
from lib.bench import Scene

POINTS, RATE, INFLIGHT = 5, 60, 10


class Outage(Scene):
    def test_outage(self):
        self.config["mqtt"]["main"].update(inflight=INFLIGHT, backlog_rate="%d/s" % RATE)
        self.counters(POINTS)
        self.gateway.start()
        self.await_value("c00", 5)
        self.broker.stop()
        gone = time.time()
        before = max(self.server[1].served("holding", 0, gone))
        self.eventually(lambda: self.server[1].served("holding", 0, time.time()) >= {before + 30},
                        "30 polls without a broker", 20)
        self.broker.start()
        back = time.time()
        last = max(self.server[1].served("holding", 0, back))
        self.await_value("c00", last, 30)
        self.await_value("c%02d" % (POINTS - 1), last + 15, 30)

        self.assert_complete(POINTS, back)
        after = self.subscriber.readings(since=back)
        online = after[0].at
        self.assertLess(online - back, 8, "it connects again late")
        # on a slow machine the gateway is connected a while before anything arrives
        missed = [m for m in after if gone + 0.5 < m.at - m.age < online - 2]
        live = [m for m in after if m.at - m.age > online + 0.5]
        self.assertGreater(len(missed), POINTS * 15)
        self.assertEqual([], [m.topic for m in missed if m.retain])
        self.assertTrue(live)
        self.assertEqual([], [m.topic for m in live if not m.retain])
        self.assertLess(max(m.age for m in live), 2, "the backlog holds live readings back")
        self.assertLess(min(m.at for m in after if m.age < 2) - online, 1.5)
        for i in range(POINTS):
            seqs = [m.seq for m in missed if m.topic.endswith("c%02d" % i) and not m.dup]
            self.assertEqual(sorted(seqs), seqs)
        took = missed[-1].at - missed[0].at
        self.assertGreater(took, 0.6 * (len(missed) - RATE) / RATE, "faster than backlog_rate")
        ids = [m.reading["id"] for m in self.subscriber.readings() if not m.dup]
        self.assertLessEqual(len(ids) - len(set(ids)), INFLIGHT)
        self.assertEqual("online", self.subscriber.state(config.status_topic()))
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
