#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""kill -9: the broker publishes the last will; a gateway that finds its own offline corrects it."""
import re
import unittest

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


if __name__ == "__main__":
    unittest.main()
