# SPDX-License-Identifier: EUPL-1.2
"""A Sparkplug host made with npm's sparkplug-payload: it decodes what comes, knows metrics by their
aliases from the births, and checks each message against the specification's rules."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from lib import config

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODULES = pathlib.Path(os.environ.get("FG_PEERS", ROOT / "build/peers")) / "node_modules"
PEER = ROOT / "tests/system/peers/sparkplug.js"
REBIRTH = "Node Control/Rebirth"


def require(test):
    if not shutil.which("node") or not (MODULES / "sparkplug-payload").is_dir():
        print("SKIPPED: npm's sparkplug-payload is not installed (tools/peers does that)",
              file=sys.stderr)
        test.skipTest("no sparkplug-payload of npm")


class Codec:
    def __init__(self, test):
        self.process = subprocess.Popen(
            ["node", str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, NODE_PATH=str(MODULES)))
        test.addCleanup(self._end)

    def _end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def _ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise ValueError(reply["error"])
        return reply

    def decode(self, payload):
        return self._ask({"decode": payload.hex()})

    def encode(self, payload):
        return bytes.fromhex(self._ask({"encode": payload})["hex"])


class Heard:
    """One message of the edge node."""

    def __init__(self, message, payload):
        _, self.group, self.kind, self.node, *device = message.topic.split("/")
        self.device = device[0] if device else None
        self.qos, self.retain, self.at = message.qos, message.retain, message.at
        self.seq = payload.get("seq")
        self.time_ms = payload["timestamp"]
        self.metrics = payload.get("metrics", [])

    def metric(self, name):
        return next((m for m in self.metrics if m.get("name") == name), None)

    @property
    def bd_seq(self):
        return self.metric("bdSeq")["value"]

    def __repr__(self):
        return "%s/%s seq %s" % (self.kind, self.device, self.seq)


class Host:
    """Decodes all that a subscriber has of a group."""

    def __init__(self, test, subscriber, group):
        self.test, self.subscriber, self.group = test, subscriber, group
        self.codec = Codec(test)
        self._decoded = []

    def messages(self, kind=None, device=None):
        raw = [m for m in self.subscriber.messages("spBv1.0/%s/" % self.group)
               if m.topic.split("/")[2] not in ("NCMD", "DCMD")]
        for message in raw[len(self._decoded):]:
            self._decoded.append(Heard(message, self.codec.decode(message.payload)))
        return [h for h in self._decoded
                if (kind is None or h.kind == kind) and (device is None or h.device == device)]

    def command(self, payload):
        self.subscriber.client.publish(
            "spBv1.0/%s/NCMD/%s" % (self.group, config.GATEWAY), payload, 0)

    def ask_rebirth(self):
        self.command(self.codec.encode({"timestamp": 1, "metrics": [
            {"name": REBIRTH, "type": "Boolean", "value": True}]}))

    def state(self, host, online, time_ms):
        self.subscriber.client.publish(
            "spBv1.0/STATE/" + host, json.dumps({"online": online, "timestamp": time_ms}), 1, True)

    def told(self):
        """Each value that was told as DATA: {"device", "name", "time_ms", "value", "unit",
        "quality", "qc", "historical"}; on the way what a host relies on is checked."""
        test, values, born, aliases, seq = self.test, [], {}, {}, None
        for m in self.messages():
            test.assertFalse(m.retain, m)
            if m.kind == "NDEATH":
                test.assertEqual((1, None), (m.qos, m.seq), m)
                test.assertEqual(["bdSeq"], [x["name"] for x in m.metrics])
                born, aliases, seq = {}, {}, None
                continue
            test.assertEqual(0, m.qos, m)
            if m.kind == "NBIRTH":
                test.assertEqual(0, m.seq, m)
                test.assertEqual(("Boolean", False), (m.metric(REBIRTH)["type"],
                                                      m.metric(REBIRTH)["value"]))
                test.assertNotIn("alias", m.metric(REBIRTH))
                test.assertEqual("Int64", m.metric("bdSeq")["type"])
                born, aliases = {None: {}}, {}
            else:
                test.assertIsNotNone(seq, "%s before an NBIRTH" % m)
                test.assertEqual((seq + 1) % 256, m.seq, m)
            seq = m.seq
            if m.kind in ("NBIRTH", "DBIRTH"):
                self._take_birth(m, born, aliases)
            elif m.kind == "DDEATH":
                test.assertIn(m.device, born, m)
                del born[m.device]
            else:
                test.assertIn(m.kind, ("NDATA", "DDATA"))
                test.assertIn(m.device, born, "%s of what was not born" % m)
                values += self._take_data(m, born[m.device])
        return values

    def _take_birth(self, m, born, aliases):
        born[m.device] = metrics = {}
        names = [x["name"] for x in m.metrics]
        self.test.assertEqual(sorted(set(names)), sorted(names), m)
        for x in m.metrics:
            self.test.assertIn("type", x, m)
            if "alias" not in x:
                continue
            self.test.assertEqual((m.device, x["name"]), aliases.setdefault(
                x["alias"], (m.device, x["name"])), "an alias of two metrics")
            metrics[x["alias"]] = x

    def _take_data(self, m, metrics):
        for x in m.metrics:
            self.test.assertNotIn("name", x, m)
            self.test.assertIn(x["alias"], metrics, m)
            birth = metrics[x["alias"]]
            self.test.assertEqual(birth["type"], x["type"], m)
            properties = x.get("properties", {})
            yield {"device": m.device, "name": birth["name"], "time_ms": x["timestamp"],
                   "value": x["value"],
                   "unit": birth.get("properties", {}).get("engUnit", {}).get("value"),
                   "quality": properties.get("Quality", {}).get("value"),
                   "qc": properties.get("qc", {}).get("value"),
                   "historical": x.get("isHistorical", False)}
