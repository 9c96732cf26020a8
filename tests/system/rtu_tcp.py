#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Two units behind a serial server that passes RTU frames over TCP: one falls silent and comes
back, the server goes away and comes back."""
import unittest

from lib import config
from lib.bench import Scene
from lib.modbus import RtuTcpServer, words


class RtuTcp(Scene):
    def test_serial_server(self):
        server = RtuTcpServer(self, units=(5, 254))
        server[5].set("holding", 0, words("f", 7.25, "CDAB"))
        server[254].count("input", 100)
        self.config["links"] = {"moxa": {"driver": "modbus-rtu-tcp", "host": "127.0.0.1",
                                         "port": server.port}}
        self.config["devices"] = {
            "sonde": config.modbus_device("moxa", 5, "400ms", {"level": config.register(
                0, type="float32", order="CDAB")}, timeout="300ms"),
            "rain": config.modbus_device("moxa", 254, "400ms", {"tips": config.register(
                100, table="input")}),
        }
        self.gateway.start()
        self.await_value("level", 7.25)
        self.await_value("tips", 5)

        server.silence(5)
        silent = self.eventually(lambda: [
            m.reading for m in self.subscriber.readings("level") if m.reading["value"] is None],
            "it is told")[-1]
        self.assertEqual((9, "no_response"), (silent["qc"], silent["reason"]))
        neighbours = len(self.subscriber.readings("tips"))
        self.await_readings(neighbours + 5, point="tips")
        server.revive(5)
        self.eventually(lambda: self.subscriber.readings("level")[-1].reading["value"] == 7.25,
                        "the unit comes back", 40)

        server.stop()
        self.await_value("tips", None)
        server.start()
        seen = len(self.subscriber.readings("tips"))
        self.eventually(lambda: any(r.reading["value"] is not None for r in
                                    self.subscriber.readings("tips")[seen:]),
                        "the server comes back", 60)
        self.assertEqual(0, self.gateway.stop())
        self.assertEqual([], server.writes())


if __name__ == "__main__":
    unittest.main()
