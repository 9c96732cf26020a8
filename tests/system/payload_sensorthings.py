#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Observations as a SensorThings service takes them off the wire (paho, json) tell what `json`
told: value, unit, time, quality; each reading once, on the topic of its Datastream."""
import re
import unittest

from lib import config
from lib.bench import Scene

TOPIC = re.compile(r"v1\.1/Datastreams\((?:(\d+)|'([^']+)')\)/Observations$")


class SensorThings(Scene):
    def test_observations(self):
        self.server[1].count("holding", 0)
        self.server[1].set("holding", 1, [74])
        points = {"water_temperature": {"unit": "Cel", "scale": 0.1},
                  "ph": {"scale": 0.1, "datastream": 42, "qc": {"gross_range": {"fail": [0, 1]}}}}
        self.config["devices"]["sonde"] = config.modbus_device("plc", 1, "300ms", {
            name: {"table": "holding", "address": i, "type": "u16", **more}
            for i, (name, more) in enumerate(points.items())})
        self.config["mqtt"]["main"]["payload"] = ["json", "sensorthings"]
        self.gateway.start()
        self.eventually(
            lambda: len(self.subscriber.messages("v1.1/")) > 30, "observations", 30)
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.subscriber.state(config.status_topic()) == "offline",
                        "all that came before its end")
        readings = {m.reading["id"]: m.reading for m in self.subscriber.readings()}
        observations = self.subscriber.messages("v1.1/")
        self.assertEqual(sorted(readings), sorted(m.json["parameters"]["id"]
                                                  for m in observations))
        for m in observations:
            o, r = m.json, readings[m.json["parameters"]["id"]]
            number, text = TOPIC.match(m.topic).groups()
            self.assertEqual((None, "%s:water_temperature" % config.STATION)
                             if r["point"] == "water_temperature" else ("42", None),
                             (number, text))
            self.assertFalse(m.retain)
            self.assertEqual(r["time"], o["phenomenonTime"])
            self.assertEqual(r["value"], o["result"])
            self.assertEqual(r["unit"], o["parameters"]["unit"])
            self.assertEqual(r["qc"], o["resultQuality"]["flag"])
        self.assertEqual({4}, {m.json["resultQuality"]["flag"] for m in observations
                               if "(42)" in m.topic})


if __name__ == "__main__":
    unittest.main()
