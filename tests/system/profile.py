#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordctl profile: the list and one model, as a table and as JSON."""
import json
import os
import unittest

from lib.bench import SystemTest
from lib.gateway import PROGRAMS

BASE = """
profile:
  {vendor: Acme, model: TH-20, source: "TH-20 manual 1.4, table 7", confidence: high,
   not_verified: [the order of the words, alarms]}
points:
  air_temperature: {table: input, reference: 30001, type: i16, scale: 0.1, unit: Cel}
  dew: {property: x_dew, table: input, address: 1, type: i16}
"""
OVER = """
profile: {model: TH-21, extends: acme-th20}
unit_id: 9
points: {dew: ~}
"""


class Profile(SystemTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("profiles"))
        self.write("profiles/acme-th20.yaml", BASE)
        self.write("profiles/acme-th21.yaml", OVER)

    def ctl(self, *arguments):
        return self.run_program([PROGRAMS["fjordctl"], "-c", self.path("fjordgate.yaml"), "profile",
                                 *arguments])

    def test_list(self):
        table = self.ctl("list")
        self.assertEqual(0, table.returncode, table.stderr)
        self.assertRegex(table.stdout, r"acme-th20 +Acme +TH-20 +air_temperature, x_dew +high")
        self.assertIn("2 profiles in " + self.path("profiles"), table.stdout)
        (first, second) = json.loads(self.ctl("list", "--json").stdout)["profiles"]
        self.assertEqual(["air_temperature", "x_dew"], first["measures"])
        self.assertEqual(["air_temperature"], second["measures"])

    def test_show(self):
        text = self.ctl("show", "acme-th20").stdout
        for part in ("TH-20 manual 1.4, table 7", "the order of the words", "alarms",
                     "input reference 30001", "profile: acme-th20", "scale: 0.1"):
            self.assertIn(part, text)
        shown = json.loads(self.ctl("show", "acme-th21", "--json").stdout)
        self.assertEqual("acme-th20", shown["extends"])
        self.assertEqual(9, shown["device"]["unit_id"])
        self.assertEqual({"air_temperature": {"table": "input", "reference": 30001, "type": "i16",
                                              "scale": 0.1, "unit": "Cel"}},
                         shown["device"]["points"])

    def test_show_a_payload(self):
        self.write("profiles/acme-nb.yaml", """
profile: {title: NB, vendor: Acme, model: NB, source: x, confidence: y, not_verified: [z]}
payload: {format: binary, length: 4, blocks: {flags: 0, lengths: [2]}}
points: {ph: {block: 0, at: 1, type: u8}, orp: {at: 3, type: i8}}
""")
        text = self.ctl("show", "acme-nb").stdout
        self.assertRegex(text, r"ph +block 0 at 1 +u8")
        self.assertRegex(text, r"orp +at 3 +i8")
        self.assertIn("path: /RESOURCE", text)
        self.assertNotIn("unit_id", text)

    def test_faults(self):
        unknown = self.ctl("show", "acme-th22")
        self.assertEqual(64, unknown.returncode)
        self.assertIn("did you mean 'acme-th2", unknown.stderr)
        self.assertEqual(64, self.ctl("shw").returncode)
        self.assertEqual(64, self.ctl("show").returncode)
        self.write("profiles/bad.yaml", "profile: {vendr: x}\n")
        faulty = self.ctl("list")
        self.assertEqual(78, faulty.returncode)
        self.assertIn("bad.yaml:1:11: error: profile: unknown key 'vendr'", faulty.stderr)
        self.assertIn("2 profiles", faulty.stdout)


if __name__ == "__main__":
    unittest.main()
