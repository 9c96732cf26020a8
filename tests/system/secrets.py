#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Passwords and keys are in their files and on the wire, and nowhere else: not in the log with all
of debugging on, a status, a page, a message, the store or a core file; right and wrong ones."""
import os
import pathlib
import unittest

from lib import config, wait, web
from lib.bench import Scene
from lib.broker import Broker
from lib.subscriber import Subscriber

RIGHT, WRONG = "Correct-Horse-7431", "Wrong-Battery-9902"
KEYS = {"tls": b"broker-key-51c0ffee", "coap": b"sensor-key-0ddba115", "bad": b"no-hex-key-77"}


def forms(secret):
    """As text and in hexadecimal of either case, whole and its first half."""
    text = secret if isinstance(secret, bytes) else secret.encode()
    half = text[:len(text) // 2 + 2]
    return {f for t in (text, half) for f in (t, t.hex().encode(), t.hex().upper().encode())}


class Secrets(Scene):
    def setUp(self):
        super().setUp()
        self.keys = wait.free_port()
        self.guarded = Broker(self, "guarded", users={"gateway": RIGHT, "reader": "reader"}, lines=[
            "listener %d 127.0.0.1" % self.keys, "psk_hint hint",
            "psk_file " + self.write("broker-keys", "gw:%s\n" % KEYS["tls"].hex()),
            "use_identity_as_username true"])
        self.guarded.start()
        self.counters(2)
        self.coap = wait.free_port(2)
        self.spawn(["coap-server-openssl", "-A", "127.0.0.1", "-p", self.coap, "-k",
                    KEYS["coap"].decode()], "coap.log")
        self.config["mqtt"] = {
            "password": config.broker(self.guarded.port, username="gateway",
                                      password_file=self.secret("password", WRONG)),
            "key": config.broker(0, servers=["mqtts://localhost:%d" % self.keys], prefix="by-key",
                                 psk_identity="gw",
                                 psk_file=self.secret("psk", "gw:" + KEYS["tls"].hex())),
            "open": config.broker(self.broker.port, prefix="open")}
        self.config["links"]["pond"] = {
            "driver": "coap", "uri": "coaps://127.0.0.1:%d" % (self.coap + 1),
            "psk_identity": "gw", "psk_file": self.secret("coap-psk", "gw:" + KEYS["coap"].hex())}
        self.config["devices"]["pond"] = config.coap_device(
            "pond", "1s", {"x_time": {"path": "/time"}}, timeout="3s", observe=True)
        self.port = wait.free_port()
        self.config["http"] = {"listen": self.port}
        self.others = Subscriber(self, self.guarded.port, user="reader", password="reader")

    def secret(self, name, content):
        path = self.write(name + ".secret", content + "\n")
        os.chmod(path, 0o600)
        return path

    def connected(self):
        return {d["name"] for d in self.gateway.status().get("destinations", ())
                if d["connected"]}

    def told(self):
        """All that a person, a browser, a broker or a disk is given."""
        for path in ("/", "/metrics", "/healthz", "/api/status", "/api/stations"):
            yield path, web.get(self.port, path).body
        for words in (("status",), ("status", "--json"), ("check",), ("check", "--json")):
            done = self.gateway.ctl(*words)
            yield " ".join(words), (done.stdout + done.stderr).encode()
        for subscriber in (self.subscriber, self.others):
            for m in subscriber.messages():
                yield m.topic, m.topic.encode() + m.payload
        folder = pathlib.Path(self.folder)
        for path in [folder / "gateway.log", *folder.glob("readings.db*")]:
            yield path.name, path.read_bytes()

    def assert_untold(self):
        secrets = {f for s in (RIGHT, WRONG, *KEYS.values()) for f in forms(s)}
        seen = 0
        for where, content in self.told():
            seen += len(content)
            for secret in secrets:
                self.assertNotIn(secret, content, where)
        self.assertGreater(seen, 10000)

    def test_nowhere(self):
        self.gateway.prefix = ["sh", "-c", 'exec "$0" --debug all "$@"']
        self.gateway.start()
        self.eventually(lambda: self.connected() == {"key", "open"}, "two of three brokers", 30)
        self.eventually(lambda: "authori" in self.gateway.log().lower(), "a refusal")
        self.await_readings(3)
        self.eventually(lambda: self.subscriber.values("x_time"), "a secured sensor's reading")
        self.eventually(lambda: wait.listening(self.port), "the web server")
        self.eventually(lambda: web.get(self.port, "/api/status").status == 200, "a view")
        self.assert_untold()
        self.secret("password", RIGHT)
        self.eventually(lambda: len(self.connected()) == 3, "the right password", 70)
        # keys that are none, read at the next connection
        self.secret("psk", "gw:" + KEYS["bad"].decode())
        self.secret("coap-psk", "gw:" + KEYS["bad"].decode())
        self.guarded.kill()
        self.eventually(lambda: self.connected() == {"open"}, "both are gone")
        self.guarded.start()
        self.eventually(lambda: "no key for" in self.gateway.ctl("status").stdout,
                        "a refused key", 30)
        self.assertRegex(self.gateway.ctl("status").stdout,
                         "no key for 'gw' in .*: line 1: character [0-9]+ of the key, of [0-9]+,")
        self.assert_untold()
        limits = pathlib.Path("/proc/%d/limits" % self.gateway.process.pid).read_text()
        core = next(l for l in limits.splitlines() if l.startswith("Max core file size"))
        self.assertEqual(["0", "0"], core.split()[4:6])
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
