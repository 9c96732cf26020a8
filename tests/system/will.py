#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""kill -9: the broker publishes the last will; a gateway that finds its own offline corrects it."""
import re
import unittest

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lib import config
from lib.bench import Scene
from lib.subscriber import retained


class Will(Scene):
    def states(self, status):
        return [m.json["state"] for m in self.subscriber.messages(status)]

    def test_will(self):
        status = config.status_topic()
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 2)
        first = self.subscriber.last(status).json
        self.gateway.kill()
        self.eventually(lambda: self.subscriber.state(status) == "offline", "the last will")
        kept = retained(self, self.broker.port)
        self.assertEqual("offline", kept[status].json["state"])
        self.assertEqual(config.GATEWAY, kept[status].json["gateway"])

        before, log = len(self.states(status)), len(self.broker.log())
        self.gateway.start()
        self.eventually(lambda: self.subscriber.state(status) == "online", "online again")
        self.assertNotEqual(first["session"], self.subscriber.last(status).json["session"])

        # An old will that comes late: somebody says offline while it is there.
        self.eventually(lambda: len(self.heard(log, kept[status])) == 2, "it hears its old will")
        corrected = len(self.states(status))
        self.subscriber.client.publish(status, kept[status].payload, 1, True)
        self.eventually(lambda: "offline" in self.states(status)[corrected:] and
                        self.subscriber.state(status) == "online", "the correction")
        self.assertEqual("online", retained(self, self.broker.port)[status].json["state"])
        self.assertEqual(0, self.gateway.stop())

        # Its old will came twice, from its session and as what the topic kept. Beside its first
        # word it says online again for what it hears, once for each at most.
        self.assertEqual([("0", "session"), ("1", "topic"), ("0", "by hand")],
                         list(zip(self.heard(log, kept[status]), ("session", "topic", "by hand"))))
        said = self.states(status)[before:]
        self.assertEqual(2, said.count("offline"), said)
        self.assertEqual(["online", "offline"], said[-2:])
        self.assertIn(said.count("online"), (2, 3, 4), said)

    def heard(self, log, will):
        """The retain flags of the wills that the broker gave to the gateway."""
        return re.findall(r"Sending PUBLISH to %s-main \(d0, q1, r(\d), m\d+, '%s', \.\.\. "
                          r"\(%d bytes\)\)" % (config.GATEWAY, will.topic, len(will.payload)),
                          self.broker.log()[log:])

    def test_a_destination_that_is_left_hears_offline(self):
        """Its broker must not show the gateway as online for ever, whatever the version."""
        self.counters(1)
        for version in (5, "3.1.1"):
            self.config["mqtt"]["left"] = config.broker(
                self.broker.port, prefix="left%s" % version, version=version, client_id="left")
            if version == 5:
                self.gateway.start()
            else:
                self.gateway.reload()
            status = "left%s/gateways/%s/status" % (version, config.GATEWAY)
            self.eventually(lambda: self.subscriber.state(status) == "online", "online there")
            del self.config["mqtt"]["left"]
            self.gateway.reload()
            self.eventually(lambda: self.subscriber.state(status) == "offline", "left: offline")
        self.assertEqual("online", self.subscriber.state(config.status_topic()))
        self.assertEqual(0, self.gateway.stop())

    def leave_a_will(self, topic, delay_s):
        """Of a client that is cut off now."""
        client = mqtt.Client("witness", protocol=mqtt.MQTTv5)
        wait, session = Properties(PacketTypes.WILLMESSAGE), Properties(PacketTypes.CONNECT)
        wait.WillDelayInterval, session.SessionExpiryInterval = delay_s, 3600
        client.will_set(topic, "{}", 1, properties=wait)
        joined = []
        client.on_connect = lambda *_: joined.append(True)
        client.connect("127.0.0.1", self.broker.port, properties=session)
        while not joined:
            client.loop(0.1)
        client.socket().close()

    def test_a_delayed_will_does_not_come_behind_the_end_of_its_topic(self):
        """A new prefix and a new client id: nobody takes the old session back, so its will comes,
        and what it tells stays retained where nobody clears it any more."""
        self.counters(1)
        for version, delay in ((5, "2s"), ("3.1.1", "0s")):
            old = "old%s/gateways/%s/status" % (version, config.GATEWAY)
            for name in ("old", "new"):
                self.config["mqtt"]["main"] = config.broker(
                    self.broker.port, prefix="%s%s" % (name, version), version=version,
                    client_id="%s%s" % (name, version), will_delay=delay)
                if self.gateway.process:
                    self.gateway.reload()
                else:
                    self.gateway.start()
                status = "%s%s/gateways/%s/status" % (name, version, config.GATEWAY)
                self.eventually(lambda s=status: self.subscriber.last(s) and
                                self.subscriber.state(s) == "online", "online there")
            self.eventually(lambda: not self.subscriber.last(old).payload, "it is cleared")
            self.leave_a_will("witness%s" % version, 2)
            self.eventually(lambda: self.subscriber.messages("witness%s" % version),
                            "a will that is younger has come")
            self.assertNotIn(old, retained(self, self.broker.port))
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
