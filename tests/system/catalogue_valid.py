#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The catalogue of a live broker before validators that are not ours, and every message of the
json payload before the published schema. Each validator is shown something wrong first."""
import copy
import json
import pathlib
import re
import unittest

from lib import catalogue, config, peers
from lib.bench import Scene

GATEWAY = "%s/gateways/%s/" % (config.PREFIX, config.GATEWAY)
FEATURE = "%s/stations/%s/%s" % (config.PREFIX, config.STATION, config.GATEWAY)
THING = "%s/things/%s/%s" % (config.PREFIX, config.STATION, config.GATEWAY)
TRIPLE = re.compile(r'^(\S+) <(\S+)> (.*) \.$', re.M)
DCT, DCAT = "http://purl.org/dc/terms/", "http://www.w3.org/ns/dcat#"
FOAF, VCARD = "http://xmlns.com/foaf/0.1/", "http://www.w3.org/2006/vcard/ns#"
LICENCE = "<http://publications.europa.eu/resource/authority/licence/NLOD_2_0>"

# DCAT-AP-NO 2.2: what is mandatory of each class, and what we say beyond that.
MANDATORY = {
    DCAT + "Dataset": (DCT + "description", DCT + "identifier", DCT + "publisher", DCT + "title",
                       DCAT + "theme", DCAT + "contactPoint", DCAT + "distribution"),
    DCAT + "Distribution": (DCAT + "accessURL", DCT + "license", DCT + "format"),
    DCAT + "DataService": (DCAT + "endpointURL", DCT + "identifier", DCT + "title",
                           DCT + "publisher", DCAT + "contactPoint"),
    FOAF + "Agent": (FOAF + "name", DCT + "identifier"),
    VCARD + "Organization": (VCARD + "hasURL",),
}


class Valid(Scene):
    def setUp(self):
        super().setUp()
        self.node = peers.node(self, "validate.js")
        catalogue.settle(self)
        self.config["gateway"]["organisation"] = "974760673"

    def last(self, topic):
        return self.subscriber.last(topic).json

    def collect(self):
        payloads = [m for m in self.subscriber.messages()
                    if re.search("/(obs|hourly|gaps|account|notices)(/|$)", m.topic)]
        return {"geojson": [self.last(FEATURE)], "things": [self.last(THING)],
                "asyncapi": [self.last(GATEWAY + "asyncapi")],
                "datasets": [self.last(GATEWAY + "catalogue")],
                "schema": self.last(config.PREFIX + "/schema/reading"),
                "messages": [{"topic": m.topic, "payload": m.json} for m in payloads]}

    def validate(self, documents):
        done = self.node(self.write("documents.json", json.dumps(documents)))
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def provoke(self):
        """Readings, announcements, failures, maintenance, gaps and an account."""
        self.gateway.start()
        self.await_readings(12)
        self.server[1].set("holding", 0, [2000])            # 200 degrees: fails
        self.eventually(lambda: any(m.json["qc"] == 4 for m in self.subscriber.readings()), "qc 4")
        self.assertEqual(0, self.gateway.ctl("maintenance", "probe", "on").returncode)
        self.eventually(lambda: any("maintenance" in m.json for m in self.subscriber.readings()),
                        "maintenance")
        self.assertEqual(0, self.gateway.ctl("notice", "add", "planned", "--station",
                                             config.STATION, "--for", "1h").returncode)
        self.eventually(lambda: any("notice" in m.json for m in self.subscriber.readings()),
                        "a reading that refers to it")
        self.server.silence(1)
        self.eventually(lambda: any(m.json["qc"] == 9 for m in self.subscriber.readings()),
                        "an announcement", 15)
        self.server.revive(1)
        self.assertEqual(0, self.gateway.stop())            # which ends accounts
        self.eventually(lambda: self.subscriber.messages("/account"), "an account")
        self.eventually(lambda: self.subscriber.messages("/gaps"), "a gap")

    def test_valid(self):
        self.provoke()
        documents = self.collect()
        said = self.validate(documents)
        self.assertEqual([], said["geojson"])
        self.assertEqual([], said["things"])
        self.assertEqual([], said["asyncapi"])
        self.assertEqual([], said["messages"][:3])
        self.notices(documents)
        self.dataset(said["rdf"][0])
        self.wrong(documents)

    def test_with_batch(self):
        """Where readings go out by device, in several forms, the catalogue says so, and is as
        valid."""
        self.config["mqtt"]["main"]["batch"] = "1s"
        self.config["mqtt"]["main"]["payload"] = ["json", "senml"]
        self.gateway.start()
        self.eventually(lambda: self.subscriber.messages("/batch/"), "a batch", 20)
        topic = self.subscriber.messages("/batch/")[-1].topic
        self.eventually(lambda: self.subscriber.messages("/asyncapi"), "the catalogue")
        documents = self.collect()
        said = self.validate(documents)
        self.assertEqual([[], [], []], [said[k] for k in ("geojson", "things", "asyncapi")])
        self.assertIn(topic, {p["topic"] for p in documents["geojson"][0]["properties"]["points"]})
        self.assertIn(topic, json.dumps(documents["things"]))
        channels = documents["asyncapi"][0]["channels"].values()
        self.assertTrue([c for c in channels if "/senml/" in c["address"]])
        channel = next(c for c in channels if "/batch/" in c["address"])
        self.assertIn(topic.rsplit("/", 1)[1], channel["parameters"]["device"]["enum"])
        self.assertNotIn("/obs/", json.dumps(documents["asyncapi"] + documents["things"]))
        self.assertIn("town/batch/#", json.dumps(documents["datasets"]))

    def notices(self, documents):
        """What readings and gaps refer to was told; the description knows all kinds and causes."""
        lists = [m["payload"] for m in documents["messages"] if m["topic"].endswith("/notices")]
        ids = {n["id"] for told in lists for n in told["notices"]}
        referred = {m["payload"]["notice"] for m in documents["messages"]
                    if "notice" in m["payload"]}
        self.assertTrue(referred)
        self.assertLessEqual(referred, ids)
        item = documents["schema"]["$defs"]["notices"]["properties"]["notices"]["items"]
        page = (pathlib.Path(__file__).resolve().parents[2] / "docs/consumers.md").read_text()
        for name in ("kind", "cause"):
            row = re.search(r"\| `%s` \|.*" % name, page).group()
            self.assertEqual([], [v for v in item["properties"][name]["enum"]
                                  if "`%s`" % v not in row])
        self.assertEqual(item, documents["asyncapi"][0]["components"]["schemas"]["notices"][
            "properties"]["notices"]["items"])

    def dataset(self, rdf):
        self.assertNotIn("fault", rdf)
        nodes = {}
        for subject, predicate, thing in TRIPLE.findall(rdf["triples"]):
            nodes.setdefault(subject, {}).setdefault(predicate, []).append(thing)
        classes = {}
        for node in nodes.values():
            for kind in node.get("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", ()):
                classes.setdefault(kind.strip("<>"), []).append(node)
        for kind, properties in MANDATORY.items():
            self.assertTrue(classes.get(kind), kind)
            for node in classes[kind]:
                self.assertEqual([], [p for p in properties if p not in node], kind)
        self.assertEqual([LICENCE], classes[DCAT + "Distribution"][0][DCT + "license"])
        titles = classes[DCAT + "Dataset"][0][DCT + "title"]
        self.assertEqual({"nb", "nn", "en"}, {t.rsplit("@", 1)[1] for t in titles})
        for node in nodes.values():                 # what is named is there
            for links in (DCAT + "distribution", DCAT + "accessService", DCT + "publisher",
                          DCAT + "contactPoint"):
                for name in node.get(links, ()):
                    self.assertIn(name, nodes)

    def wrong(self, documents):
        bad = copy.deepcopy(documents)
        bad["geojson"][0]["geometry"]["coordinates"] = ["north"]
        del bad["things"][0]["title"]
        bad["asyncapi"][0]["operations"]["send-gaps"]["channel"]["$ref"] = "#/channels/none"
        bad["datasets"][0]["@graph"][0]["unknown"] = "x"
        good = next(m["payload"] for m in documents["messages"] if "/obs/" in m["topic"])
        wrongs = [dict(good, extra=1), dict(good, qc=9, value=1), dict(good, value=None, qc=1),
                  dict(good, time="2026-01-01"), dict(good, period="PT1H"),
                  {k: v for k, v in good.items() if k != "unit"}, {},
                  {"gateway": "g", "notices": [{"id": "g:n1", "kind": "party"}]}]
        bad["messages"] = [{"topic": "", "payload": p} for p in wrongs]
        said = self.validate(bad)
        self.assertTrue(said["geojson"] and said["things"] and said["asyncapi"])
        self.assertIn("fault", said["rdf"][0])
        self.assertEqual(len(wrongs), len(said["messages"]))


if __name__ == "__main__":
    unittest.main()
