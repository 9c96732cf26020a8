#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""SIGTERM: what was read is delivered, the status says offline, exit 0; nothing comes twice after
the next start."""
import os
import socket
import time
import unittest

from lib import config
from lib.bench import Scene


class CleanStop(Scene):
    def test_stop(self):
        self.counters(3, interval="100ms")
        self.gateway.start()
        self.await_value("c00", 10)
        status = config.status_topic()
        self.assertEqual("online", self.subscriber.state(status))
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.subscriber.state(status) == "offline", "offline", 3)
        self.assertTrue(self.subscriber.last(status).retain)
        self.assert_complete(3, time.time())

        self.gateway.start()
        value = max(self.server[1].served("holding", 0, time.time()))
        self.await_value("c00", value + 5)
        self.assertEqual("online", self.subscriber.state(status))
        ids = [m.reading["id"] for m in self.subscriber.readings()]
        self.assertEqual(len(ids), len(set(ids)), "something was sent again")
        self.assertEqual(0, self.gateway.stop())

    def test_stop_without_broker(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 2)
        self.broker.stop()
        polled = len(self.server[1].requests)
        self.eventually(lambda: len(self.server[1].requests) > polled + 5, "polls go on")
        began = time.monotonic()
        self.assertEqual(0, self.gateway.stop())
        self.assertLess(time.monotonic() - began, 8)
        stopped = time.time()
        self.broker.start()
        self.gateway.start()
        last = max(self.server[1].served("holding", 0, stopped))
        self.await_value("c00", last)
        self.assert_complete(1, stopped)
        self.assertEqual(0, self.gateway.stop())

    def test_stop_within_a_poll(self):
        """What was cut short by the end is not told as a fault of the sensor."""
        self.counters(1)
        self.server[1].delay_s = 0.5
        self.gateway.start()
        self.await_value("c00", 2)
        asked = len(self.server[1].requests)
        self.eventually(lambda: len(self.server[1].requests) > asked, "it is asked again")
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.subscriber.state(config.status_topic()) == "offline",
                        "offline")
        self.assertEqual([], [m.json for m in self.subscriber.readings("c00")
                              if m.json["qc"] == 9])
        self.assertEqual({"ok"}, {m.json["state"] for m in self.subscriber.messages(
            config.status_topic("devices/probe"))})

    def test_tells_the_service_manager(self):
        path = self.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(10)
            self.counters(1)
            os.environ["NOTIFY_SOCKET"] = path
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
            self.gateway.start()
            self.assertIn(b"READY=1", self.told(manager, b"READY=1"))
            self.assertEqual(0, self.gateway.stop())
            self.assertIn(b"STOPPING=1", self.told(manager, b"STOPPING=1"))

    @staticmethod
    def told(manager, what):
        said = b""
        while what not in said:
            said += manager.recv(4096)
        return said


if __name__ == "__main__":
    unittest.main()
