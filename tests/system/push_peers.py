#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Clients that are not ours report to the gateway: npm's coap through a network that loses 30 %
(tools/peers installs it; without it that test is skipped, loudly), and libcoap's with a
certificate."""
import os
import pathlib
import shutil
import sys
import unittest

from lib import config
from lib.bench import Scene
from lib.lossy import LossyNetwork
from lib.subscriber import epoch
from lib.wait import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = pathlib.Path(os.environ.get("FG_PEERS", ROOT / "build/peers")) / "node_modules"
PEERS = pathlib.Path(__file__).with_name("peers")
MESSAGES = 8


class Peers(Scene):
    def listen(self, address, points, **link):
        self.config["links"]["push"] = {"driver": "coap-server", "listen": address, **link}
        self.config["devices"]["buoy"] = config.coap_device("push", "10s", points)
        self.gateway.start()
        self.eventually(lambda: self.gateway.status(), "the gateway is there")

    def test_npm(self):
        if not shutil.which("node") or not (MODULES / "coap").is_dir():
            print("SKIPPED: npm's coap is not installed (tools/peers does that)", file=sys.stderr)
            self.skipTest("no coap of npm")
        net = LossyNetwork(self, delay=0.1, jitter=0.1)
        self.listen("%s:5683" % net.here, {"n": {"property": "x_n", "unit": "1", "senml": "n"}},
                    insecure=True)
        self.spawn([*net.inside(), "node", PEERS / "coap_push.js", net.here, 5683, "/buoy",
                    MESSAGES], "npm.log", env=dict(os.environ, NODE_PATH=str(MODULES)))
        def codes():
            with open(self.path("npm.log")) as f:
                return [line for line in f.read().splitlines() if not line.startswith("lost")]
        self.eventually(lambda: len(codes()) >= MESSAGES // 2, "half of them are taken", 60)
        net.heal()
        self.eventually(lambda: len(codes()) == MESSAGES, "all are taken: %s" % codes(), 60)
        self.assertEqual({"2.04"}, set(codes()))
        wanted = set(range(2 * MESSAGES))
        self.eventually(lambda: self.subscriber.values("n") == wanted, "each value came")
        readings = {m.reading["id"]: m.reading for m in self.subscriber.readings("n")}
        self.assertEqual(len(wanted), len(readings), "once each")
        times = {r["value"]: epoch(r["time"]) for r in readings.values()}
        self.assertEqual([float(v) for v in sorted(wanted)],
                         [times[v] - times[0] for v in sorted(wanted)], "at its own time")
        self.assertEqual([], net.malformed(self, "-d", "udp.port==5683,coap"))

    def openssl(self, *arguments):
        done = self.run_program(["openssl", *arguments])
        self.assertEqual(0, done.returncode, done.stderr)

    def certificate(self, name, issuer=None):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", self.path(name + ".key"), "-subj", "/CN=" + name]
        if not issuer:
            self.openssl("req", "-x509", *key, "-days", "2", "-out", self.path(name + ".crt"))
            return
        self.openssl("req", *key, "-out", self.path(name + ".csr"))
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"), "-days", "2",
                     "-CA", self.path(issuer + ".crt"), "-CAkey", self.path(issuer + ".key"),
                     "-CAcreateserial", "-out", self.path(name + ".crt"))

    def test_libcoap_with_certificate(self):
        for name, issuer in (("ca", None), ("gateway", "ca"), ("buoy", "ca"), ("other", "ca"),
                             ("rogue-ca", None), ("rogue", "rogue-ca")):
            self.certificate(name, issuer)
        for name in ("buoy", "other", "rogue"):     # libcoap's client wants both in one file
            with open(self.path(name + ".pem"), "w") as out:
                for end in (".crt", ".key"):
                    with open(self.path(name + end)) as f:
                        out.write(f.read())
        port = free_port()
        self.listen("127.0.0.1:%d" % port, {"water_temperature": {"senml": "temp"}},
                    cert_file="gateway.crt", key_file="gateway.key", ca_file="ca.crt")

        def push(name, value):
            return self.run_program([
                "coap-client-openssl", "-v", 3, "-B", 4, "-m", "post", "-t", 110,
                "-c", self.path(name + ".pem"), "-j", self.path(name + ".key"),
                "-C", self.path("ca.crt"), "-e", '[{"n":"temp","u":"K","v":%g}]' % value,
                "coaps://127.0.0.1:%d/buoy" % port])
        self.assertNotIn("4.", push("buoy", 285.65).stderr)
        self.await_value("water_temperature", 12.5)
        self.assertIn("4.03", push("other", 290).stderr)
        push("rogue", 291)
        self.assertEqual({12.5}, self.subscriber.values("water_temperature"))
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
