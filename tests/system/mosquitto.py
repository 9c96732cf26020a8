#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The broker of etc/mosquitto as it is, with other ports and folders: a gateway writes what is its
own and nothing else, what it may not ends as a gap, everybody reads and nobody else writes, and
websockets give the same."""
import json
import os
import pathlib
import threading
import unittest

import paho.mqtt.client as mqtt

from lib import certificates, config, wait
from lib.bench import SystemTest
from lib.gateway import Gateway
from lib.modbus import TcpServer

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "etc/mosquitto"
PASSWORDS = {"drammen-01": "one", "drammen-02": "two"}
COMMON = ["drammen/schema/reading", "drammen/classes"]
NOT_AUTHORISED = 0x87


class Consumer:
    """A client over TLS, by TCP or websockets, that notes what comes and how publishing ends."""

    def __init__(self, test, port, ca, transport="tcp", user=None, password=None):
        self.messages, self.acked, self.refused = [], {}, None
        self.joined = threading.Event()
        self.client = client = mqtt.Client(protocol=mqtt.MQTTv5, transport=transport)
        client.tls_set(ca)
        if user:
            client.username_pw_set(user, password)
        client.on_connect = self._connected
        client.on_subscribe = lambda *_: self.joined.set()
        client.on_message = lambda _c, _d, m: self.messages.append(m)
        # paho 1.6 tells no reason code of a PUBACK: what is refused is seen by its not coming
        client.connect("localhost", port)
        client.loop_start()
        test.addCleanup(self.close)
        test.assertTrue(self.joined.wait(10 * wait.PATIENCE),
                        "it did not get in: %s" % self.refused)

    def _connected(self, client, _data, _flags, reason, _properties=None):
        self.refused = str(reason)
        client.subscribe("drammen/#", 1)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def on(self, topic):
        return [json.loads(m.payload) for m in list(self.messages) if m.topic == topic]


class Mosquitto(SystemTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("broker"))
        at = certificates.make(self, "broker")
        self.ca = at + "/ca.pem"
        self.port, self.web_port = wait.free_port(), wait.free_port()
        users = self.write("broker/users", "".join("%s:%s\n" % pair
                                                   for pair in PASSWORDS.items()))
        self.assertEqual(0, self.run_program(["mosquitto_passwd", "-U", users]).returncode)
        text = (EXAMPLE / "fjordgate.conf").read_text()
        for theirs, ours in [("/etc/mosquitto/certs/", at + "/"),
                             ("/etc/mosquitto/gateways", users),
                             ("/etc/mosquitto/fjordgate.acl", str(EXAMPLE / "fjordgate.acl")),
                             ("/var/lib/mosquitto/", at + "/"),
                             ("listener 8883", "listener %d 127.0.0.1" % self.port),
                             ("listener 8884", "listener %d 127.0.0.1" % self.web_port)]:
            self.assertIn(theirs, text)
            text = text.replace(theirs, ours)
        self.spawn(["/usr/sbin/mosquitto", "-c", self.write("mosquitto.conf",
                                                            text + "user root\n")], "broker.log")
        self.eventually(lambda: wait.listening(self.port), "the broker listens")
        self.server = TcpServer(self)
        self.server[1].count("holding", 0)
        self.server[1].count("holding", 1)

    def start(self, name, stations, **more):
        """A gateway with a point on each station; more: of its destination."""
        settings = config.base(self.port)
        settings["gateway"]["id"] = name
        settings["stations"] = {s: {"title": s} for s in stations}
        settings["mqtt"]["main"] = config.broker(
            self.port, servers=["mqtts://localhost:%d" % self.port], prefix="drammen",
            username=name, password_file=self.write(name + ".secret", PASSWORDS[name] + "\n"),
            ca_file=self.ca, **more)
        settings["storage"]["file"] = name + ".db"
        settings["control"]["socket"] = name + ".sock"
        settings["links"]["plc"] = {"driver": "modbus-tcp", "host": "127.0.0.1",
                                    "port": self.server.port}
        for i, station in enumerate(stations):
            settings["devices"]["probe-" + station] = config.modbus_device(
                "plc", 1, "200ms", {"level": config.register(i)}) | {"station": station}
        self.gateway = Gateway(self, settings, name).start()
        return self.gateway

    def test_everybody_reads_over_tcp_and_websockets(self):
        reader = Consumer(self, self.port, self.ca)
        page = Consumer(self, self.web_port, self.ca, "websockets")
        gateway = self.start("drammen-01", ["bragernes"])
        topic = "drammen/obs/water/bragernes/level"
        for consumer in (reader, page):
            self.eventually(lambda c=consumer: len(c.on(topic)) > 3, "readings")
            self.assertTrue(consumer.on("drammen/gateways/drammen-01/status"))
        late = Consumer(self, self.web_port, self.ca, "websockets")
        self.eventually(lambda: late.on(topic), "what is retained")
        self.assertEqual(0, gateway.stop())
        self.assertEqual(0, gateway.status().get("refused", 0))

    def test_a_gateway_that_gathers_is_let_write(self):
        reader = Consumer(self, self.port, self.ca)
        gateway = self.start("drammen-01", ["bragernes"], batch="1s")
        self.eventually(lambda: len(reader.on("drammen/batch/water/bragernes/probe-bragernes")) > 1,
                        "arrays of readings")
        self.assertEqual(0, gateway.status()["destinations"][0]["refused"])
        self.assertEqual(0, gateway.stop())

    def test_a_gateway_writes_only_what_is_its_own(self):
        reader = Consumer(self, self.port, self.ca)
        gateway = self.start("drammen-02", ["stromso", "bragernes"])
        self.eventually(lambda: len(reader.on("drammen/obs/water/stromso/level")) > 3, "its own")
        gaps = "drammen/gateways/drammen-02/gaps"
        self.eventually(lambda: reader.on(gaps), "a gap tells of what was refused", 90)
        gap = reader.on(gaps)[0]
        self.assertEqual(["bragernes", "level", "rejected:%d" % NOT_AUTHORISED],
                         [gap[k] for k in ("station", "point", "reason")])
        self.assertEqual([], reader.on("drammen/obs/water/bragernes/level"))
        status = gateway.status()["destinations"][0]
        self.assertTrue(status["connected"])
        self.assertEqual(NOT_AUTHORISED, status["refused_code"])
        own = len(reader.on("drammen/obs/water/stromso/level"))
        self.eventually(lambda: len(reader.on("drammen/obs/water/stromso/level")) > own + 3,
                        "the others go on")
        self.assertEqual(0, gateway.stop())

    def test_nobody_else_writes(self):
        reader = Consumer(self, self.port, self.ca)
        stranger = Consumer(self, self.port, self.ca)
        page = Consumer(self, self.web_port, self.ca, "websockets")
        other = Consumer(self, self.port, self.ca, user="drammen-02", password="two")
        topics = ["drammen/obs/water/bragernes/level", "drammen/gateways/drammen-01/status",
                  "drammen/stations/bragernes/drammen-01"]
        for client in (stranger.client, page.client, other.client):
            for topic in topics:
                client.publish(topic, "{}", 1).wait_for_publish(10 * wait.PATIENCE)
        for client in (stranger.client, page.client):   # what every gateway may
            for topic in COMMON:
                client.publish(topic, "{}", 1).wait_for_publish(10 * wait.PATIENCE)
        # a mark that one of them may write comes behind all that they may not
        other.client.publish("drammen/gateways/drammen-02/status", '{"mark":1}', 1)
        self.eventually(lambda: reader.on("drammen/gateways/drammen-02/status"), "the mark")
        for topic in topics + COMMON:
            self.assertEqual([], reader.on(topic), topic)

    def test_a_wrong_password_is_refused(self):
        done = self.run_program(["mosquitto_pub", "-h", "localhost", "-p", str(self.port),
                                 "--cafile", self.ca, "-u", "drammen-01", "-P", "wrong",
                                 "-t", "drammen/gateways/drammen-01/status", "-m", "{}"])
        self.assertNotEqual(0, done.returncode)


if __name__ == "__main__":
    unittest.main()
