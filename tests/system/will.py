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
        self.eventually(lambda: self.states(status)[before:] == ["offline", "online"],
                        "the correction")
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
