#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Sessions of sensors that send by themselves: what a reload leaves of them, how many are kept;
answers that take long; formats that are asked for; what is retained after old readings."""
import json
import os
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.coap import ACK, CON, URI_PATH, Message
from lib.faults import Faults
from lib.pusher import CHANGED, Sensor, Session
from lib.subscriber import retained
from lib.wait import free_port

GET, ACCEPT = 1, 17


class PushSessions(Scene):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.link = {"driver": "coap-server", "listen": "127.0.0.1:%d" % self.port,
                     "rate": "1000/s"}
        self.config["links"] = {"push": self.link}
        self.config["devices"] = {"buoy": config.coap_device("push", "1m", {
            "temp": {"property": "x_test", "unit": "1", "senml": "temp"}})}

    def start(self):
        self.gateway.start()
        self.eventually(lambda: "'push': listening on" in self.gateway.log(),
                        "the link listens", 20)

    def counts(self):
        links = self.gateway.status().get("links", [])
        return links[0].get("counts") if links else None

    def sensor(self, session=None):
        sensor = Sensor(self.port, session=session)
        self.addCleanup(sensor.socket.close)
        return sensor

    def session(self, key, local):
        """A new session, once it is there: a message of its own goes through."""
        sensor = self.sensor(Session(self.port, "buoy", key, local))
        try:
            answer = sensor.post(sensor.message([{"n": "temp", "v": 0}]), tries=5)
        except ConnectionError:
            answer = None
        return sensor if answer and answer.code == CHANGED else sensor.socket.close()

    def post(self, sensor, value):
        """The code of the answer; None where the session has ended."""
        try:
            answer = sensor.post(sensor.message([{"n": "temp", "v": value}]), tries=3)
        except (ConnectionError, OSError):
            return None
        return answer.code if answer else None

    def test_reload_with_open_sessions(self):
        keys = self.write("keys", "buoy:616263\n")
        os.chmod(keys, 0o600)
        self.link["psk_file"] = keys
        self.start()
        local = free_port()
        sensor = self.session("616263", local)
        self.assertEqual(CHANGED, self.post(sensor, 1))
        handshakes = self.counts()["handshakes"]
        self.gateway.reload()                       # nothing has changed: it goes on
        self.assertEqual(CHANGED, self.post(sensor, 2))
        self.assertEqual(handshakes, self.counts()["handshakes"])
        self.write("keys", "buoy:646566\n")
        self.gateway.reload()
        self.eventually(lambda: self.counts()["sessions"] == 0 or
                        self.post(sensor, 3) != CHANGED, "the session has ended", 20)
        self.assertNotEqual(CHANGED, self.post(sensor, 4))
        sensor.socket.close()
        again = []                                  # from the same port, as a sensor does
        self.eventually(lambda: again.append(self.session("646566", local)) or again[-1],
                        "a new session with the new key", 30)
        self.assertEqual(CHANGED, self.post(again[-1], 5))
        self.await_value("temp", 5)
        self.assertNotIn(4, self.subscriber.values("temp"))
        self.assertEqual(0, self.gateway.stop())

    def test_a_sensor_that_starts_anew(self):
        """It has lost its session, and comes again from the same port."""
        keys = self.write("keys", "buoy:616263\n")
        os.chmod(keys, 0o600)
        self.link["psk_file"] = keys
        self.start()
        local = free_port()
        self.session("616263", local).socket.close()        # without a word
        again = []
        self.eventually(lambda: again.append(self.session("616263", local)) or again[-1],
                        "a new session", 30)
        self.assertEqual(CHANGED, self.post(again[-1], 6))
        self.assertEqual(0, self.gateway.stop())

    def test_max_sessions(self):
        self.link["max_sessions"] = 2
        self.start()
        sensors = [self.sensor() for _ in range(6)]
        for i, sensor in enumerate(sensors + sensors[:1]):
            self.assertEqual(CHANGED, self.post(sensor, i))
        self.eventually(lambda: self.counts()["sessions"] <= 3, "the oldest gave way")
        self.assertEqual(7, self.counts()["accepted"])
        self.assertEqual(0, self.gateway.stop())

    def test_accept(self):
        self.start()
        sensor = self.sensor()

        def ask(accept):
            message = Message(CON, GET, 7 + accept, b"%d" % accept, [
                (URI_PATH, b".well-known"), (URI_PATH, b"core"), (ACCEPT, bytes([accept]))])
            return sensor.post(message)
        self.assertEqual(0x86, ask(50).code)
        answer = ask(40)
        self.assertEqual(0x45, answer.code)
        self.assertIn(b"</buoy>", answer.payload)
        self.assertEqual(0, self.gateway.stop())

    def test_a_slow_disk(self):
        """An empty acknowledgement goes first, the answer follows in a message of its own. The same
        message meanwhile is not stored again."""
        os.mkdir(self.path("disk"))
        self.config["storage"]["file"] = self.path("disk/readings.db")
        faults = Faults(self, self.gateway, self.path("disk"))
        self.start()
        sensor = self.sensor()
        self.assertEqual(CHANGED, self.post(sensor, 1))
        faults.set("flush_ms", 5000)
        message = sensor.message([{"n": "temp", "v": 2}])
        sensor.socket.settimeout(20)
        sensor.send(message)
        first = Message.parse(sensor.socket.recv(2048))
        self.assertEqual((ACK, 0, message.mid), (first.kind, first.code, first.mid))
        sensor.send(message)
        answer = Message.parse(sensor.socket.recv(2048))
        self.assertEqual((CON, CHANGED, message.token), (answer.kind, answer.code, answer.token))
        self.assertNotEqual(message.mid, answer.mid)
        sensor.socket.send(Message(ACK, 0, answer.mid).bytes())
        faults.set("flush_ms", 0)
        self.await_value("temp", 2)
        self.assertEqual(1, len({m.reading["id"] for m in self.subscriber.readings("temp")
                                 if m.reading["value"] == 2}))
        self.assertEqual(0, self.gateway.stop())

    def test_retained_after_old_readings(self):
        self.start()
        sensor = self.sensor()
        now = time.time()
        for value, at in ((1, now - 60), (2, now - 86400)):
            pack = [{"n": "temp", "v": value, "t": round(at, 3)}]
            self.assertEqual(CHANGED, sensor.post(sensor.message(pack)).code)
        self.await_value("temp", 2)
        self.assertEqual(0, self.gateway.stop())
        kept = [json.loads(m.payload) for topic, m in self.kept().items()
                if topic.endswith("/temp")]
        self.assertEqual([1], [reading["value"] for reading in kept])

    def kept(self):
        return retained(self, self.broker.port)


if __name__ == "__main__":
    unittest.main()
