#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The broker is away while sensors are polled: nothing is lost, the fresh goes first and retained,
the backlog follows in order, not retained, and at its rate."""
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.subscriber import epoch
from lib.wait import PATIENCE

POINTS, RATE, INFLIGHT = 5, 60, 10
UNCOMMITTED_S = 3       # interval and commit_interval of 0.2 s each, the flush, a busy machine


class Outage(Scene):
    def test_outage(self):
        self.config["mqtt"]["main"].update(inflight=INFLIGHT, backlog_rate="%d/s" % RATE)
        self.counters(POINTS)
        self.gateway.start()
        self.await_value("c00", 5)
        self.broker.stop()
        gone = time.time()
        before = max(self.server[1].served("holding", 0, gone))
        self.eventually(lambda: self.server[1].served("holding", 0, time.time()) >= {before + 45},
                        "45 polls without a broker", 20)
        self.broker.start()
        back = time.time()
        last = max(self.server[1].served("holding", 0, back))
        self.await_value("c00", last, 30)
        self.await_value("c%02d" % (POINTS - 1), last + 15, 30)

        self.assert_complete(POINTS, back)
        # By the gateway's own word: the subscriber comes back on its own, up to a second later.
        connected = epoch(self.gateway.status()["destinations"][0]["since"])
        self.assertLess(connected - back, 8 * PATIENCE, "it connects again late")
        after = self.subscriber.readings(since=back)
        seen = max(connected, after[0].at)
        measured = {id(m): epoch(m.json["time"]) for m in after}
        # Live is what was not committed when it connected: an interval, a commit and its flush.
        missed = [m for m in after if gone + 0.5 < measured[id(m)] < connected - UNCOMMITTED_S]
        live = [m for m in after if measured[id(m)] > seen + 0.5]
        self.assertGreater(len(missed), POINTS * 20)
        self.assertEqual([], [m.topic for m in missed if m.retain])
        self.assertTrue(live)
        self.assertEqual([], [m.topic for m in live if not m.retain])
        # in the order of arrival, for a busy machine is late with all of them
        half = missed[len(missed) // 2].at
        self.assertEqual([], [m.json for m in live if measured[id(m)] < half
                              and m.at > missed[-1].at], "the backlog holds live readings back")
        fresh = next(i for i, m in enumerate(after)
                     if measured[id(m)] >= connected - UNCOMMITTED_S)
        self.assertLess(fresh, 1.5 * RATE, "the backlog goes first")
        for i in range(POINTS):
            of_point = [m for m in after if m.topic.endswith("c%02d" % i)
                        and measured[id(m)] > gone + 0.5]
            fresh = min(m.seq for m in of_point if m.retain)
            self.assertEqual([], [m.seq for m in of_point if not m.retain and m.seq > fresh],
                             "what is retained is newer than all that is not")
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
