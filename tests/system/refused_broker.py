#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A wrong password: the gateway keeps its readings, says what is wrong once, tries again with
pauses, and delivers everything when the password file is put right."""
import time
import unittest

from lib.bench import SystemTest
from lib import config
from lib.broker import Broker
from lib.gateway import Gateway
from lib.modbus import TcpServer
from lib.subscriber import Subscriber


class RefusedBroker(SystemTest):
    def test_wrong_password(self):
        broker = Broker(self, users={"gateway": "right", "reader": "reader"})
        broker.start()
        subscriber = Subscriber(self, broker.port, user="reader", password="reader")
        server = TcpServer(self)
        server[1].count("holding", 0)
        secret = self.write("secret", "wrong\n")
        settings = config.base(broker.port, username="gateway", password_file=secret)
        settings["links"]["plc"] = {"driver": "modbus-tcp", "host": "127.0.0.1",
                                    "port": server.port}
        settings["devices"]["probe"] = config.modbus_device(
            "plc", 1, "200ms", {"level": config.register(0)})
        began = time.monotonic()
        self.gateway = gateway = Gateway(self, settings).start()

        self.eventually(lambda: self.destination().get("backlog", 0) > 20, "a backlog grows", 20)
        backlog = self.destination()["backlog"]
        # beside readings gaps and accounts are numbered
        self.assertLess(backlog, server[1].last("holding", 0) + 20, "readings that nobody took")
        self.assertFalse(self.destination()["connected"])
        self.assertIn("authori", self.gateway.ctl("status").stdout.lower())
        lines = [l for l in gateway.log().splitlines() if "authori" in l.lower()]
        self.assertEqual(1, len(lines), lines)
        self.assertNotIn("wrong", gateway.log())
        # Attempts pause instead of knocking without end; one more is the subscriber, one the
        # test's own look whether the broker listens, one may be under way.
        knocks = broker.log().count("New connection")
        self.assertLessEqual(knocks, 3 + (time.monotonic() - began) / 0.4)
        self.assertEqual([], subscriber.readings())

        self.write("secret", "right\n")
        self.eventually(subscriber.readings, "readings come once the password is right", 70)
        served = server[1].served("holding", 0, time.time())
        self.await_sent()
        self.eventually(lambda: served <= subscriber.values("level"), "all that was read")
        self.assertEqual(0, gateway.stop())

    def destination(self):
        return next(iter(self.gateway.status().get("destinations", [])), {})


if __name__ == "__main__":
    unittest.main()
