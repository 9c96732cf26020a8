#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A technician calibrates with fjordctl: the record holds at once, over a kill, in a copy of the
store on a second board; what cannot be meant is refused with the words of the configuration."""
import copy
import unittest

from lib import config
from lib.bench import Scene
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

        polls = len(self.server[1].requests)
        self.eventually(lambda: len(self.server[1].requests) >= polls + 10, "it was committed")
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


if __name__ == "__main__":
    unittest.main()
