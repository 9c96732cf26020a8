#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The broker is away until the store has reached `max_size`, once for each `when_full`: polling
goes on, status and log say what is lost, what is left is by the policy, and once the broker has all
of it nothing more is lost, and the sum holds, for the losses are told as gaps."""
import os
import unittest

from lib import config
from lib.accounts import check_sum, gaps
from lib.faults import StoreScene

TEXTS, TEXT_REGISTERS, TEXT_INTERVAL_S = 30, 100, 0.1
CHECKED = ("t00", "t%02d" % (TEXTS - 1))
LOST = 1500             # readings


class StoreFull(StoreScene):
    def setUp(self):
        super().setUp()
        # texts that fill the store; one request reads them all
        self.server[1].set("holding", 1000, [0x4142] * TEXT_REGISTERS)
        self.config["devices"]["filler"] = config.modbus_device(
            "plc", 1, "100ms", {"t%02d" % i: config.register(
                1000, type="string(%d)" % TEXT_REGISTERS, unit="1") for i in range(TEXTS)})
        self.config["mqtt"]["main"]["backlog_rate"] = "5000/s"

    def lost(self):
        return self.store().get("dropped_max_size", 0)

    def outage(self, policy, told):
        """Values of c00 that were polled while the broker was away: lost, and those that came."""
        self.config["storage"].update(max_size="1MiB", when_full=policy)
        self.gateway.start()
        self.await_value("c00", 5)
        self.broker.stop()
        first = self.server[1].last("holding", 0) + 3
        self.eventually(lambda: self.lost() > LOST, "the store is full", 60)
        self.polls_go_on(5)
        self.assertIn("has reached storage.max_size: " + told, self.gateway.log())
        self.assertLessEqual(self.store_size(), 1 << 20)
        polled = set(range(first, self.server[1].last("holding", 0) - 3))
        del self.config["devices"]["filler"]
        self.gateway.reload()
        self.eventually(lambda: "the new configuration is in force" in self.gateway.log(), "reload")
        self.broker.start()
        self.drain()
        came = polled & self.subscriber.values("c00")
        self.assertTrue(came)
        self.assertGreater(len(polled), len(came))
        self.assert_no_more_is_lost()
        return polled - came, came

    def assert_no_more_is_lost(self):
        # what was delivered gives way within a moment, and until then it is still full
        self.await_value("c00", self.server[1].last("holding", 0) + 10)
        lost, value = self.lost(), self.server[1].last("holding", 0)
        self.await_value("c00", value + 15)
        self.assertEqual(lost, self.lost())
        self.assertLessEqual(set(range(value + 1, value + 15)), self.subscriber.values("c00"))

    def store_size(self):
        folder = self.path("disk")
        return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)
                   if name.startswith("readings.db") and not name.endswith("-shm"))

    def drain(self):
        """Until the subscriber, too, has all that there is now."""
        self.await_sent()
        self.subscriber.client.publish("mark", "", 1)
        self.eventually(lambda: self.subscriber.messages("mark"), "the mark comes back")

    def told(self):
        """Whether all losses went out as gaps."""
        destination = self.gateway.status().get("destinations", [{"losses_to_tell": 1}])[0]
        return not destination.get("losses_to_tell") and all(
            any(g["reason"] in ("dropped:max_size", "thinned")
                for g in gaps(self.subscriber, point)) for point in ("c00", "c02", *CHECKED))

    def check_sums(self):
        """The reasons of the gaps, but for those that a busy machine and a reload bring."""
        reasons = self.stop_and_check_sums()
        for point in CHECKED:
            reasons |= check_sum(self, self.subscriber, point, TEXT_INTERVAL_S, 16)
        return reasons & {"dropped:max_size", "thinned", "storage"}

    def test_drop_oldest(self):
        lost, came = self.outage("drop-oldest", "the oldest readings that no destination")
        self.assertLess(max(lost), min(came))
        self.eventually(self.told, "losses are told")
        self.assertEqual({"dropped:max_size"}, self.check_sums())

    def test_drop_newest(self):
        lost, came = self.outage("drop-newest", "new readings are dropped")
        if not self.told():     # there was no room for the gaps: tried again in a minute,
            self.assertEqual(0, self.gateway.stop())        # or with the next start
            self.gateway.start()
            self.eventually(self.told, "losses are told", 20)
        self.assertLess(min(came), min(lost))
        self.assertLess(sum(came) / len(came), sum(lost) / len(lost))
        self.assertEqual({"dropped:max_size"}, self.check_sums())

    def test_thin(self):
        lost, came = self.outage("thin", "the oldest readings that no destination")
        self.eventually(self.told, "losses are told")
        self.assertEqual({"thinned"}, self.check_sums())
        self.assertTrue([g for g in gaps(self.subscriber, "c00")
                         if g.get("step", 0) > self.interval_s])
        # the oldest have become fewer, evenly
        thinned = sorted(v for v in came if v < max(lost))
        self.assertGreater(len(thinned), 2)
        self.assertLess(max(b - a for a, b in zip(thinned, thinned[1:])), 20)


if __name__ == "__main__":
    unittest.main()
