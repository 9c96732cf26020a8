#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordsim as others see it: mbpoll reads it over TCP and over its pty, and the gateway tells each
fault that it is ordered to make by its right name."""
import json
import re
import socket
import unittest

from lib import config
from lib.bench import Scene
from lib.gateway import PROGRAMS
from lib.wait import PATIENCE, free_port

POINTS = {"level": {"table": "holding", "address": 0, "type": "u16", "curve": "constant",
                    "mean": 1234},
          "flow": {"table": "input", "address": 10, "type": "float32", "order": "ABCD",
                   "curve": "constant", "mean": 7.5},
          "reads": {"table": "holding", "address": 20, "type": "u32", "order": "CDAB",
                    "curve": "counter", "mean": 0}}
# an order to the simulator, and the reason that the gateway gives for it
FAULTS = [("mute probe on", "no_response"),
          ("exception probe on code=4", "exception:4"),
          ("garbage probe on", "frame"),
          ("short probe on", "frame")]


class Simulator(Scene):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        sim = {"seed": 1, "control": "sim.sock",
               "endpoints": {"tcp": {"kind": "modbus-tcp", "listen": "127.0.0.1:%d" % self.port},
                             "bus": {"kind": "modbus-rtu", "pty": "bus.tty"}},
               "devices": {"probe": {"endpoint": "tcp", "unit_id": 3, "points": POINTS},
                           "sonde": {"endpoint": "bus", "unit_id": 7, "points": POINTS}}}
        self.write("sim.yaml", json.dumps(sim))
        self.sim = self.spawn([PROGRAMS["fjordsim"], "-c", self.path("sim.yaml")], "sim.log")
        self.eventually(lambda: "ready" in self.said(), "fjordsim is ready")

    def said(self):
        with open(self.path("sim.log")) as f:
            return f.read()

    def order(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5 * PATIENCE)
            s.connect(self.path("sim.sock"))
            s.sendall((line + "\n").encode())
            return s.recv(4096).decode()

    def poll(self, *arguments):
        """The numbers that mbpoll reads, one poll; addresses count from 0."""
        done = self.run_program(["mbpoll", "-0", "-1", "-q", "-o", "2", *arguments])
        return [float(n) for n in re.findall(r"^\[\d+\]:\s+(-?[\d.]+)", done.stdout, re.M)]

    def check(self, target, *options):
        self.assertEqual([1234], self.poll(*options, "-r", 0, "-c", 1, target))
        self.assertEqual([7.5], self.poll(*options, "-t", "3:float", "-B", "-r", 10, target))
        counts = [self.poll(*options, "-t", "4:int", "-r", 20, target)[0] for _ in range(3)]
        self.assertEqual([counts[0] + i for i in range(3)], counts)
        self.assertEqual([], self.poll(*options, "-r", 500, target))

    def test_mbpoll(self):
        self.check("127.0.0.1", "-m", "tcp", "-p", self.port, "-a", 3)
        self.check(self.path("bus.tty"), "-m", "rtu", "-b", 9600, "-P", "none", "-a", 7)
        self.assertEqual([], self.poll("-m", "tcp", "-p", self.port, "-a", 4, "-r", 0, "127.0.0.1"))
        self.assertEqual(0, self.end(self.sim))

    def test_faults(self):
        self.config["links"] = {"plc": {"driver": "modbus-tcp", "host": "127.0.0.1",
                                        "port": self.port}}
        self.config["devices"] = {"probe": config.modbus_device(
            "plc", 3, "500ms", {"level": config.register(0)}, timeout="1s")}
        self.gateway.start()
        self.await_value("level", 1234)
        for order, reason in FAULTS:
            with self.subTest(order):
                seen = len(self.subscriber.readings("level"))
                self.assertNotIn("error", self.order(order))
                self.eventually(lambda: reason in [
                    m.reading.get("reason") for m in self.subscriber.readings("level")[seen:]],
                    reason)
                self.order("clear")
                self.eventually(
                    lambda: self.subscriber.readings("level")[-1].reading["value"] == 1234,
                    "it is good again", 40)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
