#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordctl probe and scan against pymodbus, over TCP and over a pair of ptys: without a gateway,
and through the gateway that has the port."""
import json
import os
import signal
import socket
import subprocess
import unittest

from pymodbus.device import ModbusControlBlock, ModbusDeviceIdentification

from lib import config
from lib.bench import Scene, SystemTest
from lib.gateway import PROGRAMS
from lib.modbus import RtuServer, RtuTcpServer, TcpServer, words
from lib.wait import free_port

PROFILE = """
profile: {vendor: Acme, model: TH-20, identify: {vendor: acme, product: TH-20,
          registers: [{table: holding, address: 4, values: [7, 60000]}]}}
points: {water_temperature: {table: holding, address: 2, type: f32}}
"""
OTHER = """
profile: {vendor: Acme, model: TH-21, identify: {vendor: acme, product: TH-21}}
"""


def fill(unit):
    unit.set("holding", 0, [0, 0])
    unit.set("holding", 2, words("f", 14.3))
    unit.set("holding", 4, [60000])


class Bare(SystemTest):
    """No gateway."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("profiles"))
        self.write("profiles/acme-th20.yaml", PROFILE)
        self.write("profiles/acme-th21.yaml", OTHER)
        ModbusControlBlock().Identity.update(ModbusDeviceIdentification(info_name={
            "VendorName": "Acme AS", "ProductCode": "TH-20", "MajorMinorRevision": "1.4"}))

    def ctl(self, *arguments):
        return self.run_program(
            [PROGRAMS["fjordctl"], "--socket", self.path("none.sock"), *arguments], 60,
            env=dict(os.environ, FJORDGATE_PROFILES=self.path("profiles")))

    def probe(self, target, *arguments):
        return self.ctl("probe", "modbus", target, *arguments)

    def check_probe(self, target):
        arguments = ["--unit", 3, "--address", 2, "--count", 2, "--property", "water_temperature"]
        table = self.probe(target, *arguments)
        self.assertEqual(0, table.returncode, table.stderr)
        self.assertRegex(table.stdout, r"f32 +14\.3 \* ")
        self.assertNotRegex(table.stdout, r"[ui]32.* \* ")
        shown = json.loads(self.probe(target, *arguments, "--json").stdout)
        first = shown["registers"][0]
        self.assertEqual(14.3, first["values"]["f32"]["ABCD"])
        self.assertIn({"type": "f32", "order": "ABCD", "scale": 1}, first["plausible"])
        self.assertEqual(40003, first["reference"])
        reference = self.probe(target, "--unit", 3, "--reference", "40003", "--count", 2, "--json")
        self.assertEqual(first["values"],
                         json.loads(reference.stdout)["registers"][0]["values"])

    def check_hints(self, target):
        one_off = self.probe(target, "--unit", 3, "--address", 3, "--count", 2,
                             "--property", "water_temperature")
        self.assertIn("try --address 2", one_off.stdout)
        beyond = self.probe(target, "--unit", 3, "--address", 5, "--count", 1)
        self.assertEqual(75, beyond.returncode)
        self.assertIn("exception 2, it has no such address", beyond.stderr)
        self.assertIn("Then --address 4 is meant", beyond.stderr)
        table = self.probe(target, "--unit", 3, "--address", 2, "--count", 1, "--table", "input")
        self.assertIn("--table holding", table.stderr)
        printed = self.probe(target, "--unit", 3, "--address", 40003, "--count", 1)
        self.assertIn("--table holding --address 2, or --reference 40003", printed.stderr)

    def check_scan(self, target):
        arguments = ["scan", "modbus", target, "--units", "2-7", "--timeout", "1s"]
        table = self.ctl(*arguments)
        self.assertEqual(0, table.returncode, table.stderr)
        self.assertIn("at most about", table.stderr)
        self.assertRegex(table.stdout, r"3 .*ok +Acme AS +TH-20 +1\.4 .*acme-th20\n")
        self.assertIn("2 of 6 asked answer", table.stdout)
        found = json.loads(self.ctl(*arguments, "--json").stdout)["found"]
        self.assertEqual([3, 6], [f["unit"] for f in found])
        self.assertEqual(["Acme AS", "Acme AS"], [f["vendor"] for f in found])
        self.assertEqual([["acme-th20"], []], [f["profiles"] for f in found])

    def test_tcp(self):
        server = TcpServer(self, units=(3, 6))
        fill(server[3])
        server[6].set("input", 0, [1])
        target = "tcp://127.0.0.1:%d" % server.port
        self.check_probe(target)
        self.check_hints(target)
        self.check_scan(target)
        self.assertEqual([], server.writes())

    def test_rtu(self):
        server = RtuServer(self, units=(3, 6))
        fill(server[3])
        server[6].set("input", 0, [1])
        target = "rtu:%s?baud=19200&parity=N&stop=1" % server.device
        self.check_probe(target)
        self.check_hints(target)
        self.check_scan(target)
        silent = self.probe(target, "--unit", 5, "--timeout", "300ms")
        self.assertEqual(75, silent.returncode)
        self.assertIn("unit 5: nothing came back, not one byte", silent.stderr)
        self.assertIn("wires A and B", silent.stderr)
        tuned = json.loads(self.ctl(
            "scan", "modbus", "rtu:" + server.device, "--units", 3, "--baud", "9600,19200",
            "--parity", "none,even", "--timeout", "1s", "--json").stdout)
        self.assertEqual(4, tuned["asked"])
        self.assertIn((19200, "none"), [(f["baud"], f["parity"]) for f in tuned["found"]])

    def test_rtu_over_tcp(self):
        server = RtuTcpServer(self, units=(3, 6))
        fill(server[3])
        server[6].set("input", 0, [1])
        target = "rtutcp://127.0.0.1:%d" % server.port
        self.check_probe(target)
        self.check_scan(target)
        wrong = self.probe("tcp://127.0.0.1:%d" % server.port, "--unit", 3, "--timeout", "500ms")
        self.assertIn("rtutcp://", wrong.stderr)

    def test_simulator(self):
        points = {"level": {"address": 4, "type": "u16", "curve": "constant", "mean": 8}}
        self.write("sim.yaml", json.dumps({
            "seed": 1, "endpoints": {"bus": {"kind": "modbus-rtu", "pty": "bus.tty"}},
            "devices": {"th": {"endpoint": "bus", "unit_id": 2, "vendor": "ACME", "product":
                               "TH-21", "revision": "2.0", "points": points},
                        "mute": {"endpoint": "bus", "unit_id": 4, "points": points}}}))
        self.spawn([PROGRAMS["fjordsim"], "-c", self.path("sim.yaml")], "sim.log")
        self.eventually(lambda: os.path.exists(self.path("bus.tty")), "the pty is there")
        found = json.loads(self.ctl("scan", "modbus", "rtu:" + self.path("bus.tty"), "--units",
                                    "1-5", "--timeout", "1s", "--json").stdout)["found"]
        self.assertEqual([
            {"unit": 2, "damaged": False, "vendor": "ACME", "product_code": "TH-21",
             "revision": "2.0", "server_id": "TH-21 2.0", "profiles": ["acme-th21"]},
            {"unit": 4, "damaged": False, "profiles": []}], found)

    def test_links_that_do_not_open(self):
        refused = self.probe("tcp://127.0.0.1:%d" % free_port())
        self.assertEqual(75, refused.returncode)
        self.assertIn("connection refused", refused.stderr)
        gone = self.probe("rtu:" + self.path("ttyUSB7"))
        self.assertEqual(75, gone.returncode)
        self.assertIn("there is no port", gone.stderr)
        self.assertIn("/dev/serial/by-id", gone.stderr)
        said = json.loads(self.probe("rtu:" + self.path("ttyUSB7"), "--json").stdout)
        self.assertIn("there is no port", said["diagnosis"])
        self.assertIn("no serial port", self.probe("rtu:" + self.write("file", "x")).stderr)
        for bad in (["rtu:/dev/ttyS0?baud=9601"], ["rtu:/dev/ttyS0?party=E"],
                    ["plc", "-c", self.path("none.yaml")], ["tcp://127.0.0.1", "--unit", "256"],
                    ["tcp://127.0.0.1", "--table", "holdin"],
                    ["tcp://127.0.0.1", "--property", "water_temprature"],
                    ["tcp://127.0.0.1", "--reference", "50001"],
                    ["tcp://127.0.0.1", "--timeout", "1h"]):
            with self.subTest(bad):
                self.assertIn(self.probe(*bad).returncode, (64, 78))

    def test_not_modbus(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        with subprocess.Popen(
                [PROGRAMS["fjordctl"], "--socket", self.path("none.sock"), "probe", "modbus",
                 "tcp://127.0.0.1:%d" % listener.getsockname()[1]],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as probe:
            peer, _ = listener.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                _, told = probe.communicate(timeout=20)
        self.assertIn("does not speak Modbus TCP", told)

    def test_interrupted(self):
        server = TcpServer(self, units=(1,))
        server[1].set("holding", 0, [1])
        scan = self.spawn([PROGRAMS["fjordctl"], "--socket", self.path("none.sock"), "scan",
                           "modbus", "tcp://127.0.0.1:%d" % server.port, "--timeout", "1s",
                           "--json"], "scan.log")
        self.eventually(lambda: server[1].requests, "the scan asks")
        self.assertEqual(75, self.end(scan, signal.SIGINT))
        with open(self.path("scan.log")) as f:
            said = json.loads(f.read().splitlines()[-1])
        self.assertTrue(said["interrupted"])
        self.assertEqual([1], [f["unit"] for f in said["found"]])


class Borrowed(Scene):
    """The gateway has the port and polls on."""

    def setUp(self):
        super().setUp()
        self.bus = RtuServer(self, units=(5,))
        self.bus[5].count("holding", 0)
        self.bus[5].set("holding", 10, words("f", 3.5))
        self.config["links"] = {"rs485": {"driver": "modbus-rtu", "device": self.bus.device,
                                          "baud": 19200}}
        self.config["devices"] = {"sonde": config.modbus_device(
            "rs485", 5, "200ms", {"tips": config.register(0)})}
        self.gateway.start()
        self.await_value("tips", 2)

    def check(self, done):
        self.assertEqual(0, done.returncode, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual("rs485", said["link"])
        return said

    def test_borrowed(self):
        arguments = ["--unit", 5, "--address", 10, "--count", 2, "--json"]
        for target in ("rs485", "rtu:" + self.bus.device,
                       "rtu:" + os.path.realpath(self.bus.device) + "?baud=9600"):
            with self.subTest(target):
                said = self.check(self.gateway.ctl("probe", "modbus", target, *arguments))
                self.assertEqual(3.5, said["registers"][0]["values"]["f32"]["ABCD"])
        found = self.check(self.gateway.ctl("scan", "modbus", "rs485", "--units", "4-6",
                                            "--timeout", "1s", "--json"))
        self.assertEqual([5], [f["unit"] for f in found["found"]])
        other_rate = self.gateway.ctl("scan", "modbus", "rs485", "--baud", "9600")
        self.assertEqual(64, other_rate.returncode)
        self.assertIn("stop the gateway", other_rate.stderr)
        seen = len(self.subscriber.readings("tips"))
        self.await_readings(seen + 3, point="tips")
        self.assertEqual(set(), {m.reading["reason"] for m in self.subscriber.readings("tips")
                                 if "reason" in m.reading})
        self.assertEqual(0, self.gateway.stop())

    def test_never_beside_it(self):
        done = self.run_program([PROGRAMS["fjordctl"], "--socket", self.path("none.sock"), "probe",
                                 "modbus", "rtu:" + self.bus.device, "--unit", 5])
        self.assertEqual(75, done.returncode)
        self.assertIn("is in use by another program", done.stderr)
        self.assertIn("it is open in: fjordgate", done.stderr)
        self.assertEqual(0, self.gateway.stop())

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path("control.sock"))
            s.sendall(line.encode() + b"\n")
            with s.makefile() as f:
                return [json.loads(text) for text in f]

    def test_only_reads_are_let_through(self):
        for pdu in ("0600000001", "0500000000", "1000000001020001", "2b0d0100", "03", "zz", ""):
            with self.subTest(pdu):
                self.assertIn("only reads", self.ask("raw\trs485\t5\t%s\t500" % pdu)[0]["error"])
        self.assertIn("no link", self.ask("raw\trs486\t5\t0300000001\t500")[0]["error"])
        self.assertIn("unit id", self.ask("raw\trs485\t256\t0300000001\t500")[0]["error"])
        answer, end = self.ask("raw\trs485\t5\t03000a0002\t500")
        self.assertEqual((0, "030440600000"), (answer["status"], answer["answer"]))
        self.assertTrue(end["end"])
        self.assertEqual([], self.bus.writes())
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
