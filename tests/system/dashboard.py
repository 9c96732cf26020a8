#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""examples/dashboard in Chromium, driven by npm's puppeteer-core: it shows what a live gateway and
a broker tell over websockets, in three languages, and axe-core finds nothing against it, in light
and dark, on a phone and a desktop. Skipped, loudly, where one of these is not installed."""
import functools
import http.server
import json
import os
import pathlib
import shutil
import sys
import threading
import unittest

from lib import config, peers, wait
from lib.bench import SystemTest
from lib.broker import Broker
from lib.gateway import Gateway
from lib.modbus import TcpServer
from lib.subscriber import Subscriber

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOUR = "2026-07-01T13:00:00.000Z"
MEANS = [("no2", 31.2, 1, "low"), ("pm10", 130.4, 3, "high")]


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Dashboard(SystemTest):
    def setUp(self):
        super().setUp()
        self.chromium = shutil.which("chromium")
        missing = [p for p in ("mqtt", "puppeteer-core", "axe-core")
                   if not (peers.MODULES / p).is_dir()]
        if not self.chromium or missing:
            what = ", ".join(missing) or "chromium"
            print("SKIPPED: %s not installed (tools/setup, tools/peers)" % what, file=sys.stderr)
            self.skipTest("no " + what)
        self.broker, self.web_port = Broker(self), wait.free_port()
        with open(self.path("broker.conf"), "a") as f:
            f.write("listener %d 127.0.0.1\nprotocol websockets\n" % self.web_port)
        self.broker.start()
        os.makedirs(self.path("site"))
        for name in ("index.html", "dashboard.js"):
            shutil.copy(ROOT / "examples/dashboard" / name, self.path("site"))
        shutil.copy(peers.MODULES / "mqtt/dist/mqtt.min.js", self.path("site"))
        self.site = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Silent, directory=self.path("site")))
        threading.Thread(target=self.site.serve_forever, daemon=True).start()
        self.addCleanup(self.site.shutdown)

    def gateway_with(self, celsius):
        server = TcpServer(self)
        for address, value in enumerate(celsius):
            server[1].set("holding", address, [round(value * 10)])
        settings = config.base(self.broker.port)
        settings["stations"] = {"pier": {"title": "Brygga på Bragernes"},
                                "island": {"title": "<b>Holmen</b>"}}
        settings["links"]["plc"] = {"driver": "modbus-tcp", "host": "127.0.0.1",
                                    "port": server.port}
        for address, station in enumerate(settings["stations"]):
            settings["devices"]["probe-" + station] = config.modbus_device(
                "plc", 1, "500ms", {"water_temperature": {
                    "table": "holding", "address": address, "type": "i16", "scale": 0.1,
                    "unit": "Cel"}}) | {"domain": "bathing", "station": station}
        self.gateway = Gateway(self, settings).start()

    def publish_hours(self, subscriber):
        """As docs/consumers.md has them: a gateway would take an hour for it."""
        # the station's own class is the worst of theirs, and no concentration of anything
        subscriber.client.publish(
            "town/hourly/air/pier/air_quality_no_hourly", json.dumps(
                {"v": 1, "id": "test-02:9", "station": "pier", "point": "air_quality_no_hourly",
                 "property": "x_air_quality_class", "time": HOUR, "value": 3, "unit": "1",
                 "qc": 1, "period": "PT1H", "stat": "worst_class", "coverage": 1, "count": 2,
                 "class": {"scheme": "no-luftkvalitet", "version": "1", "index": 3,
                           "key": "high", "by": ["pm10"]}}), 1, retain=True)
        for point, value, index, key in MEANS:
            subscriber.client.publish(
                "town/hourly/air/pier/" + point, json.dumps(
                    {"v": 1, "id": "test-02:%d" % index, "station": "pier", "device": "air",
                     "point": point, "property": point, "time": HOUR,
                     "value": value, "unit": "ug/m3", "qc": 1, "period": "PT1H", "stat": "mean",
                     "coverage": 1, "class": {"scheme": "no-luftkvalitet", "version": "1",
                                              "index": index, "key": key}}), 1, retain=True)

    def test_board(self):
        subscriber = Subscriber(self, self.broker.port)
        self.gateway_with([19.4, 7.8])
        self.publish_hours(subscriber)
        self.eventually(lambda: len(subscriber.readings("water_temperature")) > 3, "readings")
        done = self.gateway.ctl("notice", "add", "planned", "--station", "pier", "--for", "9d",
                                "--nn", "Vi målar brygga.")
        self.assertEqual(0, done.returncode, done.stderr)
        page = "http://127.0.0.1:%d/?broker=ws://127.0.0.1:%d&prefix=town&lang=nb" % (
            self.site.server_address[1], self.web_port)
        done = self.run_program(
            ["node", peers.SCRIPTS / "dashboard.js", self.chromium, page, "19,4 °C"], 150,
            env=dict(os.environ, NODE_PATH=str(peers.MODULES), HOME=self.folder))
        self.assertEqual(0, done.returncode, done.stderr)
        seen = json.loads(done.stdout)
        self.assertEqual([], seen["errors"])
        self.assertEqual(12, len(seen["views"]))
        shown = {"nb": ["Badetemperaturer", "19,4 °C", "7,8 °C", "Høyt", "høyest: PM10 130 µg/m³",
                        "gammel måling", "Planlagt driftsstans: Brygga på Bragernes"],
                 "nn": ["Badetemperaturar", "19,4 °C", "7,8 °C", "Høgt", "Vi målar brygga."],
                 "en": ["Bathing temperatures", "19.4 °C", "High", "highest: PM10 130 µg/m³",
                        "Planned downtime: Brygga på Bragernes"]}
        for name, view in seen["views"].items():
            lang = name.split()[-1]
            self.assertEqual(lang, view["lang"])
            for text in shown[lang] + ["Brygga på Bragernes", "<b>Holmen</b>"]:
                self.assertIn(text, view["text"], name)
            self.assertNotIn("x_air", view["text"])
            self.assertFalse(view["tooWide"], name)
            self.assertGreater(view["passes"], 20)
            self.assertEqual([], view["violations"], name)
        grounds = {name.split()[0]: view["ground"] for name, view in seen["views"].items()}
        self.assertNotEqual(grounds["light"], grounds["dark"])
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
