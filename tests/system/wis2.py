#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Notifications of WIS2 against a schema of the WNM (ours: WMO's own is in no package; what was
held against it once is in docs/payloads.md), with the checksum and the content of each
worked out again: the content is what `json` told."""
import base64
import hashlib
import json
import pathlib
import unittest

import jsonschema

from lib import config
from lib.bench import Scene

SCHEMA = json.loads(pathlib.Path(__file__).with_name("schemas").joinpath("wnm.json").read_text())
TOPIC = "%s/wis2/water/%s" % (config.PREFIX, config.STATION)


class Wis2(Scene):
    def notifications(self):
        return [m for m in self.subscriber.messages("/wis2/") if m.topic == TOPIC]

    def test_notifications(self):
        self.config["mqtt"]["main"].update(payload=["json", "wis2"], wis2={
            "link": "https://data.example.no/{station}/{point}?since={time}",
            "metadata_id": "urn:wmo:md:no-test:quay"})
        self.counters(2)
        self.gateway.start()
        self.await_value("c01", 5)
        self.eventually(lambda: len(self.notifications()) >= 10, "ten notifications")
        told = {m.json["id"]: m.json for m in self.subscriber.readings()}
        validator = jsonschema.Draft202012Validator(SCHEMA)
        for m in self.notifications()[:10]:
            faults = [e.message for e in validator.iter_errors(m.json)]
            self.assertEqual([], faults, m.json)
            self.assertFalse(m.retain)
            self.assertLessEqual(len(m.payload), 8192)
            self.assertEqual("application/geo+json", m.properties.ContentType)
            self.check_content(m.json, told)
        self.assertEqual(len({m.json["id"] for m in self.notifications()}),
                         len({m.json["properties"]["data_id"] for m in self.notifications()}))
        self.assertEqual(0, self.gateway.stop())

    def check_content(self, wnm, told):
        properties, content = wnm["properties"], wnm["properties"]["content"]
        raw = content["value"].encode()
        reading = json.loads(raw)
        self.assertEqual(told[reading["id"]], reading)
        self.assertEqual(reading["time"], properties["datetime"])
        self.assertEqual(len(raw), content["size"])
        self.assertEqual(base64.b64encode(hashlib.sha256(raw).digest()).decode(),
                         properties["integrity"]["value"])
        self.assertEqual([10.2, 59.74], wnm["geometry"]["coordinates"][:2])
        self.assertEqual("https://data.example.no/quay/%s?since=%s" % (
            reading["point"], reading["time"]), wnm["links"][0]["href"])
        self.assertEqual("urn:wmo:md:no-test:quay", properties["metadata_id"])

    def test_without_keys_and_without_a_page(self):
        """The operator's page stands for the reading; where there is none that is a fault."""
        self.config["mqtt"]["main"].update(payload="wis2")
        self.counters(1)
        self.gateway.start()
        self.eventually(self.notifications, "a notification")
        wnm = self.notifications()[0].json
        self.assertEqual([], [e.message for e in
                              jsonschema.Draft202012Validator(SCHEMA).iter_errors(wnm)])
        self.assertEqual(self.config["gateway"]["contact"], wnm["links"][0]["href"])
        self.assertEqual([], self.subscriber.readings())
        self.assertEqual(0, self.gateway.stop())
        del self.config["gateway"]["contact"]
        self.gateway.start()
        self.assertEqual(78, self.gateway.wait_exit())
        self.assertIn("wis2.link", self.gateway.log())


if __name__ == "__main__":
    unittest.main()
