#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The sum that a consumer can check: for each point, what the accounts call scheduled is the
readings that came, and the gaps; through a silent sensor, an outage of the broker, a clean restart,
a kill and a last stop."""
import time
import unittest

from lib import config
from lib.accounts import account_end, accounts, check_sum, gaps
from lib.bench import Scene
from lib.subscriber import epoch

POINTS, INTERVAL_S = 3, 0.2


class Accounting(Scene):
    def test_sum(self):
        self.counters(POINTS, interval="200ms", timeout="150ms")
        began = time.time()
        self.gateway.start()
        self.count_on(8)
        self.server.silence(1)
        self.await_value("c00", None)
        self.eventually(lambda: "quarantined" in self.states(), "quarantined", 20)
        self.server.revive(1)
        self.count_on(10)
        self.broker.stop()
        goal = self.server[1].last("holding", 0) + 10
        self.eventually(lambda: self.server[1].last("holding", 0) >= goal, "polls go on")
        self.broker.start()
        self.count_on(10, 40)
        self.assertEqual(0, self.gateway.stop())
        time.sleep(6 * INTERVAL_S)
        self.gateway.start()
        self.count_on(10)
        self.gateway.kill()
        self.gateway.start()
        self.count_on(10)
        self.assertEqual(0, self.gateway.stop())
        ended = time.time()
        self.eventually(lambda: account_end(self.subscriber) >= ended - 1, "the last account", 10)

        for point in ("c%02d" % a for a in range(POINTS)):
            reasons = check_sum(self, self.subscriber, point, INTERVAL_S)
            self.assertLessEqual({"no_response", "gateway_off"}, reasons)
            self.assertTrue([g for g in gaps(self.subscriber, point) if g.get("estimated")])
        self.assertLess(epoch(accounts(self.subscriber)[0]["from"]) - began, 5)

    def states(self):
        topic = config.status_topic("devices/probe")
        return [m.json["state"] for m in self.subscriber.messages(topic)]

    def count_on(self, more, seconds=20):
        goal = self.server[1].last("holding", 0) + more
        self.eventually(lambda: max(self.subscriber.values("c00") - {None}, default=0) >= goal,
                        "c00 = %d" % goal, seconds)


if __name__ == "__main__":
    unittest.main()
