#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Hours with the real daemon, on a clock that the test moves on: an hour's mean comes on a topic of
its own, with coverage and class; when a reading of it turns out to have been a spike it comes
again, with `replaces`; nothing is repeated by a restart."""
import csv
import json
import time
import unittest

from lib import config, peers
from lib.bench import Scene
from lib.faults import Faults
from lib.subscriber import epoch

STEP_S, VALUE, SPIKE = 300, 20, 500
TOPIC = "%s/hourly/air/%s/no2" % (config.PREFIX, config.STATION)
CLASS = "%s/hourly/air/%s/air_quality_no_hourly" % (config.PREFIX, config.STATION)


class Hourly(Scene):
    def setUp(self):
        super().setUp()
        self.asleep_s = 0
        self.faults = Faults(self, self.gateway)
        self.show(VALUE)
        self.config["devices"]["probe"] = config.modbus_device(
            "plc", 1, "%ds" % STEP_S, {"no2": config.register(
                0, property="no2", unit="ug/m3", qc={
                    "spike": {"suspect": 50, "fail": 100, "method": "differential"},
                    "gross_range": "off",
                    "rate_of_change": "off", "flat_line": "off"})},
            domain="air", hourly={"no2": True})
        # the first reading is taken two and a half minutes before the hour, and so on
        now = time.time()
        self.faults.set("set_us", int((3600 - 150 - now % 3600) * 10 ** 6))

    def show(self, value):
        self.server[1].set("holding", 0, [value])

    def sleep(self, seconds):
        self.asleep_s += seconds
        self.faults.set("asleep_us", self.asleep_s * 10 ** 6)

    def times(self):
        return {m.json["time"] for m in self.subscriber.readings("no2")
                if "replaces" not in m.json}

    def sleep_to_reading(self, seconds, value=VALUE):
        before = self.times()
        self.show(value)
        self.sleep(seconds)
        self.eventually(lambda: self.times() > before, "a reading after the sleep")

    def hours(self):
        """What was told, each id once, in order."""
        found = {m.seq: m.json for m in self.subscriber.messages(TOPIC)}
        return [found[seq] for seq in sorted(found)]

    def await_hours(self, count):
        self.eventually(lambda: len(self.hours()) >= count, "%d hours" % count, 20)
        self.assertEqual(count, len(self.hours()))
        return self.hours()[-1]

    def test_an_hour(self):
        self.gateway.start()
        self.await_readings(point="no2")
        self.sleep_to_reading(STEP_S)
        for _ in range(10):
            self.sleep_to_reading(STEP_S)
        first = self.await_hours(1)
        self.assertEqual((None, 9, "coverage"), (first["value"], first["qc"], first["reason"]))
        self.assertEqual((0.0833, 1, {"missing": 11}),
                         (first["coverage"], first["count"], first["excluded"]))

        self.sleep_to_reading(STEP_S, SPIKE)    # the last of the hour
        self.sleep(150 + 65)                    # it is over; nothing is due
        told = self.await_hours(2)
        self.assertEqual(first["time"], "%s.000Z" % time.strftime(
            "%Y-%m-%dT%H:%M:%S", time.gmtime(epoch(told["time"]) - 3600)))
        self.assertEqual((11 * VALUE + SPIKE) / 12, told["value"])
        self.assertEqual(("PT1H", "mean", 1, 12, VALUE, SPIKE), tuple(
            told[k] for k in ("period", "stat", "coverage", "count", "min", "max")))
        self.assertEqual(("no-luftkvalitet", "low"),
                         (told["class"]["scheme"], told["class"]["key"]))
        self.assertNotIn("replaces", told)

        self.sleep_to_reading(STEP_S - 150 - 65)    # it was a spike
        self.eventually(lambda: [m for m in self.subscriber.readings("no2")
                                 if "replaces" in m.json], "the reading is corrected")
        self.sleep(65)
        again = self.await_hours(3)
        self.assertEqual((told["id"], told["time"]), (again["replaces"], again["time"]))
        self.assertEqual((VALUE, 11, {"fail": 1}, 0.9166), tuple(
            again[k] for k in ("value", "count", "excluded", "coverage")))

        self.check_station(told, again)
        self.check_schema()

        self.assertEqual(0, self.gateway.stop())
        self.gateway.start()
        before = len(self.times())
        self.eventually(lambda: len(self.times()) > before, "a reading of the second run")
        for _ in range(3):
            self.sleep_to_reading(STEP_S)
        self.await_hours(3)
        self.check_fjordctl(again)

    def check_station(self, first, again):
        """The class of the station follows the hours; that the mean changed did not change it."""
        self.eventually(lambda: len(self.subscriber.messages(CLASS)) >= 2, "classes", 20)
        found = {m.seq: m.json for m in self.subscriber.messages(CLASS)}
        silent, told = [found[seq] for seq in sorted(found)][:2]
        self.assertEqual((None, 9, "coverage"), (silent["value"], silent["qc"], silent["reason"]))
        self.assertNotIn("class", silent)
        self.assertEqual(first["time"], told["time"])
        self.assertNotIn("device", told)
        self.assertEqual((1, 1, "worst_class", "x_air_quality_class", "1"), tuple(
            told[k] for k in ("value", "count", "stat", "property", "unit")))
        self.assertEqual({"scheme": "no-luftkvalitet", "version": "1", "index": 1, "key": "low",
                          "by": ["no2"]}, told["class"])
        shown = self.gateway.ctl("history", config.STATION + "/air_quality_no_hourly",
                                 "--hourly", "--json").stdout
        self.assertIn('"id":"%s"' % told["id"], shown)

    def check_schema(self):
        """All that was told, hours and the class of the station too, as ajv sees it."""
        if not peers.are_there():
            return
        told = [m for m in self.subscriber.messages()
                if m.topic.split("/")[1] in ("obs", "hourly")]
        self.assertIn(CLASS, {m.topic for m in told})
        done = peers.node(self, "validate.js")(self.write("told.json", json.dumps({
            "geojson": [], "things": [], "asyncapi": [], "datasets": [],
            "schema": self.subscriber.last(config.PREFIX + "/schema/reading").json,
            "messages": [{"topic": m.topic, "payload": m.json} for m in told]})))
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([], json.loads(done.stdout)["messages"][:3])

    def check_fjordctl(self, newest):
        series = config.STATION + "/no2"
        shown = self.gateway.ctl("history", series, "--hourly", "--json").stdout.splitlines()
        self.assertIn('"id":"%s"' % newest["id"], shown[-1])
        rows = list(csv.DictReader(
            self.gateway.ctl("history", series, "--hourly", "--csv").stdout.splitlines()))
        self.assertEqual((newest["id"], "20", "mean", "11", "low", newest["replaces"]), tuple(
            rows[-1][k] for k in ("id", "value", "stat", "count", "class", "replaces")))
        people = self.gateway.ctl("history", series, "--hourly").stdout
        self.assertIn("PT1H mean coverage:0.9166 class:1 (low)", people)
        readings = self.gateway.ctl("history", series, "--json").stdout
        self.assertNotIn("PT1H", readings)
        self.assertIn("hours   of 1 points, last ", self.gateway.ctl("status").stdout)


if __name__ == "__main__":
    unittest.main()
