#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The catalogue on the broker: what stands in it, when it is published again and when not."""
import unittest

from lib import catalogue, config
from lib.bench import Scene
from lib.subscriber import retained

GATEWAY = "%s/gateways/%s/" % (config.PREFIX, config.GATEWAY)
FEATURE = "%s/stations/%s/%s" % (config.PREFIX, config.STATION, config.GATEWAY)
THING = "%s/things/%s/%s" % (config.PREFIX, config.STATION, config.GATEWAY)
DOCUMENTS = {FEATURE, THING, GATEWAY + "catalogue", GATEWAY + "asyncapi",
             config.PREFIX + "/schema/reading", config.PREFIX + "/classes"}


class Catalogue(Scene):
    def setUp(self):
        super().setUp()
        catalogue.settle(self)
        self.gateway.start()
        self.eventually(lambda: all(self.subscriber.last(t) for t in DOCUMENTS), "all documents")

    def counts(self):
        return {t: len(self.subscriber.messages(t)) for t in DOCUMENTS}

    def feature(self):
        return self.subscriber.last(FEATURE).json

    def point(self, name):
        return next(p for p in self.feature()["properties"]["points"] if p["point"] == name)

    def test_contents(self):
        late = retained(self, self.broker.port)
        self.assertEqual(set(), DOCUMENTS - set(late))
        feature = self.feature()
        self.assertEqual([10.2, 59.74], feature["geometry"]["coordinates"][:2])
        properties = feature["properties"]
        self.assertEqual("NLOD-2.0", properties["licence"])
        self.assertEqual("http://publications.europa.eu/resource/authority/licence/NLOD_2_0",
                         properties["licence_uri"])
        self.assertEqual("Test kommune", properties["operator"])
        temperature = self.point("water_temperature")
        self.assertEqual("Cel", temperature["unit"])
        self.assertEqual(1, temperature["interval_s"])
        self.assertEqual("2026-03-01T00:00:00.000Z", temperature["calibrated"])
        self.assertEqual([-3, 40], temperature["qc"]["gross_range"]["fail"])
        self.assertEqual(["PT1H"], [p["period"] for p in self.point("pm25")["periods"]])
        self.assertEqual("no-luftkvalitet", self.point("pm25")["periods"][0]["scheme"])
        self.assertEqual(["water_temperature"], self.point("double")["derived_from"])
        # every topic that it names is one that readings come under, and none is missing
        named = {p["topic"] for p in properties["points"]}
        self.eventually(lambda: named == {m.topic for m in self.subscriber.readings()},
                        "readings of all points")
        self.assertEqual("Feature", feature["type"])
        # AsyncAPI names all that the gateway writes
        topics = {m.topic for m in self.subscriber.messages(config.PREFIX + "/")}
        self.assertGreater(len(topics), len(DOCUMENTS) + len(named))
        self.assertEqual(set(), topics - self.channels())

    def channels(self):
        """The topics of AsyncAPI, with each value of their parameter."""
        found = set()
        for channel in self.subscriber.last(GATEWAY + "asyncapi").json["channels"].values():
            for name, values in channel.get("parameters", {"": {"enum": [""]}}).items():
                found |= {channel["address"].replace("{%s}" % name, v) for v in values["enum"]}
        return found

    def test_again_only_when_changed(self):
        before = self.counts()
        status = len(self.subscriber.messages(GATEWAY + "status"))
        self.gateway.reload()       # the same configuration: states are told, the rest is known
        self.eventually(
            lambda: len(self.subscriber.messages(GATEWAY + "status")) > status, "a status")
        self.assertEqual(before, self.counts())

        done = self.gateway.ctl("calibration", "probe/water_temperature", "add",
                                "--raw", "0,30", "--reference", "0.2,30.2",
                                "--date", "2026-06-01")
        self.assertEqual(0, done.returncode, done.stderr)
        self.eventually(lambda: self.point("water_temperature")["calibrated"]
                        == "2026-06-01T00:00:00.000Z", "the new calibration is told")
        done = self.gateway.ctl("maintenance", "probe", "on")
        self.assertEqual(0, done.returncode, done.stderr)
        self.eventually(lambda: self.point("water_temperature").get("maintenance"), "maintenance")
        self.config["stations"][config.STATION]["title"] = "The old quay"
        self.gateway.reload()
        self.eventually(lambda: self.feature()["properties"]["title"] == "The old quay", "a title")
        after = self.counts()
        self.assertEqual(before[FEATURE] + 3, after[FEATURE])
        self.assertEqual(before[THING] + 1, after[THING])
        for topic in DOCUMENTS - {FEATURE, THING}:
            self.assertEqual(before[topic], after[topic], topic)

        bytes_before = {t: self.subscriber.last(t).payload for t in DOCUMENTS}
        self.broker.stop()
        self.broker.start()
        self.eventually(lambda: all(self.counts()[t] > after[t] for t in DOCUMENTS),
                        "all of it with a new session", 20)
        self.assertEqual(bytes_before, {t: self.subscriber.last(t).payload for t in DOCUMENTS})

    def test_metered(self):
        self.config["mqtt"]["main"]["catalogue"] = False
        before = self.counts()
        self.gateway.reload()
        self.await_readings(len(self.subscriber.readings()) + 5)
        self.assertEqual(before[config.PREFIX + "/classes"],
                         self.counts()[config.PREFIX + "/classes"])

    def test_cleared(self):
        """What leaves the configuration while the gateway runs, and while it does not."""
        air = {"/obs/air/%s/pm25" % config.STATION, "/gateways/%s/devices/air" % config.GATEWAY}
        self.await_readings(point="pm25")
        self.eventually(lambda: self.gateway.status()["destinations"][0]["retained"]["topics"] > 10,
                        "the status counts them")
        there = retained(self, self.broker.port)
        self.assertEqual(set(), {config.PREFIX + t for t in air} - set(there))
        self.gateway.kill()
        del self.config["devices"]["air"]
        self.gateway.start()
        self.eventually(lambda: not {config.PREFIX + t for t in air}
                        & set(retained(self, self.broker.port)), "air is cleared")
        self.config["stations"]["bridge"] = self.config["stations"].pop(config.STATION)
        for device in self.config["devices"].values():
            device["station"] = "bridge"
        self.gateway.reload()
        self.eventually(lambda: not [t for t in retained(self, self.broker.port)
                                     if "/%s/" % config.STATION in t], "the quay is cleared")
        self.config["mqtt"]["main"]["prefix"] = "county"
        self.gateway.reload()
        shared = {config.PREFIX + "/schema/reading", config.PREFIX + "/classes"}
        self.eventually(lambda: {t for t in retained(self, self.broker.port)
                                 if not t.startswith("county/")} == shared, "the town is cleared")
        self.eventually(lambda: [t for t in retained(self, self.broker.port) if "/obs/" in t],
                        "readings in the county")
        self.config["mqtt"]["main"]["withdraw"] = True
        self.gateway.reload()
        shared |= {"county/schema/reading", "county/classes"}
        self.eventually(lambda: set(retained(self, self.broker.port)) == shared, "all is")
        self.assertEqual(0, self.gateway.stop())
        self.assertEqual(shared, set(retained(self, self.broker.port)))

    def test_large(self):
        """A station whose document does not go through a session's ring."""
        self.config["devices"]["many"] = config.modbus_device(
            "plc", 1, "1s", {"r%03d" % a: config.register(100 + a % 20) for a in range(400)})
        self.gateway.reload()
        self.eventually(lambda: len(self.feature()["properties"]["points"]) > 400, "400 points")
        self.assertGreater(len(self.subscriber.last(FEATURE).payload), 70000)


if __name__ == "__main__":
    unittest.main()
