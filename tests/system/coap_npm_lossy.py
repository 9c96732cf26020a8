#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Observe through a network that loses three datagrams in ten and lets others overtake: what npm's
coap notified and the gateway acknowledged is in the store once, nothing older comes after something
newer, and tshark finds no fault in any message of the gateway."""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import unittest

from lib import config
from lib.bench import Scene
from lib.relay import ACK, CON, Relay
from lib.wait import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = pathlib.Path(os.environ.get("FG_PEERS", ROOT / "build/peers")) / "node_modules"
PEERS = pathlib.Path(__file__).with_name("peers")
CONTENT, OBSERVE = 0x45, 6
IPV4 = 228
FAULTY = "_ws.malformed || _ws.expert.severity >= 6291456 || !coap"


def capture(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, IPV4))
        host = bytes([127, 0, 0, 1])
        for i, frame in enumerate(frames):
            udp = struct.pack(">HHHH", 40000, 5683, 8 + len(frame), 0) + frame
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + \
                host + host + udp
            f.write(struct.pack("<IIII", i, 0, len(packet), len(packet)) + packet)


def faults(path):
    return subprocess.run(["tshark", "-r", path, "-Y", FAULTY], capture_output=True, text=True,
                          check=True).stdout.splitlines()


class Lossy(Scene):
    def setUp(self):
        if not shutil.which("node") or not (MODULES / "coap").is_dir():
            print("SKIPPED: npm's coap is not installed (tools/peers does that)", file=sys.stderr)
            self.skipTest("no coap of npm")
        super().setUp()
        port = free_port()
        self.spawn(["node", PEERS / "coap_server.js", port, 1], "npm.log",
                   env=dict(os.environ, NODE_PATH=str(MODULES)))
        self.relay = Relay(self, port, loss=0.3, delay_s=0.5)
        self.config["links"] = {"pond": {
            "driver": "coap", "uri": "coap://127.0.0.1:%d" % self.relay.port}}
        self.config["devices"] = {"node": config.coap_device(
            "pond", "2s", {"x_count": {"path": "/count"}}, timeout="2s", retries=3, observe=True)}

    def stored(self):
        """Values by their numbers."""
        found = {}
        for message in self.subscriber.readings("x_count"):
            if message.reading.get("value") is not None:
                found[int(message.reading["id"].split(":")[1])] = message.reading["value"]
        return [found[k] for k in sorted(found)]

    def acknowledged(self):
        """What came as a confirmable notification whose message the gateway has acknowledged."""
        acked = {(client, m.mid) for client, m in self.relay.from_client
                 if m.type == ACK and m.code == 0}
        return {int(m.payload) for client, m in self.relay.from_server
                if m.type == CON and m.code == CONTENT and OBSERVE in m.options and
                (client, m.mid) in acked}

    def assert_in_order(self, values):
        """Nothing older behind something newer, as far as the sequence numbers tell: this server
        begins at 1 again where a registration is renewed, and what it had sent before then looks
        newer than the answer."""
        sequence = {int(m.payload): int.from_bytes(m.options[OBSERVE], "big")
                    for _, m in self.relay.from_server
                    if m.code == CONTENT and OBSERVE in m.options}
        for before, after in zip(values, values[1:]):
            if after < before:
                self.assertGreater(sequence.get(after, 0), sequence.get(before, 0),
                                   "%d behind %d: %s" % (after, before, values))

    def test_acknowledged_is_stored_once(self):
        self.gateway.start()
        self.eventually(lambda: len(self.acknowledged()) >= 15, "notifications through it", 90)
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.acknowledged() <= set(self.stored()), "all that was "
                        "acknowledged is published", 10)
        messages = {(client, m.mid): int(m.payload)     # repetitions have one id
                    for client, m in self.relay.from_server if m.code == CONTENT}
        values = self.stored()
        for value in values:
            self.assertLessEqual(values.count(value), list(messages.values()).count(value), value)
        self.assert_in_order(values)
        if not shutil.which("tshark"):
            return
        sent = [m.data for _, m in self.relay.from_client]
        capture(self.path("sent.pcap"), sent)
        self.assertEqual([], faults(self.path("sent.pcap")))
        capture(self.path("broken.pcap"), [sent[0][:6]])
        self.assertTrue(faults(self.path("broken.pcap")))


if __name__ == "__main__":
    unittest.main()
