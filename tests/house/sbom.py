#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""sbom.py PROGRAM…: what packaging/sbom says of the programs is true, complete, and of the form
that CycloneDX asks for."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SBOM, TABLE = ROOT / "packaging/sbom", ROOT / "packaging/libraries.txt"
PEERS = pathlib.Path(os.environ.get("FG_PEERS") or ROOT / "build/peers")
SCHEMAS = PEERS / "node_modules/@cyclonedx/cyclonedx-library/res/schema"


def run(*options):
    return subprocess.run([SBOM, *options, *PROGRAMS], capture_output=True, text=True)


def packages_of_ldd(program):
    """By the loader's own way, which packaging/sbom does not go."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = [os.path.realpath(path) for path in re.findall(r"=> (\S+)", said)]
    done = subprocess.run(["dpkg-query", "-S", *paths, *(p.removeprefix("/usr") for p in paths)],
                          capture_output=True, text=True)
    return {line.split(":")[0] for line in done.stdout.splitlines()}


class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = run()
        assert done.returncode == 0, done.stderr
        cls.text, cls.bom = done.stdout, json.loads(done.stdout)

    def refused(self, old, new):
        """What it says of a table in which a text is replaced."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as table:
            text = TABLE.read_text()
            self.assertIn(old, text)
            table.write(text.replace(old, new))
            table.flush()
            done = run("--libraries", table.name)
        self.assertEqual(1, done.returncode)
        self.assertEqual("", done.stdout)
        return done.stderr

    def test_each_library_is_in_it(self):
        names = {c["name"] for c in self.bom["components"]}
        loaded = set().union(*(packages_of_ldd(p) for p in PROGRAMS))
        self.assertGreater(len(loaded), 8)
        self.assertEqual(loaded, names)

    def test_versions_are_those_installed(self):
        for part in self.bom["components"]:
            said = subprocess.run(["dpkg-query", "-W", "-f", "${Version} ", part["name"]],
                                  capture_output=True, text=True).stdout
            self.assertIn(part["version"], said.split())

    def test_the_project(self):
        this = self.bom["metadata"]["component"]
        cmake = (ROOT / "CMakeLists.txt").read_text()
        self.assertIn("project(fjordgate VERSION %s " % this["version"], cmake)
        self.assertEqual([{"license": {"id": "EUPL-1.2"}}], this["licenses"])

    def test_the_same_again(self):
        self.assertEqual(self.text, run().stdout)

    def test_who_needs_whom(self):
        refs = {c["bom-ref"] for c in self.bom["components"]}
        needs = {d["ref"]: d["dependsOn"] for d in self.bom["dependencies"]}
        self.assertEqual(refs | {self.bom["metadata"]["component"]["bom-ref"]}, set(needs))
        self.assertLessEqual(set().union(*needs.values()), refs)
        direct = {r.split("/")[-1].split("@")[0]
                  for r in needs[self.bom["metadata"]["component"]["bom-ref"]]}
        self.assertLessEqual({"libmodbus5", "libsqlite3-0", "libmosquitto1"}, direct)

    def test_a_library_that_is_not_in_the_table(self):
        self.assertIn("libmodbus5 is loaded", self.refused("\nlibmodbus5 ", "\nlibmodbus6 "))

    def test_a_licence_that_does_not_go(self):
        self.assertIn("libuv1: GPL-2.0-only does not go with EUPL-1.2",
                      self.refused("libuv1                MIT", "libuv1 GPL-2.0-only"))

    @unittest.skipUnless(SCHEMAS.is_dir(), "NO PEERS: CycloneDX' schema comes from npm")
    def test_form(self):
        import jsonschema
        files = {name: json.loads((SCHEMAS / (name + ".SNAPSHOT.schema.json")).read_text())
                 for name in ("bom-1.6", "spdx", "jsf-0.82")}
        bom = files["bom-1.6"]
        resolver = jsonschema.RefResolver.from_schema(
            bom, store={
            "http://cyclonedx.org/schema/%s.SNAPSHOT.schema.json" % name: schema
            for name, schema in files.items()})
        check = jsonschema.Draft7Validator(bom, resolver=resolver)
        self.assertEqual([], [e.message for e in check.iter_errors(self.bom)])
        wrong = dict(self.bom, components=[dict(self.bom["components"][0], licenses=[
            {"license": {"id": "No-Such-Licence"}}])])
        self.assertTrue(list(check.iter_errors(wrong)))


PROGRAMS = sys.argv[1:]
del sys.argv[1:]
unittest.main()
