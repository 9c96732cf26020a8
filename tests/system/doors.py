#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Two doors to one town: when the first closes the gateway goes on through the second, and back
when it opens again; nothing is lost, and in the end no door says that the gateway is offline."""
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.broker import Broker
from lib.subscriber import Subscriber, retained


class Doors(Scene):
    def doors(self, *lines):
        self.second = Broker(self, "second", lines=lines)
        self.second.start()
        self.other = Subscriber(self, self.second.port)
        self.urls = ["mqtt://127.0.0.1:%d" % port for port in (self.broker.port, self.second.port)]
        self.config["mqtt"]["main"] = config.broker(0, servers=self.urls, return_after="1s")
        self.counters(1)

    def at(self, door):
        destination = next(iter(self.gateway.status().get("destinations", [])), {})
        return destination.get("connected") and destination["server"] == self.urls[door]

    def states(self):
        topic = config.status_topic()
        return [retained(self, broker.port)[topic].json["state"]
                for broker in (self.broker, self.second)]

    def there_and_back(self):
        self.gateway.start()
        self.await_value("c00", 3)
        self.broker.stop()
        self.eventually(lambda: self.at(1), "through the second")
        value = self.server[1].last("holding", 0) + 5
        self.eventually(lambda: value in self.other.values("c00"), "it goes on there")
        self.assertFalse(self.at(0))
        self.broker.start()
        self.eventually(lambda: self.at(0), "back to the first", 20)
        self.await_value("c00", self.server[1].last("holding", 0) + 5)

    def complete(self):
        until = time.time()
        self.eventually(lambda: self.server[1].served("holding", 0, until)
                        <= self.subscriber.values("c00") | self.other.values("c00"), "all of them")

    def test_one_town(self):
        """A bridge between the two: the second's will comes to the first."""
        self.doors("connection first", "address 127.0.0.1:%d" % self.broker.port,
                   "topic # both 1", "restart_timeout 1", "cleansession false")
        self.there_and_back()
        self.complete()
        self.eventually(lambda: self.states() == ["online", "online"], "online everywhere", 20)
        self.assertIn("returning to it", self.gateway.log())
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.states() == ["offline", "offline"], "offline everywhere")

    def test_two_that_share_nothing(self):
        """What the second is left with is the truth of the second: nobody publishes there."""
        self.doors()
        self.there_and_back()
        self.complete()
        self.eventually(lambda: self.states() == ["online", "offline"], "as it is")
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
