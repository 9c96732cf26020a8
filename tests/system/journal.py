#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""What the daemon sends to systemd's journal: entries with fields by the native protocol; plain
lines where the journal does not listen. Its socket is one of the test's in a mount namespace."""
import os
import socket
import unittest

from lib.bench import Scene

# stderr counts as the journal where JOURNAL_STREAM names its device and inode
ENTER = """mount -t tmpfs none /run && mkdir -p /run/systemd/journal &&
mount --bind %s /run/systemd/journal &&
JOURNAL_STREAM=$(stat -L -c %%d:%%i /proc/self/fd/2) exec "$@" """


@unittest.skipIf(os.getuid(), "a mount namespace takes root")
class Journal(Scene):
    def entries(self):
        """What has come since, as dictionaries."""
        while True:
            try:
                text = self.journal.recv(65536, socket.MSG_DONTWAIT).decode()
            except BlockingIOError:
                return self.heard
            self.heard.append(dict(line.split("=", 1) for line in text.splitlines()))

    def setUp(self):
        super().setUp()
        self.heard = []
        os.mkdir(self.path("journal"))
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.journal.close)
        done = self.run_program(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /run"])
        if done.returncode:
            self.skipTest("no mount namespace here: " + done.stderr)
        self.gateway.prefix = ["unshare", "-m", "sh", "-c", ENTER % self.path("journal"), "sh"]

    def of(self, **fields):
        return [e for e in self.entries() if all(e.get(k) == v for k, v in fields.items())]

    def test_fields(self):
        self.journal.bind(self.path("journal/socket"))
        self.counters(1)
        self.config["devices"]["mute"] = dict(
            self.config["devices"]["probe"], unit_id=99, timeout="100ms",
            points={"m": self.config["devices"]["probe"]["points"]["c00"]})
        self.gateway.start()
        self.await_value("c00", 3)
        self.eventually(
            lambda: self.of(FJORDGATE_DEVICE="mute", FJORDGATE_LINK="plc", PRIORITY="4"),
            "the device that fails")
        self.eventually(lambda: self.of(FJORDGATE_DESTINATION="main"), "the destination")
        failing, quarantined = self.eventually(
            lambda: len(self.of(FJORDGATE_DEVICE="mute")) > 1 and self.of(FJORDGATE_DEVICE="mute"),
            "it is quarantined")
        self.assertIn("poll failed: no_response", failing["MESSAGE"])
        self.assertIn("3 polls in a row", quarantined["MESSAGE"])
        self.assertEqual("fjordgate", failing["SYSLOG_IDENTIFIER"])
        self.assertEqual(0, self.gateway.stop())
        ids = [e.get("MESSAGE_ID") for e in self.entries() if "MESSAGE_ID" in e]
        for entry in self.entries():        # the same event, the same id
            if "MESSAGE_ID" in entry and entry["MESSAGE"].startswith("gateway 'test-01': started"):
                self.assertEqual(1, ids.count(entry["MESSAGE_ID"]))
        self.assertEqual("stopped", self.entries()[-1]["MESSAGE"])
        self.assertGreater(len(set(ids)), 4)
        # one line a change of state: no line comes again and again
        said = [e["MESSAGE"] for e in self.entries()]
        self.assertEqual(len(said), len(set(said)))
        self.assertLess(len(said), 15, said)
        self.assertNotIn("<5>", self.gateway.log())

    def test_a_journal_that_does_not_listen(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 1)
        self.eventually(lambda: "<5>gateway 'test-01': started" in self.gateway.log(),
                        "lines with priorities")
        self.assertEqual(0, self.gateway.stop())


class Flood(Scene):
    FLAPS = 30

    def test_a_device_that_comes_and_goes(self):
        """Twenty lines of each kind, and what was left out at the end."""
        self.counters(1, interval="100ms", timeout="50ms", retries=0)
        self.gateway.start()
        self.await_value("c00", 1)

        def state():
            return self.gateway.status()["devices"][0]["state"]

        for _ in range(self.FLAPS):
            self.server.silence(1)
            self.eventually(lambda: state() != "ok", "it fails")
            self.server.revive(1)
            self.eventually(lambda: state() == "ok", "it answers")
        self.assertEqual(20, self.gateway.log().count("poll failed: no_response\n"))
        self.assertEqual(20, self.gateway.log().count("answers again"))
        self.assertEqual(0, self.gateway.stop())
        for words in ("poll failed: no_response", "polls failed"):
            self.assertRegex(self.gateway.log(), words + r" \([0-9]{2} such lines were left out "
                             r"since [-0-9T:.]+Z, this at ")


if __name__ == "__main__":
    unittest.main()
