#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""What a sensor says of itself beside its values: unit, parameter, scale and quality, in registers
of a pymodbus server; repeated points, fields and bases; and each step in the words of `fjordctl
read`."""
import unittest

from lib import config
from lib.bench import Scene
from lib.modbus import words

MG, UG, UNKNOWN = 117, 118, 99
OXYGEN = {"property": "dissolved_oxygen", "table": "holding", "address": 37, "type": "f32",
          "expect": {"relative": 2, "values": [20]},
          "unit_from": {"relative": 3, "map": {"117": "mg/L", "118": "ug/L"}},
          "quality_from": {"relative": 4, "good": [0], "suspect": [1]}}


def block(value, unit=MG, quality=0, parameter=20):
    return words("f", value) + [parameter, unit, quality]


class Registers(Scene):
    units = (1, 2, 3)

    def setUp(self):
        super().setUp()
        sonde = self.server[1]
        sonde.set("holding", 37, block(8.25))
        sonde.set("holding", 100, [0xFFFE, 1234])
        for i in range(3):
            sonde.set("input", 10 + 2 * i, [200 + i, 7])
            sonde.set("discrete", 16 + i, [1])
        self.config["devices"]["sonde"] = config.modbus_device("plc", 1, "200ms", {
            "oxygen": OXYGEN,
            "x_scaled": {"table": "holding", "address": 101,
                         "scale_from": {"relative": -1, "type": "i16", "as": "exponent"}},
            "x_chain_{n}": {"table": "input", "address": 10, "scale": 0.1,
                            "repeat": {"count": 3, "stride": 2},
                            "quality_from": {"table": "discrete", "address": 16, "good": [1],
                                             "stride": 1}},
            "x_half": {"table": "input", "address": 10,
                       "range": {"raw": [0, 400], "value": [-50, 150]}}})
        self.server[2].set("holding", 0, words("f", 3.5) + [270])
        self.config["devices"]["mast"] = config.modbus_device(
            "plc", 2, "200ms", domain="weather", points={
                "x_speed": {"field": "speed", "type": "f32"}, "x_dir": {"field": "dir"},
                "x_dew": {"field": "dew"}},
            fields={"table": "holding", "address": 0, "list": [{"speed": 2}, {"dir": 1}]})
        self.server[3].set("holding", 9306, [201])
        self.server[3].set("holding", 200 + 37, block(7.5))
        self.config["devices"]["found"] = config.modbus_device(
            "plc", 3, "200ms", domain="bathing", points={"oxygen": dict(OXYGEN, base="rdo")},
            bases={"rdo": {"reference": 49307, "add": -1}})

    def last(self, point):
        readings = self.subscriber.readings(point=point)
        return readings[-1].reading if readings else {}

    def await_last(self, point, **fields):
        self.eventually(lambda: fields.items() <= self.last(point).items(),
                        "%s with %s, not %s" % (point, fields, self.last(point)))

    def test_values(self):
        self.gateway.start()
        self.await_last("x_scaled", value=12.34)
        for i, value in enumerate((20, 20.1, 20.2)):
            self.await_last("x_chain_%d" % (i + 1), value=value, property="x_chain")
        self.await_last("x_half", value=50)
        self.await_last("x_speed", value=3.5)
        self.await_last("x_dir", value=270)
        self.assertEqual([], self.subscriber.readings(point="x_dew"))
        self.await_readings(point="oxygen")
        topic = config.reading_topic("bathing", "oxygen")
        self.eventually(lambda: any(m.topic == topic and m.reading["value"] == 7.5
                                    for m in self.subscriber.readings(point="oxygen")),
                        "the oxygen behind a base")
        # the value and what is said of it came in one answer
        asked = [(a, n) for _, t, a, n in self.server[1].requests if t == "holding"]
        self.assertTrue(all(a <= 37 and a + n >= 42 for a, n in asked if a <= 41 < a + n))

    def test_sensor_says(self):
        del self.config["devices"]["found"], self.config["devices"]["mast"]
        self.gateway.start()
        self.await_last("oxygen", value=8.25, unit="mg/L")
        cases = (
            (block(8250, UG), {"value": 8.25, "unit": "mg/L"},
             "unit code (holding 40): 118 (0x76), that is ug/L; * 0.001 + 0 is mg/L"),
            (block(8.25, UNKNOWN), {"value": None, "qc": 9, "reason": "decode"},
             "99 (0x63), which the map of unit_from does not know"),
            (block(8.25, parameter=21), {"value": None, "qc": 9, "reason": "decode"},
             "parameter (holding 39): 21 (0x15), which is not what `expect` has"),
            (block(8.5, quality=1), {"value": 8.5, "qc": 3}, "quality (holding 41): 1, suspect"),
            (block(8.75, quality=7), {"value": 8.75, "qc": 4, "reason": "sensor_quality"},
             "quality (holding 41): 7, bad"),
            (block(0, UNKNOWN, 7), {"value": None, "qc": 4, "reason": "sensor_quality"},
             "quality (holding 41): 7, bad"))
        for registers, fields, step in cases:
            with self.subTest(step):
                self.server[1].set("holding", 37, registers)
                self.await_last("oxygen", **fields)
                text = self.gateway.ctl("read", "sonde", "oxygen").stdout
                self.assertIn(step, text)
                self.assertIn("oxygen: holding 37 = ", text)


if __name__ == "__main__":
    unittest.main()
