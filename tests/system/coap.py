#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Resources of a CoAP server: text, JSON by pointer, SenML, CBOR, TLV, a missing one; a server that
is gone."""
import tempfile
import unittest

from lib import config
from lib.bench import Scene
from lib.relay import Relay
from lib.wait import free_port

TEXT, JSON, CBOR, SENML_JSON, SENML_CBOR, TLV = 0, 50, 60, 110, 112, 11542  # content formats


class Coap(Scene):
    def setUp(self):
        super().setUp()
        self.port = free_port(2)   # the next is for DTLS
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

    def put_bytes(self, path, content_format, payload):
        with tempfile.NamedTemporaryFile() as f:
            f.write(payload)
            f.flush()
            done = self.run_program(["coap-client-openssl", "-B", 2, "-m", "put",
                                     "-t", content_format, "-f", f.name,
                                     "%s/%s" % (self.uri, path)])
        return done.returncode == 0 and not done.stderr

    def last(self, point):
        found = self.subscriber.readings(point)
        return found[-1].reading if found else {}

    def test_packs(self):
        """SenML in both forms, CBOR and TLV, each in the unit that the server tells."""
        self.assertTrue(self.put("all", SENML_JSON, '[{"bn":"urn:dev:ow:1:","bu":"kg/m3",'
                                 '"n":"pm25","v":8.4e-9},{"n":"pm10","u":"mg/m3","v":0.0192},'
                                 '{"n":"temp","u":"K","v":293.15},{"n":"noise","u":"V","v":1}]'))
        # [{bn "x:", n "no2", u "ug/m3", v 4([-1, 315])}]
        self.assertTrue(self.put_bytes("cbor", SENML_CBOR, bytes.fromhex(
            "81a42162783a00636e6f32016575672f6d3302c4822019013b")))
        self.assertTrue(self.put_bytes("map", CBOR, bytes.fromhex("a1636f7a6ffb4044c00000000000")))
        self.assertTrue(self.put_bytes("3304/0", TLV, bytes.fromhex("e41644424a0000e31645255248")))
        self.config["links"] = {"pond": {"driver": "coap", "uri": self.uri}}
        self.config["devices"] = {"node": config.coap_device("pond", "500ms", timeout="2s", points={
            "pm25": {"path": "/all", "senml": "urn:dev:ow:1:pm25"},
            "pm10": {"path": "/all", "senml": "pm10"},
            "air_temperature": {"path": "/all", "senml": "temp"},
            "sound_level": {"path": "/all", "senml": "noise"},
            "no2": {"path": "/cbor", "senml": "no2"},
            "o3": {"path": "/map", "json": "/ozo", "unit": "ug/m3"},
            "relative_humidity": {"path": "/3304/0", "senml": "3304/0/5700"},
        })}
        self.gateway.start()
        for point, value in (("pm25", 8.4), ("pm10", 19.2), ("air_temperature", 20),
                             ("no2", 31.5), ("o3", 41.5), ("relative_humidity", 50.5)):
            self.await_value(point, value)
        self.eventually(lambda: self.last("sound_level").get("reason") == "decode",
                        "volts are no sound level")

    def test_tokens(self):
        """A sensor that sees its own tokens cannot tell those of its neighbours."""
        self.assertTrue(self.put("pm25", TEXT, "12.3"))
        relay = Relay(self, self.port, loss=0, delay_s=0)
        self.config["links"] = {"pond": {"driver": "coap",
                                         "uri": "coap://127.0.0.1:%d" % relay.port}}
        self.config["devices"] = {"node": config.coap_device(
            "pond", "200ms", timeout="2s", points={"pm25": {"path": "/pm25", "unit": "ug/m3"}})}
        self.gateway.start()
        self.eventually(lambda: len(relay.from_client) > 20, "requests", 20)
        # one of each request: the same is sent again where its answer is late
        requests = {m.mid: m.token for _, m in list(relay.from_client) if m.code == 1}
        self.assertEqual({4}, {len(t) for t in requests.values()})
        tokens = [int.from_bytes(t, "big") for t in requests.values()]
        self.assertEqual(len(tokens), len(set(tokens)))
        for order in "big", "little":
            values = [int.from_bytes(t.to_bytes(4, "big"), order) for t in tokens]
            near = [b for a, b in zip(values, values[1:]) if (b - a) % 2 ** 32 < 1000]
            self.assertEqual([], near)
        self.assertEqual(0, self.gateway.stop())

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
