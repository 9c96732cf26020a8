#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Faulty configurations: status 78, every fault with file, line and column, and what to write."""
import json
import os
import re
import unittest

from lib import config
from lib.bench import SystemTest
from lib.gateway import Gateway

# what is broken, the text before, the text after, what the message must hold
FAULTS = [
    ("unknown key", '"unit_id": 1', '"unit_idd": 1', "did you mean 'unit_id'"),
    ("unknown type", '"type": "u16"', '"type": "flaot32"', "did you mean 'float32'"),
    ("unknown link", '"link": "plc"', '"link": "plcc"', "did you mean 'plc'"),
    ("unknown driver", '"driver": "modbus-tcp"', '"driver": "modbus-tpc"', "modbus-tcp"),
    ("unknown unit", '"unit": "m"', '"unit": "furlong"', "furlong"),
    ("other dimension", '"unit": "m"', '"unit": "Cel"', "Cel"),
    ("bad duration", '"interval": "1s"', '"interval": "1 fortnight"', "interval"),
    ("too short", '"interval": "1s"', '"interval": "10ms"', "100ms"),
    ("port range", '"port": 502', '"port": 70000', "65535"),
    ("twice the same key", '"port": 502', '"port": 502, "port": 503', "port"),
    ("bad name", '"probe":', '"Pr obe":', "Pr obe"),
    ("no station", '"station": "quay",', "", "station"),
    ("plain server elsewhere", "mqtt://127.0.0.1:1883", "mqtt://mqtt.example.no:1883", "insecure"),
    ("not YAML", '"links"', "]", ""),
]


class BadConfig(SystemTest):
    def setUp(self):
        super().setUp()
        good = config.base(1883)
        good["links"]["plc"] = {"driver": "modbus-tcp", "host": "127.0.0.1", "port": 502}
        good["devices"]["probe"] = config.modbus_device(
            "plc", 1, "1s", {"level": config.register(0, property="water_level", unit="m")},
            timeout="1s")
        self.good = json.dumps(good, indent=1)

    def run_check(self, text):
        gateway = Gateway(self, text)
        path = self.write("gateway.yaml", text)
        return path, gateway.ctl("check", path)

    def test_good(self):
        path, done = self.run_check(self.good)
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_json(self):
        for text, ok in ((self.good, True), (self.good.replace("u16", "u17"), False)):
            path = self.write("gateway.yaml", text)
            done = Gateway(self, text).ctl("check", "--json", path)
            answer = json.loads(done.stdout)
            self.assertEqual((path, ok), (answer["file"], answer["ok"]))
            self.assertEqual(0 if ok else 78, done.returncode)
            self.assertEqual([] if ok else ["error"], [f["severity"] for f in answer["faults"]])

    def test_each_fault(self):
        for what, before, after, expected in FAULTS:
            with self.subTest(what):
                self.assertIn(before, self.good)
                path, done = self.run_check(self.good.replace(before, after, 1))
                said = done.stdout + done.stderr
                self.assertEqual(78, done.returncode, said)
                self.assertRegex(said, re.escape(path) + r":\d+:\d+: error: ")
                self.assertIn(expected, said)

    def test_line_and_column(self):
        text = self.good.replace('"port": 502', '"port": "many"')
        line = 1 + text[:text.index('"many"')].count("\n")
        path, done = self.run_check(text)
        self.assertIn("%s:%d:" % (path, line), done.stdout + done.stderr)

    def test_all_faults_at_once(self):
        text = self.good.replace('"port": 502', '"port": 70000').replace('"type": "u16"',
                                                                         '"type": "u17"')
        _, done = self.run_check(text)
        self.assertEqual(2, (done.stdout + done.stderr).count(": error: "))

    def test_daemon_refuses(self):
        gateway = Gateway(self, self.good.replace('"type": "u16"', '"type": "flaot32"'))
        self.assertEqual(78, gateway.start().wait_exit())
        self.assertIn("did you mean 'float32'", gateway.log())

    def test_no_such_file(self):
        gateway = Gateway(self, self.good)
        done = gateway.ctl("check", self.path("absent.yaml"))
        self.assertEqual(78, done.returncode)
        self.assertIn("absent.yaml", done.stdout + done.stderr)

    def test_drop_in(self):
        self.write("gateway.yaml", self.good)
        os.mkdir(self.path("conf.d"))
        self.write("conf.d/10-site.yaml", "links:\n  plc: {port: 70000}\n")
        done = Gateway(self, self.good).ctl("check", self.path("gateway.yaml"))
        self.assertEqual(78, done.returncode)
        self.assertIn("10-site.yaml:2:", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
