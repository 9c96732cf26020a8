#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The status page of the real daemon: as text, and in Chromium, driven by npm's puppeteer-core,
where axe-core finds nothing against it. The second is skipped, loudly, where these are missing."""
import json
import math
import os
import shutil
import sys
import time
import unittest
import xml.etree.ElementTree

from lib import config, peers, wait, web
from lib.bench import Scene
from lib.pusher import CHANGED, Sensor

NASTY = "<script>alert('x')</script> & \"Brygga\""


class Page:
    units = (1, 2)

    def setUp(self):
        super().setUp()
        self.server[1].set("holding", 0, [194, 500, 72])
        self.config["gateway"] |= {"title": "Målinger i Drammen", "language": "nn"}
        self.config["stations"]["pier"] = {"title": NASTY}
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "water_temperature": {
                "table": "holding", "address": 0, "type": "i16", "scale": 0.1, "unit": "Cel",
                "calibration": [{"date": "2020-01-01", "next": "2021-01-01", "raw": [0, 100],
                                 "reference": [0, 100]}]}}, station="pier", title=NASTY)
        self.config["devices"]["sonde"] = config.modbus_device("plc", 1, "200ms", {
            "ph": {"table": "holding", "address": 2, "type": "i16", "scale": 0.1},
            "x_hot": {"table": "holding", "address": 1, "type": "i16", "unit": "Cel",
                      "qc": {"gross_range": {"fail": [-2, 40]}}}})
        self.config["devices"]["lost"] = config.modbus_device(
            "plc", 9, "200ms", {"turbidity": {"table": "holding", "address": 0, "type": "u16"}},
            timeout="100ms")
        self.port = wait.free_port()
        self.config["http"] = {"listen": self.port, "rate_limit": "0/s"}
        self.gateway.start()
        self.eventually(lambda: wait.listening(self.port), "a listening port")
        self.eventually(lambda: self.page("en").text.count("/spark/") == 2, "two pictures", 30)
        self.eventually(lambda: "out of service" in self.page("en").text, "a dead device", 30)

    def page(self, lang):
        return web.get(self.port, "/?lang=" + lang)


class Text(Page, Scene):
    def test_text(self):
        answer = self.page("en")
        self.assertEqual("text/html; charset=utf-8", answer.headers["Content-Type"])
        policy = answer.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("alert('x')", answer.text)
        self.assertIn("&#60;script&#62;alert(&#39;x&#39;)", answer.text)
        self.assertNotIn("style=", answer.text)
        for text in ("19.4&nbsp;°C", "Bad", "overdue", "connected",
                     "does not answer", "Målinger i Drammen"):
            self.assertIn(text, answer.text)
        self.assertIn("19,4&nbsp;°C", self.page("nb").text)

    def test_languages(self):
        for accept, lang in (("", "nn"), ("nb-NO", "nb"), ("no", "nb"), ("en-GB, nb;q=0.5", "en"),
                             ("de", "nn"), ("de, en;q=0.3", "en")):
            answer = web.get(self.port, "/", **({"Accept_Language": accept} if accept else {}))
            self.assertIn('<html lang="%s">' % lang, answer.text, accept)
            self.assertEqual("Accept-Language", answer.headers["Vary"])
        self.assertIn('<html lang="en">', web.get(
            self.port, "/?lang=en", Accept_Language="nb").text)

    def test_one_station(self):
        answer = web.get(self.port, "/?lang=en&station=pier")
        self.assertIn("Water temperature", answer.text)
        self.assertNotIn(">pH<", answer.text)
        self.assertEqual(404, web.get(self.port, "/?station=nowhere").status)

    def test_picture(self):
        answer = web.get(self.port, "/spark/pier/water_temperature.svg")
        self.assertEqual("image/svg+xml", answer.headers["Content-Type"])
        svg = xml.etree.ElementTree.fromstring(answer.text)
        self.assertTrue(svg.findall("{http://www.w3.org/2000/svg}path"))
        for path in ("/spark/pier/nothing.svg", "/spark/pier", "/spark/pier/water_temperature.svgz",
                     "/spark//.svg"):
            self.assertEqual(404, web.get(self.port, path).status, path)

    def test_stations(self):
        answer = web.get(self.port, "/api/stations")
        self.assertEqual("application/geo+json", answer.headers["Content-Type"])
        self.assertEqual("*", answer.headers["Access-Control-Allow-Origin"])
        features = {f["id"]: f for f in answer.json["features"]}
        self.assertEqual({"quay", "pier"}, set(features))
        self.assertEqual([10.2, 59.74], features["quay"]["geometry"]["coordinates"])
        self.assertEqual(NASTY, features["pier"]["properties"]["title"])
        point, = features["pier"]["properties"]["points"]
        self.assertEqual((19.4, "test-01"),
                         (point["latest"]["value"], point["latest"]["id"].split(":")[0]))
        self.assertEqual(19.4, web.get(self.port, point["readings"]).json[-1]["value"])


class LastDay(Scene):
    """A sensor that kept its readings: a day of them at once, which pictures and API show at their
    own times."""

    def test_late_readings(self):
        port, coap = wait.free_port(), wait.free_port()
        self.config["http"] = {"listen": port, "rate_limit": "0/s"}
        self.config["links"] = {"push": {
            "driver": "coap-server", "listen": "127.0.0.1:%d" % coap, "rate": "1000/s"}}
        self.config["devices"]["buoy"] = config.coap_device("push", "30m", {
            "water_temperature": {"senml": "temp", "unit": "Cel"}}, domain="bathing")
        self.gateway.start()
        self.eventually(lambda: "'push': listening on" in self.gateway.log(), "the link", 20)
        sensor = Sensor(coap)
        self.addCleanup(sensor.socket.close)
        now = int(time.time())
        hours = [h for h in range(23, 0, -1) if h != 12]
        for hour in hours:
            pack = [{"n": "temp", "t": now - 3600 * hour + 1800 * k,
                     "v": round(15 + 4 * math.sin(hour / 4), 1)} for k in range(2)]
            self.assertEqual(CHANGED, sensor.post(sensor.message(pack)).code)
        page = self.eventually(lambda: self.with_picture(port), "a picture", 30)
        values = [round(15 + 4 * math.sin(h / 4), 1) for h in hours]
        self.assertIn('alt="Last 24 hours: from %.1f to %.1f"' % (min(values), max(values)), page)
        svg = web.get(port, "/spark/quay/water_temperature.svg").text
        self.assertEqual(2, svg.count('fill="none"'), "two stretches and the hole between")
        got = web.get(port, "/api/readings?point=quay/water_temperature").json
        self.assertEqual(2 * len(hours), len(got))
        self.assertEqual(sorted(r["time"] for r in got), [r["time"] for r in got])

    def with_picture(self, port):
        answer = web.get(port, "/?lang=en")
        return answer.text if answer.status == 200 and "/spark/" in answer.text else None


class InChromium(Page, Scene):
    def test_in_chromium(self):
        chromium = shutil.which("chromium")
        missing = [p for p in ("puppeteer-core", "axe-core") if not (peers.MODULES / p).is_dir()]
        if not chromium or missing:
            what = ", ".join(missing) or "chromium"
            print("SKIPPED: %s not installed (tools/setup, tools/peers)" % what, file=sys.stderr)
            self.skipTest("no " + what)
        done = self.run_program(
            ["node", peers.SCRIPTS / "page.js", chromium, "http://127.0.0.1:%d/" % self.port,
             os.environ.get("FG_PICTURES", self.folder)], 170,
            env=dict(os.environ, NODE_PATH=str(peers.MODULES), HOME=self.folder))
        self.assertEqual(0, done.returncode, done.stderr)
        seen = json.loads(done.stdout)
        self.assertEqual([], seen["errors"])
        self.assertLess(seen["first"]["bytes"], 100000)
        self.assertGreater(len(seen["first"]["images"]), 1)
        self.assertTrue(all(seen["first"]["images"]))
        self.assertEqual(12, len(seen["views"]))
        shown = {"nb": ["19,4 °C", "Feil", "ute av drift", "svarer ikke", "over fristen"],
                 "nn": ["19,4 °C", "Feil", "svarar ikkje", "over fristen"],
                 "en": ["19.4 °C", "Bad", "out of service", "does not answer", "overdue"]}
        for name, view in seen["views"].items():
            lang = name.split()[-1]
            self.assertEqual(lang, view["lang"])
            for text in shown[lang] + [NASTY]:
                self.assertIn(text, view["text"], name)
            self.assertFalse(view["tooWide"], name)
            self.assertGreater(view["passes"], 20)
            self.assertEqual([], view["violations"], name)
        grounds = {name.split()[0]: view["ground"] for name, view in seen["views"].items()}
        self.assertNotEqual(grounds["light"], grounds["dark"])
        self.assertEqual("en", seen["keys"]["lang"])
        self.assertNotIn("none", [stop["outline"] for stop in seen["keys"]["stops"]])
        self.assertTrue(seen["lives"])
        self.assertIn("19.4 °C", seen["plain"])


if __name__ == "__main__":
    unittest.main()
