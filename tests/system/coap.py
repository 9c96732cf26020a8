#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Resources of a CoAP server: text, JSON by pointer, a missing one; a server that is gone."""
import unittest

from lib import config
from lib.bench import Scene
from lib.wait import free_port

TEXT, JSON = 0, 50      # content formats


class Coap(Scene):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.uri = "coap://127.0.0.1:%d" % self.port
        self.start_sensor()

    def start_sensor(self):
        self.sensor = self.spawn(["coap-server-openssl", "-A", "127.0.0.1", "-p", self.port,
                                  "-d", 20], "coap.log")
        self.eventually(lambda: self.put("ready", TEXT, "1"), "the CoAP server answers")

    def put(self, path, content_format, text):
        done = self.run_program(["coap-client-openssl", "-B", 2, "-m", "put", "-t", content_format,
                                 "-e", text, "%s/%s" % (self.uri, path)])
        return done.returncode == 0 and not done.stderr

    def last(self, point):
        found = self.subscriber.readings(point)
        return found[-1].reading if found else {}

    def test_resources(self):
        self.assertTrue(self.put("pm25", TEXT, "12.3"))
        self.assertTrue(self.put("api", JSON, '{"gas":{"no2":31,"o3":null}}'))
        self.config["links"] = {"pond": {"driver": "coap", "uri": self.uri}}
        self.config["devices"] = {"node": config.coap_device("pond", "500ms", timeout="2s", points={
            "pm25": {"path": "/pm25", "unit": "ug/m3"},
            "no2": {"path": "/api", "json": "/gas/no2", "unit": "ug/m3"},
            "o3": {"path": "/api", "json": "/gas/o3", "unit": "ug/m3"},
            "so2": {"path": "/absent", "unit": "ug/m3"},
        })}
        self.gateway.start()
        self.await_value("pm25", 12.3)
        self.await_value("no2", 31)
        self.eventually(lambda: self.last("so2").get("reason") == "coap:4.04", "4.04 as reason")
        self.assertEqual((None, 9), (self.last("so2")["value"], self.last("so2")["qc"]))
        self.assertIsNone(self.last("o3").get("value"))
        self.assertEqual(config.reading_topic("air", "pm25"),
                         self.subscriber.readings("pm25")[0].topic)

        self.assertTrue(self.put("pm25", TEXT, "99.5"))
        self.await_value("pm25", 99.5)

        self.end(self.sensor)
        self.eventually(lambda: self.last("pm25")["qc"] == 9, "a dead server is told", 20)
        self.assertIn(self.last("pm25")["reason"], ("no_response", "link_down"))
        self.start_sensor()
        self.assertTrue(self.put("pm25", TEXT, "4.5"))
        self.await_value("pm25", 4.5, 30)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
