#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Report by exception and alarms with the real daemon: what does not change is not told and is
accounted for as suppressed; an alarm is polled faster, marked in the readings, told once, and goes
on after the daemon is killed."""
import json
import unittest

from lib import config
from lib.accounts import accounts, gaps
from lib.bench import Scene


class Events(Scene):
    def point(self, name):
        found = {m.seq: m.reading for m in self.subscriber.readings(name)}
        return [found[seq] for seq in sorted(found)]

    def values(self, name):
        return [r["value"] for r in self.point(name)]

    def show(self, address, value):
        self.server[1].set("holding", address, [value])

    def check_law(self, name):
        lines = [a["points"][name] for a in accounts(self.subscriber) if name in a["points"]]
        total = {k: sum(line[k] for line in lines) for k in lines[0]}
        readings = sum(r["qc"] != 9 for r in self.point(name))
        missing = sum(g["count"] for g in gaps(self.subscriber, name))
        self.assertEqual(total["sent"], readings)
        self.assertEqual(total["missing"], missing)
        self.assertEqual(total["scheduled"], readings + total["suppressed"] + missing)
        return total

    def polls(self, device="probe"):
        return {d["name"]: d for d in self.gateway.status()["devices"]}[device]["polls"]

    def await_polls(self, count):
        before = self.polls()
        self.eventually(lambda: self.polls() >= before + count, "%d polls" % count, 30)

    def setUp(self):
        super().setUp()
        self.config["storage"]["commit_interval"] = "100ms"

    def test_what_does_not_change_is_not_told(self):
        self.show(0, 100)
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "flow": config.register(0, scale=0.1, report={
                "on_change": 0.5, "at_least_every": "1h"})})
        self.gateway.start()
        self.await_value("flow", 10)
        self.await_polls(10)
        for raw in (104, 105, 101, 100):
            self.show(0, raw)
            self.await_polls(3)
        self.await_value("flow", 10.5)
        self.eventually(lambda: self.values("flow")[-1] == 10, "back", 10)
        self.assertEqual([10, 10.5, 10], self.values("flow"))
        self.assertGreater(self.gateway.status()["totals"]["suppressed"], 15)
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: accounts(self.subscriber), "an account")
        self.assertGreater(self.check_law("flow")["suppressed"], 15)

    def test_an_alarm(self):
        self.show(0, 10)
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "5s", {
            "level": config.register(0, alarm={
                "above": 25, "hysteresis": 2, "interval": "200ms"})})
        self.gateway.start()
        self.await_value("level", 10)
        self.assertEqual([], self.gateway.status()["alarms"])
        self.show(0, 26)
        self.await_value("level", 26, 20)
        self.assertNotIn("alarm", self.point("level")[0])
        # ten readings in far less than ten times five seconds
        self.await_polls(10)
        alarmed = [r for r in self.point("level") if r["value"] == 26]
        self.assertEqual({"above"}, {r.get("alarm") for r in alarmed})
        status = self.gateway.status()["alarms"]
        self.assertEqual([("probe", "level", "above", 26, 25)], [
            (a["device"], a["point"], a["alarm"], a["value"], a["limit"]) for a in status])
        shown = self.gateway.ctl("status").stdout
        self.assertRegex(shown, r"above +quay +probe +level .* 26 1 +25 1")

        self.gateway.kill()
        self.gateway.start()
        self.eventually(lambda: self.gateway.status().get("alarms"), "it holds after a restart")
        self.assertEqual(status[0]["since"], self.gateway.status()["alarms"][0]["since"])
        self.await_polls(10)
        self.show(0, 23)
        self.await_value("level", 23)
        self.eventually(lambda: "alarm" not in self.point("level")[-1], "its end")
        self.assertEqual([], self.gateway.status()["alarms"])
        log = self.gateway.log()
        self.assertEqual(1, log.count("alarm 'above' begins"), log)
        self.assertEqual(1, log.count("alarm 'above' ends"), log)
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: accounts(self.subscriber), "an account")
        self.check_law("level")

    def test_calibration(self):
        self.show(0, 600)
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "ph": config.register(0, scale=0.01, calibration=[
                {"date": "2020-01-01", "raw": [4, 7], "reference": [4.3, 7.3], "by": "A. Person",
                 "next": "2021-01-01"},
                {"date": "2999-01-01", "polynomial": [0, 2]}])})
        self.gateway.start()
        self.await_value("ph", 6.3)
        self.assertEqual({6.3}, set(self.values("ph")))
        self.assertEqual([("probe", "ph")], [
            (c["device"], c["point"]) for c in self.gateway.status()["calibrations_overdue"]])
        self.assertIn("CALIBRATION OVERDUE", self.gateway.ctl("status").stdout)
        records = self.gateway.ctl_json("calibration", "probe/ph")["calibration"]
        self.assertEqual([True, False], [r["in_force"] for r in records])
        self.assertEqual("A. Person", records[0]["by"])
        self.assertIn("+100.00 %", self.gateway.ctl("calibration", "probe/ph").stdout)
        self.assertEqual(64, self.gateway.ctl("calibration", "probe/phh").returncode)
        self.assertEqual(64, self.gateway.ctl("calibration", "probe").returncode)
        self.assertNotIn("raw", self.point("ph")[-1])
        since = self.gateway.ctl("history", "quay/ph", "--json").stdout.splitlines()
        self.assertEqual(6, json.loads(since[-1])["raw"])
        self.assertEqual(0, self.gateway.stop())

    def test_maintenance(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 2)
        done = self.gateway.ctl("maintenance", "probe", "on", "--reason", "new membrane")
        self.assertEqual(0, done.returncode, done.stderr)
        self.eventually(lambda: self.point("c00")[-1].get("maintenance"), "marked readings")
        document = self.subscriber.messages(config.status_topic("devices/probe"))[-1]
        self.assertEqual(("maintenance", "new membrane"),
                         (document.json["state"], document.json["reason"]))
        self.assertTrue(document.retain)
        self.gateway.kill()
        self.gateway.start()
        self.eventually(self.gateway.status, "it runs again")
        self.assertEqual("maintenance", self.gateway.status()["devices"][0]["state"])
        seq = self.subscriber.newest("c00")
        self.await_value("c00", seq + 3)
        self.assertTrue(self.point("c00")[-1].get("maintenance"))
        done = self.gateway.ctl("maintenance", "probe", "off")
        self.assertEqual(0, done.returncode, done.stderr)
        self.eventually(lambda: "maintenance" not in self.point("c00")[-1], "no longer marked")
        self.assertEqual(64, self.gateway.ctl("maintenance", "probe", "off").returncode)
        self.assertEqual(64, self.gateway.ctl("maintenance", "prope", "on").returncode)
        seen = len(self.point("c00"))
        done = self.gateway.ctl("maintenance", "probe", "on", "--for", "1s")
        self.assertEqual(0, done.returncode, done.stderr)
        self.eventually(lambda: any(r.get("maintenance") for r in self.point("c00")[seen:]),
                        "marked again")
        self.eventually(lambda: "maintenance" not in self.point("c00")[-1], "over by itself")
        log = self.gateway.log()
        self.assertEqual(2, log.count("maintenance begins"), log)
        self.assertEqual(2, log.count("maintenance ends"), log)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
