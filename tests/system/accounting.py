#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The sum that a consumer can check: for each point, what the accounts call scheduled is the
readings that came, and the gaps; through a silent sensor, an outage of the broker, a clean restart,
a kill and a last stop."""
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.subscriber import epoch

POINTS, INTERVAL_S = 3, 0.2


class Accounting(Scene):
    def test_sum(self):
        self.counters(POINTS, interval="200ms", timeout="150ms")
        began = time.time()
        self.gateway.start()
        self.await_value("c00", 8)
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
        self.eventually(lambda: self.account_end() >= ended - 1, "the last account", 10)

        for point in ("c%02d" % a for a in range(POINTS)):
            self.check(point, began)

    def states(self):
        topic = config.status_topic("devices/probe")
        return [m.json["state"] for m in self.subscriber.messages(topic)]

    def count_on(self, more, seconds=20):
        goal = self.server[1].last("holding", 0) + more
        self.eventually(lambda: self.subscriber.readings("c00")
                        and self.subscriber.newest("c00") >= goal, "c00 = %d" % goal, seconds)

    def accounts(self):
        """Each once, in order of time."""
        found = {m.json["id"]: m.json for m in self.subscriber.messages("/account")}
        return sorted(found.values(), key=lambda a: a["from"])

    def account_end(self):
        return max((epoch(a["to"]) for a in self.accounts()), default=0)

    def check(self, point, began):
        accounts = self.accounts()
        lines = [a["points"][point] for a in accounts]
        for line in lines:
            self.assertEqual(line["scheduled"],
                             line["sent"] + line["suppressed"] + line["missing"], line)
        for a, b in zip(accounts, accounts[1:]):
            self.assertEqual(a["to"], b["from"], "accounts follow each other")
        readings = {m.json["id"]: m.json for m in self.subscriber.readings(point)}
        good = [r for r in readings.values() if r["qc"] != 9 and "replaces" not in r]
        gaps = {m.json["id"]: m.json for m in self.subscriber.messages("/gaps")
                if m.json["point"] == point}
        scheduled = sum(line["scheduled"] for line in lines)
        told = sum(g["count"] for g in gaps.values())
        reasons = {g["reason"] for g in gaps.values()}
        explain = "%s: scheduled %d, readings %d, gaps %s" % (
            point, scheduled, len(good), sorted((g["reason"], g["count"]) for g in gaps.values()))
        self.assertEqual(scheduled, len(good) + told, explain)
        self.assertLessEqual({"no_response", "gateway_off"}, reasons, explain)
        # and it is as much as the interval asks for
        spanned = epoch(accounts[-1]["to"]) - epoch(accounts[0]["from"])
        self.assertAlmostEqual(spanned / INTERVAL_S, scheduled, delta=8, msg=explain)
        self.assertLess(epoch(accounts[0]["from"]) - began, 5)
        for g in gaps.values():
            self.assertLessEqual(epoch(g["from"]), epoch(g["to"]))
        self.assertTrue([g for g in gaps.values() if g.get("estimated")], explain)


if __name__ == "__main__":
    unittest.main()
