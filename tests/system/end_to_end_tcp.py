#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Registers of a Modbus TCP server become readings: values, fields, topics, retained state."""
import re
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.modbus import words
from lib.subscriber import epoch, retained
from lib.wait import PATIENCE

# name: registers, the point's keys, the value that must come out
CASES = {
    "u16": ([54321], {}, 54321),
    "i16": ([0xFB2E], {"type": "i16"}, -1234),
    "u32": (words("I", 305419896), {"type": "u32"}, 305419896),
    "u32_words": (words("I", 305419896, "CDAB"), {"type": "u32", "order": "CDAB"}, 305419896),
    "i32_bytes": (words("i", -7, "BADC"), {"type": "i32", "order": "BADC"}, -7),
    "f32": (words("f", 19.4), {"type": "float32"}, 19.4),
    "f32_all": (words("f", -2.5, "DCBA"), {"type": "f32", "order": "DCBA"}, -2.5),
    "u64": (words("Q", 2 ** 53 + 1), {"type": "u64"}, 2 ** 53 + 1),
    "f64": (words("d", 1234.5), {"type": "f64"}, 1234.5),
    "tenths": ([194], {"type": "i16", "scale": 0.1}, 19.4),
    "offset": ([235], {"type": "i16", "scale": 0.1, "offset": -2}, 21.5),
    "bits": ([0x0BA5], {"type": "bits(4..7)"}, 10),
    "bcd": ([0x1234], {"type": "bcd16"}, 1234),
    "text": ([0x466A, 0x6F72, 0x6400], {"type": "string(3)"}, "Fjord"),
    "lamp": ([1], {"type": "bool", "table": "coil"}, True),
    "door": ([0], {"type": "bool", "table": "discrete"}, False),
    "input": ([777], {"table": "input"}, 777),
    "sentinel": ([0x8000], {"type": "i16", "missing": [-32768]}, None),
    "nan": ([0x7FC0, 1], {"type": "f32"}, None),
    "hot": ([500], {"type": "i16", "scale": 0.1,
                    "qc": {"gross_range": {"fail": [-2, 40], "suspect": [0, 30]}}}, 50),
}
FIELDS = {"v", "id", "station", "device", "point", "property", "time", "value", "unit", "qc"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class EndToEnd(Scene):
    units = (1, 2)

    def configure(self):
        points, address = {}, {}
        for name, (registers, keys, _) in CASES.items():
            table = keys.get("table", "holding")
            at = address.get(table, 0)
            self.server[1].set(table, at, registers)
            address[table] = at + len(registers)
            points[name] = config.register(at, **keys)
        self.config["devices"]["types"] = config.modbus_device("plc", 1, "300ms", points)
        self.server[2].set("input", 30, [194])
        self.config["devices"]["pier"] = config.modbus_device(
            "plc", 2, "300ms", domain="bathing", points={"water_temperature": {
                "table": "input", "reference": 30031, "type": "i16", "scale": 0.1}})

    def test_readings(self):
        self.configure()
        self.gateway.start()
        self.await_readings(3, point="water_temperature")
        self.await_readings(3, point="hot")
        time_of_late = time.time()
        kept = retained(self, self.broker.port)

        for message in self.subscriber.readings():
            with self.subTest(message.topic):
                self.check_fields(message)
        for name, (_, _, expected) in CASES.items():
            with self.subTest(name):
                value = self.subscriber.readings(name)[0].reading["value"]
                self.assertEqual((expected, expected is True), (value, value is True))
        self.check_quality()
        self.check_pier()
        self.check_retained(kept, time_of_late)
        ids = [m.reading["id"] for m in self.subscriber.readings()]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual([], self.server.writes())
        self.assertEqual(0, self.gateway.stop())

    def check_fields(self, message):
        reading = message.reading
        self.assertLessEqual(FIELDS, set(reading))
        self.assertEqual(1, reading["v"])
        self.assertRegex(reading["id"], r"\A%s:\d+\Z" % config.GATEWAY)
        self.assertRegex(reading["time"], TIME)
        self.assertLess(abs(message.age), 3 * PATIENCE)
        self.assertEqual((1, True), (message.qos, message.retain))
        domain = "bathing" if reading["device"] == "pier" else "water"
        self.assertEqual(config.reading_topic(domain, reading["point"]), message.topic)
        properties = message.properties
        self.assertEqual("application/json", properties.ContentType)
        self.assertEqual(1, properties.PayloadFormatIndicator)
        self.assertLessEqual({"schema", "licence"}, {k for k, _ in properties.UserProperty})

    def check_quality(self):
        first = {name: self.subscriber.readings(name)[0].reading for name in CASES}
        self.assertEqual((9, "sentinel"), (first["sentinel"]["qc"], first["sentinel"]["reason"]))
        self.assertEqual((4, "not_a_number"), (first["nan"]["qc"], first["nan"]["reason"]))
        self.assertEqual((4, {"gross_range": 4}), (first["hot"]["qc"], first["hot"]["qc_tests"]))
        self.assertIn(first["u16"]["qc"], (1, 2))
        # All the digits of a 64-bit counter, whatever the reader's JSON makes of numbers.
        self.assertIn(b'"value":9007199254740993', self.subscriber.readings("u64")[0].payload)

    def check_pier(self):
        reading = self.subscriber.readings("water_temperature")[0].reading
        self.assertEqual(("water_temperature", "Cel", config.STATION, 19.4),
                         tuple(reading[k] for k in ("property", "unit", "station", "value")))

    def check_retained(self, kept, at):
        readings = {t: m for t, m in kept.items() if "/obs/" in t}
        self.assertEqual(len(CASES) + 1, len(readings))
        for topic, message in readings.items():
            self.assertLess(at - epoch(message.reading["time"]), 2 * PATIENCE, topic)
        status = kept[config.status_topic()].json
        self.assertEqual(("online", config.GATEWAY), (status["state"], status["gateway"]))
        for device in self.config["devices"]:
            self.assertEqual("ok", kept[config.status_topic("devices/" + device)].json["state"])


if __name__ == "__main__":
    unittest.main()
