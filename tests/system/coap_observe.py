#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Observe against servers that are not ours: npm's coap (tools/peers installs it; without it those
tests are skipped, loudly) and libcoap's. What they notify is in the store once and in order,
without polls; a restart of the server is survived, a resource that cannot be observed is polled."""
import os
import pathlib
import shutil
import sys
import unittest

from lib import config
from lib.bench import Scene
from lib.coap import LateServer
from lib.wait import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = pathlib.Path(os.environ.get("FG_PEERS", ROOT / "build/peers")) / "node_modules"
PEERS = pathlib.Path(__file__).with_name("peers")


class Observe(Scene):
    def start_npm(self, port, first=1):
        if not shutil.which("node") or not (MODULES / "coap").is_dir():
            print("SKIPPED: npm's coap is not installed (tools/peers does that)", file=sys.stderr)
            self.skipTest("no coap of npm")
        return self.spawn(["node", PEERS / "coap_server.js", port, first], "npm.log",
                          env=dict(os.environ, NODE_PATH=str(MODULES)))

    def requests(self, line):
        with open(self.path("npm.log")) as f:
            return f.read().splitlines().count(line)

    def observe(self, port, points, interval="2s", scheme="coap", **more):
        uri = "%s://127.0.0.1:%d" % (scheme, port)
        self.config["links"] = {"pond": {"driver": "coap", "uri": uri}}
        self.config["devices"] = {"node": config.coap_device(
            "pond", interval, points, timeout="2s", observe=True, **more)}

    def values(self, point):
        """In the order of their numbers, each number once."""
        by_id = {}
        for message in self.subscriber.readings(point):
            if message.reading.get("value") is not None:
                by_id[int(message.reading["id"].split(":")[1])] = message.reading["value"]
        return [by_id[k] for k in sorted(by_id)]

    def assert_each_once(self, values):
        self.assertEqual(sorted(set(values)), values)

    def test_npm(self):
        port = free_port()
        server = self.start_npm(port)
        self.observe(port, {"x_count": {"path": "/count"}})
        self.gateway.start()
        self.eventually(lambda: len(self.values("x_count")) >= 15, "15 notifications", 30)
        values = self.values("x_count")
        self.assert_each_once(values)
        self.assertEqual(values[-1] - values[0] + 1, len(values))    # none is missing
        self.assertEqual((1, 0), (self.requests("GET /count observe"),
                                  self.requests("GET /count plain")))
        times = [m.reading["time"] for m in self.subscriber.readings("x_count")
                 if m.reading.get("value") is not None]
        self.assertEqual(sorted(times), times)

        self.assertRegex(self.gateway.ctl("status").stdout,
                         r"REPORTS OF +LAST(.|\n)*node +[0-9.]+ ?m?s ago +[0-9]+ +0 +0 +0")

        self.end(server)            # a server that has forgotten us, and counts from elsewhere
        self.start_npm(port, 1000)
        self.eventually(lambda: len([v for v in self.values("x_count") if v >= 1000]) >= 10,
                        "notifications of the new server", 60)
        later = [v for v in self.values("x_count") if v >= 1000]
        self.assert_each_once(later)
        self.assertEqual(later[-1] - later[-8], 7)
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.requests("finish") or self.requests("GET /count plain"),
                        "the server knows that nobody observes any more", 5)

    def test_registered_but_silent(self):
        """Three intervals of silence are looked into with a poll, which registers again."""
        port = free_port()
        self.start_npm(port)
        self.observe(port, {"x_seven": {"path": "/plain"}}, interval="300ms")
        self.config["devices"]["blocks"] = config.coap_device("pond", "300ms", {
            "sound_level": {"path": "/big", "json": "/level", "unit": "dB"}}, timeout="1s",
            retries=0, observe=True)    # which npm's coap answers with a datagram of 5 KB
        self.gateway.start()
        self.eventually(lambda: len(self.values("x_seven")) >= 4, "polls", 20)
        self.assertEqual({7}, set(self.values("x_seven")))
        self.await_value("sound_level", 42.5, 40)
        self.assertGreaterEqual(self.requests("GET /plain observe"), 3)
        self.assertEqual(0, self.gateway.stop())

    def test_first_notification(self):
        """Where it is all that came of the answer, its acknowledgement, too, waits until the
        reading is durable."""
        server = LateServer(self)
        self.observe(server.port, {"x_count": {"path": "/count"}})
        self.config["storage"]["commit_interval"] = "10s"
        self.config["storage"]["max_delay"] = "20s"
        self.gateway.start()
        self.assertTrue(server.acknowledged.wait(30))
        self.gateway.kill()
        self.assertFalse(server.reset)
        self.gateway.start()
        self.eventually(lambda: '"value":7' in self.gateway.ctl(
            "history", "quay/x_count", "--json").stdout, "what was acknowledged is stored")

    def test_libcoap_secured_and_tcp(self):
        port = free_port(2)
        self.spawn(["coap-server-openssl", "-A", "127.0.0.1", "-p", port, "-k", "secret"],
                   "coap.log")
        self.write("keys", "gw:%s\n" % b"secret".hex())
        self.config["links"], self.config["devices"] = {}, {}
        schemes = {"coaps": port + 1, "coap+tcp": port, "coaps+tcp": port + 1}
        for scheme, at in schemes.items():
            name = scheme.replace("+", "-")
            link = {"driver": "coap", "uri": "%s://127.0.0.1:%d" % (scheme, at)}
            if "coaps" in scheme:
                link.update(psk_identity="gw", psk_file=self.path("keys"))
            self.config["links"][name] = link
            self.config["devices"][name] = config.coap_device(
                name, "10s", {"x_" + name.replace("-", "_"): {"path": "/time"}}, timeout="3s",
                observe=True)
        self.gateway.start()
        for scheme in schemes:
            point = "x_" + scheme.replace("+", "_")
            self.eventually(lambda p=point: len(set(self.values(p))) >= 5,
                            "5 notifications over " + scheme, 30)
        self.assertEqual(0, self.gateway.stop())

    def test_libcoap(self):
        port = free_port(2)
        self.spawn(["coap-server-openssl", "-A", "127.0.0.1", "-p", port], "coap.log")
        self.observe(port, {"x_time": {"path": "/time"}}, interval="10s")
        self.config["devices"]["plain"] = config.coap_device(
            "pond", "2s", {"x_async": {"path": "/async?1"}}, timeout="3s", observe=True)
        self.gateway.start()
        self.eventually(lambda: len(set(self.values("x_time"))) >= 8, "8 notifications", 40)
        self.eventually(lambda: self.values("x_async").count("done") >= 3,
                        "polls of what is not observable, and answers after their ACK", 20)
        self.assertIn("/async?1 cannot be observed", self.gateway.tail())
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
