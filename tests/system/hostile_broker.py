#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A broker that does what no broker should: told by its cause, answered with pauses and not with
haste, and when it is well again everything is there."""
import json
import os
import time
import unittest

from lib import config, fake_broker
from lib.bench import SystemTest
from lib.fake_broker import CONNACK, DISCONNECT, PUBACK, PUBLISH, FakeBroker, packet, text
from lib.gateway import Gateway
from lib.modbus import TcpServer


class Broker(FakeBroker):
    """`greet` and `answer`, where set, stand for what a broker should do."""
    greet = answer = None
    held = ()

    def on_connect(self, client, body):
        return self.greet(client) if self.greet else super().on_connect(client, body)

    def on_publish(self, client, message):
        if self.answer:
            self.answer(client, message)
        else:
            super().on_publish(client, message)


class HostileBroker(SystemTest):
    def setUp(self):
        super().setUp()
        self.broker = Broker(self).start()
        self.server = TcpServer(self)
        self.server[1].count("holding", 0)
        self.config = config.base(self.broker.port)
        self.config["links"]["plc"] = {
            "driver": "modbus-tcp", "host": "127.0.0.1", "port": self.server.port}
        self.config["devices"]["probe"] = config.modbus_device(
            "plc", 1, "100ms", {"c00": config.register(0)})
        self.gateway = Gateway(self, self.config)

    def destination(self):
        return next(iter(self.gateway.status().get("destinations", [])), {})

    def polls(self):
        return max(self.server[1].served("holding", 0, time.time()), default=0)

    def ticks(self):
        with open("/proc/%d/stat" % self.gateway.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def told(self, cause, count=30):
        """The cause is in the status, and `count` polls long no haste is seen."""
        self.eventually(lambda: cause in self.destination().get("error", ""), cause, 25)
        polls, connects, ticks = self.polls(), self.broker.connects, self.ticks()
        began = time.monotonic()
        self.eventually(lambda: self.polls() >= polls + count, "polls", 30)
        # read before the clock is: a busy machine makes attempts rarer, and polls as well
        connects, ticks = self.broker.connects - connects, self.ticks() - ticks
        took = time.monotonic() - began
        # one attempt in half a second at most, and one that was under way
        self.assertLessEqual(connects, took / 0.4 + 1)
        # a thread that spins would take what there is; the gateway's own work is a small part
        self.assertLess(ticks / os.sysconf("SC_CLK_TCK"), 0.5 * took + 0.5)

    def well(self):
        self.broker.greet = self.broker.answer = None
        for client in list(self.broker.clients):
            client.close()
        self.complete()

    def complete(self):
        until = time.time()
        served = self.server[1].served("holding", 0, until)
        self.eventually(lambda: served <= {json.loads(m.payload)["value"]
                                           for m in self.broker.readings()}, "all of them", 30)
        return served

    # ---- how it receives us ----

    def test_how_it_receives_us(self):
        self.broker.greet = lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"<p>" * 90)
        self.gateway.start()
        self.told("protocol error")
        for cause, greet in (
                ("closed the connection", lambda c: (c.send(packet(CONNACK, b"\0\0\0")[:2]),
                                                   c.close())),
                ("Not authorized (0x87), who are you?",
                 lambda c: c.send(packet(CONNACK, b"\0\x87" + self.reason("who are you?")))),
                # the will: too long, or not to be retained
                ("Packet too large (0x95)", lambda c: c.send(packet(CONNACK, b"\0\x95\0"))),
                ("Retain not supported (0x9a)", lambda c: c.send(packet(CONNACK, b"\0\x9a\0"))),
                ("Use another server (0x9c), it names elsewhere.example",
                 lambda c: c.send(packet(CONNACK, b"\0\x9c" + self.reason(
                     "elsewhere.example", fake_broker.SERVER_REFERENCE)))),
                ("version: 3.1.1", lambda c: c.send(packet(CONNACK, b"\0\1"))),
                ("packets of 20 bytes", lambda c: c.send(packet(
                    CONNACK, b"\0\0\5" + fake_broker.property_u32(
                        fake_broker.MAXIMUM_PACKET_SIZE, 20)))),
                ("QoS 0 alone", lambda c: c.send(packet(CONNACK, b"\0\0\2\x24\0")))):
            self.broker.greet = greet
            self.told(cause, 10)
        self.well()
        self.assertEqual(0, self.gateway.stop())

    @staticmethod
    def reason(words, kind=fake_broker.REASON_STRING):
        properties = bytes([kind]) + text(words)
        return bytes([len(properties)]) + properties

    # ---- how it treats what we send ----

    def test_acknowledgements_of_its_own(self):
        def twice_and_more(client, message):
            self.broker.messages.append(message)
            for mid in (message.mid, message.mid, 60000, message.mid):
                self.broker.acknowledge(client, mid)
            client.send(packet(5, b"\0\1") + packet(7, b"\0\2") + packet(11, b"\0\3\0"))

        self.broker.answer = twice_and_more
        self.gateway.start()
        self.eventually(lambda: len(self.broker.readings()) > 20, "readings", 20)
        self.complete()
        # half an acknowledgement, and the end
        self.broker.answer = lambda c, m: (c.send(packet(PUBACK, b"\0\1")[:3]), c.close())
        self.told("closed the connection")
        self.well()
        self.assertEqual(0, self.gateway.stop())
        lost = [m for m in self.broker.messages if m.topic.endswith("/gaps")
                and "rejected" in m.payload.decode()]
        self.assertEqual([], lost)

    def test_leaves_with_a_reason(self):
        for code, cause in ((b"\x8b", "shutting down (0x8b)"), (b"\x97", "Quota exceeded (0x97)"),
                            (b"\x9d", "Server moved (0x9d)")):
            self.broker.answer = lambda c, m, code=code: (
                c.send(packet(DISCONNECT, code)), c.close())
            if not self.gateway.process:
                self.gateway.start()
            self.told(cause, 10)
        self.well()
        self.assertEqual(0, self.gateway.stop())

    def test_refused_for_now_and_for_good(self):
        full = []

        def quota(client, message):
            full.append(message)
            self.broker.acknowledge(client, message.mid, 0x97)

        self.broker.answer = quota
        self.gateway.start()
        self.told("0x97")
        self.well()                         # nothing of it is lost
        self.assertTrue([m for m in full if "/obs/" in m.topic])

        denied = set()

        def deny(client, message):
            reading = json.loads(message.payload)
            if "/obs/" in message.topic and reading["value"] % 3 == 0:
                denied.add(reading["value"])
                self.broker.acknowledge(client, message.mid, 0x99)
            else:
                FakeBroker.on_publish(self.broker, client, message)

        self.broker.answer = deny
        self.eventually(lambda: len(denied) >= 5, "denied readings")
        self.eventually(self.gaps, "a gap")
        self.broker.answer = None
        self.assertEqual(0, self.gateway.stop())
        taken = {json.loads(m.payload)["value"] for m in self.broker.readings()}
        self.assertEqual(set(), taken & denied)
        self.assertEqual({"rejected:153"}, {g["reason"] for g in self.gaps()})
        self.gateway.start()
        self.eventually(lambda: sum(g["count"] for g in self.gaps()) == len(denied),
                        "each is told")
        self.complete_but(denied)
        self.assertEqual(0, self.gateway.stop())

    def complete_but(self, denied):
        served = self.server[1].served("holding", 0, time.time()) - denied
        self.eventually(lambda: served <= {json.loads(m.payload)["value"]
                                           for m in self.broker.readings()}, "the others")

    def gaps(self):
        gaps = {}
        for m in self.broker.messages:
            if m.topic.endswith("/gaps"):
                gap = json.loads(m.payload)
                if gap["reason"].startswith("rejected"):
                    gaps[gap["id"]] = gap
        return list(gaps.values())

    def test_properties_that_nobody_knows(self):
        # what libmosquitto had allocated for such a packet is lost, and a sanitizer would tell
        with open(self.path("leaks"), "w") as f:
            f.write("leak:libmosquitto\n")
        self.gateway.prefix = ["env", "LSAN_OPTIONS=suppressions=%s:print_suppressions=0"
                               % self.path("leaks")]
        # 0x78 is none of MQTT 5's
        unknown = b"\1\x78"
        self.broker.greet = lambda c: c.send(packet(CONNACK, b"\0\0" + unknown))
        self.gateway.start()
        self.told("a property that MQTT does not have", 10)
        self.broker.greet = None
        for answer in (
                lambda c, m: c.send(packet(PUBACK, m.mid.to_bytes(2, "big") + b"\0" + unknown)),
                lambda c, m: c.send(packet(PUBLISH, text("any") + unknown + b"x"))):
            self.well()
            self.broker.answer = answer
            self.told("a property that MQTT does not have", 10)
        self.well()
        self.assertEqual(0, self.gateway.stop())

    # ---- what it takes ----

    def test_what_it_takes(self):
        self.broker.properties = (fake_broker.property_u16(fake_broker.RECEIVE_MAXIMUM, 2) +
                                  bytes([fake_broker.RETAIN_AVAILABLE, 0]) +
                                  bytes([fake_broker.MAXIMUM_QOS, 1]))
        self.config["mqtt"]["main"].update(qos=2, backlog_rate="1000/s")
        held, most = [], []

        def hold(client, message):
            """Answers only when nothing more comes for a while."""
            held.append(message.mid)
            most.append(len(held))
            self.broker.messages.append(message)

        self.broker.answer = hold
        self.gateway.start()
        self.eventually(lambda: len(held) == 2, "two messages")
        polls = self.polls()
        self.eventually(lambda: self.polls() > polls + 10, "there is more to send")
        self.assertEqual(2, len(held))
        status = self.destination()
        self.assertEqual((2, 1, True), (status["broker_inflight"], status["broker_qos"],
                                        status["broker_retains_nothing"]))
        self.broker.answer = None
        client = self.broker.clients[0]
        for mid in held:
            self.broker.acknowledge(client, mid)
        self.complete()
        self.assertEqual({(1, False)}, {(m.qos, m.retain) for m in self.broker.messages})
        self.assertEqual(0, self.gateway.stop())

    def test_too_long_for_it(self):
        """What is longer than the broker takes is told, and the rest is not held up by it."""
        # names as long as they may be make the readings of one point longer than all else
        long = "p" * 60
        self.server[1].count("holding", 1)
        self.config["stations"]["s" * 60] = {"title": "Far"}
        self.config["devices"]["d" * 60] = dict(config.modbus_device(
            "plc", 1, "1s", {long: config.register(1)}), station="s" * 60)
        self.gateway.start()
        self.eventually(lambda: [m for m in self.broker.messages if m.topic.endswith(long)], "one")
        # documents that are longer are refused as well
        most = min(m.size for m in self.broker.readings() if m.topic.endswith(long)) - 1
        self.broker.properties = fake_broker.property_u32(fake_broker.MAXIMUM_PACKET_SIZE, most)
        first, = self.broker.clients
        first.close()
        first.join()                        # from now on what comes is of the next connection
        before = len(self.broker.messages)
        self.eventually(lambda: self.gaps(), "a gap", 90)
        self.complete()
        self.assertEqual({("rejected:149", long)},
                         {(g["reason"], g["point"]) for g in self.gaps()})
        self.assertLessEqual(max(m.size for m in self.broker.messages[before:]), most)
        self.assertGreater(self.destination()["refused"], 0)
        self.assertEqual(2, self.broker.connects)
        told = {u["topic"]: u["why"] for u in self.destination()["documents_not_sent"]}
        self.assertTrue(told)
        self.assertEqual({"too_long_for_broker"}, set(told.values()))
        topic = next(iter(told))
        # once, however often it was tried
        self.assertEqual(1, self.gateway.log().count("document '%s' is not published" % topic))
        self.assertEqual(0, self.gateway.stop())

    def test_ends_the_connection_on_a_message(self):
        """The message is found, told as a gap, and nothing else waits for it any longer."""
        self.server[1].count("holding", 1)
        self.config["devices"]["other"] = config.modbus_device(
            "plc", 1, "30s", {"c01": config.register(1)})
        poison = "/c01"

        def end(client, message):
            if message.topic.endswith(poison):
                client.close()
            else:
                FakeBroker.on_publish(self.broker, client, message)

        self.broker.answer = end
        self.gateway.start()
        self.eventually(lambda: self.gaps(), "a gap", 100)
        self.assertEqual({("rejected:128", "c01")},
                         {(g["reason"], g["point"]) for g in self.gaps()})
        self.assertLessEqual(self.broker.connects, 20)
        polled = self.polls() # by now; the next of the others may hold up what comes later
        self.eventually(lambda: {polled} <= {json.loads(m.payload)["value"]
                                             for m in self.broker.readings()}, "the other", 60)
        self.assertIn(self.destination()["ended_connection"], (1, 2, 3))
        self.assertIn(" messages given up, on which the broker ends the connection",
                      self.gateway.ctl("status").stdout)
        self.assertIn("the broker ends the connection whenever message", self.gateway.log())
        self.assertEqual(0, self.gateway.stop())

    def test_ends_the_connection_on_a_document(self):
        poison = "/asyncapi"

        def end(client, message):
            if message.topic.endswith(poison):
                client.close()
            else:
                FakeBroker.on_publish(self.broker, client, message)

        self.broker.answer = end
        self.gateway.start()
        self.eventually(lambda: self.destination().get("documents_not_sent"), "it is told", 60)
        (untold,) = self.destination()["documents_not_sent"]
        self.assertEqual("ends_connection", untold["why"])
        self.assertTrue(untold["topic"].endswith(poison))
        self.assertRegex(self.gateway.ctl("status").stdout,
                         r"/asyncapi +main +the broker ends the connection whenever it comes")
        self.complete()
        self.assertEqual([], self.gaps())
        self.assertEqual(0, self.gateway.stop())

    # ---- what it sends ----

    def flood(self, what):
        def send(client, message):
            try:
                while True:
                    client.connection.sendall(what)
            except OSError:
                pass

        self.broker.answer = send
        self.told("far more than was asked for", 10)
        self.well()

    def test_floods(self):
        self.gateway.start()
        self.eventually(lambda: self.broker.readings(), "readings")
        self.flood(packet(PUBLISH, text("any/topic") + b"\0" + b"x" * 50))
        # one packet, of the greatest length there is
        self.flood(bytes([PUBLISH << 4, 0xff, 0xff, 0xff, 0x7f]) + b"\0\3abc\0" + b"x" * 65536)
        self.assertEqual(0, self.gateway.stop())

    def test_offline_without_end(self):
        """Somebody who says offline whenever we say online is answered with pauses."""
        topic, will = config.status_topic(), b'{"gateway":"test-01","state":"offline"}'

        def contradict(client, message):
            FakeBroker.on_publish(self.broker, client, message)
            if message.topic == topic and b'"online"' in message.payload:
                self.broker.publish(client, topic, will)

        self.broker.answer = contradict
        self.gateway.start()
        self.eventually(lambda: self.polls() > 80, "polls", 30)
        said = [m for m in self.broker.messages if m.topic == topic]
        self.assertGreater(len(said), 2)
        self.assertLess(len(said), 10)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
