#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Two units on one Modbus RTU bus, a pty pair; one of them falls silent and the other goes on."""
import time
import unittest

from lib import config
from lib.bench import Scene
from lib.modbus import RtuServer, words


class Rtu(Scene):
    def test_bus(self):
        bus = RtuServer(self, units=(5, 6))
        bus[5].set("holding", 0, words("f", 7.25, "CDAB"))
        bus[6].count("input", 100)
        self.config["links"] = {"rs485": {"driver": "modbus-rtu", "device": bus.device,
                                          "baud": 19200, "parity": "none", "stop_bits": 1}}
        self.config["devices"] = {
            "sonde": config.modbus_device("rs485", 5, "400ms", {"level": config.register(
                0, type="float32", order="CDAB")}, timeout="300ms"),
            "rain": config.modbus_device("rs485", 6, "400ms", {"tips": config.register(
                100, table="input")}),
        }
        self.gateway.start()
        self.await_value("level", 7.25)
        self.await_value("tips", 5)

        bus.silence(5)
        silent = self.eventually(lambda: [
            m.reading for m in self.subscriber.readings("level") if m.reading["value"] is None],
            "it is told")[-1]
        self.assertEqual((9, "no_response"), (silent["qc"], silent["reason"]))
        neighbours = len(self.subscriber.readings("tips"))
        self.await_readings(neighbours + 5, point="tips")

        bus.revive(5)
        self.eventually(lambda: self.subscriber.readings("level")[-1].reading["value"] == 7.25,
                        "the unit comes back", 40)
        served = bus[6].served("input", 100, time.time() - 1)
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: served <= self.subscriber.values("tips"), "all that was read")
        self.assertEqual([], bus.writes())


if __name__ == "__main__":
    unittest.main()
