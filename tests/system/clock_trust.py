#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A board that does not know the time yet: readings are kept and not published, the status says so;
once the time is known they go out with the time at which they were measured."""
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.subscriber import epoch

CLOCKS_S = 0.05         # between the server's look at the clock and the gateway's reckoning


class ClockTrust(Scene):
    def test_trust_of_a_file(self):
        self.counters(2)
        self.config["clock"] = {"trust": self.path("time-is-right")}
        self.gateway.start()
        self.eventually(lambda: self.gateway.status().get("totals", {}).get("stored", 0) > 9,
                        "readings are stored")
        self.assertEqual([], self.subscriber.readings())
        self.eventually(lambda: self.subscriber.last(config.status_topic()), "the status")
        status = self.subscriber.last(config.status_topic()).json
        self.assertIs(False, status["clock"]["trusted"])
        self.assertGreater(self.gateway.status()["clock"]["waiting_for_time"], 5)

        before = time.time()
        served = self.server[1].served("holding", 0, before)
        self.write("time-is-right", "")
        self.await_value("c00", max(served))
        self.eventually(lambda: served <= self.subscriber.values("c00"), "what was held comes")
        times = {m.json["value"]: epoch(m.json["time"]) for m in self.subscriber.readings("c00")}
        given = self.server[1].times("holding", 0)
        # however late the machine was: after the poll before, and before the one after
        late = [v for v, t in times.items() if v in given and not
                given.get(v - 1, 0) - CLOCKS_S < t < given.get(v + 1, before + 60) + CLOCKS_S]
        self.assertEqual([], late, "readings whose time is not that of their measurement")
        self.eventually(
            lambda: self.subscriber.last(config.status_topic()).json["clock"]["trusted"],
            "the status says that the time is right")
        held = [m for m in self.subscriber.readings("c00") if m.json["value"] < max(served)]
        self.assertTrue(held)
        self.assertLessEqual(sum(m.retain for m in held), 1, "only the newest is retained")
        self.assertEqual(0, self.gateway.stop())
        self.assert_complete(2, before)


if __name__ == "__main__":
    unittest.main()
