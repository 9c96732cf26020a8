#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""NGSI-LD entities off the wire are valid by a validator that is not ours (Debian's
python3-jsonschema), and tell what `json` told: value, unit, time."""
import json
import os
import unittest

import jsonschema

from lib import config
from lib.bench import Scene
from lib.subscriber import epoch

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "schemas", "smart_data_models.json")) as f:
    SCHEMAS = json.load(f)

# of ours: the model's name, the UN/CEFACT code of its unit, how many of those one of ours is
NAMES = {
    "water_temperature": ("temperature", "CEL", 1), "ph": ("pH", None, 1),
    "conductivity": ("conductivity", "D10", 1e-4), "dissolved_oxygen": ("O2", "M1", 1),
    "pm25": ("pm25", "GQ", 1), "co": ("co", "GP", 1),
    "air_pressure": ("atmosphericPressure", "A97", 1),
    "relative_humidity": ("relativeHumidity", "C62", 0.01),
    "wind_from_direction": ("windDirection", "DD", 1)}
TYPES = {"water": "WaterQualityObserved", "air": "AirQualityObserved",
         "weather": "WeatherObserved"}


def at(address, **more):
    return {"table": "holding", "address": address, "type": "u16", **more}


def validate(instance, name):
    jsonschema.Draft202012Validator(
        {"$ref": "#/$defs/" + name, "$defs": SCHEMAS["$defs"]},
        format_checker=jsonschema.FormatChecker()).validate(instance)


class NgsiLd(Scene):
    units = (1, 2, 3)

    def scene(self, form):
        for unit in self.units:
            self.server[unit].set("holding", 0, [193, 7, 1013, 200, 65000])

        def device(unit, domain, points):
            return config.modbus_device("plc", unit, "300ms", points, domain=domain)
        self.config["devices"] = {
            "sonde": device(1, "water", {
                "water_temperature": at(0, scale=0.1, unit="Cel"), "ph": at(1),
                "conductivity": at(2, unit="uS/cm"), "dissolved_oxygen": at(1, unit="mg/L"),
                # below what the model allows; failed; no property of the model
                "orp": at(4, type="i16", unit="mV"),
                "turbidity": at(0, qc={"gross_range": {"fail": [0, 10]}}),
                "water_level": at(0, unit="m")}),
            "kerb": device(2, "air", {"pm25": at(0, scale=0.1), "co": at(1, scale=0.01),
                                      "wind_from_direction": at(3)}),
            "mast": device(3, "weather", {"wind_from_direction": at(3), "air_pressure": at(2),
                                          "relative_humidity": at(1)})}
        self.config["mqtt"]["main"].update(payload=["json", "ngsi-ld"], **{"ngsi-ld": form})
        self.gateway.start()
        self.eventually(lambda: len(self.subscriber.messages("/ngsi-ld/")) > 30, "entities", 30)
        messages = self.subscriber.messages("/ngsi-ld/")[:-6]
        told = {}
        for m in self.subscriber.readings():
            r = m.reading
            told.setdefault((r["device"], r["property"]), {})[r["time"]] = r
        return messages, told

    def check_head(self, message, entity):
        domain, station = message.topic.split("/")[2:]
        self.assertEqual(config.STATION, station)
        self.assertEqual(TYPES[domain], entity["type"])
        self.assertEqual("application/ld+json", message.properties.ContentType)
        kind, place, device = entity["id"].split(":")[2:]
        self.assertEqual((TYPES[domain], station), (kind, place))
        self.assertEqual(2, len(entity["@context"]))
        return device

    def check_value(self, device, name, value, times, told, code=None):
        """Returns our property. `times`: of readings that it may be of."""
        found = [p for (d, p) in told if d == device and NAMES.get(p, [None])[0] == name]
        self.assertEqual(1, len(found), name)
        want, factor = NAMES[found[0]][1:]
        readings = [r for t, r in told[(device, found[0])].items() if times(t)]
        self.assertTrue(readings, (device, name))
        expected = {round(r["value"] * factor, 9) for r in readings}
        if device == "kerb" and name == "windDirection":
            expected = {v - 360 if v > 180 else v for v in expected}
        self.assertIn(round(value, 9), expected)
        if code is not None:
            self.assertEqual(want or "", code)
        return found[0]

    def test_key_values(self):
        messages, told = self.scene({})
        seen = set()
        for message in messages:
            entity = message.json
            validate(entity, entity["type"])
            device = self.check_head(message, entity)
            now = epoch(entity["dateObserved"])
            self.assertEqual([10.2, 59.74], entity["location"]["coordinates"])
            for name, value in entity.items():
                if isinstance(value, (int, float)):
                    seen.add((device, self.check_value(
                        device, name, value, lambda t: 0 <= now - epoch(t) < 0.25, told)))
        self.assertEqual(10, len(seen))

    def test_normalized(self):
        messages, told = self.scene({"form": "normalized"})
        seen = set()
        for message in messages:
            entity = message.json
            validate(entity, "normalized")
            device = self.check_head(message, entity)
            self.assertEqual("DateTime", entity["dateObserved"]["value"]["@type"])
            for name, attribute in entity.items():
                if "observedAt" not in attribute or name == "turbidity":
                    continue
                seen.add((device, self.check_value(
                    device, name, attribute["value"], lambda t: t == attribute["observedAt"],
                    told, attribute.get("unitCode", ""))))
            if device == "sonde":
                self.assertEqual(4, entity["turbidity"]["qc"]["value"])
                self.assertEqual(1, entity["pH"]["qc"]["value"] and 1)
                self.assertNotIn("orp", entity)
        self.assertEqual(10, len(seen))


if __name__ == "__main__":
    unittest.main()
