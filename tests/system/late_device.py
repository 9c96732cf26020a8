#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A device whose answer takes longer than its interval is never asked twice at once: the polls that
do not fit are skipped and counted, and others on their own links keep their rhythm."""
import unittest

from lib import config
from lib.bench import Scene
from lib.modbus import TcpServer

ANSWER_S = 0.5


class LateDevice(Scene):
    def test_late(self):
        slow = TcpServer(self, (1,))
        slow[1].count("holding", 0)
        slow[1].delay_s = ANSWER_S
        self.counters(1)
        self.config["links"]["slow"] = dict(self.config["links"]["plc"], port=slow.port)
        self.config["devices"]["slow"] = config.modbus_device(
            "slow", 1, "200ms", {"depth": config.register(0)})
        self.gateway.start()
        self.await_value("depth", 8, 20)

        at = [r[0] for r in slow[1].requests]
        spaces = [b - a for a, b in zip(at, at[1:])]
        self.assertGreaterEqual(min(spaces), ANSWER_S - 0.05, "asked again before the answer")
        got = [m.reading["value"] for m in self.subscriber.readings("depth")]
        self.assertEqual(list(range(1, len(got) + 1)), got)
        device = {d["name"]: d for d in self.gateway.status()["devices"]}["slow"]
        self.assertGreater(device["overruns"], 5)
        # A busy machine is late now and then; one that waited for the other would have its pace.
        rhythm = [r[0] for r in self.server[1].requests if r[0] > at[0]]
        mean = (rhythm[-1] - rhythm[0]) / (len(rhythm) - 1)
        self.assertLess(mean, 0.6 * (at[-1] - at[0]) / (len(at) - 1),
                        "the neighbour waited for the slow one")
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
