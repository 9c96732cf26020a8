#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordsim's CoAP side as others see it: libcoap's client polls and observes it over UDP, TCP, DTLS
and TLS, and a server that loses and refuses takes what its sleepy sensors push."""
import json
import socket
import unittest

from lib.bench import SystemTest
from lib.coap import CON, PushServer
from lib.gateway import PROGRAMS
from lib.wait import PATIENCE, free_port

CLIENT = "coap-client-openssl"


class SimulatedCoap(SystemTest):
    def start(self, devices, **endpoints):
        self.write("sim.yaml", json.dumps({"control": "sim.sock", "endpoints": {
            "none": {"kind": "coap", "listen": "127.0.0.1:%d" % free_port()}, **endpoints},
            "devices": devices}))
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
            return s.recv(65536).decode()

    def counts(self, device):
        line = next(text for text in self.order("counts").splitlines()
                    if text.startswith(device + " "))
        return {k: int(v) for k, v in (word.split("=") for word in line.split()[1:])}

    def get(self, uri, *options, seconds=5):
        return self.run_program([CLIENT, "-v", 3, "-B", seconds, *options, uri])

    def test_served(self):
        port = free_port()
        uri = "coap://127.0.0.1:%d" % port
        self.start({"node": {
            "endpoint": "roof",
            "resources": [
                {"path": "/all", "format": "senml-json", "base_name": "urn:x:", "rt": "sensor",
                 "if": "core.s", "history": 60, "etag": True, "max_age": "30s"},
                {"path": "/count", "observe": True, "notify": "100ms", "confirmable": True}],
            "points": {"pm25": {"path": "/all", "unit": "ug/m3", "mean": 8.4},
                       "count": {"path": "/count", "curve": "counter"},
                       "no2": {"path": "/api", "json": "/gas/no2", "mean": 31.5}}}},
            roof={"kind": "coap", "listen": "127.0.0.1:%d" % port})
        pack = json.loads(self.get(uri + "/all").stdout)        # of several blocks
        self.assertEqual(61, len(pack))
        self.assertEqual(("urn:x:", "pm25", "ug/m3", 8.4),
                         tuple(pack[0][k] for k in ("bn", "n", "u", "v")))
        self.assertEqual({"gas": {"no2": 31.5}}, json.loads(self.get(uri + "/api").stdout))
        self.assertIn("4.06", self.get(uri + "/count", "-A", 50).stderr)
        self.assertIn("4.04", self.get(uri + "/nothing").stderr)
        core = self.get(uri + "/.well-known/core").stdout
        self.assertRegex(core, r'</all>[^,]*rt="sensor"')
        self.assertRegex(core, r'</count>[^,]*;obs')
        seen = self.get(uri + "/count", "-s", 3, "-m", "get")
        self.assertIn("0123", seen.stdout)
        self.assertGreater(self.counts("node")["notified"], 2)
        self.assertIn("ok", self.order("exception node on code=503 max_age=7s"))
        refused = self.run_program([CLIENT, "-v", 7, "-B", 5, uri + "/all"])
        self.assertIn("Max-Age:7", refused.stdout + refused.stderr)
        self.assertIn("5.03", refused.stderr)
        self.assertEqual(0, self.end(self.sim))

    def test_transports(self):
        keys = self.write("keys", "me:0123456789abcdef\n")
        self.run_program(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                          "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                          "/CN=127.0.0.1", "-keyout", self.path("key"), "-out", self.path("cert")])
        cases = {"tcp": ("coap+tcp", {"tcp": True}, ()),
                 "dtls": ("coaps", {"psk_file": keys}, ("-u", "me", "-k", "\x01#Eg")),
                 "tls": ("coaps+tcp", {"tcp": True, "cert_file": self.path("cert"),
                                       "key_file": self.path("key")},
                         ("-R", self.path("cert")))}
        ports = {name: free_port() for name in cases}
        self.write("keys", "me:01234567\n")
        self.start({name: {"endpoint": name, "points": {"x": {"path": "/x", "mean": 4.5}}}
                    for name in cases},
                   **{name: {"kind": "coap", "listen": "127.0.0.1:%d" % ports[name], **more}
                      for name, (_, more, _) in cases.items()})
        for name, (scheme, _, options) in cases.items():
            with self.subTest(name):
                got = self.get("%s://127.0.0.1:%d/x" % (scheme, ports[name]), *options)
                self.assertEqual("4.5", got.stdout.strip(), got.stderr)
        self.assertEqual(0, self.end(self.sim))

    def logged(self):
        try:
            with open(self.path("acked")) as f:
                return [json.loads(line) for line in f]
        except OSError:
            return []

    @staticmethod
    def records(server):
        """(time, value) of each record that had a 2.04."""
        found = []
        with server.lock:
            taken = list(server.taken)
        for content_format, body, _ in taken:
            assert content_format == 110, content_format
            base = 0
            for record in json.loads(body):
                base = record.get("bt", base)
                found.append((round((base + record.get("t", 0)) * 1000), record["v"]))
        return found

    def test_pushed(self):
        """A third of the answers lost, a tenth of the requests refused, batches and messages sent
        twice: what it counts as acknowledged is what the server took, and nothing is missing."""
        server = PushServer(self, lose=0.3, refuse=0.1)
        self.start({"sleepy": {
            "push": {"uri": "coap://127.0.0.1:%d/up?k=1" % server.port, "format": "senml-json",
                     "interval": "300ms", "sample": "50ms", "batch": 8, "ack_timeout": "1s",
                     "log": "acked"},
            "points": {"n": {"curve": "counter", "decimals": 0}},
            "faults": [{"kind": "duplicate", "every": 3}, {"kind": "again", "every": 4}]}})
        self.eventually(lambda: len(self.logged()) >= 60, "60 samples acknowledged", 60)
        # how many messages carry them is up to the machine
        self.eventually(lambda: len(self.records(server)) > len(set(self.records(server))),
                        "some come twice", 60)
        self.eventually(lambda: server.repeated, "some are repeated", 60)
        self.assertEqual(0, self.end(self.sim))
        logged, taken = self.logged(), self.records(server)
        values = [line["value"] for line in logged]
        self.assertEqual(list(range(len(values))), values, "in order, and none left out")
        self.assertEqual(set(), set(values) - {v for _, v in taken})
        self.assertEqual(len({v for _, v in taken}), len(set(taken)), "one time each")
        message = server.taken[0][2]
        self.assertEqual((CON, 2, "/up"), (message.kind, message.code, message.path))
        self.assertIn((15, b"k=1"), message.options)

    def test_asleep_and_wrong_clock(self):
        server = PushServer(self)
        self.start({"sleepy": {
            "push": {"uri": "coap://127.0.0.1:%d/up" % server.port, "format": "senml-json",
                     "interval": "100ms", "method": "put", "batch": 500, "pad": 3000},
            "points": {"n": {"curve": "counter", "decimals": 0}}}})
        self.eventually(lambda: server.taken, "it reports")
        self.order("mute sleepy on")
        self.eventually(lambda: self.counts("sleepy")["waiting"] > 5, "samples wait")
        self.order("clock sleepy on amount=-86400")
        self.order("mute sleepy off")
        def bodies():
            with server.lock:
                return [json.loads(body) for _, body, _ in server.taken]
        self.eventually(lambda: any(len(body) > 6 for body in bodies()), "all in one message")
        self.eventually(lambda: max(body[0]["bt"] for body in bodies()) - bodies()[-1][0]["bt"]
                        > 86000, "a day behind")
        self.assertEqual(3, server.taken[0][2].code, "PUT")
        self.assertEqual(3000, len(bodies()[0][-1]["vs"]), "block-wise")
        self.assertEqual(0, self.end(self.sim))


if __name__ == "__main__":
    unittest.main()
