#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Points that are worked out of others, and rules of a station, with the daemon, a Modbus server
and a broker: values, flags, names in qc_tests, a sensor that fails, status, read and plan."""
import json
import unittest

from lib import config
from lib.bench import Scene
from lib.wait import wait_for


def point(address, **more):
    return {"table": "holding", "address": address, "type": "u16", **more}


class Derived(Scene):
    units = (1, 2)

    def configure(self):
        self.server[1].set("holding", 0, [500, 150, 30])
        self.server[2].set("holding", 0, [10, 12])
        self.config["stations"][config.STATION]["rules"] = {
            "pm_order": {"test": "order", "points": ["pm25", "pm10"]},
            "too_salty": {"test": "bounds", "points": ["specific_conductance"], "high": 1000}}
        self.config["devices"]["sonde"] = config.modbus_device("plc", 1, "300ms", {
            "conductivity": point(0),
            "water_temperature": point(1, scale=0.1),
            "water_level": point(2, scale=0.01),
            "specific_conductance": {
                "derive": "specific_conductance_25",
                "from": {"conductivity": "conductivity", "temperature": "water_temperature"}},
            "flow": {"rating": [[0.1, 20], [0.5, 220]], "from": "water_level"},
            "x_ratio": {"expression": "pm / level", "from": {
                "pm": "air/pm25", "level": "water_level"}}})
        self.config["devices"]["air"] = config.modbus_device(
            "plc", 2, "300ms", {"pm25": point(0), "pm10": point(1)}, domain="air")

    def next_reading(self, name, **expected):
        """The first reading from now on that says all that."""
        seen = len(self.subscriber.readings(name))

        def find():
            for m in self.subscriber.readings(name)[seen:]:
                if all(m.reading.get(k) == v for k, v in expected.items()):
                    return m.reading
            return None
        found = wait_for(find, 20)
        self.assertTrue(found, "no reading of %s with %s; the last is %s" % (
            name, expected, [m.payload for m in self.subscriber.readings(name)[-1:]]))
        return found

    def test_derived(self):
        self.configure()
        self.gateway.start()
        reading = self.next_reading("specific_conductance", qc=1)
        self.assertEqual((625, "uS/cm", "specific_conductance", "sonde"), tuple(
            reading[k] for k in ("value", "unit", "property", "device")))
        self.assertEqual(120, self.next_reading("flow")["value"])
        self.next_reading("x_ratio", value=33.3333333333333, qc=2)
        inputs = {m.reading["time"] for m in self.subscriber.readings("conductivity")}
        for m in self.subscriber.readings("specific_conductance"):
            self.assertIn(m.reading["time"], inputs)
        self.check_rules()
        self.check_failures()
        self.check_tools()
        self.assertEqual(0, self.gateway.stop())

    def check_rules(self):
        self.server[2].set("holding", 0, [20, 12])
        for name in ("pm25", "pm10"):
            self.next_reading(name, qc=3, qc_tests={"pm_order": 3})
        self.next_reading("x_ratio", qc=3, qc_tests={"inputs": 3})
        self.server[2].set("holding", 0, [10, 12])
        self.assertNotIn("qc_tests", self.next_reading("pm25", qc=1))
        self.server[1].set("holding", 0, [1000])
        self.next_reading("specific_conductance", value=1250, qc=3, qc_tests={"too_salty": 3})

    def check_failures(self):
        self.server[1].set("holding", 2, [60])      # above what was gauged
        self.next_reading("flow", value=None, qc=4, reason="out_of_range")
        self.server[1].set("holding", 2, [0])
        self.next_reading("x_ratio", value=None, qc=4, reason="not_a_number")
        del self.server[1].cells["holding", 1]
        self.next_reading("specific_conductance", value=None, qc=9, reason="exception:2")
        self.server[1].set("holding", 1, [150])
        self.next_reading("specific_conductance", value=1250)

    def check_tools(self):
        status = json.loads(self.gateway.ctl("status", "--json").stdout)
        sonde = next(d for d in status["devices"] if d["name"] == "sonde")
        self.assertEqual((6, 3), (sonde["points"], sonde["points_derived"]))
        self.assertGreater(status["totals"]["derived"], 10)
        self.assertRegex(self.gateway.ctl("status").stdout, r"totals +polled \d+, worked out \d\d")
        read = json.loads(self.gateway.ctl("read", "sonde", "specific_conductance",
                                           "--json").stdout.splitlines()[0])
        self.assertEqual([("specific_conductance", 1250)],
                         [(r["point"], r["value"]) for r in read["readings"]])
        self.assertIn("specific_conductance: worked out of conductivity, water_temperature, "
                      "with each conductivity", read["steps"])
        plan = self.gateway.ctl("check", self.gateway.file, "--plan").stdout
        self.assertIn("x_ratio: worked out of air/pm25, water_level, with each water_level", plan)
        history = self.gateway.ctl("history", config.STATION + "/specific_conductance", "--json")
        self.assertIn('"value":625', history.stdout)


if __name__ == "__main__":
    unittest.main()
