#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""npm's modbus-serial as a peer: its server is polled by the gateway, probed and scanned; its
client reads fjordsim. tools/peers installs it; without it the test is skipped, loudly."""
import json
import os
import pathlib
import shutil
import sys
import unittest

from lib import config
from lib.bench import Scene
from lib.gateway import PROGRAMS
from lib.wait import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = pathlib.Path(os.environ.get("FG_PEERS", ROOT / "build/peers")) / "node_modules"
PEERS = pathlib.Path(__file__).with_name("peers")


def is_missing():
    return not shutil.which("node") or not (MODULES / "modbus-serial").is_dir()


class ModbusSerial(Scene):
    def setUp(self):
        if is_missing():
            print("SKIPPED: npm's modbus-serial is not installed (tools/peers does that)",
                  file=sys.stderr)
            self.skipTest("no modbus-serial")
        super().setUp()

    def node(self, script):
        return ["node", PEERS / script]

    def environment(self):
        return dict(os.environ, NODE_PATH=str(MODULES))

    def test_its_server(self):
        self.spawn(self.node("server.js"), "server.log", env=self.environment())

        def told():
            with open(self.path("server.log")) as f:
                return f.read().strip()
        port = int(self.eventually(told, "the server tells its port"))
        self.config["links"] = {"npm": {"driver": "modbus-tcp", "host": "127.0.0.1", "port": port}}
        self.config["devices"] = {"peer": config.modbus_device("npm", 7, "200ms", {
            "level": config.register(100, type="f32"), "tips": config.register(102),
            "warmth": config.register(5, table="input")})}
        self.gateway.start()
        self.await_value("level", 14.3)
        self.await_value("tips", 5)
        self.await_value("warmth", 142)
        said = json.loads(self.gateway.ctl(
            "probe", "modbus", "npm", "--unit", 7, "--address", 100, "--count", 2,
            "--property", "water_temperature", "--json").stdout)
        self.assertIn({"type": "f32", "order": "ABCD", "scale": 1},
                      said["registers"][0]["plausible"])
        found = json.loads(self.gateway.ctl("scan", "modbus", "npm", "--units", "6-8", "--timeout",
                                            "1s", "--json").stdout)["found"]
        self.assertEqual([7], [f["unit"] for f in found])
        self.assertEqual(0, self.gateway.stop())

    def test_its_client(self):
        port = free_port()
        points = {"level": {"table": "holding", "address": 0, "type": "u16", "curve": "constant",
                            "mean": 1234},
                  "flow": {"table": "input", "address": 10, "type": "float32", "order": "ABCD",
                           "curve": "constant", "mean": 7.5}}
        self.write("sim.yaml", json.dumps({
            "seed": 1,
            "endpoints": {"tcp": {"kind": "modbus-tcp", "listen": "127.0.0.1:%d" % port}},
            "devices": {"probe": {"endpoint": "tcp", "unit_id": 3, "points": points}}}))
        self.spawn([PROGRAMS["fjordsim"], "-c", self.path("sim.yaml")], "sim.log")

        def ready():
            with open(self.path("sim.log")) as f:
                return "ready" in f.read()
        self.eventually(ready, "fjordsim is ready")
        done = self.run_program([*self.node("client.js"), port, 3], env=self.environment())
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual({"level": [1234], "flow": 7.5, "exception": 2}, json.loads(done.stdout))


if __name__ == "__main__":
    unittest.main()
