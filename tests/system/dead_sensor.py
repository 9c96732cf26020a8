#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""One of two sensors stops to answer: told once, its state goes over failing to quarantined, the
neighbour is not held up, and it recovers by itself."""
import time
import unittest

from lib import config
from lib.bench import Scene


class DeadSensor(Scene):
    units = (1, 2)

    def states(self, device):
        topic = config.status_topic("devices/" + device)
        return [m.json["state"] for m in self.subscriber.messages(topic)]

    def test_dead(self):
        self.counters(2, device="probe")
        self.server[2].count("holding", 40)
        self.config["devices"]["mute"] = config.modbus_device(
            "plc", 2, "500ms", {"flow": config.register(40)}, timeout="300ms")
        self.gateway.start()
        self.await_value("flow", 2)

        self.server.silence(2)
        died = time.time()
        bad = self.eventually(lambda: self.failed(died), "it is told")[0].reading
        self.assertEqual((9, "no_response"), (bad["qc"], bad["reason"]))
        self.eventually(lambda: self.states("mute")[-1] == "quarantined", "quarantined", 20)
        self.assertIn("failing", self.states("mute"))
        value = self.subscriber.newest("c00")
        self.await_value("c00", value + 10)
        self.check_neighbour(died)
        # Announced when it begins, not at every poll.
        self.assertEqual(1, len(self.failed(died)))
        self.assertEqual({"ok"}, set(self.states("probe")))
        status = {d["name"]: d for d in self.gateway.status()["devices"]}
        self.assertEqual("quarantined", status["mute"]["state"])

        self.server.revive(2)
        back = time.time()
        self.eventually(lambda: self.subscriber.readings("flow", since=back), "it recovers", 40)
        self.assertEqual("ok", self.states("mute")[-1])
        self.assert_complete(2, time.time() - 2)
        self.assertEqual(0, self.gateway.stop())

    def check_neighbour(self, died):
        """Polled at its 200 ms all the while, but for a time-out of the other of 300 ms now and
        then; where the machine is busy, as often as before."""
        def pace(at):
            return (at[-1] - at[0]) / (len(at) - 1)
        at = [r[0] for r in list(self.server[1].requests)]
        self.assertLess(pace([t for t in at if t > died]),
                        max(0.35, 2 * pace([t for t in at if t <= died])), "the neighbour waited")

    def failed(self, since):
        return [m for m in self.subscriber.readings("flow", since=since) if m.reading["qc"] == 9]


if __name__ == "__main__":
    unittest.main()
