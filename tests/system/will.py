#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""kill -9: the broker publishes the last will; a gateway that finds its own offline corrects it."""
import json
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

        self.gateway.start()
        self.eventually(lambda: self.subscriber.state(status) == "online", "online again")
        self.assertNotEqual(first["session"], self.subscriber.last(status).json["session"])

        # An old will that comes late: somebody says offline while it is there.
        before = len(self.states(status))
        self.subscriber.client.publish(
            status, json.dumps({"gateway": config.GATEWAY, "state": "offline"}), 1, True)
        # its own "online" may still come a second time, after the will that it found
        self.eventually(lambda: self.states(status)[before:][-2:] == ["offline", "online"],
                        "the correction")
        self.assertEqual(0, self.gateway.stop())

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
