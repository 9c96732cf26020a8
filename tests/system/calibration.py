#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A technician calibrates with fjordctl: the record holds at once, over a kill, in a copy of the
store on a second board; what cannot be meant is refused with the words of the configuration.
What was answered is on the disk, and where the disk refuses that is the answer."""
import copy
import errno
import os
import unittest

from lib import config
from lib.bench import Scene
from lib.faults import Faults
from lib.gateway import Gateway


class Calibration(Scene):
    def setUp(self):
        super().setUp()
        self.config["storage"]["commit_interval"] = "100ms"
        self.server[1].set("holding", 0, [600])
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "ph": config.register(0, scale=0.01, calibration=[
                {"date": "2020-01-01", "raw": [4, 7], "reference": [4.3, 7.3]}])})
        self.gateway.start()
        self.await_value("ph", 6.3)

    def add(self, *arguments, gateway=None):
        return (gateway or self.gateway).ctl("calibration", "probe/ph", "add", *arguments)

    def records(self, gateway=None):
        return (gateway or self.gateway).ctl_json("calibration", "probe/ph")["calibration"]

    def test_add(self):
        done = self.add("--raw", "4,7", "--reference", "4.1,7.1", "--by", "A. Person",
                        "--next", "2099-01-01", "--note", "buffers of May")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("added", done.stdout)
        self.assertIn("A. Person", done.stdout)
        self.await_value("ph", 6.1)
        own, added = self.records()
        self.assertEqual(("configuration", False), (own["source"], own["in_force"]))
        self.assertEqual(("added", True), (added["source"], added["in_force"]))
        self.assertEqual([4.1, 7.1], added["reference"])
        self.assertEqual("buffers of May", added["note"])
        self.assertAlmostEqual(-0.2, added["offset_drift"])
        self.assertEqual([], self.gateway.status()["calibrations_overdue"])

        self.gateway.kill()
        self.gateway.start()
        self.eventually(self.gateway.status, "it runs again")
        self.assertEqual(added, self.records()[1])
        self.server[1].set("holding", 0, [700])
        self.await_value("ph", 7.1)

        self.assertEqual(0, self.gateway.ctl("backup", self.path("copy.db")).returncode)
        self.gateway.kill()
        settings = copy.deepcopy(self.config)
        settings["storage"]["file"] = "spare.db"
        settings["control"]["socket"] = "spare.sock"
        spare = Gateway(self, settings, "spare")
        spare._configure()
        done = spare.ctl("restore", self.path("copy.db"))
        self.assertEqual(0, done.returncode, done.stderr)
        spare.start()
        self.eventually(spare.status, "the second board runs")
        self.assertEqual(added, self.records(spare)[1])
        self.assertEqual(0, spare.ctl(
            "calibration", "probe/ph", "remove", added["date"]).returncode)
        self.assertEqual(1, len(self.records(spare)))
        self.assertEqual(0, spare.stop())

    def test_what_cannot_be_meant(self):
        for arguments, text in (
                (["--raw", "4,7"], "calibration: give raw and reference, or polynomial"),
                (["--raw", "4,4", "--reference", "1,2"],
                 "calibration.raw: both are 4; no line goes through them"),
                (["--polynomial", "1,0"], "calibration.polynomial: every value would be 1"),
                (["--polynomial", "1,x"], "calibration.polynomial: 'x' is not a number"),
                (["--raw", "1,2,3", "--reference", "1,2"], "calibration.raw: takes 2 numbers"),
                (["--polynomial", "1,2", "--date", "yesterday"],
                 "calibration.date: takes a time such as 2026-05-01T10:00:00Z, or a date"),
                (["--polynomial", "1,2", "--date", "2020-01-01"],
                 "calibration.date: there is a record of this time in the configuration"),
                (["--polynomial", "1,2", "--next", "2020-01-02"],
                 "calibration.next: due before it was done")):
            done = self.add(*arguments)
            self.assertEqual((64, "fjordctl: %s\n" % text), (done.returncode, done.stderr))
        self.assertEqual(1, len(self.records()))
        done = self.add("--polynomial", "0,2", "--note", "n" * 256)
        self.assertEqual(64, done.returncode)
        done = self.add("--polynomial", "0,2")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("the slope is 2 times that of the record before", done.stderr)

    def test_overdue(self):
        done = self.add("--polynomial", "0,1.1", "--date", "2020-06-01", "--next", "2020-12-01")
        self.assertEqual(0, done.returncode, done.stderr)
        overdue = self.gateway.status()["calibrations_overdue"]
        self.assertEqual([("probe", "ph")], [(c["device"], c["point"]) for c in overdue])
        self.assertIn("CALIBRATION OVERDUE", self.gateway.ctl("status").stdout)
        word = "calibration was due 2020-12-01"
        self.eventually(lambda: word in self.gateway.log(), "a word")
        polls = len(self.server[1].requests)
        self.eventually(lambda: len(self.server[1].requests) >= polls + 10, "it was committed")
        self.gateway.kill()
        self.gateway.start()
        self.eventually(self.gateway.status, "it runs again")
        polls = len(self.server[1].requests)
        self.eventually(lambda: len(self.server[1].requests) >= polls + 15, "it goes on")
        self.assertEqual(1, self.gateway.log().count(word), self.gateway.log())


class CalibrationOnABadDisk(Scene):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("disk"))
        self.config["storage"] = {"file": self.path("disk/readings.db"),
                                  "commit_interval": "100ms", "max_delay": "500ms"}
        self.server[1].set("holding", 0, [600])
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "ph": config.register(0, scale=0.01)})
        self.faults = Faults(self, self.gateway, self.path("disk"))
        self.gateway.start()
        self.await_value("ph", 6)

    def dates(self):
        found = self.gateway.ctl_json("calibration", "probe/ph")["calibration"]
        return [record["date"][:10] for record in found]

    def change(self, *arguments):
        return self.gateway.ctl("calibration", "probe/ph", *arguments)

    def add(self, date):
        return self.change("add", "--polynomial", "0,1.1", "--date", date)

    def kill(self):
        """As the power goes; then the disk is a good one."""
        self.gateway.kill()
        self.faults.set("flush_ms", 0)
        self.gateway.start()
        self.eventually(self.gateway.status, "it runs again")

    def slow(self):
        """The store is at a flush nearly always."""
        hit = self.faults.get("hit")
        self.faults.set("flush_ms", 2000)
        self.eventually(lambda: self.faults.get("hit") > hit, "a slow flush")

    def test_killed_right_after_the_answer(self):
        self.slow()
        done = self.add("2020-06-01")
        self.kill()
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["2020-06-01"], self.dates())
        self.slow()
        done = self.change("remove", "2020-06-01")
        self.kill()
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([], self.dates())

    def test_the_disk_refuses(self):
        self.faults.set("error", errno.EIO)
        done = self.add("2020-06-01")
        self.assertEqual(75, done.returncode, done.stdout)
        self.assertIn("done, but not on the disk yet: cannot write: ", done.stderr)
        self.assertIn("I/O error", done.stderr)
        self.assertEqual(["2020-06-01"], self.dates())
        done = self.gateway.ctl("maintenance", "probe", "on")
        self.assertEqual(75, done.returncode, done.stdout)
        self.assertEqual("maintenance", self.gateway.status()["devices"][0]["state"])

        self.faults.set("error", 0)
        self.eventually(lambda: self.gateway.status()["store"]["writable"], "it heals", 20)
        done = self.add("2020-07-01")
        self.assertEqual(0, done.returncode, done.stderr)
        self.kill()
        self.assertEqual(["2020-06-01", "2020-07-01"], self.dates())


if __name__ == "__main__":
    unittest.main()
