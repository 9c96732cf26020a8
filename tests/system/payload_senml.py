#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""SenML packs off the wire, in both forms, resolved as RFC 8428 says by none of our code (json and
Debian's cbor2), tell what `json` told: value, unit, time. No package of Debian or npm resolves
SenML; docs/payloads.md says by which library it was done once."""
import json
import math
import unittest

import cbor2

from lib import config
from lib.bench import Scene
from lib.broker import Broker
from lib.subscriber import Subscriber, epoch

# RFC 8428, tables 4 and 6
LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v",
          3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd"}
# IANA, SenML units; and secondary ones, which only a pack of a version with bit 4 has
PRIMARY = {"Cel", "rad", "pH", "S/m", "%RH", "kg/m3", "m"}
SECONDARY = {"ug/m3", "mV", "/100", "hPa", "mg/l"}
# what a reading's unit is in SenML, and how many of those one is
UNITS = {"Cel": ("Cel", 1), "[pH]": ("pH", 1), "uS/cm": ("S/m", 1e-4), "mg/L": ("mg/l", 1),
         "deg": ("rad", math.pi / 180), "ug/m3": ("ug/m3", 1), "mg/m3": ("kg/m3", 1e-6),
         "hPa": ("hPa", 1), "mV": ("mV", 1), "%": ("%RH", 1), "m": ("m", 1)}


def at(address, **more):
    return {"table": "holding", "address": address, "type": "u16", **more}


def unpack(message):
    if message.properties.ContentType == "application/senml+json":
        return json.loads(message.payload)
    assert message.properties.ContentType == "application/senml+cbor"
    return [{LABELS.get(k, k): v for k, v in record.items()}
            for record in cbor2.loads(message.payload)]


def resolve(pack):
    """RFC 8428, section 4.6."""
    base, version = {}, pack[0].get("bver", 10)
    for record in pack:
        base.update({k: v for k, v in record.items() if k.startswith("b")})
        assert record.get("bver", version) == version
        time = base.get("bt", 0) + record.get("t", 0)
        assert time >= 2 ** 28, "a relative time"
        unit = record.get("u", base.get("bu"))
        assert unit in PRIMARY or (unit in SECONDARY and version & 16), record
        values = [record[k] for k in ("v", "vs", "vb") if k in record]
        assert len(values) == 1, record
        yield base["bn"] + record["n"], time, values[0], unit, record.get("qc")


class Senml(Scene):
    units = (1, 2, 3)

    def scene(self, **more):
        def device(unit, domain, points):
            return config.modbus_device("plc", unit, "300ms", points, domain=domain)

        for unit in self.units:
            self.server[unit].set("holding", 0, [193, 7, 2500, 180, 65530])
        self.config["devices"] = {
            "sonde": device(1, "water", {
                "water_temperature": at(0, type="i16", scale=0.1, unit="Cel"),
                "ph": at(1), "conductivity": at(2, unit="uS/cm"),
                "dissolved_oxygen": at(1, unit="mg/L"),
                "orp": at(4, type="i16", unit="mV"),
                "water_level": at(0, unit="m", scale=0.001,
                                  qc={"gross_range": {"fail": [0, 0.1]}})}),
            "kerb": device(2, "air", {"pm25": at(0, scale=0.1), "co": at(1, scale=0.01)}),
            "mast": device(3, "weather", {"wind_from_direction": at(3), "air_pressure": at(2),
                                          "relative_humidity": at(1, scale=0.3)})}
        self.config["mqtt"]["main"]["payload"] = ["json", "senml"]
        self.config["mqtt"]["main"].update(more)
        self.gateway.start()

    def check(self, subscriber, readings, prefix):
        told = {}
        for m in readings:
            r = m.reading
            if r["value"] is not None:
                told[(r["station"] + "/" + r["point"], round(epoch(r["time"]) * 1000))] = r
        packs = self.eventually(lambda: [
            m for m in subscriber.messages("/senml/") if len(subscriber.messages("/senml/")) > 20],
            "packs", 30)
        seen = set()
        for m in packs[:-5]:
            parts = m.topic.split("/")
            self.assertEqual([prefix, "senml"], parts[:2])
            for name, time, value, unit, qc in resolve(unpack(m)):
                r = told[(name, round(time * 1000))]
                seen.add(r["point"])
                self.assertEqual([r["station"], r["device"]], parts[3:])
                want, factor = UNITS[r["unit"]]
                self.assertEqual(want, unit)
                if factor == 1:
                    self.assertEqual(r["value"], value)
                else:
                    self.assertAlmostEqual(r["value"] * factor, value, delta=abs(value) * 1e-12)
                self.assertEqual(r["qc"] if r["qc"] > 2 else None, qc)
        self.assertEqual(11, len(seen))
        lengths = {m.topic.split("/")[4]: len(unpack(m)) for m in packs}
        self.assertEqual({"sonde": 6, "kerb": 2, "mast": 3}, lengths)

    def check_catalogue(self, subscriber):
        """It names the topics that there are, and what is on them."""
        feature = subscriber.last("lab/stations/%s/%s" % (config.STATION, config.GATEWAY)).json
        told = {(p["topic"], p["content_type"]) for p in feature["properties"]["points"]}
        self.assertEqual({(m.topic, m.properties.ContentType)
                          for m in subscriber.messages("/senml/")}, told)
        channels = subscriber.last("lab/gateways/%s/asyncapi" % config.GATEWAY).json["channels"]
        addresses = {c["address"] for c in channels.values()}
        self.assertLessEqual({topic for topic, _ in told}, addresses)
        self.assertEqual([], [a for a in addresses if "/obs/" in a])

    def test_json(self):
        self.scene()
        self.eventually(lambda: len(self.subscriber.messages("/senml/")) > 30, "packs", 30)
        self.check(self.subscriber, self.subscriber.readings(), config.PREFIX)
        payloads = {p["name"]: p for p in self.gateway.status()["destinations"][0]["payloads"]}
        self.assertLess(payloads["senml"]["bytes_per_reading"],
                        payloads["json"]["bytes_per_reading"] / 2)

    def test_cbor_elsewhere(self):
        """Another broker gets packs only, and still gaps, accounts and documents in JSON."""
        second = Broker(self, "second")
        second.start()
        other = Subscriber(self, second.port)
        self.config["mqtt"]["second"] = config.broker(
            second.port, prefix="lab", payload="senml", senml={"form": "cbor"})
        self.scene(payload="json")
        self.eventually(lambda: len(other.messages("/senml/")) > 30, "packs", 30)
        self.eventually(lambda: len(self.subscriber.readings()) > 110, "readings", 30)
        self.check(other, self.subscriber.readings(), "lab")
        self.assertEqual([], other.readings())
        self.check_catalogue(other)
        self.assertEqual("online", other.state("lab/gateways/%s/status" % config.GATEWAY))


if __name__ == "__main__":
    unittest.main()
