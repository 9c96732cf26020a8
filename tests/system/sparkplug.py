#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Sparkplug, heard by a host that decodes with npm's sparkplug-payload: births before data, each
number in order, values, units and times those of the `json` payload, rebirth on command, deaths of
the node and of devices, what was missed as history, and a primary host that is waited for."""
import time
import unittest

from lib import config, sparkplug
from lib.bench import Scene, SystemTest
from lib.fake_broker import SUBACK, FakeBroker, packet
from lib.gateway import Gateway
from lib.modbus import TcpServer
from lib.subscriber import epoch

GROUP, HOST = "fjord", "scada"


def key_of(reading):
    return (reading["device"], reading["point"], round(epoch(reading["time"]) * 1000))


class Sparkplug(Scene):
    units = (1, 2)

    def setUp(self):
        super().setUp()
        sparkplug.require(self)
        self.host = sparkplug.Host(self, self.subscriber, GROUP)
        self.config["mqtt"]["main"].update(payload=["json", "sparkplug"],
                                           sparkplug={"group": GROUP})

    def started(self, births=1):
        self.eventually(lambda: len(self.host.messages("NBIRTH")) >= births, "NBIRTH", 20)
        return self.host.messages("NBIRTH")[-1]

    def destination(self, name="main.sparkplug"):
        return next((d for d in self.gateway.status().get("destinations", [])
                     if d["name"] == name), {})

    def assert_same_as_json(self, readings, seconds=15):
        """All of these readings were told as Sparkplug, with the same value, unit and flag."""
        def missing():
            told = {(t["device"], t["name"], t["time_ms"]): t for t in self.host.told()}
            for m in readings:
                r = m.json
                t = told.get(key_of(r))
                if not t and r["qc"] == 9 and self.host.messages("DDEATH", r["device"]):
                    continue        # its death said so
                if not t:
                    return r
                self.assertEqual((r["value"], r["unit"], r["qc"]),
                                 (t["value"], t["unit"], t["qc"]), (r, t))
                self.assertEqual({1: 192, 2: 192, 3: 192, 4: 0}.get(r["qc"], t["quality"]),
                                 t["quality"], (r, t))
            return None
        self.eventually(lambda: not missing(), "what json told", seconds)

    def test_values_are_those_of_json(self):
        self.counters(2, interval="100ms")
        unit = self.server[2]
        unit.set("holding", 0, [194, 0xFFFB, 0x419B, 0x3333, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF])
        unit.set("coil", 0, [1])
        unit.set("holding", 10, [0x6F70, 0x656E])
        points = {
            "water_temperature": {"table": "holding", "address": 0, "type": "u16", "scale": 0.1,
                                  "unit": "Cel"},
            "x_below": {**config.register(1), "type": "i16", "property": "x_below"},
            "ph": {"table": "holding", "address": 2, "type": "float32", "unit": "[pH]",
                   "qc": {"gross_range": {"fail": [0, 14]}}},
            "x_far": {**config.register(4), "type": "u64", "property": "x_far"},
            "x_open": {"table": "coil", "address": 0, "type": "bool", "property": "x_open",
                       "unit": "1"},
            "x_word": {**config.register(10), "type": "string(2)", "property": "x_word"},
        }
        self.config["devices"]["many"] = config.modbus_device("plc", 2, "200ms", points)
        self.gateway.start()
        self.started()
        # more messages than there are sequence numbers
        self.eventually(lambda: len(self.host.messages()) > 300, "300 messages", 60)
        readings = self.subscriber.readings()
        texts = {str(m.json["value"]) for m in readings}
        self.assertLessEqual({"19.4", "-5", "19.4", "open", "True"}, texts)
        self.assert_same_as_json([m for m in readings if m.json["value"] != 2 ** 64 - 1])
        # the package reads 64 bits into a double
        far = {float(t["value"]) for t in self.host.told() if t["name"] == "x_far"}
        self.assertEqual({float(2 ** 64 - 1)}, far)
        self.assertEqual([], [t for t in self.host.told() if t["historical"]
                              and t["time_ms"] > self.host.messages("NBIRTH")[0].time_ms + 1000])
        # topics that are no other's, and nothing of a poll in two messages
        self.assertEqual({"many", "probe", None}, {m.device for m in self.host.messages()})
        data = self.host.messages("DDATA", "many")
        self.assertEqual(len(points), max(len(m.metrics) for m in data))
        self.eventually(lambda: self.destination()["acknowledged"] > 100, "acknowledged")
        self.assertTrue(self.destination()["sparkplug"]["born"])
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.host.messages()[-1].kind == "NDEATH", "a clean end's NDEATH")
        self.host.told()

    def test_rebirth(self):
        self.counters(1)
        self.gateway.start()
        first = self.started()
        self.eventually(lambda: self.host.messages("DDATA"), "data")
        self.host.command(b"\x0f rubbish")
        self.host.command(b"")
        self.host.ask_rebirth()
        again = self.started(2)
        self.assertEqual(first.bd_seq, again.bd_seq)
        self.eventually(lambda: len(self.host.messages("DBIRTH", "probe")) == 2, "DBIRTH again")
        count = len(self.host.messages("DDATA"))
        self.eventually(lambda: len(self.host.messages("DDATA")) > count + 3, "data goes on")
        self.assertEqual(2, len(self.host.messages("NBIRTH")))
        self.assertEqual([], self.host.messages("NDEATH"))
        self.assert_same_as_json(self.subscriber.readings())
        self.assertEqual(1, self.destination()["sparkplug"]["rebirths_asked"])

    def test_storm_of_rebirths(self):
        """A host that asks without end gets the first at once, and the rest with growing pauses."""
        self.counters(1)
        self.gateway.start()
        self.started()
        self.eventually(lambda: self.host.messages("DDATA"), "data")
        for _ in range(500):
            self.host.ask_rebirth()
        self.eventually(lambda: self.destination()["sparkplug"]["rebirths_asked"] == 500,
                        "all of them are heard", 30)
        self.started(3)
        count = len(self.host.messages("DDATA"))
        self.eventually(lambda: len(self.host.messages("DDATA")) > count + 3, "data goes on")
        self.assertLess(len(self.host.messages("NBIRTH")), 15)
        self.assert_same_as_json(self.subscriber.readings())

    def test_selection(self):
        """What `select` leaves out is in no birth either."""
        self.counters(2)
        self.config["mqtt"]["main"]["select"] = {"properties": ["x_c01"]}
        self.config["devices"]["probe"]["points"]["c01"]["property"] = "x_c01"
        self.gateway.start()
        self.started()
        self.eventually(lambda: len(self.host.messages("DDATA")) > 3, "data")
        names = {x["name"] for m in self.host.messages("DBIRTH") for x in m.metrics}
        self.assertEqual({"c01"}, {n for n in names if not n.startswith("Properties/")})
        self.assertEqual({"c01"}, {t["name"] for t in self.host.told()})

    def test_death_of_the_gateway(self):
        self.counters(1)
        self.gateway.start()
        born = self.started()
        self.eventually(lambda: self.host.messages("DDATA"), "data")
        self.await_value("c00", 5)
        self.gateway.kill()
        self.eventually(lambda: self.host.messages("NDEATH"), "NDEATH")
        self.assertEqual(born.bd_seq, self.host.messages("NDEATH")[0].bd_seq)
        # the json destination has its own will
        self.eventually(lambda: self.subscriber.state(config.status_topic()) == "offline",
                        "offline")
        self.gateway.start()
        again = self.started(2)
        self.assertEqual((born.bd_seq + 1) % 256, again.bd_seq)
        self.eventually(lambda: self.host.messages("DDATA")[-1].at > again.at, "data goes on")
        self.assert_same_as_json(self.subscriber.readings(), 30)

    def test_device(self):
        self.counters(1)
        self.server[2].count("holding", 40)
        self.config["devices"]["mute"] = config.modbus_device(
            "plc", 2, "500ms", {"flow": config.register(40)}, timeout="300ms")
        self.gateway.start()
        self.started()
        self.eventually(lambda: self.host.messages("DDATA", "mute"), "its data")
        self.server.silence(2)
        self.eventually(lambda: self.host.messages("DDEATH", "mute"), "DDEATH", 20)
        births = len(self.host.messages("DBIRTH", "mute"))
        self.server.revive(2)
        self.eventually(lambda: len(self.host.messages("DBIRTH", "mute")) > births, "DBIRTH", 60)
        self.eventually(lambda: self.host.messages("DDATA", "mute")[-1].at >
                        self.host.messages("DBIRTH", "mute")[-1].at, "its data again")
        self.assertEqual([], self.host.messages("DDEATH", "probe"))
        self.host.told()

    def test_history(self):
        """What was taken while the broker was away comes as history, with its own times."""
        self.counters(2)
        self.gateway.start()
        self.started()
        self.await_value("c00", 5)
        self.broker.stop()
        first = self.server[1].last("holding", 0) + 1
        self.eventually(lambda: self.server[1].last("holding", 0) >= first + 20, "20 polls", 30)
        last = self.server[1].last("holding", 0)
        self.eventually(lambda: '"value":%d,' % last in self.gateway.ctl(
            "history", "quay/c00", "--json").stdout, "the store has them", 30)
        self.broker.start()
        back = time.time()
        self.started(2)
        self.await_value("c00", last + 5, 30)
        self.assert_complete(2, back)
        self.assert_same_as_json(self.subscriber.readings(), 30)
        # the very last may have been the newest still
        missed = [t for t in self.host.told()
                  if t["name"] == "c00" and first <= t["value"] < last]
        self.assertEqual(set(range(first, last)), {t["value"] for t in missed})
        self.assertEqual([], [t for t in missed if not t["historical"]])
        self.eventually(lambda: not self.host.told()[-1]["historical"], "the present", 30)
        self.await_sent()

    def test_primary_host(self):
        self.config["mqtt"]["main"]["sparkplug"]["primary_host"] = HOST
        self.host.state(HOST, False, 1000)
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 10)         # json does not wait for it
        self.eventually(lambda: self.destination().get("connected"), "connected")
        self.assertEqual("offline", self.destination()["sparkplug"]["host"])
        self.assertEqual([], self.host.messages())
        self.assertGreaterEqual(self.destination()["backlog"], 5)

        self.host.state(HOST, True, 5000)
        self.started()
        self.assert_same_as_json(self.subscriber.readings(), 20)
        # a will that comes late is of an earlier session of the host
        self.host.state(HOST, False, 4000)
        count = len(self.host.messages("DDATA"))
        self.eventually(lambda: len(self.host.messages("DDATA")) > count + 3, "data goes on")
        self.assertEqual([], self.host.messages("NDEATH"))

        self.host.state(HOST, False, 6000)
        self.eventually(lambda: self.host.messages("NDEATH"), "NDEATH")
        value = self.server[1].last("holding", 0)
        self.eventually(lambda: self.server[1].last("holding", 0) > value + 10, "10 polls")
        self.assertEqual("NDEATH", self.host.messages()[-1].kind)
        self.host.state(HOST, True, 7000)
        born = self.started(2)
        self.assertNotEqual(self.host.messages("NDEATH")[0].bd_seq, born.bd_seq)
        self.assert_same_as_json(self.subscriber.readings(), 20)


class DeafBroker(FakeBroker):
    def on_subscribe(self, client, mid):
        client.send(packet(SUBACK, mid + b"\0\x87"))     # not authorized


class NotAllowed(SystemTest):
    def test_we_may_not_read(self):
        """A broker that keeps the host's state from us: told, and nothing is said blindly."""
        broker = DeafBroker(self).start()
        server = TcpServer(self)
        server[1].count("holding", 0)
        settings = config.base(broker.port)
        settings["links"]["plc"] = {"driver": "modbus-tcp", "host": "127.0.0.1",
                                    "port": server.port}
        settings["devices"]["probe"] = config.modbus_device(
            "plc", 1, "100ms", {"c00": config.register(0)})
        settings["mqtt"]["main"].update(payload="sparkplug", sparkplug={"primary_host": HOST})
        gateway = Gateway(self, settings)
        gateway.start()
        self.eventually(lambda: "does not let us read the state of primary host 'scada'"
                        in gateway.log(), "the host's state")
        self.assertIn("does not let us read commands", gateway.log())
        reads = server[1].last("holding", 0)
        self.eventually(lambda: server[1].last("holding", 0) > reads + 5, "polls")
        self.assertEqual([], broker.messages)
        self.assertEqual(0, gateway.stop())


if __name__ == "__main__":
    unittest.main()
