#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordctl scan coap and probe coap: who answers multicast between two network namespaces, what a
resource says in each format, points that the checker takes, and each fault in words."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

from lib import config
from lib.bench import SystemTest
from lib.coap import ACK, Message
from lib.gateway import PROGRAMS
from lib.netns import Namespaces
from lib.wait import free_port


class Bare(SystemTest):
    """No gateway."""

    def ctl(self, *arguments, inside=(), seconds=60):
        return self.run_program(
            [*inside, PROGRAMS["fjordctl"], "--socket", self.path("none.sock"), *arguments],
            seconds, env=dict(os.environ, NO_COLOR="1"))

    def simulate(self, endpoints, devices, inside=(), name="sim"):
        self.write(name + ".yaml", json.dumps({"endpoints": endpoints, "devices": devices}))
        sim = self.spawn([*inside, PROGRAMS["fjordsim"], "-c", self.path(name + ".yaml")],
                         name + ".log")
        def ready():
            with open(self.path(name + ".log")) as f:
                return "ready" in f.read()
        self.eventually(ready, "fjordsim is ready")
        return sim


class Scan(Bare):
    def setUp(self):
        super().setUp()
        self.net = Namespaces(self)

    def found(self, *arguments):
        done = self.ctl("scan", "coap", *arguments, "--json", inside=self.net.inside("a"))
        self.assertIn(done.returncode, (0, 75), done.stderr)
        return done, json.loads(done.stdout)["found"]

    def test_found(self):
        """The simulator over IPv4 and IPv6, with a list of several blocks, and libcoap's server."""
        many = {"p%02d" % i: {"path": "/sensors/p%02d" % i} for i in range(60)}
        inside = self.net.inside("b")
        self.simulate({"air": {"kind": "coap", "listen": "[::]:5683", "multicast": "net0"}},
                      {"air": {"endpoint": "air", "points": many, "resources": [
                          {"path": "/sensors/p07", "observe": True, "rt": "air quality",
                           "if": "core.s", "format": "senml-cbor"}]}}, inside)
        self.spawn([*inside, "coap-server-openssl", "-A", "10.77.0.2", "-p", 5693], "server.log")
        done, found = self.found("net0", "--for", "8s")
        self.assertEqual(0, done.returncode, done.stderr)
        four = [f for f in found if f["address"] == "10.77.0.2:5683"]
        six = [f for f in found if re.fullmatch(r"\[fe80::[0-9a-f:]+%net0\]:5683", f["address"])]
        self.assertEqual((1, 1), (len(four), len(six)), found)
        for f in four + six:
            self.assertNotIn("note", f)
            self.assertEqual(60, len(f["resources"]))
            self.assertIn({"path": "/sensors/p07", "rt": "air quality", "if": "core.s",
                           "ct": [112], "obs": True}, f["resources"])
        table = self.ctl("scan", "coap", "net0", "--for", "6s", inside=self.net.inside("a"))
        self.assertRegex(table.stdout, r"10\.77\.0\.2:5683 +net0 +/sensors/p00")
        self.assertRegex(table.stdout, r"/sensors/p07 +air quality +core\.s +senml\+cbor +yes")
        self.assertIn("2 answer", table.stdout)
        # the address that was found is one to probe
        probed = self.ctl("probe", "coap", four[0]["uri"] + "/sensors/p07", "--json",
                          inside=self.net.inside("a"))
        self.assertEqual(112, json.loads(probed.stdout)["content_format"])

    def test_foreign(self):
        """libcoap's own server in the group, and one that answers rubbish."""
        inside = self.net.inside("b")
        self.spawn([*inside, "coap-server-openssl", "-A", "0.0.0.0", "-p", 5683,
                    "-g", "224.0.1.187"], "server.log")
        rubbish = subprocess.Popen(
            [*inside, sys.executable, "-c", """if True:
            import socket, struct
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            s.bind(("224.0.1.187", 5683))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
                "4s4s", socket.inet_aton("224.0.1.187"), socket.inet_aton("10.77.0.2")))
            print("ready", flush=True)
            while True:
                data, peer = s.recvfrom(2000)
                out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                out.sendto(b"HTTP/1.1 400 Bad Request", peer)
                out.sendto(b"\\x44\\x45\\0\\1" + data[4:8] + b"\\xff<a", peer)
            """], stdout=subprocess.PIPE, text=True)
        self.addCleanup(rubbish.stdout.close)
        self.addCleanup(self.end, rubbish, signal.SIGKILL)
        self.assertEqual("ready\n", rubbish.stdout.readline())
        done = self.ctl("scan", "coap", "net0", "--for", "6s", "--json",
                        inside=self.net.inside("a"))
        said = json.loads(done.stdout)
        self.assertGreater(said["malformed"], 0)
        paths = {r["path"] for f in said["found"] for r in f["resources"]}
        self.assertIn("/time", paths, said)
        self.assertIn("its list is no link format from some place on",
                      [f.get("note") for f in said["found"]])

    def test_nobody(self):
        nobody = self.ctl("scan", "coap", "--for", "200ms", inside=self.net.inside("a"))
        self.assertEqual(75, nobody.returncode)
        self.assertIn("0 answer", nobody.stdout)
        self.assertIn("answer no scan", nobody.stdout)
        wrong = self.ctl("scan", "coap", "net7", inside=self.net.inside("a"))
        self.assertEqual(64, wrong.returncode)
        self.assertRegex(wrong.stderr, r"no network interface 'net7'; there are.*net0")
        subprocess.run([*self.net.inside("a"), "ip", "link", "set", "net0", "down"], check=True)
        down = self.ctl("scan", "coap", "net0", inside=self.net.inside("a"))
        self.assertEqual(69, down.returncode)
        self.assertIn("net0 is down", down.stderr)


class Probe(Bare):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.uri = "coap://127.0.0.1:%d" % self.port

    def probe(self, uri, *arguments):
        done = self.ctl("probe", "coap", uri, "--json", *arguments)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def check_points(self, uri, block):
        """The block as a technician pastes it; what fjordctl check says to it."""
        pasted = "".join("      %s\n" % line for line in block.splitlines())
        self.write("gateway.yaml", """
gateway: {id: g, title: G, operator: O, contact: https://www.example.no/, licence: NLOD-2.0}
stations: {quay: {title: The quay, position: {latitude: 59.7, longitude: 10.2}}}
storage: {file: readings.db}
mqtt: {main: {servers: ["mqtt://127.0.0.1:1883"], prefix: town}}
links: {pond: {driver: coap, uri: "%s"}}
devices:
    node:
      station: quay
      domain: air
      link: pond
      interval: 60s
%s""" % (uri, pasted))
        return self.ctl("check", self.path("gateway.yaml"))

    def test_formats(self):
        points = {"t": {"path": "/all", "unit": "K", "mean": 293.15},
                  "hum": {"path": "/all", "unit": "%RH", "mean": 61},
                  "volts": {"path": "/all", "unit": "V", "mean": 3.3},
                  "pm": {"path": "/gas", "json": "/air/pm2_5", "mean": 8.5},
                  "k": {"path": "/gas", "json": "/air/k~1", "mean": 2},
                  "ipso": {"path": "/3303/0", "senml": "3303/0/5700", "unit": "Cel",
                           "type": "f32", "mean": 21.5},
                  "level": {"path": "/water_level", "mean": 1.25, "decimals": 3},
                  "raw": {"path": "/raw", "type": "u16", "mean": 5}}
        self.simulate({"roof": {"kind": "coap", "listen": "127.0.0.1:%d" % self.port}},
                      {"node": {"endpoint": "roof", "points": points, "resources": [
                          {"path": "/all", "format": "senml-json", "base_name": "urn:dev:1:",
                           "history": 30, "step": "1m", "max_age": "30s"},
                          {"path": "/gas", "format": "json", "time": "/t"},
                          {"path": "/3303/0", "format": "tlv"},
                          {"path": "/raw", "format": "binary", "bytes": "0000"}]}})
        wanted = {
            "/all": {"air_temperature": 'senml: "t"', "relative_humidity": 'senml: "hum"',
                     "battery_voltage|volts": 'senml: "volts"'},
            "/gas": {"pm25": 'json: "/air/pm2_5"', "k_01": 'json: "/air/k~01"'},
            "/3303/0": {"air_temperature": 'senml: "3303/0/5700"'},
            "/water_level": {"water_level": 'path: "/water_level"'}}
        for path, lines in wanted.items():
            with self.subTest(path):
                done, (said,) = self.probe(self.uri + path)
                self.assertEqual(0, done.returncode, done.stderr)
                for names, part in lines.items():
                    self.assertRegex(said["points"], r"(?m)^  (%s): .*%s" % (
                        names, re.escape(part)))
                checked = self.check_points(self.uri, said["points"])
                self.assertEqual(0, checked.returncode, checked.stdout + checked.stderr)
        _, (pack,) = self.probe(self.uri + "/all")
        self.assertEqual(93, len(pack["records"]))
        self.assertEqual(30, pack["max_age"])
        first = pack["records"][0]
        self.assertEqual(("urn:dev:1:t", 293.15, "K"),
                         tuple(first[k] for k in ("name", "value", "unit")))
        self.assertRegex(first["time"], r"^20\d\d-.*Z$")
        self.assertGreater(len(pack["messages"]), 4, "block after block")
        sent, came = (Message.parse(bytes.fromhex(m["raw"])) for m in pack["messages"][:2])
        self.assertEqual((1, "/all"), (sent.code, sent.path))
        self.assertEqual((0x45, 110), (came.code, came.option(12)))
        self.assertIn({"number": 12, "name": "Content-Format", "value": "110"},
                      pack["messages"][1]["options"])
        _, (cbor,) = self.probe(self.uri + "/all", "--accept", "senml-cbor")
        self.assertEqual(112, cbor["content_format"])
        self.assertEqual([r["value"] for r in pack["records"]][:90],
                         [r["value"] for r in cbor["records"]][:90])
        _, (raw,) = self.probe(self.uri + "/raw")
        self.assertIn("manual", raw["not_read"])
        text = self.ctl("probe", "coap", self.uri + "/all").stdout
        self.assertIn("Content-Format: 110 (application/senml+json)", text)
        self.assertIn("points:\n", text)
        self.assertRegex(self.ctl("probe", "coap", self.uri).stdout,
                         r"/3303/0 +- +- +vnd\.oma\.lwm2m\+tlv")

    def test_observe(self):
        self.simulate({"roof": {"kind": "coap", "listen": "127.0.0.1:%d" % self.port}},
                      {"node": {"endpoint": "roof", "resources": [
                          {"path": "/n", "observe": True, "notify": "200ms",
                           "confirmable": True}],
                          "points": {"n": {"path": "/n", "curve": "counter"},
                                     "m": {"path": "/m"}}}})
        done, said = self.probe(self.uri + "/n", "--observe", "--for", "2s")
        self.assertEqual(0, done.returncode, done.stderr)
        values = [d["records"][0]["value"] for d in said]
        self.assertGreater(len(values), 2)
        self.assertEqual(list(range(len(values))), values)
        self.assertIn("Observe", [o["name"] for o in said[1]["messages"][0]["options"]])
        _, (polled,) = self.probe(self.uri + "/m", "--observe")
        self.assertFalse(polled["observed"])
        self.assertIn("not observable", polled["hints"][0])

    def test_secured(self):
        self.write("keys", "me:0011aabb\n")
        self.write("wrong", "me:0011aabc\nstranger:00\n")
        for name in ("one", "two"):
            self.run_program([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", self.path(name + ".key"), "-out", self.path(name + ".crt")])
        plain, cert = free_port(), free_port()
        self.simulate({"safe": {"kind": "coap", "listen": "127.0.0.1:%d" % self.port,
                                "psk_file": "keys"},
                       "plain": {"kind": "coap", "listen": "127.0.0.1:%d" % plain},
                       "cert": {"kind": "coap", "listen": "127.0.0.1:%d" % cert, "tcp": True,
                                "cert_file": "one.crt", "key_file": "one.key"}},
                      {name: {"endpoint": name, "points": {"t": {"path": "/t", "mean": 4.5}}}
                       for name in ("safe", "plain", "cert")})
        safe = "coaps://127.0.0.1:%d/t" % self.port
        def key(identity, file):
            return ["--psk-identity", identity, "--psk-file", self.path(file), "--timeout", "5s"]
        done, (said,) = self.probe(safe, *key("me", "keys"))
        self.assertEqual((0, 4.5), (done.returncode, said["records"][0]["value"]))
        self.assertNotIn("0011aabb", done.stdout + done.stderr)
        trusted, (said,) = self.probe("coaps+tcp://127.0.0.1:%d/t" % cert,
                                      "--ca-file", self.path("one.crt"))
        self.assertEqual(0, trusted.returncode, said)
        cases = [(safe, key("me", "wrong"), "key of identity 'me' is"),
                 (safe, key("stranger", "wrong"), "does not know the identity 'stranger'"),
                 ("coaps://127.0.0.1:%d/t" % plain, key("me", "keys"), "no DTLS on port"),
                 ("coaps+tcp://127.0.0.1:%d/t" % cert, ["--ca-file", self.path("two.crt")],
                  "certificate is not trusted")]
        for uri, arguments, text in cases:
            with self.subTest(text):
                failed, (said,) = self.probe(uri, *arguments)
                self.assertEqual(75, failed.returncode)
                self.assertIn(text, said["diagnosis"])
        for bad in ([safe], [safe, "--psk-identity", "me"],
                    ["coap://127.0.0.1/t", *key("me", "keys")], ["http://127.0.0.1/"],
                    [self.uri, "--accept", "yaml"]):
            self.assertEqual(64, self.ctl("probe", "coap", *bad).returncode, bad)

    def serve(self, answer):
        """A server by hand: answer(message) gives a Message, bytes, or None."""
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", self.port))
        s.settimeout(0.2)
        self.serving = True
        def work():
            while self.serving:
                try:
                    data, peer = s.recvfrom(2000)
                except socket.timeout:
                    continue
                except OSError:
                    return
                out = answer(Message.parse(data))
                if out:
                    s.sendto(out if isinstance(out, bytes) else out.bytes(), peer)
        thread = threading.Thread(target=work)
        thread.start()
        def stop():
            self.serving = False
            thread.join()
            s.close()
        self.addCleanup(stop)

    def test_faults(self):
        codes = {"/a": (0x81, "coaps with a key"), "/b": (0x83, "refuses this resource"),
                 "/c": (0x84, "there is no /c"), "/d": (0x85, "not to be read with GET"),
                 "/e": (0x86, "leave --accept out"), "/f": (0xa3, "cannot answer now")}
        def answer(m):
            if m.path in codes:
                return Message(ACK, codes[m.path][0], m.mid, m.token, [(14, b"\x11")], b"because")
            if m.path == "/rst":
                return struct.pack("!BBH", 0x70, 0, m.mid)
            if m.path == "/odd":
                return Message(ACK, 0x45, m.mid, m.token, [(12, b"\xff\x00")], b"?")
            if m.path == "/liar":
                return Message(ACK, 0x45, m.mid, m.token, [(12, b"\x6e")], b'[{"n":"a"]')
            if m.path == "/junk":
                return b"\xff" * 20
            return None
        self.serve(answer)
        for path, (_, text) in codes.items():
            with self.subTest(path):
                done, (said,) = self.probe(self.uri + path, "--timeout", "5s")
                self.assertEqual(75, done.returncode)
                self.assertIn(text, said["diagnosis"])
                self.assertIn("it says: because", said["hints"])
        for path, text in (("/rst", "RST"), ("/silence", "no answer, and no ICMP")):
            with self.subTest(path):
                done, (said,) = self.probe(self.uri + path, "--timeout", "1s")
                self.assertEqual(75, done.returncode)
                self.assertIn(text, said["diagnosis"])
        _, (odd,) = self.probe(self.uri + "/odd")
        self.assertIn("65280", odd["not_read"])
        _, (liar,) = self.probe(self.uri + "/liar")
        self.assertIn("SenML", liar["not_read"])
        for uri in ("coap://127.0.0.1:%d/x", "coap+tcp://127.0.0.1:%d/x"):
            done, (said,) = self.probe(uri % free_port(), "--timeout", "5s")
            self.assertEqual(75, done.returncode)
            self.assertIn("nothing listens", said["diagnosis"])
        self.assertEqual(68, self.ctl("probe", "coap", "coap://no-such-host.invalid/x").returncode)


if __name__ == "__main__":
    unittest.main()
